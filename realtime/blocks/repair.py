"""Bad channels are told from their neighbours, by spherical splines.

Which ones is known beforehand (``bads``), or found while the signal goes by (``auto``, with the
rules of :mod:`~saccade.realtime.blocks.bad_channels`); both may be given. The block belongs after
the filters, which take away what would spoil the judgement, and before an average reference,
which would spread a bad channel over all the others.

A new verdict holds from the sample after the window it was made from. The change is faded in over
a quarter of a second, so that it makes no step for a filter to ring at; nothing is flagged. What
the bad channel did before it was found, for 3.5 or 6.5 s at least, has passed: the limits of the
epochs are there for it. More than a quarter of bad channels is too much to interpolate: such
``bads`` are refused, and such a verdict changes nothing, but is counted.

The matrix is computed when the set changes, and only the rows of bad channels are computed anew.
EEG channels without a place in the 10-05 system are neither judged nor repaired nor used. A gap
keeps the verdict and starts the window afresh; the spec is unchanged.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.blocks.bad_channels import BadChannels, Limits
from saccade.realtime.blocks.units import EEG_TYPES
from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.quality.splines import directions, weights
from saccade.realtime.sampling import samples
from saccade.realtime.types import Chunk, Float32, Float64, StreamSpec

MOST_BAD = 0.25  # of the channels
LEAST_GOOD = 4  # channels that a bad one is told from
LEAST_JUDGED = 8  # channels, of which a loud or lonely one can be told
FADE_S = 0.25  # shorter than a hop, so that one change is over when the next comes


@dataclass(frozen=True, slots=True)
class RepairSettings:
    """Which channels are repaired.

    Parameters
    ----------
    bads : tuple of str
        Channels that are bad from the beginning to the end.
    auto : bool
        Judge the others, and repair those that are bad while they are.
    flat_uv, loud_z, lonely_r : float
        Limits of that judgement, see :mod:`~saccade.realtime.blocks.bad_channels`.
    """

    bads: tuple[str, ...] = ()
    auto: bool = False
    flat_uv: float = 1.0
    loud_z: float = 5.0
    lonely_r: float = 0.4


@dataclass(frozen=True, slots=True)
class _Repair:
    """How a set of bad channels is told from the good ones: columns of both, and the weights."""

    bad: NDArray[np.intp]
    good: NDArray[np.intp]
    weights: Float64  # (n_bad, n_good)

    def __call__(self, data: Float32) -> Float32:
        """Return the samples with the bad channels' values replaced."""
        if not len(self.bad):
            return data
        # Not a BLAS product: its last bits depend on the number of samples.
        told = np.einsum("nc,dc->nd", data.take(self.good, axis=1).astype(np.float64), self.weights)
        repaired = data.copy()
        repaired[:, self.bad] = told
        return repaired


