"""The journal of a session: one event a line, on the disk before the next one happens.

Lines are objects of JSON, numbered from 0; the first says what the file is. Nothing is ever
changed or taken out. The end of the power may leave half a line, without its line feed, at the
end: that event has not happened, and the half is cut off before anything is appended. Anything
else that can't be read is damage, and refused with its line.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from saccade.calibration.session_events import Event, from_json, to_json
from saccade.realtime.errors import SessionError

VERSION = 1
MOST_BYTES = 256_000_000  # a million trials; more is no journal
_HEAD = {"at": "journal", "version": VERSION}


def read(path: Path) -> tuple[Event, ...]:
    """Return the events of a journal; one that was torn off at the end does not count.

    Raises
    ------
    SessionError
        If it can't be read, is of another version, or a line in it is damaged.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise SessionError(
                f"{path} has {path.stat().st_size / 1e6:.0f} MB, and a journal at most "
                f"{MOST_BYTES / 1e6:.0f}: this is none"
            )
        content = path.read_bytes()
    except OSError as error:
        raise SessionError(f"no journal can be read at {path}: {error.strerror}") from error
    events = []
    for number, line in enumerate(_whole(content).splitlines()):
        fields = _parsed(path, number, line)
        if number == 0:
            _check_head(path, fields)
            continue
        try:
            events.append(from_json(fields))
        except SessionError as error:
            raise SessionError(f"{path.name}, line {number + 1}: {error}") from error
    return tuple(events)


def _whole(content: bytes) -> bytes:
    """Return what there is up to the last line feed."""
    return content[: content.rfind(b"\n") + 1]


def _parsed(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """Return the fields of a line without its number and time."""
    try:
        fields = json.loads(line)
        if not isinstance(fields, dict) or fields.pop("n") != number:
            raise ValueError(f"line {number} of the session expected")
        fields.pop("time", None)
    except (ValueError, KeyError) as error:
        raise SessionError(
            f"{path.name} is damaged in line {number + 1} ({error}): the recordings beside it are "
            "whole, so make a decoder of them with saccade calibrate --recording"
        ) from error
    return fields


def _check_head(path: Path, fields: dict[str, Any]) -> None:
    if fields.get("at") != "journal":
        raise SessionError(f"{path} is no journal of a session: its first line says otherwise")
    if fields.get("version") != VERSION:
        raise SessionError(
            f"{path.name} is a journal of version {fields.get('version')}, and this saccade reads "
            f"{VERSION}: go on with the saccade that began it"
        )


class Journal:
    """Appends events to a file; each is on the disk when :meth:`append` returns.

    Parameters
    ----------
    path : Path
        The file; it is made if it is not there.

    Attributes
    ----------
    events : list of Event
        All that are in it.

    Raises
    ------
    SessionError
        If it can't be written, or what is in it can't be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.events: list[Event] = []
        self._n_lines = 0
        self._file: BinaryIO | None = None
        try:
            content = _whole(path.read_bytes()) if path.exists() else b""
            if content:
                self.events += read(path)
                self._n_lines = 1 + len(self.events)
            self._file = path.open("r+b" if content else "wb")
            self._file.truncate(len(content))
            self._file.seek(0, os.SEEK_END)
            if not content:
                self._write([_HEAD])
        except OSError as error:
            self.close()
            raise SessionError(f"the journal {path} can't be written: {error.strerror}") from error

    def append(self, events: Iterable[Event]) -> None:
        """Write events, and return once they are on the disk.

        Raises
        ------
        SessionError
            If the disk does not take them, or the journal is closed.
        """
        new = list(events)
        if self._file is None:
            raise SessionError(f"the journal {self.path} is closed: open the session again")
        try:
            self._write([to_json(event) for event in new])
        except OSError as error:
            raise SessionError(
                f"the journal {self.path} can't be written: {error.strerror}; make room, and "
                "resume the session"
            ) from error
        self.events += new

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, contents: Sequence[dict[str, Any]]) -> None:
        if self._file is None or not contents:
            return
        now = datetime.datetime.now().astimezone().isoformat(timespec="milliseconds")
        text = ""
        for number, content in enumerate(contents, self._n_lines):
            line = {"n": number, "time": now, **content}
            text += json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
        self._file.write(text.encode())
        self._file.flush()
        os.fsync(self._file.fileno())
        self._n_lines += len(contents)
