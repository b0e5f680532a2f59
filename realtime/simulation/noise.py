"""What the simulated head produces without a stimulus: 1/f background, alpha, line, sensors.

Everything is generated in blocks of a fixed length and handed out in pieces, so the signal does
not depend on the pieces; every kind of noise has its own random generator, so switching one off
leaves the others as they were.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter

from saccade.realtime.sampling import samples
from saccade.realtime.simulation.montage import CH_NAMES, N_CHANNELS, smoothness
from saccade.realtime.types import Float64

BLOCK_S = 1.0
BURN_IN_BLOCKS = 4  # eight time constants of the slowest process: nothing is left of its start

# Equally strong first-order processes whose corner frequencies lie an octave apart add up to a
# 1/f spectrum between the first and the last.
CORNERS_HZ = tuple(0.3 * 2.0**octave for octave in range(8))  # 0.3 … 38.4 Hz
BACKGROUND_WIDTH_RAD = 0.5

ALPHA_HZ = 10.0
ALPHA_BANDWIDTH_HZ = 1.5
ALPHA_UNDER = ("O1", "O2", "Pz")
ALPHA_WIDTH_RAD = 0.6


@dataclass(frozen=True, slots=True)
class Levels:
    """How strong each part is; RMS in µV.

    Parameters
    ----------
    noise_uv : float
        1/f background of each channel.
    alpha_uv : float
        Alpha rhythm where it is strongest, over the back of the head.
    line_uv : float
        Interference from the mains, mean over channels.
    line_hz : float
        Frequency of the mains, in Hz.
    sensor_uv : float
        White noise of each electrode.
    """

    noise_uv: float
    alpha_uv: float
    line_uv: float
    line_hz: float
    sensor_uv: float


class Background:
    """An endless signal, the same for the same rate, levels and seed.

    Parameters
    ----------
    sfreq : float
        Rate in Hz.
    levels : Levels
        How strong each part is.
    seed : int
        Seed, at least 0.
    """

    def __init__(self, sfreq: float, levels: Levels, seed: int) -> None:
        self._sfreq, self._levels = sfreq, levels
        self._block_samples = samples(BLOCK_S, sfreq)
        self._noise_rng = generator(seed, "1/f")
        self._alpha_rng = generator(seed, "alpha")
        self._sensor_rng = generator(seed, "sensor")
        mix = smoothness(BACKGROUND_WIDTH_RAD)
        rms = np.sqrt(len(CORNERS_HZ) * np.square(mix).sum(axis=0))
        self._noise_mix = levels.noise_uv * mix / rms
        self._poles = np.exp(-2 * np.pi * np.array(CORNERS_HZ) / sfreq)
        self._noise_state = [np.zeros((1, N_CHANNELS)) for _ in CORNERS_HZ]

        mix = smoothness(ALPHA_WIDTH_RAD)[[CH_NAMES.index(name) for name in ALPHA_UNDER]]
        self._alpha_mix = levels.alpha_uv * mix / np.sqrt(np.square(mix).sum(axis=0).max())
        self._alpha_ar, self._alpha_gain = _resonance(ALPHA_HZ, ALPHA_BANDWIDTH_HZ, sfreq)
        self._alpha_state = np.zeros((2, len(ALPHA_UNDER)))

        wiring = generator(seed, "line")
        self._line_peak_uv = np.sqrt(2) * levels.line_uv * wiring.uniform(0.5, 1.5, N_CHANNELS)
        self._line_phase = wiring.uniform(-0.5, 0.5, N_CHANNELS)
        self._block_start = -BURN_IN_BLOCKS * self._block_samples
        for _ in range(BURN_IN_BLOCKS):
            self._next_block()
        self._held, self._used = np.empty((0, N_CHANNELS)), 0

    def take(self, n_samples: int) -> Float64:
        """Return the next samples.

        Parameters
        ----------
        n_samples : int
            How many, at least 0.

        Returns
        -------
        array of shape (n_samples, 32), float64
            In µV, without a stimulus; the caller's own.
        """
        out = np.empty((n_samples, N_CHANNELS))
        filled = 0
        while filled < n_samples:
            if self._used == len(self._held):
                self._held, self._used = self._next_block(), 0
            count = min(n_samples - filled, len(self._held) - self._used)
            out[filled : filled + count] = self._held[self._used : self._used + count]
            filled += count
            self._used += count
        return out

    def _next_block(self) -> Float64:
        n = self._block_samples
        # einsum without optimisation sums in one order everywhere; a BLAS product need not.
        block = np.einsum("ts,sc->tc", self._one_over_f(n), self._noise_mix)
        block += np.einsum("ts,sc->tc", self._alpha(n), self._alpha_mix)
        block += self._levels.sensor_uv * self._sensor_rng.standard_normal((n, N_CHANNELS))
        time_s = np.arange(self._block_start, self._block_start + n) / self._sfreq
        turn = 2 * np.pi * self._levels.line_hz * time_s
        block += self._line_peak_uv * np.sin(turn[:, None] + self._line_phase)
        self._block_start += n
        return np.asarray(block)

    def _one_over_f(self, n: int) -> Float64:
        """Return (n, 32) sums of first-order processes, each of unit variance."""
        white = self._noise_rng.standard_normal((len(CORNERS_HZ), n, N_CHANNELS))
        total = np.zeros((n, N_CHANNELS))
        for row, pole in enumerate(self._poles):
            gain = np.sqrt(1 - pole**2)
            process, self._noise_state[row] = lfilter(
                [gain], [1.0, -pole], white[row], axis=0, zi=self._noise_state[row]
            )
            total += process
        return total

    def _alpha(self, n: int) -> Float64:
        """Return (n, 3) noise that resonates at 10 Hz, of unit variance."""
        white = self._alpha_rng.standard_normal((n, len(ALPHA_UNDER)))
        rhythm, self._alpha_state = lfilter(
            [self._alpha_gain], self._alpha_ar, white, axis=0, zi=self._alpha_state
        )
        return np.asarray(rhythm)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Return a random generator of its own for each purpose of a seed.

    Parameters
    ----------
    seed : int
        At least 0.
    purpose : str
        What it draws; generators of different purposes have nothing in common.
    """
    return np.random.default_rng([seed, *purpose.encode()])


def _resonance(freq_hz: float, bandwidth_hz: float, sfreq: float) -> tuple[Float64, float]:
    """Return the coefficients of a resonance driven by white noise, and the gain for variance 1."""
    radius = np.exp(-np.pi * bandwidth_hz / sfreq)
    first, second = -2 * radius * np.cos(2 * np.pi * freq_hz / sfreq), radius**2
    variance = (1 + second) / ((1 - second) * ((1 + second) ** 2 - first**2))
    return np.array([1.0, first, second]), float(1 / np.sqrt(variance))