class Repair:
    """Replaces bad EEG channels by what the others say of their place."""

    settings: RepairSettings

    def __init__(self, settings: RepairSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Find the channels and their places; compute the first matrix.

        Raises
        ------
        ConfigError
            If there is nothing to do, a limit is out of range, a bad channel has no place in the
            10-05 system, or too many are bad for those that are left.
        SignatureMismatch
            If the stream lacks a bad channel.
        """
        s = self.settings
        limits = Limits(s.flat_uv, s.loud_z, s.lonely_r)
        if not s.bads and not s.auto:
            raise ConfigError("repair needs bads, auto or both, but has neither: leave it out")
        missing = [name for name in s.bads if name not in spec.ch_names]
        if missing:
            raise SignatureMismatch(
                f"stream {spec.name!r} lacks bad channels that are named: {', '.join(missing)}; "
                f"it has {', '.join(spec.ch_names)}"
            )
        everywhere = directions(spec.ch_names)
        known = np.isfinite(everywhere).all(axis=1) & np.isin(spec.ch_types, list(EEG_TYPES))
        self._columns = np.flatnonzero(known)
        self._places = everywhere[self._columns]
        self._names = tuple(spec.ch_names[column] for column in self._columns)
        lost = [name for name in s.bads if name not in self._names]
        if lost:
            raise ConfigError(
                f"only EEG channels of the 10-05 system can be repaired, which {', '.join(lost)} "
                "is not: leave it out of bads, and out of the channels"
            )
        fixed = np.array([name in s.bads for name in self._names], bool)
        if not self._reparable(fixed):
            raise ConfigError(
                f"at most a quarter of the channels can be repaired, and from {LEAST_GOOD} others "
                f"at least, but {fixed.sum()} of {len(fixed)} with a known place are bad: leave "
                "some out of the channels instead"
            )
        if s.auto and len(fixed) < LEAST_JUDGED:
            raise ConfigError(
                f"repair finds bad channels among at least {LEAST_JUDGED} with a known place, not "
                f"{len(fixed)}: name them in bads, or leave repair out"
            )
        self._fixed, self._bad = fixed, fixed
        self._repair = self._before = self._repair_of(fixed)
        self._judge = BadChannels(limits, spec.sfreq, len(fixed)) if s.auto else None
        n_fade = max(1, samples(FADE_S, spec.sfreq))
        self._fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(1, n_fade + 1) / (n_fade + 1))
        self._faded = n_fade  # samples since the last change; all of them: it is over
        self._sfreq = spec.sfreq
        self._n_repaired = np.zeros(len(fixed), np.int64)
        self._n_left = self._n_changes = 0
        self._too_many = False
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples with bad channels replaced."""
        if len(chunk) == 0:
            return chunk
        changes = []
        if self._judge is not None:
            judged = np.ascontiguousarray(chunk.data[:, self._columns])
            changes = self._judge.step(judged, chunk.flags)
        parts = []
        edges = [0, *(at for at, _ in changes), len(chunk)]
        for (start, stop), change in itertools.zip_longest(itertools.pairwise(edges), changes):
            parts.append(self._repaired(chunk.data[start:stop]))
            if change is not None:
                self._change(change[1] | self._fixed)
        data = parts[0] if len(parts) == 1 else np.concatenate(parts)
        if data is chunk.data:
            return chunk
        return Chunk(data, chunk.stamps, chunk.flags, chunk.index, chunk.received_s)

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0

    def report(self) -> dict[str, Any]:
        """Return what was repaired so far, ready for JSON.

        Returns
        -------
        dict
            ``repaired_s``: for how many seconds of signal each channel that was; ``now``: those
            that are; ``changes`` of the set; ``too_many_s``: for how long too many were bad.
        """
        seconds = (self._n_repaired / self._sfreq).round(3).tolist()
        return {
            "repaired_s": {n: s for n, s in zip(self._names, seconds, strict=True) if s},
            "now": [name for name, bad in zip(self._names, self._bad, strict=True) if bad],
            "changes": self._n_changes,
            "too_many_s": round(self._n_left / self._sfreq, 3),
        }

    def _reparable(self, bad: NDArray[np.bool_]) -> bool:
        n_bad, n = int(bad.sum()), len(bad)
        return n_bad <= MOST_BAD * n and (n - n_bad >= LEAST_GOOD)

    def _change(self, bad: NDArray[np.bool_]) -> None:
        """Repair another set from here on, if it can be repaired."""
        self._too_many = not self._reparable(bad)
        if self._too_many or np.array_equal(bad, self._bad):
            return
        self._before, self._repair = self._repair, self._repair_of(bad)
        self._bad = bad
        self._faded = 0
        self._n_changes += 1

    def _repair_of(self, bad: NDArray[np.bool_]) -> _Repair:
        told = weights(self._places[~bad], self._places[bad])
        return _Repair(self._columns[bad], self._columns[~bad], told)

    def _repaired(self, data: Float32) -> Float32:
        """Return samples of one set, the first of them faded over from the set before."""
        self._n_repaired += len(data) * self._bad
        self._n_left += len(data) * self._too_many
        repaired = self._repair(data)
        n = min(len(self._fade) - self._faded, len(data))
        if n == 0:
            return repaired
        before = self._before(data[:n]).astype(np.float64)
        part = self._fade[self._faded : self._faded + n, None]
        faded = (before + part * (repaired[:n] - before)).astype(np.float32)
        self._faded += n
        return np.concatenate([faded, repaired[n:]])
