"""Whiten a gallery: make its concepts differ equally in every direction.

CLIP's vectors vary much along a few directions that most concepts share, and little along those
that tell similar concepts apart. Multiplying by the inverse root of their covariance weighs all
alike. The map is fitted on one gallery and kept with it, because whatever is compared with that
gallery, another set of concepts or the vector of a text, must go through the same map.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from saccade.models.alignment.whitening import ledoit_wolf
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32, Float64, frozen


@dataclass(frozen=True, slots=True, eq=False)
class GalleryWhitening:
    """A map from CLIP's space to one in which a gallery is white.

    Parameters
    ----------
    mean : array of shape (D,), float64
        Of the gallery's vectors at unit length.
    matrix : array of shape (D, D), float64
        Symmetric inverse root of their covariance, shrunken after Ledoit and Wolf (2004), for
        there are fewer concepts than dimensions as a rule.

    Raises
    ------
    GalleryError
        If the shapes do not fit each other, or a value is not finite.
    """

    mean: Float64
    matrix: Float64

    def __post_init__(self) -> None:
        """Refuse what is no map; make the arrays read-only."""
        dim = len(self.mean)
        if self.mean.shape != (dim,) or self.matrix.shape != (dim, dim):
            raise GalleryError(
                f"a whitening has a mean (D,) and a matrix (D, D), not {self.mean.shape} and "
                f"{self.matrix.shape}: fit it again"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self.matrix).all()):
            raise GalleryError("a whitening must be finite, but holds NaN: fit it again")
        frozen(self.mean)
        frozen(self.matrix)

    @classmethod
    def fit(cls, gallery: Gallery) -> GalleryWhitening:
        """Return the map that makes this gallery white."""
        vectors = _unit(gallery.vectors)
        variances, directions = np.linalg.eigh(ledoit_wolf(vectors.T))
        if variances[0] <= 0:
            raise GalleryError(
                f"a gallery to be whitened must vary in all {gallery.dim} directions, but its "
                f"smallest variance is {variances[0]:.3g}: use more concepts"
            )
        matrix = directions / np.sqrt(variances) @ directions.T
        return cls(vectors.mean(axis=0), matrix)

    @property
    def label(self) -> str:
        """What a gallery that went through this map says of itself."""
        content = np.concatenate([self.mean[None], self.matrix]).astype("<f8").tobytes()
        return f"whitened {hashlib.sha256(content).hexdigest()[:16]}"

    def apply(self, vectors: Float32) -> Float32:
        """Return vectors of shape (n, D) in the white space, float32."""
        if vectors.shape[1:] != self.mean.shape:
            raise GalleryError(
                f"this whitening is for vectors of {len(self.mean)} components, not of shape "
                f"{vectors.shape}: use that of their own model"
            )
        return np.asarray((_unit(vectors) - self.mean) @ self.matrix, dtype=np.float32)

    def whiten(self, gallery: Gallery) -> Gallery:
        """Return a gallery of the same concepts in the white space."""
        return gallery.projected(self.apply(gallery.vectors), self.label)


def _unit(vectors: Float32) -> Float64:
    doubles = np.asarray(vectors, dtype=np.float64)
    return np.asarray(doubles / np.linalg.norm(doubles, axis=1, keepdims=True))
