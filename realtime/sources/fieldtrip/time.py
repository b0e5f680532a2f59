"""Time stamps for samples that have a number, but no time.

A FieldTrip buffer counts its samples and says nothing of when they were taken. What is known is
that when it says it has n, sample n - 1 has just come. So sample k is put on the straight line

    stamp(k) = offset + k / sfreq

at the rate that the header states, and the offset follows the arrivals slowly: each that was
waited for pulls the line towards itself, by no more than ``SLEW`` of the time that has passed. A
line moved by the sign of its error settles at the arrivals' median, so that what comes late once
does not bend it; and stamps always go forward. Sampling itself was earlier by what the amplifier
and the network take, which nobody can see from here.

Exact are: the order, the distance of samples (to ``SLEW``), and which sample a marker stands at.
"""

from __future__ import annotations

import bisect
import collections
import math

import numpy as np

from saccade.realtime.types import Float64

SLEW = 5e-4  # ten times what two crystals differ by
SETTLE_S, SETTLE_SLEW = 5.0, 1e-2  # the first arrival may have been an unlucky one
REMEMBERED_S = 60.0  # for which a stamp once given is known


class CounterClock:
    """The line through the arrivals, and the stamps given so far.

    Parameters
    ----------
    sfreq : float
        Stated rate in Hz, above 0.
    """

    def __init__(self, sfreq: float) -> None:
        self._sfreq = sfreq
        self._given: collections.deque[tuple[int, Float64]] = collections.deque()
        self._offset_s = math.nan
        self._error_s = 0.0  # how much later than the line the last arrival was
        self._start = 0

    @property
    def is_laid(self) -> bool:
        """Whether there is a line."""
        return not math.isnan(self._offset_s)

    def lay(self, n_samples: int, start: int, now_s: float) -> None:
        """Lay a new line from sample ``start`` on: of ``n_samples``, the newest came now."""
        self._offset_s = now_s - (n_samples - 1) / self._sfreq
        self._error_s = 0.0
        self._start = start

    def late_s(self, n_samples: int, now_s: float) -> float:
        """Return by how much the newest of so many samples comes later than the line has it."""
        return now_s - (self._offset_s + (n_samples - 1) / self._sfreq)

    def arrived(self, n_samples: int, now_s: float) -> None:
        """Take note of an arrival that was waited for."""
        self._error_s = self.late_s(n_samples, now_s)

    def stamps(self, start: int, stop: int) -> Float64:
        """Return the stamps of the next samples, in seconds, and move the line a little."""
        numbers = np.arange(start, stop)
        settling = start - self._start < SETTLE_S * self._sfreq
        most_s = (SETTLE_SLEW if settling else SLEW) * len(numbers) / self._sfreq
        move_s = float(np.clip(self._error_s, -most_s, most_s))
        stamps = self._offset_s + numbers / self._sfreq
        stamps += move_s * (numbers - start + 1) / len(numbers)
        self._offset_s += move_s
        self._error_s -= move_s
        self._given.append((start, stamps))
        while stop - self._given[0][0] > REMEMBERED_S * self._sfreq + len(self._given[0][1]):
            self._given.popleft()
        return stamps

    def stamp_of(self, number: int) -> float:
        """Return a sample's stamp: the one it was given, or else its place on the line."""
        place = bisect.bisect_right(self._given, number, key=lambda run: run[0]) - 1
        if place >= 0:
            start, stamps = self._given[place]
            if number - start < len(stamps):
                return float(stamps[number - start])
        return self._offset_s + number / self._sfreq
