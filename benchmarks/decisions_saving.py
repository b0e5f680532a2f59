"""What a rule saves at the accuracy of a fixed number of repetitions, without flattering it.

A sweep of the threshold draws a curve of accuracy over mean epochs. Where it first reaches a level
is biased: the largest of many noisy values is too high, so that the level seems to be reached too
early. The curve is therefore made monotone by isotonic regression, which averages; and the interval
goes from where the accuracy can be told from the level to where it can again (a test inverted, as
in Fieller's interval), which holds where the curve is flat, too. Trials are drawn anew within each
person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from saccade.realtime.types import Float64

DRAWS = 2000


@dataclass(frozen=True)
class Swept:
    """What the same trials came to under fixed numbers of epochs, and under every threshold.

    Parameters
    ----------
    fixed : array of shape (n_fixed, n_trials), float64
        1 where it was right after so many epochs (1, 2, ...), else 0.
    right, taken : array of shape (n_thresholds, n_trials), float64
        The same under each threshold, lowest first, and the epochs it took.
    person : array of shape (n_trials,), intp
        Whose trial it is.
    """

    fixed: Float64
    right: Float64
    taken: Float64
    person: np.ndarray

    def weights(self, draws: int) -> Float64:
        """Return the share of each trial in each draw; the first is all trials as they are."""
        rng = np.random.default_rng(0)
        people = np.unique(self.person)
        made = np.zeros((draws, len(self.person)))
        for one in people:
            own = np.flatnonzero(self.person == one)
            drawn = rng.multinomial(len(own), np.full(len(own), 1 / len(own)), size=draws)
            drawn[0] = 1
            made[:, own] = drawn / len(own) / len(people)
        return made


def saving(swept: Swept, k: int, weights: Float64) -> tuple[float, float, float]:
    """Return the share of k epochs that a threshold of equal accuracy saves, and its 95 % interval.

    NaN where no threshold is as right. Where even the highest can't be told from k epochs, the
    lower bound is what that saves: it may be less.
    """
    means = swept.taken @ weights[0]
    apart = weights @ (swept.right - swept.fixed[k - 1]).T
    low, high = np.quantile(apart, [0.025, 0.975], axis=0)
    monotone = [isotonic_regression(curve).x for curve in (apart[0], low, high)]
    found, latest, earliest = (float(np.interp(0.0, curve, means)) for curve in monotone)
    if monotone[0][-1] < 0:
        found = np.nan
    return 1 - found / k, 1 - latest / k, 1 - earliest / k


def gain(swept: Swept, k: int, weights: Float64) -> tuple[float, float, float]:
    """Return by how much a threshold is more often right, at k epochs on average, and its 95 %."""
    right, taken = weights @ swept.right.T, weights @ swept.taken.T
    at_k = np.array([np.interp(k, m, a) for m, a in zip(taken, right, strict=True)])
    drawn = at_k - weights @ swept.fixed[k - 1]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return float(drawn[0]), float(low), float(high)
