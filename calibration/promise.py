"""What a decoder promises: between what the accuracy of its next live session will lie.

Not how well the true accuracy is known, but what a session of n trials will show: to the doubt
about the true accuracy comes the luck of n trials, and where new concepts are shown, the luck of
which. The learning curve carries what was held out, from decoders that learned from fewer trials,
to the one that learned from all of them.

It holds for the same person, cap and day, for the same settings, and for trials that pass the same
gates: what changes from one day to another, no single session can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.special import bdtr, betaln, gammaln

from saccade.calibration.learning_curve import Curve, Judged
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64

SURE = 0.95
KEPT = 99  # quantiles of the true accuracy, by which it is remembered
Concepts = Literal["seen", "unseen"]


@dataclass(frozen=True, slots=True)
class Promise:
    """Between what a session's share of right trials will lie, with probability ``sure``.

    Parameters
    ----------
    concepts : {"seen", "unseen"}
        Whether the session shows concepts that the decoder was trained on.
    top : int
        How many of the first count as right.
    gallery : int
        How many concepts are ranked.
    n : int
        Trials of the session.
    expected, low, high : float
        Median, and the ends of the interval; they count as inside.
    chance : float
        What guessing gives.
    sure : float
        Coverage of the interval.
    """

    concepts: Concepts
    top: int
    gallery: int
    n: int
    expected: float
    low: float
    high: float
    chance: float
    sure: float = SURE


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of a decoder's true accuracy, from which it promises for any number of trials.

    Parameters
    ----------
    concepts : {"seen", "unseen"}
        As in :class:`Promise`.
    top, gallery : int
        As in :class:`Promise`.
    chance : float
        As in :class:`Promise`.
    quantiles : tuple of float
        Accuracies between which the truth lies with equal probability, rising.
    inflation : float
        How many times more the hits of a session vary than those of independent trials: 1, or
        more where concepts differ and others are shown than those that were judged.
    """

    concepts: Concepts
    top: int
    gallery: int
    chance: float
    quantiles: tuple[float, ...]
    inflation: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what promises nothing."""
        if not self.quantiles or min(self.quantiles) < 0 or max(self.quantiles) > 1:
            raise CalibrationError("an outlook holds accuracies between 0 and 1, at least one")
        if not self.inflation >= 1:
            raise CalibrationError(f"inflation is at least 1, not {self.inflation}")

    def promise(self, n: int) -> Promise:
        """Return what a session of so many trials will show.

        Parameters
        ----------
        n : int
            Trials that are decoded, at least 1.

        Raises
        ------
        CalibrationError
            If there is no trial to promise anything for.
        """
        if n < 1:
            raise CalibrationError(f"a promise is for at least 1 trial, not {n}")
        below = np.mean([_cumulative(n, p, self.inflation) for p in self.quantiles], axis=0)
        tail = (1 - SURE) / 2
        low = int(np.searchsorted(below, tail, side="right"))
        high = int(np.searchsorted(below, 1 - tail, side="left"))
        middle = float(np.median(self.quantiles))
        return Promise(
            self.concepts, self.top, self.gallery, n, middle, low / n, high / n, self.chance
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them."""
        return asdict(self) | {"quantiles": [round(q, 5) for q in self.quantiles]}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Outlook:
        """Return what :meth:`to_dict` gave."""
        return cls(**{**fields, "quantiles": tuple(fields["quantiles"])})


def outlook(
    judged: Judged, curve: Curve, n_trials: int, concepts: Concepts, n_shown: int | None = None
) -> Outlook:
    """Return what held-out trials say of the decoder that learned from all of them.

    Parameters
    ----------
    judged : Judged
        The held-out trials.
    curve : Curve
        As fitted to them.
    n_trials : int
        That the decoder learned from.
    concepts : {"seen", "unseen"}
        Whether the judged trials showed concepts that were trained on. If not, so that others will
        be shown live, concepts are taken to differ live as they did here, each shown as often.
    n_shown : int or None
        How many concepts a trial can be of, where these are fewer than the gallery has; guessing
        among them is the chance.
    """
    among = judged.candidates if n_shown is None else min(n_shown, judged.candidates)
    shares = (np.arange(KEPT) + 0.5) / KEPT
    return Outlook(
        concepts,
        judged.top,
        judged.candidates,
        min(1.0, judged.top / among),
        tuple(curve.quantiles(n_trials, shares).tolist()),
        1.0 if concepts == "seen" else max(1.0, between_concepts(judged)),
    )


def between_concepts(judged: Judged) -> float:
    """Return how many times more the sum of hits varies for the draw of concepts.

    Each trial counts once, as it was judged after most training.
    """
    order = np.lexsort((judged.trained_on, judged.trial))
    last = order[np.append(np.diff(judged.trial[order]) != 0, True)]
    right, (_, concept) = judged.right[last], np.unique(judged.concept[last], return_inverse=True)
    n_concepts, mean = int(concept.max()) + 1, float(right.mean())
    if n_concepts < 2 or mean in (0.0, 1.0):
        return 1.0
    sums = np.bincount(concept, right - mean)
    naive = len(right) * mean * (1 - mean)
    return float((sums**2).sum() * n_concepts / (n_concepts - 1) / naive)


def _cumulative(n: int, p: float, inflation: float) -> Float64:
    """Return P(hits <= 0, 1, … n): binomial, or beta-binomial with a variance so inflated."""
    hits = np.arange(n + 1)
    correlation = (inflation - 1) / (n - 1) if n > 1 else 0.0
    if correlation <= 1e-9 or p in (0.0, 1.0):
        return np.asarray(bdtr(hits, n, p))
    strength = 1 / min(correlation, 0.999) - 1
    a, b = p * strength, (1 - p) * strength
    ways = gammaln(n + 1) - gammaln(hits + 1) - gammaln(n - hits + 1)
    return np.asarray(np.cumsum(np.exp(ways + betaln(hits + a, n - hits + b) - betaln(a, b))))
