"""The learning curve: its law, what it says of simulated learners, and when it says nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.calibration.learning_curve import (
    FARTHEST,
    Curve,
    Judged,
    fit_curve,
    inflation,
)
from saccade.realtime.errors import CalibrationError


def learner(rng, strength, half, n_all, candidates, top, folds=5):  # type: ignore[no-untyped-def]
    """Return a session's held-out trials: parts in time, each judged after several numbers.

    A trial that is hard after few trials is hard after many: half of its noise stays the same.
    """
    run = n_all // (folds + 1)
    sizes = [run * k for k in range(1, folds + 1)]
    found = []
    for part in sizes:
        trial = np.arange(part, part + run)
        own, others = rng.normal(size=run), rng.normal(size=(run, candidates - 1))
        for n in (size for size in sizes if size <= part):
            distance = strength * np.sqrt(n / (n + half))
            score = distance + np.sqrt(0.5) * (own + rng.normal(size=run))
            noise = rng.normal(size=(run, candidates - 1))
            beaten = np.sqrt(0.5) * (others + noise) >= score[:, None]
            found.append((np.full(run, n), beaten.sum(axis=1) < top, trial))
    trained_on, right, trial = (np.concatenate(column) for column in zip(*found, strict=True))
    return Judged(trained_on, right.astype(float), trial, trial, candidates, top)


def sure_of(strength, half, candidates=20, top=1, n=200_000):  # type: ignore[no-untyped-def]
    """Return a curve that has seen so much that nothing is left open."""
    rng = np.random.default_rng(0)
    sizes = (100, 400, 1600)
    right = [
        (rng.normal(size=(n // 3, candidates - 1)) >= rng.normal(d, 1, n // 3)[:, None]).sum(1)
        < top
        for d in (strength * np.sqrt(s / (s + half)) for s in sizes)
    ]
    trained_on = np.repeat(sizes, n // 3)
    trial = np.arange(len(trained_on))
    return fit_curve(
        Judged(trained_on, np.concatenate(right).astype(float), trial, trial, candidates, top)
    )


def test_many_trials_find_the_truth() -> None:
    curve = sure_of(2.0, 300.0)
    rng = np.random.default_rng(1)
    distance = 2.0 * np.sqrt(800 / 1100)
    slow = (rng.normal(size=(200_000, 19)).max(axis=1) < rng.normal(distance, 1, 200_000)).mean()
    found = curve.at(800)
    assert found.expected == pytest.approx(slow, abs=0.01)
    assert found.high - found.low < 0.02


@pytest.mark.parametrize(("strength", "half"), [(1.5, 300.0), (0.8, 1000.0), (2.0, 3000.0)])
def test_stated_intervals_cover(strength: float, half: float) -> None:
    n_all, more = 600, 360
    rng = np.random.default_rng(7)
    truth = sure_of(strength, half, n=30_000)
    now, later = truth.at(n_all).expected, truth.at(n_all + more).expected
    covered = {"now": 0, "more": 0}
    for _ in range(200):
        curve = fit_curve(learner(rng, strength, half, n_all, 20, 1))
        present = curve.at(n_all)
        covered["now"] += present.low <= now <= present.high
        found = curve.more_for(later, n_all)
        low = np.inf if found.low is None else found.low
        high = np.inf if found.high is None else found.high
        covered["more"] += low <= more <= high
    # Of 200 intervals that cover with probability .8, 140 to 200 do but once in 10,000 times.
    assert min(covered.values()) >= 140


def test_target_that_is_reached_takes_no_trial_more() -> None:
    found = sure_of(2.0, 300.0).more_for(0.1, 600)
    assert (found.low, found.expected, found.high) == (0, 0, 0)


def test_target_beyond_all_curves_can_not_be_told() -> None:
    found = sure_of(1.0, 50.0).more_for(0.9, 600)
    assert (found.low, found.expected, found.high) == (None, None, None)


def test_far_target_has_no_end() -> None:
    rng = np.random.default_rng(3)
    found = fit_curve(learner(rng, 1.2, 400.0, 300, 20, 1)).more_for(0.4, 300)
    assert found.high is None
    assert found.low is not None
    assert found.low <= FARTHEST * 300


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_more_trials_are_never_worse(one: int, other: int) -> None:
    curve = _curve()
    low, high = sorted((one, other))
    assert curve.at(low).expected <= curve.at(high).expected + 1e-12
    at = curve.at(low)
    assert at.low <= at.expected <= at.high


def _curve() -> Curve:
    return fit_curve(learner(np.random.default_rng(5), 1.5, 300.0, 300, 20, 1))


def test_order_of_trials_does_not_matter() -> None:
    judged = learner(np.random.default_rng(5), 1.5, 300.0, 300, 20, 1)
    order = np.random.default_rng(1).permutation(len(judged.right))
    mixed = Judged(
        judged.trained_on[order],
        judged.right[order],
        judged.trial[order],
        judged.concept[order],
        judged.candidates,
    )
    np.testing.assert_allclose(fit_curve(mixed).weights, fit_curve(judged).weights, atol=1e-12)


def test_same_trials_twice_are_no_news() -> None:
    judged = learner(np.random.default_rng(5), 1.5, 300.0, 300, 20, 1)
    twice = Judged(
        *(np.tile(a, 2) for a in (judged.trained_on, judged.right, judged.trial, judged.concept)),
        judged.candidates,
    )
    assert inflation(twice) == pytest.approx(2 * inflation(judged))
    one, two = fit_curve(judged).at(300), fit_curve(twice).at(300)
    assert (two.low, two.high) == pytest.approx((one.low, one.high))


def test_independent_hits_are_not_inflated_and_concepts_that_differ_are() -> None:
    rng = np.random.default_rng(0)
    concept = np.repeat(np.arange(40), 20)
    ones = np.full(len(concept), 100)
    alike = (rng.random(800) < 0.3).astype(float)
    differ = (rng.random(800) < np.repeat(rng.choice([0.0, 0.6], 40), 20)).astype(float)
    args = np.arange(800), concept, 20
    assert inflation(Judged(ones, alike, *args)) == pytest.approx(1, abs=0.5)
    assert inflation(Judged(ones, differ, *args)) > 5


@pytest.mark.parametrize(("candidates", "top", "n"), [(6, 1, 1500), (200, 5, 1500), (12, 1, 360)])
def test_of_nothing_nothing_is_promised(candidates: int, top: int, n: int) -> None:
    rng = np.random.default_rng(0)
    said = excluded = 0
    for _ in range(20):
        trial = np.arange(round(0.4 * n), n)
        part = (trial - round(0.4 * n)) // round(0.15 * n)
        right = (rng.random(len(trial)) < top / candidates).astype(float)
        trained_on = round(0.4 * n) + part * round(0.15 * n)
        concept = rng.integers(0, candidates, len(trial))
        curve = fit_curve(Judged(trained_on, right, trial, concept, candidates, top))
        said += curve.more_for(3 * top / candidates, n).expected is not None
        excluded += curve.at(3 * n).low > top / candidates + 1e-9
    assert said <= 1
    assert excluded <= 1


@pytest.mark.parametrize("concepts", [2, 6, 12, 60])
def test_outcomes_entered_four_times_are_no_news_with_any_number_of_concepts(concepts: int) -> None:
    rng = np.random.default_rng(0)
    trial = np.arange(240)
    right = (rng.random(240) < 0.5).astype(float)
    sizes = np.repeat([290, 300, 310, 320], 240)
    of = trial % concepts
    once = Judged(np.full(240, 300), right, trial, of, concepts)
    again = (np.tile(a, 4) for a in (right, trial, of))
    four = Judged(sizes, *again, concepts)
    assert inflation(four) >= 4
    one, other = fit_curve(once).at(300, 0.95), fit_curve(four).at(300, 0.95)
    assert other.high - other.low > 0.9 * (one.high - one.low)


def test_nothing_right_is_no_error() -> None:
    trial = np.arange(50)
    never = Judged(np.full(50, 100), np.zeros(50), trial, trial, 200)
    assert fit_curve(never).at(100).high < 0.1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"right": np.array([0.0, 1.5])}, "between 0 and 1"),
        ({"trained_on": np.array([0, 5])}, "at least 1 training trial"),
        ({"right": np.array([1.0])}, "number, outcome, trial and concept"),
        ({"top": 2}, "always right"),
    ],
)
def test_refuses_what_gives_no_curve(change: dict[str, object], words: str) -> None:
    fields = {
        "trained_on": np.array([5, 5]),
        "right": np.array([0.0, 1.0]),
        "trial": np.arange(2),
        "concept": np.arange(2),
        "candidates": 2,
    }
    with pytest.raises(CalibrationError, match=words):
        Judged(**(fields | change))  # type: ignore[arg-type]
