"""CLIP features of the pictures, as the published repositories keep them, in the data set's order.

Three kinds of file: an array (images, D) or (concepts, images of one, D), as NICE has it, its rows
in the order of the images; a torch file whose ``img_features`` is such a tensor (ATM,
BrainFLORA); or one whose ``img_features`` maps the path of each image to its vector (UBP), once
for each of three levels of blur where it was trained with them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.containers import read_container
from saccade.models.data.images import ImageList
from saccade.realtime.errors import ConfigError, RecordingError
from saccade.realtime.types import Float32


def image_features(
    path: Path, images: ImageList, *, level: str | None = None, trust_pickle: bool = False
) -> Float32:
    """Read the features of each image.

    Parameters
    ----------
    path : Path
        ``.npy`` or ``.pt``.
    images : ImageList
        The data set's images.
    level : str or None
        Of blur, where the file has several (``low``, ``medium``, ``high``).
    trust_pickle : bool
        Read pickles too.

    Returns
    -------
    array of shape (n_images, D), float32
        As stored, of any length; row k is for image k.

    Raises
    ------
    RecordingError
        If the file is of another form, an image has no vector, or a value is not finite.
    ConfigError
        If the level is missing, unknown, or there are none.
    """
    content = read_container(path, trust_pickle=trust_pickle)
    if isinstance(content, dict):
        content = content.get("img_features", content)
    content = _at_level(content, level, path)
    if isinstance(content, dict):
        vectors = _by_name(content, images, path)
    elif isinstance(content, np.ndarray) and content.ndim in (2, 3):
        vectors = content.reshape(-1, content.shape[-1])
    else:
        came = getattr(content, "shape", None) or type(content).__name__
        raise RecordingError(
            f"{path}: features of shape (images, D) or (concepts, images of one, D) are expected, "
            f"or a vector for each image's path, not {came}"
        )
    if len(vectors) != len(images):
        raise RecordingError(
            f"{path}: {len(images)} images need a vector each, in their order, but "
            f"{len(vectors)} came: give the features of this data set and split"
        )
    if vectors.dtype.kind not in "fiu":
        raise RecordingError(f"{path}: features must be numbers, not {vectors.dtype}")
    features = np.array(vectors, np.float32)
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise RecordingError(
            f"{path}: features must be finite, but {len(bad)} of {len(features)} rows hold NaN or "
            f"infinity (first: {images.names[bad[0]]}): compute them again"
        )
    return features


def _at_level(content: Any, level: str | None, path: Path) -> Any:
    """Return what a file has for a level of blur."""
    levels = sorted(map(str, content)) if _has_levels(content) else []
    if level is None and not levels:
        return content
    if level not in levels:
        raise ConfigError(
            f"{path} has {'the levels ' + ', '.join(levels) if levels else 'no levels'} of blur, "
            f"and {level or 'none'} was asked for: choose one that it has"
        )
    return content[level]


def _has_levels(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(item, dict) for item in content.values())


def _by_name(content: dict[Any, Any], images: ImageList, path: Path) -> NDArray[Any]:
    """Return the vectors in the order of the images."""
    others = [key for key in content if not isinstance(key, str)]
    if others:
        raise RecordingError(
            f"{path}: vectors are found by the path of each image, but {len(others)} of "
            f"{len(content)} have {others[0]!r} or the like: give an array in the order of the "
            "images instead"
        )
    named = dict(zip(ImageList.of(list(content)).names, content.values(), strict=True))
    missing = [name for name in images.names if name not in named]
    if missing:
        raise RecordingError(
            f"{path}: {len(missing)} of {len(images)} images have no vector (first: "
            f"{missing[0]}): give the features of this data set and split"
        )
    sizes = {np.shape(named[name]) for name in images.names}
    if len(sizes) != 1 or len(next(iter(sizes))) != 1:
        raise RecordingError(f"{path}: vectors must have one shape (D,), not {sorted(sizes)}")
    return np.stack([named[name] for name in images.names])
