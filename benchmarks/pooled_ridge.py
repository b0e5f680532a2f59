"""Ridge regression on many people: sums over trials add up, so leaving one out is a subtraction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from saccade.realtime.types import Float32, Float64

ALPHAS = (0.3, 1.0, 3.0, 10.0)
BIN = 5  # samples (20 ms) that are averaged; responses have no more than some 10 Hz

Encode = Callable[[Float32], Float32]


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over trials, which is all that ridge regression looks at.

    Parameters
    ----------
    n : int
        Number of trials.
    x, y : arrays of shape (p,) and (dim,), float64
        Sums of features and targets.
    xx, xy : arrays of shape (p, p) and (p, dim), float32
        Sums of their products.
    """

    n: int
    x: Float64
    y: Float64
    xx: Float32
    xy: Float32

    @classmethod
    def of(cls, epochs: Float32, targets: Float32) -> Moments:
        """Return the sums over trials (n, n_channels, n_times) and targets (n, dim)."""
        x = features(epochs)
        sums = (part.sum(axis=0, dtype=np.float64) for part in (x, targets))
        return cls(len(x), *sums, x.T @ x, x.T @ targets)

    @classmethod
    def total(cls, parts: Sequence[Moments]) -> Moments:
        """Return the sums over the trials of all parts."""
        names = [field.name for field in fields(cls)]
        return cls(*(sum(getattr(part, name) for part in parts) for name in names))

    def ridge(self, alpha: float) -> Encode:
        """Return the regression with a penalty in units of a trial's mean energy."""
        weights, bias = self.weights(alpha)
        return lambda epochs: features(epochs) @ weights + bias

    def weights(self, alpha: float) -> tuple[Float32, Float32]:
        """Return the regression's weights, (p, dim), and bias, (dim,)."""
        mean_x, mean_y = self.x / self.n, self.y / self.n
        gram = self.xx - np.outer(self.x, mean_x).astype(np.float32)
        gram[np.diag_indices(len(gram))] += np.float32(alpha * np.trace(gram) / self.n)
        cross = self.xy - np.outer(self.x, mean_y).astype(np.float32)
        weights = cho_solve(cho_factor(gram, overwrite_a=True, check_finite=False), cross)
        return weights, (mean_y - mean_x @ weights).astype(np.float32)

    def best_ridge(
        self, epochs: Float32, targets: Float32, alphas: Sequence[float] = ALPHAS
    ) -> float:
        """Return the penalty under which other trials come nearest to their targets."""
        return max(alphas, key=lambda alpha: _nearness(self.ridge(alpha)(epochs), targets))


def features(epochs: Float32) -> Float32:
    """Return means over 20 ms, (n, n_channels * n_times / 5)."""
    n, n_channels, n_times = epochs.shape
    bins = epochs.reshape(n, n_channels, n_times // BIN, BIN)
    return np.asarray(bins.mean(axis=3, dtype=np.float32).reshape(n, -1))


def _nearness(vectors: Float32, targets: Float32) -> float:
    """Return the mean cosine with targets of unit length."""
    return float((np.einsum("nd,nd->n", vectors, targets) / np.linalg.norm(vectors, axis=1)).mean())
