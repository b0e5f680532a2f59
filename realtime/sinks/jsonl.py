"""A log of a session: one JSON object a line, on the disk before the next one is made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from saccade.realtime.errors import ConfigError
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.messages import event_content, message, rejected_message, to_json
from saccade.realtime.types import Epoch, Prediction, StreamEvent, StreamSpec


class JSONLSink(QuietSink):
    """Writes a line for the session, each prediction, rejected epoch, event, status, and the end.

    Each line is handed to the operating system at once, so that a crash of saccade loses none.
    The first has ``type`` "session", with the ``stream`` and the ``session``'s settings; the last
    has "summary". The file is UTF-8.

    Parameters
    ----------
    path : Path
        File to write; it must not exist.
    labels : mapping of str to int, optional
        Concepts whose score every prediction tells, and their rows in the gallery.

    Raises
    ------
    ConfigError
        If the file exists; nothing is ever overwritten.
    """

    def __init__(self, path: Path, labels: Mapping[str, int] | None = None) -> None:
        if path.exists():
            raise ConfigError(_exists(path))
        self.path = path
        self._labels = dict(labels or {})
        self._file: TextIO | None = None

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Create the file and write its first line.

        Raises
        ------
        ConfigError
            If the file exists by now, or can't be created.
        """
        try:
            self._file = self.path.open("x", encoding="utf-8", newline="\n")
        except FileExistsError as error:
            raise ConfigError(_exists(self.path)) from error
        except OSError as error:
            raise ConfigError(
                f"expected to create the log {self.path}, but: {error.strerror}; choose another"
            ) from error
        self._simulated = spec.simulated
        self._write(
            {
                "type": "session",
                "simulated": spec.simulated,
                "stream": dataclasses.asdict(spec),
                "session": session,
            }
        )

    def prediction(self, prediction: Prediction) -> None:
        """Write a line."""
        self._write(message(prediction, self._labels))

    def rejected(self, epoch: Epoch) -> None:
        """Write a line."""
        self._write(rejected_message(epoch, simulated=self._simulated))

    def event(self, event: StreamEvent) -> None:
        """Write a line."""
        content = {"type": "event", "simulated": self._simulated, **event_content(event)}
        self._write(content)

    def status(self, status: dict[str, Any]) -> None:
        """Write a line."""
        self._write({"type": "status", "simulated": self._simulated, **status})

    def close(self, summary: dict[str, Any]) -> None:
        """Write the last line and close the file."""
        if self._file is not None:
            self._write({"type": "summary", "simulated": self._simulated, **summary})
            self._file.close()
            self._file = None

    def _write(self, content: dict[str, Any]) -> None:
        if self._file is None:
            raise ConfigError(f"the log {self.path} must be open to be written: call open() first")
        self._file.write(to_json(content) + "\n")
        self._file.flush()


def _exists(path: Path) -> str:
    return f"expected to create the log {path}, but it exists: choose another name, or move it"
