"""Bayes' rule beside a slow reference, and the laws that evidence keeps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.gain import expected_rise, pays
from saccade.realtime.evidence.weighing import LEAST, effective, log_p, posterior, shares

likelihoods = st.lists(
    st.lists(st.floats(0.01, 1.0), min_size=3, max_size=3), min_size=1, max_size=6
)


def slow_posterior(prior, rows):
    """Multiply, one number at a time."""
    weights = list(prior)
    for row in rows:
        weights = [w * p for w, p in zip(weights, row, strict=True)]
    return [w / sum(weights) for w in weights]


@given(likelihoods)
def test_independent_evidence_is_bayes_rule(rows):
    prior = [0.5, 0.3, 0.2]
    total = np.log(np.array(rows)).sum(axis=0)
    found = posterior(np.log(prior), total, len(rows), 0.0)
    assert found == pytest.approx(slow_posterior(prior, rows), rel=1e-9)


@given(likelihoods, st.randoms(), st.floats(0.0, 0.9))
def test_the_order_of_evidence_does_not_matter(rows, random, correlation):
    shuffled = random.sample(rows, len(rows))
    prior = np.log([1 / 3] * 3)
    one, other = (
        posterior(prior, np.log(np.array(r)).sum(axis=0), len(r), correlation)
        for r in (rows, shuffled)
    )
    assert one == pytest.approx(other, rel=1e-9)


@given(likelihoods, st.floats(0.01, 0.9))
def test_correlated_evidence_is_never_more_sure(rows, correlation):
    total = np.log(np.array(rows)).sum(axis=0)
    prior = np.log([1 / 3] * 3)
    independent = posterior(prior, total, len(rows), 0.0)
    correlated = posterior(prior, total, len(rows), correlation)
    assert correlated.max() <= independent.max() + 1e-12
    assert correlated.argmax() == independent.argmax() or np.ptp(total) < 1e-9


def test_correlated_gaussian_evidence_is_weighed_exactly():
    rho, n, d = 0.3, 5, 1.2
    covariance = (1 - rho) * np.eye(n) + rho
    x = np.random.default_rng(0).multivariate_normal(np.full(n, d), covariance)
    exact = stats.multivariate_normal(np.full(n, d), covariance).logpdf(x)
    exact -= stats.multivariate_normal(np.zeros(n), covariance).logpdf(x)
    single = stats.norm(d).logpdf(x) - stats.norm(0).logpdf(x)  # as if each came alone
    found = posterior(np.log([0.5, 0.5]), np.array([single.sum(), 0.0]), n, rho)
    assert found[0] == pytest.approx(1 / (1 + math.exp(-exact)), rel=1e-9)


def test_one_epoch_is_worth_one_whatever_the_correlation():
    assert effective(1, 0.9) == 1
    assert effective(4, 0.0) == 4
    assert effective(4, 1 / 3) == pytest.approx(2)


def test_a_probability_that_float32_lost_rules_nothing_out_for_ever():
    found = log_p(np.array([0.0, 1.0], np.float32))
    assert found == pytest.approx([math.log(LEAST), 0.0])


def test_what_is_not_named_shares_the_rest():
    assert shares(("a", "B", "c"), {"b": 0.5}, "prior") == pytest.approx([0.25, 0.5, 0.25])
    assert shares(("a", "b"), {}, "prior") == pytest.approx([0.5, 0.5])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"d": 0.5}, "prior names d, which is not among the 2 alternatives"),
        ({"a": 1.0}, "sums to 1 with 1 alternatives left over"),
        ({"a": 0.5, "b": 0.2}, "sums to 0.7 with 0 alternatives left over"),
    ],
)
def test_shares_that_are_no_distribution_are_refused(given, said):
    with pytest.raises(ConfigError, match=said):
        shares(("a", "b"), given, "prior")


@pytest.mark.parametrize("p1", [0.5, 0.7, 0.95])
def test_the_expected_rise_is_that_of_an_integral(p1):
    information = 1.7
    odds = math.log(p1 / (1 - p1))

    def right(x):  # the better of the two posteriors, weighted by how probable the evidence is
        first = stats.norm(information / 2, math.sqrt(information)).pdf(x) * p1
        second = stats.norm(-information / 2, math.sqrt(information)).pdf(x) * (1 - p1)
        return max(first, second)

    value, _ = integrate.quad(right, -15, 15, limit=300, points=[-odds])
    found = expected_rise(p1, 1 - p1, np.array([information]))[0]
    assert found == pytest.approx(value - p1, abs=1e-6)


@given(st.floats(0.34, 0.999), st.floats(0.0, 20.0))
def test_more_evidence_never_lowers_what_is_expected(p1, information):
    p2 = min(p1, 1 - p1)
    rises = expected_rise(p1, p2, np.array([0.0, information, 2 * information]))
    assert rises[0] == 0
    assert (np.diff(rises) >= -1e-12).all()
    assert rises[-1] <= p2 + 1e-12


def test_three_epochs_may_pay_where_one_does_not():
    information = 0.2 * np.arange(1, 20)
    cost = 0.003 * np.arange(1, 20)
    assert expected_rise(0.8, 0.2, information)[0] < cost[0]
    assert pays(0.8, 0.2, information, cost)
    assert not pays(0.999, 0.001, information, cost)
