"""Rails and standing still, seen in every sample as it came, before any filter.

A saturated amplifier gives the same largest value again and again; a channel without a signal
gives the same value for ever. Both are seen in counts that add up from hop to hop, so a window is
never gone through twice.
"""

from __future__ import annotations

import collections

import numpy as np

from saccade.realtime.types import Float32, Float64


class Extremes:
    """Follows the largest and smallest values, and how long each channel stands still.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    n_hops : int
        Hops in the window of :attr:`clipped` and :attr:`peak_uv`.

    Attributes
    ----------
    clipped : array of shape (n_channels,), float64
        Share of the window at its very largest or its very smallest value, whichever is more.
    peak_uv : array of shape (n_channels,), float64
        Largest magnitude in the window.
    still : array of shape (n_channels,), float64
        Samples, up to now, since the value last changed.
    """

    def __init__(self, n_channels: int, n_hops: int) -> None:
        self._hops: collections.deque[tuple[int, Float32, Float64, Float32, Float64]]
        self._hops = collections.deque(maxlen=n_hops)
        self._last: Float32 | None = None
        self.still = np.zeros(n_channels)

    def step(self, data: Float32, *, first: bool) -> None:
        """Take a hop of finite values, (n_samples, n_channels)."""
        if first:
            self._hops.clear()
            self._last = None
        largest, smallest = data.max(axis=0), data.min(axis=0)
        at_top = np.count_nonzero(data == largest, axis=0).astype(np.float64)
        at_bottom = np.count_nonzero(data == smallest, axis=0).astype(np.float64)
        self._hops.append((len(data), largest, at_top, smallest, at_bottom))
        self._count_still(data)

    @property
    def clipped(self) -> Float64:
        """Share of the window at an extreme."""
        lengths, tops, at_top, bottoms, at_bottom = map(np.array, zip(*self._hops, strict=True))
        high = (at_top * (tops == tops.max(axis=0))).sum(axis=0)
        low = (at_bottom * (bottoms == bottoms.min(axis=0))).sum(axis=0)
        return np.asarray(np.maximum(high, low) / lengths.sum())

    @property
    def peak_uv(self) -> Float64:
        """Largest magnitude in the window."""
        _, tops, _, bottoms, _ = map(np.array, zip(*self._hops, strict=True))
        return np.asarray(np.maximum(tops.max(axis=0), -bottoms.min(axis=0)), np.float64)

    def _count_still(self, data: Float32) -> None:
        before = data[:1] if self._last is None else self._last
        if self._last is None:
            self.still = np.zeros(data.shape[1])
        changed = np.diff(data, axis=0, prepend=before) != 0
        since = changed[::-1].argmax(axis=0).astype(np.float64)
        self.still = np.where(changed.any(axis=0), since, self.still + len(data))
        self._last = data[-1:].copy()
