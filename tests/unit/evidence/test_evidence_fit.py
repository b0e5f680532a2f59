"""What several epochs say together, learned from trials in which it is known; and rates in bits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import log_softmax

from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.evidence.fit import fit_evidence
from saccade.realtime.evidence.information import mutual_bits, wolpaw_bits
from saccade.realtime.evidence.weighing import posterior


def simulated(n, n_concepts, d, drift, seed):
    """Return log-probabilities of concepts at equal distances d, in noise that drifts slowly."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_concepts, size=n)
    slow = np.repeat(rng.normal(size=(n // 20 + 1, n_concepts)), 20, axis=0)[:n]
    noise = math.sqrt(drift) * slow + math.sqrt(1 - drift) * rng.normal(size=(n, n_concepts))
    places = d / math.sqrt(2) * np.eye(n_concepts)  # so that two are d apart
    x = places[truth] + noise
    return log_softmax(x @ places.T, axis=1), truth


def names(n):
    return tuple(f"concept {number}" for number in range(n))


@pytest.mark.parametrize("drift", [0.0, 0.2, 0.4])
def test_distance_and_correlation_are_found(drift):
    log_p, truth = simulated(6000, 4, 1.5, drift, 0)
    found = fit_evidence(log_p, truth, np.arange(6000), names(4))
    assert found.d_prime == pytest.approx(1.5, abs=0.08)
    share = 0.87  # of neighbours up to 5 apart, those within one stretch of 20
    assert found.correlation == pytest.approx(share * drift, abs=0.06)


def test_a_posterior_with_the_correlation_means_what_it_says():
    """Four epochs in a row of one stretch: with it 80 % are 80 %, without it they are fewer."""
    drift, d, n_concepts = 0.4, 1.5, 3
    fit = fit_evidence(
        *simulated(6000, n_concepts, d, drift, 1), np.arange(6000), names(n_concepts)
    )
    rng = np.random.default_rng(2)
    slow = math.sqrt(drift) * rng.normal(size=(5000, 1, n_concepts))
    noise = slow + math.sqrt(1 - drift) * rng.normal(size=(5000, 4, n_concepts))
    places = d / math.sqrt(2) * np.eye(n_concepts)
    totals = log_softmax((places[0] + noise) @ places.T, axis=2).sum(axis=1)

    def excess(correlation):
        """Return by how much confidence is above the share that is right."""
        p = np.array([posterior(np.zeros(n_concepts), t, 4, correlation) for t in totals])
        return p.max(axis=1).mean() - (p.argmax(axis=1) == 0).mean()

    assert excess(0.0) > 0.06
    assert abs(excess(fit.correlation)) < 0.02


def test_an_error_that_is_always_the_same_counts_as_what_epochs_share():
    """A decoder whose picture of each concept is a little wrong errs the same way every time."""
    rng = np.random.default_rng(4)
    n_concepts, d = 6, 1.5
    places = d / math.sqrt(2) * np.eye(n_concepts)
    wrong = places + 0.6 * rng.normal(size=places.shape)

    def said(shown, noise):
        x = places[shown] + noise
        return log_softmax(x @ wrong.T - 0.5 * np.square(wrong).sum(axis=1), axis=-1)

    truth = rng.integers(n_concepts, size=3000)
    log_p = said(truth, rng.normal(size=(3000, n_concepts)))
    fit = fit_evidence(log_p, truth, 10 * np.arange(3000), names(n_concepts))
    assert fit.correlation > 0.03
    shown = rng.integers(n_concepts, size=3000)
    totals = said(shown[:, None], rng.normal(size=(3000, 8, n_concepts))).sum(axis=1)

    def excess(correlation):
        p = np.array([posterior(np.zeros(n_concepts), t, 8, correlation) for t in totals])
        return p.max(axis=1).mean() - (p.argmax(axis=1) == shown).mean()

    assert excess(0.0) > 0.04
    assert abs(excess(fit.correlation)) < 0.5 * excess(0.0)


def test_the_same_trial_before_several_decoders_is_no_repetition():
    log_p, truth = simulated(2000, 4, 1.5, 0.0, 5)
    twice = [np.concatenate([x, x]) for x in (log_p, truth, np.arange(2000))] + [names(4)]
    by = np.repeat([0, 1], 2000)
    once = fit_evidence(log_p, truth, np.arange(2000), names(4))
    again = fit_evidence(*twice, by)
    assert again.correlation == pytest.approx(once.correlation, abs=1e-3)
    assert once.correlation < 0.06


def test_the_prior_within_a_decoder_is_found_wherever_it_hides():
    """Where one of two is shown four times as often, a calibrated decoder expects it."""
    rng = np.random.default_rng(6)
    truth = (rng.random(4000) < 0.2).astype(int)
    x = 1.2 * truth + rng.normal(size=4000)
    odds = 1.2 * x - 0.72 + math.log(0.2 / 0.8)  # of 1, as Bayes has it
    log_p = log_softmax(np.stack([np.zeros(4000), odds], axis=1), axis=1)
    with_third = np.column_stack([log_p, np.full(4000, -25.0)])
    for told in (log_p, with_third):
        fit = fit_evidence(told, truth, 10 * np.arange(4000), names(told.shape[1]))
        assert fit.prior["concept 1"] == pytest.approx(0.2, abs=0.02)
    alone = fit_evidence(log_p, truth, 10 * np.arange(4000), names(2))
    assert alone.d_prime == pytest.approx(1.2, abs=0.1)
    few = fit_evidence(log_p[:12], truth[:12], np.arange(12), names(2))
    assert few.prior == {}


def test_trials_of_few_repetitions_and_other_candidates_will_do():
    log_p, truth = simulated(400, 40, 1.0, 0.0, 3)
    among = np.random.default_rng(0).random(log_p.shape) < 0.5
    among[np.arange(400), truth] = True
    found = fit_evidence(np.where(among, log_p, -np.inf), truth, np.arange(400), names(40))
    assert found.d_prime == pytest.approx(1.0, abs=0.15)
    assert found.correlation < 0.05


@pytest.mark.parametrize(
    ("log_p", "truth", "said"),
    [
        (np.zeros((9, 2)), np.zeros(9, int), "at least 10 held-out trials"),
        (np.full((12, 2), -np.inf), np.zeros(12, int), "not in 12 of 12 trials"),
        (np.zeros((12, 2)), np.zeros(12, int), "only 0 trials had more than one"),
    ],
)
def test_too_little_to_learn_from_is_refused(log_p, truth, said):
    with pytest.raises(CalibrationError, match=said):
        fit_evidence(log_p, truth, np.arange(len(truth)), names(2))


def test_wolpaw_bits_at_the_places_where_they_are_known():
    assert wolpaw_bits(1.0, 4) == pytest.approx(2.0)
    assert wolpaw_bits(0.25, 4) == 0.0
    assert wolpaw_bits(0.0, 4) == 0.0  # a decoder that is always wrong earns no praise
    assert wolpaw_bits(0.9, 2) == pytest.approx(0.531, abs=1e-3)  # 1 - H(0.1)
    with pytest.raises(ConfigError, match="among at least 2 alternatives"):
        wolpaw_bits(0.5, 1)


def test_mutual_bits_need_no_assumptions_and_are_not_biased_upwards():
    assert mutual_bits(list("abcd") * 50, list("bcda") * 50) == pytest.approx(2.0, abs=0.05)
    rng = np.random.default_rng(0)
    told = [
        mutual_bits([str(x) for x in rng.integers(4, size=200)], list("abcd") * 50)
        for _ in range(50)
    ]
    assert np.mean(told) < 0.02
    assert mutual_bits(["a", "b"] * 50, ["a", None] * 50) == pytest.approx(1.0, abs=0.02)
    with pytest.raises(ConfigError, match="at least one decision"):
        mutual_bits([], [])
