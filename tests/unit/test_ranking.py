"""Places and choices among fewer, against counting every possible draw."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.models.evaluation.ranking import n_way, ranks, similarities, two_way
from saccade.realtime.errors import CalibrationError


def slow_n_way(place: int, n_candidates: int, n_chosen_from: int, k: int) -> float:
    """Go through every set of distractors; the candidates 1 … place-1 are the better ones."""
    others = [i for i in range(1, n_candidates + 1) if i != place]
    draws = list(itertools.combinations(others, n_chosen_from - 1))
    return sum(sum(i < place for i in draw) < k for draw in draws) / len(draws)


class TestNWay:
    @given(st.data())
    def test_equals_counting_every_draw(self, data):
        n_candidates = data.draw(st.integers(2, 9))
        way = data.draw(st.integers(2, n_candidates))
        k = data.draw(st.integers(1, 6))
        places = data.draw(st.lists(st.integers(1, n_candidates), min_size=1, max_size=5))
        expected = [slow_n_way(place, n_candidates, way, k) for place in places]
        assert n_way(np.array(places), n_candidates, way, k) == pytest.approx(expected)

    def test_is_what_random_distractors_tend_to(self):
        rng = np.random.default_rng(0)
        scores = rng.standard_normal(200)
        place = int((scores >= scores[17]).sum())
        draws = [
            (scores[rng.choice(np.delete(np.arange(200), 17), 49, replace=False)] > scores[17])
            for _ in range(4000)
        ]
        for k in (1, 5):
            sampled = np.mean([draw.sum() < k for draw in draws])
            error = 4 * np.sqrt(0.25 / 4000)
            assert n_way(np.array([place]), 200, 50, k)[0] == pytest.approx(sampled, abs=error)

    def test_among_all_it_is_a_hit_or_a_miss(self):
        places = np.array([1, 5, 6, 200])
        assert n_way(places, 200, 200, 1).tolist() == [1, 0, 0, 0]
        assert n_way(places, 200, 200, 5).tolist() == [1, 1, 0, 0]

    def test_a_uniform_place_gives_chance_exactly(self):
        places = np.arange(1, 201)
        for way, k in ((2, 1), (10, 1), (50, 5), (200, 5)):
            assert n_way(places, 200, way, k).mean() == pytest.approx(k / way)

    def test_large_galleries_stay_exact(self):
        assert n_way(np.array([1000]), 1854, 2, 1)[0] == pytest.approx(854 / 1853)
        assert 0 < n_way(np.array([40]), 1854, 200, 1)[0] < 1

    @pytest.mark.parametrize(
        ("places", "arguments", "message"),
        [
            ([1], (10, 11, 1), "of 2 to 10 candidates can be looked at, not the best 1 of 11"),
            ([1], (10, 1, 1), "not the best 1 of 1"),
            ([1], (10, 5, 0), "not the best 0 of 5"),
            ([0, 3], (10, 5, 1), "between 1 and 10 is expected, but 0 to 3 came"),
            ([11], (10, 5, 1), "but 11 to 11 came"),
            ([], (10, 5, 1), "but none came"),
        ],
    )
    def test_the_impossible_is_refused(self, places, arguments, message):
        with pytest.raises(CalibrationError, match=message):
            n_way(np.array(places, np.int64), *arguments)


class TestRanks:
    @given(st.integers(0, 1000))
    def test_equals_sorting(self, seed):
        rng = np.random.default_rng(seed)
        scores = rng.standard_normal((7, 11)).astype(np.float32)
        shown = rng.integers(11, size=7)
        order = np.argsort(-scores, axis=1)
        expected = [
            int(np.flatnonzero(row == s)[0]) + 1 for row, s in zip(order, shown, strict=True)
        ]
        assert ranks(scores, shown).tolist() == expected

    def test_who_says_the_same_of_all_is_never_right(self):
        assert ranks(np.zeros((3, 8), np.float32), np.array([0, 4, 7])).tolist() == [8, 8, 8]


class TestSimilarities:
    def test_are_cosines_whatever_the_length(self):
        rng = np.random.default_rng(1)
        vectors = rng.standard_normal((5, 6)).astype(np.float32)
        candidates = np.eye(6, dtype=np.float32)
        before = vectors.copy()
        scores = similarities(vectors, candidates)
        assert scores == pytest.approx(vectors / np.linalg.norm(vectors, axis=1)[:, None], abs=1e-6)
        assert similarities(1000 * vectors, candidates) == pytest.approx(scores, abs=1e-6)
        assert (vectors == before).all()

    def test_a_zero_vector_is_as_far_from_all(self):
        assert not similarities(np.zeros((1, 3), np.float32), np.eye(3, dtype=np.float32)).any()

    @pytest.mark.parametrize(
        ("vectors", "message"),
        [
            (np.zeros((4, 5)), r"shape \(n, 3\) like the candidates.*but \(4, 5\) came"),
            (np.zeros((0, 3)), r"\(0, 3\) came"),
            (
                np.array([[1.0, 0, 0], [0, np.nan, 0]]),
                "1 of 2 hold NaN or infinity .first: number 1",
            ),
        ],
    )
    def test_what_cannot_be_compared_is_refused(self, vectors, message):
        with pytest.raises(CalibrationError, match=message):
            similarities(vectors.astype(np.float32), np.eye(3, dtype=np.float32))


class TestTwoWay:
    def test_equals_comparing_with_each_other_shown_one(self):
        rng = np.random.default_rng(2)
        scores = rng.standard_normal((30, 12)).astype(np.float32)
        shown = rng.choice([1, 4, 5, 9], 30)
        expected = [
            np.mean([row[s] > row[o] for o in {1, 4, 5, 9} - {s}])
            for row, s in zip(scores, shown, strict=True)
        ]
        assert two_way(scores, shown) == pytest.approx(expected)

    def test_one_shown_candidate_is_refused(self):
        with pytest.raises(CalibrationError, match="2 shown candidates, but 1 came"):
            two_way(np.zeros((2, 3), np.float32), np.array([1, 1]))
