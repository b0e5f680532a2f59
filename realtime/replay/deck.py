"""What was read of a source and is to be sent next: samples in blocks, markers among them."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass

import numpy as np

from saccade.realtime.replay.timeline import Timed
from saccade.realtime.types import Float32, Float64, Marker


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Samples: values, their own time stamps, and their playing times."""

    data: Float32
    stamps: Float64
    times_s: Float64


class Deck:
    """Holds a reading's samples, and all markers whose time has not come.

    A marker leaves at its playing time, whenever it came; before samples of the same time.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._block: Block | None = None
        self._markers: list[tuple[float, int, Marker]] = []  # a heap: when, then as they came
        self._n_markers = 0

    @property
    def wants_samples(self) -> bool:
        """Whether there is room for a reading."""
        return self._block is None

    def add(self, timed: Timed) -> None:
        """Take a reading; only when there is room for it."""
        chunk = timed.reading.chunk
        if len(chunk):
            self._block = Block(chunk.data, chunk.stamps, timed.times_s)
        for at_s, marker in zip(timed.marker_times_s, timed.reading.markers, strict=True):
            heapq.heappush(self._markers, (at_s, self._n_markers, marker))
            self._n_markers += 1

    def first(self, lead_s: float) -> tuple[float, float] | None:
        """Return playing time and stamp of the first thing, None if there is nothing.

        That is a marker only if it is at most ``lead_s`` before the samples, or there are none.
        """
        items = [(at_s, marker.stamp) for at_s, _, marker in self._markers]
        if self._block is not None:
            first_s = float(self._block.times_s[0])
            items = [item for item in items if item[0] >= first_s - lead_s]
            items.append((first_s, float(self._block.stamps[0])))
        return min(items, default=None)

    def next_s(self, span_s: float) -> float:
        """Return when the next thing leaves; infinity if there is none.

        Samples within ``span_s`` of playing time leave together, with the last of them.
        """
        block_s = math.inf
        if self._block is not None:
            block_s = float(self._block.times_s[self._rows(self._block, span_s) - 1])
        return min(block_s, self._markers[0][0] if self._markers else math.inf)

    def take(self, span_s: float) -> Block | Marker:
        """Return what leaves at :meth:`next_s`, and hold it no more."""
        block = self._block
        if block is None or (self._markers and self._markers[0][0] <= self.next_s(span_s)):
            return heapq.heappop(self._markers)[2]
        rows = self._rows(block, span_s)
        left = Block(block.data[rows:], block.stamps[rows:], block.times_s[rows:])
        self._block = left if len(left.data) else None
        return Block(block.data[:rows], block.stamps[:rows], block.times_s[:rows])

    @staticmethod
    def _rows(block: Block, span_s: float) -> int:
        return int(np.searchsorted(block.times_s, block.times_s[0] + span_s))
