"""Where the pictures of a protocol are on the disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from saccade.calibration.protocol import Protocol
from saccade.realtime.errors import ConfigError

SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"})


def pictures_of(protocol: Protocol, concepts: Sequence[str]) -> dict[str, tuple[Path, ...]]:
    """Return the pictures of each concept, in the order of their names.

    Parameters
    ----------
    protocol : Protocol
        Says in which folder; where it names none, pictures are drawn, and there is none of any.
    concepts : sequence of str
        Whose pictures are wanted. A concept's folder may be spelt with underscores for spaces,
        and in other capitals.

    Raises
    ------
    ConfigError
        If a folder is missing, or has fewer pictures than the protocol shows.
    """
    if protocol.images is None:
        return dict.fromkeys(concepts, ())
    root = Path(protocol.images)
    if not root.is_dir():
        raise ConfigError(f"images names {root}, which is no folder: correct it, or leave it out")
    folders = {_key(path.name): path for path in sorted(root.iterdir()) if path.is_dir()}
    lacking = [concept for concept in concepts if _key(concept) not in folders]
    if lacking:
        raise ConfigError(
            f"{root} needs a folder for each concept, but {len(lacking)} of {len(concepts)} have "
            f"none, as '{lacking[0]}': make them, or name other concepts"
        )
    found = {concept: _within(folders[_key(concept)]) for concept in concepts}
    for concept, paths in found.items():
        if len(paths) < protocol.pictures:
            raise ConfigError(
                f"the protocol shows {protocol.pictures} pictures of each concept, but "
                f"{folders[_key(concept)]} has {len(paths)}: add some, or lower pictures"
            )
    return {concept: paths[: protocol.pictures] for concept, paths in found.items()}


def _key(name: str) -> str:
    return name.casefold().replace("_", " ")


def _within(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES)
