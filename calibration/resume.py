"""Where a session stands that was left, or has crashed: what its journal and its files say.

The journal says which trials each recording was to have, the recording says which of them it has.
Where the two disagree about what is done, the recording is right.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from saccade.calibration.folder import SessionFolder
from saccade.calibration.matching import trials_recorded
from saccade.calibration.plan import Plan
from saccade.calibration.session import Session, replayed
from saccade.calibration.session_events import Event, Opened, Reopened
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import RecordingError, SessionError
from saccade.realtime.pipeline import PipelineSettings
from saccade.realtime.types import StreamSpec

logger = logging.getLogger(__name__)


def left_at(folder: SessionFolder, plan: Plan) -> Session:
    """Return the session as its journal has it.

    Raises
    ------
    SessionError
        If it is over, or the journal contradicts itself or the plan.
    """
    session = replayed(plan, folder.events)
    if session.phase == "over":
        raise SessionError(
            f"the session in {folder.path} is over: begin another, or make its decoder again with "
            f"saccade calibrate --session {folder.path}"
        )
    return session


def require_same_stream(events: Iterable[Event], now: Opened) -> None:
    """Refuse a stream that is not like the one that the session was begun with.

    Raises
    ------
    SessionError
        Naming what differs first.
    """
    for before in events:
        for what in ("sfreq", "ch_names", "units", "simulated"):
            then, came = getattr(before, what, None), getattr(now, what)
            if isinstance(before, Opened) and then != came:
                raise SessionError(
                    f"the session was begun with a stream whose {what} is {_told(then, came)}, but "
                    f"'{now.stream}' has {_told(came, then)}: connect the same amplifier and cap, "
                    "or begin another session"
                )


def _told(value: Any, other: Any) -> str:
    """Return a value; of channels, how many they are, or the first that differs."""
    if not isinstance(value, tuple):
        return str(value)
    if len(value) != len(other):
        return f"of {len(value)} channels"
    place = next(i for i, (one, two) in enumerate(zip(value, other, strict=True)) if one != two)
    return f"'{value[place]}' at channel {place + 1}"


def reopened(
    folder: SessionFolder,
    session: Session,
    make_pipeline: Callable[[StreamSpec], PipelineSettings],
    epochs: EpochSettings,
) -> Reopened:
    """Return which trials are recorded, by the files themselves.

    A recording that is missing has none, and one that can't be read has none that can be used.

    Parameters
    ----------
    folder : SessionFolder
        With the files.
    session : Session
        As from :func:`left_at`.
    make_pipeline, epochs
        As live.

    Raises
    ------
    SessionError
        If a file has other trials than were planned.
    """
    return Reopened(
        {
            str(run.number): recorded_in(
                folder.run_path(run.number),
                session.plan,
                run.number,
                run.trials,
                make_pipeline,
                epochs,
            )
            for run in session.counted
        }
    )


def recorded_in(
    path: Path,
    plan: Plan,
    run: int,
    trials: Sequence[int],
    make_pipeline: Callable[[StreamSpec], PipelineSettings],
    epochs: EpochSettings,
) -> tuple[int, ...]:
    """Return which trials a recording has; none if it is missing, or can't be read.

    The parameters are those of :func:`~saccade.calibration.matching.trials_recorded`.

    Raises
    ------
    SessionError
        If it has other trials than were planned.
    """
    if not path.exists():
        return ()
    try:
        return trials_recorded(path, plan, run, trials, make_pipeline, epochs)
    except RecordingError as error:
        logger.warning("nothing of %s can be used: %s", path, error)
        return ()
