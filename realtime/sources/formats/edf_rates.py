"""An EDF or BDF whose channels have several rates: which are the signal, and only these read.

MNE fills slower channels up to the rate of the fastest without a word, and leaves channels out by
their label, which several may have.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from saccade.realtime.blocks.units import microvolts_per
from saccade.realtime.sources.formats.contents import channel_type
from saccade.realtime.sources.formats.edf_header import (
    FIXED_BYTES,
    LABEL_BYTES,
    EdfHeader,
)
from saccade.realtime.sources.lsl.channel_types import is_electrode


def taken(header: EdfHeader) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """Return the places of the channels to read, which have one rate, and what is to be told.

    It is the rate of the EEG: of the channels whose label says EEG or names an electrode, that of
    most, the higher of two; without any, the highest of the voltages that are no EOG, ECG or EMG;
    and else the highest.
    """
    named = [i for i in header.channels if _is_eeg(header, i) and _names_eeg(header.labels[i])]
    volts = [i for i in header.channels if _is_eeg(header, i) and microvolts_per(header.units[i])]
    counts = [header.counts[i] for i in named]
    count = (
        max(counts, key=lambda one: (counts.count(one), one))
        if named
        else max(header.counts[i] for i in volts or header.channels)
    )
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


def only(path: Path, header: EdfHeader, kept: Iterable[int], reader: Callable[..., Any]) -> Any:
    """Return what one of MNE's readers makes of some channels of a file, by their places.

    Where a channel to leave out is labelled as one to keep, the file is read in memory, with other
    labels for those.
    """
    left_out = sorted(set(header.channels) - set(kept))
    labels = [header.labels[i] for i in left_out]
    common = {"encoding": "latin1", "verbose": "warning"}
    if {header.labels[i] for i in kept}.isdisjoint(labels):
        return reader(path, exclude=labels, **common)
    content = bytearray(path.read_bytes())
    taken_names = set(header.labels)
    free = (name for k in range(len(header.labels) * 2) if (name := f"~{k}") not in taken_names)
    names = [next(free) for _ in left_out]
    for place, name in zip(left_out, names, strict=True):
        start = FIXED_BYTES + LABEL_BYTES * place
        content[start : start + LABEL_BYTES] = name.encode().ljust(LABEL_BYTES)
    return reader(io.BytesIO(bytes(content)), exclude=names, preload=True, **common)


def _is_eeg(header: EdfHeader, place: int) -> bool:
    unit = header.units[place]
    may_be = not unit or microvolts_per(unit) is not None
    return may_be and channel_type(header.labels[place]) == "eeg"


def _names_eeg(label: str) -> bool:
    return "eeg" in label.lower() or any(is_electrode(part) for part in re.split(r"[\s-]+", label))
