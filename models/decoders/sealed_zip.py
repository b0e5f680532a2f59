"""A zip archive that notices when a single bit of it changes.

Zip checks the contents of members, but not their headers, and anybody's archiver can put back an
edited member. Here the archive's comment, its last 64 bytes, is the SHA-256 of all bytes before
it. Members are stored without compression, so none can be larger than the file that holds it,
and the same members give the same bytes.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from saccade.realtime.errors import DecoderFileError

SEAL_BYTES = 64  # SHA-256 in hexadecimal
START_OF_ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # a real date would make equal files differ
ENCRYPTED = 1  # bit of a member's flags


def pack(members: Mapping[str, bytes]) -> bytes:
    """Return an archive of these members, in this order."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, START_OF_ZIP_TIME)
            info.create_system = 3  # else it tells Windows from the rest
            info.external_attr = 0o644 << 16
            archive.writestr(info, content)
        archive.comment = b"0" * SEAL_BYTES
    return seal(buffer.getvalue()[:-SEAL_BYTES])


def seal(body: bytes) -> bytes:
    """Return an archive whose comment is still missing, with its digest as the comment."""
    return body + hashlib.sha256(body).hexdigest().encode()


def read(path: Path, largest: Mapping[str, int]) -> bytes:
    """Return the content of an archive's file, unless it is too large to be one.

    Parameters
    ----------
    path : Path
        The file. A device or a pipe is none: it might never end.
    largest : mapping of str to int
        As for :func:`unpack`.

    Raises
    ------
    DecoderFileError
        If there is no such file, it is too large, or can't be read.
    """
    try:
        if not path.is_file():
            raise DecoderFileError("there is no such file")
        size, most = path.stat().st_size, sum(largest.values())
        if size > most:
            raise DecoderFileError(f"it should have at most {most} bytes, not {size}")
        return path.read_bytes()
    except OSError as error:
        raise DecoderFileError(str(error)) from error


def unpack(archive: bytes, largest: Mapping[str, int]) -> dict[str, bytes]:
    """Return the members of an archive.

    Parameters
    ----------
    archive : bytes
        The whole file.
    largest : mapping of str to int
        The members there must be, and how many bytes each may have at most.

    Raises
    ------
    DecoderFileError
        If the archive was damaged or altered, or has other members.
    """
    if not archive.startswith(b"PK\x03\x04"):
        raise DecoderFileError(
            f"a zip archive is expected, but its {len(archive)} bytes begin with "
            f"{archive[:4]!r}: choose a file that saccade wrote"
        )
    body, came = archive[:-SEAL_BYTES], archive[-SEAL_BYTES:]
    expected = hashlib.sha256(body).hexdigest()
    if came != expected.encode():
        raise DecoderFileError(
            f"the file is cut short, damaged or altered: its {len(archive)} bytes must end with "
            f"their SHA-256 {expected[:12]}…, not {came[:12]!r}…: copy it again"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as file:
            infos = file.infolist()
            _check_members(infos, largest)
            return {info.filename: file.read(info) for info in infos}
    except (zipfile.BadZipFile, NotImplementedError) as error:  # or by a zip of the future
        raise DecoderFileError(f"the zip archive is malformed ({error}): copy it again") from error


def _check_members(infos: list[zipfile.ZipInfo], largest: Mapping[str, int]) -> None:
    """Refuse members that no decoder has."""
    names = [info.filename for info in infos]
    if sorted(names) != sorted(largest):
        raise DecoderFileError(
            f"the members must be {', '.join(sorted(largest))}, not "
            f"{', '.join(sorted(names)) or 'none'}: choose a file that saccade wrote"
        )
    for info in infos:
        if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & ENCRYPTED:
            raise DecoderFileError(
                f"{info.filename} must be stored as it is, not compressed or encrypted: "
                "choose a file that saccade wrote"
            )
        if info.file_size > largest[info.filename]:
            raise DecoderFileError(
                f"{info.filename} may have at most {largest[info.filename]} bytes, "
                f"not {info.file_size}"
            )
