"""What spoils a recording: blinks, muscle bursts, electrode pops, drift, a bad channel.

Every kind has its own random generator, so that none moves when another is switched on. Events
begin anywhere in a block and reach into the following ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

from saccade.realtime.errors import ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.simulation.generators import generator
from saccade.realtime.simulation.montage import CH_NAMES, N_CHANNELS, positions
from saccade.realtime.types import Float64

BLINK_S = (0.2, 0.4)
EYES = (0.0, 0.94, -0.34)  # direction of the point between them, below the forehead
EYE_WIDTH_RAD = 0.45
MUSCLE_S = (0.3, 1.0)
MUSCLE_FROM_HZ = 20.0
MUSCLES = ("FT9", "FT10", "TP9", "TP10")
MUSCLE_WIDTH_RAD = 0.4
POP_DECAY_S = 0.4
POP_S = 2.4  # by then it has fallen to 1/400
DRIFT_CORNER_HZ = 0.02


@dataclass(frozen=True, slots=True)
class Artifacts:
    """How often and how strong; a rate or RMS of 0 leaves a kind out.

    Parameters
    ----------
    blinks_per_min, blink_uv : float
        Rate of blinks, and their mean amplitude where they are largest.
    muscle_per_min, muscle_uv : float
        Rate of bursts of a jaw or neck muscle, and their RMS at their height where largest.
    pops_per_min, pop_uv : float
        Rate at which some electrode jumps and creeps back, and the mean size of the jump.
    drift_uv : float
        RMS of each electrode's slow drift, below 0.02 Hz.
    bad_channel : str or None
        An electrode without contact, which adds white noise of ``bad_uv`` RMS.
    bad_uv : float
        How much.
    """

    blinks_per_min: float = 0.0
    blink_uv: float = 120.0
    muscle_per_min: float = 0.0
    muscle_uv: float = 25.0
    pops_per_min: float = 0.0
    pop_uv: float = 150.0
    drift_uv: float = 0.0
    bad_channel: str | None = None
    bad_uv: float = 100.0

    def __post_init__(self) -> None:
        """Refuse what is no rate or amplitude, and a channel that is not on the cap."""
        for name in self.__slots__:
            value = getattr(self, name)
            if name != "bad_channel" and not (math.isfinite(value) and value >= 0):
                raise ConfigError(
                    f"{name} must be at least 0 and finite, not {value:g}: 0 leaves it out"
                )
        if self.bad_channel is not None and self.bad_channel not in CH_NAMES:
            raise ConfigError(
                f"bad_channel must be one of the cap's 64 ({', '.join(CH_NAMES[:3])}, …), not "
                f"'{self.bad_channel}'"
            )


def usual(share: float) -> Artifacts:
    """Return the artifacts of a usual recording, times a share of 0 or more, in rate and drift."""
    return Artifacts(
        blinks_per_min=12.0 * share,
        muscle_per_min=2.0 * share,
        pops_per_min=0.5 * share,
        drift_uv=10.0 * share,
    )


class ArtifactStream:
    """The artifacts of an endless recording, a block at a time.

    Parameters
    ----------
    artifacts : Artifacts
        Which.
    sfreq : float
        Rate in Hz.
    block_samples : int
        Length of a block; another length makes other artifacts.
    seed : int
        At least 0.
    """

    def __init__(self, artifacts: Artifacts, sfreq: float, block_samples: int, seed: int) -> None:
        self._settings, self._sfreq, self._n = artifacts, sfreq, block_samples
        kinds: tuple[tuple[str, float, Callable[[np.random.Generator], Float64]], ...] = (
            ("blinks", artifacts.blinks_per_min, self._blink),
            ("muscle", artifacts.muscle_per_min, self._burst),
            ("pops", artifacts.pops_per_min, self._pop),
        )
        blocks_per_min = 60.0 * sfreq / block_samples
        self._events = [
            (rate / blocks_per_min, generator(seed, name), make) for name, rate, make in kinds
        ]
        self._drift_rng, self._bad_rng = generator(seed, "drift"), generator(seed, "bad channel")
        self._pole = math.exp(-2 * math.pi * DRIFT_CORNER_HZ / sfreq)
        self._drift_state = self._pole * self._drift_rng.standard_normal((1, N_CHANNELS))
        self._bad = np.array([name == artifacts.bad_channel for name in CH_NAMES])
        self._high_pass = butter(2, MUSCLE_FROM_HZ, "highpass", fs=sfreq, output="sos")
        self._to_come = np.zeros((0, N_CHANNELS))  # of events that began earlier

    def next_block(self) -> Float64:
        """Return the next block, (block_samples, 64) in µV."""
        starting = [
            (int(rng.integers(self._n)), make(rng))
            for per_block, rng, make in self._events
            for _ in range(rng.poisson(per_block))
        ]
        length = max([self._n, len(self._to_come), *(at + len(event) for at, event in starting)])
        total = np.zeros((length, N_CHANNELS))
        total[: len(self._to_come)] = self._to_come
        for at, event in starting:
            total[at : at + len(event)] += event
        block, self._to_come = total[: self._n], total[self._n :]
        if self._settings.drift_uv > 0:
            block += self._settings.drift_uv * self._drift()
        if self._bad.any():
            noise = self._bad_rng.standard_normal((self._n, 1))
            block[:, self._bad] += self._settings.bad_uv * noise
        return block

    def _drift(self) -> Float64:
        white = self._drift_rng.standard_normal((self._n, N_CHANNELS))
        gain = math.sqrt(1 - self._pole**2)
        drift, self._drift_state = lfilter(
            [gain], [1.0, -self._pole], white, axis=0, zi=self._drift_state
        )
        return np.asarray(drift)

    def _blink(self, rng: np.random.Generator) -> Float64:
        course = np.sin(np.linspace(0, np.pi, self._length(rng, BLINK_S))) ** 2
        field = _near(np.array(EYES), EYE_WIDTH_RAD)
        strength = self._settings.blink_uv * rng.uniform(0.7, 1.3) / field.max()
        return np.outer(strength * course, field)

    def _burst(self, rng: np.random.Generator) -> Float64:
        n = self._length(rng, MUSCLE_S)
        where = positions()[CH_NAMES.index(MUSCLES[rng.integers(len(MUSCLES))])]
        white = sosfilt(self._high_pass, rng.standard_normal((n, N_CHANNELS)), axis=0)
        course = np.sin(np.linspace(0, np.pi, n)) ** 2
        return np.asarray(
            self._settings.muscle_uv * course[:, None] * white * _near(where, MUSCLE_WIDTH_RAD)
        )

    def _pop(self, rng: np.random.Generator) -> Float64:
        jump = np.zeros((samples(POP_S, self._sfreq), N_CHANNELS))
        size = self._settings.pop_uv * rng.uniform(0.5, 1.5) * rng.choice([-1.0, 1.0])
        course = np.exp(-np.arange(len(jump)) / (POP_DECAY_S * self._sfreq))
        jump[:, rng.integers(N_CHANNELS)] = size * course
        return jump

    def _length(self, rng: np.random.Generator, range_s: tuple[float, float]) -> int:
        return samples(float(rng.uniform(*range_s)), self._sfreq)


def _near(direction: Float64, width_rad: float) -> Float64:
    """Return a map that falls with the angle from a direction, 1 below it, (64,)."""
    cosine = positions() @ direction / np.linalg.norm(direction)
    return np.asarray(np.exp(-0.5 * (np.arccos(np.clip(cosine, -1, 1)) / width_rad) ** 2))
