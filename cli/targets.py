"""Which vectors ``train``, ``evaluate`` and ``export`` are told to use: galleries and features.

A gallery's file and named arrays say which vector is whose. An array or torch file without names is
taken to be in the order of the data set's images, as published features are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from saccade.cli.galleries import gallery_of
from saccade.cli.sections import Config
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import ConfigError, GalleryError

if TYPE_CHECKING:
    from saccade.models.targets.target_bank import TargetBank

FEATURES = (".npy", ".pt", ".pth")


def gallery_for(
    settings: Config, images: Sequence[str] | None = None, *, trust_pickle: bool = False
) -> Gallery:
    """Return the configured gallery, or features in the order of a data set's images.

    Parameters
    ----------
    settings : Config
        The session's settings.
    images : sequence of str or None
        Names of the images, where there is a data set.
    trust_pickle : bool
        Read pickled features too.

    Raises
    ------
    ConfigError, GalleryError, RecordingError
        If there is no such gallery, or its rows are not as many as the images.
    """
    section = settings.gallery
    path = section.vectors
    if path is None or section.names is not None or path.suffix not in FEATURES or images is None:
        return gallery_of(settings)
    kind = section.kind if "kind" in section.model_fields_set else "image"
    return _features(
        path, None, images, section.backbone, section.weights, kind, trust_pickle=trust_pickle
    )


def versions_for(
    levels: Sequence[str] | None,
    like: Gallery,
    images: Sequence[str] | None = None,
    *,
    trust_pickle: bool = False,
) -> dict[str, Gallery]:
    """Return the vectors at each level that ``--level LEVEL=FILE`` flags name.

    Parameters
    ----------
    levels : sequence of str or None
        The flags.
    like : Gallery
        Says which model made them.
    images : sequence of str or None
        Names of a data set's images; None for those of the gallery.
    trust_pickle : bool
        Read pickled features too.

    Raises
    ------
    ConfigError
        If a flag is no LEVEL=FILE, or there is no such level.
    """
    from saccade.models.galleries import gallery_store
    from saccade.models.targets.corruption import parse_level

    made: dict[str, Gallery] = {}
    for text in levels or ():
        name, equals, place = text.partition("=")
        file, _, key = place.partition("#")
        if not (equals and name and file):
            raise ConfigError(
                f"--level should be LEVEL=FILE, as foveal-51=blurred.npy, not {text!r}"
            )
        parse_level(name)
        path = Path(file)
        if path.suffix == gallery_store.SUFFIX:
            made[name] = gallery_store.load(path).gallery
        else:
            names = like.names if images is None else images
            made[name] = _features(
                path,
                key or None,
                names,
                like.backbone,
                like.weights,
                like.kind,
                trust_pickle=trust_pickle,
            )
    return made


def bank_for(
    levels: Sequence[str] | None,
    whole: Gallery,
    chosen: Gallery,
    wanted: Sequence[str],
    *,
    trust_pickle: bool,
) -> TargetBank | None:
    """Return pictures of a gallery at the levels an encoder wants; None if no level is given.

    Parameters
    ----------
    levels : sequence of str or None
        The ``--level`` flags.
    whole, chosen : Gallery
        The gallery whose rows the files have, and the one of those that are wanted.
    wanted : sequence of str
        Levels, in order.
    trust_pickle : bool
        Read pickled features too.
    """
    from saccade.models.targets.sources import bank_of

    if not levels:
        return None
    versions = versions_for(levels, whole, trust_pickle=trust_pickle)
    return bank_of({"sharp": whole} | versions, wanted, (chosen.names,))


def unseen(gallery: Gallery, trained_on: Collection[str]) -> Gallery:
    """Return the rows of a gallery whose concept training has not seen.

    Raises
    ------
    GalleryError
        If fewer than two are left, or all are.
    """
    seen = {name.casefold() for name in trained_on}
    rows = [row for row, name in enumerate(_concepts(gallery)) if name.casefold() not in seen]
    if len(rows) == len(gallery):
        raise GalleryError(
            f"--unseen would change nothing, as none of the gallery's {len(gallery)} rows is of "
            f"the {len(seen)} concepts the encoder was trained on: leave it out, or correct "
            "the names"
        )
    if len(rows) < 2:
        raise GalleryError(
            f"--unseen leaves {len(rows)} of the gallery's {len(gallery)} rows, as the "
            f"encoder was trained on {len(seen)}: give a gallery with others"
        )
    return dataclasses.replace(
        gallery,
        names=tuple(gallery.names[row] for row in rows),
        vectors=gallery.vectors[rows],
        groups=None if gallery.groups is None else tuple(gallery.groups[row] for row in rows),
    )


def _concepts(gallery: Gallery) -> Sequence[str]:
    """Return the concept of each row, which may be one of several pictures of it."""
    if gallery.kind != "image":
        return gallery.names
    return gallery.groups or [name.partition("/")[0] for name in gallery.names]


def _features(
    path: Path,
    level: str | None,
    images: Sequence[str],
    backbone: str,
    weights: str,
    kind: str,
    *,
    trust_pickle: bool,
) -> Gallery:
    from saccade.models.data.features import image_features
    from saccade.models.data.images import ImageList

    vectors = image_features(
        path, ImageList.of(list(images)), level=level, trust_pickle=trust_pickle
    )
    return Gallery(
        names=tuple(images),
        vectors=vectors,
        backbone=backbone,
        weights=weights,
        kind=kind,  # type: ignore[arg-type] # checked by the gallery
        source=path.name,
    )
