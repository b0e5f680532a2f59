"""What the header of an EDF or BDF file says and MNE's reader does not pass on.

MNE fills channels of a lower rate up to the highest without a word, renames channels that are
named alike, and puts the records of a discontinuous file (EDF+D) together as if nothing were
missing between them. Layout: Kemp et al. 1992, doi:10.1016/0013-4694(92)90009-7; time-keeping
annotations of EDF+: Kemp and Olivan 2003, doi:10.1016/S1388-2457(03)00123-8.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.realtime.types import Float64

FIXED_BYTES, CHANNEL_BYTES = 256, 256
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
    ValueError
        If the bytes are no header.
    """
    with path.open("rb") as file:
        fixed = file.read(FIXED_BYTES)
        n_channels = int(fixed[252:256])
        channels = file.read(CHANNEL_BYTES * n_channels)

    def texts(start: int, width: int) -> tuple[str, ...]:
        at = start * n_channels
        cells = [channels[at + i * width : at + (i + 1) * width] for i in range(n_channels)]
        return tuple(cell.decode("latin-1").strip() for cell in cells)

    units = texts(96, 8)
    return EdfHeader(
        labels=texts(0, 16),
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
    ValueError
        If a record does not say when it begins.
    """
    keeper = next((i for i, label in enumerate(header.labels) if label in ANNOTATIONS), None)
    if keeper is None:
        raise ValueError("has no channel of annotations to keep the time of its records")
    start = header.sample_bytes * sum(header.counts[:keeper])
    width = header.sample_bytes * header.counts[keeper]
    content = path.read_bytes()[FIXED_BYTES + CHANNEL_BYTES * len(header.labels) :]
    return np.array(
        [
            float(content[at + start : at + start + width].split(b"\x14", 1)[0])
            for at in range(0, len(content) - header.record_bytes + 1, header.record_bytes)
        ]
    )
