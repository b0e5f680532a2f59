"""Tables: CSV and NPZ.

A CSV has a header; a column called ``timestamps`` (or ``time``, ``timestamp``, ``lsl_timestamp``)
holds seconds, columns called ``marker…``, ``stim…``, ``trigger…`` or ``event…`` hold events, all
others are channels. An NPZ has ``data`` (time along the longer axis) and may have ``stim`` (one
number a sample), ``timestamps``, ``sfreq``, ``ch_names`` and ``unit``.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.formats.contents import (
    Contents,
    Events,
    Samples,
    changes,
    channel_type,
)
from saccade.realtime.types import Float64

TIME_COLUMNS = ("timestamps", "timestamp", "time", "lsl_timestamp")
EVENT_PREFIXES = ("marker", "stim", "trigger", "event")
_CELL = re.compile(
    r"could not convert string (?P<text>'.*') to \w+ at row (?P<row>\d+), column (?P<column>\d+)"
)


def read_csv(path: Path) -> Contents:
    """Read a table of comma-separated numbers.

    Raises
    ------
    RecordingError
        If it is none, or its columns are not told apart by their names.
    """
    header: list[str] = []
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            header = [name.strip() for name in next(csv.reader(file), [])]
            has_rows = any(line.strip() for line in file)
        if len(header) < 2 or not has_rows:
            raise RecordingError(
                f"{path.name} should have a header of columns and rows of numbers under it, but "
                f"has {len(header)} columns and {'some' if has_rows else 'no'} rows: is it CSV?"
            )
        table = np.loadtxt(path, delimiter=",", skiprows=1, ndmin=2, encoding="utf-8-sig")
    except (ValueError, OSError) as error:  # what is no text is a ValueError, too
        reason = str(error).splitlines()[0]
        raise RecordingError(
            f"{path.name} can't be read as a table of numbers: {_where(reason, header)}"
        ) from error
    if table.shape[1] != len(header):
        raise RecordingError(
            f"{path.name} has {len(header)} column names over {table.shape[1]} columns: "
            "give each column a name"
        )
    lowered = [name.lower() for name in header]
    times = [i for i, name in enumerate(lowered) if name in TIME_COLUMNS]
    events = [i for i, name in enumerate(lowered) if name.startswith(EVENT_PREFIXES)]
    signal = [i for i in range(len(header)) if i not in {*times, *events}]
    names = tuple(header[i] for i in signal)
    if len(times) > 1 or len(set(names)) < len(names):
        raise RecordingError(
            f"{path.name} should name each column once, with one column of time, not "
            f"{', '.join(header)}: rename the others"
        )
    stamps = table[:, times[0]] if times else None
    columns = tuple(changes(header[i], table[:, i]) for i in events)
    return Contents((_samples(path, table[:, signal], names, stamps),), columns, is_table=True)


def _where(reason: str, header: list[str]) -> str:
    """Return what numpy says of a cell that is no number, with its place as an editor shows it."""
    found = _CELL.match(reason)
    column = int(found["column"]) if found else 0
    if found is None or not 0 < column <= len(header):
        return reason
    return (
        f"line {int(found['row']) + 2} has {found['text']} under '{header[column - 1]}': write "
        "events as numbers, and leave out other columns of text"
    )


def read_npz(path: Path) -> Contents:
    """Read NumPy arrays in a zip.

    Raises
    ------
    RecordingError
        If it is none, would need unpickling, or its arrays do not fit each other.
    """
    try:
        # Opened here, because numpy leaves a file that is no zip open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except Exception as error:  # numpy's parser can raise anything on damaged bytes
        reason = " ".join(str(error).split())
        raise RecordingError(f"{path.name} can't be read as plain NPZ arrays: {reason}") from error
    data = arrays.get("data")
    if data is None or data.ndim != 2 or data.dtype.kind not in "fiu":
        raise RecordingError(
            f"{path.name} should hold 'data' as a table of numbers (time by channels), but has "
            f"{', '.join(f'{k} {v.shape}' for k, v in arrays.items()) or 'nothing'}: rename it"
        )
    if data.shape[0] < data.shape[1]:
        data = data.T
    for key in ("stim", "timestamps"):
        if key in arrays and arrays[key].shape != (len(data),):
            raise RecordingError(
                f"{path.name}: '{key}' should have one number for each of the {len(data)} "
                f"samples, but has the shape {arrays[key].shape}"
            )
    events: tuple[Events, ...] = ()
    try:
        names = tuple(str(n) for n in arrays.get("ch_names", np.arange(1, data.shape[1] + 1)))
        stamps = arrays["timestamps"].astype(np.float64) if "timestamps" in arrays else None
        if "stim" in arrays:
            events = (changes("stim", arrays["stim"].astype(np.float64)),)
        stated = float(arrays["sfreq"].item()) if "sfreq" in arrays else 0.0
    except (ValueError, TypeError) as error:
        raise RecordingError(
            f"{path.name} should have names in 'ch_names', one number as 'sfreq' and numbers in "
            f"'stim' and 'timestamps', but: {error}"
        ) from error
    unit = str(arrays.get("unit", ""))
    return Contents((_samples(path, data, names, stamps, stated, unit),), events, is_table=True)


def _samples(
    path: Path,
    data: NDArray[Any],
    names: tuple[str, ...],
    stamps: Float64 | None,
    stated: float = 0.0,
    unit: str = "",
) -> Samples:
    n_channels = data.shape[1]
    return Samples(
        name=path.stem,
        type="EEG",
        source_id=path.name,
        sfreq=stated,
        ch_names=names,
        ch_types=tuple(channel_type(name) for name in names)
        if len(names) == n_channels
        else ("eeg",) * n_channels,
        units=(unit,) * n_channels,
        data=np.ascontiguousarray(data, np.float32),
        stamps=None if stamps is None else np.ascontiguousarray(stamps, np.float64),
    )
