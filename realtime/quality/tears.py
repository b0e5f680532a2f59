"""Tells samples that are missing from samples that are only late.

A sample may come late, and be stamped so, but never early. So the earliest stamps of every second,
held against the numbers of their samples, say how much of a stream is missing; what the others
have above them is jitter. Wireless amplifiers send in bursts, and stamps made on arrival then step
by a whole burst with not one sample lost.

tear
    What the source flags as one; or a step between two stamps of more than ``gap_s``, forward or
    backward, that leads further from the earliest stamps of the last second than this stream is
    known to be late.
lateness
    A step forward after which, within a second, stamps are back where they would be had nothing
    been lost. From then on, up to twice as late is no tear.
loss
    By how much the earliest stamps of a second have become later within 2 s.

All is counted in samples, so nothing depends on chunks.
"""

from __future__ import annotations

import collections
import math

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Float64

SECOND_HOPS, WINDOW_HOPS = 4, 8
LEAST_PERIODS = 3  # of a slow stream, in which no step is short
BACK = 0.5  # of ``gap_s``: so near to where they were, stamps are back


class Tears:
    """Follows the stamps of a stream.

    Parameters
    ----------
    n_samples : int
        Length of a hop, a quarter of a second.
    sfreq : float
        Rate of the stream in Hz.
    gap_s : float
        Largest step between two stamps that is no tear, in s.
    """

    def __init__(self, n_samples: int, sfreq: float, gap_s: float) -> None:
        self._period_s, self._hop_s = 1 / sfreq, n_samples / sfreq
        self._gap_s = self._patience_s = max(gap_s, LEAST_PERIODS / sfreq)
        self._number = 0
        self._last_stamp_s = math.nan
        # By how much the earliest stamp is later than its number has it: of each hop since the
        # newest tear, and of the hop that is coming in.
        self._earliest: collections.deque[float]
        self._earliest = collections.deque(maxlen=WINDOW_HOPS + SECOND_HOPS)
        self._coming_s = math.inf
        self._before_s = math.nan  # the same before a tear that may be lateness, and how late
        self._late_s = math.nan
        self._hops_since = 0

    def step(self, stamps: Float64, flagged: NDArray[np.bool_]) -> list[int]:
        """Take the next samples; return before which of them the stream is torn.

        Parameters
        ----------
        stamps : array of shape (n_samples,), float64
            In s.
        flagged : array of shape (n_samples,), bool
            Before which samples the source knows of a tear.
        """
        n = len(stamps)
        steps = np.empty(n)
        with np.errstate(invalid="ignore"):  # a stamp that is no number makes no step
            steps[0] = stamps[0] - self._last_stamp_s
            np.subtract(stamps[1:], stamps[:-1], out=steps[1:])
            lags = stamps - np.arange(self._number, self._number + n) * self._period_s
        self._number, self._last_stamp_s = self._number + n, float(stamps[-1])
        lags[~np.isfinite(lags)] = math.inf
        start, torn = 0, []
        for i in np.flatnonzero((np.abs(steps) > self._gap_s) | flagged).tolist():
            self._follow(lags[start:i])
            start = i
            before_s = min(self._coming_s, *list(self._earliest)[-SECOND_HOPS:], math.inf)
            off_s = float(lags[i]) - before_s
            is_back = self._learn(float(lags[i])) and not flagged[i]
            if flagged[i] or (self._patience_s < abs(off_s) < math.inf and not is_back):
                late = off_s > 0 and not flagged[i]
                self._before_s, self._late_s = (before_s, off_s) if late else (math.nan, math.nan)
                self._hops_since, self._coming_s = 0, math.inf
                self._earliest.clear()
                torn.append(i)
        self._follow(lags[start:])
        return torn

    def end_hop(self) -> None:
        """Note that a hop is complete."""
        self._earliest.append(self._coming_s)
        self._coming_s = math.inf
        self._hops_since += 1
        if self._hops_since == SECOND_HOPS:
            self._before_s = math.nan

    @property
    def arrived(self) -> float:
        """Share of the samples of the last 2 s that came, as far as that can be said yet."""
        earliest = [lag_s for lag_s in self._earliest if lag_s < math.inf]
        apart_s = (len(earliest) - SECOND_HOPS) * self._hop_s
        if apart_s <= 0:
            return 1.0
        later_s = min(earliest[-SECOND_HOPS:]) - min(earliest[:SECOND_HOPS])
        return apart_s / (apart_s + max(0.0, later_s))

    def _follow(self, lags: Float64) -> None:
        """Take samples between which nothing is torn."""
        self._coming_s = min(self._coming_s, float(lags.min(initial=math.inf)))
        self._learn(self._coming_s)

    def _learn(self, lag_s: float) -> bool:
        """Return whether stamps are back where they were before a tear, which then was none."""
        is_back = lag_s <= self._before_s + BACK * self._gap_s  # false for NaN
        if is_back:
            self._patience_s = max(self._patience_s, 2 * self._late_s)
            self._before_s = math.nan
        return is_back
