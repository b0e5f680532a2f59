"""Holds a calibration session: does what the state machine asks for, and tells it what happens.

Concurrent activities: one loop, in the caller's thread, :meth:`Conductor.run`. It waits for the
signal (``source.read``, a twentieth of a second at most), for a message of whoever presents while
the person rests, for an operator who is asked, and for the disk, which takes each event before
the next one happens. Checking and fitting compute in this thread, too: then nothing is recorded,
and the person rests. Beside it there are the threads of liblsl, the recorder's own, and the
process that presents; each goes on whatever the others do, and what is recorded is recorded.

An event is first tried on the state, then written to the journal, and only then is anything done
about it. A crash between any two lines of this file leaves a folder that can be resumed: what was
done is told by the recordings, so the journal may lack a turn of the loop.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from saccade.calibration.block import STEP_S, Block
from saccade.calibration.durations import check_durations
from saccade.calibration.folder import SessionFolder
from saccade.calibration.gate import GateSettings
from saccade.calibration.hands import FitResult, Hands, Left
from saccade.calibration.matching import HOLE_S
from saccade.calibration.plan import Plan
from saccade.calibration.progress import progress_of
from saccade.calibration.resume import left_at, reopened, require_same_stream
from saccade.calibration.session import Session
from saccade.calibration.session_events import (
    Action,
    Answered,
    Ask,
    BlockBegun,
    BlockOver,
    Checked,
    End,
    Event,
    Fit,
    Fitted,
    Judge,
    Open,
    Opened,
    Rest,
    Rested,
    SetAside,
    StartBlock,
    Stopped,
)
from saccade.calibration.session_summary import SessionSummary, Tally
from saccade.calibration.watching import windows
from saccade.realtime.errors import SaccadeError, SessionError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.types import StreamSpec

TELL_EVERY_S = 0.25  # of the clock
LEFT = "the session was left; it can be resumed"
LEFT_AT_THE_SCREEN = "the session was left at the screen; it can be resumed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a session ended.

    Parameters
    ----------
    finished : bool
        False if it was left before its end, and can be resumed.
    result : FitResult or None
        The latest fit of this time, if there was one.
    summary : SessionSummary
        What the session came to.
    text : str
        The last thing there was to say.
    """

    finished: bool
    result: FitResult | None
    summary: SessionSummary
    text: str


