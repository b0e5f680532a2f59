"""How much several epochs say together, learned from held-out trials of a calibration.

Four epochs say less than four times what one says, for two reasons. Epochs that follow each other
share slow noise. And the decoder errs in the same way whenever it sees the same thing: where it
takes a cup for a glass, it will do so again. Both make the evidence of two epochs go together,
given what is shown. The first is measured between neighbouring trials, whatever they show, each
without the mean of its own concept's trials; the second as the correlation under which what trials
of one concept far apart say together, in front of one decoder, is most probable.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from saccade.realtime.errors import CalibrationError
from saccade.realtime.evidence.weighing import shares
from saccade.realtime.types import Float64

LAGS = 5  # trials apart that still count as neighbours
OWN_MEAN = 5  # trials of a concept from which it has a mean of its own
TOGETHER = 8  # trials of a concept whose evidence is looked at together, at most
LEAST_TRIALS = 10
KNOWN = 5  # trials of a concept from which its prior is known
LEAST_PRIOR = 1e-6
MOST = 0.95

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class EvidenceFit:
    """What evidence needs to know of a decoder.

    Parameters
    ----------
    correlation : float
        Of the evidence of two epochs of a trial, given what is shown, 0 to 0.95.
    d_prime : float
        How well one epoch tells two of the concepts shown apart, on average over pairs.
    n : int
        Trials it was measured on.
    prior : dict of str to float
        Probability of concepts within the decoder's own probabilities, whatever it sees; those
        that are not named share the rest. Empty where concepts are too many to know.
    """

    correlation: float
    d_prime: float
    n: int
    prior: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def fit_evidence(
    log_p: Float64, truth: Rows, order: Rows, names: Sequence[str], decoder: Rows | None = None
) -> EvidenceFit:
    """Return how much one epoch says, and what several have in common.

    All is of the concepts that were shown, as they are what decisions will be between. With d the
    distance of two concepts in the noise, the logarithm of their likelihood ratio has
    mean d^2/2 in favour of the one shown; so d^2 is twice its mean over trials and other concepts.

    Within calibrated probabilities there is a prior: their mean over trials, be it in a bias or in
    what the encoder has learned. It is measured where every concept shown has at least 5 trials,
    and divided out.

    The two parts of the correlation, of slow noise and of steady errors, are taken for independent.
    Where a concept has fewer than 5 trials, the first is centred on the mean of all; where none has
    two, the second is not known, and left out.

    Parameters
    ----------
    log_p : array of shape (n, C), float64
        Logarithms of calibrated probabilities of trials that nothing was fitted to; NaN or -inf
        where a concept was not a candidate.
    truth : array of shape (n,), intp
        Column of the concept that was shown.
    order : array of shape (n,), intp
        Number of each trial in the session, so that neighbours differ by 1. A trial may come more
        than once, before several decoders.
    names : sequence of str, length C
        Of the concepts.
    decoder : array of shape (n,), intp, or None
        Which of several decoders said it; None: they are all of one.

    Raises
    ------
    CalibrationError
        If shapes differ, there are fewer than 10 trials with two candidates that are ever shown,
        or the truth of one is no candidate.
    """
    n = len(truth)
    said_by = np.zeros(n, np.intp) if decoder is None else decoder
    shapes = {order.shape, said_by.shape}
    if log_p.ndim != 2 or log_p.shape[0] != n or shapes != {(n,)} or n < LEAST_TRIALS:
        raise CalibrationError(
            "evidence is weighed by at least 10 held-out trials with a truth and a number each, "
            f"but log-probabilities of shape {log_p.shape} came with {n} and {order.size}"
        )
    known = np.isfinite(log_p)
    rows = np.arange(n)
    if not known[rows, truth].all():
        raise CalibrationError(
            "the concept shown must be among the candidates, but is not in "
            f"{int((~known[rows, truth]).sum())} of {n} trials: leave them out"
        )
    prior = _prior(np.where(known, log_p, -np.inf), truth, names)
    shown, truth = np.unique(truth, return_inverse=True)  # what decisions will be between
    log_p = (log_p - np.log(shares(names, prior, "prior")))[:, shown]
    known = known[:, shown]
    several = known.sum(axis=1) > 1
    if several.sum() < LEAST_TRIALS:
        raise CalibrationError(
            f"evidence is for one of several, but of the {len(shown)} concepts shown only "
            f"{int(several.sum())} trials had more than one to choose from: show more"
        )
    log_p, known, truth = log_p[several], known[several], truth[several]
    order, said_by, rows = order[several], said_by[several], np.arange(several.sum())
    values = np.where(known, log_p, 0.0)
    counts = known.sum(axis=1)
    true = values[rows, truth]
    others = (values.sum(axis=1) - true) / (counts - 1)
    d_prime = float(np.sqrt(max(0.0, 2 * np.mean(true - others))))
    contrast = np.where(known, values - (values.sum(axis=1) / counts)[:, None], 0.0)
    slow = _of_neighbours(_centred(contrast, truth), order, said_by)
    steady = _of_repetitions(np.where(known, log_p, -np.inf), truth, order, said_by)
    together = min(MOST, 1 - (1 - slow) * (1 - steady))
    return EvidenceFit(together, d_prime, len(rows), prior)


def _prior(log_p: Float64, truth: Rows, names: Sequence[str]) -> dict[str, float]:
    """Return the mean probability of each concept shown, if each has trials enough."""
    shown, counts = np.unique(truth, return_counts=True)
    if counts.min() < KNOWN:
        return {}
    mean = np.maximum(np.exp(log_p).mean(axis=0), LEAST_PRIOR)
    mean /= mean.sum()
    return {names[column]: float(mean[column]) for column in shown}


def _centred(values: Float64, truth: Rows) -> Float64:
    """Return trials without the mean of their concept, or of all where it has too few."""
    centred: Float64 = values - values.mean(axis=0)
    for concept in np.unique(truth):
        own = truth == concept
        if own.sum() >= OWN_MEAN:
            scale = np.sqrt(own.sum() / (own.sum() - 1))  # the mean has taken its part
            centred[own] = scale * (values[own] - values[own].mean(axis=0))
    return centred


def _of_neighbours(noise: Float64, order: Rows, said_by: Rows) -> float:
    """Return the correlation of trials 1 to LAGS apart, 0 to MOST."""
    together = apart = 0.0
    for one in np.unique(said_by):
        own = np.flatnonzero(said_by == one)
        own = own[np.argsort(order[own], kind="stable")]
        power = np.square(noise[own]).sum(axis=1)
        for lag in range(1, LAGS + 1):
            distance = order[own[lag:]] - order[own[:-lag]]
            near = (distance > 0) & (distance <= LAGS)
            both = (noise[own[:-lag]] * noise[own[lag:]]).sum(axis=1)
            together += float(both[near].sum())
            apart += float(0.5 * (power[:-lag] + power[lag:])[near].sum())
    return float(np.clip(together / apart, 0.0, MOST)) if apart > 0 else 0.0


def _of_repetitions(log_p: Float64, truth: Rows, order: Rows, said_by: Rows) -> float:
    """Return the correlation under which repeated trials are most probable together, 0 to MOST."""
    sums, numbers, meant = [], [], []
    for group in np.unique(np.stack([said_by, truth]), axis=1).T:
        own = np.flatnonzero((said_by == group[0]) & (truth == group[1]))
        own = own[np.argsort(order[own], kind="stable")]
        apart = math.ceil(len(own) / TOGETHER)  # so that slow noise is not counted once more
        for start in range(apart):
            run = own[start::apart]
            if len(run) < 2:
                continue
            sums.append(np.cumsum(log_p[run], axis=0)[1:])
            numbers.append(np.arange(2, len(run) + 1))
            meant.append(truth[run[1:]])
    if not sums:
        return 0.0
    total, n, column = np.concatenate(sums), np.concatenate(numbers), np.concatenate(meant)
    rows = np.arange(len(n))

    def surprise(correlation: float) -> float:
        """Return the mean negative log-likelihood of what was shown."""
        weighed = total / (1 + (n - 1) * correlation)[:, None]
        return -float(log_softmax(weighed, axis=1)[rows, column].mean())

    found = minimize_scalar(surprise, bounds=(0.0, MOST), method="bounded", options={"xatol": 1e-3})
    return float(found.x) if surprise(found.x) < surprise(0.0) else 0.0
