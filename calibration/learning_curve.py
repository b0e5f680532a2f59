"""How accuracy grows with the trials it is learned from, and what more of them would give.

The signals of an encoder's answer are taken as Gaussian: the shown concept's score lies d' standard
deviations above those of the others. What is learned from k trials has an error of variance
proportional to 1/k beside the signal's own, so that::

    d'(k) = strength * sqrt(k / (k + half))

which rises to ``strength`` and has half of its information after ``half`` trials (the law of linear
discriminants: Raudys and Jain, 1991, IEEE TPAMI 13:252). Or there is nothing to learn, and it is 0
for ever. Accuracy among m candidates follows from
d' (Green and Swets, 1966); both unknowns are estimated together, on a grid, from every trial that
was ever held out, and all uncertainty is what the trials leave open. A curve of two numbers is no
law of nature: the further it is carried beyond the trials it was seen at, the less it is worth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr

from saccade.models.evaluation.bootstrap import LEAST
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64, frozen

# d' after any number of trials: none at all, or some; 8 is never wrong
STRENGTHS = np.linspace(0.0, 8.0, 201)
NOTHING = 0.5  # probability, before any trial, that there is nothing to learn
HALVES = np.geomspace(10.0, 1e5, 60)  # trials
SURE = 0.8  # of the intervals over what was extrapolated
DOUBT = 1.25  # for what the law itself may get wrong
FARTHEST = 10  # times the present trials; what is said of more would be a guess
_DISTANCES = np.linspace(0.0, 8.0, 801)


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Held-out trials, each judged after one or several numbers of training trials.

    Parameters
    ----------
    trained_on : array of shape (m,), int
        Number of trials that the encoder had learned from.
    right : array of shape (m,), float64
        1 where the shown concept was among the first ``top``, else 0; or, of 2 candidates, the
        share of the other class's trials that were beaten.
    trial, concept : arrays of shape (m,), int
        Which trial it is, the same at each number it was judged at, and what it showed.
    candidates, top : int
        Among how many, and how many of them count.
    """

    trained_on: NDArray[np.intp]
    right: Float64
    trial: NDArray[np.intp]
    concept: NDArray[np.intp]
    candidates: int
    top: int = 1

    def __post_init__(self) -> None:
        """Refuse what gives no curve."""
        sizes = {len(a) for a in (self.trained_on, self.right, self.trial, self.concept)}
        if sizes == {0} or len(sizes) != 1:
            raise CalibrationError(
                "a learning curve needs judged trials, and number, outcome, trial and concept of "
                f"each, but {sorted(sizes)} came"
            )
        if not 1 <= self.top < self.candidates:
            raise CalibrationError(
                f"the first {self.top} of {self.candidates} candidates are always right: ask for "
                f"1 to {self.candidates - 1}"
            )
        if self.right.min() < 0 or self.right.max() > 1 or self.trained_on.min() < 1:
            raise CalibrationError(
                "outcomes lie between 0 and 1, after at least 1 training trial, but "
                f"{self.right.min():g} to {self.right.max():g} came, after "
                f"{self.trained_on.min()} or more"
            )

    @property
    def chance(self) -> float:
        """What guessing gives."""
        return self.top / self.candidates


@dataclass(frozen=True, slots=True)
class Interval:
    """An accuracy that is expected, and between what it lies with probability ``sure``."""

    expected: float
    low: float
    high: float
    sure: float


@dataclass(frozen=True, slots=True)
class More:
    """How many more trials an accuracy takes.

    ``expected`` or ``high`` is None where the trials so far do not say that any number up to
    :data:`FARTHEST` times the present one reaches it.
    """

    target: float
    expected: int | None
    low: int | None
    high: int | None
    sure: float


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """All curves that the trials allow, each with its weight.

    Parameters
    ----------
    weights : array of shape (n_strengths, n_halves)
        Sum to 1.
    candidates, top : int
        As of :class:`Judged`.
    """

    weights: Float64
    candidates: int
    top: int

    def quantiles(self, trained_on: float, shares: Float64) -> Float64:
        """Return the accuracies below which the truth lies with given probabilities.

        Parameters
        ----------
        trained_on : float
            Number of training trials, above 0.
        shares : array of shape (n,)
            Rising, between 0 and 1.
        """
        accuracies = _right(_distance(trained_on), self.candidates, self.top)
        return _weighted_quantiles(accuracies.ravel(), self.weights.ravel(), shares)

    def at(self, trained_on: float, sure: float = SURE) -> Interval:
        """Return the accuracy after so many training trials; expected is the median."""
        tail = (1 - sure) / 2
        low, middle, high = self.quantiles(trained_on, np.array([tail, 0.5, 1 - tail]))
        return Interval(float(middle), float(low), float(high), sure)

    def more_for(self, target: float, n_now: int) -> More:
        """Return how many trials beyond the present number an accuracy takes.

        Parameters
        ----------
        target : float
            Accuracy, below 1.
        n_now : int
            Trials that there are.
        """
        needed = _needed(target, self.candidates, self.top) - n_now
        tail = (1 - SURE) / 2
        found = _weighted_quantiles(
            np.maximum(needed, 0.0).ravel(), self.weights.ravel(), np.array([tail, 0.5, 1 - tail])
        )
        low, middle, high = (
            round(float(n)) if n <= FARTHEST * n_now else None for n in found.tolist()
        )
        return More(target, middle, low, high, SURE)


