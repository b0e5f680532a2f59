"""A new person's vectors, brought to where training put everybody else's.

An encoder trained on other people is turned and stretched for a new one. The repair is an affine
map between encoder and cosine, learned from the person's first trials: from their vectors alone
(:func:`whitening`), or from what was shown as well (:func:`procrustes`, :func:`linear`). Each is
held back towards changing nothing, the more the fewer trials there are.

What can be done to the signal instead is in :mod:`saccade.models.alignment.align_online`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax

from saccade.models.alignment.affine import Alignment, unit_length
from saccade.models.evaluation.probability import fit_temperature
from saccade.models.evaluation.ranking import similarities
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import Float32, Float64

STRENGTHS = (0.1, 1.0, 10.0, 100.0)
PENALTIES = tuple(10.0 ** (k / 2) for k in range(-4, 9))
FOLDS = 5
LEAST_CONCEPTS = 20  # fewer are shown again and again, and held out by time
LEAST_SCALE = 1e-3  # of the frozen map, where its vectors have nothing to do with the targets
NO_SPREAD = 1e-12  # variance of vectors of unit length that is rounding

Rows = NDArray[np.intp]


def whitening(vectors: Float32, shrinkage: float | None = None) -> Alignment:
    """Learn from vectors alone: take off their mean, and make all directions vary alike.

    The matrix is ``((1 - share) S / m + share I)^(-1/2)``, with S the covariance of the vectors
    and m its mean variance. The share is estimated by oracle approximating shrinkage, which,
    unlike Ledoit and Wolf's, is well above 0 for two trials too; so the map is finite however few
    trials there are.

    Parameters
    ----------
    vectors : array of shape (n, D), float32
        The encoder's vectors of unlabelled trials. Zero vectors are left out.
    shrinkage : float or None
        Share of the identity, above 0 to 1, where 1 only takes off the mean; None estimates it.

    Raises
    ------
    CalibrationError
        If fewer than 2 vectors are left, a value is not finite, or all are the same.
    ConfigError
        If the share is out of range.

    References
    ----------
    Subject-adaptive whitening: SATTC (arXiv 2603.20738). Shrinkage: Chen, Wiesel, Eldar & Hero
    (2010), IEEE Trans. Signal Process. 58, eq. 23.
    """
    if shrinkage is not None and not 0 < shrinkage <= 1:
        raise ConfigError(f"shrinkage must be above 0 and at most 1, not {shrinkage}")
    unit = _pointing(vectors)
    n_trials, dim = unit.shape
    mean = unit.mean(axis=0)
    # By torch, which a decoder holds to one thread. numpy's BLAS has as many as its environment
    # says, and with others come other last bits.
    _, lengths, directions = torch.linalg.svd(torch.from_numpy(unit - mean), full_matrices=False)
    variances = np.asarray((lengths.square() / n_trials).numpy())
    mean_variance = float(variances.sum()) / dim
    if variances.sum() < NO_SPREAD:
        raise CalibrationError(
            f"whitening needs vectors that differ, but all {n_trials} are the same: check that "
            "the encoder sees a live signal"
        )
    share = _oracle_share(variances, n_trials, dim) if shrinkage is None else float(shrinkage)
    unseen = share**-0.5  # stretches directions in which no trial differed
    seen = (share + (1 - share) * variances / mean_variance) ** -0.5
    change = (directions.T * torch.from_numpy(seen - unseen)) @ directions
    matrix = change.numpy() + unseen * np.eye(dim)
    return Alignment(
        "whitening",
        mean.astype(np.float32),
        matrix.astype(np.float32),
        n_trials,
        {"shrinkage": share},
    )


def procrustes(
    vectors: Float32,
    targets: Float32,
    strength: float | None = None,
    among: Float32 | None = None,
) -> Alignment:
    """Learn from labelled trials the rotation that turns vectors towards their targets.

    Of all orthogonal R it is the one with the largest ``tr(Rᵀ (Tᵀ P + k I))``, the likeliest if
    the identity was expected (a matrix Langevin distribution around it). k stands for imagined
    trials that needed no rotation, evenly in all directions. Where no vector and no target
    points, R is the identity.

    Parameters
    ----------
    vectors : array of shape (n, D), float32
        The encoder's vectors, P. What all concepts share is taken off, as in :func:`linear`.
    targets : array of shape (n, D), float32
        What they should have been, T: rows of the gallery as it is compared.
    strength : float or None
        Imagined trials for each real one, above 0; None for the value from 0.1 to 100 under
        which held-out trials tell most of what was shown.
    among : array of shape (G, D), float32, or None
        The gallery as it is compared, from which that is then told; None for the targets alone.

    Raises
    ------
    CalibrationError
        If sizes differ, a vector is zero or not finite, or fewer than 2 concepts were shown.
    ConfigError
        If the strength is not above 0.

    References
    ----------
    Schönemann (1966), Psychometrika 31; for this use SCORE (arXiv 2608.19134).
    """
    _check_above_zero("strength", strength)
    p, t, mean = _labelled(vectors, targets)
    if strength is None:
        every, folds, told = np.arange(len(p)), held_out_together(t), _Told(t, among)

        def held_out_told(tried: float) -> float:
            turned = np.empty_like(p)
            for out in folds:
                others = np.setdiff1d(every, out)
                turned[out] = p[out] @ _rotation(p[others], t[others], tried).T
            return told(turned)

        strength = _best(STRENGTHS, held_out_told)
    matrix = _rotation(p, t, strength).astype(np.float32)
    return Alignment("procrustes", mean, matrix, len(p), {"strength": strength})


def linear(
    vectors: Float32,
    targets: Float32,
    penalty: float | None = None,
    among: Float32 | None = None,
) -> Alignment:
    """Learn from labelled trials a linear layer for one person, held back to the frozen map.

    It is ``I + D / s``: s is the number by which vectors explain their targets best, D the ridge
    solution for what that leaves over. With a large penalty it is the identity, and departs from
    it only as far as the trials insist.

    What is taken off before is the person's own level: the mean vector over equally frequent
    concepts, less what these concepts' mean target explains of it. That part is meaning: concepts
    of one kind, say, share it, and without it they would be taken for another.

    Parameters
    ----------
    vectors : array of shape (n, D), float32
        The encoder's vectors.
    targets : array of shape (n, D), float32
        What they should have been: rows of the gallery as it is compared.
    penalty : float or None
        On the squared entries of D, in units of the vectors' mean squared length, above 0; None
        for the value from 0.01 to 10 000 under which held-out trials tell most of what was shown.
    among : array of shape (G, D), float32, or None
        The gallery as it is compared, from which that is then told; None for the targets alone.

    Raises
    ------
    CalibrationError
        If sizes differ, a vector is zero or not finite, or fewer than 2 concepts were shown.
    ConfigError
        If the penalty is not above 0.

    References
    ----------
    What ENIGMA (arXiv 2602.10361) trains for each person, here in closed form.
    """
    _check_above_zero("penalty", penalty)
    p, t, mean = _labelled(vectors, targets)
    u, lengths, directions = np.linalg.svd(p, full_matrices=False)
    power = np.square(lengths)
    energy = power.sum() / len(p)
    scale = max(LEAST_SCALE, float((p * t).sum() / power.sum()))
    left_over = t - scale * p
    if penalty is None:
        folds, told = held_out_together(t), _Told(t, among)

        def held_out_told(tried: float) -> float:
            """Return what refitting D without each fold gives; mean and s stay those of all."""
            kept = u * (power / (power + tried * energy))
            residual = left_over - kept @ (u.T @ left_over)
            predicted = np.empty_like(t)
            for out in folds:
                missing = np.eye(len(out)) - kept[out] @ u[out].T
                predicted[out] = t[out] - np.linalg.solve(missing, residual[out])
            return told(predicted)

        penalty = _best(PENALTIES, held_out_told)
    weights = (left_over.T @ u) * (lengths / (power + penalty * energy))
    matrix = (np.eye(len(mean)) + weights @ directions / scale).astype(np.float32)
    return Alignment("linear", mean, matrix, len(p), {"penalty": penalty, "scale": scale})


def held_out_together(targets: Float32 | Float64) -> list[Rows]:
    """Return which trials are held out together: whole concepts, or, of few, runs of trials.

    Parameters
    ----------
    targets : array of shape (n, D)
        Equal rows are one concept.
    """
    _, concept = np.unique(targets, axis=0, return_inverse=True)
    if concept.max() + 1 >= LEAST_CONCEPTS:
        return [np.flatnonzero(concept.reshape(-1) % FOLDS == fold) for fold in range(FOLDS)]
    n_folds = min(FOLDS, len(targets))
    return [np.asarray(run) for run in np.array_split(np.arange(len(targets)), n_folds)]


def _rotation(p: Float64, t: Float64, strength: float) -> Float64:
    """Return the orthogonal map of centred vectors onto targets, (D, D)."""
    n_trials, dim = p.shape
    span = np.eye(dim)
    if 2 * n_trials < dim:
        span = np.linalg.qr(np.concatenate([p, t]).T)[0]
    inside = np.eye(span.shape[1])
    left, _, right = np.linalg.svd((t @ span).T @ (p @ span) + strength * n_trials / dim * inside)
    return np.asarray(np.eye(dim) + span @ (left @ right - inside) @ span.T)


def _best(candidates: Sequence[float], score: Callable[[float], float]) -> float:
    """Return the candidate with the highest score; of equals the one that holds back most."""
    return max(reversed(candidates), key=score)


class _Told:
    """How much predictions tell of what was shown: mean log probability, at the best temperature.

    That, and not the mean cosine: a map towards what all concepts share brings each prediction
    nearer to its target, and makes them harder to tell apart.
    """

    def __init__(self, wanted: Float64, among: Float32 | None) -> None:
        others = wanted[:0] if among is None else _pointing(among)
        both = np.concatenate([others, wanted])
        concepts, place = np.unique(both, axis=0, return_inverse=True)
        self._concepts = concepts.astype(np.float32)
        self._shown = place.reshape(-1)[len(others) :]

    def __call__(self, predicted: Float64) -> float:
        scores = similarities(predicted.astype(np.float32), self._concepts).astype(np.float64)
        log_p = log_softmax(scores / fit_temperature(scores, self._shown.tolist()), axis=1)
        return float(log_p[np.arange(len(scores)), self._shown].mean())


def _oracle_share(variances: Float64, n_trials: int, dim: int) -> float:
    """Return the share of the identity in a covariance with these eigenvalues, above 0 to 1."""
    square, trace = float(np.square(variances).sum()), float(variances.sum())
    spread = (n_trials + 1 - 2 / dim) * (square - trace**2 / dim)
    together = (1 - 2 / dim) * square + trace**2
    return together / spread if spread > together else 1.0


def _pointing(vectors: Float32) -> Float64:
    """Return the vectors that are not zero, at unit length, in double precision."""
    if vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise CalibrationError(
            "an alignment is learned from finite vectors of shape (n, D), but "
            f"{int((~np.isfinite(vectors)).sum())} values of {vectors.shape} are NaN or infinite: "
            "leave rejected epochs out"
        )
    pointing = vectors[vectors.any(axis=1)]
    if len(pointing) < 2:
        raise CalibrationError(
            f"an alignment needs at least 2 trials, but {len(pointing)} of {len(vectors)} have a "
            "vector other than zero: record more"
        )
    return unit_length(pointing).astype(np.float64)


def _labelled(vectors: Float32, targets: Float32) -> tuple[Float64, Float64, Float32]:
    """Return vectors without the person's level, targets, and the level; all of unit length before.

    The level is found by least squares, with every concept counting alike: vectors are taken to be
    a multiple, at least 0, of their targets, and a level. It is then shrunk by its own uncertainty
    (James and Stein's estimator, positive part): of few noisy trials, next to nothing is left.
    """
    if vectors.shape != targets.shape:
        raise CalibrationError(
            "each trial needs a vector and a target of one size, but vectors of shape "
            f"{vectors.shape} came with targets of shape {targets.shape}"
        )
    unit, wanted = _pointing(vectors), _pointing(targets)
    if not len(unit) == len(wanted) == len(vectors):
        raise CalibrationError(
            f"labelled trials need a direction, but {len(vectors) - len(unit)} vectors and "
            f"{len(vectors) - len(wanted)} targets are zero: leave these trials out"
        )
    _, concept, count = np.unique(wanted, axis=0, return_inverse=True, return_counts=True)
    if len(count) < 2:
        raise CalibrationError(
            f"labelled trials must show at least 2 concepts, but all {len(unit)} show one: show "
            "others too"
        )
    share = 1 / (count[concept.reshape(-1)] * len(count))
    mean_target = share @ wanted
    differing = wanted - mean_target
    slope = (share @ (unit * differing).sum(axis=1)) / (share @ np.square(differing).sum(axis=1))
    slope = max(0.0, float(slope))
    mean = share @ unit - slope * mean_target
    noise = np.square(share) @ np.square(unit - mean - slope * wanted).sum(axis=1)
    doubt = noise / (1 - np.square(share).sum()) / max(np.square(mean).sum(), NO_SPREAD)
    level = np.asarray(max(0.0, 1 - doubt) * mean, dtype=np.float32)
    return unit - level, wanted, level


def _check_above_zero(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < np.inf:
        raise ConfigError(f"{name} must be above 0 and finite, not {value}")
