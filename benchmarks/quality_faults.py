"""Faults of known place, for ``benchmarks/quality.py``: what each does to some channels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, sosfilt

from saccade.realtime.simulation.artifacts import POP_DECAY_S
from saccade.realtime.types import Float64

RAIL_UV = 187_500.0  # of an ADS1299 at a gain of 24
Spoil = Callable[[Float64, float, np.random.Generator], Float64]


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault.

    Parameters
    ----------
    name : str
        For a person.
    limits : tuple of str
        The limits of :class:`~saccade.realtime.quality.settings.QualitySettings` that are meant to
        be broken, the first before all.
    spoil : callable
        Takes healthy channels, (n_samples, n_channels) in µV, the rate in Hz, and a generator;
        returns them spoilt.
    kohm : float
        Impedance of a channel that is spoilt; 5 kΩ is that of all others.
    """

    name: str
    limits: tuple[str, ...]
    spoil: Spoil
    kohm: float = 5.0


def _stuck(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return np.broadcast_to(x[:1], x.shape)


def _railed(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return np.minimum(x + RAIL_UV, RAIL_UV)


def _near_full_scale(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return x + 0.95 * RAIL_UV


def _as_it_is(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return x


def _dead(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return 0.5 * rng.standard_normal(x.shape)


def _loose(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return x + 100.0 * rng.standard_normal(x.shape)


def _noisy(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return x + 20.0 * rng.standard_normal(x.shape)


def _amplified(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return 5.0 * x


def _muscle(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    sos = butter(2, 30.0, "highpass", fs=sfreq, output="sos")
    return x + 20.0 * sosfilt(sos, rng.standard_normal(x.shape), axis=0)


def _mains(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    turn = 2 * np.pi * 50.0 * np.arange(len(x))[:, None] / sfreq
    return x + 40.0 * np.sqrt(2) * np.sin(turn + rng.uniform(0, 2 * np.pi, x.shape[1]))


def _drifting(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    turn = 2 * np.pi * 0.05 * np.arange(len(x))[:, None] / sfreq
    return x + 400.0 * np.sin(turn + rng.uniform(0, 2 * np.pi, x.shape[1]))


def _popping(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    jumps = 300.0 * rng.choice([-1.0, 1.0], x.shape) * (rng.random(x.shape) < 1 / sfreq)
    decay = np.exp(-np.arange(int(5 * POP_DECAY_S * sfreq)) / (POP_DECAY_S * sfreq))
    spread = [np.convolve(column, decay)[: len(x)] for column in jumps.T]
    return x + np.stack(spread, axis=1)


def _bridged(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    own = 0.5 * rng.standard_normal(x.shape)
    return x.mean(axis=1, keepdims=True) + own


def _exchanged(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return np.roll(x, 1, axis=1)


def _absent(x: Float64, sfreq: float, rng: np.random.Generator) -> Float64:
    return np.where(rng.random(x.shape) < 0.6, np.nan, x)


FAULTS = (
    Fault("values missing (60 % NaN)", ("usable",), _absent),
    Fault("stuck at one value", ("flat_s",), _stuck),
    Fault("railed half of the time", ("clipped",), _railed),
    Fault("offset (0.95 of full scale)", ("full_scale",), _near_full_scale),
    Fault("dead (0.5 µV of noise)", ("low_uv", "correlation"), _dead),
    Fault("loose (100 µV of noise)", ("high_uv",), _loose),
    Fault("noisy (20 µV of noise)", ("hf_ratio",), _noisy),
    Fault("gain wrong (times 5)", ("deviation_z",), _amplified),
    Fault("mains (40 µV)", ("line_ratio",), _mains),
    Fault("muscle (20 µV over 30 Hz)", ("hf_ratio",), _muscle),
    Fault("drift (400 µV, 20 s)", ("drift_uv",), _drifting),
    Fault("pops (300 µV, one a second)", ("deviation_z",), _popping),
    Fault("cables exchanged", ("predictability", "ransac"), _exchanged),
    Fault("bridged pair", ("bridge_uv",), _bridged),
    Fault("impedance (60 kΩ)", ("impedance_kohm",), _as_it_is, kohm=60.0),
)
"""What the benchmark does to channels, each with the limits that should be broken."""
