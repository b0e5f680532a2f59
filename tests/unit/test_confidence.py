"""Probabilities mean what they say: on trials drawn with them, and on later, better decoders."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from saccade.models.evaluation.confidence import Confidence
from saccade.models.evaluation.confidence_fit import choose_likelihood, cross_fitted, fit_likelihood
from saccade.models.evaluation.held_out import HeldOut
from saccade.models.evaluation.reliability import reliability, thresholds
from saccade.realtime.errors import CalibrationError

G = 12


def drawn(
    n=4000,
    temperature=0.1,
    growth=0.0,
    lapse=0.0,
    bias=None,
    lengths=False,
    seed=0,
    taught=None,
    pull=0.0,
):
    """Return trials whose concepts are drawn with the probabilities of a known confidence."""
    rng = np.random.default_rng(seed)
    cosines = rng.uniform(-0.5, 0.5, (n, G))
    length = rng.uniform(0.2, 2.0, n) if lengths else np.ones(n)
    part = np.repeat([1, 2, 3, 4], n // 4)
    trained_on = 100 * part
    cold = (trained_on / 500) ** growth / temperature
    measure = "dot" if lengths else "cosine"
    biases = np.zeros(G) if bias is None else bias
    scaled = cosines * cold[:, None]
    p = Confidence(measure, 1.0, {}, lapse).probabilities(scaled, length, biases)
    shown = np.array([rng.choice(G, p=row / row.sum()) for row in p])
    every = np.ones((n, G), bool)
    if taught is not None:
        cosines = cosines + pull * temperature * taught
    return HeldOut(
        *(np.arange(n), part, np.zeros(n, int), trained_on, shown, cosines, length),
        *(every, np.zeros_like(every) if taught is None else taught),
    )


def test_probabilities_are_the_formula():
    sure = Confidence("dot", 0.5, {"b": 1.0}, 0.1)
    biases = sure.biases(["a", "B", "c"])
    logits = np.array([0.4, 0.2, -0.1]) * 2.0 / 0.5 + biases
    looked, away = np.exp(logits) / np.exp(logits).sum(), np.exp(biases) / np.exp(biases).sum()
    found = sure.probabilities(np.float32([0.4, 0.2, -0.1]), 2.0, biases)
    np.testing.assert_allclose(found, 0.9 * looked + 0.1 * away, rtol=1e-6)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (("angle", 1.0), "measured by cosine or dot, not 'angle'"),
        (("dot", 0.0), "above 0, not 0.0"),
        (("dot", 1.0, {"a": np.nan}), "'a' is nan"),
        (("dot", 1.0, {}, 1.0), "below 1, not 1.0"),
    ],
)
def test_what_gives_no_probability_is_refused(fields, message):
    with pytest.raises(CalibrationError, match=message):
        Confidence(*fields)


def test_what_made_the_data_is_found():
    found = fit_likelihood(drawn(growth=0.6, lapse=0.1), 500, "cosine")
    assert np.exp(found.log_temperature) == pytest.approx(0.1, rel=0.15)
    assert found.growth == pytest.approx(0.6, abs=0.15)
    assert found.lapse == pytest.approx(0.1, abs=0.05)


def test_the_gradient_leads_to_the_optimum():
    held = drawn(n=400, lapse=0.05)
    best = fit_likelihood(held, 500, "cosine")
    rows = np.arange(400)

    def surprise(likelihood):
        return -likelihood.log_probabilities(held)[rows, held.shown].sum()

    for factor in (-0.1, 0.1):
        other = replace(best, log_temperature=best.log_temperature + factor)
        assert surprise(best) < surprise(other)


def test_a_length_that_tells_is_used_and_one_that_does_not_is_not():
    assert choose_likelihood(drawn(lengths=True), 500, few=False).likelihood.measure == "dot"
    held = drawn()
    noise = np.random.default_rng(1).uniform(0.2, 2.0, len(held))
    found = choose_likelihood(replace(held, lengths=noise), 500, few=False)
    assert found.likelihood.measure == "cosine"


def test_concepts_shown_more_often_get_a_bias_where_they_are_few():
    bias = np.zeros(G)
    bias[3] = 2.0
    held = drawn(bias=bias, temperature=0.5)
    found = choose_likelihood(held, 500, few=True).likelihood
    assert found.bias[3] - np.delete(found.bias, 3).mean() == pytest.approx(2.0, abs=0.3)
    assert not choose_likelihood(held, 500, few=False).likelihood.bias.any()


def test_concepts_that_are_trained_on_do_not_draw_away_trials_of_new_ones():
    taught = np.random.default_rng(2).random((4000, G)) < 0.5
    held = drawn(temperature=0.2, taught=taught, pull=1.5)
    found = choose_likelihood(held, 500, few=False)
    assert found.likelihood.pull == pytest.approx(-1.5, abs=0.4)
    for kind in (held.known, ~held.known):
        assert reliability(found.log_p[kind], held.shown[kind], 0).ece < 0.06
    final = np.arange(G) < 5
    sure = found.likelihood.confidence([str(k) for k in range(G)], final)
    assert set(sure.bias) == {"0", "1", "2", "3", "4"}
    alone = choose_likelihood(held.of(~held.known), 500, few=False)
    assert alone.likelihood.pull == 0


def test_the_gradient_of_the_pull_leads_to_the_optimum():
    taught = np.random.default_rng(2).random((400, G)) < 0.5
    held = drawn(n=400, taught=taught, pull=1.0)
    best = fit_likelihood(held, 500, "cosine", pulled=True)
    weight = np.where(held.known, 0.5 / held.known.mean(), 0.5 / (~held.known).mean())

    def surprise(likelihood):
        log_p = likelihood.log_probabilities(held)[np.arange(400), held.shown]
        return -weight @ log_p + likelihood.pull**2 / 8

    for step in (-0.1, 0.1):
        assert surprise(best) < surprise(replace(best, pull=best.pull + step))


def test_confidence_is_extrapolated_to_all_trials():
    """Of a decoder that learns, a confidence without growth would be too unsure."""
    held = drawn(growth=0.5, n=4000)
    fitted = fit_likelihood(held, 500, "cosine")
    later = drawn(growth=0.0, seed=5)  # as the decoder of all 500 trials will be
    sure = fitted.confidence([str(k) for k in range(G)], np.ones(G, bool))
    p = sure.probabilities(later.cosines, 1.0, np.zeros(G))
    found = reliability(np.log(p), later.shown, 0)
    assert found.ece < 2 * found.ece_of_exact


def test_no_trial_has_a_say_in_its_own_probability():
    held = drawn(n=400)
    before = cross_fitted(held, 500, "cosine")
    shown = held.shown.copy()
    mine = held.part == 2
    shown[mine] = (shown[mine] + 1) % G
    after = cross_fitted(replace(held, shown=shown), 500, "cosine")
    assert np.array_equal(before[mine], after[mine])
    assert not np.array_equal(before[~mine], after[~mine])


def test_reliability_by_hand_and_of_exact_probabilities():
    p = np.array([[0.9, 0.1], [0.8, 0.2], [0.35, 0.65], [0.55, 0.45]])
    # of equal width: .55 right; .65 wrong; .8 right; .9 wrong
    found = reliability(np.log(p), [1, 0, 0, 0], 0)
    assert found.ece == pytest.approx((0.45 + 0.65 + 0.2 + 0.9) / 4)
    assert found.nll == pytest.approx(-np.log([0.1, 0.8, 0.35, 0.55]).mean())
    assert found.brier == pytest.approx(np.mean([1.62, 0.08, 0.845, 0.405]))
    assert sum(b.n for b in found.bins) == found.n == 4
    assert found.ci95_ece[0] <= found.ece <= found.ci95_ece[1]
    held = drawn()
    exact = fit_likelihood(held, 500, "cosine").log_probabilities(held)
    sure = reliability(exact, held.shown, 0)
    assert sure.ci95_ece[0] <= sure.ece < 0.03
    wrong = (held.shown + 1) % G
    assert reliability(exact, wrong, 0).ece > 0.2
    with pytest.raises(CalibrationError, match=r"\(4, 2\) came with 3 rows"):
        reliability(np.log(p), [0, 1, 0], 0)


def test_thresholds_keep_what_they_promise():
    held = drawn(temperature=0.05)
    log_p = cross_fitted(held, 500, "cosine")
    fresh = drawn(temperature=0.05, seed=9)
    p = Confidence("cosine", 0.05).probabilities(fresh.cosines, 1.0, np.zeros(G))
    best, right = p.max(axis=1), p.argmax(axis=1) == fresh.shown
    decided = 1.0
    for one in thresholds(log_p, held.shown):
        assert one.probability is not None
        assert one.ci95_right[0] >= one.precision
        assert right[best >= one.probability].mean() > one.precision - 0.03
        assert one.decided <= decided
        decided = one.decided
    hopeless = thresholds(np.log(np.full((50, G), 1 / G)), np.ones(50, int))
    assert all(one.probability is None and one.decided == 0 for one in hopeless)
