"""The gallery that a configuration or a file names; needs no torch, unless it is in a decoder."""

from __future__ import annotations

from pathlib import Path

from saccade.cli.sections import Config, GallerySection
from saccade.models.galleries import gallery_store
from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_files import load_arrays, load_everyday
from saccade.models.galleries.gallery_store import StoredGallery
from saccade.realtime.errors import ConfigError


def gallery_of(settings: Config) -> Gallery:
    """Return the configured gallery: of a file or arrays that are named, or the built-in one.

    Raises
    ------
    ConfigError
        If an array is named without names, or names without an array; or if a file that says
        itself what it is is said to be something else.
    GalleryError
        If what is named can't be read as a gallery.
    """
    return stored_of(settings.gallery).gallery


def stored_of(section: GallerySection) -> StoredGallery:
    """Return the configured gallery with the map it went through, if there is one."""
    if section.vectors is None and section.names is None:
        return StoredGallery(load_everyday())
    if section.vectors is not None and section.vectors.suffix in (gallery_store.SUFFIX, ".saccade"):
        stored = _from_file(section.vectors)
        _refuse_contradiction(section, stored.gallery)
        return stored
    if section.vectors is None or section.names is None:
        raise ConfigError(
            "a gallery is an array and the names of its rows, but only one of the two was given: "
            "give both, or neither for the built-in concepts"
        )
    return StoredGallery(
        load_arrays(
            section.vectors,
            section.names,
            backbone=section.backbone,
            weights=section.weights,
            kind=section.kind,
        )
    )


def _from_file(path: Path) -> StoredGallery:
    """Return the gallery of a gallery's or decoder's file."""
    if path.suffix == gallery_store.SUFFIX:
        return gallery_store.load(path)
    from saccade.models.decoders import decoder_file

    return StoredGallery(decoder_file.load(path).gallery)


def _refuse_contradiction(section: GallerySection, gallery: Gallery) -> None:
    """Refuse settings that say otherwise than the file, which would be right."""
    said = [key for key in ("backbone", "weights", "kind") if key in section.model_fields_set]
    differing = [
        f"{key} {getattr(gallery, key)!r}, not {getattr(section, key)!r}"
        for key in said
        if getattr(section, key) != getattr(gallery, key)
    ]
    if section.names is not None:
        differing.append(f"names of its own, not those of {section.names}")
    if differing:
        raise ConfigError(
            f"{section.vectors} says that it has {'; '.join(differing)}: leave those settings out"
        )
