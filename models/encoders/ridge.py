"""Ridge regression onto the gallery: the linear encoder every other has to beat.

It has a closed form, needs no more than some tens of trials, and is fitted in about a second, which
makes it the encoder of a first calibration and the yardstick beside every accuracy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from saccade.models.encoders import check_training_data
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32, Float64


@dataclass(frozen=True, slots=True)
class RidgeSettings:
    """How strongly the weights are held back.

    Parameters
    ----------
    alpha : float or None
        Penalty in units of the mean energy of a trial (the summed variance of all features), so
        that it means the same for any montage, window and scale. None: chosen from ``alphas``.
    alphas : tuple of float
        Candidates, all above 0.
    folds : int
        Blocks of consecutive trials that are held out in turn to choose; at least 2.
    """

    alpha: float | None = None
    alphas: tuple[float, ...] = tuple(10.0 ** (k / 2) for k in range(-6, 7))
    folds: int = 5

    def __post_init__(self) -> None:
        """Refuse settings that leave no choice."""
        tried = self.alphas if self.alpha is None else (self.alpha,)
        if not tried or min(tried) <= 0 or not np.isfinite(tried).all():
            raise ConfigError(f"ridge penalties must be finite and above 0, not {tried}")
        if self.folds < 2:
            raise ConfigError(f"choosing a ridge penalty needs at least 2 folds, not {self.folds}")


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """The solutions for all penalties: weights = basis · (loadings / (spectrum + penalty))."""

    centre_x: Float64  # (n_features,), where the prediction is centre_y
    centre_y: Float64  # (dim,)
    basis: Float64  # (n_features, rank)
    spectrum: Float64  # (rank,)
    loadings: Float64  # (rank, dim)
    energy: float  # of the mean trial

    def shrunken(self, alpha: float) -> Float64:
        """Return the weights in the coordinates of the basis, (rank, dim)."""
        return self.loadings / (self.spectrum + alpha * self.energy)[:, None]


class Ridge:
    """Linear regression of the target on every channel and time, with a penalty on the weights.

    The penalty is the candidate whose predictions for held-out blocks have the highest mean cosine
    with their targets, as the cosine is what concepts are ranked by; a squared error would choose
    to predict next to nothing where the signal is weak. Blocks are of consecutive trials, because
    trials close in time share slow noise.

    The map takes the mean epoch of equally frequent concepts to their mean target. Through the
    mean of all trials, as usual, it would lean towards what happened to be shown often.
    """

    settings: RidgeSettings

    def __init__(self, settings: RidgeSettings | None = None) -> None:
        self.settings = settings or RidgeSettings()

    def fit(self, X: Float32, Y: Float32) -> nn.Module:
        """Return the fitted map as a linear layer on the flattened epoch.

        Parameters
        ----------
        X : array of shape (n_trials, n_channels, n_times), float32
            In the order in which they were recorded; at least two trials a fold.
        Y : array of shape (n_trials, dim), float32
            Targets.

        Raises
        ------
        CalibrationError
            If the data does not allow a fit.
        """
        check_training_data(X, Y, least_trials=2 * self.settings.folds)
        features = X.reshape(len(X), -1).astype(np.float64)
        wanted = Y.astype(np.float64)
        alpha = self.settings.alpha or self._choose(features, wanted)
        path = _solve(features, wanted)
        weights = path.basis @ path.shrunken(alpha)  # (n_features, dim)
        bias = path.centre_y - path.centre_x @ weights
        linear = nn.Linear(*weights.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights.T))
            linear.bias.copy_(torch.from_numpy(bias))
        return nn.Sequential(nn.Flatten(), linear).eval()

    def _choose(self, features: Float64, wanted: Float64) -> float:
        """Return the penalty with the best mean score over the held-out blocks."""
        alphas = self.settings.alphas
        scores = np.zeros(len(alphas))
        for train, test in _blocks(len(features), self.settings.folds):
            path = _solve(features[train], wanted[train])
            projected = (features[test] - path.centre_x) @ path.basis
            for number, alpha in enumerate(alphas):
                predicted = projected @ path.shrunken(alpha) + path.centre_y
                scores[number] += _mean_cosine(predicted, wanted[test])
        return alphas[int(np.argmax(scores))]


def _blocks(n: int, folds: int) -> Iterator[tuple[Float64, Float64]]:
    """Yield masks of the training and the held-out trials, one consecutive block at a time."""
    edges = np.linspace(0, n, folds + 1).round().astype(int)
    for start, stop in itertools.pairwise(edges):
        test = np.zeros(n, dtype=bool)
        test[start:stop] = True
        yield ~test, test


def _solve(features: Float64, wanted: Float64) -> _Path:
    """Decompose once, on the smaller side, so that each penalty costs a division."""
    x, y = features - features.mean(axis=0), wanted - wanted.mean(axis=0)
    if x.shape[1] > x.shape[0]:
        spectrum, inner = np.linalg.eigh(x @ x.T)
        basis, loadings = x.T @ inner, inner.T @ y
    else:
        spectrum, basis = np.linalg.eigh(x.T @ x)
        loadings = basis.T @ (x.T @ y)
    share = _equal_shares(wanted)
    return _Path(
        centre_x=share @ features,
        centre_y=share @ wanted,
        basis=basis,
        spectrum=np.maximum(spectrum, 0),
        loadings=loadings,
        energy=float(np.square(x).sum() / len(x)),
    )


def _equal_shares(wanted: Float64) -> Float64:
    """Return weights of the trials, sum 1, by which every concept counts alike."""
    _, concept, count = np.unique(wanted, axis=0, return_inverse=True, return_counts=True)
    return np.asarray(1 / (count[concept.reshape(-1)] * len(count)))


def _mean_cosine(predicted: Float64, wanted: Float64) -> float:
    """Return the mean cosine between predictions and targets; a zero vector counts 0."""
    lengths = np.linalg.norm(predicted, axis=1) * np.linalg.norm(wanted, axis=1)
    products = np.einsum("nd,nd->n", predicted, wanted)
    return float(
        np.divide(products, lengths, out=np.zeros_like(products), where=lengths > 0).mean()
    )
