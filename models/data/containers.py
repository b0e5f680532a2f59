"""Files of arrays, opened by what they begin with, whatever they are called.

The field's ``.npy`` files are NumPy arrays, NumPy arrays of pickled objects, or plain pickles;
``.pt`` files are archives of tensors, or of a pickle. All are mapped, not read.
"""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.pickles import Span, read_pickle
from saccade.realtime.errors import RecordingError

NPY, ZIP, PICKLE = b"\x93NUMPY", b"PK\x03\x04", b"\x80"  # pickles of protocol 2 or later
LOCAL_HEADER = struct.Struct("<4s22xHH")  # of a member of a zip: mark, lengths of name and extras


def read_container(path: Path, *, trust_pickle: bool = False) -> Any:
    """Return what a file of arrays holds.

    Parameters
    ----------
    path : Path
        A ``.npy``, pickle or ``.pt`` file.
    trust_pickle : bool
        Read pickles too. Even so only arrays and plain values are taken from them, and nothing
        they name is run (:mod:`saccade.models.data.pickles`).

    Returns
    -------
    array, or dict, list or value
        Arrays are read-only and mapped from the file.

    Raises
    ------
    RecordingError
        If the file is missing, a pickle that is not trusted, or none of these.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(NPY))
            if start == NPY:
                return _read_npy(path, trusted=trust_pickle)
            if start.startswith(ZIP):
                return _read_torch(path, trusted=trust_pickle)
            if start.startswith(PICKLE):
                _refuse_pickle(path, trusted=trust_pickle)
                file.seek(0)
                return read_pickle(file, path, trusted=True)
    except OSError as error:
        raise RecordingError(f"{path} can't be read: {error.strerror or error}") from error
    raise RecordingError(
        f"{path} begins with {start!r}, but a NumPy array, a pickle or a torch archive is "
        "expected: choose another file"
    )


def stored_member(path: Path, info: zipfile.ZipInfo) -> Span:
    """Return where a member that is stored without compression lies in its archive."""
    with path.open("rb") as file:
        file.seek(info.header_offset)
        header = file.read(LOCAL_HEADER.size).ljust(LOCAL_HEADER.size, b"\0")
    mark, n_name, n_extra = LOCAL_HEADER.unpack(header)
    if mark != ZIP:
        raise RecordingError(
            f"{path} is damaged: {info.filename} should begin at byte {info.header_offset}, where "
            f"{mark!r} stands: fetch the file again"
        )
    start = info.header_offset + LOCAL_HEADER.size + n_name + n_extra
    if info.compress_type != zipfile.ZIP_STORED:
        raise RecordingError(
            f"{path}: {info.filename} is compressed, so that it can't be mapped: store it as it is"
        )
    return Span(start, info.file_size)


def mapped_npy(path: Path, start: int = 0) -> NDArray[Any]:
    """Return the array whose NumPy header begins at a byte of a file, mapped.

    Raises
    ------
    RecordingError
        If it holds pickled objects, or is cut short.
    """
    with path.open("rb") as file:
        file.seek(start)
        try:
            shape, fortran, dtype = _header(file)
        except ValueError as error:
            raise RecordingError(f"{path} has a damaged NumPy header ({error})") from error
        if dtype.hasobject:
            raise RecordingError(f"{path} holds pickled objects where numbers are expected")
        offset = file.tell()
    needed, there = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize, path.stat().st_size
    if offset + needed > there:
        raise RecordingError(
            f"{path} is cut short: an array of shape {shape} needs {needed} bytes, "
            f"{there - offset} are there: fetch the file again"
        )
    return np.memmap(path, dtype, "r", offset, shape, order="F" if fortran else "C")


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    return np.lib.format.read_array_header_2_0(file)


def _read_npy(path: Path, *, trusted: bool) -> Any:
    with path.open("rb") as file:
        try:
            _, _, dtype = _header(file)
        except ValueError as error:
            raise RecordingError(f"{path} has a damaged NumPy header ({error})") from error
        if not dtype.hasobject:
            return mapped_npy(path)
        _refuse_pickle(path, trusted=trusted)
        return read_pickle(file, path, trusted=True)


def _read_torch(path: Path, *, trusted: bool) -> Any:
    """Return what ``torch.save`` wrote: a pickle, and beside it the numbers of each tensor."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
    except zipfile.BadZipFile as error:
        raise RecordingError(f"{path} is cut short or damaged ({error}): fetch it again") from error
    members = {info.filename.partition("/")[2]: stored_member(path, info) for info in infos}
    if "data.pkl" not in members:
        raise RecordingError(
            f"{path} is an archive of {len(infos)} members, but none is a torch pickle: "
            "choose a file that torch.save wrote"
        )
    storages = {
        name.removeprefix("data/"): span
        for name, span in members.items()
        if name.startswith("data/")
    }
    with path.open("rb") as file:
        file.seek(members["data.pkl"].start)
        return read_pickle(file, path, storages, trusted=trusted)


def _refuse_pickle(path: Path, *, trusted: bool) -> None:
    if not trusted:
        raise RecordingError(
            f"{path} is a pickle, a kind of file that can carry a program: if you trust where it "
            "came from, say --trust-pickle (arrays and plain values alone are read from it)"
        )
