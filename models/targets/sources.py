"""What the signals of each picture are to be turned into: vectors, from galleries or features.

A gallery says by name which vector is whose, a picture's own or its concept's. Published features
stand in the order of the data set's pictures. Versions of pictures (blurred, corrupted) are read
where somebody has made them, and else made on the vectors, and labelled so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from saccade.models.data.signals import TrialTable
from saccade.models.encoders.network import SHARP
from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_names import rows_by_name
from saccade.models.targets.corruption_embedding import EmbeddingLevels
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.encoder_parts import TargetSignature
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32


@dataclass(frozen=True, slots=True, eq=False)
class Targets:
    """Targets of a data set's pictures.

    Parameters
    ----------
    about : TargetSignature
        What they are.
    bank : TargetBank
        In the order of the table's images; centred, of unit length.
    centre : array of shape (n_levels, dim), float32
        What was taken off.
    levels : EmbeddingLevels or None
        Makes the versions of other vectors, where versions are on embeddings.
    """

    about: TargetSignature
    bank: TargetBank
    centre: Float32
    levels: EmbeddingLevels | None


def targets(
    table: TrialTable,
    gallery: Gallery,
    levels: Sequence[str] = (SHARP,),
    versions: Mapping[str, Gallery] | None = None,
    seed: int = 0,
) -> Targets:
    """Return the targets of a table's images.

    Parameters
    ----------
    table : TrialTable
        All its images are wanted.
    gallery : Gallery
        Has each image, or else each image's concept, by name.
    levels : sequence of str
        Versions that the encoder wants.
    versions : mapping of str to Gallery, or None
        The pictures at some levels, as for ``gallery``. None makes them on embeddings.
    seed : int
        Of the noise on embeddings.

    Raises
    ------
    GalleryError
        If an image has no vector, a level is missing, or vectors can't be told apart.
    """
    vectors = gallery.vectors[rows_by_name(gallery.names, _names(table))]
    made: EmbeddingLevels | None = None
    if versions:
        raw = bank_of({SHARP: gallery} | dict(versions), levels, _names(table))
    elif tuple(levels) == (SHARP,):
        raw = TargetBank(vectors[:, None].copy(), (SHARP,), on_embeddings=False)
    else:
        made = EmbeddingLevels(np.unique(vectors, axis=0), seed)
        raw = made.apply(vectors, levels)
    bank, centre = raw.centred()
    about = TargetSignature(
        backbone=gallery.backbone,
        weights=gallery.weights,
        kind=gallery.kind,
        preprocessing=gallery.preprocessing,
        projection=gallery.projection,
        source=gallery.source,
        digest=gallery.digest,
        simulated=gallery.simulated,
        dim=gallery.dim,
        levels=tuple(levels),
        on_embeddings=bank.on_embeddings,
    )
    return Targets(about, bank, centre, made)


def bank_of(
    versions: Mapping[str, Gallery], levels: Sequence[str], names: Sequence[Sequence[str]]
) -> TargetBank:
    """Return pictures at several levels.

    Parameters
    ----------
    versions : mapping of str to Gallery
        A gallery for each level.
    levels : sequence of str
        Those that are wanted, in order.
    names : sequence of sequences of str
        As for :func:`saccade.models.galleries.gallery_names.rows_by_name`.

    Raises
    ------
    GalleryError
        If a level is missing, is of another model, kind or projection, or a picture has no vector
        in it.
    """
    missing = [level for level in levels if level not in versions]
    if missing:
        raise GalleryError(
            f"the encoder wants {', '.join(levels)}, but {', '.join(missing)} came not: give each "
            "with --level, or none to have them made on embeddings"
        )
    models = {
        f"{gallery.backbone}/{gallery.weights} {gallery.kind} {gallery.projection}".strip()
        for gallery in versions.values()
    }
    if len(models) > 1:
        raise GalleryError(
            "pictures at all levels must have been encoded alike, but "
            f"{' and '.join(sorted(models))} came: build each with the same model"
        )
    chosen = [versions[level] for level in levels]
    sizes = sorted({gallery.dim for gallery in chosen})
    if len(sizes) > 1:
        raise GalleryError(f"vectors of all levels must have one size, not {sizes}")
    stack = [gallery.vectors[rows_by_name(gallery.names, names)] for gallery in chosen]
    return TargetBank(np.stack(stack, axis=1), tuple(levels), on_embeddings=False)


def _names(table: TrialTable) -> tuple[Sequence[str], Sequence[str]]:
    """Return what a table's images are called: by themselves, and by their concepts."""
    return table.image_names, [table.concept_names[index] for index in table.image_concept]
