"""Search galleries of hundreds of thousands of vectors in a millisecond, nearly exactly.

Exact search reads the whole gallery for each query: three gigabytes for a million vectors. faiss
(the ``[index]`` extra) looks at a part of it, through compressed copies; what it proposes is ranked
again by the exact vectors, so a score is always exact and only a neighbour can be missed. How many
are missed is measured by :mod:`saccade.models.galleries.index_build`, and kept with the index.

An index is believed only as far as its seal: faiss reads what it is given, so use no index whose
origin you do not trust.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from saccade.models.galleries.search import Hits, best, check_queries, search
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32

Kind = Literal["ivf-pq", "hnsw"]
COMPONENTS_PER_CODE = 4


@dataclass(frozen=True, slots=True)
class IndexFacts:
    """What an index is and what it finds.

    Parameters
    ----------
    kind : {"ivf-pq", "hnsw"}
        How it searches.
    size, dim : int
        Shape of the vectors it is for.
    digest : str
        SHA-256 of these vectors.
    specification : str
        As faiss writes it.
    looked_at, ranked_again : int
        Cells visited (or length of the list of candidates, for ``hnsw``), and proposals compared
        exactly.
    recall, recall_faint : float
        Share of the 10 nearest that is found: for vectors like those of the gallery, and for such
        vectors under noise that leaves a cosine of 0.3, as in single-trial predictions.
    n_queries : int
        How many vectors were looked for to measure each; none of them was in the index then, or
        had a part in choosing the two numbers above.
    """

    kind: Kind
    size: int
    dim: int
    digest: str
    specification: str
    looked_at: int
    ranked_again: int
    recall: float
    recall_faint: float
    n_queries: int


class Index:
    """A faiss index beside the vectors it was built for.

    Made by :func:`saccade.models.galleries.index_build.build`, or read by
    :func:`saccade.models.galleries.index_store.load`. faiss keeps to one thread when searching: one
    query is not faster with more, and an experiment needs the others.

    Parameters
    ----------
    searcher : faiss.Index
        Over the vectors in another order, padded with zeros.
    order : array of shape (G,), int64
        Row of each vector, in faiss's order.
    vectors : array of shape (G, D), float32
        At unit length.
    facts : IndexFacts
        What is known of it.
    """

    def __init__(
        self, searcher: Any, order: NDArray[np.int64], vectors: Float32, facts: IndexFacts
    ) -> None:
        self.searcher = searcher
        self.order = order
        self.facts = facts
        self._vectors = vectors
        self._faiss = import_faiss()
        set_effort(self._faiss, searcher, facts.kind, facts.looked_at)

    def search(self, queries: Float32, k: int) -> Hits:
        """Return the k nearest rows of each query, of which a few may be missed.

        Parameters
        ----------
        queries : array of shape (n, D), float32
            What to look for.
        k : int
            How many; at most ``facts.ranked_again``.

        Raises
        ------
        GalleryError
            If shapes do not fit, k is out of range, or a query is not finite.
        """
        if k > self.facts.ranked_again:
            raise GalleryError(
                f"this index compares {self.facts.ranked_again} of its {self.facts.size} vectors "
                f"with a query, of which 1 to {self.facts.ranked_again} can be asked for, not {k}: "
                "search exactly"
            )
        check_queries((self.facts.size, self.facts.dim), queries, k)
        self._faiss.omp_set_num_threads(1)
        return ranked(self.searcher, self.order, self._vectors, queries, k, self.facts.ranked_again)


def digest(vectors: Float32) -> str:
    """Return the SHA-256 of vectors and their shape, in hexadecimal."""
    content = hashlib.sha256(np.array(vectors.shape, dtype="<i8").tobytes())
    content.update(np.ascontiguousarray(vectors, dtype="<f4").data)
    return content.hexdigest()


def import_faiss() -> ModuleType:
    """Return faiss.

    Raises
    ------
    GalleryError
        If it is not installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise GalleryError(
            f"an index needs faiss, which is not here ({error}): pip install 'saccade[index]', or "
            "search exactly"
        ) from error
    return faiss


def ranked(
    searcher: Any,
    order: NDArray[np.int64],
    vectors: Float32,
    queries: Float32,
    k: int,
    ranked_again: int,
) -> Hits:
    """Return the k best of so many vectors that faiss proposes, by their exact products."""
    _, proposed = searcher.search(padded(queries), ranked_again)
    rows = np.empty((len(queries), k), np.int64)
    scores = np.empty((len(queries), k), np.float32)
    for number, (query, places) in enumerate(zip(queries, proposed, strict=True)):
        candidates = np.sort(order[places[places >= 0]])  # equal scores in gallery order
        if len(candidates) < k:  # cells may hold too few
            exact = search(vectors, query[None], k)
            rows[number], scores[number] = exact.rows[0], exact.scores[0]
            continue
        products = vectors[candidates] @ query
        chosen = best(products, k)
        rows[number], scores[number] = candidates[chosen], products[chosen]
    return Hits(rows, scores)


def set_effort(faiss: ModuleType, searcher: Any, kind: Kind, looked_at: int) -> None:
    """Say how much of an index a search looks at."""
    name = "nprobe" if kind == "ivf-pq" else "efSearch"
    faiss.ParameterSpace().set_index_parameter(searcher, name, looked_at)


def padded(vectors: Float32) -> Float32:
    """Return vectors with zeros behind, which change no product, to a multiple of a code's size."""
    missing = -vectors.shape[1] % COMPONENTS_PER_CODE
    return np.ascontiguousarray(np.pad(vectors, ((0, 0), (0, missing))) if missing else vectors)
