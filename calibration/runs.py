"""The recordings of a session as its state has them: which trials each has, and what that says."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from saccade.realtime.errors import SessionError

IN_VAIN = 0.1  # of the trials planned: a recording with fewer was in vain
IN_VAIN_BEFORE_ASKING = 2  # recordings in a row


@dataclass(frozen=True, slots=True)
class Run:
    """A recording of a session.

    Parameters
    ----------
    number : int
        From 1.
    trials : tuple of int
        What was to be shown in it, in order.
    done : frozenset of int
        What is recorded in it.
    counted : bool
        It takes part; False once its trials are to be done again, or none was done.
    """

    number: int
    trials: tuple[int, ...]
    done: frozenset[int] = frozenset()
    counted: bool = True


def in_vain(runs: Sequence[Run]) -> str:
    """Return why to look at the amplifier first: the last recordings have hardly a trial.

    "" if they have.
    """
    last = runs[-IN_VAIN_BEFORE_ASKING:]
    if len(last) < IN_VAIN_BEFORE_ASKING or any(
        len(run.done) >= IN_VAIN * len(run.trials) for run in last
    ):
        return ""
    done, planned = sum(len(run.done) for run in last), sum(len(run.trials) for run in last)
    return (
        f"of the last {len(last)} recordings {done} of {planned} trials are whole: look at the "
        "amplifier and its connection before going on"
    )


def as_in_files(runs: Sequence[Run], files: Mapping[str, tuple[int, ...]]) -> tuple[Run, ...]:
    """Return the recordings with the trials that are in their files, by number.

    Raises
    ------
    SessionError
        If a file has what was not to be shown in it, or what is in another.
    """
    believed = []
    taken: set[int] = set()
    for run in runs:
        if run.counted:
            done, legal = frozenset(files.get(str(run.number), ())), set(run.trials) - taken
            if not done <= legal:
                raise SessionError(
                    f"recording {run.number} has trial {min(done - legal)}, which is in another "
                    f"recording or was not to be shown in it: move {run.number} out of the folder, "
                    "and its trials will be shown again"
                )
            taken |= done
            run = dataclasses.replace(run, done=done)
        believed.append(run)
    return tuple(believed)
