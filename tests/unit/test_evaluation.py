"""Accuracy, intervals and controls against values worked out in another way."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy.stats import binom, norm

from saccade.models.evaluation.accuracy import (
    accuracy,
    auc,
    auc_interval,
    concept_permutation_test,
    permutation_test,
    wilson,
)
from saccade.realtime.errors import CalibrationError


class TestAccuracy:
    def test_counts(self):
        result = accuracy([1, 1, 5, 6, 40], 200, ["a", "b", "a", "a", "c"])
        assert (result.top1, result.top5, result.n, result.gallery) == (0.4, 0.6, 5, 200)
        assert (result.chance_top1, result.chance_top5) == (0.005, 0.025)
        assert result.majority_top1 == 0.6
        assert result.ci95_top1 == wilson(2, 5)

    def test_five_of_three_are_all(self):
        result = accuracy([3, 2], 3, ["a", "b"])
        assert (result.top5, result.chance_top5) == (1.0, 1.0)

    def test_dict_has_the_published_keys_and_is_json(self):
        as_dict = accuracy([1, 2], 10, ["a", "b"]).to_dict()
        assert json.loads(json.dumps(as_dict)) == as_dict
        assert set(as_dict) == {
            "top1", "top5", "n", "gallery", "chance_top1", "chance_top5", "ci95_top1",
            "majority_top1",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("ranks", "labels", "message"),
        [
            ([], [], "at least one trial"),
            ([1, 2], ["a"], "2 ranks and 1 labels came"),
            ([0, 1], ["a", "b"], "between 1 and 10, but 0 to 1 came"),
            ([1, 11], ["a", "b"], "but 1 to 11 came"),
        ],
    )
    def test_impossible_ranks_are_refused(self, ranks, labels, message):
        with pytest.raises(CalibrationError, match=message):
            accuracy(ranks, 10, labels)


class TestWilson:
    @pytest.mark.parametrize(("hits", "n"), [(3, 10), (50, 200), (199, 200)])
    def test_ends_solve_the_score_equation(self, hits, n):
        z = norm.ppf(0.975)
        for end in wilson(hits, n):
            assert abs(hits / n - end) == pytest.approx(z * np.sqrt(end * (1 - end) / n))

    @pytest.mark.parametrize("n", [1, 5, 7, 60, 383])
    def test_stays_within_0_and_1(self, n):
        (low, high), (mirrored_low, mirrored_high) = wilson(0, n), wilson(n, n)
        assert low == pytest.approx(0, abs=1e-12)
        assert low >= 0
        assert 0 < high < 1
        assert mirrored_high <= 1
        assert (mirrored_low, mirrored_high) == pytest.approx((1 - high, 1 - low))

    def test_covers_as_it_says(self):
        n, p = 60, 0.3
        covered = sum(
            binom.pmf(k, n, p) for k in range(n + 1) if wilson(k, n)[0] <= p <= wilson(k, n)[1]
        )
        assert 0.93 < covered < 0.97


def slow_auc(scores, positive):
    pairs = [
        (a > b) + 0.5 * (a == b)
        for (a, pa), (b, pb) in itertools.product(zip(scores, positive, strict=True), repeat=2)
        if pa and not pb
    ]
    return sum(pairs) / len(pairs)


class TestAuc:
    def test_equals_counting_pairs_ties_included(self):
        rng = np.random.default_rng(0)
        for _ in range(20):
            scores = rng.integers(0, 6, 30)
            positive = rng.random(30) < 0.4
            assert auc(scores, positive) == pytest.approx(slow_auc(scores, positive))

    def test_other_sign_other_side(self):
        scores, positive = [0.1, 0.4, 0.35, 0.8], [False, False, True, True]
        assert auc(scores, positive) == 0.75
        assert auc([-s for s in scores], positive) == 0.25

    def test_interval_equals_delong_with_all_pairs(self):
        rng = np.random.default_rng(1)
        positive = np.arange(50) % 3 == 0
        scores = rng.standard_normal(50).round(1) + positive
        wins = np.array([[(a > b) + 0.5 * (a == b) for b in scores[~positive]]
                         for a in scores[positive]])  # fmt: skip
        m, n = wins.shape
        variance = wins.mean(axis=1).var(ddof=1) / m + wins.mean(axis=0).var(ddof=1) / n
        area = wins.mean()
        half = norm.ppf(0.975) * np.sqrt(variance) / (area * (1 - area))
        logit = np.log(area / (1 - area))
        expected = [1 / (1 + np.exp(-x)) for x in (logit - half, logit + half)]
        assert auc_interval(scores, positive) == pytest.approx(expected)

    def test_interval_covers_as_it_says(self):
        rng = np.random.default_rng(2)
        truth = norm.cdf(1 / np.sqrt(2))
        positive = np.arange(80) < 30
        hits = 0
        for _ in range(400):
            low, high = auc_interval(rng.standard_normal(80) + positive, positive)
            hits += low <= truth <= high
        assert 0.92 < hits / 400 < 0.98

    def test_without_overlap_the_interval_is_not_a_point(self):
        low, high = auc_interval([1, 2, 3, 4, 5, 6], [False] * 3 + [True] * 3)
        assert (low, high) == wilson(3, 3)
        assert auc_interval([1, 2, 3, 4], [True, True, False, False]) == wilson(0, 2)

    def test_one_class_is_refused(self):
        with pytest.raises(CalibrationError, match="2 scores, 2 positive and 0 other"):
            auc([1, 2], [True, True])
        with pytest.raises(CalibrationError, match="2 trials of each class, but 1 and 2 came"):
            auc_interval([1, 2, 3], [True, False, False])


class TestPermutation:
    def test_chance_is_the_agreement_of_shuffled_labels(self):
        rng = np.random.default_rng(3)
        truth = ["a"] * 30 + ["b"] * 10
        said = list(rng.permutation(["a"] * 20 + ["b"] * 20))
        result = permutation_test(said, truth, 2000, seed=0)
        assert result.mean == pytest.approx(0.5 * 0.75 + 0.5 * 0.25, abs=0.01)
        assert result.range95[0] < result.observed < result.range95[1]
        assert result.p > 0.05

    def test_the_p_of_a_perfect_decoder_is_bounded_by_the_number_of_permutations(self):
        truth = [f"concept {i}" for i in range(30)]
        result = permutation_test(truth, truth, 99, seed=0)
        assert (result.observed, result.p, result.n_permutations) == (1.0, 0.01, 99)

    def test_p_is_uniform_enough_where_nothing_is_to_be_found(self):
        rng = np.random.default_rng(4)
        p = [
            permutation_test(rng.integers(2, size=40), rng.integers(2, size=40), 99, seed=i).p
            for i in range(200)
        ]
        assert np.mean(np.array(p) <= 0.05) < 0.09

    def test_same_seed_same_result(self):
        args = (["a", "b", "a", "c"], ["a", "b", "c", "a"], 50)
        assert permutation_test(*args, seed=7) == permutation_test(*args, seed=7)

    def test_no_trial_is_refused(self):
        with pytest.raises(CalibrationError, match="0 predictions and 0 labels"):
            permutation_test([], [], 10, seed=0)


class TestConceptPermutation:
    def test_equals_going_through_all_permutations(self):
        truth = ["a", "a", "a", "b", "b", "c", "d"]
        said = ["b", "b", "a", "b", "x", "a", "a"]
        every = [
            np.mean([dict(zip("abcd", names, strict=True))[t] == s
                     for t, s in zip(truth, said, strict=True)])
            for names in itertools.permutations("abcd")
        ]  # fmt: skip
        found = concept_permutation_test(said, truth, 20_000, seed=0)
        assert found.mean == pytest.approx(np.mean(every), abs=0.005)
        assert found.range95 == pytest.approx(tuple(np.quantile(every, [0.025, 0.975])))
        assert found.p == pytest.approx(np.mean(np.array(every) >= found.observed), abs=0.02)

    def test_answers_that_stick_to_a_concept_widen_chance(self):
        rng = np.random.default_rng(5)
        concept = np.repeat(np.arange(20), 30)
        said = rng.integers(20, size=20)[concept]  # all trials of a concept get one answer
        by_concept = concept_permutation_test(said, concept, 999, seed=0)
        by_trial = permutation_test(said, concept, 999, seed=0)
        assert by_concept.range95[1] > 2 * by_trial.range95[1]

    def test_pictures_trade_names_with_their_concepts(self):
        truth = ["a1", "a1", "a2", "b1", "b2", "c1"]  # c has one picture, which stands for two
        said = ["b1", "b1", "b2", "a1", "c1", "a1"]
        pictures = {"a": ["a1", "a2"], "b": ["b1", "b2"], "c": ["c1"]}
        every = []
        for names in itertools.permutations("abc"):
            takes = dict(zip("abc", names, strict=True))
            other = [
                pictures[takes[t[0]]][(int(t[1]) - 1) % len(pictures[takes[t[0]]])] for t in truth
            ]
            every.append(np.mean([a == b for a, b in zip(other, said, strict=True)]))
        found = concept_permutation_test(said, truth, 20_000, 0, [t[0] for t in truth])
        assert found.observed == 0
        assert found.mean == pytest.approx(np.mean(every), abs=0.005)
        assert found.range95[1] == pytest.approx(max(every))

    def test_pictures_of_a_concept_that_are_right_together_widen_chance(self):
        rng = np.random.default_rng(0)
        concept = np.repeat(np.arange(8), 20)
        picture = np.arange(160)
        said = (20 * rng.permutation(8)[:, None] + np.arange(20)).ravel()  # concepts mixed up
        by_picture = concept_permutation_test(said, picture, 999, 0)
        by_concept = concept_permutation_test(said, picture, 999, 0, concept)
        assert by_concept.range95[1] > 2 * by_picture.range95[1]

    def test_answers_outside_what_was_shown_are_never_right(self):
        found = concept_permutation_test(["x", "y", "x"], ["a", "b", "c"], 50, seed=0)
        assert (found.observed, found.mean, found.p) == (0, 0, 1)

    def test_no_trial_is_refused(self):
        with pytest.raises(CalibrationError, match="0 predictions and 0 labels"):
            concept_permutation_test([], [], 10, seed=0)