class Conductor:
    """Holds a session, new or resumed.

    Parameters
    ----------
    folder : SessionFolder
        Where it is kept.
    plan : Plan
        As the session began with it.
    hands : Hands
        What to do it with.
    gate : GateSettings
        When signal is good enough to begin with.

    Raises
    ------
    SessionError
        If the session is over, or its journal does not belong to the plan.
    """

    def __init__(
        self, folder: SessionFolder, plan: Plan, hands: Hands, gate: GateSettings | None = None
    ) -> None:
        self.session: Session = left_at(folder, plan)
        self._folder = folder
        self._hands = hands
        self._gate = gate or GateSettings()
        self._tally = Tally()
        for event in folder.events:
            self._tally.take(event)
        self._actions: collections.deque[Action] = collections.deque()
        self._unwritten: list[Event] = []
        self._block: Block | None = None
        self._spec: StreamSpec | None = None
        self._told_s, self._told_phase = -math.inf, ""
        self._text = ""
        self._bad: dict[str, str] = {}
        self._result: FitResult | None = None

    def run(self) -> Outcome:
        """Hold the session until it is over, or left.

        Raises
        ------
        SaccadeError
            If the stream can't be used, or whoever presents is gone. The session can be resumed.
        """
        try:
            self._begin()
            while self._actions:
                action = self._actions.popleft()
                for event in self._perform(action):
                    if event is not None:
                        self._note(event)
                    else:
                        self._write()
                    self._tell()
                self._write()
        except SaccadeError:
            self._write()
            raise
        finally:
            if self._hands.stimulator is not None:
                self._hands.stimulator.close()
        summary = self._tally.summary(self.session.numbers)
        return Outcome(self.session.phase == "over", self._result, summary, self._text)

    def _begin(self) -> None:
        if not self._folder.events:
            _, actions = self.session.begin()
            self._actions.extend(actions)
            return
        for run in self.session.runs:
            if not run.counted:  # the crash may have come before it was moved
                self._folder.set_aside(run.number)
        make_pipeline = self._pipeline_settings
        self._note(reopened(self._folder, self.session, make_pipeline, self._hands.epochs))
        self._write()

    def _note(self, event: Event) -> None:
        """Let an event happen to the state; what is to be done about it waits until it is written.

        Nothing is done before the end of the present action, or of this turn of its loop.
        """
        self.session, actions = self.session.step(event)
        self._unwritten.append(event)
        self._tally.take(event)
        self._actions.extend(actions)

    def _write(self) -> None:
        """Have what has happened in the journal; what comes in one turn, with one wait."""
        events, self._unwritten = self._unwritten, []
        if events:
            self._folder.append(events)

    def _tell(self) -> None:
        """Show the operator how far it is, now and then."""
        now_s = self._hands.clock()
        if now_s - self._told_s < TELL_EVERY_S and self.session.phase == self._told_phase:
            return
        self._told_s, self._told_phase = now_s, self.session.phase
        block = self._block
        self._hands.operator.progress(
            progress_of(
                self.session,
                self._tally,
                shown=block.shown if block else 0,
                markers=block.markers if block else 0,
                bad=block.bad if block else self._bad,
                text=self._text,
            )
        )

    def _perform(self, action: Action) -> Iterator[Event | None]:
        """Do what is asked for; yield what happens, and None where it is time to look around."""
        if self._hands.operator.stopped() and not isinstance(action, End | SetAside):
            self._actions.clear()
            self._text = LEFT
            yield Stopped()
            return
        match action:
            case Open():
                yield self._open()
            case Judge():
                yield from self._judge()
            case StartBlock():
                yield from self._show_block(action)
            case SetAside():
                for run in action.runs:
                    self._folder.set_aside(run)
            case Rest():
                yield from self._rest(action)
            case Fit():
                yield self._fit(action)
            case Ask():
                yield self._ask(action)
            case End():
                pass  # whoever presents is let go by run()

    def _open(self) -> Opened:
        stimulator, refresh_hz = self._hands.stimulator, 0.0
        if stimulator is not None:
            refresh_hz = stimulator.start()["refresh_hz"]
            check_durations(self.session.plan.protocol, refresh_hz)
        source = self._hands.make_source()
        try:
            spec = source.open()
        finally:
            source.close()
        self._pipeline_settings(spec)  # before anybody sits down, for it may not fit
        opened = Opened(
            spec.name,
            spec.sfreq,
            spec.ch_names,
            spec.units,
            spec.simulated,
            refresh_hz,
        )
        require_same_stream(self._folder.events, opened)
        self._spec = spec
        return opened

    def _pipeline_settings(self, spec: StreamSpec) -> PipelineSettings:
        """Return the pipeline by which trials are judged recorded; see :data:`HOLE_S`."""
        settings = self._hands.make_pipeline(spec)
        return dataclasses.replace(settings, gap_s=max(settings.gap_s or 0.0, HOLE_S))

    def _judge(self) -> Iterator[Event | None]:
        """Judge windows for as long as the gate is shut."""
        self._say("One moment", "The signal is being looked at.")
        with contextlib.closing(windows(self._hands, self._gate, self._used)) as judged:
            while not self._left(self._told(0.0)):
                window = next(judged)
                if window is not None:
                    self._text, self._bad = window.text, dict(window.bad)
                yield window
                if self.session.phase != "gate":
                    return
        yield Stopped()

    def _used(self, spec: StreamSpec) -> set[str]:
        """Return the channels that will be decoded from, without those given up."""
        working = Pipeline(self._pipeline_settings(spec)).reset(spec)
        given_up = {name.casefold() for name in self._hands.bads}
        return {name for name in working.ch_names if name.casefold() not in given_up}

    def _show_block(self, order: StartBlock) -> Iterator[Event | None]:
        self._text = ""
        yield BlockBegun(order.run, order.trials)
        yield None  # written, before there is a file
        path = self._folder.run_path(order.run)
        spec = self._spec
        if spec is None:
            raise SessionError("a block can begin only once the signal was found: resume")
        pipeline = self._pipeline_settings(spec)
        self._block = Block(order, self.session.plan, self._hands, pipeline, path)
        try:
            for event in self._block.events():
                if isinstance(event, BlockOver):
                    self._text = event.text
                yield event
        finally:
            self._bad = dict(self._block.bad)
            self._block = None

    def _rest(self, action: Rest) -> Iterator[Event | None]:
        """Let the person rest, and meanwhile look at what was recorded."""
        stimulator, rest_s = self._hands.stimulator, self.session.plan.protocol.rest_s
        if stimulator is not None:
            title = f"Block {action.block} of {action.of} is done"
            stimulator.rest(rest_s, title, "Rest your eyes; blink and move as you like.")
        try:
            figures = self._hands.check(self._files(action.runs))
        except SaccadeError as error:
            figures = {"problem": str(error)}
        yield Checked(figures)
        while stimulator is not None:
            told = self._told(STEP_S)
            if self._left(told):
                yield Stopped()
                return
            if "rest_over" in told:
                break
            yield None
        yield Rested()

    def _fit(self, action: Fit) -> Fitted | Stopped:
        self._say("Thank you", "That is all for now. What was recorded is being looked at.")
        self._tell()
        summary = self._tally.summary(self.session.numbers)
        try:
            result = self._hands.fit(self._files(action.runs), summary)
        except SaccadeError as error:  # of data that make no decoder: a verdict like any other
            result = FitResult("redo", str(error))
        except Left:
            self._actions.clear()
            self._text = LEFT
            return Stopped()
        self._result, self._text = result, result.why
        return Fitted(result.verdict, result.why, result.more_trials, dict(result.figures or {}))

    def _ask(self, action: Ask) -> Answered:
        """Ask until the answer can be done."""
        self._text = action.text
        while True:
            answered = self._answered(action)
            try:
                self.session.step(answered)
            except SessionError as error:
                action = dataclasses.replace(action, text=str(error))
            else:
                return answered

    def _answered(self, action: Ask) -> Answered:
        answer = self._hands.operator.ask(action)
        number = answer.number
        if answer.choice == "more" and number == 0:
            suggested = self.session.fitted.more_trials if self.session.fitted else 0
            number = suggested or self.session.plan.protocol.trials_per_block
        return Answered(answer.choice, number)

    def _told(self, timeout_s: float) -> set[str]:
        """Return of what whoever presents has told, outside of a block."""
        stimulator = self._hands.stimulator
        return set() if stimulator is None else {m["at"] for m in stimulator.poll(timeout_s)}

    def _left(self, told: Collection[str] = ()) -> bool:
        """Return whether the session is to be left, and keep why."""
        if self._hands.operator.stopped():
            self._text = LEFT
        elif "aborted" in told:
            self._text = LEFT_AT_THE_SCREEN
        else:
            return False
        return True

    def _files(self, runs: Sequence[int]) -> list[Path]:
        return [self._folder.run_path(run) for run in runs]

    def _say(self, title: str, text: str) -> None:
        if self._hands.stimulator is not None:
            self._hands.stimulator.text(title, text)
