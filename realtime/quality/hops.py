"""Cuts a stream into hops of a fixed length, so that what is measured does not know of chunks.

Hops are counted from the stream's first sample, or from the last tear: a gap that the source
flagged, or a step between time stamps. What is left of a hop before a tear is dropped.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Chunk, Flag, Float32

NO_VOLTAGE_UV = 1e12  # so large is no number either, and squares stay finite
_TORN = np.uint16(Flag.GAP | Flag.CLOCK)
_NOT_MEASURED = np.uint16(Flag.FILLED | Flag.MISSING)


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """A run of samples of the fixed length.

    Parameters
    ----------
    data : array of shape (n_samples, n_channels), float32
        The samples, each value that is no voltage replaced by the channel's last good one.
    usable : array of shape (n_channels,), float64
        Share of each channel's values that were measured and are numbers.
    first : bool
        Nothing comes directly before it.
    last_index : int
        Number of its last sample.
    last_stamp_s : float
        Time stamp of its last sample.
    """

    data: Float32
    usable: NDArray[np.float64]
    first: bool
    last_index: int
    last_stamp_s: float


class Hops:
    """Collects samples until a hop is full.

    Parameters
    ----------
    n_samples, n_channels : int
        Shape of a hop.
    gap_s : float
        Longer steps between time stamps are tears, in seconds.
    """

    def __init__(self, n_samples: int, n_channels: int, gap_s: float) -> None:
        self._gap_s = gap_s
        self._data = np.zeros((n_samples, n_channels), np.float32)
        self._flags = np.zeros(n_samples, np.uint16)
        self._held = np.zeros(n_channels, np.float32)
        self._filled = 0
        self._first = True
        self._last_stamp_s = math.nan

    def step(self, chunk: Chunk) -> Iterator[Hop]:
        """Yield each hop that these samples complete; it is valid until the next."""
        n = len(chunk)
        if n == 0:
            return
        stamps = chunk.stamps
        steps = np.empty(n)
        with np.errstate(invalid="ignore"):  # a stamp that is no number makes no step
            steps[0] = stamps[0] - self._last_stamp_s
            np.subtract(stamps[1:], stamps[:-1], out=steps[1:])
        self._last_stamp_s = float(stamps[-1])
        torn = np.abs(steps) > self._gap_s
        if chunk.flags.any():
            torn |= (chunk.flags & _TORN) != 0
        start = 0
        for tear in np.flatnonzero(torn).tolist() if torn.any() else ():
            yield from self._fill(chunk, start, tear)
            self._filled, self._first = 0, True
            start = tear
        yield from self._fill(chunk, start, n)

    def _fill(self, chunk: Chunk, start: int, stop: int) -> Iterator[Hop]:
        length = len(self._data)
        while start < stop:
            count = min(length - self._filled, stop - start)
            into = slice(self._filled, self._filled + count)
            self._data[into] = chunk.data[start : start + count]
            self._flags[into] = chunk.flags[start : start + count]
            self._filled += count
            start += count
            if self._filled == length:
                stamp_s = float(chunk.stamps[start - 1])
                usable = self._hold()
                yield Hop(self._data, usable, self._first, chunk.index + start - 1, stamp_s)
                self._filled, self._first = 0, False

    def _hold(self) -> NDArray[np.float64]:
        """Replace what is no number; return the share of each channel that was measured."""
        finite = np.abs(self._data) < NO_VOLTAGE_UV  # false for NaN, too
        measured = (self._flags & _NOT_MEASURED) == 0
        share = (finite & measured[:, None]).mean(axis=0)
        if not finite.all():
            rows = np.where(finite, np.arange(1, len(finite) + 1)[:, None], 0)
            source = np.maximum.accumulate(rows, axis=0)
            before = np.concatenate([self._held[None], self._data])
            self._data[:] = np.take_along_axis(before, source, axis=0)
        self._held = self._data[-1].copy()
        return np.asarray(share)
