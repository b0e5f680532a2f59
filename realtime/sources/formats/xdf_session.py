"""What saccade's own recorder writes beside the signal, in streams with a role.

What the source had flagged, the stamps before correction, after how many samples each marker came
in, and what the recorder lost. With these a replay hands out what the session got, as it got it.
A file may be damaged, or of someone else's making: what makes no sense is left out and told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np

from saccade.realtime.sources.formats.contents import Arrival
from saccade.realtime.sources.formats.xdf_stream import XDFStream
from saccade.realtime.types import Flag, FlagArray, Float64

FLAG_LIMIT = 2**16  # of the type that holds them


class SessionExtras:
    """All that a session's streams say beside the signal.

    Parameters
    ----------
    streams : iterable of XDFStream
        The streams that have a role.

    Attributes
    ----------
    arrivals : dict of int to tuple of Arrival
        How each marker came in, by the id of its stream.
    lost : int
        How many samples the recorder says to have lost.
    session : dict
        What was said of the session when it began.
    notes : list of str
        What could not be made use of.
    """

    def __init__(self, streams: Iterable[XDFStream]) -> None:
        self._by_role: dict[str, list[XDFStream]] = {}
        for stream in streams:
            self._by_role.setdefault(stream.role, []).append(stream)
        self.notes: list[str] = []
        self._missing = self._read_missing()
        self.lost = sum(samples for _, samples in self._missing)
        self.arrivals = self._read_arrivals()
        self.session = self._read_session()

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._by_role)

    def flags(self, n_samples: int) -> FlagArray:
        """Return what is told against each sample."""
        told = [(row, int(Flag.GAP)) for row, samples in self._missing if samples]
        for stream in self._of("flags"):
            rows = self._whole_numbers(stream, 2)
            bad = (rows < 0).any(axis=1) | (rows[:, 1] >= FLAG_LIMIT)
            if bad.any():
                self._leave_out(stream, f"{np.count_nonzero(bad)} of its flags")
            told += rows[~bad].tolist()
        flags = np.zeros(n_samples, np.uint16)
        for row, flag in told:
            if row < n_samples:  # the end of the signal may be lost
                flags[row] |= np.uint16(flag)
        return flags

    def raw_stamps(self, stamps: Float64) -> Float64:
        """Return the stamps before correction, those of the file where nothing else is told."""
        raw = stamps.copy()
        for stream in self._of("raw-stamps"):
            said = stream.own("first_sample") or "0"
            first = int(said) if said.isdecimal() else len(raw) + 1
            if first > len(raw) or stream.is_text:
                self._leave_out(stream, "what it says")
                continue
            told = np.asarray(stream.rows, np.float64)[: len(raw) - first, 0]
            raw[first : first + len(told)] = told
        return raw

    def _read_session(self) -> dict[str, Any]:
        for stream in self._of("predictions"):
            said = stream.own("session")
            about = _mapping(said) if said else {}
            if about is not None:
                return about
            self._leave_out(stream, "what it says of the session")
        return {}

    def _read_arrivals(self) -> dict[int, tuple[Arrival, ...]]:
        found: dict[int, list[Arrival]] = {}
        for stream in self._of("arrivals"):
            rows = self._whole_numbers(stream, 4)
            if (rows < 0).any():
                self._leave_out(stream, "what it says")
                continue
            for place, (reading, sample, n_samples, stream_id) in enumerate(rows.tolist()):
                arrival = Arrival(place, reading, sample, n_samples)
                found.setdefault(stream_id, []).append(arrival)
        return {stream_id: tuple(arrivals) for stream_id, arrivals in found.items()}

    def _read_missing(self) -> list[tuple[int, int]]:
        """Return the row that lost samples would have had, and how many they are."""
        found = []
        for stream in self._of("status"):
            for row in stream.rows:
                said = _mapping(row[0]) if stream.is_text and len(row) else None
                numbers = (said.get("row"), said.get("samples")) if said else (None, None)
                if said is None:
                    self._leave_out(stream, "an entry")
                elif said.get("type") == "missing":
                    if all(isinstance(number, int) and number >= 0 for number in numbers):
                        found.append((int(said["row"]), int(said["samples"])))
                    else:
                        self._leave_out(stream, "an entry")
        return found

    def _of(self, role: str) -> list[XDFStream]:
        return self._by_role.get(role, [])

    def _whole_numbers(self, stream: XDFStream, n_columns: int) -> Any:
        """Return the rows of a stream of whole numbers; none if it is of anything else."""
        rows = np.empty((0, 0)) if stream.is_text else np.asarray(stream.rows)
        if len(rows) and rows.dtype.kind == "i" and rows.shape[1:] == (n_columns,):
            return rows.astype(np.int64)
        if len(stream.stamps):
            self._leave_out(stream, "what it says")
        return np.empty((0, n_columns), np.int64)

    def _leave_out(self, stream: XDFStream, what: str) -> None:
        note = f"'{stream.name}' is damaged: {what} can't be understood, and is left out"
        if note not in self.notes:
            self.notes.append(note)


def _mapping(text: str) -> dict[str, Any] | None:
    try:
        said = json.loads(text)
    except ValueError:
        return None
    return said if isinstance(said, dict) else None
