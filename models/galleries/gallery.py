"""The concepts a decoder chooses from: names, CLIP vectors, and where they came from.

A gallery keeps its vectors as they were given. What is compared is always the same derived
form: every vector scaled to unit length, the gallery's mean taken off, and scaled to unit length
again. CLIP crowds its vectors into a narrow cone, and without the centring each concept is
nearly as close to a prediction as any other.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from saccade.models.galleries.gallery_names import check_names
from saccade.models.galleries.search import best
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32, Float64, frozen

UNKNOWN = "unknown"
"""Stands for a backbone or weights tag that nobody said; equals nothing, not even itself."""
Kind = Literal["image", "prototype", "text", "attributes"]
"""One image each; the mean of several images of a concept; a caption; rated properties."""

NO_DIRECTION = 1e-6  # a centred unit vector shorter than this is rounding error
BLOCK_ROWS = 1024  # similarities are looked at so many rows at a time
UNIT_ROWS = 8192  # double precision is kept for so many rows at a time
PAIRS_ROWS = 20_000  # all pairs of more rows than these would take minutes


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """Concepts with their vectors.

    Parameters
    ----------
    names : tuple of str, length G >= 2
        One name a row, none twice (capitals do not tell names apart).
    vectors : array of shape (G, D), float32
        As given, of any length but zero.
    backbone, weights : str
        The model that made the vectors and the tag of its weights. Vectors of different models
        have nothing to do with each other, even where their sizes agree.
    kind : {"image", "prototype", "text", "attributes"}
        What a row stands for.
    source : str
        Where the vectors came from, for a person to read.
    groups : tuple of str, length G, or None
        A category for each row.
    simulated : bool
        True where no model has seen images or text to make the vectors.
    preprocessing : str
        What was done to each image before the model saw it; empty if nobody said, or there were
        no images.
    templates : tuple of str
        Sentences that a name was put into, in the place of ``{}``; their vectors were averaged.
    projection : str
        What was done to the model's vectors since; empty for nothing.

    Raises
    ------
    GalleryError
        If sizes contradict each other, a name is empty or comes twice, or a vector is zero or
        not finite.
    """

    names: tuple[str, ...]
    vectors: Float32
    backbone: str
    weights: str
    kind: Kind
    source: str = ""
    groups: tuple[str, ...] | None = None
    simulated: bool = False
    preprocessing: str = ""
    templates: tuple[str, ...] = ()
    projection: str = ""

    def __post_init__(self) -> None:
        """Refuse what could not be ranked; make the array read-only."""
        _check_vectors(self.vectors)
        n_rows = len(self.vectors)
        if len(self.names) != n_rows:
            raise GalleryError(
                f"a gallery needs one name a vector, but {len(self.names)} names came for "
                f"{n_rows} vectors: make names and rows match, in the same order"
            )
        if self.groups is not None and len(self.groups) != n_rows:
            raise GalleryError(
                f"a gallery needs one group a vector, but {len(self.groups)} groups came for "
                f"{n_rows} vectors: give every row a group, or none"
            )
        if self.kind not in get_args(Kind):
            raise GalleryError(
                f"the kind of a gallery is one of {', '.join(get_args(Kind))}, not {self.kind!r}"
            )
        check_names(self.names)
        frozen(self.vectors)

    def __len__(self) -> int:
        """Return the number of concepts."""
        return len(self.names)

    @property
    def dim(self) -> int:
        """Number of components of a vector."""
        return int(self.vectors.shape[1])

    @property
    def digest(self) -> str:
        """SHA-256 of names, vectors and projection, in hexadecimal."""
        content = hashlib.sha256("\n".join(self.names).encode())
        content.update(np.array(self.vectors.shape, dtype="<i8").tobytes())
        content.update(np.ascontiguousarray(self.vectors, dtype="<f4").data)
        if self.projection:
            content.update(self.projection.encode())
        return content.hexdigest()

    @property
    def centre(self) -> Float32:
        """Mean of the unit-length vectors, array of shape (D,), float32."""
        total = np.zeros(self.dim)
        for start in range(0, len(self), UNIT_ROWS):  # added row by row, as without blocks
            block = _unit(self.vectors[start : start + UNIT_ROWS])
            block[0] += total
            total = block.sum(axis=0)
        return np.asarray(total / len(self), dtype=np.float32)

    def centred(self, centre: Float32 | None = None) -> Float32:
        """Return the vectors in the form that is compared.

        Parameters
        ----------
        centre : array of shape (D,) or None
            What is taken off the unit-length vectors; None for the gallery's own centre. A
            gallery put in the place of another keeps the centre its encoder was trained with.

        Returns
        -------
        array of shape (G, D), float32
            Of unit length.

        Raises
        ------
        GalleryError
            If a vector lies at the centre, where it has no direction.
        """
        middle = self.centre if centre is None else centre
        compared = np.empty(self.vectors.shape, np.float32)
        lost: list[int] = []
        for start in range(0, len(self), UNIT_ROWS):
            moved = _unit(self.vectors[start : start + UNIT_ROWS]) - middle
            length = np.linalg.norm(moved, axis=1, keepdims=True)
            lost += (start + np.flatnonzero(length < NO_DIRECTION)).tolist()
            compared[start : start + UNIT_ROWS] = moved / np.maximum(length, NO_DIRECTION)
        if lost:
            raise GalleryError(
                f"{len(lost)} of {len(self)} vectors equal the gallery's centre and can't be "
                f"ranked (first: {self.names[lost[0]]!r}): use concepts that differ"
            )
        return compared

    def projected(self, vectors: Float32, projection: str) -> Gallery:
        """Return a gallery of the same concepts in another space.

        Parameters
        ----------
        vectors : array of shape (G, E), float32
            What became of each row; E need not be ``dim``.
        projection : str
            What was done, precisely enough that two spaces of the same text are the same: it
            decides whether galleries may stand in for each other. It is put behind that of this
            gallery, if it has one.

        Raises
        ------
        GalleryError
            If the text is empty, or the vectors do not make a gallery.
        """
        if not projection.strip():
            raise GalleryError("a projected gallery must say how it was projected, not ''")
        before = f"{self.projection}, then " if self.projection else ""
        return replace(self, vectors=vectors, projection=f"{before}{projection}")

    def row(self, name: str) -> int:
        """Return the row of a concept; capitals do not matter.

        Raises
        ------
        GalleryError
            If there is no such concept; the message offers the nearest names.
        """
        folded = [known.casefold() for known in self.names]
        wanted = name.strip().casefold()
        if wanted in folded:
            return folded.index(wanted)
        close = difflib.get_close_matches(wanted, folded, n=3)
        near = ", ".join(repr(self.names[folded.index(c)]) for c in close)
        hint = f"nearest: {near}" if near else f"it begins with {', '.join(self.names[:3])}"
        raise GalleryError(f"no concept {name!r} among the gallery's {len(self)}: {hint}")

    def check_compatible(self, other: Gallery) -> None:
        """Refuse another gallery in this one's place unless the same model made it.

        Parameters
        ----------
        other : Gallery
            May have other concepts, and more or fewer of them.

        Raises
        ------
        GalleryError
            Naming every field that differs.
        """
        fields = ["backbone", "weights", "kind", "dim", "projection"]
        if self.preprocessing and other.preprocessing:  # arrays from elsewhere do not say
            fields.append("preprocessing")
        differing = [
            f"{field} {getattr(self, field)!r} expected, {getattr(other, field)!r} came"
            for field in fields
            if getattr(self, field) != getattr(other, field)
        ]
        if differing:
            raise GalleryError(
                f"the gallery does not fit the decoder: {'; '.join(differing)}: "
                "build it with the model the decoder was calibrated for"
            )
        unsaid = UNKNOWN in (self.backbone, self.weights, other.backbone, other.weights)
        if unsaid and self.digest != other.digest:
            raise GalleryError(
                "one model must have made both galleries, but of "
                f"{self.backbone}/{self.weights} and {other.backbone}/{other.weights} nobody "
                "knows: say which it was with --backbone and --weights, when calibrating too"
            )

    def describe(self) -> dict[str, Any]:
        """Return size, origin and geometry, ready for JSON.

        ``mean_cosine`` is the mean over all pairs of different rows, for the vectors as given
        and centred; ``nearest`` lists the pairs that are easiest to confuse, and is None in a
        gallery too large to look at them all.
        """
        norms = np.sqrt(np.einsum("gd,gd->g", self.vectors, self.vectors, dtype=np.float64))
        centred = self.centred()
        return {
            "size": len(self),
            "dim": self.dim,
            "backbone": self.backbone,
            "weights": self.weights,
            "kind": self.kind,
            "source": self.source,
            "simulated": self.simulated,
            "preprocessing": self.preprocessing,
            "templates": list(self.templates),
            "projection": self.projection,
            "digest": self.digest,
            "norm": {"min": float(norms.min()), "max": float(norms.max())},
            "mean_cosine": {"raw": _mean_cosine(self.vectors), "centred": _mean_cosine(centred)},
            "nearest": [
                {"names": [self.names[a], self.names[b]], "cosine": cosine}
                for a, b, cosine in _nearest_pairs(centred, 5)
            ]
            if len(self) <= PAIRS_ROWS
            else None,
            "groups": dict(Counter(self.groups)) if self.groups is not None else None,
        }


def targets(gallery: Gallery, rows: Sequence[int], centre: Float32 | None = None) -> Float32:
    """Return what an encoder must predict for trials of these concepts.

    Parameters
    ----------
    gallery : Gallery
        The gallery the decoder will carry.
    rows : sequence of int, length n
        Row of each trial's concept.
    centre : array of shape (D,) or None
        As for :meth:`Gallery.centred`.

    Returns
    -------
    array of shape (n, D), float32
        Unit-length centred vectors: an encoder's output is compared with the centred gallery as
        it comes, so it is trained in that space.
    """
    return np.take(gallery.centred(centre), rows, axis=0)


def _check_vectors(vectors: Float32) -> None:
    """Refuse vectors that have no direction."""
    if vectors.ndim != 2 or vectors.dtype != np.float32 or min(vectors.shape) < 2:
        raise GalleryError(
            "gallery vectors must be float32 of shape (G, D), both at least 2, not "
            f"{vectors.dtype} of shape {vectors.shape}"
        )
    for bad, what in (
        (~np.isfinite(vectors).all(axis=1), "hold NaN or infinity"),
        (~vectors.any(axis=1), "are zero"),
    ):
        if bad.any():
            raise GalleryError(
                f"every gallery vector must point somewhere, but {int(bad.sum())} of "
                f"{len(vectors)} {what} (first: row {int(np.argmax(bad))}): remove or replace them"
            )


def _unit(vectors: Float32 | Float64) -> Float64:
    """Return the rows at unit length, in double precision and row by row in memory.

    The layout is part of the answer: sums over another one differ in the last bits.
    """
    doubles = np.ascontiguousarray(vectors, dtype=np.float64)
    return np.asarray(doubles / np.linalg.norm(doubles, axis=1, keepdims=True))


def _mean_cosine(vectors: Float32) -> float:
    """Return the mean cosine over all pairs of different rows."""
    n = len(vectors)
    blocks = range(0, n, UNIT_ROWS)
    whole = sum(_unit(vectors[start : start + UNIT_ROWS]).sum(axis=0) for start in blocks)
    total = float(np.square(whole).sum())
    return (total - n) / (n * (n - 1))


def _nearest_pairs(centred: Float32, count: int) -> list[tuple[int, int, float]]:
    """Return the pairs of rows with the highest cosine, a block of rows at a time."""
    nearest: list[tuple[int, int, float]] = []
    for start in range(0, len(centred), BLOCK_ROWS):
        cosines = centred[start : start + BLOCK_ROWS] @ centred[start:].T
        cosines[np.tri(*cosines.shape, dtype=np.bool_)] = -np.inf  # each pair once
        flat = best(cosines.ravel(), min(count, cosines.size))
        rows, columns = np.unravel_index(flat, cosines.shape)
        found = zip(rows + start, columns + start, cosines.ravel()[flat], strict=True)
        nearest += [(int(a), int(b), float(c)) for a, b, c in found if np.isfinite(c)]
    return sorted(nearest, key=lambda pair: -pair[2])[:count]
