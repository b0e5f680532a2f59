"""Rows of a matrix that takes hours, kept on disk as they are computed.

The file is one line of JSON, which says what is being computed, and behind it the finished rows
as they lie in memory, each followed by its CRC-32. A row that was cut off when the computer
stopped, or that its disk never got, is not believed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32

CRC_BYTES = 4


class PartialRows:
    """The finished rows of a computation.

    Parameters
    ----------
    path : Path
        Where they are kept; begun if there is no such file.
    about : mapping of str to JSON values
        All that decides the rows. A file about something else is refused.
    dim : int
        Components of a row.

    Raises
    ------
    GalleryError
        If the file can't be read or written, or is about something else; what differs is named.
    """

    def __init__(self, path: Path, about: Mapping[str, Any], dim: int) -> None:
        self.path = path
        self._dim = dim
        header = json.dumps({**about, "dim": dim}, sort_keys=True).encode() + b"\n"
        try:
            if path.exists():
                _check_header(path, header)
            else:
                path.write_bytes(header)
        except OSError as error:
            raise GalleryError(f"{path} can't be read or written: {error}") from error
        self._start = len(header)
        self._row_bytes = 4 * dim + CRC_BYTES

    def keep(self, count: int) -> None:
        """Forget all rows but the first ``count``, and what is left of one that was cut off."""
        with self.path.open("r+b") as file:
            file.truncate(self._start + count * self._row_bytes)

    def append(self, rows: Float32) -> None:
        """Add finished rows, array of shape (n, dim)."""
        records = [row.tobytes() for row in np.asarray(rows, dtype="<f4")]
        with self.path.open("ab") as file:
            file.write(b"".join(record + _crc(record) for record in records))

    def read(self) -> Float32:
        """Return the finished rows, array of shape (n, dim), float32."""
        content = self.path.read_bytes()[self._start :]
        records = []
        for start in range(0, len(content) - self._row_bytes + 1, self._row_bytes):
            record = content[start : start + self._row_bytes - CRC_BYTES]
            if content[start + len(record) : start + self._row_bytes] != _crc(record):
                break
            records.append(record)
        return np.frombuffer(b"".join(records), "<f4").reshape(-1, self._dim).astype(np.float32)


def _crc(record: bytes) -> bytes:
    return zlib.crc32(record).to_bytes(CRC_BYTES, "little")


def _check_header(path: Path, expected: bytes) -> None:
    """Refuse rows of another computation."""
    with path.open("rb") as file:
        header = file.readline()
    if header == expected:
        return
    try:
        before, now = json.loads(header), json.loads(expected)
        differing = [key for key in now if before.get(key) != now[key]]
    except (ValueError, AttributeError):
        differing = ["all"]
    raise GalleryError(
        f"{path} holds an unfinished gallery made with other settings ({', '.join(differing)} "
        "differ): continue with those it was begun with, or delete it to begin again"
    )
