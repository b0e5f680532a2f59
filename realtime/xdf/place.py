"""Where a recording goes: a new file, in a folder that takes it."""

from __future__ import annotations

import io
import os
from pathlib import Path

from saccade.realtime.errors import ConfigError


def refuse(path: Path) -> None:
    """Refuse a file that could not be written or would not be found.

    Raises
    ------
    ConfigError
        Saying which and what to do.
    """
    if path.is_dir():
        raise ConfigError(f"{expected(path)} it is a folder: name a file in it")
    if path.exists():
        raise ConfigError(f"{expected(path)} it exists: choose another name, or move it")
    if path.suffix.lower() != ".xdf":
        raise ConfigError(
            f"{expected(path)} its name does not end in .xdf: call it {path.stem}.xdf"
        )
    if not path.parent.is_dir():
        raise ConfigError(f"{expected(path)} there is no folder {path.parent}: make it first")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(
            f"{expected(path)} {path.parent} may not be written in: choose another folder"
        )


def created(path: Path) -> io.FileIO:
    """Create the file, and return it open for writing.

    Raises
    ------
    ConfigError
        If it exists by now, or can't be created.
    """
    try:
        return io.FileIO(path, "xb")
    except OSError as error:
        raise ConfigError(f"{expected(path)} {error.strerror}; choose another name") from error


def expected(path: Path) -> str:
    """Return how a refusal begins."""
    return f"expected to create the recording {path}, but"
