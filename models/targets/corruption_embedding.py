"""What corruption does to a picture, done to its vector instead.

A simulated subject looks at vectors: there are no pictures to blur. So that encoders with corrupted
targets can be trained and compared all the same, the same level names act **on embeddings** here,
through stand-ins. They are no claim about what CLIP makes of a blurred picture, and whatever rests
on them must be labelled "on embeddings" (:attr:`TargetBank.on_embeddings
<saccade.models.targets.target_bank.TargetBank.on_embeddings>`).

The principal components of the training vectors stand for detail, coarse to fine: the share of the
variance that comes before a component, 0 to 1, is its fineness u, and it is taken to show things of
``FINEST_PX / u`` pixels. The first is as large as the picture, and nothing but noise touches it.
Component by component, about the training mean:

- ``gauss-K`` multiplies by ``exp(-(sigma / size)² / 2)``, sigma that of the kernel;
- ``foveal-K`` mixes this with the sharp vector, by the mean of UBP's mask over a picture;
- ``noise-SD`` adds noise of the training vectors' own covariance, its share ``SD / CONTRAST``;
- ``lowres-F`` drops what is smaller than a kept pixel, ``1 / F``;
- ``mosaic-B`` rounds to steps of ``B / size`` standard deviations.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saccade.models.targets.corruption import PICTURE_PX, fovea, own_noise, parse_level, sigma_px
from saccade.models.targets.target_bank import TargetBank, check_vectors, unit
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32, Float64

FINEST_PX = 2.0
"""Size of the finest detail that a vector may tell: of 224 pixels, none makes a finer one."""
STEPS = 10
"""Noise belongs to a vector rounded to tenths of its components' root mean square."""
CONTRAST = 64.0
"""Standard deviation of a picture that noise is compared with, in grey levels of 255: assumed."""


class EmbeddingLevels:
    """Stand-ins for corrupted pictures, from the statistics of training vectors.

    Parameters
    ----------
    vectors : array of shape (n, dim), float32
        Of the training pictures only, n at least 2; scaled to unit length.
    seed : int
        Of the noise, which belongs to the vector: the same in any company and at any row.

    Raises
    ------
    GalleryError
        If a vector is zero or not finite, or all are the same.
    """

    def __init__(self, vectors: Float32, seed: int = 0) -> None:
        check_vectors(vectors)
        units = unit(vectors)
        self.seed = seed
        self.mean = units.mean(axis=0)  # (dim,)
        centred = units - self.mean
        variances, directions = np.linalg.eigh(centred.T @ centred / len(units))
        self.variances = variances[::-1].clip(min=0)  # (dim,), falling
        self.directions = directions[:, ::-1]  # (dim, dim), a column a component
        if self.variances.sum() <= 0:
            raise GalleryError(
                f"corruption on embeddings needs vectors that differ, but all {len(units)} are "
                "the same: give one for each picture"
            )

    @classmethod
    def of(
        cls, mean: Float64, variances: Float64, directions: Float64, seed: int
    ) -> EmbeddingLevels:
        """Return the stand-ins that such statistics of training vectors give.

        Parameters
        ----------
        mean, variances : arrays of shape (dim,), float64
            Of the vectors at unit length, and of their components, falling.
        directions : array of shape (dim, dim), float64
            A column a component.
        seed : int
            Of the noise.

        Raises
        ------
        GalleryError
            If shapes don't fit, a value is not finite, or nothing varies.
        """
        n = len(mean)
        parts = (mean, variances, directions)
        if [part.shape for part in parts] != [(n,), (n,), (n, n)] or not all(
            np.isfinite(part).all() for part in parts
        ):
            raise GalleryError(
                "statistics of vectors are finite arrays of shape (dim,), (dim,) and (dim, dim), "
                f"not {mean.shape}, {variances.shape} and {directions.shape} with "
                f"{sum(int((~np.isfinite(part)).sum()) for part in parts)} NaN or infinite values"
            )
        if variances.min() < 0 or variances.sum() <= 0:
            raise GalleryError(
                f"variances are 0 or more and not all 0, but {variances.min():g} to "
                f"{variances.max():g} came"
            )
        levels = cls.__new__(cls)
        levels.seed, levels.mean = seed, mean
        levels.variances, levels.directions = variances, directions
        return levels

    @property
    def per_px(self) -> Float64:
        """One over the size of each component in pixels, (dim,)."""
        before = np.cumsum(self.variances) - self.variances  # (dim,)
        return np.asarray(before / self.variances.sum() / FINEST_PX)

    def apply(self, vectors: Float32, levels: Sequence[str]) -> TargetBank:
        """Return vectors at each level.

        Parameters
        ----------
        vectors : array of shape (n_images, dim), float32
            Of any pictures, training or gallery; scaled to unit length. Not changed.
        levels : sequence of str
            As for :func:`saccade.models.targets.corruption.parse_level`.

        Returns
        -------
        TargetBank

        Raises
        ------
        ConfigError
            If there is no such level.
        GalleryError
            If a vector is zero or not finite, or of another size than those in training.
        """
        check_vectors(vectors, dim=len(self.mean))
        scores = (unit(vectors) - self.mean) @ self.directions  # (n_images, dim)
        bank = np.empty((len(vectors), len(levels), len(self.mean)), dtype=np.float32)
        for column, level in enumerate(levels):
            changed = self._at(level, scores, vectors)  # (n_images, dim)
            bank[:, column] = changed @ self.directions.T + self.mean
        return TargetBank(bank, tuple(levels), on_embeddings=True)

    def _at(self, name: str, scores: Float64, vectors: Float32) -> Float64:
        """Return scores on the principal components, (n_images, dim), at a level."""
        level = parse_level(name)
        spread = np.sqrt(self.variances)  # (dim,)
        match level.kind:
            case "sharp":
                return scores
            case "gauss":
                return np.asarray(scores * self._blur(level.strength))
            case "foveal":
                sharp = float(fovea(PICTURE_PX, PICTURE_PX).mean())
                return np.asarray(scores * (sharp + (1 - sharp) * self._blur(level.strength)))
            case "noise":
                noise = np.array([own_noise(steps, self.seed) for steps in _rounded(vectors)])
                return np.asarray(scores + level.strength / CONTRAST * spread * noise)
            case "lowres":
                return np.asarray(scores * (self.per_px <= level.strength))  # size at least 1 / F
            case "mosaic":
                step = np.maximum(level.strength * self.per_px * spread, np.finfo(np.float32).tiny)
                return np.asarray(np.round(scores / step) * step)

    def _blur(self, kernel: float) -> Float64:
        """Return what a Gaussian blur leaves of each component, (dim,), 0 to 1."""
        return np.asarray(np.exp(-0.5 * np.square(sigma_px(int(kernel)) * self.per_px)))


def _rounded(vectors: Float32) -> Float32:
    """Return whole numbers that tell directions apart, (n_images, dim).

    Far coarser than single precision, so that a vector that was scaled, or normalised elsewhere,
    keeps its noise.
    """
    steps = np.rint(unit(vectors) * STEPS * np.sqrt(vectors.shape[1])) + 0.0  # no minus zero
    return np.asarray(steps, dtype=np.float32)
