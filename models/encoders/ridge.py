"""Ridge regression onto the gallery: the linear encoder every other has to beat.

It has a closed form, needs no more than some tens of trials, and is fitted in about a second, which
makes it the encoder of a first calibration and the yardstick beside every accuracy.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from saccade.models.encoders import FittedEncoder, check_training_data
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32, Float64

Mask = NDArray[np.bool_]


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
    share: Float64  # (n,), weights of the trials in the centres
    inner: Float64  # (n_features, rank); (n, rank) where features outnumber trials
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

    def fit(self, X: Float32, Y: Float32, ch_names: Sequence[str] = ()) -> FittedEncoder:
        """Return the fitted map as a linear layer on the flattened epoch.

        Parameters
        ----------
        X : array of shape (n_trials, n_channels, n_times), float32
            In the order in which they were recorded; at least two trials a fold.
        Y : array of shape (n_trials, dim), float32
            Targets.
        ch_names : sequence of str
            Not used.

        Raises
        ------
        CalibrationError
            If the data does not allow a fit.
        """
        del ch_names
        check_training_data(X, Y, least_trials=2 * self.settings.folds)
        trials = _Trials.of(X.reshape(len(X), -1).astype(np.float64), Y.astype(np.float64))
        every = np.ones(len(X), dtype=bool)
        path = trials.solve(every)
        weights = trials.basis(every, path) @ path.shrunken(self._penalty(trials))
        bias = path.centre_y - path.centre_x @ weights
        linear = nn.Linear(*weights.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weights.T))
            linear.bias.copy_(torch.from_numpy(bias))
        return FittedEncoder(nn.Sequential(nn.Flatten(), linear).eval())

    def _penalty(self, trials: _Trials) -> float:
        """Return the penalty that was given, or the one that predicts held-out blocks best."""
        if self.settings.alpha is not None:
            return self.settings.alpha
        alphas = self.settings.alphas
        scores = np.zeros(len(alphas))
        for train, test in _blocks(len(trials.wanted), self.settings.folds):
            path = trials.solve(train)
            projected = trials.projected(train, test, path)
            for number, alpha in enumerate(alphas):
                predicted = projected @ path.shrunken(alpha) + path.centre_y
                scores[number] += _mean_cosine(predicted, trials.wanted[test])
        return alphas[int(np.argmax(scores))]


@dataclass(frozen=True, slots=True, eq=False)
class _Trials:
    """Features and targets; where features outnumber trials, the products of all trials too.

    With these a fold costs nothing that grows with the number of features.
    """

    features: Float64  # (n, n_features)
    wanted: Float64  # (n, dim)
    products: Float64 | None  # (n, n)

    @classmethod
    def of(cls, features: Float64, wanted: Float64) -> _Trials:
        wide = features.shape[1] > features.shape[0]
        return cls(features, wanted, features @ features.T if wide else None)

    def solve(self, rows: Mask) -> _Path:
        """Decompose some trials once, so that each penalty costs a division."""
        y = self.wanted[rows] - self.wanted[rows].mean(axis=0)
        if self.products is None:
            x = self.features[rows] - self.features[rows].mean(axis=0)
            square = x.T @ x
            energy = np.trace(square)
            spectrum, inner = np.linalg.eigh(square)
            loadings = inner.T @ (x.T @ y)
        else:
            square = _centred(self.products[np.ix_(rows, rows)])
            energy = np.trace(square)
            spectrum, inner = np.linalg.eigh(square)
            loadings = inner.T @ y
        share = _equal_shares(self.wanted[rows])
        return _Path(
            centre_x=share @ self.features[rows],
            centre_y=share @ self.wanted[rows],
            share=share,
            inner=inner,
            spectrum=np.maximum(spectrum, 0),
            loadings=loadings,
            energy=float(energy / rows.sum()),
        )

    def basis(self, rows: Mask, path: _Path) -> Float64:
        """Return the directions in which the trials were decomposed, (n_features, rank)."""
        if self.products is None:
            return path.inner
        x = self.features[rows] - self.features[rows].mean(axis=0)
        return np.asarray(x.T @ path.inner)

    def projected(self, rows: Mask, others: Mask, path: _Path) -> Float64:
        """Return other trials, less the centre, in those directions, (n_others, rank)."""
        if self.products is None:
            return np.asarray((self.features[others] - path.centre_x) @ path.inner)
        # (f - centre) · (x_i - mean), from products of trials alone
        cross = self.products[np.ix_(others, rows)]
        own = path.share @ self.products[np.ix_(rows, rows)]
        moved = cross - own
        return np.asarray((moved - moved.mean(axis=1, keepdims=True)) @ path.inner)


def _blocks(n: int, folds: int) -> Iterator[tuple[Mask, Mask]]:
    """Yield masks of the training and the held-out trials, one consecutive block at a time."""
    edges = np.linspace(0, n, folds + 1).round().astype(int)
    for start, stop in itertools.pairwise(edges):
        test = np.zeros(n, dtype=bool)
        test[start:stop] = True
        yield ~test, test


def _centred(products: Float64) -> Float64:
    """Return the products of vectors less their mean, from the products of the vectors."""
    means = products.mean(axis=0)
    return np.asarray(products - means - means[:, None] + means.mean())


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
