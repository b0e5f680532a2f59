"""What a gallery will be made of: sentences about concepts, or pictures of them.

Which picture stands for which concept is decided here, by the names of folders, before a model is
loaded; whatever is ambiguous is refused now rather than after hours of encoding.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from saccade.models.data.images import concept_of, concept_of_file
from saccade.models.galleries.gallery_names import check_names
from saccade.models.galleries.prompts import sentences
from saccade.models.targets.corruption import parse_level
from saccade.realtime.errors import ConfigError, GalleryError

logger = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset((".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"))


@dataclass(frozen=True, slots=True)
class Plan:
    """What to encode.

    Parameters
    ----------
    names : tuple of str, length G
        Of the rows.
    items : tuple of length G of tuples
        The texts, or the images' files, whose mean is each row.
    kind : {"text", "image", "prototype"}
        What a row will stand for.
    source : str
        Where names or images came from.
    groups : tuple of str, length G, or None
        The concept of each row, where a concept has several.
    templates : tuple of str
        What the texts were made with.
    level : str or None
        How images are made worse before they are encoded, as for
        :func:`saccade.models.targets.corruption.corrupt_image`; None for images as they are.

    Raises
    ------
    GalleryError
        If there are fewer than two names, or they do not make a gallery.
    ConfigError
        If there is no such level, or it is wanted of texts.
    """

    names: tuple[str, ...]
    items: tuple[tuple[str, ...], ...] | tuple[tuple[Path, ...], ...]
    kind: Literal["text", "image", "prototype"]
    source: str
    groups: tuple[str, ...] | None = None
    templates: tuple[str, ...] = ()
    level: str | None = None

    def __post_init__(self) -> None:
        """Refuse names and level now rather than when all is encoded."""
        if len(self.names) < 2:
            raise GalleryError(
                f"a gallery has at least 2 concepts, but {self.source} has {len(self.names)}: add "
                "some"
            )
        check_names(self.names)
        if self.level is not None:
            parse_level(self.level)
            if self.kind == "text":
                raise ConfigError(f"texts have no level, but {self.level} came: leave it out")

    @property
    def n_items(self) -> int:
        """How many texts or images there are."""
        return sum(map(len, self.items))

    @property
    def digest(self) -> str:
        """SHA-256 of names and items; of an image, its path, size and date."""
        items = [
            [_stamp(item) if isinstance(item, Path) else item for item in row] for row in self.items
        ]
        return hashlib.sha256(json.dumps([self.names, self.kind, items]).encode()).hexdigest()


def plan_texts(names: Sequence[str], templates: Sequence[str], source: str) -> Plan:
    """Return the plan of a gallery of names.

    Parameters
    ----------
    names : sequence of str
        The concepts.
    templates : sequence of str
        Sentences with ``{}`` for the name; a row is the mean over all of them.
    source : str
        Where the names came from.

    Raises
    ------
    GalleryError
        If a template is wrong.
    """
    items = tuple(sentences(name, templates) for name in names)
    return Plan(tuple(names), items, "text", source, templates=tuple(templates))


def plan_images(
    folder: Path, kind: Literal["image", "prototype"], level: str | None = None
) -> Plan:
    """Return the plan of a gallery of pictures.

    The folder has a folder for each concept, in the order of their names; a number in front, as
    in THINGS' ``00001_aardvark``, is not part of the concept. For kind ``image`` the pictures may
    also lie in the folder itself, one for each concept; THINGS' ``_12s`` is not part of it either.

    Parameters
    ----------
    folder : Path
        Holds the pictures.
    kind : {"image", "prototype"}
        A row for every picture, called ``concept/file.jpg`` where its concept has several, as
        data sets call it (:mod:`saccade.models.data.images`); or a row for every concept, the
        mean of its pictures, at least two.
    level : str or None
        As for :class:`Plan`.

    Raises
    ------
    GalleryError
        If there are no pictures, or folders and pictures do not suit the kind.
    ConfigError
        If there is no such level.
    """
    folders = _concept_folders(folder)
    several = {name: files for name, files in folders.items() if len(files) > 1}
    source = f"{sum(map(len, folders.values()))} images of {len(folders)} concepts in {folder.name}"
    if kind == "prototype":
        single = [name for name in folders if name not in several]
        if single:
            raise GalleryError(
                f"a prototype is the mean of several images, but {len(single)} of {len(folders)} "
                f"concepts in {folder} have one (first: {single[0]!r}): add images, or build kind "
                "image"
            )
        items = tuple(map(tuple, folders.values()))
        return Plan(tuple(folders), items, kind, source, level=level)
    rows = [
        (f"{name}/{file.name}" if name in several else name, file, name)
        for name, files in folders.items()
        for file in files
    ]
    names, files, concepts = zip(*rows, strict=True)
    groups = concepts if several else None
    return Plan(names, tuple((file,) for file in files), kind, source, groups, level=level)


def _concept_folders(folder: Path) -> dict[str, list[Path]]:
    """Return the images of each concept, both in the order of their names."""
    try:
        entries = _visible(folder)
        inside = {entry: _visible(entry) for entry in entries if entry.is_dir()}
    except OSError as error:
        raise GalleryError(f"no folder of images can be read at {folder}: {error}") from error
    if inside:
        listed = [
            (concept_of(f.name), [i for i in files if _is_image(i)]) for f, files in inside.items()
        ]
        stray = len([entry for entry in entries if _is_image(entry)])
    else:
        listed = [(concept_of_file(entry.stem), [entry]) for entry in entries if _is_image(entry)]
        stray = 0
    if stray:
        raise GalleryError(
            f"{folder} has {stray} images beside its {len(inside)} folders of concepts: move each "
            "into a folder, or all out of them"
        )
    if not listed:
        raise GalleryError(
            f"{folder} has neither images nor folders of them: give a folder with one folder a "
            f"concept, or images ({', '.join(sorted(IMAGE_SUFFIXES))})"
        )
    empty = [name for name, files in listed if not files]
    if empty:
        raise GalleryError(
            f"every concept needs an image, but {len(empty)} of {len(listed)} folders in {folder} "
            f"have none (first: {empty[0]!r}): add one or remove the folder"
        )
    folders = dict(listed)
    if len(folders) < len(listed):
        names = [name for name, _ in listed]
        twice = sorted({name for name in names if names.count(name) > 1})
        raise GalleryError(
            f"a concept has one folder or image, but {twice[0]!r} has several in {folder}: rename "
            "or merge them"
        )
    others = sum(1 for files in inside.values() for file in files if not _is_image(file))
    if others:
        logger.warning("%d files in %s are no images and are left out", others, folder)
    return folders


def _visible(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()


def _stamp(path: Path) -> list[str | int]:
    status = path.stat()
    return [str(path), status.st_size, status.st_mtime_ns]
