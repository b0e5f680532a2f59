"""Where a calibration may write, settled before minutes of work."""

from __future__ import annotations

import os
from pathlib import Path

from saccade.realtime.errors import ConfigError


def named(out: Path | None) -> Path:
    """Return where the decoder goes, or refuse that nobody said so."""
    if out is None:
        raise ConfigError("a decoder needs a file to go into: name it with --out, as me.saccade")
    return out


def check_target(out: Path, *, overwrite: bool) -> None:
    """Refuse, before minutes of work, a place where the decoder could not be written."""
    if out.suffix != ".saccade":
        raise ConfigError(f"--out should end in .saccade, as {out.stem}.saccade, not '{out.name}'")
    if out.is_dir() or (
        out.resolve().parent.is_dir() and not os.access(out.resolve().parent, os.W_OK)
    ):
        raise ConfigError(f"{out} can't be written: it is a folder, or lies in one that is closed")
    if not out.resolve().parent.is_dir():
        raise ConfigError(f"--out is to lie in {out.resolve().parent}, which is no folder: make it")
    if out.exists() and not overwrite:
        raise ConfigError(f"{out} exists: choose another name, or give --overwrite")


def check_trials(path: Path) -> None:
    """Refuse a place where the epochs could not be written; no session is ever replaced."""
    if path.suffix != ".npz" or path.exists() or not path.absolute().parent.is_dir():
        raise ConfigError(
            f"--save-trials should name a new file that ends in .npz, in a folder, not '{path}'"
        )
