"""Whether more evidence is worth its time.

Let the best alternative have posterior p1 and the second p2, and let further epochs bring evidence
of information I between the two: the logarithm of their likelihood ratio is then drawn from
N(I/2, I) if the first is true and N(-I/2, I) if the second is, as for Gaussian signals in Gaussian
noise (Green and Swets, 1966, Signal Detection Theory and Psychophysics; I is d'^2). Afterwards the
better one is chosen. Of the cases in which either is true the share that is then chosen rightly is

    q Φ((l + I/2) / √I) + (1 - q) Φ((-l + I/2) / √I),    q = p1 / (p1 + p2), l = log(p1 / p2),

so that the expected rise is (p1 + p2) times this, less p1. It is exact for two alternatives; with
more, one may also win who is third now, so that the true rise is larger.

The value of one more epoch can be nil though that of three is not, so looking one step ahead stops
too early. Evidence pays if there is *any* number of further epochs whose expected rise is more than
they cost (the KG(*) policy of Frazier and Powell, 2010, Paradoxes in learning and the marginal
value of information, Decision Analysis 7:378).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from saccade.realtime.types import Float64

HORIZON = 64  # epochs that are looked ahead, where nothing else limits them


def expected_rise(p1: float, p2: float, information: Float64) -> Float64:
    """Return by how much the probability of being right is expected to rise, (n,).

    Parameters
    ----------
    p1, p2 : float
        Posterior of the best and of the second, p1 ≥ p2 ≥ 0, p1 above 0.
    information : array of shape (n,)
        d'^2 between the two in what may come, at least 0.
    """
    if p2 <= 0:
        return np.zeros_like(information)
    both, odds = p1 + p2, np.log(p1 / p2)
    root = np.sqrt(np.maximum(information, np.finfo(np.float64).tiny))
    right = p1 * ndtr(odds / root + root / 2) + p2 * ndtr(-odds / root + root / 2)
    return np.asarray(np.where(information > 0, np.clip(right, p1, both) - p1, 0.0))


def pays(p1: float, p2: float, information: Float64, cost: Float64) -> bool:
    """Return whether some number of further epochs is expected to be worth its cost.

    Parameters
    ----------
    p1, p2, information
        As for :func:`expected_rise`; the n-th entry for n further epochs.
    cost : array of shape (n,)
        What they cost, as a probability of being right.
    """
    return bool((expected_rise(p1, p2, information) > cost).any())
