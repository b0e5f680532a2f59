"""What is measured of a window of signal: pure functions, a row a channel.

Each takes arrays of a fixed shape and returns one number a channel, so a value can be checked
against a slow, obvious calculation, and used elsewhere. The monitor's windows are float32, which is
four times as quick to sort and twice to transform.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from saccade.realtime.types import Float32, Float64, frozen

IQR_TO_SD = 0.7413  # of a normal distribution
LEAST_SPREAD = 0.15  # of log amplitudes; else alike channels would be outliers for nothing
EEG_HZ = (1.0, 40.0)
SPLIT_HZ = 30.0
LINE_WIDTH_HZ, NEIGHBOURS_HZ = 1.5, 5.0


def robust_sd(window: Float32 | Float64) -> Float64:
    """Return the standard deviation by the interquartile range, which no blink moves.

    Parameters
    ----------
    window : array of shape (n_channels, n_samples)
        In µV.

    Returns
    -------
    array of shape (n_channels,), float64
        0.7413 times the interquartile range, in µV.
    """
    low, high = _quantiles(window, 0.25, 0.75)
    return np.asarray(IQR_TO_SD * (high - low))


def outlier_z(values: Float64) -> Float64:
    """Return how far each value is from the others, in robust SD of the logarithms.

    Parameters
    ----------
    values : array of shape (n_channels,), float64
        Amplitudes; NaN and 0 take no part and get NaN.

    Returns
    -------
    array of shape (n_channels,), float64
        Signed; 5 is PREP's limit. The SD is at least 0.15, a factor of 2.1 at 5.
    """
    z = np.full(len(values), np.nan)
    there = values > 0
    if there.any():
        logs = np.log(values[there])
        low, middle, high = _quantiles(logs, 0.25, 0.5, 0.75)
        spread = max(IQR_TO_SD * float(high - low), LEAST_SPREAD)
        z[there] = (logs - middle) / spread
    return z


def power(window: Float32) -> Float32:
    """Return the power spectrum of a Hann-tapered window.

    Parameters
    ----------
    window : array of shape (n_channels, n_samples)
        In µV, without an offset.

    Returns
    -------
    array of shape (n_channels, n_samples // 2 + 1), float32
        Of each frequency; only ratios are of use.
    """
    spectrum = rfft(window * _taper(window.shape[1]), axis=1)
    return np.asarray(spectrum.real**2 + spectrum.imag**2)


def band(freqs: Float64, low_hz: float, high_hz: float) -> NDArray[np.bool_]:
    """Return which frequencies lie from one (included) to another (excluded)."""
    return np.asarray((freqs >= low_hz) & (freqs < high_hz))


def line_power(spectra: Float32, freqs: Float64, line_hz: float) -> Float64:
    """Return the power of the mains beyond what its neighbouring frequencies have, at least 0.

    Parameters
    ----------
    spectra : array of shape (n_channels, n_freqs), float32
        As from :func:`power`.
    freqs : array of shape (n_freqs,), float64
        Their frequencies in Hz.
    line_hz : float
        Of the mains.
    """
    near = np.abs(freqs - line_hz)
    peak = near <= LINE_WIDTH_HZ
    beside = ~peak & (near <= NEIGHBOURS_HZ)
    excess = spectra[:, peak] - spectra[:, beside].mean(axis=1, keepdims=True)
    return np.asarray(np.maximum(excess.sum(axis=1, dtype=np.float64), 0.0))


def line_ratio(spectra: Float32, freqs: Float64, line_hz: float) -> Float64:
    """Return the RMS of the mains over that of the EEG between 1 and 40 Hz; NaN if there is none.

    Parameters
    ----------
    spectra, freqs, line_hz
        As for :func:`line_power`.
    """
    eeg = spectra[:, band(freqs, *EEG_HZ)].sum(axis=1, dtype=np.float64)
    return _root_ratio(line_power(spectra, freqs, line_hz), eeg)


def hf_ratio(spectra: Float32, freqs: Float64, line_hz: float, highest_hz: float) -> Float64:
    """Return the amplitude density above 30 Hz over that from 1 to 30 Hz; 1 is white noise.

    PREP's measure of high-frequency noise (there with a filter at 50 Hz, and the median absolute
    deviation), per hertz, so that it means the same at every rate; the mains and its second
    harmonic are left out.

    Parameters
    ----------
    spectra, freqs, line_hz
        As for :func:`line_power`.
    highest_hz : float
        Where the band ends.
    """
    mains = np.minimum(np.abs(freqs - line_hz), np.abs(freqs - 2 * line_hz)) <= 2.0
    high = band(freqs, SPLIT_HZ, highest_hz) & ~mains
    low = band(freqs, EEG_HZ[0], SPLIT_HZ)
    density = [spectra[:, part].mean(axis=1, dtype=np.float64) for part in (high, low)]
    return _root_ratio(density[0], density[1])


def covariance(window: Float32 | Float64) -> Float64:
    """Return the covariance of the channels of a window, (n_channels, n_channels), in µV²."""
    centred = window - window.mean(axis=1, keepdims=True)
    products = np.asarray(centred @ centred.T, np.float64)
    return np.asarray(products / window.shape[1])


def correlation(cov: Float64) -> Float64:
    """Return the 98th percentile of each channel's absolute correlation with the others (PREP).

    Parameters
    ----------
    cov : array of shape (n_channels, n_channels), float64
        As from :func:`covariance`; at least two channels.

    Returns
    -------
    array of shape (n_channels,), float64
        0 to 1; 0 for a channel that stands still.
    """
    sd = np.sqrt(np.diag(cov))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.abs(np.nan_to_num(cov / np.outer(sd, sd), posinf=0.0))
    n = len(r)
    others = r[~np.eye(n, dtype=bool)].reshape(n, n - 1)
    return _quantiles(others, 0.98)[0]


def nearest(cov: Float64) -> tuple[Float64, NDArray[np.intp]]:
    """Return how little each channel differs from the one most like it, and which that is.

    Two electrodes joined by gel show the same potential: the SD of their difference is that of
    the amplifier's noise (electrical distance; Tenke and Kayser 2001, Clin Neurophysiol
    112:545-550).

    Parameters
    ----------
    cov : array of shape (n_channels, n_channels), float64
        As from :func:`covariance`; at least two channels.

    Returns
    -------
    distances_uv : array of shape (n_channels,), float64
        SD of the difference in µV.
    others : array of shape (n_channels,), int
        The channel most like it.
    """
    variance = np.diag(cov)
    distances = variance[:, None] + variance - 2 * cov
    np.fill_diagonal(distances, np.inf)
    others = distances.argmin(axis=1)
    smallest = np.take_along_axis(distances, others[:, None], axis=1)[:, 0]
    return np.sqrt(np.maximum(smallest, 0.0)), others


def predictability(cov: Float64, weights: Float64) -> Float64:
    """Return the correlation of each channel with a weighted sum of the others.

    It follows from the covariance alone, so no prediction is ever computed.

    Parameters
    ----------
    cov : array of shape (n_channels, n_channels), float64
        As from :func:`covariance`.
    weights : array of shape (n_channels, n_channels), float64
        Of the column on the row; zero on the diagonal.

    Returns
    -------
    array of shape (n_channels,), float64
        -1 to 1; 0 where either stands still.
    """
    shared = weights @ cov
    joint = np.einsum("ii->i", shared)
    predicted = np.einsum("ij,ij->i", shared, weights)
    scale = np.sqrt(np.maximum(np.diag(cov) * predicted, 0.0))
    return np.asarray(np.divide(joint, scale, out=np.zeros(len(cov)), where=scale > 0))


def correlation_rows(first: Float32, second: Float32) -> Float32:
    """Return the correlation of each row of one array with that of another; 0 if one is still."""
    first = first - first.mean(axis=1, keepdims=True)
    second = second - second.mean(axis=1, keepdims=True)
    joint = np.einsum("ij,ij->i", first, second)
    lengths = [np.sqrt(np.einsum("ij,ij->i", each, each)) for each in (first, second)]
    scale = lengths[0] * lengths[1]
    r = np.zeros(len(joint), np.float32)
    np.divide(joint, scale, out=r, where=scale > 0)
    return r


@functools.cache
def _taper(n: int) -> Float32:
    return frozen(np.hanning(n).astype(np.float32))


def _quantiles(values: Float32 | Float64, *shares: float) -> list[Float64]:
    """Return quantiles of the last axis, interpolated; for float32, sorting is the quickest way."""
    ordered = np.sort(values, axis=-1)
    found = []
    for share in shares:
        place = share * (ordered.shape[-1] - 1)
        low = int(place)
        below = np.asarray(ordered[..., low], np.float64)
        above = np.asarray(ordered[..., min(low + 1, ordered.shape[-1] - 1)], np.float64)
        found.append(below + (place - low) * (above - below))
    return found


def _root_ratio(above: Float64, below: Float64) -> Float64:
    ratio = np.full(len(above), np.nan)
    np.divide(above, below, out=ratio, where=below > 0)
    return np.asarray(np.sqrt(ratio))
