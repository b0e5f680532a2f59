"""Coordinates of meaning: the leading principal components of a gallery."""

from __future__ import annotations

import math

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32, Float64


def component_scores(embeddings: Float32, n_names: int, n_components: int, power: float) -> Float64:
    """Return where every concept lies on the leading principal components.

    Parameters
    ----------
    embeddings : array of shape (G, D), float32
        Scaled to unit length and centred before anything else.
    n_names : int
        How many rows there must be.
    n_components : int
        How many components, at most the number of directions in which the gallery varies.
    power : float
        0 gives every component unit variance; 1 leaves them as they are but for a common scale.

    Returns
    -------
    array of shape (G, n_components), float64
        Uncorrelated, of zero mean and unit mean square over all.

    Raises
    ------
    ConfigError
        If names and rows differ in number, a row has no direction or is not finite, or there are
        too few directions.
    """
    if embeddings.ndim != 2 or len(embeddings) != n_names:
        raise ConfigError(
            f"embeddings must have one row a name, but their shape is {embeddings.shape} for "
            f"{n_names} names: pass names and vectors of one gallery"
        )
    if not np.isfinite(embeddings).all():
        raise ConfigError("embeddings must be finite, but NaN or infinity came: remove those rows")
    vectors = embeddings.astype(np.float64)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not lengths.all():
        raise ConfigError("every embedding must point somewhere, but some are zero: remove those")
    vectors /= lengths
    left, strength, right = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)
    rank = int((strength > 1e-6 * max(strength[0], 1e-30)).sum())
    if rank < n_components:
        raise ConfigError(
            f"{n_components} components need a gallery that varies in as many directions, but "
            f"it has {rank}: lower n_components or use more concepts"
        )
    # The sign of a component is arbitrary, and libraries differ in it.
    largest = np.abs(right[:n_components]).argmax(axis=1)
    sign = np.sign(right[np.arange(n_components), largest])
    weights = strength[:n_components] ** power
    weights /= np.sqrt(np.square(weights).mean())
    return np.asarray(left[:, :n_components] * sign * weights * math.sqrt(n_names))
