"""Where the candidate that was shown comes, and what that says of choices among fewer.

Accuracy among N candidates is usually estimated by drawing distractors at random. No draw is
needed: with the place among all known, the number of better ones drawn is hypergeometric.
"""

from __future__ import annotations

import math

import numpy as np

from saccade.models.data.table import Int64
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64


def similarities(vectors: Float32, candidates: Float32) -> Float32:
    """Return the cosine of each prediction with each candidate.

    Parameters
    ----------
    vectors : array of shape (n, D)
        Predictions of any length. A zero vector is as far from all, and so never right.
    candidates : array of shape (G, D)
        Of unit length.

    Returns
    -------
    array of shape (n, G), float32

    Raises
    ------
    CalibrationError
        If sizes differ or a prediction is not finite.
    """
    if vectors.ndim != 2 or len(vectors) == 0 or vectors.shape[1] != candidates.shape[1]:
        raise CalibrationError(
            f"predictions must have shape (n, {candidates.shape[1]}) like the candidates, n at "
            f"least 1, but {vectors.shape} came: use the gallery the encoder was trained for"
        )
    bad = np.flatnonzero(~np.isfinite(vectors).all(axis=1))
    if len(bad):
        raise CalibrationError(
            f"predictions must be finite, but {len(bad)} of {len(vectors)} hold NaN or infinity "
            f"(first: number {bad[0]}): check the encoder and its epochs"
        )
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return np.asarray(unit @ candidates.T, dtype=np.float32)


def ranks(scores: Float32 | Float64, shown: Int64) -> Int64:
    """Return the place of the shown candidate in each ranking, 1 = best.

    Equal scores count against it, so that an encoder that says the same of all is never right.

    Parameters
    ----------
    scores : array of shape (n, G)
        The higher, the likelier.
    shown : array of shape (n,)
        Column of the right one.
    """
    right = scores[np.arange(len(shown)), shown]
    return np.asarray((scores >= right[:, None]).sum(axis=1))


def n_way(places: Int64, n_candidates: int, n_chosen_from: int, k: int) -> Float64:
    """Return the probability of being right among fewer candidates.

    The right one is put among ``n_chosen_from`` - 1 others drawn without replacement from all
    G - 1 others. Of these, b = place - 1 are better. Fewer than k of them must be drawn::

        P(top-k) = sum over j < k of C(b, j) C(G-1-b, N-1-j) / C(G-1, N-1)

    which is what an infinite number of random draws would give, in whole-number arithmetic.

    Parameters
    ----------
    places : array of shape (n,)
        From :func:`ranks`, 1 to G.
    n_candidates : int
        G, all that were ranked.
    n_chosen_from : int
        N, 2 to G.
    k : int
        How far down the right one may come, at least 1.

    Returns
    -------
    array of shape (n,), float64
        0 to 1; for N = G, 1 where the place is at most k.

    Raises
    ------
    CalibrationError
        If a place, N or k is impossible.
    """
    if not 2 <= n_chosen_from <= n_candidates or k < 1:
        raise CalibrationError(
            f"the best k (1 or more) of 2 to {n_candidates} candidates can be looked at, not the "
            f"best {k} of {n_chosen_from}: use a larger gallery or a smaller choice"
        )
    if len(places) == 0 or places.min() < 1 or places.max() > n_candidates:
        said = f"{places.min()} to {places.max()}" if len(places) else "none"
        raise CalibrationError(
            f"at least 1 place between 1 and {n_candidates} is expected, but {said} came"
        )
    drawn = n_chosen_from - 1
    ways = math.comb(n_candidates - 1, drawn)
    distinct, which = np.unique(places, return_inverse=True)
    probability = [
        sum(
            math.comb(better, j) * math.comb(n_candidates - 1 - better, drawn - j)
            for j in range(min(k, n_chosen_from))
        )
        / ways
        for better in (int(place) - 1 for place in distinct)
    ]
    return np.asarray(probability, dtype=np.float64)[which]


def two_way(scores: Float32, shown: Int64) -> Float64:
    """Return the share of the other shown candidates that each trial's own one beats.

    This is the "CLIP 2-way" identification of the literature: the prediction against the true
    vector and one other, over all others that appear in the test; 0.5 is chance.

    Parameters
    ----------
    scores, shown
        As for :func:`ranks`.

    Raises
    ------
    CalibrationError
        If only one candidate was ever shown.
    """
    columns, own = np.unique(shown, return_inverse=True)
    if len(columns) < 2:
        raise CalibrationError("2-way identification needs 2 shown candidates, but 1 came")
    return n_way(ranks(scores[:, columns], own), len(columns), 2, 1)
