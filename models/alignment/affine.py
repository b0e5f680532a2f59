"""An affine map between encoder and cosine, which brings one person's vectors to their place.

It is what every alignment of vectors comes to; how it is learned is in
:mod:`saccade.models.alignment.align`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64, frozen

AlignmentKind = Literal["whitening", "procrustes", "linear"]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """Takes a vector v to ``matrix @ (v / |v| - mean)``.

    Parameters
    ----------
    kind : {"whitening", "procrustes", "linear"}
        How it was learned.
    mean : array of shape (D,), float32
        The person's mean vector, after each was brought to unit length.
    matrix : array of shape (D, D), float32
        Applied to what is left.
    n_trials : int
        What it was learned from.
    settings : dict
        By how much it was held back, ready for JSON.

    Raises
    ------
    CalibrationError
        If there is no such kind, shapes or types don't fit, or a value is not finite.
    """

    kind: AlignmentKind
    mean: Float32
    matrix: Float32
    n_trials: int
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what can't be applied; make the arrays read-only."""
        arrays = (self.mean, self.matrix)
        if self.kind not in get_args(AlignmentKind):
            kinds = ", ".join(get_args(AlignmentKind))
            raise CalibrationError(f"an alignment is one of {kinds}, not {self.kind!r}")
        if self.mean.ndim != 1 or self.matrix.shape != self.mean.shape * 2:
            raise CalibrationError(
                "an alignment has a mean of shape (D,) and a matrix of shape (D, D), not "
                f"{self.mean.shape} and {self.matrix.shape}"
            )
        if any(array.dtype != np.float32 or not np.isfinite(array).all() for array in arrays):
            raise CalibrationError(
                "an alignment must be finite float32, but "
                f"{', '.join(array.dtype.name for array in arrays)} came with "
                f"{sum(int((~np.isfinite(array)).sum()) for array in arrays)} NaN or infinite "
                "values: learn it anew"
            )
        for array in arrays:
            frozen(array)

    def apply(self, vectors: Float32) -> Float32:
        """Return vectors in the space that the gallery is compared in.

        Parameters
        ----------
        vectors : array of shape (D,) or (n, D), float32
            As the encoder gives them, of any length. A zero vector says nothing, and stays zero.

        Returns
        -------
        array of the same shape, float32
            Un-normalised. A vector has the same last bits alone and among others.

        Raises
        ------
        CalibrationError
            If vectors have another number of components.
        """
        if vectors.ndim not in (1, 2) or vectors.shape[-1] != len(self.mean):
            raise CalibrationError(
                f"an alignment of {len(self.mean)} components takes vectors of shape (D,) or "
                f"(n, D) with as many, not {vectors.shape}: learn one for this encoder"
            )
        rows = np.atleast_2d(unit_length(vectors))
        moved = np.zeros_like(rows)
        for number in np.flatnonzero(rows.any(axis=1)):
            # One by one and not by BLAS, whose product of many has other last bits than of one.
            moved[number] = np.einsum("ij,j->i", self.matrix, rows[number] - self.mean)
        return moved.reshape(vectors.shape)


def length_of(vectors: Float32) -> Float64:
    """Return the lengths of vectors (..., D), float64; the same bits alone and among others."""
    rows = np.ascontiguousarray(vectors)
    return np.asarray(np.sqrt(np.square(rows, dtype=np.float64).sum(axis=-1)))


def unit_length(vectors: Float32) -> Float32:
    """Return vectors (..., D) at unit length, zero vectors as they are."""
    rows = np.ascontiguousarray(vectors)
    lengths = length_of(rows)[..., None]
    unit = np.divide(rows, lengths, out=np.zeros_like(rows, np.float64), where=lengths > 0)
    return np.asarray(unit, dtype=np.float32)
