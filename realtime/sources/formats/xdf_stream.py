"""A stream of an XDF file as pyxdf gives it, with its stamps on the recorder's clock."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from saccade.realtime.blocks.units import kohm_per
from saccade.realtime.sources.formats.xdf_clock import corrected
from saccade.realtime.sources.formats.xdf_load import load_streams, whole_chunks
from saccade.realtime.sources.formats.xdf_resets import JUMP_S
from saccade.realtime.types import Flag, FlagArray, Float32, Float64

MOST_ROWS = 3  # that a note names


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
    """A stream: what its header says, its values and its stamps.

    Parameters
    ----------
    stream : mapping
        As pyxdf gives it: every text of the description in a list of its own.

    Attributes
    ----------
    id : int
        Its number in the file.
    sfreq : float
        The rate it states, in Hz; 0 for an irregular one.
    n_channels : int
        Number of channels.
    role : str
        What it is to saccade, whose recorder wrote it; "" in a file of another.
    raw_stamps, stamps : array of shape (n_samples,), float64
        As the sender stamped them, and on the recorder's clock, in seconds.
    """

    def __init__(self, stream: Mapping[str, Any]) -> None:
        self._stream = stream
        info = stream["info"]
        self._desc = _child(info, "desc")
        self.role = self.own("role")
        self.id = int(info["stream_id"])
        self.name, self.type = self._told(info, "name"), self._told(info, "type")
        self.source_id = self._told(info, "source_id")
        # pyxdf has refused a file where these are no numbers.
        self.sfreq = float(_text(info, "nominal_srate") or 0)
        self.n_channels = int(_text(info, "channel_count"))
        self.is_text = _text(info, "channel_format").strip() == "string"
        # An EEG that states no rate is none of markers; its stamps may tell the rate.
        self.is_samples = not self.is_text and (self.sfreq > 0 or self.type.upper() == "EEG")
        self.raw_stamps: Float64 = np.asarray(stream["time_stamps"], np.float64)
        self.stamps, self._resets, self._clock_notes = corrected(
            self.raw_stamps,
            np.asarray(stream["clock_times"], np.float64),
            np.asarray(stream["clock_values"], np.float64),
            self.sfreq if self.is_samples else 0.0,
        )

    def own(self, key: str) -> str:
        """Return what saccade says in the description, "" if it is not saccade's."""
        return _text(_child(self._desc, "saccade"), key).strip()

    @property
    def has_offsets(self) -> bool:
        """Whether the file says how far the sender's clock was from the recorder's."""
        return bool(len(self._stream["clock_times"]))

    @property
    def rows(self) -> Any:
        """The values: an array, or a list of lists of str."""
        return self._stream["time_series"]

    def data(self) -> Float32:
        """Return the values of a stream of samples."""
        with np.errstate(over="ignore"):  # an infinity is for the guard to flag
            rows = np.ascontiguousarray(self.rows, np.float32)
        return rows.reshape(len(self.stamps), self.n_channels)

    def flags(self) -> FlagArray:
        """Return what the clock offsets say against the samples."""
        flags = np.zeros(len(self.stamps), np.uint16)
        flags[list(self._resets)] = Flag.GAP | Flag.CLOCK
        return flags

    def channels(self) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """Return names, types and units of the channels.

        Without a description they are called by their place. If it is of another number of
        channels, there are no names: which channel each belongs to can't be known.
        """
        n, described = self.n_channels, _children(self._desc, "channels", "channel")
        if len(described) != n:
            names = () if described else tuple(str(place) for place in range(1, n + 1))
            return names, (self.type.lower(),) * n, ("",) * n
        names = tuple(self._told(channel, "label") for channel in described)
        types = tuple(self._told(channel, "type") for channel in described)
        units = tuple(self._told(channel, "unit") for channel in described)
        if not self.role:
            names = tuple(name or str(place) for place, name in enumerate(names, 1))
            types = tuple(
                kind or ("impedance" if kohm_per(unit) is not None else self.type)
                for kind, unit in zip(types, units, strict=True)
            )
        return names, tuple(kind.lower() for kind in types), units

    def notes(self) -> tuple[str, ...]:
        """Return what a user should know of its time; a session's own clock has no faults."""
        if len(self.stamps) == 0 or self.role:
            return ()
        notes = list(self._clock_notes)
        if not self.has_offsets:
            notes.append("has no clock offsets: its stamps are taken as they are")
        if self._resets:
            notes.append(f"the sender's clock was set before sample {_listed(self._resets)}")
        steps = np.diff(self.stamps)
        back = (np.flatnonzero(steps < -JUMP_S) + 1).tolist()
        if self.is_samples and back:
            notes.append(
                f"its stamps step back by up to {-steps.min():.3g} s before sample "
                f"{_listed(back)}, and no clock offset says why: a marker within that time of it "
                "may stand on the wrong side"
            )
        return tuple(notes)

    def speed(self) -> float:
        """Return the speed a sender states; NaN where it says that it varies, 1 where nothing."""
        try:
            return float(self.own("speed") or 1)
        except ValueError:
            return math.nan

    def _told(self, info: Mapping[str, Any], key: str) -> str:
        """Return a text; saccade's own is kept to the last blank."""
        return _text(info, key) if self.role else _text(info, key).strip()


def _listed(rows: list[int] | tuple[int, ...]) -> str:
    more = f" and {len(rows) - MOST_ROWS} others" if len(rows) > MOST_ROWS else ""
    return ", ".join(str(row) for row in rows[:MOST_ROWS]) + more


def _child(info: Any, key: str) -> Mapping[str, Any]:
    """Return an element's first child of a name; an empty one where it has none, or only text."""
    found = info.get(key) if isinstance(info, Mapping) else None
    return found[0] if found and isinstance(found[0], Mapping) else {}


def _children(info: Mapping[str, Any], *keys: str) -> list[Mapping[str, Any]]:
    """Return all elements of the last name that hold any, in the first elements of the others."""
    for key in keys[:-1]:
        info = _child(info, key)
    found = info.get(keys[-1], [])
    return [one for one in found if one and isinstance(one, Mapping)]


def _text(info: Mapping[str, Any], key: str) -> str:
    found = info.get(key)
    return found[0] if isinstance(found, list) and found and isinstance(found[0], str) else ""
