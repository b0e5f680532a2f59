"""How far each channel swings, second by second: the coarsest sign that an electrode is alive."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from saccade.realtime.sampling import samples
from saccade.realtime.types import Chunk, Float32, StreamSpec


class Amplitudes:
    """Takes chunks, and tells every channel's peak-to-peak amplitude after each whole span.

    Parameters
    ----------
    spec : StreamSpec
        The stream.
    every_s : float
        Length of a span in seconds; at least one sample.
    """

    def __init__(self, spec: StreamSpec, every_s: float) -> None:
        self._every = max(1, samples(every_s, spec.sfreq))
        self._n_channels = spec.n_channels
        self._due, self._lowest, self._highest = self._fresh()

    def step(self, chunk: Chunk) -> Iterator[Float32]:
        """Yield the amplitudes of each span that these samples complete, (n_channels,), in µV."""
        start = 0
        while start < len(chunk):
            stop = start + min(self._due, len(chunk) - start)
            self._lowest = np.minimum(self._lowest, chunk.data[start:stop].min(axis=0))
            self._highest = np.maximum(self._highest, chunk.data[start:stop].max(axis=0))
            self._due -= stop - start
            start = stop
            if self._due == 0:
                ptp_uv = self._highest - self._lowest
                self._due, self._lowest, self._highest = self._fresh()
                yield ptp_uv

    def _fresh(self) -> tuple[int, Float32, Float32]:
        """Return the samples that are due, and extremes that any sample exceeds."""
        lowest = np.full(self._n_channels, np.inf, np.float32)
        return self._every, lowest, -lowest
