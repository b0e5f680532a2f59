"""FIF, EDF, BDF, BrainVision, EEGLAB and GDF, through MNE's readers.

The samples come as MNE gives them, in the unit that the file declares. What MNE passes over is
looked up beside it: pauses between segments, channels of several rates, channels named alike,
truncation. What MNE warns of becomes a note of the recording.

Markers are the annotations, without those that mark a span as bad or a segment's beginning; where
there are none, the changes of the stimulus channels.
"""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.blocks.units import microvolts_per
from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.formats.contents import (
    Contents,
    Events,
    Samples,
    changes,
    channel_type,
)
from saccade.realtime.sources.formats.mne_calls import refusing, sentence
from saccade.realtime.sources.formats.mne_readers import READERS, SKIP, Found
from saccade.realtime.types import Flag, Float32, Float64

ANNOTATIONS = "annotations"  # what their stream is called
PIECE_S = 60.0  # that are read at once, because MNE reads into twice the space
COMPOSITE = ("STI101", "STI 014")  # trigger channels that have what the others have in bits
_NO_MARKER = re.compile(r"bad|edge|new segment|boundary", re.IGNORECASE)
# Warnings of MNE about what is dealt with here.
_SETTLED = re.compile(
    "No coordinate information|Not setting positions|not unique|boundary|"
    "Number of records from the header|does not conform to MNE naming"
)
_SETTLED_WITH_ANNOTATIONS = re.compile(f"{_SETTLED.pattern}|outside data range")


def read_through_mne(path: Path) -> Contents:
    """Read a recording that MNE has a reader for.

    Raises
    ------
    RecordingError
        If MNE can't read it, or it is no continuous recording.
    """
    reader = READERS[path.suffix.lower()]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = reader(path)
        contents = _contents(path, found)
    said = dict.fromkeys(sentence(str(warning.message)) for warning in caught)
    settled = _SETTLED if found.annotations is None else _SETTLED_WITH_ANNOTATIONS
    notes = tuple(f"MNE: {text}" for text in said if not settled.search(text))
    return Contents(contents.samples, contents.events, notes=(*contents.notes, *notes))


def _contents(path: Path, found: Found) -> Contents:
    raw, sfreq = found.raw, float(found.raw.info["sfreq"])
    with refusing(path):
        types = raw.get_channel_types()
    if not len(types) == len(found.names) == len(found.units):
        raise RecordingError(
            f"{path.name} describes {len(found.names)} channels with {len(found.units)} units, but "
            f"MNE reads {len(types)}: which is which can't be known; repair its header"
        )
    signals = [i for i, kind in enumerate(types) if kind != "stim"]
    stamps, torn, notes = _stamps(raw.n_times, sfreq, found.segments)
    marks = found.annotations if found.annotations is not None else raw.annotations
    first_s = 0.0 if found.annotations is not None else float(raw.first_time)
    onsets = np.array([mark["onset"] for mark in marks]) - first_s
    keep = _recorded(raw.n_times, sfreq, marks, onsets)
    flags = np.where(torn, np.uint16(Flag.GAP), np.uint16(0))
    flags[1:][keep[1:] & ~keep[:-1]] |= np.uint16(Flag.GAP)
    ch_types = tuple(
        _type(types[i], found.names[i], found.units[i], typed=found.typed) for i in signals
    )
    samples = Samples(
        name=path.stem,
        type="EEG" if "eeg" in ch_types else "MEG" if {"mag", "grad"} & set(ch_types) else "",
        source_id=path.name,
        sfreq=sfreq,
        ch_names=tuple(found.names[i] for i in signals),
        ch_types=ch_types,
        units=tuple(found.units[i] for i in signals),
        data=_data(path, raw, signals, found.volts, keep),
        stamps=stamps[keep],
        flags=flags[keep],
        notes=(*found.notes, *notes, *_notes(found, marks)),
    )
    events = _annotated(marks, onsets, stamps[keep], sfreq, by_row=found.by_row)
    if not any(events.values):
        return Contents((samples,), _stimulus_channels(path, raw, types, keep, usual=True))
    channels = _stimulus_channels(path, raw, types, keep, usual=False)
    others = ", ".join(channel.name for channel in channels if channel.values)
    said = f"has events on {others} too: without --markers the annotations are taken"
    return Contents((samples,), (events, *channels), notes=(said,) if others else ())


def _notes(found: Found, marks: Any) -> list[str]:
    notes = []
    unknown = sum(start_s is None for _, start_s in found.segments[1:])
    if unknown:
        notes.append(f"was paused {unknown} times for a time that it does not say")
    bad_s = [
        float(mark["duration"])
        for mark in marks
        if mark["description"].lower().startswith("bad") and mark["description"] != SKIP
    ]
    if bad_s:
        notes.append(f"marks {len(bad_s)} spans of {sum(bad_s):.3g} s in all as bad: they are kept")
    return notes


