"""A log of a session: one JSON object a line, on the disk before the next one is made."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from saccade.realtime.errors import ConfigError
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.messages import (
    decision_message,
    event_content,
    message,
    quality_content,
    rejected_message,
    to_json,
)
from saccade.realtime.types import (
    Decision,
    Epoch,
    Prediction,
    QualityReport,
    State,
    StreamEvent,
    StreamSpec,
)

HEALTH_EVERY_S = 1.0


class JSONLSink(QuietSink):
    """Writes a line for the session, each prediction, rejected epoch, decision, event, status, end.

    So it does whenever the state of a channel changes ("quality", with state and reason of all
    that are not good), and once a second for the state of the stream ("health").

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
        self._states: tuple[State, ...] = ()
        self._health_s = -math.inf
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

    def decision(self, decision: Decision) -> None:
        """Write a line."""
        self._write(decision_message(decision))

    def event(self, event: StreamEvent) -> None:
        """Write a line."""
        content = {"type": "event", "simulated": self._simulated, **event_content(event)}
        self._write(content)

    def quality(self, report: QualityReport) -> None:
        """Write a line if the state of a channel is another than in the last one."""
        if report.states != self._states:
            self._states = report.states
            at = {"index": report.index, "stamp_s": report.stamp_s}
            content = {"type": "quality", "simulated": self._simulated, **at}
            self._write(content | quality_content(report))

    def health(self, health: dict[str, Any]) -> None:
        """Write a line if the last one is a second old."""
        if health["at_s"] - self._health_s >= HEALTH_EVERY_S:
            self._health_s = health["at_s"]
            self._write({"type": "health", "simulated": self._simulated, **health})

    def status(self, status: dict[str, Any]) -> None:
        """Write a line."""
        self._write({"type": "status", "simulated": self._simulated, **status})

    def close(self, summary: dict[str, Any]) -> None:
        """Write the last line and close the file."""
        if self._file is None:
            return
        try:
            self._write({"type": "summary", "simulated": self._simulated, **summary})
        finally:
            file, self._file = self._file, None
            file.close()

    def abandon(self) -> None:
        """Close the file and remove it: there is nothing in it but its first line."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self.path.unlink()

    def _write(self, content: dict[str, Any]) -> None:
        if self._file is None:
            raise ConfigError(f"the log {self.path} must be open to be written: call open() first")
        self._file.write(to_json(content) + "\n")
        self._file.flush()


def _exists(path: Path) -> str:
    return f"expected to create the log {path}, but it exists: choose another name, or move it"
