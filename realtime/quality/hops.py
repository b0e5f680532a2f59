"""Cuts a stream into hops of a fixed length, so that what is measured does not know of chunks.

Hops are counted from the stream's first sample, or from the last tear
(:mod:`~saccade.realtime.quality.tears`). What is left of a hop before a tear is dropped; but never
twice without a hop between, so that a stream which is torn all the time is reported on, too.

Chunks only wait until there are enough for a hop, so that a stream which comes sample by sample
costs little more than one in large chunks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.quality.tears import Tears
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
    newest : array of shape (n_channels,), float32
        The last sample as it came; NaN where it was not measured.
    usable : array of shape (n_channels,), float64
        Share of each channel's values that were measured and are numbers.
    arrived : float
        Share of the samples of the last 2 s that came at all.
    first : bool
        Nothing comes directly before it.
    last_index : int
        Number of its last sample.
    last_stamp_s : float
        Time stamp of its last sample.
    """

    data: Float32
    newest: Float32
    usable: NDArray[np.float64]
    arrived: float
    first: bool
    last_index: int
    last_stamp_s: float


class Hops:
    """Collects samples until a hop is full.

    Parameters
    ----------
    n_samples, n_channels : int
        Shape of a hop.
    sfreq : float
        Rate of the stream in Hz.
    gap_s : float
        As for :class:`~saccade.realtime.quality.tears.Tears`.
    """

    def __init__(self, n_samples: int, n_channels: int, sfreq: float, gap_s: float) -> None:
        self._data = np.zeros((n_samples, n_channels), np.float32)
        self._flags = np.zeros(n_samples, np.uint16)
        self._stamps = np.zeros(n_samples)
        self._held = np.zeros(n_channels, np.float32)
        self._tears = Tears(n_samples, sfreq, gap_s)
        self._filled = self._looked_at = 0
        self._waiting: list[Chunk] = []
        self._n_waiting = 0
        self._first = True

    def step(self, chunk: Chunk) -> Iterable[Hop]:
        """Return the hops that these samples complete; each is valid until the next."""
        self._waiting.append(chunk)
        self._n_waiting += len(chunk.data)
        if self._filled + self._n_waiting < len(self._data):
            return ()
        joined = _joined(self._waiting)
        self._waiting.clear()
        self._n_waiting = 0
        return self._cut(joined)

    def _cut(self, chunk: Chunk) -> Iterator[Hop]:
        start, length = 0, len(self._data)
        while start < len(chunk):
            count = min(length - self._filled, len(chunk) - start)
            into, part = slice(self._filled, self._filled + count), slice(start, start + count)
            self._data[into] = chunk.data[part]
            self._flags[into] = chunk.flags[part]
            self._stamps[into] = chunk.stamps[part]
            self._filled += count
            start += count
            if self._filled == length:
                self._drop_what_is_torn_off()
            if self._filled == length:
                yield self._complete(chunk.index + start - 1)

    def _drop_what_is_torn_off(self) -> None:
        new = slice(self._looked_at, None)
        torn = self._tears.step(self._stamps[new], (self._flags[new] & _TORN) != 0)
        if torn and not self._first:
            n_before = self._looked_at + torn[0]
            for rows in (self._data, self._flags, self._stamps):
                rows[: len(rows) - n_before] = rows[n_before:].copy()
            self._filled -= n_before
            self._first = True
        self._looked_at = self._filled

    def _complete(self, last_index: int) -> Hop:
        self._tears.end_hop()
        newest = self._data[-1].copy()
        if self._flags[-1] & _NOT_MEASURED:
            newest[:] = np.nan
        first, self._first = self._first, False
        self._filled = self._looked_at = 0
        return Hop(
            self._data,
            newest,
            self._hold(),
            self._tears.arrived,
            first,
            last_index,
            float(self._stamps[-1]),
        )

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


def _joined(chunks: Sequence[Chunk]) -> Chunk:
    """Return consecutive chunks as one; raw stamps are left out."""
    data, stamps, flags = (
        np.concatenate([getattr(chunk, name) for chunk in chunks])
        for name in ("data", "stamps", "flags")
    )
    return Chunk(data, stamps, flags, chunks[0].index, chunks[-1].received_s)
