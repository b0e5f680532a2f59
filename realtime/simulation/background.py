"""The signal of the simulated head without stimuli, as a stream.

It is generated in blocks of a fixed length and handed out in pieces, so it does not depend on the
pieces; every kind of noise has its own random generator, so switching one off leaves the others
as they were.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import toeplitz
from scipy.signal import lfilter

from saccade.realtime.sampling import samples
from saccade.realtime.simulation.artifacts import Artifacts, ArtifactStream
from saccade.realtime.simulation.generators import generator
from saccade.realtime.simulation.montage import N_CHANNELS
from saccade.realtime.simulation.noise import (
    CORNERS_HZ,
    Levels,
    Noise,
    alpha_autocovariance,
    poles,
    resonance,
)
from saccade.realtime.types import Float64

BLOCK_S = 1.0


class Background:
    """An endless signal without stimuli, the same for the same noise, levels and seed.

    Parameters
    ----------
    noise : Noise
        The random part.
    levels : Levels
        Of the mains.
    artifacts : Artifacts
        Blinks and all that.
    seed : int
        Seed, at least 0.
    """

    def __init__(self, noise: Noise, levels: Levels, artifacts: Artifacts, seed: int) -> None:
        self._noise, self._levels, sfreq = noise, levels, noise.sfreq
        self._block_samples = samples(BLOCK_S, sfreq)
        self._noise_rng = generator(seed, "1/f")
        self._alpha_rng = generator(seed, "alpha")
        self._sensor_rng = generator(seed, "sensor")
        self._poles = poles(sfreq)
        # Both begin as if they had always been running.
        shape = (len(CORNERS_HZ), 1, N_CHANNELS)
        before = self._noise_rng.standard_normal(shape) / np.sqrt(len(CORNERS_HZ))
        self._noise_state = self._poles[:, None, None] * before
        self._alpha_ar, self._alpha_gain = resonance(sfreq)
        n_alpha = noise.alpha.shape[1]
        pair = np.linalg.cholesky(toeplitz(alpha_autocovariance(2, sfreq)))
        newer, older = pair @ self._alpha_rng.standard_normal((2, n_alpha))
        _, first, second = self._alpha_ar
        self._alpha_state = np.stack([-first * newer - second * older, -second * newer])

        wiring = generator(seed, "line")
        self._line_peak_uv = np.sqrt(2) * levels.line_uv * wiring.uniform(0.5, 1.5, N_CHANNELS)
        self._line_phase = wiring.uniform(-0.5, 0.5, N_CHANNELS)
        self._artifacts = ArtifactStream(artifacts, sfreq, self._block_samples, seed)
        self._block_start = 0
        self._held, self._used = np.empty((0, N_CHANNELS)), 0

    def take(self, n_samples: int) -> Float64:
        """Return the next samples.

        Parameters
        ----------
        n_samples : int
            How many, at least 0.

        Returns
        -------
        array of shape (n_samples, 64), float64
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
        block = np.einsum("ts,cs->tc", self._one_over_f(n), self._noise.one_over_f)
        block += np.einsum("ts,cs->tc", self._alpha(n), self._noise.alpha)
        block += self._noise.sensor_uv * self._sensor_rng.standard_normal((n, N_CHANNELS))
        time_s = np.arange(self._block_start, self._block_start + n) / self._noise.sfreq
        turn = 2 * np.pi * self._levels.line_hz * time_s
        block += self._line_peak_uv * np.sin(turn[:, None] + self._line_phase)
        block += self._artifacts.next_block()
        self._block_start += n
        return np.asarray(block)

    def _one_over_f(self, n: int) -> Float64:
        """Return (n, 64) sums of first-order processes, of unit variance."""
        white = self._noise_rng.standard_normal((len(CORNERS_HZ), n, N_CHANNELS))
        total = np.zeros((n, N_CHANNELS))
        for row, pole in enumerate(self._poles):
            gain = np.sqrt((1 - pole**2) / len(CORNERS_HZ))
            process, self._noise_state[row] = lfilter(
                [gain], [1.0, -pole], white[row], axis=0, zi=self._noise_state[row]
            )
            total += process
        return total

    def _alpha(self, n: int) -> Float64:
        """Return (n, 6) noise that resonates at 10 Hz, of unit variance."""
        white = self._alpha_rng.standard_normal((n, self._alpha_state.shape[1]))
        rhythm, self._alpha_state = lfilter(
            [self._alpha_gain], self._alpha_ar, white, axis=0, zi=self._alpha_state
        )
        return np.asarray(rhythm)