def fit_curve(judged: Judged) -> Curve:
    """Return the curves that judged trials allow.

    Before any trial, it is as likely as not that there is nothing to learn; if there is, all
    strengths up to 8 are alike likely, and all orders of magnitude of ``half`` from 10 to 100,000
    trials. A trial that was judged several times, or that shows a
    concept like others, is no new evidence: the likelihood is divided by what that makes the
    variance of their sum larger than that of independent ones, as in Ribatet et al. (2012,
    Statistica Sinica 22:813), and a quarter more, for no learner keeps to the law.

    Raises
    ------
    CalibrationError
        As from :class:`Judged`.
    """
    sizes, which = np.unique(judged.trained_on, return_inverse=True)
    n = np.bincount(which).astype(np.float64)
    right = np.bincount(which, judged.right)
    likelihood = np.zeros((len(STRENGTHS), len(HALVES)))
    for size, hits, total in zip(sizes.tolist(), right, n, strict=True):
        p = np.clip(_right(_distance(size), judged.candidates, judged.top), 1e-12, 1 - 1e-12)
        likelihood += hits * np.log(p) + (total - hits) * np.log1p(-p)
    likelihood /= DOUBT * max(1.0, inflation(judged))
    weights = np.exp(likelihood - likelihood.max())
    weights[0] *= NOTHING / (1 - NOTHING) * (len(STRENGTHS) - 1)
    return Curve(frozen(weights / weights.sum()), judged.candidates, judged.top)


def inflation(judged: Judged) -> float:
    """Return how many times more the sum of outcomes varies than that of independent hits.

    The outcomes of a trial are summed over its repeated judgements, as deviations from what is
    usual after so many training trials; so are those of a concept, over all its trials, where there
    are enough concepts: of a few, deviations cancel. The larger of the two counts.
    """
    _, which = np.unique(judged.trained_on, return_inverse=True)
    n = np.bincount(which)
    usual = np.bincount(which, judged.right) / n
    naive = float((n * usual * (1 - usual)).sum())
    if naive <= 0:
        return float(len(judged.trial) / len(np.unique(judged.trial)))
    deviation, found = judged.right - usual[which], []
    for member, least in ((judged.trial, 2), (judged.concept, LEAST)):
        _, cluster = np.unique(member, return_inverse=True)
        sums = np.bincount(cluster, deviation)
        if len(sums) >= least:
            found.append((sums**2).sum() * len(sums) / (len(sums) - 1) / naive)
    return float(max(found, default=len(judged.trial) / len(np.unique(judged.trial))))


def _distance(trained_on: float) -> Float64:
    """Return d' of each curve after so many trials, (n_strengths, n_halves)."""
    return np.asarray(STRENGTHS[:, None] * np.sqrt(trained_on / (trained_on + HALVES)))


def _needed(target: float, candidates: int, top: int) -> Float64:
    """Return after how many trials each curve reaches an accuracy; infinity if never."""
    wanted = float(np.interp(target, _accuracies(candidates, top), _DISTANCES))
    with np.errstate(divide="ignore", invalid="ignore"):
        # Of the information; of a target that is chance, none.
        share = np.nan_to_num((wanted / STRENGTHS[:, None]) ** 2, nan=0.0, posinf=np.inf)
        return np.where(share < 1, HALVES * share / np.maximum(1 - share, 0), np.inf)


def _right(distance: Float64, candidates: int, top: int) -> Float64:
    """Return the probability that a concept so far above the others is among the first."""
    return np.interp(distance, _DISTANCES, _accuracies(candidates, top))


@cache
def _accuracies(candidates: int, top: int) -> Float64:
    """Return accuracy at each of the distances: fewer than ``top`` others lie above."""
    score = np.linspace(-6.0, 14.0, 2001)
    below = bdtr(top - 1, candidates - 1, ndtr(-score))
    density = np.exp(-0.5 * (score - _DISTANCES[:, None]) ** 2)
    return frozen(density @ below / density.sum(axis=1))


def _weighted_quantiles(values: Float64, weights: Float64, shares: Float64) -> Float64:
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, shares * reached[-1])
    return np.asarray(values[order][np.minimum(places, len(order) - 1)])
