"""Bridges a gap too short to be worth restarting every filter for.

A gap is filled if it is at most ``fill_s`` long, misses whole periods to within a quarter of one,
and lies between two samples against which nothing else is known; each channel then goes straight
from the one to the other. In a pipeline, as many must be missing by the regression line of the
stamps, and these must jitter little: a late stamp would miss whole periods every second time. What
is filled in carries ``Flag.FILLED``, and the sample after it loses its ``Flag.GAP``. Of a gap
behind a clock that was set nobody knows: there the filters start afresh.

This stands behind the guard, so that both samples are measurements: a straight line from NaN, or
from a rail, leads nowhere. The stream comes out longer than it went in and is counted anew; the
spec is unchanged.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, Flag, StreamSpec

WHOLE_PERIODS = 0.25  # how far a gap may be from a whole number of periods
_GAP, _FILLED = np.uint16(Flag.GAP), np.uint16(Flag.FILLED)
_UNSURE = np.uint16(Flag.NONFINITE | Flag.CLIPPED)

Sample = tuple[Any, Any, Any]
"""Values, stamp and flags of one sample, or of several."""


@dataclass(frozen=True, slots=True)
class FillSettings:
    """Which gaps are filled.

    Parameters
    ----------
    fill_s : float
        Longest run of missing samples that is filled, in seconds, at least 0; 0 fills none.
    """

    fill_s: float = 0.02


class Fill:
    """Puts straight lines over short gaps.

    Attributes
    ----------
    filled : int
        Samples put in so far.
    """

    settings: FillSettings
    """Longest gap that is filled.

    ``missing``, if given, has how many samples are missing before the present chunk's, by number
    (:class:`~saccade.realtime.timing.continuity.Continuity`).
    """

    def __init__(self, settings: FillSettings, missing: Mapping[int, int] | None = None) -> None:
        self.settings = settings
        self._missing = missing

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Prepare for a stream, which stays as it is.

        Raises
        ------
        ConfigError
            If ``fill_s`` is below 0 or no number.
        """
        fill_s = self.settings.fill_s
        if not (math.isfinite(fill_s) and fill_s >= 0):
            raise ConfigError(f"fill_s must be at least 0 s, not {fill_s}: 0 fills no gap")
        self._sfreq = spec.sfreq
        self._most = math.floor(fill_s * spec.sfreq + 1e-6)  # 0.29 s at 100 Hz are 28.999…
        self._last: Sample | None = None
        self.filled = 0
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples, those filled in among them."""
        index = chunk.index + self.filled
        if len(chunk) == 0:
            return Chunk(chunk.data, chunk.stamps, chunk.flags, index, chunk.received_s)
        gaps = np.flatnonzero(chunk.flags == _GAP).tolist() if chunk.flags.any() else []
        samples = chunk.data, chunk.stamps, chunk.flags.copy() if gaps else chunk.flags
        pieces, done = [], 0
        for at in gaps:
            before = tuple(array[at - 1] for array in samples) if at else self._last
            told = None if self._missing is None else self._missing.get(chunk.index + at, 0)
            line = self._line(before, tuple(array[at] for array in samples), told)
            if line is not None:
                samples[2][at] = 0
                pieces += [tuple(array[done:at] for array in samples), line]
                done = at
                self.filled += len(line[1])
        self._last = tuple(array[-1] for array in samples)
        if not pieces:
            return Chunk(*samples, index, chunk.received_s)
        pieces.append(tuple(array[done:] for array in samples))
        data, stamps, flags = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        return Chunk(data, stamps, flags, index, chunk.received_s)

    def _line(self, before: Sample | None, after: Sample, told: int | None) -> Sample | None:
        """Return what goes between two samples, None if nothing does."""
        if before is None or before[2] & _UNSURE:
            return None
        periods = (after[1] - before[1]) * self._sfreq
        n = round(periods) - 1
        if not 1 <= n <= self._most or abs(periods - (n + 1)) > WHOLE_PERIODS:
            return None
        if told is not None and n != told:
            return None
        part = np.arange(1, n + 1) / (n + 1)
        first, last = before[0].astype(np.float64), after[0].astype(np.float64)
        return (
            (first + part[:, None] * (last - first)).astype(np.float32),
            before[1] + part * (after[1] - before[1]),
            np.full(n, _FILLED),
        )

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0
