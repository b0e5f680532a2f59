"""XDF: the streams that LabRecorder, or saccade, wrote from LSL.

pyxdf reads the file (:mod:`.xdf_load`); the clocks are put right here (:mod:`.xdf_clock`).

Files of saccade's own recorder say more than others, in streams with a role: what the source had
flagged, the stamps before correction, and after how many samples each marker came in. With these
a replay hands out what the session got, as it got it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from saccade.realtime.marker_value import marker_value
from saccade.realtime.sources.formats.contents import Arrival, Contents, Events, Samples
from saccade.realtime.sources.formats.xdf_clock import corrected
from saccade.realtime.sources.formats.xdf_load import load_streams, whole_chunks
from saccade.realtime.types import Flag, FlagArray, Float64

EVENT_TYPES = ("marker", "event", "trigger", "stim")  # one of these is in a marker stream's type


def read_xdf(path: Path) -> Contents:
    """Read all streams of a file.

    Raises
    ------
    RecordingError
        If it is no XDF, or damaged beyond reading.
    """
    streams, notes = read_streams(path)
    by_role: dict[str, list[XDFStream]] = {}
    for stream in streams:
        by_role.setdefault(stream.own("role"), []).append(stream)
    extras = {role: found for role, found in by_role.items() if role}
    samples = tuple(
        stream.samples(extras if stream.own("role") == "signal" else {})
        for stream in streams
        if stream.is_samples and stream.own("role") in ("", "signal")
    )
    arrivals = _arrivals(extras.get("arrivals", []))
    events = tuple(
        stream.events(arrivals.get(stream.id, ()) if extras else None)
        for stream in streams
        if not stream.is_samples and stream.own("role") in ("", "markers")
    )
    lost = sum(int(one["samples"]) for one in _missing(extras))
    if lost:
        notes.append(
            f"the recorder could not keep up and lost {lost} samples: a replay is not the session"
        )
    return Contents(samples, events, notes=tuple(notes))


def read_streams(path: Path) -> tuple[list[XDFStream], list[str]]:
    """Return the streams of a file, of any content, and what is to be said of the file.

    Raises
    ------
    RecordingError
        If it is no XDF, or damaged beyond reading.
    """
    content, notes = whole_chunks(path)
    loaded, complaints = load_streams(path, content)
    notes += [f"pyxdf: {text}" for text in complaints]
    return [XDFStream(stream) for stream in loaded], notes


class XDFStream:
    """A stream as pyxdf gives it: every text of the description in a list of its own."""

    def __init__(self, stream: Mapping[str, Any]) -> None:
        self._stream = stream
        info = stream["info"]
        self.id = int(info["stream_id"])
        self.name, self.type = _text(info, "name"), _text(info, "type")
        self.source_id = _text(info, "source_id")
        self.sfreq = float(_text(info, "nominal_srate") or 0)
        self.n_channels = int(_text(info, "channel_count"))
        self.is_text = _text(info, "channel_format") == "string"
        # An EEG that states no rate is none of markers; its stamps may tell the rate.
        self.is_samples = not self.is_text and (self.sfreq > 0 or self.type.upper() == "EEG")
        self._desc = _child(info, "desc")
        self.raw_stamps: Float64 = np.asarray(stream["time_stamps"], np.float64)
        self.stamps, self.resets = corrected(
            self.raw_stamps,
            np.asarray(stream["clock_times"], np.float64),
            np.asarray(stream["clock_values"], np.float64),
            self.sfreq,
        )

    def own(self, key: str) -> str:
        """Return what saccade says in the description, "" if it is not saccade's."""
        return _text(_child(self._desc, "saccade"), key)

    @property
    def rows(self) -> Any:
        """The values: an array, or a list of lists of str."""
        return self._stream["time_series"]

    def samples(self, extras: Mapping[str, list[XDFStream]]) -> Samples:
        """Return it as a signal, with what other streams of saccade's say of it, by their role."""
        names, channels = self._channels()
        raw_stamps = self.raw_stamps
        for stream in extras.get("raw-stamps", []):
            first = int(stream.own("first_sample") or 0)
            told = np.asarray(stream.rows, np.float64)[: len(raw_stamps) - first, 0]
            raw_stamps = raw_stamps.copy()
            raw_stamps[first : first + len(told)] = told
        return Samples(
            name=self.name,
            type=self.type,
            source_id=self.source_id,
            sfreq=self.sfreq,
            ch_names=names,
            ch_types=tuple((_text(c, "type") or self.type).lower() for c in channels),
            units=tuple(_text(c, "unit") for c in channels),
            data=_float32(self.rows, self.n_channels),
            stamps=self.stamps,
            raw_stamps=raw_stamps,
            flags=self._flags(extras),
            is_session=self.own("role") == "signal",
            simulated=self.own("simulated") == "true",
            speed=_speed(self.own("speed")),
            notes=self._notes(),
        )

    def events(self, arrivals: tuple[Arrival, ...] | None) -> Events:
        """Return it as markers, with how each came in, if that is known."""
        values = tuple(marker_value(row) for row in self.rows)
        usual = self.own("role") == "markers" or any(
            word in self.type.lower() for word in EVENT_TYPES
        )
        return Events(
            self.name,
            self.type,
            self.source_id,
            values,
            self.stamps,
            arrivals=arrivals,
            usual=usual,
            notes=self._notes(),
        )

    def _channels(self) -> tuple[tuple[str, ...], list[Mapping[str, Any]]]:
        """Return the names of the channels and what is said of each.

        Without a description they are called by their place. If it is of another number of
        channels, there are no names: which channel each belongs to can't be known.
        """
        described = [c for c in _children(self._desc, "channels", "channel") if c]
        if len(described) == self.n_channels:
            names = tuple(_text(c, "label") or str(i) for i, c in enumerate(described, 1))
            return names, described
        places = tuple(str(place + 1) for place in range(self.n_channels))
        return () if described else places, [{}] * self.n_channels

    def _flags(self, extras: Mapping[str, list[XDFStream]]) -> FlagArray:
        """Return what the file knows against the samples, what the source had flagged included."""
        flags = np.zeros(len(self.stamps), np.uint16)
        told = [(row, Flag.GAP | Flag.CLOCK) for row in self.resets]
        told += [(int(one["row"]), Flag.GAP) for one in _missing(extras) if one["samples"]]
        for stream in extras.get("flags", []):
            told += [(row, Flag(flag)) for row, flag in np.asarray(stream.rows, np.int64).tolist()]
        for row, flag in told:
            if row < len(flags):  # the end of the signal may be lost
                flags[row] |= np.uint16(flag)
        return flags

    def _notes(self) -> tuple[str, ...]:
        if len(self.stamps) == 0:
            return ()
        if not self._stream["clock_times"]:
            return ("has no clock offsets: its stamps are taken as they are",)
        rows = ", ".join(str(row) for row in self.resets)
        return (f"the sender's clock was set before sample {rows}",) if rows else ()


