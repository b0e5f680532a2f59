"""Where trials begin and end, as markers say."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple

from saccade.realtime.marker_value import matcher
from saccade.realtime.types import Marker


class Bound(NamedTuple):
    """A marker that begins or ends a trial; sorted by time, an end before a beginning."""

    stamp_s: float
    begins: bool
    number: int
    truth: str | None


class Bounds:
    """Recognises markers that begin or end a trial, and keeps them until it is their time.

    Parameters
    ----------
    starts, ends : sequence of str
        Marker values, ``*`` for anything.
    """

    def __init__(self, starts: Sequence[str], ends: Sequence[str]) -> None:
        self._starts, self._ends = matcher(starts), matcher(ends)
        self._waiting: list[Bound] = []
        self._n = 0

    def mark(self, marker: Marker) -> None:
        """Take any marker."""
        for pattern, begins in ((self._ends, False), (self._starts, True)):
            found = pattern.fullmatch(marker.value)
            if found:
                self._n += 1
                truth = next((part for part in found.groups() if part), None)
                bisect.insort(self._waiting, Bound(marker.stamp, begins, self._n, truth))

    def next_s(self) -> float:
        """Return the time of the earliest that waits; infinite if there is none."""
        return self._waiting[0].stamp_s if self._waiting else math.inf

    def take(self) -> Bound:
        """Return the earliest, which then waits no more."""
        return self._waiting.pop(0)
