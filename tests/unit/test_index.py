"""Quick search: what it finds against exact search, and what it says of itself."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from saccade.models.decoders import sealed_zip
from saccade.models.galleries import index_build as indices
from saccade.models.galleries import index_store
from saccade.models.galleries.index import digest
from saccade.realtime.errors import GalleryError

faiss = pytest.importorskip("faiss", reason="the [index] extra is not installed")


def grown(n, dim=30, seed=0):
    """Return unit vectors in clusters, as those of a gallery are."""
    centres = np.random.default_rng(0).standard_normal((40, dim)) * np.linspace(3, 0.3, dim)
    rng = np.random.default_rng([seed, 1])
    vectors = centres[rng.integers(0, 40, n)] + 0.6 * rng.standard_normal((n, dim))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Let an index be built for as little as a test can wait for."""
    monkeypatch.setattr(indices, "LEAST_ROWS", 4000)
    monkeypatch.setattr(indices, "N_QUERIES", 100)


@pytest.fixture(scope="module", params=["ivf-pq", "hnsw"])
def built(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(indices, "LEAST_ROWS", 4000)
        patch.setattr(indices, "N_QUERIES", 100)
        vectors = grown(4000)
        return vectors, indices.build(vectors, kind=request.param)


class TestIndex:
    def test_recall_is_what_a_slow_count_finds(self, built):
        vectors, index = built
        queries = grown(200, seed=9)
        found = index.search(queries, 10)
        truth = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :10]
        recall = np.mean(
            [len(set(a) & set(b)) / 10 for a, b in zip(found.rows, truth, strict=True)]
        )
        assert index.facts.recall >= 0.95
        assert recall == pytest.approx(index.facts.recall, abs=0.05)
        assert 0.8 < index.facts.recall_faint <= 1

    def test_scores_are_exact_and_fall(self, built):
        vectors, index = built
        queries = grown(20, seed=3)
        hits = index.search(queries, 10)
        for query, rows, scores in zip(queries, hits.rows, hits.scores, strict=True):
            np.testing.assert_allclose(scores, vectors[rows] @ query, atol=1e-6)
            assert len(set(rows)) == 10
        assert (np.diff(hits.scores, axis=1) <= 0).all()

    def test_every_row_is_in_it(self, built):
        vectors, index = built
        found = index.search(vectors, 1).rows[:, 0]
        assert (found == np.arange(len(vectors))).mean() > 0.99  # those held out as well

    def test_facts(self, built):
        vectors, index = built
        facts = index.facts
        assert (facts.size, facts.dim, facts.n_queries) == (4000, 30, 50)
        assert facts.digest == digest(vectors)
        assert facts.specification == {"ivf-pq": "IVF64,PQ8x4fs", "hnsw": "HNSW32,SQ8"}[facts.kind]

    def test_saved_and_loaded_it_finds_the_same(self, built, tmp_path):
        vectors, index = built
        index_store.save(index, tmp_path / "g.index")
        again = index_store.load(tmp_path / "g.index", vectors)
        assert again.facts == index.facts
        queries = grown(30, seed=4)
        np.testing.assert_array_equal(
            again.search(queries, 10).rows, index.search(queries, 10).rows
        )
        with pytest.raises(GalleryError, match="exists"):
            index_store.save(index, tmp_path / "g.index")

    def test_of_other_vectors_it_is_refused(self, built, tmp_path):
        vectors, index = built
        index_store.save(index, tmp_path / "g.index")
        with pytest.raises(GalleryError, match=r"is for 4000 vectors of SHA-256 .* not for these"):
            index_store.load(tmp_path / "g.index", vectors[::-1])

    def test_damaged_it_is_refused(self, built, tmp_path):
        vectors, index = built
        path = tmp_path / "g.index"
        index_store.save(index, path)
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
        with pytest.raises(GalleryError, match=r"no index can be read from .* damaged"):
            index_store.load(path, vectors)
        with pytest.raises(GalleryError, match="no index can be read"):
            index_store.load(tmp_path / "none.index", vectors)
        path.write_bytes(sealed_zip.pack({"manifest.json": b"{}"}))
        with pytest.raises(GalleryError, match=r"no index can be read from .* members"):
            index_store.load(path, vectors)

    @pytest.mark.parametrize(
        ("part", "content", "message"),
        [
            ("searcher.faiss", b"garbage", "faiss can't read its searcher.faiss"),
            ("order.safetensors", np.arange(3999), "4000 vectors .* once, .* by an order of 3999"),
            (
                "order.safetensors",
                np.arange(4000) // 2,
                "each of 4000 vectors should be in it once",
            ),
        ],
    )
    def test_sealed_but_wrong_it_is_refused(self, built, tmp_path, part, content, message):
        vectors, index = built
        path = tmp_path / "g.index"
        index_store.save(index, path)
        members = sealed_zip.unpack(path.read_bytes(), index_store.LARGEST_MEMBER)
        if not isinstance(content, bytes):
            content = safetensors.numpy.save({"order": content})
        path.write_bytes(sealed_zip.pack(members | {part: content}))
        with pytest.raises(GalleryError, match=f"no index can be read from .*{message}"):
            index_store.load(path, vectors)

    def test_too_large_it_is_not_read(self, built, tmp_path, monkeypatch):
        vectors, index = built
        index_store.save(index, tmp_path / "g.index")
        monkeypatch.setattr(index_store, "LARGEST_MEMBER", {"manifest.json": 1000})
        monkeypatch.setattr(Path, "read_bytes", None)
        with pytest.raises(GalleryError, match="at most 1000 bytes, not"):
            index_store.load(tmp_path / "g.index", vectors)

    def test_more_than_is_ranked_again_can_not_be_asked_for(self, built):
        _, index = built
        most = index.facts.ranked_again
        with pytest.raises(
            GalleryError,
            match=f"compares {most} of its 4000 .* 1 to {most} can be asked for, not {most + 1}",
        ):
            index.search(grown(1), most + 1)


def test_the_digest_knows_the_shape():
    vectors = np.arange(12, dtype=np.float32)
    assert digest(vectors.reshape(2, 6)) != digest(vectors.reshape(3, 4))
    assert digest(vectors.reshape(3, 4)) == digest(vectors.reshape(4, 3).reshape(3, 4))


def test_the_same_seed_gives_the_same_index():
    vectors = grown(4000)
    one, two, other = (indices.build(vectors, seed=seed) for seed in (0, 0, 1))
    assert one.facts == two.facts
    np.testing.assert_array_equal(one.order, two.order)
    assert (one.order != other.order).any()


def test_dimensions_that_no_code_divides():
    vectors = grown(4000, dim=27)
    index = indices.build(vectors)
    assert index.facts.specification == "IVF64,PQ7x4fs"
    assert index.search(vectors[:5], 3).rows[:, 0].tolist() == [0, 1, 2, 3, 4]


class TestRefused:
    def test_too_few_vectors(self, monkeypatch):
        monkeypatch.setattr(indices, "LEAST_ROWS", 200_000)
        with pytest.raises(
            GalleryError, match=r"200000 vectors or more, not .* \(4000, 30\): search"
        ):
            indices.build(grown(4000))

    def test_unknown_kind(self):
        with pytest.raises(GalleryError, match="one of ivf-pq, hnsw, not 'lsh'"):
            indices.build(grown(4000), kind="lsh")

    def test_no_faiss(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "faiss", None)
        with pytest.raises(GalleryError, match=r"pip install 'saccade\[index\]'"):
            indices.build(grown(4000))
