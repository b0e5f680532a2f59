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
from saccade.realtime.sources.formats.edf_header import EdfHeader, read_edf_header, record_starts
from saccade.realtime.sources.formats.other_headers import (
    brainvision_marker_file,
    brainvision_segments,
    brainvision_units,
    gdf_units,
)

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

    raw = mne.io.read_raw_fif(path, allow_maxshield="yes", verbose="warning")
    units = tuple(_FIF_UNITS.get(int(channel["unit"]), "") for channel in raw.info["chs"])
    return Found(raw, tuple(raw.ch_names), units, (1.0,) * len(units), typed=True)


def _read_set(path: Path) -> Found:
    import mne

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

    raw = mne.io.read_raw_brainvision(path, verbose="warning")
    units = brainvision_units(path)
    volts = tuple((microvolts_per(unit) or 1e6) * 1e-6 for unit in units)
    marker_file = brainvision_marker_file(path)
    return Found(
        raw,
        tuple(raw.ch_names),
        units,
        volts,
        typed=False,
        segments=tuple(brainvision_segments(marker_file)) if marker_file else (),
        by_row=True,
        annotations=mne.read_annotations(marker_file, sfreq=raw.info["sfreq"])
        if marker_file
        else None,
    )


def _read_gdf(path: Path) -> Found:
    import mne

    raw = mne.io.read_raw_gdf(path, verbose="warning")
    units = gdf_units(path)
    volts = tuple(_SCALED.get(unit, 1.0) for unit in units)
    return Found(raw, tuple(raw.ch_names), units, volts, typed=False)


def _read_edf(path: Path) -> Found:
    import mne

    header = read_edf_header(path)
    kept, notes = _one_rate(header)
    left_out = [header.labels[i] for i in header.channels if i not in kept]
    reader = mne.io.read_raw_bdf if header.sample_bytes == 3 else mne.io.read_raw_edf
    raw = reader(path, exclude=left_out, encoding="latin1", verbose="warning")
    segments: tuple[tuple[int, float | None], ...] = ()
    if header.is_discontinuous:
        starts = record_starts(path, header)
        count = max(header.counts[i] for i in kept)
        segments = tuple((count * i, float(start)) for i, start in enumerate(starts))
    whole = round(raw.n_times / raw.info["sfreq"] / header.record_s)
    if header.n_records not in (whole, -1):
        notes += (f"should have {header.n_records} records, but has {whole}: it is cut short",)
    annotations = None
    if len(header.channels) < len(header.labels):
        annotations = mne.read_annotations(path, encoding="latin1")
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


def _one_rate(header: EdfHeader) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the channels that have the rate of most, the higher of two, and what is left out."""
    counts = [header.counts[i] for i in header.channels]
    count = max(counts, key=lambda one: (counts.count(one), one))
    kept = tuple(i for i in header.channels if header.counts[i] == count)
    others = [i for i in header.channels if i not in kept]
    if not others:
        return kept, ()
    listed = ", ".join(
        f"{header.labels[i]} ({header.counts[i] / header.record_s:g} Hz)" for i in others
    )
    return kept, (
        f"has channels of another rate than {count / header.record_s:g} Hz: {listed}; "
        "they are left out",
    )
