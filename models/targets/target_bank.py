"""Several versions of each picture as vectors: sharp, blurred, corrupted.

Encoders whose target side wants more than a picture's own vector read them from here. Versions are
galleries of corrupted pictures (:mod:`saccade.models.galleries.gallery_build`) or, where there are
no pictures, made on the embeddings themselves (:mod:`saccade.models.targets.corruption_embedding`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.models.galleries.gallery import NO_DIRECTION
from saccade.models.targets.corruption import parse_level
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32, Float64, frozen


@dataclass(frozen=True, slots=True, eq=False)
class TargetBank:
    """Vectors of pictures at several levels.

    Parameters
    ----------
    vectors : array of shape (n_images, n_levels, dim), float32
        Made read-only.
    levels : tuple of str, length n_levels
        Names of the versions, none twice, in order.
    on_embeddings : bool
        True where the vectors, not the pictures, were made worse; whatever is shown of it must
        say so.

    Raises
    ------
    GalleryError
        If shapes don't fit, a level comes twice, or a vector is zero or not finite.
    ConfigError
        If there is no such level.
    """

    vectors: Float32
    levels: tuple[str, ...]
    on_embeddings: bool

    def __post_init__(self) -> None:
        """Refuse what is no bank."""
        shape = self.vectors.shape
        if len(shape) != 3 or self.vectors.dtype != np.float32 or shape[1] != len(self.levels):
            raise GalleryError(
                f"a bank of {len(self.levels)} levels must be float32 of shape "
                f"(n_images, {len(self.levels)}, dim), not {self.vectors.dtype} of shape {shape}"
            )
        if len(set(self.levels)) != len(self.levels):
            raise GalleryError(f"a level must be in a bank once, but {', '.join(self.levels)} came")
        for row, level in enumerate(self.levels):
            parse_level(level)
            check_vectors(self.vectors[:, row], level=level)
        frozen(self.vectors)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.vectors)

    def pick(self, levels: Sequence[str]) -> TargetBank:
        """Return the bank of these levels only, in this order.

        Raises
        ------
        GalleryError
            If one is not there.
        """
        missing = [level for level in levels if level not in self.levels]
        if missing:
            raise GalleryError(
                f"the bank must hold {', '.join(missing)}, but has {', '.join(self.levels)}: "
                "make it again with all the encoder wants"
            )
        columns = [self.levels.index(level) for level in levels]
        return TargetBank(self.vectors[:, columns], tuple(levels), self.on_embeddings)

    def centred(self, centre: Float32 | None = None) -> tuple[TargetBank, Float32]:
        """Return the bank as networks see it, and what was taken off.

        Parameters
        ----------
        centre : array of shape (n_levels, dim), float32, or None
            Taken off the unit-length vectors of each level; None for the bank's own means. A
            gallery takes the centre of the training bank.

        Returns
        -------
        bank : TargetBank
            Of unit length.
        centre : array of shape (n_levels, dim), float32

        Raises
        ------
        GalleryError
            If the centre is of another shape, or a vector lies at it and has no direction.
        """
        units = unit(self.vectors)
        if centre is None:
            centre = units.mean(axis=0).astype(np.float32)
        if centre.shape != units.shape[1:]:
            raise GalleryError(
                f"a centre for this bank has shape {units.shape[1:]}, not {centre.shape}"
            )
        moved = units - centre  # (n_images, n_levels, dim)
        lost = np.argwhere(np.linalg.norm(moved, axis=-1) < NO_DIRECTION)
        if len(lost):
            image, level = lost[0]
            raise GalleryError(
                f"{len(lost)} vectors equal the centre and can't be told from it (first: picture "
                f"{image} at {self.levels[level]}): use pictures that differ"
            )
        bank = TargetBank(unit(moved).astype(np.float32), self.levels, self.on_embeddings)
        return bank, centre


def check_vectors(vectors: Float32, *, dim: int | None = None, level: str = "") -> None:
    """Refuse vectors that have no direction.

    Parameters
    ----------
    vectors : array of shape (n, dim)
        To be checked.
    dim : int or None
        Components they must have.
    level : str
        For the message.

    Raises
    ------
    GalleryError
        If a vector is zero or not finite, or shapes don't fit.
    """
    if vectors.ndim != 2 or 0 in vectors.shape or dim not in (None, vectors.shape[1]):
        raise GalleryError(
            f"vectors must be of shape (n, {dim or 'dim'}), n at least 1, not {vectors.shape}"
        )
    bad = ~np.isfinite(vectors).all(axis=1) | ~vectors.any(axis=1)
    if bad.any():
        where = f" at {level}" if level else ""
        raise GalleryError(
            f"every vector must point somewhere, but {int(bad.sum())} of {len(vectors)}{where} are "
            f"zero, NaN or infinite (first: row {int(np.argmax(bad))}): make them again"
        )


def unit(vectors: Float32 | Float64) -> Float64:
    """Return vectors (..., dim) at unit length, in double precision."""
    doubles = np.asarray(vectors, dtype=np.float64)
    return np.asarray(doubles / np.linalg.norm(doubles, axis=-1, keepdims=True))
