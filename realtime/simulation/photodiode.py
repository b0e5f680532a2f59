"""A simulated photodiode on the corner of a screen: light, some time after each marker.

It is what a timing test measures with, so its onsets lie between samples as real ones do: each
sample is the mean light of the sample period around its time.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.generators import generator
from saccade.realtime.types import Float32

BRIGHT_MV = 100.0
NOISE_MV = 1.0
LIT_S = 0.1


@dataclass(frozen=True, slots=True)
class PhotodiodeSettings:
    """When a screen lights up.

    Parameters
    ----------
    delay_ms : float
        From marker to light, in ms, at least 0.
    jitter_ms : float
        Standard deviation of the delay, in ms, at least 0; no light comes before its marker.
    seed : int
        At least 0; draws jitter and noise.
    """

    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for name in ("delay_ms", "jitter_ms"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name} must be at least 0 ms, not {value:g}: correct it")


class Photodiode:
    """One channel that is bright for 0.1 s after each marker, and its delay.

    Parameters
    ----------
    settings : PhotodiodeSettings
        How the screen lights up.
    sfreq : float
        Rate in Hz.
    start_s : float
        Time of the first sample, in s on the clock of the markers.
    """

    def __init__(self, settings: PhotodiodeSettings, sfreq: float, start_s: float) -> None:
        self._settings, self._sfreq, self._start_s = settings, sfreq, start_s
        self._delay = generator(settings.seed, "photodiode delay")
        self._noise = generator(settings.seed, "photodiode noise")
        self._next = 0
        self._lit: list[tuple[float, float]] = []  # from and to, in samples

    def light(self, stamp: float) -> None:
        """Let the screen light up for a marker, given in s; in the order of their time."""
        s = self._settings
        delay_s = max(0.0, s.delay_ms + s.jitter_ms * self._delay.standard_normal()) / 1e3
        onset = (stamp - self._start_s + delay_s) * self._sfreq
        self._lit.append((onset, onset + LIT_S * self._sfreq))

    def take(self, n_samples: int) -> Float32:
        """Return the next samples, (n_samples,) in mV."""
        times = self._next + np.arange(n_samples)
        light = np.zeros(n_samples)
        for begin, end in self._lit:
            lit = np.minimum(times + 0.5, end) - np.maximum(times - 0.5, begin)
            light += np.clip(lit, 0.0, 1.0)
        self._next += n_samples
        self._lit = [(begin, end) for begin, end in self._lit if end > self._next - 1]
        noise = NOISE_MV * self._noise.standard_normal(n_samples)
        return (BRIGHT_MV * np.minimum(light, 1.0) + noise).astype(np.float32)