def _stimulus_channels(
    path: Path, raw: Any, types: list[str], keep: NDArray[np.bool_], *, usual: bool
) -> tuple[Events, ...]:
    """Return the events of all channels of triggers; one that has all of them is enough."""
    picks = [i for i, kind in enumerate(types) if kind == "stim"]
    names = [raw.ch_names[i] for i in picks]
    composite = next((name for name in COMPOSITE if name in names), None)
    found = []
    for i, name in zip(picks, names, strict=True):
        with refusing(path):
            column = raw.get_data(picks=[i])[0]
        is_usual = usual and composite in (None, name)
        found.append(changes(name, column[keep], kind="stim channel", usual=is_usual))
    return tuple(found)


def _stamps(
    n_samples: int, sfreq: float, segments: tuple[tuple[int, float | None], ...]
) -> tuple[Float64, NDArray[np.bool_], list[str]]:
    """Return the time of each sample, which begin a segment after a pause, and what to tell.

    A pause of unknown length counts as none in the stamps, but is one all the same. So does one
    after which the clock of the recorder shows less than before, as when summer time ends; what
    follows is timed from there.
    """
    stamps = np.arange(n_samples) / sfreq
    torn = np.zeros(n_samples, bool)
    origin_s = segments[0][1] if segments else None
    notes = []
    for row, start_s in sorted(segments, key=lambda segment: segment[0]):
        if not 0 < row < n_samples:
            continue
        follows_s = at_s = float(stamps[row - 1]) + 1 / sfreq
        if start_s is not None and origin_s is not None:
            at_s = start_s - origin_s
            if abs(at_s - follows_s) < 0.5 / sfreq:
                continue
            if at_s < follows_s:
                notes.append(
                    f"has a segment from sample {row} on that begins {follows_s - at_s:.6g} s "
                    "before the end of the one before: the pause between them is taken for one of "
                    "unknown length"
                )
                origin_s, at_s = start_s - follows_s, follows_s
        torn[row] = True
        stamps[row:] = at_s + np.arange(n_samples - row) / sfreq
    return stamps, torn, notes


def _recorded(n_samples: int, sfreq: float, marks: Any, onsets: Float64) -> NDArray[np.bool_]:
    """Return which samples were recorded, and do not merely fill the space between others."""
    keep = np.ones(n_samples, bool)
    for mark, onset_s in zip(marks, onsets, strict=True):
        if mark["description"] == SKIP:
            first = round(onset_s * sfreq)
            keep[first : first + round(float(mark["duration"]) * sfreq)] = False
    return keep


def _annotated(
    marks: Any, onsets: Float64, stamps: Float64, sfreq: float, *, by_row: bool
) -> Events:
    """Return the annotations that are markers, each with the sample nearest to it."""
    used = [
        (float(onset_s), str(mark["description"]).strip())
        for mark, onset_s in zip(marks, onsets, strict=True)
        if not _NO_MARKER.match(str(mark["description"]))
    ]
    when = np.array([onset_s for onset_s, _ in used])
    if by_row:
        rows = np.clip(np.round(when * sfreq).astype(np.int64), 0, len(stamps))
        nearest = np.minimum(rows, len(stamps) - 1)
        beyond_s = when - nearest / sfreq
        when = stamps[nearest] + np.where(np.abs(beyond_s) > 1e-6, beyond_s, 0.0)
    else:
        rows = np.searchsorted(stamps, when - 0.5 / sfreq)
    return Events(
        ANNOTATIONS,
        "",
        "",
        tuple(text for _, text in used),
        when,
        rows=tuple(rows.tolist()),
    )


def _type(kind: str, name: str, unit: str, *, typed: bool) -> str:
    """Return a channel's type: MNE's, or by name and unit where the file says no more."""
    if typed:
        return kind
    if unit and microvolts_per(unit) is None:
        return "misc"
    return channel_type(name) if kind in ("eeg", "misc") else kind


def _data(
    path: Path, raw: Any, picks: list[int], volts: tuple[float, ...], keep: NDArray[np.bool_]
) -> Float32:
    """Return the samples in the units of the file, read piece by piece."""
    data = np.empty((np.count_nonzero(keep), len(picks)), np.float32)
    scale = np.array([volts[i] for i in picks])[:, None]
    step = max(1, round(PIECE_S * float(raw.info["sfreq"])))
    n_read = 0
    for start in range(0, raw.n_times, step):
        stop = min(start + step, raw.n_times)
        if picks:
            with refusing(path):
                piece = raw.get_data(picks=picks, start=start, stop=stop)
            kept = (piece / scale)[:, keep[start:stop]].T
            data[n_read : n_read + len(kept)] = kept
            n_read += len(kept)
    return data
