"""When everything in a source happened, as seconds since its first sample.

Time stamps alone do not tell: a clock that was set makes them jump, by days if it is set by days.
Playing time goes on there. It is what a player paces by, and what a person means by "30 s into the
recording"; it follows the stamps, jitter and pauses included, and never falls back.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from saccade.realtime.types import Float64, Reading

JITTER_S = 0.5  # a step back of more is a clock that was set
LONGEST_PAUSE_S = 3600.0  # and so is a step forward of more; a marker is of another clock


@dataclass(frozen=True, slots=True, eq=False)
class Timed:
    """A reading, and when each thing in it happened.

    Parameters
    ----------
    reading : Reading
        What the source gave.
    times_s : array of shape (n_samples,), float64
        Playing time of each sample, never falling.
    marker_times_s : tuple of float
        Playing time of each marker; below 0 for one before the first sample.
    """

    reading: Reading
    times_s: Float64
    marker_times_s: tuple[float, ...]


class Timeline:
    """Tells the playing time of a source's readings, each of which it has to see, in order.

    Parameters
    ----------
    origin : float or None
        The stamp of the first sample, which happens at 0 s; None waits for it, and takes that of
        the first marker if one comes before.
    """

    def __init__(self, origin: float | None = None) -> None:
        self._origin = origin
        self._newest_s = 0.0
        self._last_stamp = math.nan
        self._set_back_s = 0.0  # by how much the source's clock has been set back, so far
        self._set_backs = (0.0, 0.0)  # the same at beginning and end of the newest samples

    def timed(self, reading: Reading) -> Timed:
        """Return a reading with its times."""
        stamps = reading.chunk.stamps
        if self._origin is None and (len(stamps) or reading.markers):
            self._origin = float(stamps[0]) if len(stamps) else reading.markers[0].stamp
        times_s = self._times_s(stamps) if len(stamps) else stamps
        markers_s = tuple(self._marker_s(marker.stamp) for marker in reading.markers)
        return Timed(reading, times_s, markers_s)

    def _times_s(self, stamps: Float64) -> Float64:
        steps = np.diff(stamps, prepend=self._last_stamp)  # the first of all is no number
        was_set = (steps < -JITTER_S) | (steps > LONGEST_PAUSE_S)
        set_back_s = self._set_back_s + np.cumsum(np.where(was_set, -steps, 0.0))
        self._set_backs = (self._set_back_s, float(set_back_s[-1]))
        self._set_back_s, self._last_stamp = float(set_back_s[-1]), float(stamps[-1])
        passed_s = stamps + set_back_s - (self._origin or 0.0)
        times_s = np.maximum.accumulate(np.maximum(passed_s, self._newest_s))
        self._newest_s = float(times_s[-1])
        return times_s

    def _marker_s(self, stamp: float) -> float:
        """Return when a marker was: by the clock before or after it was set, as fits.

        One that is farther ahead than any pause is stamped by another clock. Nobody knows when it
        was; it happens now, for what comes after it should not wait for years.
        """
        times_s = [stamp + set_back_s - (self._origin or 0.0) for set_back_s in self._set_backs]
        time_s = min(times_s, key=lambda time_s: abs(time_s - self._newest_s))
        return self._newest_s if time_s > self._newest_s + LONGEST_PAUSE_S else time_s
