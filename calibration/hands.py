"""What conducts a session gets to work with: who presents, who decides, what fits.

All of it is handed in, so that a session can be held with a screen or without, by a person or
unattended, with an amplifier or in a test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from saccade.calibration.progress import Progress
from saccade.calibration.session_events import Ask, Choice, VerdictWord
from saccade.calibration.session_summary import SessionSummary
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.pipeline import PipelineSettings
from saccade.realtime.protocols import Clock, Monitor, Sink, Source
from saccade.realtime.types import StreamSpec


class Left(Exception):
    """Raised by a fit that is broken off, for the session is to be left."""


class Stimulator(Protocol):
    """Presents pictures, and tells what it does; messages are those of ``docs/stimuli.md``.

    Each method may raise SessionError: whoever presents is gone, or shows nothing any more.
    """

    def start(self) -> Mapping[str, Any]:
        """Get ready; return the message that says so."""
        ...

    def block(
        self, number: int, of: int, sequences: Sequence[Mapping[str, Any]], lead_in_s: float
    ) -> None:
        """Begin to show a block."""
        ...

    def rest(self, seconds: float, title: str, text: str) -> None:
        """Begin a break."""
        ...

    def text(self, title: str, text: str) -> None:
        """Show words until something else is to be shown."""
        ...

    def stop(self) -> None:
        """Break off what is shown, at once."""
        ...

    def poll(self, timeout_s: float) -> Sequence[Mapping[str, Any]]:
        """Return the messages since the last call, waiting for one at most ``timeout_s``.

        Only those about what was ordered last: a block that was broken off has no more to say
        when the next has begun.
        """
        ...

    def close(self) -> None:
        """Take leave; may be called twice."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What was decided; ``number`` of further trials, or of recordings to do again, 0 for all."""

    choice: Choice
    number: int = 0


class Recorder(Sink, Protocol):
    """A sink that keeps what it is given, and knows when it can't any more."""

    def report(self) -> dict[str, Any]:
        """Return what came of it, as :meth:`saccade.realtime.sinks.xdf.XDFSink.report` does."""
        ...


class Operator(Protocol):
    """Watches over a session and decides."""

    def progress(self, progress: Progress) -> None:
        """Take how far it has come; must not wait."""
        ...

    def ask(self, question: Ask) -> Answer:
        """Decide; may wait for a person."""
        ...

    def stopped(self) -> bool:
        """Return whether the session is to be left now."""
        ...


@dataclass(frozen=True, slots=True)
class FitResult:
    """What a fit came to.

    Parameters
    ----------
    verdict : {"go", "more", "redo"}
    why : str
        In a sentence.
    more_trials : int
        How many trials more are worth while, where the verdict is "more".
    figures : mapping
        JSON-ready.
    """

    verdict: VerdictWord
    why: str
    more_trials: int = 0
    figures: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Hands:
    """What a session is held with.

    Parameters
    ----------
    make_source : callable
        Returns a source of signal and markers that is not open yet.
    make_recorder : callable
        Returns what records to a path, as :class:`~saccade.realtime.sinks.xdf.XDFSink` does.
    make_pipeline : callable
        Returns the pipeline for a stream, as it will be calibrated with.
    epochs : EpochSettings
        As they will be calibrated with.
    make_monitor : callable
        Returns what judges channels.
    bads : tuple of str
        Channels that are given up, and so are no hindrance.
    stimulator : Stimulator or None
        None where another program presents.
    operator : Operator
    check : callable
        Returns figures for the recordings so far, after a block.
    fit : callable
        Makes and keeps a decoder of the recordings; may be broken off by raising :class:`Left`.
    clock : callable
        Present time in s, by which a silence of the signal is measured, and latency.
    """

    make_source: Callable[[], Source]
    make_recorder: Callable[[Path], Recorder]
    make_pipeline: Callable[[StreamSpec], PipelineSettings]
    epochs: EpochSettings
    make_monitor: Callable[[], Monitor]
    stimulator: Stimulator | None
    operator: Operator
    check: Callable[[Sequence[Path]], Mapping[str, Any]]
    fit: Callable[[Sequence[Path], SessionSummary], FitResult]
    clock: Clock
    bads: tuple[str, ...] = ()


class AutoOperator:
    """Decides as suggested, for a session that nobody attends.

    Parameters
    ----------
    most_more : int
        How often more trials are granted; then the session ends with the verdict it has.
    most_waits : int
        How often a bad signal is waited for; then the session is left.
    stopped : callable
        Returns whether the session is to be left now.
    progress : callable
        Takes how far it has come.
    """

    def __init__(
        self,
        most_more: int = 2,
        most_waits: int = 2,
        stopped: Callable[[], bool] = lambda: False,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        self._left = {"more": most_more, "wait": most_waits}
        self._stopped = stopped
        self._progress = progress

    def progress(self, progress: Progress) -> None:
        """Pass it on."""
        self._progress(progress)

    def stopped(self) -> bool:
        """Return what was asked."""
        return self._stopped()

    def ask(self, question: Ask) -> Answer:
        """Decide; what is to be done again, nobody can while nobody attends."""
        choice = question.suggested
        if choice in self._left:
            self._left[choice] -= 1
            if self._left[choice] < 0:
                choice = "quit" if choice == "wait" else "go"
        return Answer("go" if choice == "redo" else choice)
