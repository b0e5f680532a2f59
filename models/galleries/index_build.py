"""Build an index, and measure what it misses.

Two kinds are offered. ``ivf-pq`` (Jégou, Douze & Schmid 2011, IEEE TPAMI 33: cells, and product
quantisation to 4 bits for every 4 components) is the default at any size; what the size decides is
the number of cells. ``hnsw`` (Malkov & Yashunin 2020, IEEE TPAMI 42: a graph, here over vectors in
8 bits) takes longer to build and more memory, and misses more of what is asked far from the
gallery: ``docs/galleries.md`` has the figures, by ``benchmarks/retrieval.py``.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from saccade.models.galleries.index import (
    COMPONENTS_PER_CODE,
    Index,
    IndexFacts,
    Kind,
    digest,
    import_faiss,
    padded,
    ranked,
    set_effort,
)
from saccade.models.galleries.search import search
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32

LEAST_ROWS = 200_000
"""Below it exact search takes tens of ms on one core, and misses nothing."""
TOP = 10
"""Recall is measured for so many neighbours."""
TARGET_RECALL = 0.95
FAINT_COSINE = 0.3  # of a single-trial prediction with the vector it should be
N_QUERIES = 500
TRAINING_PER_CELL = 64
MAX_TRAINING = 100_000
EFFORTS = {  # pairs of IndexFacts.looked_at and ranked_again; the first that will do is taken
    "ivf-pq": ((8, 100), (16, 300), (32, 1000), (64, 1000), (64, 2000), (128, 4000), (256, 8000)),
    "hnsw": ((64, 64), (128, 128), (256, 256), (512, 512), (1024, 1024), (2048, 2048)),
}


def build(vectors: Float32, *, kind: Kind = "ivf-pq", seed: int = 0, threads: int = 1) -> Index:
    """Return an index of vectors, with its recall measured.

    Five hundred rows are held out, and their noisy copies made; half of both choose how much of the
    index to look at, so that at least 95 % of the ten nearest are found in both, and the other
    half say what is found then. At last these rows are added too.

    Parameters
    ----------
    vectors : array of shape (G, D), float32
        At unit length; G at least 200 000. The index keeps them, not a copy.
    kind : {"ivf-pq", "hnsw"}
        How to search.
    seed : int
        Draws rows and noise.
    threads : int
        That faiss may use to build; only one gives the same index every time.

    Raises
    ------
    GalleryError
        If there are too few vectors, the kind is unknown, or faiss is not installed.
    """
    if kind not in get_args(Kind):
        raise GalleryError(
            f"the kind of an index is one of {', '.join(get_args(Kind))}, not {kind!r}"
        )
    if vectors.ndim != 2 or len(vectors) < LEAST_ROWS:
        raise GalleryError(
            f"an index is for {LEAST_ROWS} vectors or more, not for shape {vectors.shape}: search "
            "exactly, which takes tens of ms and misses nothing"
        )
    faiss = import_faiss()
    faiss.omp_set_num_threads(threads)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(vectors))
    within, held_out = order[:-N_QUERIES], order[-N_QUERIES:]
    specification = _specification(kind, vectors.shape)
    searcher = faiss.index_factory(
        padded(vectors[:1]).shape[1], specification, faiss.METRIC_INNER_PRODUCT
    )
    n_training = min(MAX_TRAINING, TRAINING_PER_CELL * _n_cells(len(vectors)), len(within))
    searcher.train(padded(vectors[within[:n_training]]))
    _add(searcher, vectors, within)
    chosen, measured = _measured(faiss, searcher, kind, vectors, within, held_out, rng)
    _add(searcher, vectors, held_out)
    facts = IndexFacts(
        kind=kind,
        size=len(vectors),
        dim=vectors.shape[1],
        digest=digest(vectors),
        specification=specification,
        looked_at=chosen[0],
        ranked_again=chosen[1],
        recall=measured[0],
        recall_faint=measured[1],
        n_queries=N_QUERIES // 2,
    )
    return Index(searcher, order, vectors, facts)


def _measured(
    faiss: ModuleType,
    searcher: Any,
    kind: Kind,
    vectors: Float32,
    within: NDArray[np.int64],
    held_out: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Return the least effort that will do, and the recall it gives for both sorts of queries."""
    clear = vectors[held_out]
    # Noise as a sum of many rows has the gallery's covariance, so no direction gives it away.
    sample = vectors[within[: 2 * N_QUERIES]]
    noise = rng.standard_normal((len(clear), len(sample)), dtype=np.float32) @ sample
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    faint = (FAINT_COSINE * clear + np.sqrt(1 - FAINT_COSINE**2) * noise).astype(np.float32)
    sorts = (clear, faint)
    truths = [_nearest(vectors, within, queries) for queries in sorts]
    half = len(clear) // 2
    efforts = [effort for effort in EFFORTS[kind] if effort[1] <= len(within)]

    def recall(part: slice, effort: tuple[int, int]) -> tuple[float, float]:
        set_effort(faiss, searcher, kind, effort[0])
        clear_recall, faint_recall = (
            _recall(
                ranked(searcher, within, vectors, queries[part], TOP, effort[1]).rows, truth[part]
            )
            for queries, truth in zip(sorts, truths, strict=True)
        )
        return clear_recall, faint_recall

    for effort in efforts:
        if min(recall(slice(half), effort)) >= TARGET_RECALL:
            break
    return effort, recall(slice(half, None), effort)


def _nearest(vectors: Float32, within: NDArray[np.int64], queries: Float32) -> NDArray[np.int64]:
    """Return the exactly nearest of some of the rows, (n, TOP)."""
    rows = search(vectors, queries, TOP + N_QUERIES).rows
    allowed = np.zeros(len(vectors), bool)
    allowed[within] = True
    return np.array([row[allowed[row]][:TOP] for row in rows])


def _recall(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """Return the share of the true neighbours that was found."""
    shared = sum(len(np.intersect1d(a, b)) for a, b in zip(found, truth, strict=True))
    return shared / truth.size


def _specification(kind: Kind, shape: tuple[int, ...]) -> str:
    """Return what faiss's factory shall make."""
    if kind == "hnsw":
        return "HNSW32,SQ8"
    codes = -(-shape[1] // COMPONENTS_PER_CODE)
    return f"IVF{_n_cells(shape[0])},PQ{codes}x4fs"


def _n_cells(n_rows: int) -> int:
    """Return a power of two near the root of the number of rows: as many cells as rows in each."""
    return int(2 ** round(np.log2(n_rows) / 2))


def _add(searcher: Any, vectors: Float32, rows: NDArray[np.int64]) -> None:
    """Add some rows, a block at a time, so that they are not all in memory twice."""
    for start in range(0, len(rows), 2**15):
        searcher.add(padded(vectors[rows[start : start + 2**15]]))
