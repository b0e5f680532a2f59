"""Standardises or whitens the channels with figures learned in calibration.

A gap changes nothing: each sample is scaled on its own. In the spec, units become "1".
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.types import Chunk, StreamSpec


@dataclass(frozen=True, slots=True)
class ScaleSettings:
    """Figures of the channels, in the order in which they reach the block.

    Parameters
    ----------
    mean : tuple of float, length n_channels
        Subtracted first, in µV.
    std : tuple of float, length n_channels, or None
        Divided by, in µV; above 0.
    matrix : tuple of tuple of float, n_channels × n_channels, or None
        Whitening matrix, in 1/µV: output = matrix @ (input - mean). Given instead of ``std``.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...] | None = None
    matrix: tuple[tuple[float, ...], ...] | None = None


class Scale:
    """Makes the channels comparable: unit variance, or the identity as covariance."""

    settings: ScaleSettings

    def __init__(self, settings: ScaleSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Lay out the figures for a stream.

        Raises
        ------
        ConfigError
            If not exactly one of ``std`` and ``matrix`` is given, or a figure is not finite or
            a deviation not above 0.
        SignatureMismatch
            If the figures are not those of this number of channels.
        """
        s = self.settings
        if (s.std is None) == (s.matrix is None):
            given = "neither" if s.std is None else "both"
            raise ConfigError(f"scale needs std or matrix, one of the two, but {given} is given")
        n = spec.n_channels
        rows = s.matrix or ()
        sizes = [("mean", len(s.mean))]
        sizes += [("std", len(s.std))] if s.std is not None else [("matrix", len(rows))]
        sizes += [(f"row {i} of matrix", len(row)) for i, row in enumerate(rows)]
        for what, size in sizes:
            if size != n:
                raise SignatureMismatch(
                    f"{what} of scale is for {size} channels, but the stream has {n}: select the "
                    "channels it was learned on"
                )
        self._mean = np.array(s.mean)
        self._std = np.array(s.std if s.std is not None else (1.0,))
        self._transposed = np.ascontiguousarray(np.array(rows or ((1.0,),)).T)
        if not all(np.isfinite(f).all() for f in (self._mean, self._std, self._transposed)):
            raise ConfigError("the figures of scale must be finite, but some are not: calibrate")
        if not (self._std > 0).all():
            channel = spec.ch_names[int(np.argmin(self._std))]
            raise ConfigError(
                f"std of scale must be above 0 µV, but is {self._std.min():g} for {channel}: "
                "leave that channel out"
            )
        return dataclasses.replace(spec, units=("1",) * n)

    def step(self, chunk: Chunk) -> Chunk:
        """Return the scaled samples."""
        centred = chunk.data - self._mean
        if self.settings.matrix is None:
            scaled = centred / self._std
        else:
            # Not a BLAS product: its last bits depend on the number of samples.
            scaled = np.einsum("nc,cd->nd", centred, self._transposed)
        data = scaled.astype(np.float32)
        return Chunk(data, chunk.stamps, chunk.flags, chunk.index, chunk.received_s)

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0
