"""How far a fit has come, in words and seconds, for whoever waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from saccade.realtime.protocols import Clock

NOT_KNOWN = float("nan")


@dataclass(frozen=True, slots=True)
class FitProgress:
    """How far a fit has come.

    Parameters
    ----------
    done, total : float
        Work, in units of a ridge fit to a trial.
    what : str
        What is being done, in words.
    remaining_s : float
        Estimated from what was done so far; NaN before anything was.
    """

    done: float
    total: float
    what: str
    remaining_s: float


class Teller:
    """Counts work and tells of it.

    Parameters
    ----------
    tell : callable or None
        Called with every change, in the thread that fits.
    clock : callable
        Seconds; only for the time that remains.
    """

    def __init__(
        self, tell: Callable[[FitProgress], None] | None = None, clock: Clock = time.monotonic
    ) -> None:
        self._tell = tell
        self._clock = clock
        self._started_s = clock()
        self._done = self._total = 0.0

    def expect(self, work: float) -> None:
        """Take note that so much more is to be done."""
        self._total += work

    def done(self, work: float, what: str) -> None:
        """Tell that some work is done, and what comes now."""
        self._done += work
        if self._tell is None:
            return
        spent_s = self._clock() - self._started_s
        rest = self._total - self._done
        remaining_s = spent_s / self._done * rest if self._done > 0 else NOT_KNOWN
        self._tell(FitProgress(self._done, self._total, what, remaining_s))
