"""The stationary noise of the simulated head: 1/f background, alpha, sensors.

It is Gaussian, and each kind is a set of dipoles with one temporal covariance, so the covariance
of any window is known exactly: a sum of Kronecker products of space and time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter, lfiltic

from saccade.realtime.simulation.leadfield import leadfield
from saccade.realtime.types import Float64, frozen

# Equally strong first-order processes whose corner frequencies lie an octave apart add up to a
# 1/f spectrum between the first and the last.
CORNERS_HZ = tuple(0.3 * 2.0**octave for octave in range(8))  # 0.3 … 38.4 Hz
N_SPIRAL = 400  # places on the whole sphere
BACKGROUND_DEPTH_MM = 65.0  # of the cortex, from the centre of the head
LOWEST_MM = -45.0  # below is no cortex

ALPHA_HZ = 10.0
ALPHA_BANDWIDTH_HZ = 1.5
ALPHA_AT_MM = ((12, -64, 14), (26, -56, 26), (38, -52, 4))  # and their mirror images


@dataclass(frozen=True, slots=True)
class Levels:
    """How strong each part is; RMS in µV.

    Parameters
    ----------
    noise_uv : float
        1/f background, over all channels.
    alpha_uv : float
        Alpha rhythm where it is strongest, over the back of the head.
    sensor_uv : float
        White noise of each electrode.
    line_uv : float
        Interference from the mains, mean over channels.
    line_hz : float
        Frequency of the mains, in Hz.
    """

    noise_uv: float
    alpha_uv: float
    sensor_uv: float
    line_uv: float
    line_hz: float


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The stationary Gaussian part: independent processes of unit variance, mixed.

    Parameters
    ----------
    sfreq : float
        Rate in Hz.
    one_over_f : array of shape (64, 64), float64
        How 64 independent 1/f processes reach the electrodes, in µV.
    alpha : array of shape (64, 6), float64
        How six independent alpha rhythms do, in µV.
    sensor_uv : float
        RMS of each electrode's white noise.
    """

    sfreq: float
    one_over_f: Float64
    alpha: Float64
    sensor_uv: float


def cortex() -> Float64:
    """Return places spread evenly over the cortex, (n, 3) in mm, on a Fibonacci spiral."""
    step = np.arange(N_SPIRAL) + 0.5
    up = 1 - 2 * step / N_SPIRAL
    turn = np.pi * (1 + np.sqrt(5)) * step
    across = np.sqrt(1 - up**2)
    places = BACKGROUND_DEPTH_MM * np.stack([across * np.cos(turn), across * np.sin(turn), up], 1)
    return np.asarray(places[places[:, 2] > LOWEST_MM])


def noise_of(levels: Levels, sfreq: float, strengths: Float64) -> Noise:
    """Return the noise of dipoles all over the cortex, and of alpha rhythms at its back.

    Parameters
    ----------
    levels : Levels
        How strong the parts are.
    sfreq : float
        Rate in Hz.
    strengths : array of shape (n,), float64
        Relative strength of each place of :func:`cortex`, above 0.
    """
    fields = leadfield(cortex()) * strengths[:, None, None]
    # Any dipoles with the same covariance will do, and 64 are enough for 64 electrodes.
    covariance = np.einsum("nxa,nxb->ab", fields, fields)
    covariance *= levels.noise_uv**2 / np.diag(covariance).mean()

    left = np.array(ALPHA_AT_MM, dtype=np.float64)
    alpha_at = np.concatenate([left * (-1, 1, 1), left])
    outwards = alpha_at / np.linalg.norm(alpha_at, axis=1, keepdims=True)
    alpha = np.einsum("nxc,nx->cn", leadfield(alpha_at), outwards)
    alpha *= levels.alpha_uv / np.sqrt(np.square(alpha).sum(axis=1).max())
    return Noise(sfreq, frozen(np.linalg.cholesky(covariance)), frozen(alpha), levels.sensor_uv)


def one_over_f_autocovariance(n_lags: int, sfreq: float) -> Float64:
    """Return the autocovariance of the 1/f process at lags 0, 1, …, shape (n_lags,); 1 at 0."""
    return np.asarray(np.power(poles(sfreq)[:, None], np.arange(n_lags)).mean(axis=0))


def alpha_autocovariance(n_lags: int, sfreq: float) -> Float64:
    """Return the autocovariance of the alpha rhythm at lags 0, 1, …, shape (n_lags,); 1 at 0."""
    (_, first, second), _ = resonance(sfreq)
    # Yule and Walker: the covariance follows the recursion of the process itself.
    start = np.array([1.0, -first / (1 + second)])
    state = lfiltic([1.0], [1.0, first, second], start[::-1])
    rest, _ = lfilter([1.0], [1.0, first, second], np.zeros(max(n_lags - 2, 0)), zi=state)
    return np.concatenate([start, rest])[:n_lags]


def poles(sfreq: float) -> Float64:
    """Return the pole of each first-order process of the 1/f background, (8,)."""
    return np.asarray(np.exp(-2 * np.pi * np.array(CORNERS_HZ) / sfreq))


def resonance(sfreq: float) -> tuple[Float64, float]:
    """Return the alpha rhythm's recursion, (3,), and the gain of white noise for variance 1."""
    radius = np.exp(-np.pi * ALPHA_BANDWIDTH_HZ / sfreq)
    first, second = -2 * radius * np.cos(2 * np.pi * ALPHA_HZ / sfreq), radius**2
    variance = (1 + second) / ((1 - second) * ((1 + second) ** 2 - first**2))
    return np.array([1.0, first, second]), float(1 / np.sqrt(variance))
