"""Write a file whole or not at all: nobody finds half of one, and a failure leaves the old one."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path

from saccade.realtime.errors import GalleryError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file beside its place, then move it there.

    Raises
    ------
    OSError
        If it can't be written.
    """
    with drafted(path) as draft:
        draft.write_bytes(content)


@contextlib.contextmanager
def drafted(path: Path) -> Iterator[Path]:
    """Give a place beside a file's, to write to; what is there at the end is moved to the file's.

    Raises
    ------
    OSError
        If it can't be moved.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        yield draft
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
