"""What a session came to, told from its events alone: live, and from a journal years later."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from saccade.calibration.session_events import (
    Answered,
    BlockBegun,
    BlockOver,
    Checked,
    Ending,
    Event,
    FramesDropped,
    Judged,
    Opened,
    QuestionAnswered,
    Reopened,
    TrialDone,
    TrialLost,
)
from saccade.realtime.sinks.tally import kind_of


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A recording.

    Parameters
    ----------
    number : int
        From 1.
    counted : bool
        It takes part in the fit; False of one that was set aside.
    planned, done : int
        Trials that were to be shown in it, and those that are recorded.
    rejected, lost : mapping of str to int
        Why trials may not count, by kind, and why some have to be shown again.
    shown, markers : int or None
        Pictures that were shown, and markers that came; None if it did not end by itself.
    ending : str
        "complete", "stalled", "aborted", "refused"; "crashed" if nothing says how it ended.
    text : str
        The same for a person, where there is more to say.
    questions, targets, hits, false_alarms : int
        Questions asked; sequences that had the target, and those of them in which it was seen;
        sequences without, in which it was seen.
    dropped_frames : int
        Frames that came late.
    """

    number: int
    counted: bool
    planned: int
    done: int = 0
    rejected: Mapping[str, int] = dataclasses.field(default_factory=dict)
    lost: Mapping[str, int] = dataclasses.field(default_factory=dict)
    shown: int | None = None
    markers: int | None = None
    ending: Ending | str = "crashed"
    text: str = ""
    questions: int = 0
    targets: int = 0
    hits: int = 0
    false_alarms: int = 0
    dropped_frames: int = 0


@dataclass(frozen=True, slots=True)
class GateSummary:
    """How a quality gate was passed: the last window, and whether somebody took the risk."""

    good: bool
    risk: bool
    text: str
    bad: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class SessionSummary:
    """A session.

    Parameters
    ----------
    runs : tuple of RunSummary
        Every recording, set aside or not.
    questions, targets, hits, false_alarms, dropped_frames : int
        Of the recordings that count, all together.
    gates : tuple of GateSummary
        Every time that a block was let begin.
    checks : tuple of mapping
        The figures after each block.
    resumed : int
        How often the session was reopened.
    simulated : bool
        The signal was not from a person.
    """

    runs: tuple[RunSummary, ...] = ()
    questions: int = 0
    targets: int = 0
    hits: int = 0
    false_alarms: int = 0
    dropped_frames: int = 0
    gates: tuple[GateSummary, ...] = ()
    checks: tuple[Mapping[str, Any], ...] = ()
    resumed: int = 0
    simulated: bool = False

    def asdict(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return dataclasses.asdict(self)


class Tally:
    """Keeps the counts of a session as its events come.

    Attributes
    ----------
    runs : dict of int to RunSummary
        By number; all as if they counted.
    check : mapping or None
        The latest figures after a block.
    lost : dict of int to str
        Trials that were shown, but not wholly recorded since, and why.
    """

    def __init__(self) -> None:
        self.runs: dict[int, RunSummary] = {}
        self.check: Mapping[str, Any] | None = None
        self._checks: list[Mapping[str, Any]] = []
        self._gates: list[GateSummary] = []
        self._judged: Judged | None = None  # the last window, until a block begins
        self._simulated = False
        self._resumed = 0
        self.lost: dict[int, str] = {}
        self._done: dict[tuple[int, int], tuple[str, ...]] = {}  # run, trial: why it may not count

    def counts(self, counted: Collection[int]) -> dict[str, int]:
        """Return :data:`COUNTS`, by name, of the recordings with these numbers together."""
        return {name: sum(getattr(self.runs[n], name) for n in counted) for name in COUNTS}

    def take(self, event: Event) -> None:
        """Count an event."""
        match event:
            case Opened():
                self._simulated = event.simulated
            case Judged():
                self._judged = event
            case Answered(choice="go"):
                self._passed(risk=True)
            case BlockBegun():
                self._passed(risk=False)
                self.runs[event.run] = RunSummary(event.run, True, len(event.trials))
            case TrialDone():
                run = self.runs[event.run]
                rejected = _with_one_more(run.rejected, *event.rejected[:1])
                self._change(event.run, done=run.done + 1, rejected=rejected)
                self._done[event.run, event.trial] = event.rejected[:1]
                self.lost.pop(event.trial, None)
            case TrialLost():
                self._not_done(event.run, event.trial)
                self.lost[event.trial] = event.why
                lost = _with_one_more(self.runs[event.run].lost, event.why)
                self._change(event.run, lost=lost)
            case BlockOver():
                fields = ("shown", "markers", "ending", "text")
                self._change(event.run, **{name: getattr(event, name) for name in fields})
            case QuestionAnswered():
                yes = event.yes is True
                self._count(event.run, questions=1, targets=event.seen)
                self._count(event.run, hits=event.seen and yes, false_alarms=not event.seen and yes)
            case FramesDropped():
                self._count(event.run, dropped_frames=event.frames)
            case Checked():
                self.check = event.figures
                self._checks.append(event.figures)
            case Reopened():
                self._resumed += 1
                for number, done in event.done.items():
                    self._change(int(number), done=len(done))
                    for trial in done:
                        self.lost.pop(trial, None)

    def summary(self, counted: Collection[int]) -> SessionSummary:
        """Return what it comes to, of the recordings with these numbers."""
        return SessionSummary(
            runs=tuple(
                dataclasses.replace(run, counted=run.number in counted)
                for run in self.runs.values()
            ),
            gates=tuple(self._gates),
            checks=tuple(self._checks),
            resumed=self._resumed,
            simulated=self._simulated,
            **self.counts(counted),
        )

    def _passed(self, *, risk: bool) -> None:
        """Note the last window, if it was good, or if it was not and the risk is taken."""
        judged = self._judged
        if judged is not None and judged.good != risk:
            self._gates.append(GateSummary(judged.good, risk, judged.text, judged.bad))
            self._judged = None

    def _count(self, number: int, **more: int) -> None:
        run = self.runs[number]
        self._change(number, **{name: getattr(run, name) + n for name, n in more.items()})

    def _not_done(self, number: int, trial: int) -> None:
        """Take a trial back that was done, if it was."""
        rejected = self._done.pop((number, trial), None)
        if rejected is not None:
            run = self.runs[number]
            left = collections.Counter(run.rejected) - collections.Counter(map(kind_of, rejected))
            self._change(number, done=run.done - 1, rejected=dict(left))

    def _change(self, number: int, **fields: Any) -> None:
        self.runs[number] = dataclasses.replace(self.runs[number], **fields)


def summarise(events: Iterable[Event], counted: Collection[int]) -> SessionSummary:
    """Return what these events come to.

    Parameters
    ----------
    events : iterable of Event
        All of a session, in order.
    counted : collection of int
        Numbers of the recordings that were not set aside.
    """
    tally = Tally()
    for event in events:
        tally.take(event)
    return tally.summary(counted)


def _with_one_more(counts: Mapping[str, int], *reasons: str) -> dict[str, int]:
    """Return counts with one more of each kind of reason."""
    return dict(collections.Counter(counts) + collections.Counter(map(kind_of, reasons)))


COUNTS = ("questions", "targets", "hits", "false_alarms", "dropped_frames")
"""What is counted of each recording, and told of all that count."""
