"""Exact search against a full sort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from saccade.models.galleries.search import best, search
from saccade.realtime.errors import GalleryError


class TestExact:
    @given(
        vectors=hnp.arrays(np.int8, st.tuples(st.integers(1, 30), st.integers(1, 6))),
        data=st.data(),
    )
    def test_as_a_stable_sort_of_all_scores(self, vectors, data):
        vectors = (vectors % 4).astype(np.float32)  # sums are exact, and many are equal
        n, dim = vectors.shape
        queries = data.draw(
            hnp.arrays(np.float32, (3, dim), elements=st.integers(-2, 2).map(np.float32))
        )
        k = data.draw(st.integers(1, n))
        hits = search(vectors, queries, k)
        for number, query in enumerate(queries):
            scores = [float((row * query).sum()) for row in vectors]
            expected = sorted(range(n), key=lambda row: (-scores[row], row))[:k]
            assert hits.rows[number].tolist() == expected
            assert hits.scores[number].tolist() == [scores[row] for row in expected]

    def test_in_blocks_as_at_once(self, monkeypatch):
        rng = np.random.default_rng(0)
        vectors = rng.integers(-3, 4, (40, 5)).astype(np.float32)
        queries = rng.integers(-3, 4, (11, 5)).astype(np.float32)
        whole = search(vectors, queries, 7)
        monkeypatch.setattr("saccade.models.galleries.search.BLOCK_SCORES", 3 * 40)
        np.testing.assert_array_equal(search(vectors, queries, 7).rows, whole.rows)

    def test_best_of_equal_scores_are_the_first(self):
        assert best(np.float32([1, 2, 1, 2, 1]), 4).tolist() == [1, 3, 0, 2]

    @pytest.mark.parametrize(
        ("queries", "k", "message"),
        [
            (np.ones((1, 3)), 1, r"shape \(n, 4\) .* not \(1, 3\)"),
            (np.ones(4), 1, r"not \(4,\)"),
            (np.ones((1, 4)), 0, "1 to 9 can be asked for, not 0"),
            (np.ones((1, 4)), 10, "not 10"),
            ([[1, 1, 1, 1], [1, np.nan, 1, 1]], 1, "1 of 2 hold NaN"),
        ],
    )
    def test_refused(self, queries, k, message):
        with pytest.raises(GalleryError, match=message):
            search(np.ones((9, 4), np.float32), np.asarray(queries, np.float32), k)


def top1(prototypes, shown):
    """Return how often the nearest prototype is the image's own."""
    unit = [v / np.linalg.norm(v, axis=1, keepdims=True) for v in (prototypes, shown)]
    return (search(*unit, 1).rows[:, 0] == np.arange(len(shown))).mean()


@pytest.mark.real_data
def test_shown_images_find_the_prototypes_of_their_concepts(real_data):
    folder = real_data / "clip" / "things200-vitl14"
    shown = np.load(folder / "clip_feature_maps_test.npy")[:, 0].astype(np.float32)
    prototypes = np.load(folder / "center_clip.npy").astype(np.float32)
    assert top1(prototypes, shown) == 0.98  # 196 of 200


def test_perturbed_vectors_find_their_own():
    rng = np.random.default_rng(0)
    prototypes = rng.standard_normal((200, 64)).astype(np.float32)
    noise = rng.standard_normal((200, 64)).astype(np.float32)
    assert top1(prototypes, prototypes + 0.5 * noise) == 1
    assert top1(prototypes, prototypes + 30 * noise) < 0.1
