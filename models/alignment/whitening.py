"""Multivariate noise normalisation: weigh channels by how little they vary of themselves.

The noise of neighbouring electrodes is nearly the same noise. Multiplying by the inverse root of
its covariance makes every direction equally noisy, so that an encoder sees effects in units of
noise. It is one fixed matrix per session, estimated on calibration trials only and stored in the
decoder file; :func:`whiten` is what is applied, in training and live.

References
----------
Guggenmos, Sterzer & Cichy (2018), NeuroImage 173: the covariance is estimated within each epoch,
then averaged. Ledoit & Wolf (2004), J. Multivariate Anal. 88: the shrinkage.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64


def ledoit_wolf(
    epoch: Float32 | Float64, product: Callable[[Float64, Float64], Float64] = np.matmul
) -> Float64:
    """Return the shrunken covariance of the channels over time.

    The sample covariance S is drawn towards its mean variance m times the identity by the share
    ``min(b², d²) / d²``, where d² is the distance of S from m I and b² the part of it that the
    sampling error explains.

    Parameters
    ----------
    epoch : array of shape (n_channels, n_times)
        n_times at least 2; the mean of each channel is taken off.
    product : callable
        Multiplies matrices; a slower one than BLAS where the last bits must not depend on its
        number of threads.

    Returns
    -------
    array of shape (n_channels, n_channels), float64
    """
    centred = np.asarray(epoch, dtype=np.float64)
    centred = centred - centred.mean(axis=1, keepdims=True)
    n_channels, n_times = centred.shape
    sample = product(centred, centred.T) / n_times
    mean_variance = np.trace(sample) / n_channels
    target = mean_variance * np.eye(n_channels)
    distance = np.square(sample - target).sum()
    # sum over t of |x xᵀ - S|², without forming a matrix for each t
    fourth = np.square(np.square(centred).sum(axis=0)).sum()
    error = (fourth / n_times - np.square(sample).sum()) / n_times
    share = min(error, distance) / distance if distance > 0 else 0.0
    return np.asarray(share * target + (1 - share) * sample)


def mvnn(epochs: Float32, labels: Sequence[object] | None = None) -> Float64:
    """Return the matrix that makes the noise of all channels alike and independent.

    Parameters
    ----------
    epochs : array of shape (n_epochs, n_channels, n_times)
        Calibration epochs.
    labels : sequence of length n_epochs, or None
        Condition of each epoch. With labels the covariance is averaged within conditions first,
        so that a condition shown often does not count more; without, over all epochs alike.

    Returns
    -------
    array of shape (n_channels, n_channels), float64
        Symmetric; the inverse square root of the mean covariance.

    Raises
    ------
    CalibrationError
        If there is no epoch, a value is not finite, a channel is flat throughout, or labels and
        epochs differ in number.
    """
    _check(epochs)
    groups = list(range(len(epochs))) if labels is None else list(labels)
    if len(groups) != len(epochs):
        raise CalibrationError(
            f"one label an epoch is expected, but {len(groups)} labels came for "
            f"{len(epochs)} epochs: label them all"
        )
    totals: dict[object, Float64] = {}
    counts: dict[object, int] = {}
    for epoch, group in zip(epochs, groups, strict=True):
        covariance = ledoit_wolf(epoch)
        totals[group] = totals[group] + covariance if group in totals else covariance
        counts[group] = counts.get(group, 0) + 1
    mean = sum(totals[g] / counts[g] for g in totals) / np.float64(len(totals))
    variances, directions = np.linalg.eigh(mean)
    if variances[0] <= 0:
        raise CalibrationError(
            f"channels must vary independently, but the smallest of {len(variances)} noise "
            f"variances is {variances[0]:.3g} µV²: leave out channels that copy others"
        )
    return np.asarray(directions / np.sqrt(variances) @ directions.T)


def zscore(epochs: Float32) -> tuple[Float64, Float64]:
    """Return mean and standard deviation of each channel over all epochs and times.

    Parameters
    ----------
    epochs : array of shape (n_epochs, n_channels, n_times)
        Calibration epochs.

    Returns
    -------
    mean, std : arrays of shape (n_channels,), float64
        In the unit of the epochs.

    Raises
    ------
    CalibrationError
        If there is no epoch, a value is not finite, or a channel is flat throughout.
    """
    _check(epochs)
    doubles = np.asarray(epochs, dtype=np.float64)
    return doubles.mean(axis=(0, 2)), doubles.std(axis=(0, 2))


def whiten(epochs: Float32, mean: Float64, whitening: Float64) -> Float32:
    """Return the epochs less the mean, times the whitening matrix.

    Parameters
    ----------
    epochs : array of shape (..., n_channels, n_times)
        One epoch or many.
    mean : array of shape (n_channels,)
        Taken off each channel.
    whitening : array of shape (n_channels, n_channels)
        From :func:`mvnn`, or ``numpy.diag(1 / std)``.

    Returns
    -------
    array of shape (..., n_channels, n_times), float32
        The same last bit for an epoch alone, among others, or in another memory layout.
    """
    # einsum sums in a fixed order, but only over the same layout; BLAS does not even then.
    centred = np.ascontiguousarray(epochs, dtype=np.float64) - mean[:, None]
    matrix = np.ascontiguousarray(whitening)
    return np.asarray(np.einsum("ij,...jt->...it", matrix, centred), dtype=np.float32)


def product_in_order(one: Float64, other: Float64) -> Float64:
    """Multiply matrices, summing in a fixed order, as BLAS does not with other threads."""
    return np.asarray(np.einsum("it,jt->ij", one, np.ascontiguousarray(other.T)))


def _check(epochs: Float32) -> None:
    """Refuse epochs from which no noise can be estimated."""
    if epochs.ndim != 3 or len(epochs) == 0 or epochs.shape[2] < 2:
        raise CalibrationError(
            "noise is estimated on epochs of shape (n, channels, times), n at least 1 and times "
            f"at least 2, not {epochs.shape}: calibrate with more trials"
        )
    if not np.isfinite(epochs).all():
        bad = int((~np.isfinite(epochs).all(axis=(1, 2))).sum())
        raise CalibrationError(
            f"calibration epochs must be complete, but {bad} of {len(epochs)} hold NaN or "
            "infinity: leave rejected epochs out"
        )
    flat = np.flatnonzero((np.ptp(epochs, axis=2) == 0).all(axis=0))
    if len(flat):
        raise CalibrationError(
            f"every channel must vary, but number {', '.join(map(str, flat))} (from 0) is flat "
            f"in all {len(epochs)} epochs: connect or leave it out"
        )
