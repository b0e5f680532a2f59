"""Whether the order of a session tells its concepts apart, without any response to them.

Signals drift, and people tire. Where one concept comes early in the runs and another late, or where
one is shown many times running, a decoder learns the drift, and held-out trials bear it out. No
control with permuted labels sees that; only the order in which concepts were shown tells.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from saccade.realtime.types import Float64

THIRDS = 3  # of a run
Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Order:
    """How well concepts were mixed.

    Parameters
    ----------
    association : float, 0 to 1
        Of concept and third of the run: Cramér's V without its bias (Bergsma, 2013, Journal of the
        Korean Statistical Society 42:323). 1: the third tells the concept.
    p : float
        Probability of as large a chi-squared where every trial's concept is drawn by itself.
    repeated, expected : float
        Share of trials that show what the trial before them showed, and what independent draws
        would give.
    excess_z : float
        By how many standard errors of these the first is above the second.
    """

    association: float
    p: float
    repeated: float
    expected: float
    excess_z: float


def order_of(labels: tuple[str, ...], runs: Rows, onsets_s: Float64) -> Order:
    """Return how well the concepts of a session were mixed.

    Parameters
    ----------
    labels : tuple of str, length n_trials
        Concept of each trial, in the order of time; of two at least.
    runs : array of shape (n_trials,), intp
        Number of each trial's run.
    onsets_s : array of shape (n_trials,), float64
        Time of its marker on the clock of its run.
    """
    names, concept = np.unique(labels, return_inverse=True)
    concept = concept.reshape(-1)
    third = np.zeros(len(labels), dtype=np.intp)
    for run in np.unique(runs):
        mine = runs == run
        since = onsets_s[mine] - onsets_s[mine].min()
        third[mine] = np.minimum(THIRDS - 1, THIRDS * since / max(since.max(), 1e-9))
    counts = np.zeros((len(names), THIRDS))
    np.add.at(counts, (concept, third), 1)
    association, p = _association(counts[:, counts.any(axis=0)])
    same_run = runs[1:] == runs[:-1]
    n = max(1, int(same_run.sum()))
    repeated = float((concept[1:] == concept[:-1])[same_run].mean()) if same_run.any() else 0.0
    expected = float(((counts.sum(axis=1) / len(labels)) ** 2).sum())
    error = math.sqrt(expected * (1 - expected) / n)
    return Order(association, p, repeated, expected, (repeated - expected) / error)


def _association(counts: Float64) -> tuple[float, float]:
    """Return Cramér's V of a table without empty rows, and the p-value of its chi-squared."""
    n, (rows, columns) = counts.sum(), counts.shape
    if columns < 2:
        return 0.0, 1.0
    expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / n
    chi2 = float(((counts - expected) ** 2 / expected).sum())
    freedom = (rows - 1) * (columns - 1)
    phi2 = max(0.0, (chi2 - freedom * n / (n - 1)) / n)
    smaller = min(size - (size - 1) ** 2 / (n - 1) for size in (rows, columns)) - 1
    share = phi2 / smaller if smaller > 0 else 0.0
    return math.sqrt(min(1.0, share)), float(chdtrc(freedom, chi2))
