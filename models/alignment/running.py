"""Statistics that follow a session, and cannot run away from it.

A mean and a covariance, each exponentially forgetting, each starting where calibration had it and
bound to its neighbourhood. After every step the value is projected onto a convex set that contains
the calibration's value and depends on no data:

* the mean: a ball around the calibration's mean;
* the covariance, relative to the calibration's (which is the identity): the symmetric matrices with
  eigenvalues from 1/25 to 25.

So no input can take them further, not even the worst. Projections onto convex sets bring no two
points further apart (in the Frobenius norm), and leave a point of the set where it is; so an update
moves the value by no more than its step, and the step is capped too.

Sums run in a fixed order and eigenvectors are torch's, which a decoder holds to one thread: the
same trials in the same order give the same values to the last bit.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch

from saccade.realtime.types import Float64

FARTHEST_MEAN = 0.2  # where vectors have unit length
HIGHEST = 25.0  # eigenvalue, and the inverse of the lowest: amplitudes of five times and a fifth
TRUSTED = 0.5 * float(np.log(HIGHEST))  # RMS log eigenvalue with which calibration still has a say
QUICKEST_MEAN = 4 * FARTHEST_MEAN  # a memory; so to the edge it takes a quarter of one
QUICKEST_COVARIANCE = 4.0  # the same; RMS over directions, in the calibration's variance


class Follower(Protocol):
    """A statistic that follows a session."""

    @property
    def distance(self) -> float:
        """How far it is from calibration: 0, to 1 at the edge of what is trusted."""
        ...

    def step(self, sample: Float64, share: float) -> None:
        """Move a share of the way, above 0 to 1, to the mean of some trials."""
        ...


class RunningMean:
    """The mean of recent vectors, in a ball around the calibration's.

    Parameters
    ----------
    centre : array of shape (D,), float64
        The calibration's mean of vectors of unit length.

    Attributes
    ----------
    shift : array of shape (D,), float64
        How far the mean has moved; at most :data:`FARTHEST_MEAN` long.
    """

    def __init__(self, centre: Float64) -> None:
        self._centre = centre
        self.shift: Float64 = np.zeros_like(centre)

    @property
    def value(self) -> Float64:
        """The mean."""
        return np.asarray(self._centre + self.shift)

    @property
    def distance(self) -> float:
        """Length of the shift, relative to the longest allowed."""
        return min(1.0, _length(self.shift) / FARTHEST_MEAN)

    def step(self, sample: Float64, share: float) -> None:
        """Move a share of the way to the mean of some vectors, (D,)."""
        step = share * (sample - self.value)
        moved = self.shift + _shortened(step, share * QUICKEST_MEAN)
        self.shift = _shortened(moved, FARTHEST_MEAN)


class RunningCovariance:
    """The covariance of recent trials relative to the calibration's, near the identity.

    Parameters
    ----------
    size : int
        Number of channels.

    Attributes
    ----------
    covariance : array of shape (size, size), float64
        Symmetric; eigenvalues up to :data:`HIGHEST`, and down to its inverse.
    undoing : array of shape (size, size), float64
        Its inverse root, by which trials look as those of the calibration did; exactly the
        identity before the first step.
    distance : float
        RMS of the logarithms of the eigenvalues, relative to :data:`TRUSTED`, at most 1.
    """

    def __init__(self, size: int) -> None:
        self._identity = np.eye(size)
        self._quickest = float(QUICKEST_COVARIANCE * np.sqrt(size))
        self.covariance = self.undoing = self._identity
        self.distance = 0.0

    def step(self, sample: Float64, share: float) -> None:
        """Move a share of the way to the mean covariance of some trials, (size, size)."""
        step = share * (sample - self.covariance)
        moved = self.covariance + _shortened(step, share * self._quickest)
        variances, directions = _eigen(moved)
        variances = np.clip(variances, 1 / HIGHEST, HIGHEST)
        self.covariance = _composed(directions, variances)
        self.undoing = _composed(directions, variances**-0.5)
        self.distance = min(1.0, float(np.sqrt(np.square(np.log(variances)).mean())) / TRUSTED)


def _shortened(change: Float64, longest: float) -> Float64:
    """Return a change, brought to a length if it is longer."""
    length = _length(change)
    return change if length <= longest else np.asarray(change * (longest / length))


def _length(change: Float64) -> float:
    return float(np.sqrt(np.square(change).sum()))


def _eigen(symmetric: Float64) -> tuple[Float64, Float64]:
    """Return eigenvalues and eigenvectors, not by a BLAS with any number of threads."""
    variances, directions = torch.linalg.eigh(torch.from_numpy((symmetric + symmetric.T) / 2))
    return np.asarray(variances.numpy()), np.asarray(directions.numpy())


def _composed(directions: Float64, values: Float64) -> Float64:
    """Return the symmetric matrix with these eigenvectors and eigenvalues."""
    vectors = torch.from_numpy(directions)
    return np.asarray(((vectors * torch.from_numpy(values)) @ vectors.T).numpy())
