"""Confidence is learned from held-out trials, for the decoder that all trials will make.

The decoders that held-out trials were decoded by had fewer trials to learn from than the one that
will be used, and are less sure with reason. So the temperature is fitted together with how it
falls as trials grow in number, ``T(n) = T · (n / N) ** -growth``, and what is kept is T, that of
all N. ``benchmarks/probability.py`` shows what that is worth.

Everything is fitted by maximum likelihood with a weak prior on what trials may not tell: growth is
expected to be a half, as of an error that falls with the root of the number of trials, a trial in
twenty to tell nothing, and a concept to be shown as often as another. That those shown in the
session will be shown later, and others not, is learned as well, if they are few: two concepts
teach nothing about a third.

An encoder pulls what it predicts towards concepts that it was trained on, also for trials of
others. Where held-out trials are of both kinds, all concepts that were trained on have one bias,
which takes the pull back; both kinds then count half, however many trials there are of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_softmax

from saccade.models.evaluation.accuracy import Z95
from saccade.models.evaluation.confidence import Confidence, Measure, with_lapses
from saccade.models.evaluation.held_out import HeldOut, Mask, Rows
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64

GROWTH, GROWTH_SD = 0.5, 0.05
LAPSE, LAPSE_SD = -3.0, 2.0  # logit
BIAS_SD, SHOWN_SD, PULL_SD = 1.0, 5.0, 2.0
LEAST_OF_EACH = 20  # held-out trials of a concept, or of a kind, for it to have a bias
LOG_T_RANGE = (np.log(1e-4), np.log(1e4))
MOST_BIAS = 20.0


@dataclass(frozen=True, slots=True, eq=False)
class Likelihood:
    """A confidence for every number of training trials.

    Parameters
    ----------
    measure, bias, lapse
        As in :class:`~saccade.models.evaluation.confidence.Confidence`; ``bias`` of every
        concept, (n_gallery,).
    log_temperature : float
        Logarithm of the temperature of a decoder of ``n_trials`` trials.
    growth : float
        By which power of the number of trials the temperature falls.
    n_trials : int
        Trials that the final decoder is trained on.
    pull : float
        By how much less likely concepts are that were trained on: the logarithm, added to their
        bias.
    """

    measure: Measure
    log_temperature: float
    growth: float
    bias: Float64
    lapse: float
    n_trials: int
    pull: float = 0.0

    def confidence(self, names: Sequence[str], taught: Mask) -> Confidence:
        """Return that of the final decoder; ``taught`` has which concepts it was trained on."""
        biases = self.bias + self.pull * taught
        bias = {names[row]: float(biases[row]) for row in np.flatnonzero(biases).tolist()}
        return Confidence(self.measure, float(np.exp(self.log_temperature)), bias, self.lapse)

    def log_probabilities(self, held_out: HeldOut) -> Float64:
        """Return those of trials by the decoders that they were held out of, (n, n_gallery).

        Concepts that a trial is not ranked among have minus infinity.
        """
        share = np.log(held_out.trained_on / self.n_trials)
        cold = np.exp(self.growth * share - self.log_temperature)
        biases = self.bias + self.pull * held_out.taught
        logits = _scores(held_out, self.measure) * cold[:, None] + biases
        return with_lapses(np.where(held_out.among, logits, -np.inf), biases, self.lapse)


def fit_likelihood(
    held_out: HeldOut,
    n_trials: int,
    measure: Measure,
    *,
    biased: bool = False,
    pulled: bool = False,
) -> Likelihood:
    """Return the likelihood under which held-out trials are most probable.

    Parameters
    ----------
    held_out : HeldOut
        The trials.
    n_trials : int
        Trials that the final decoder is trained on.
    measure : {"cosine", "dot"}
        What is divided by the temperature.
    biased : bool
        Whether each concept that is shown has a bias.
    pulled : bool
        Whether those that were trained on have one together. Then trials of known and of new
        concepts count half each, of which there must be some.

    Raises
    ------
    CalibrationError
        If there is no trial.
    """
    if len(held_out) == 0:
        raise CalibrationError(
            "a confidence is learned from held-out trials, but there is none: record more"
        )
    among, rows = held_out.among, np.arange(len(held_out))
    scores = np.where(among, _scores(held_out, measure), 0.0)
    share = np.log(held_out.trained_on / n_trials)
    shown = np.unique(held_out.shown) if biased else np.empty(0, dtype=np.intp)
    width = np.concatenate([[GROWTH_SD, LAPSE_SD, SHOWN_SD, PULL_SD], np.full(len(shown), BIAS_SD)])
    taught = held_out.taught if pulled else np.zeros_like(among)
    weight = _halved(held_out.known) if pulled else np.ones(len(held_out))
    right = np.zeros(among.shape)
    right[rows, held_out.shown] = 1.0

    def objective(parameters: Float64) -> tuple[float, Float64]:
        """Return the negative log posterior and its gradient."""
        log_temperature, growth, lapse_logit, together, pull = parameters[:5]
        bias = np.zeros(among.shape[1])
        bias[shown] = parameters[5:] + together
        biases = bias + pull * taught
        lapse = expit(lapse_logit)
        scaled = scores * np.exp(growth * share - log_temperature)[:, None]
        log_q = log_softmax(np.where(among, scaled + biases, -np.inf), axis=1)
        log_u = log_softmax(np.where(among, biases, -np.inf), axis=1)
        looked = np.log1p(-lapse) + log_q[rows, held_out.shown]
        away = np.log(lapse) + log_u[rows, held_out.shown]
        log_p = np.logaddexp(looked, away)
        attended = np.exp(looked - log_p)  # probability that the trial was no lapse
        by_logits = (weight * attended)[:, None] * (np.exp(log_q) - right)
        by_scale = (by_logits * scaled).sum(axis=1)
        by_biases = by_logits + (weight * (1 - attended))[:, None] * (np.exp(log_u) - right)
        by_bias = by_biases.sum(axis=0)[shown]
        off = np.concatenate(
            [[growth - GROWTH, lapse_logit - LAPSE, together, pull], parameters[5:]]
        )
        by_lapse = weight @ (attended * lapse - (1 - attended) * (1 - lapse))
        one_each = [-by_scale.sum(), by_scale @ share, by_lapse, by_bias.sum()]
        gradient = np.concatenate([one_each, [(by_biases * taught).sum()], by_bias])
        gradient[1:] += off / width**2
        return float(np.square(off / width).sum() / 2 - weight @ log_p), gradient

    size = float(np.std(scores[among])) or 1.0
    start = np.zeros(5 + len(shown))
    start[:3] = np.clip(np.log(size), *LOG_T_RANGE), GROWTH, LAPSE
    free = MOST_BIAS if biased else 0.0
    most = MOST_BIAS if pulled else 0.0
    bounds = [LOG_T_RANGE, (-1.0, 2.0), (-12.0, 3.0), (-free, free), (-most, most)]
    bounds += [(-free, free)] * len(shown)
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    bias = np.zeros(among.shape[1])
    bias[shown] = found[5:] + found[3]
    return Likelihood(
        *(measure, float(found[0]), float(found[1]), bias, float(expit(found[2])), n_trials),
        pull=float(found[4]),
    )


def cross_fitted(
    held_out: HeldOut,
    n_trials: int,
    measure: Measure,
    *,
    biased: bool = False,
    pulled: bool = False,
) -> Float64:
    """Return log probabilities of trials by what was fitted on the other parts of the session.

    So no trial has a say in its own. Of a single part, each half is fitted on the other.
    Parameters and layout are as for :func:`fit_likelihood` and
    :meth:`Likelihood.log_probabilities`.

    Raises
    ------
    CalibrationError
        If there are not two trials.
    """
    block = held_out.part
    if len(np.unique(block)) < 2:
        block = (held_out.trial > np.median(held_out.trial)).astype(np.intp)
    log_p = np.empty_like(held_out.cosines)
    for number in np.unique(block):
        mine = block == number
        others = held_out.of(~mine)
        fitted = fit_likelihood(
            others, n_trials, measure, biased=biased, pulled=pulled and _both_kinds(others)
        )
        log_p[mine] = fitted.log_probabilities(held_out.of(mine))
    return log_p


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """The likelihood that was chosen, and what it says of trials it was not fitted on.

    Parameters
    ----------
    likelihood : Likelihood
        Fitted on all held-out trials.
    log_p : array of shape (n, n_gallery)
        As from :func:`cross_fitted`.
    """

    likelihood: Likelihood
    log_p: Float64


def choose_likelihood(held_out: HeldOut, n_trials: int, *, few: bool) -> Fit:
    """Return the likelihood under which trials it was not fitted on are most probable.

    The length of a vector usually says how clear a trial is. So it is left out of account only
    where cosines alone are better beyond doubt.

    Parameters
    ----------
    held_out, n_trials
        As for :func:`fit_likelihood`.
    few : bool
        Whether the same few concepts are shown again and again, so that how often each is shown
        may be learned where there are 20 trials of each.
    """
    counts = np.unique(held_out.shown, return_counts=True)[1]
    may = (False, True) if few and counts.min() >= LEAST_OF_EACH else (False,)
    rows: Rows = np.arange(len(held_out))
    pulled = not few and _both_kinds(held_out)
    ways: list[tuple[Measure, bool]] = [(m, biased) for biased in may for m in get_args(Measure)]
    said = [
        cross_fitted(held_out, n_trials, measure, biased=biased, pulled=pulled)
        for measure, biased in ways
    ]
    told = [log_p[rows, held_out.shown] for log_p in said]
    best = int(np.argmax([values.mean() for values in told]))
    if ways[best][0] == "cosine":
        longer = ways.index(("dot", ways[best][1]))
        lag = told[best] - told[longer]
        if lag.mean() <= Z95 * lag.std() / len(lag) ** 0.5:
            best = longer
    measure, biased = ways[best]
    return Fit(
        fit_likelihood(held_out, n_trials, measure, biased=biased, pulled=pulled), said[best]
    )


def _both_kinds(held_out: HeldOut) -> bool:
    """Return whether there are enough trials of concepts that were trained on, and of others."""
    known = held_out.known
    return bool(min(known.sum(), (~known).sum()) >= LEAST_OF_EACH)


def _halved(known: Mask) -> Float64:
    """Return what each trial counts, so that known and new concepts weigh half each."""
    share = known.mean()
    return np.asarray(np.where(known, 0.5 / share, 0.5 / (1 - share)))


def _scores(held_out: HeldOut, measure: Measure) -> Float64:
    if measure == "cosine":
        return held_out.cosines
    return held_out.cosines * held_out.lengths[:, None]
