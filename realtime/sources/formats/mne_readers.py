"""One reader for each format that MNE reads, and what MNE passes over in it.

MNE gives volts, whatever unit the file declares, takes channels for EEG that the file says
nothing about, and knows of no time between segments. Here the file is asked once more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from saccade.realtime.blocks.units import microvolts_per
from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.formats.edf_header import read_edf_header, record_starts
from saccade.realtime.sources.formats.edf_rates import only, taken
from saccade.realtime.sources.formats.mne_calls import refusing
from saccade.realtime.sources.formats.other_headers import (
    brainvision_marker_file,
    brainvision_segments,
    brainvision_units,
    gdf_units,
)

SKIP = "BAD_ACQ_SKIP"  # marks what was never recorded, and stands as zeros in MNE's samples
_FIF_UNITS = {107: "V", 112: "T", 201: "T/m"}  # by their number
# What MNE's readers of EDF, BDF and GDF know and turn into volts; others they leave as they are.
_SCALED = {"uV": 1e-6, "\u00b5V": 1e-6, "\u03bcV": 1e-6, "mV": 1e-3}


@dataclass(slots=True)
class Found:
    """What a format's reader found.

    Parameters
    ----------
    raw : mne.io.BaseRaw
    names, units : tuple of str, length n_channels
        As the file has them, for every channel of ``raw``.
    volts : tuple of float, length n_channels
        By how much MNE multiplied the file's numbers.
    typed : bool
        Whether the file says what a channel carries.
    segments : tuple of (int, float or None)
        First sample of each, and when it begins, in seconds.
    by_row : bool
        Whether an annotation stands at a sample, whatever time has passed between segments.
    annotations : mne.Annotations or None
        All of the file, their onset from its beginning on, in seconds; None where those of
        ``raw``, which end with the samples, are all.
    notes : tuple of str
    """

    raw: Any
    names: tuple[str, ...]
    units: tuple[str, ...]
    volts: tuple[float, ...]
    typed: bool
    segments: tuple[tuple[int, float | None], ...] = ()
    by_row: bool = False
    annotations: Any = None
    notes: tuple[str, ...] = ()


def _read_fif(path: Path) -> Found:
    import mne

    with refusing(path):
        raw = mne.io.read_raw_fif(path, allow_maxshield="yes", verbose="warning")
    units = tuple(_FIF_UNITS.get(int(channel["unit"]), "") for channel in raw.info["chs"])
    names, ones = tuple(raw.ch_names), (1.0,) * len(units)
    return Found(raw, names, units, ones, typed=True, notes=_left_out(path, raw))


def _left_out(path: Path, raw: Any) -> tuple[str, ...]:
    """Return how many annotations of a FIF MNE leaves out without a word."""
    import mne

    with refusing(path):
        try:
            told = mne.read_annotations(path)
        except OSError:  # it has none
            return ()
    # Skips are found by MNE itself, whether they are annotated or not.
    n_told, n_kept = (sum(one != SKIP for one in a.description) for a in (told, raw.annotations))
    if n_told <= n_kept:
        return ()
    return (f"has {n_told - n_kept} annotations outside its samples: MNE leaves them out",)


def _read_set(path: Path) -> Found:
    import mne

    with refusing(path):
        raw = mne.io.read_raw_eeglab(path, verbose="warning")
    n_channels = len(raw.ch_names)
    segments: list[tuple[int, float | None]] = [(0, 0.0)]
    cut_s = 0.0
    for mark in raw.annotations:
        if mark["description"] == "boundary":
            row = int(np.ceil(mark["onset"] * raw.info["sfreq"] - 1e-6))
            known = bool(mark["duration"] > 0)
            cut_s += mark["duration"] if known else 0.0
            segments.append((row, row / raw.info["sfreq"] + cut_s if known else None))
    return Found(
        raw,
        tuple(raw.ch_names),
        ("uV",) * n_channels,
        (1e-6,) * n_channels,
        typed=True,
        segments=tuple(segments),
        by_row=True,
    )


def _read_brainvision(path: Path) -> Found:
    import mne

    marker_file, annotations = brainvision_marker_file(path), None
    with refusing(path):
        raw = mne.io.read_raw_brainvision(path, verbose="warning")
        if marker_file is not None:
            annotations = mne.read_annotations(marker_file, sfreq=raw.info["sfreq"])
    units = brainvision_units(path)
    volts = tuple((microvolts_per(unit) or 1e6) * 1e-6 for unit in units)
    return Found(
        raw,
        tuple(raw.ch_names),
        units,
        volts,
        typed=False,
        segments=tuple(brainvision_segments(marker_file)) if marker_file else (),
        by_row=True,
        annotations=annotations,
    )


def _read_gdf(path: Path) -> Found:
    import mne

    with refusing(path):
        raw = mne.io.read_raw_gdf(path, verbose="warning")
    size = path.stat().st_size
    if raw.n_times > size:  # MNE believes the header, and would make room for all of it
        raise RecordingError(
            f"{path.name} should hold {raw.n_times} samples by its header, which its {size} bytes "
            "can't: repair it, or record it again"
        )
    units = gdf_units(path)
    volts = tuple(_SCALED.get(unit, 1.0) for unit in units)
    return Found(raw, tuple(raw.ch_names), units, volts, typed=False)


def _read_edf(path: Path) -> Found:
    import mne

    header = read_edf_header(path)
    kept, notes = taken(header)
    reader = mne.io.read_raw_bdf if header.sample_bytes == 3 else mne.io.read_raw_edf
    annotations = None
    with refusing(path):
        raw = only(path, header, kept, reader)
        if len(header.channels) < len(header.labels):
            annotations = mne.read_annotations(path, encoding="latin1")
    segments: tuple[tuple[int, float | None], ...] = ()
    if header.is_discontinuous:
        starts = record_starts(path, header)
        count = max(header.counts[i] for i in kept)
        segments = tuple((count * i, float(start)) for i, start in enumerate(starts))
    whole = round(raw.n_times / raw.info["sfreq"] / header.record_s)
    if header.n_records not in (whole, -1):
        notes += (f"should have {header.n_records} records, but has {whole}: it is cut short",)
    units = tuple(header.units[i] for i in kept)
    return Found(
        raw,
        tuple(header.labels[i] for i in kept),
        units,
        tuple(_SCALED.get(unit, 1.0) for unit in units),
        typed=False,
        segments=segments,
        annotations=annotations,
        notes=notes,
    )


READERS: dict[str, Callable[[Path], Found]] = {
    ".fif": _read_fif,
    ".edf": _read_edf,
    ".bdf": _read_edf,
    ".vhdr": _read_brainvision,
    ".set": _read_set,
    ".gdf": _read_gdf,
}
