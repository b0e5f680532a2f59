"""A gallery as one file, ``*.gallery``, which says how its vectors were made.

It is a :mod:`sealed zip <saccade.models.decoders.sealed_zip>` of::

    manifest.json        model, weights, preprocessing, templates, kind, projection, SHA-256
    concepts.json        names and groups of the rows
    arrays.safetensors   vectors; whitening_mean and whitening_matrix where it was whitened

There is no pickle in it, and the same gallery gives the same bytes.
"""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from saccade.models.decoders import sealed_zip
from saccade.models.decoders.manifest import STRICT, Concepts, read_json, write_json
from saccade.models.decoders.whole_file import check_new, write_whole
from saccade.models.galleries.gallery import Gallery, Kind
from saccade.models.galleries.gallery_whitening import GalleryWhitening
from saccade.realtime.errors import DecoderFileError, GalleryError

SUFFIX = ".gallery"
SCHEMA_VERSION = 1
LARGEST_MEMBER = {  # bytes; the archive has them in this order
    "manifest.json": 2**20,
    "concepts.json": 2**28,
    "arrays.safetensors": 2**33,
}


@dataclass(frozen=True, slots=True)
class GalleryManifest:
    """What the gallery is; fields as in :class:`saccade.models.galleries.gallery.Gallery`.

    ``sha256`` has the digests of the other members.
    """

    __pydantic_config__ = STRICT

    size: int
    dim: int
    kind: Kind
    backbone: str
    weights: str
    preprocessing: str
    templates: tuple[str, ...]
    projection: str
    source: str
    simulated: bool
    digest: str
    sha256: dict[str, str]
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True, eq=False)
class StoredGallery:
    """What a file holds.

    Parameters
    ----------
    gallery : Gallery
        The gallery.
    whitening : GalleryWhitening or None
        The map it went through, for whatever will be compared with it.

    Raises
    ------
    GalleryError
        If the gallery does not say that it went through that map last.
    """

    gallery: Gallery
    whitening: GalleryWhitening | None = None

    def __post_init__(self) -> None:
        """Refuse a map that is not the gallery's."""
        if self.whitening and not self.gallery.projection.endswith(self.whitening.label):
            raise GalleryError(
                f"the gallery's projection is {self.gallery.projection!r}, which does not end with "
                f"that of its map, {self.whitening.label!r}: store the two that belong together"
            )


def save(stored: StoredGallery, path: Path, *, overwrite: bool = False) -> None:
    """Write a gallery, whole or not at all.

    Parameters
    ----------
    stored : StoredGallery
        What to write.
    path : Path
        Where to; its name ends in ``.gallery``.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    GalleryError
        If the name ends otherwise, the file exists, or can't be written.
    """
    path = Path(path)
    check_new(path, SUFFIX, overwrite=overwrite)
    try:
        write_whole(path, to_bytes(stored))
    except OSError as error:
        raise GalleryError(f"{path} can't be written: {error}") from error


def load(path: Path) -> StoredGallery:
    """Read a gallery and verify every part of it.

    Raises
    ------
    GalleryError
        If the file can't be read, was damaged or altered, or contradicts itself.
    """
    path = Path(path)
    try:
        return from_bytes(sealed_zip.read(path, LARGEST_MEMBER))
    except (DecoderFileError, GalleryError) as error:
        raise GalleryError(f"no gallery can be read from {path}: {error}") from error


def to_bytes(stored: StoredGallery) -> bytes:
    """Return the content of a gallery's file."""
    gallery, whitening = stored.gallery, stored.whitening
    arrays: dict[str, NDArray[Any]] = {"vectors": np.ascontiguousarray(gallery.vectors)}
    if whitening is not None:
        arrays |= {"whitening_mean": whitening.mean, "whitening_matrix": whitening.matrix}
    others = {
        "concepts.json": write_json(dataclasses.asdict(Concepts(gallery.names, gallery.groups))),
        "arrays.safetensors": safetensors.numpy.save(arrays),
    }
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    manifest = write_json(dataclasses.asdict(_manifest(gallery, sha256)))
    return sealed_zip.pack({"manifest.json": manifest} | others)


def from_bytes(content: bytes) -> StoredGallery:
    """Return the gallery in the content of a file; see :func:`load`."""
    members = sealed_zip.unpack(content, LARGEST_MEMBER)
    about = read_json(GalleryManifest, members["manifest.json"], "manifest.json")
    if about.schema_version != SCHEMA_VERSION:
        raise GalleryError(
            f"schema_version of manifest.json must be {SCHEMA_VERSION}, not "
            f"{about.schema_version}: use the saccade that wrote the file, or build it again"
        )
    concepts = read_json(Concepts, members["concepts.json"], "concepts.json")
    try:
        arrays = safetensors.numpy.load(members["arrays.safetensors"])
    except safetensors.SafetensorError as error:
        raise GalleryError(f"arrays.safetensors can't be read: {error}") from error
    if set(arrays) not in ({"vectors"}, {"vectors", "whitening_mean", "whitening_matrix"}):
        raise GalleryError(
            "arrays.safetensors must hold vectors, and mean and matrix of a whitening or neither, "
            f"not {', '.join(sorted(arrays))}: get the original file"
        )
    gallery = Gallery(
        names=concepts.names,
        vectors=arrays["vectors"],
        backbone=about.backbone,
        weights=about.weights,
        kind=about.kind,
        source=about.source,
        groups=concepts.groups,
        simulated=about.simulated,
        preprocessing=about.preprocessing,
        templates=about.templates,
        projection=about.projection,
    )
    others = [name for name in LARGEST_MEMBER if name != "manifest.json"]
    sha256 = {name: hashlib.sha256(members[name]).hexdigest() for name in others}
    found = _manifest(gallery, sha256)
    differing = [
        f"{field.name} {getattr(about, field.name)!r} expected, {getattr(found, field.name)!r} came"
        for field in dataclasses.fields(about)
        if getattr(about, field.name) != getattr(found, field.name)
    ]
    if differing:
        raise GalleryError(
            f"the manifest contradicts the file: {'; '.join(differing)}: get the original file"
        )
    whitening = None
    if "whitening_mean" in arrays:
        whitening = GalleryWhitening(arrays["whitening_mean"], arrays["whitening_matrix"])
    return StoredGallery(gallery, whitening)


def _manifest(gallery: Gallery, sha256: dict[str, str]) -> GalleryManifest:
    return GalleryManifest(
        size=len(gallery),
        dim=gallery.dim,
        kind=gallery.kind,
        backbone=gallery.backbone,
        weights=gallery.weights,
        preprocessing=gallery.preprocessing,
        templates=gallery.templates,
        projection=gallery.projection,
        source=gallery.source,
        simulated=gallery.simulated,
        digest=gallery.digest,
        sha256=sha256,
    )
