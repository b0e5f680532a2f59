"""How sure an accuracy on new concepts is, of which each is shown again and again.

Trials of a concept get much the same answer, and concepts that are ranked among each other share
their rivals. So neither trials nor concepts are independent draws, and an interval over trials is
far too narrow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.models.evaluation.accuracy import wilson
from saccade.models.evaluation.bootstrap import LEAST, Bootstrap, Resampling
from saccade.realtime.types import Float64

DRAWS = 2000
Rows = NDArray[np.intp]


def new_concept_interval(
    scores: Float64, among: NDArray[np.bool_], shown: Rows, top: int, seed: int = 0
) -> tuple[float, float]:
    """Return the 95 % interval of the share of trials whose concept is among the first ``top``.

    It is the wider, at each end, of two: that of a bootstrap over concepts, and that which excludes
    chance if and only if concepts that trade names within their candidates, all trials of one
    together, do as well in less than one of 40 draws. The second is exact where signals say nothing
    of the gallery, whatever else they say; the first is for what lies far from chance. Below 5
    concepts, which can't be drawn anew, Wilson's over trials takes its place.

    Parameters
    ----------
    scores : array of shape (n, n_gallery)
        The higher, the likelier.
    among : array of shape (n, n_gallery), bool
        The candidates of each trial; trials of one concept have the same.
    shown : array of shape (n,), int
        Row of each trial's concept, which is among them.
    top : int
        How many places count, at least 1.
    seed : int
        Of the draws.
    """
    n = len(shown)
    rng = np.random.default_rng(seed)
    right = np.zeros(n)
    traded, chance = np.zeros(DRAWS), 0.0
    sets, which = np.unique(among, axis=0, return_inverse=True)
    for number, candidates in enumerate(sets):
        mine = np.flatnonzero(which.reshape(-1) == number)
        rows = np.flatnonzero(candidates)
        first = _among_the_first(scores[np.ix_(mine, rows)], top)
        own = np.searchsorted(rows, shown[mine])
        right[mine] = first[np.arange(len(mine)), own]
        concepts, of = np.unique(own, return_inverse=True)
        hits = np.zeros((len(concepts), len(rows)))
        np.add.at(hits, of.reshape(-1), first)
        names = rng.permuted(np.tile(np.arange(len(rows)), (DRAWS, 1)), axis=1)
        traded += hits[np.arange(len(concepts)), names[:, : len(concepts)]].sum(axis=1) / n
        chance += hits.mean(axis=1).sum() / n
    share = float(right.mean())
    low, high = np.quantile(traded, [0.025, 0.975], method="closest_observation")
    ends = [share - (high - chance), share + (chance - low)]
    if len(np.unique(shown)) >= LEAST:
        over = Resampling("concepts", draws=DRAWS, seed=seed)
        drawn = Bootstrap(shown.astype(np.int64), np.zeros(n, np.int64), over)
        ends += drawn.measure(right, chance).ci95
    else:
        ends += wilson(float(right.sum()), n)
    return max(0.0, float(min(ends))), min(1.0, float(max(ends)))


def _among_the_first(scores: Float64, top: int) -> Float64:
    """Return, for each trial and candidate, whether it is among the first; ties count as wrong."""
    if top >= scores.shape[1]:
        return np.ones(scores.shape)
    first_out = -np.partition(-scores, top, axis=1)[:, top]
    return np.asarray(scores > first_out[:, None], np.float64)
