"""Recorded files as arrays: CSV and NPZ, read with nothing assumed in silence.

A CSV has a header; a column called ``timestamps`` (or ``time``, ``timestamp``, ``lsl_timestamp``)
holds seconds, columns called ``marker…``, ``stim…``, ``trigger…`` or ``event…`` hold events, all
others are channels. An NPZ has ``data`` (time along the longer axis) and may have ``stim`` (one
number a sample), ``timestamps``, ``sfreq``, ``ch_names`` and ``unit``. In an event column 0 is
rest, and an event is where the value changes to something else than 0.
"""

from __future__ import annotations

import csv
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.realtime.errors import RecordingError
from saccade.realtime.types import Float32, Float64, Marker, StreamSpec, frozen, marker_text

TIME_COLUMNS = ("timestamps", "timestamp", "time", "lsl_timestamp")
EVENT_PREFIXES = ("marker", "stim", "trigger", "event")
RATE_TOLERANCE = 0.01  # between the rate that is said and that of the time stamps
AUXILIARY_PREFIXES = ("aux", "right aux", "left aux", "acc", "gyro", "ppg")


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recording in memory, units as the file declares them ("" if it does not).

    Parameters
    ----------
    spec : StreamSpec
        What it carries.
    data : array of shape (n_samples, n_channels), float32
        The signal.
    stamps : array of shape (n_samples,), float64
        Time of each sample in seconds, on whatever clock the file uses.
    markers : tuple of Marker
        In the order of the samples they stand at.
    marker_rows : tuple of int
        The sample each marker stands at.
    """

    spec: StreamSpec
    data: Float32
    stamps: Float64
    markers: tuple[Marker, ...]
    marker_rows: tuple[int, ...]


def read_recording(
    path: Path, sfreq: float | None = None, ch_names: tuple[str, ...] | None = None
) -> Recording:
    """Read a recording.

    Parameters
    ----------
    path : Path
        A ``.csv`` or ``.npz`` file.
    sfreq : float, optional
        Rate in Hz, where the file does not say or imply it.
    ch_names : tuple of str, optional
        Names of the channels in order, where the file has none or wrong ones.

    Raises
    ------
    RecordingError
        If the file is missing, malformed, of another format, or does not say enough.
    """
    readers = {".csv": _read_csv, ".npz": _read_npz}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RecordingError(
            f"{path.name} should be a recording in one of {', '.join(readers)}, "
            f"not '{path.suffix}': convert it first"
        )
    if not path.is_file():
        raise RecordingError(f"no recording at {path}: check the path")
    data, names, stamps, events, unit, stated = reader(path)
    if len(data) < 2 or data.shape[1] == 0:
        raise RecordingError(
            f"{path.name} should hold at least 2 samples of 1 channel, not {len(data)} of "
            f"{data.shape[1]}: is it cut short?"
        )
    if ch_names is not None:
        names = ch_names
    if len(names) != data.shape[1]:
        raise RecordingError(
            f"{path.name} has {data.shape[1]} channels, but {len(names)} names were given: "
            "give one name a channel"
        )
    rate = sfreq or stated or _rate_of(path, stamps)
    if not (np.isfinite(rate) and rate > 0):
        raise RecordingError(f"{path.name} should have a rate above 0 Hz, not {rate}: correct it")
    if stamps is None:
        stamps = np.arange(len(data)) / rate
    if not np.isfinite(stamps).all():
        raise RecordingError(
            f"{path.name} has {(~np.isfinite(stamps)).sum()} time stamps that are no numbers: "
            "repair the time column"
        )
    implied = _implied_rate(stamps)
    if abs(implied - rate) > RATE_TOLERANCE * rate:
        raise RecordingError(
            f"{path.name} is said to have {rate:g} Hz, but its time stamps have {implied:.3f}: "
            "correct --sfreq, or the file"
        )
    spec = StreamSpec(
        name=path.stem,
        sfreq=float(rate),
        ch_names=tuple(names),
        ch_types=tuple(_type_of(name) for name in names),
        units=(unit,) * len(names),
        source_id=path.name,
    )
    onsets = _onsets(events)
    return Recording(
        spec,
        frozen(np.ascontiguousarray(data, np.float32)),
        frozen(np.ascontiguousarray(stamps, np.float64)),
        tuple(Marker(value, float(stamps[row]), path.stem) for row, value in onsets),
        tuple(row for row, _ in onsets),
    )


_Parts = tuple[
    np.ndarray[Any, Any], tuple[str, ...], Float64 | None, list[Float64], str, float | None
]


def _read_csv(path: Path) -> _Parts:
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
            f"{path.name} can't be read as a table of numbers: {reason}"
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
    return table[:, signal], names, stamps, [table[:, i] for i in events], "", None


def _read_npz(path: Path) -> _Parts:
    try:
        # Opened here, because numpy leaves a file that is no zip open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            arrays = {key: archive[key] for key in archive.files}
    except (ValueError, TypeError, OSError, zipfile.BadZipFile, EOFError) as error:
        reason = str(error).splitlines()[0]
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
    try:
        names = tuple(str(n) for n in arrays.get("ch_names", np.arange(1, data.shape[1] + 1)))
        stamps = arrays["timestamps"].astype(np.float64) if "timestamps" in arrays else None
        events = [arrays["stim"].astype(np.float64)] if "stim" in arrays else []
        stated = float(arrays["sfreq"].item()) if "sfreq" in arrays else None
        return data, names, stamps, events, str(arrays.get("unit", "")), stated
    except (ValueError, TypeError) as error:
        raise RecordingError(
            f"{path.name} should have names in 'ch_names', one number as 'sfreq' and numbers in "
            f"'stim' and 'timestamps', but: {error}"
        ) from error


def _rate_of(path: Path, stamps: Float64 | None) -> float:
    """Return the rate that the stamps imply: samples over time, to the whole Hz it is near."""
    if stamps is None:
        raise RecordingError(
            f"{path.name} has neither time stamps nor a rate: say its rate with --sfreq"
        )
    mean = _implied_rate(stamps)
    if not np.isfinite(mean) or round(mean) < 1 or abs(mean - round(mean)) > 0.005 * mean:
        raise RecordingError(
            f"{path.name} has time stamps at {mean:.3f} Hz, which is not near a whole number: "
            "say its rate with --sfreq"
        )
    return float(round(mean))


def _implied_rate(stamps: Float64) -> float:
    """Return samples over time, steps of more than twenty ordinary ones (gaps, resets) left out."""
    steps = np.diff(stamps[np.isfinite(stamps)])
    if len(steps) == 0:
        return 0.0
    steps = steps[np.abs(steps) < 20 * np.median(np.abs(steps))]
    total_s = float(steps.sum())
    return len(steps) / total_s if total_s > 0 else 0.0


def _type_of(name: str) -> str:
    return "aux" if name.lower().startswith(AUXILIARY_PREFIXES) else "eeg"


def _onsets(events: list[Float64]) -> list[tuple[int, str]]:
    """Return (row, value) wherever an event column changes to something else than 0."""
    onsets = []
    for column in events:
        values = np.nan_to_num(column)  # nothing noted is no event
        rows = np.flatnonzero((values != 0) & (np.diff(values, prepend=0.0) != 0))
        onsets += [(int(row), marker_text(float(values[row]))) for row in rows]
    return sorted(onsets)
