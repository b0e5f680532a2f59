"""The covariance of the noise in a window, drawn from and solved without ever being formed.

With 64 channels and 250 samples it has 16 000 rows. It is the sum of a Kronecker product of space
and time for each kind of noise; 1/f and sensor noise have the same eigenvectors, so only alpha,
of rank six in space, stands between the covariance and its inverse.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy.linalg import toeplitz

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.montage import N_CHANNELS
from saccade.realtime.simulation.noise import (
    Noise,
    alpha_autocovariance,
    one_over_f_autocovariance,
)
from saccade.realtime.types import Float32, Float64

TOLERANCE = 1e-10  # of the residual's norm, relative to the right-hand side
MOST_STEPS = 2000


class WindowCovariance:
    """Covariance of the noise in a window.

    Parameters
    ----------
    noise : Noise
        What is in the window.
    n_times : int
        Its length in samples.
    """

    def __init__(self, noise: Noise, n_times: int) -> None:
        self.noise, self.n_times = noise, n_times
        self._one_over_f_time = toeplitz(one_over_f_autocovariance(n_times, noise.sfreq))
        self._alpha_time = toeplitz(alpha_autocovariance(n_times, noise.sfreq))

    def terms(self) -> list[tuple[Float64, Float64]]:
        """Return space (64, 64), in µV², and time (n_times, n_times) of each kind of noise.

        The covariance of a window, flattened channel by channel, is the sum of their Kronecker
        products.
        """
        noise = self.noise
        return [
            (noise.one_over_f @ noise.one_over_f.T, self._one_over_f_time),
            (noise.alpha @ noise.alpha.T, self._alpha_time),
            (noise.sensor_uv**2 * np.eye(N_CHANNELS), np.eye(self.n_times)),
        ]

    def draw(self, rngs: Sequence[np.random.Generator]) -> Float32:
        """Return a window of noise for each generator.

        Parameters
        ----------
        rngs : sequence of Generator, length n
            A window depends on its own generator alone, to the last bit.

        Returns
        -------
        array of shape (n, 64, n_times), float32
            In µV.
        """
        n_alpha = self.noise.alpha.shape[1]
        white = np.empty((len(rngs), 2 * N_CHANNELS + n_alpha, self.n_times), np.float32)
        for one, rng in zip(white, rngs, strict=True):
            rng.standard_normal(dtype=np.float32, out=one)
        parts = np.split(white, [N_CHANNELS, N_CHANNELS + n_alpha], axis=1)
        roots = self._roots  # NumPy multiplies a stack one by one, so company changes nothing
        courses = np.concatenate([part @ root for part, root in zip(parts, roots, strict=False)], 1)
        return np.asarray(self._mixing @ courses + np.float32(self.noise.sensor_uv) * parts[2])

    @cached_property
    def _roots(self) -> tuple[Float32, Float32]:
        """What gives white rows the temporal covariance of 1/f noise and of alpha."""
        one_over_f, alpha = map(np.linalg.cholesky, (self._one_over_f_time, self._alpha_time))
        return one_over_f.T.astype(np.float32), alpha.T.astype(np.float32)

    @cached_property
    def _mixing(self) -> Float32:
        return np.concatenate([self.noise.one_over_f, self.noise.alpha], 1).astype(np.float32)

    def solve(self, signals: Float64) -> Float64:
        """Return the inverse of the covariance times some signals.

        Conjugate gradients in the eigenvectors that 1/f and sensor noise share. There the two are
        diagonal, and precondition what alpha adds.

        Parameters
        ----------
        signals : array of shape (k, 64, n_times), float64
            In µV.

        Returns
        -------
        array of shape (k, 64, n_times), float64
            In 1/µV; put into the covariance it gives the signals to a relative error of 1e-10.

        Raises
        ------
        ConfigError
            If the noise is too nearly singular for that.
        """
        (space, time), *_ = self.terms()
        space_values, space_vectors = np.linalg.eigh(space)
        time_values, time_vectors = np.linalg.eigh(time)
        diagonal = np.outer(space_values, time_values) + self.noise.sensor_uv**2
        alpha = space_vectors.T @ self.noise.alpha
        alpha_time = time_vectors.T @ self._alpha_time @ time_vectors

        residual = space_vectors.T @ signals @ time_vectors
        enough = TOLERANCE * np.linalg.norm(residual, axis=(1, 2))
        solution = np.zeros_like(residual)
        direction = residual / diagonal
        energy = _inner(residual, direction)
        for _ in range(MOST_STEPS):
            if (np.linalg.norm(residual, axis=(1, 2)) <= enough).all():
                return np.asarray(space_vectors @ solution @ time_vectors.T)
            image = diagonal * direction + alpha @ ((alpha.T @ direction) @ alpha_time)
            step = _ratio(energy, _inner(direction, image))
            solution += step * direction
            residual -= step * image
            scaled = residual / diagonal
            before, energy = energy, _inner(residual, scaled)
            direction = scaled + _ratio(energy, before) * direction
        raise ConfigError(
            f"the noise can't be told from the signal to {TOLERANCE:g} in {MOST_STEPS} steps with "
            f"sensor_uv at {self.noise.sensor_uv:g}: raise it"
        )


def _inner(a: Float64, b: Float64) -> Float64:
    return np.asarray(np.einsum("kct,kct->k", a, b))


def _ratio(a: Float64, b: Float64) -> Float64:
    """Return a / b, 0 where nothing is left of either, (k, 1, 1)."""
    return np.divide(a, b, out=np.zeros_like(a), where=b > 0)[:, None, None]
