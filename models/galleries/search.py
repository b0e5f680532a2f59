"""Exact nearest neighbours: one matrix product, then the best of each row of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32

BLOCK_SCORES = 2**26  # scores held at once, 256 MiB


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """The nearest rows of each query, best first.

    Parameters
    ----------
    rows : array of shape (n_queries, k), int64
        Of the gallery.
    scores : array of shape (n_queries, k), float32
        Inner products: cosines, for vectors of unit length.
    """

    rows: NDArray[np.int64]
    scores: Float32


def search(vectors: Float32, queries: Float32, k: int) -> Hits:
    """Return the k rows with the highest inner product, for each query.

    Parameters
    ----------
    vectors : array of shape (G, D), float32
        What is searched, at unit length as a rule.
    queries : array of shape (n, D), float32
        What to look for.
    k : int
        How many, 1 to G. Equal scores come in the order of the rows.

    Raises
    ------
    GalleryError
        If shapes do not fit, k is out of range, or a query is not finite.
    """
    check_queries(vectors.shape, queries, k)
    rows = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    step = max(1, BLOCK_SCORES // len(vectors))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        # A single query as a vector: BLAS reads the gallery once and keeps nothing.
        products = (vectors @ block[0])[None] if len(block) == 1 else block @ vectors.T
        for number, row in enumerate(products, start):
            rows[number] = best(row, k)
            scores[number] = row[rows[number]]
    return Hits(rows, scores)


def best(scores: Float32, k: int) -> NDArray[np.int64]:
    """Return the positions of the k highest scores, best first; equal ones in their order."""
    least = np.partition(scores, len(scores) - k)[len(scores) - k]
    candidates = np.flatnonzero(scores >= least)
    order = np.argsort(-scores[candidates], kind="stable")[:k]
    return np.asarray(candidates[order], dtype=np.int64)


def check_queries(shape: tuple[int, ...], queries: Float32, k: int) -> None:
    """Refuse queries that can't be looked for among vectors of this shape."""
    if queries.ndim != 2 or queries.shape[1] != shape[1]:
        raise GalleryError(
            f"queries must be of shape (n, {shape[1]}) for a gallery of that many components, not "
            f"{queries.shape}: use the model the gallery was built with"
        )
    if not 1 <= k <= shape[0]:
        raise GalleryError(f"of {shape[0]} concepts 1 to {shape[0]} can be asked for, not {k}")
    if not np.isfinite(queries).all():
        bad = int((~np.isfinite(queries).all(axis=1)).sum())
        raise GalleryError(
            f"queries must be finite, but {bad} of {len(queries)} hold NaN or infinity: remove them"
        )
