"""What the header of an EDF or BDF file says and MNE's reader does not pass on.

MNE fills channels of a lower rate up to the highest without a word, renames channels that are
named alike, and puts the records of a discontinuous file (EDF+D) together as if nothing were
missing between them. Layout: Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7; time-keeping
annotations of EDF+: Kemp and Olivan 2003, doi:10.1016/S1388-2457(03)00123-8.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.formats.mne_calls import sentence
from saccade.realtime.types import Float64

FIXED_BYTES, CHANNEL_BYTES, LABEL_BYTES = 256, 256, 16
ANNOTATIONS = ("EDF Annotations", "BDF Annotations")
_SHIFT_JIS_MICROVOLT = "\x83\xcaV"


@dataclass(frozen=True, slots=True)
class EdfHeader:
    """A header.

    Parameters
    ----------
    labels, units : tuple of str, length n_channels
        Of all channels, those of annotations among them.
    counts : tuple of int, length n_channels
        Samples of each channel in a record.
    record_s : float
        Length of a record in seconds.
    n_records : int
        How many the file says to have; -1 while it is being recorded.
    is_discontinuous : bool
        Whether time may pass between records.
    sample_bytes : int
        2 in EDF, 3 in BDF.
    """

    labels: tuple[str, ...]
    units: tuple[str, ...]
    counts: tuple[int, ...]
    record_s: float
    n_records: int
    is_discontinuous: bool
    sample_bytes: int

    @property
    def channels(self) -> tuple[int, ...]:
        """Places of the channels that are no annotations."""
        return tuple(i for i, label in enumerate(self.labels) if label not in ANNOTATIONS)

    @property
    def record_bytes(self) -> int:
        """Length of a record."""
        return self.sample_bytes * sum(self.counts)


def read_edf_header(path: Path) -> EdfHeader:
    """Read a header.

    Raises
    ------
    RecordingError
        If the bytes are no header.
    """
    try:
        header = _parsed(path)
    except ValueError as error:
        raise RecordingError(
            f"{path.name} should begin with a header of EDF or BDF, but has something else where "
            f"a number should be ({error}): repair it"
        ) from error
    if not (header.channels and min(header.counts) > 0 and 0 < header.record_s < math.inf):
        raise RecordingError(
            f"{path.name} should have records of some length with samples of each channel, but its "
            f"header has {header.record_s:g} s and {', '.join(map(str, header.counts)) or 'none'}: "
            "repair it"
        )
    return header


def _parsed(path: Path) -> EdfHeader:
    with path.open("rb") as file:
        fixed = file.read(FIXED_BYTES)
        n_channels = int(fixed[252:256])
        channels = file.read(CHANNEL_BYTES * max(n_channels, 0))

    def texts(start: int, width: int) -> tuple[str, ...]:
        at = start * n_channels
        cells = [channels[at + i * width : at + (i + 1) * width] for i in range(n_channels)]
        return tuple(cell.decode("latin-1").strip() for cell in cells)

    units = texts(96, 8)
    return EdfHeader(
        labels=texts(0, LABEL_BYTES),
        units=tuple("uV" if unit == _SHIFT_JIS_MICROVOLT else unit for unit in units),
        counts=tuple(int(count) for count in texts(216, 8)),
        record_s=float(fixed[244:252]) or 1.0,  # as MNE takes a length of 0
        n_records=int(fixed[236:244]),
        is_discontinuous=fixed[192:197] in (b"EDF+D", b"BDF+D"),
        sample_bytes=3 if fixed.startswith(b"\xff") else 2,
    )


def record_starts(path: Path, header: EdfHeader) -> Float64:
    """Return when each whole record of a discontinuous file begins, in seconds.

    The first annotation in a record keeps its time.

    Raises
    ------
    RecordingError
        If a record does not say when it begins.
    """
    keeper = next((i for i, label in enumerate(header.labels) if label in ANNOTATIONS), None)
    if keeper is None:
        raise RecordingError(
            f"{path.name} should be discontinuous, but has no channel of annotations to keep the "
            "time of its records: repair it"
        )
    start = header.sample_bytes * sum(header.counts[:keeper])
    width = header.sample_bytes * header.counts[keeper]
    content = path.read_bytes()[FIXED_BYTES + CHANNEL_BYTES * len(header.labels) :]
    records = range(0, len(content) - header.record_bytes + 1, header.record_bytes)
    said = [content[at + start : at + start + width].split(b"\x14", 1)[0] for at in records]
    try:
        return np.array([float(text) for text in said])
    except ValueError as error:
        raise RecordingError(
            f"{path.name} should say when each record begins, but has something else there "
            f"({sentence(str(error))}): repair it"
        ) from error
