"""How good a decoder is, with everything needed to judge the number beside it.

An accuracy without its n, chance level and interval invites wrong conclusions, so none of these
functions gives one alone.
"""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from saccade.realtime.errors import CalibrationError

Z95 = statistics.NormalDist().inv_cdf(0.975)  # scipy.stats would take half a second to import


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Single-trial retrieval accuracy.

    Parameters
    ----------
    top1, top5 : float
        Share of trials whose concept came first, or among the first five.
    n : int
        Number of trials.
    gallery : int
        Number of concepts chosen from.
    chance_top1, chance_top5 : float
        Expected share for a ranking drawn at random.
    ci95_top1 : tuple of float
        Wilson's 95 % interval of ``top1``.
    majority_top1 : float
        What always naming the commonest concept would give; with few concepts shown, this and
        not ``chance_top1`` is what has to be beaten.
    """

    top1: float
    top5: float
    n: int
    gallery: int
    chance_top1: float
    chance_top5: float
    ci95_top1: tuple[float, float]
    majority_top1: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self) | {"ci95_top1": list(self.ci95_top1)}


@dataclass(frozen=True, slots=True)
class PermutationTest:
    """An accuracy beside those of permuted labels.

    ``p`` is the share of permutations, the true order counted among them, that do as well: with
    N permutations it can't be below ``1 / (N + 1)``.
    """

    observed: float
    mean: float
    range95: tuple[float, float]
    p: float
    n_permutations: int


def accuracy(ranks: Sequence[int], gallery_size: int, labels: Sequence[str]) -> Accuracy:
    """Return the accuracy of trials whose concept is known.

    Parameters
    ----------
    ranks : sequence of int, length n
        Place of each trial's concept in its ranking, 1 = best.
    gallery_size : int
        Number of concepts ranked.
    labels : sequence of str, length n
        Concept of each trial.

    Raises
    ------
    CalibrationError
        If there is no trial, numbers of ranks and labels differ, or a rank is impossible.
    """
    if len(ranks) == 0 or len(ranks) != len(labels):
        raise CalibrationError(
            "accuracy needs at least one trial and a label for each, but "
            f"{len(ranks)} ranks and {len(labels)} labels came"
        )
    if min(ranks) < 1 or max(ranks) > gallery_size:
        raise CalibrationError(
            f"ranks among {gallery_size} concepts lie between 1 and {gallery_size}, but "
            f"{min(ranks)} to {max(ranks)} came"
        )
    n = len(ranks)
    hits = sum(rank == 1 for rank in ranks)
    return Accuracy(
        top1=hits / n,
        top5=sum(rank <= 5 for rank in ranks) / n,
        n=n,
        gallery=gallery_size,
        chance_top1=1 / gallery_size,
        chance_top5=min(5, gallery_size) / gallery_size,
        ci95_top1=wilson(hits, n),
        majority_top1=max(Counter(labels).values()) / n,
    )


def wilson(hits: float, n: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share of ``hits`` in ``n`` trials, n at least 1."""
    share = hits / n
    scale = 1 + Z95**2 / n
    middle = share + Z95**2 / (2 * n)
    half = Z95 * math.sqrt(share * (1 - share) / n + Z95**2 / (4 * n**2))
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def auc(scores: ArrayLike, positive: ArrayLike) -> float:
    """Return the area under the ROC curve.

    It is the probability that a trial of the positive class scores higher than one of the
    other; equal scores count half.

    Parameters
    ----------
    scores : array of shape (n,)
        The higher, the more positive.
    positive : array of shape (n,), bool
        The truth.

    Raises
    ------
    CalibrationError
        If a class has no trial.
    """
    in_favour, _ = placements(scores, positive)
    return float(in_favour.mean())


def auc_interval(scores: ArrayLike, positive: ArrayLike) -> tuple[float, float]:
    """Return the 95 % interval of :func:`auc`, after DeLong, on the logit scale.

    Where the classes do not overlap, DeLong's variance is 0; the interval is then Wilson's for
    as many trials as the smaller class has, which is wider than the truth.

    Parameters
    ----------
    scores, positive
        As for :func:`auc`.

    Raises
    ------
    CalibrationError
        If a class has fewer than two trials.
    """
    in_favour, against = placements(scores, positive)
    smaller = min(len(in_favour), len(against))
    if smaller < 2:
        raise CalibrationError(
            "an interval of the AUC needs 2 trials of each class, but "
            f"{len(in_favour)} and {len(against)} came: record more"
        )
    area = float(in_favour.mean())
    if area in (0.0, 1.0):
        return wilson(area * smaller, smaller)
    variance = in_favour.var(ddof=1) / len(in_favour) + against.var(ddof=1) / len(against)
    middle = math.log(area / (1 - area))
    half = Z95 * math.sqrt(variance) / (area * (1 - area))
    return 1 / (1 + math.exp(half - middle)), 1 / (1 + math.exp(-half - middle))


