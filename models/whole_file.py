"""Write a file whole or not at all: nobody finds half of one, and a failure leaves the old one."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path

from saccade.realtime.errors import GalleryError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there.

    Raises
    ------
    OSError
        If it can't be written.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def check_new(path: Path, suffix: str, *, overwrite: bool) -> None:
    """Refuse a path that should not be written to; before hours of work, not after.

    Raises
    ------
    GalleryError
        If its name ends otherwise, it is there already, or its folder is not.
    """
    if path.suffix != suffix:
        raise GalleryError(
            f"the file's name must end in {suffix}, but {path.name} does not: rename it"
        )
    if path.exists() and not overwrite:
        raise GalleryError(f"{path} exists: choose another name, or ask to overwrite it")
    if not path.absolute().parent.is_dir():
        raise GalleryError(f"{path} can't be written: there is no folder {path.parent}")