def _speed(text: str) -> float:
    """Return the speed a sender states; NaN where it says that it varies, 1 where nothing."""
    try:
        return float(text or 1)
    except ValueError:
        return math.nan


def _float32(rows: Any, n_channels: int) -> Any:
    with np.errstate(over="ignore"):  # an infinity is for the guard to flag
        return np.ascontiguousarray(rows, np.float32).reshape(-1, n_channels)


def _arrivals(streams: list[XDFStream]) -> dict[int, tuple[Arrival, ...]]:
    """Return how each marker came in, by the id of its stream."""
    found: dict[int, list[Arrival]] = {}
    for stream in streams:
        for place, row in enumerate(np.asarray(stream.rows, np.int64).tolist()):
            reading, sample, n_samples, stream_id = row
            arrival = Arrival(place, reading, sample, n_samples)
            found.setdefault(stream_id, []).append(arrival)
    return {stream_id: tuple(arrivals) for stream_id, arrivals in found.items()}


def _missing(extras: Mapping[str, list[XDFStream]]) -> list[dict[str, Any]]:
    """Return what saccade's recorder says to have lost, each with the row it would have had."""
    said = [json.loads(row[0]) for stream in extras.get("status", []) for row in stream.rows]
    return [one for one in said if one.get("type") == "missing"]


def _child(info: Any, key: str) -> Mapping[str, Any]:
    """Return an element's first child of a name; an empty one where it has none, or only text."""
    found = info.get(key) if isinstance(info, Mapping) else None
    return found[0] if found and isinstance(found[0], Mapping) else {}


def _children(info: Mapping[str, Any], *keys: str) -> list[Mapping[str, Any]]:
    """Return all elements of the last name, in the first elements of the others."""
    for key in keys[:-1]:
        info = _child(info, key)
    return [found for found in info.get(keys[-1], []) if isinstance(found, Mapping)]


def _text(info: Mapping[str, Any], key: str) -> str:
    found = info.get(key)
    return found[0].strip() if isinstance(found, list) and isinstance(found[0], str) else ""