def permutation_test(
    predicted: Sequence[object], truth: Sequence[object], n_permutations: int, seed: int
) -> PermutationTest:
    """Compare top-1 accuracy with that of the same predictions under permuted labels.

    Parameters
    ----------
    predicted, truth : sequences of length n
        Best concept and true concept of each trial.
    n_permutations : int
        At least 1.
    seed : int
        Of the permutations.

    Raises
    ------
    CalibrationError
        If there is no trial or the lengths differ.
    """
    said, true = _coded(predicted, truth)
    rng = np.random.default_rng(seed)
    permuted = np.array([(said == rng.permutation(true)).mean() for _ in range(n_permutations)])
    return _tested(float((said == true).mean()), permuted)


def concept_permutation_test(
    predicted: Sequence[object],
    truth: Sequence[object],
    n_permutations: int,
    seed: int,
    concept: Sequence[object] | None = None,
) -> PermutationTest:
    """Compare top-1 accuracy with that of the same predictions when concepts trade names.

    All trials of a concept keep together. Answers to one concept's trials resemble each other, so
    that permuting trial by trial would make chance look narrower than it is. With K concepts
    there are K! permutations: a few are too few.

    Parameters
    ----------
    predicted, truth, n_permutations, seed
        As for :func:`permutation_test`.
    concept : sequence of length n, or None
        Of each trial, where ``truth`` is one of several pictures of it; None where ``truth`` is
        the concept. The k-th picture of one takes the name of the k-th of the other, counted
        round where that has fewer.

    Raises
    ------
    CalibrationError
        If there is no trial or the lengths differ.
    """
    said, true = _coded(predicted, truth)
    blocks, _ = _coded(truth if concept is None else concept, truth)
    pairs, own = np.unique(np.stack([blocks, true]), axis=1, return_inverse=True)
    _, first, block, sizes = np.unique(
        pairs[0], return_index=True, return_inverse=True, return_counts=True
    )
    names = pairs[1]  # of the pictures, those of a concept together
    shares = np.zeros((len(names), 1 + int(max(said.max(), true.max()))))
    np.add.at(shares, (own.reshape(-1), said), 1 / len(true))
    rows = np.arange(len(names))
    place = rows - first[block]
    rng = np.random.default_rng(seed)
    permuted = np.empty(n_permutations)
    for number in range(n_permutations):
        taken = rng.permutation(len(sizes))[block]  # the concept whose names a picture takes
        permuted[number] = shares[rows, names[first[taken] + place % sizes[taken]]].sum()
    return _tested(float((said == true).mean()), permuted)


def _coded(
    predicted: Sequence[object], truth: Sequence[object]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return both as numbers, the same for the same value."""
    if len(truth) == 0 or len(predicted) != len(truth):
        raise CalibrationError(
            "a permutation test needs at least one trial and a label for each, but "
            f"{len(predicted)} predictions and {len(truth)} labels came"
        )
    codes: dict[object, int] = {}
    said = np.array([codes.setdefault(value, len(codes)) for value in predicted])
    return said, np.array([codes.setdefault(value, len(codes)) for value in truth])


def _tested(observed: float, permuted: NDArray[np.float64]) -> PermutationTest:
    low, high = np.quantile(permuted, [0.025, 0.975])
    as_good = np.count_nonzero(permuted >= observed - 1e-9)  # sums differ in the last bits
    return PermutationTest(
        observed=observed,
        mean=float(permuted.mean()),
        range95=(float(low), float(high)),
        p=float((1 + as_good) / (1 + len(permuted))),
        n_permutations=len(permuted),
    )


def placements(
    scores: ArrayLike, positive: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each positive trial the share of the others it beats, and the reverse.

    The mean of either is the area under the ROC curve; equal scores count half.

    Parameters
    ----------
    scores, positive
        As for :func:`auc`.

    Raises
    ------
    CalibrationError
        If a class has no trial.
    """
    values = np.asarray(scores, dtype=np.float64)
    truth = np.asarray(positive, dtype=bool)
    if values.shape != truth.shape or truth.all() or not truth.any():
        raise CalibrationError(
            "an AUC needs one score a trial and both classes, but "
            f"{values.size} scores, {int(truth.sum())} positive and {int((~truth).sum())} other "
            "trials came"
        )
    everywhere = _ranks(values)
    n_positive, n_other = int(truth.sum()), int((~truth).sum())
    in_favour = (everywhere[truth] - _ranks(values[truth])) / n_other
    against = 1 - (everywhere[~truth] - _ranks(values[~truth])) / n_positive
    return in_favour, against


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return places from 1, lowest first; equal values share the mean of theirs."""
    _, which, count = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((count.cumsum() - (count - 1) / 2)[which])
