"""What happens in a calibration session, and what is to be done about it: frozen values.

Events go in, actions come out (:mod:`saccade.calibration.session`). Events are what a journal
keeps, so each can be written as an object of JSON and made of one again.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from saccade.realtime import registry
from saccade.realtime.errors import ConfigError, SessionError

Ending = Literal["complete", "stalled", "aborted", "refused"]
"""All shown; the signal failed; a person broke off; what came does not fit the plan."""
VerdictWord = Literal["go", "more", "redo"]
QuestionKind = Literal["gate", "interrupted", "verdict"]
Choice = Literal["wait", "go", "fit", "more", "redo", "quit"]


@dataclass(frozen=True, slots=True)
class Opened:
    """The signal was found, and whoever presents is ready; rates in Hz, 0 where there is none."""

    stream: str
    sfreq: float
    ch_names: tuple[str, ...]
    units: tuple[str, ...]
    simulated: bool
    refresh_hz: float = 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """A window of signal was judged, to say whether a block may begin."""

    good: bool
    text: str
    bad: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BlockBegun:
    """Recording ``run`` was begun, in which these trials are to be shown, in this order."""

    run: int
    trials: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class TrialDone:
    """A trial's marker and whole window are recorded; ``rejected`` says why it may not count."""

    run: int
    trial: int
    concept: str
    onset_s: float
    rejected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialLost:
    """A trial was shown, but is not wholly recorded; it will be shown again."""

    run: int
    trial: int
    why: str


@dataclass(frozen=True, slots=True)
class QuestionAnswered:
    """A question was answered, or not; ``seen`` says what would have been right."""

    run: int
    sequence: int
    target: str
    seen: bool
    yes: bool | None = None
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class FramesDropped:
    """The screen was late by so many frames during a trial (-1: between two)."""

    run: int
    trial: int
    frames: int


@dataclass(frozen=True, slots=True)
class BlockOver:
    """A block has ended; ``shown`` pictures that count, and ``markers`` that came."""

    run: int
    ending: Ending
    shown: int
    markers: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the trials so far are worth, or why nobody can say yet."""

    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rested:
    """The break is over."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A person, or what stands for one, has decided; ``number`` of trials more or runs again."""

    choice: Choice
    number: int = 0


@dataclass(frozen=True, slots=True)
class Fitted:
    """A decoder was fitted and judged."""

    verdict: VerdictWord
    why: str
    more_trials: int
    figures: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Stopped:
    """The session is left for now."""


@dataclass(frozen=True, slots=True)
class Reopened:
    """The session goes on, maybe after a crash; ``done`` are the trials in the files, by run."""

    done: Mapping[str, tuple[int, ...]]


Event: TypeAlias = (
    Opened
    | Judged
    | BlockBegun
    | TrialDone
    | TrialLost
    | QuestionAnswered
    | FramesDropped
    | BlockOver
    | Checked
    | Rested
    | Answered
    | Fitted
    | Stopped
    | Reopened
)
EVENTS: tuple[type[Event], ...] = (
    *(Opened, Judged, BlockBegun, TrialDone, TrialLost, QuestionAnswered, FramesDropped),
    *(BlockOver, Checked, Rested, Answered, Fitted, Stopped, Reopened),
)


def name_of(event: Event | type[Event]) -> str:
    """Return what an event is called in a journal: ``trial_done`` of :class:`TrialDone`."""
    kind = event if isinstance(event, type) else type(event)
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()


BY_NAME = {name_of(kind): kind for kind in EVENTS}


def to_json(event: Event) -> dict[str, Any]:
    """Return an event as an object of JSON, ``at`` being its name."""
    return {"at": name_of(event), **dataclasses.asdict(event)}


def from_json(content: Mapping[str, Any]) -> Event:
    """Return the event that an object of JSON stands for.

    Raises
    ------
    SessionError
        If it stands for none.
    """
    kind = BY_NAME.get(str(content.get("at")))
    if kind is None:
        raise SessionError(
            f"expected one of the events {', '.join(BY_NAME)}, not {content.get('at')!r}"
        )
    values = {key: value for key, value in content.items() if key != "at"}
    try:
        event: Event = registry.build_settings(kind, values, f"the event {name_of(kind)}")
    except ConfigError as error:
        raise SessionError(str(error)) from error
    return event


@dataclass(frozen=True, slots=True)
class Open:
    """Find the signal, and let whoever presents get ready."""


@dataclass(frozen=True, slots=True)
class Judge:
    """Judge windows of signal until told otherwise."""


@dataclass(frozen=True, slots=True)
class StartBlock:
    """Record ``run``, and show these trials; it is block ``block`` of as many as it looks now."""

    run: int
    block: int
    of: int
    trials: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Move recordings out of those that count."""

    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rest:
    """Let the person rest after this block, and say meanwhile what the runs are worth."""

    block: int
    of: int
    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Fit:
    """Fit a decoder on these runs, and judge it."""

    runs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ask:
    """Have it decided how to go on."""

    kind: QuestionKind
    text: str
    choices: tuple[Choice, ...]
    suggested: Choice


@dataclass(frozen=True, slots=True)
class End:
    """Let go of everything."""


Action: TypeAlias = Open | Judge | StartBlock | SetAside | Rest | Fit | Ask | End
