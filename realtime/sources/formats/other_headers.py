"""What the headers of BrainVision and GDF files say and MNE's readers do not pass on.

MNE's readers give volts, whatever the file has; here is what unit that is, so that a wrong one
can be put right. And BrainVision marks where a recording was paused, with the time of day at
which it went on, of which MNE keeps only the first.

Formats: BrainVision Core Data Format 1.0 and 2.0; GDF 2.51, doi:10.48550/arXiv.cs/0608052.
"""

from __future__ import annotations

import datetime
import re
from pathlib import Path

from saccade.realtime.errors import RecordingError

_GDF_UNITS = {4275: "uV", 4274: "mV", 4256: "V"}
_CHANNEL = re.compile(r"^Ch(\d+)=([^,\r\n]*),[^,\r\n]*,[^,\r\n]*(?:,([^,\r\n]*))?", re.MULTILINE)
_MARKER_FILE = re.compile(r"^MarkerFile=(.*?)\s*$", re.MULTILINE)
_SEGMENT = re.compile(
    r"^Mk\d+=New Segment,[^,\r\n]*,(\d{1,12}),[^,\r\n]*,[^,\r\n]*(?:,(\d{20}))?", re.MULTILINE
)


def brainvision_units(path: Path) -> tuple[str, ...]:
    """Return the units of the channels of a ``.vhdr``, "µV" where it gives none."""
    entries = {int(place): unit for place, _, unit in _CHANNEL.findall(_text(path))}
    return tuple(entries[place] or "µV" for place in sorted(entries))


def brainvision_marker_file(path: Path) -> Path | None:
    """Return the marker file of a ``.vhdr``, or the one beside it; None if neither is there."""
    named = _MARKER_FILE.search(_text(path))
    beside = path.with_suffix(".vmrk")
    places = [path.parent / named[1].replace("$b", path.stem), beside] if named else [beside]
    return next((place for place in places if place.is_file()), None)


def brainvision_segments(marker_file: Path) -> list[tuple[int, float | None]]:
    """Return the segments that a marker file tells of.

    Returns
    -------
    list of (int, float or None)
        Each segment's first sample, counted from 0, and when it begins, in seconds after the
        first; None where the file does not say.
    """
    found: list[tuple[int, float | None]] = []
    first = None
    for position, date in _SEGMENT.findall(_text(marker_file)):
        at_s = None
        moment = _moment(date)
        if moment is not None:
            first = first or moment
            at_s = (moment - first).total_seconds()
        found.append((int(position) - 1, at_s))
    return found


def _moment(date: str) -> datetime.datetime | None:
    """Return what a date says; None for none, and for one that no calendar has."""
    try:
        return datetime.datetime.strptime(date, "%Y%m%d%H%M%S%f")
    except ValueError:
        return None


def gdf_units(path: Path) -> tuple[str, ...]:
    """Return the units of the channels of a GDF, "" for what is no voltage.

    Raises
    ------
    RecordingError
        If the bytes are no header.
    """
    with path.open("rb") as file:
        fixed = file.read(256)
        try:
            is_new = float(fixed[4:8]) >= 1.9
        except ValueError as error:
            raise RecordingError(
                f"{path.name} should begin with 'GDF' and a version, but begins with "
                f"{fixed[:8]!r}: is it GDF?"
            ) from error
        n_channels = int.from_bytes(fixed[252 : 254 if is_new else 256], "little")
        channels = file.read(104 * n_channels)
    if is_new:
        codes = channels[102 * n_channels :]
        numbers = [int.from_bytes(codes[2 * i : 2 * i + 2], "little") for i in range(n_channels)]
        return tuple(_GDF_UNITS.get(number, "") for number in numbers)
    cells = channels[96 * n_channels :]
    texts = [cells[8 * i : 8 * i + 8].split(b"\0")[0].decode("latin-1") for i in range(n_channels)]
    return tuple(text.strip() for text in texts)


def _text(path: Path) -> str:
    content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:  # older recorders write the code page of Windows
        return content.decode("latin-1")
