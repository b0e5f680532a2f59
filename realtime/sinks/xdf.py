"""A recording of a session: what the engine received, and what it made of it, as XDF 1.0.

The signal is recorded as it came in, with the time stamps that the engine used: corrected to the
local clock, so that every reader gets the same ones whether it synchronises clocks or not. Beside
it stand the sender's own stamps, flags and the order in which markers came, so that a replay is
the same session again. ``docs/recording.md`` has the table of streams.

Concurrent activities: the methods of the sink run in the engine's loop, put what they are given
in a queue, and wait for nothing. A thread writes (:mod:`saccade.realtime.xdf.background`). Only
opening and closing wait for the disk.

What does not fit the queue is not recorded, a whole reading or result at a time, until half of the
queue is free again; that is logged, counted, and noted in the file. A disk that is full ends the
recording and nothing else.
"""

from __future__ import annotations

import collections
import datetime
import importlib.metadata
import io
import logging
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pylsl

from saccade.realtime.errors import ConfigError, SaccadeError
from saccade.realtime.protocols import Clock
from saccade.realtime.quality import layout
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.messages import (
    event_content,
    message,
    quality_content,
    rejected_message,
    to_json,
)
from saccade.realtime.sinks.scores import score_channels, score_values
from saccade.realtime.types import (
    Epoch,
    Float64,
    Prediction,
    QualityReport,
    Reading,
    StreamEvent,
    StreamSpec,
)
from saccade.realtime.xdf.background import BackgroundWriter, Rows
from saccade.realtime.xdf.received import Received
from saccade.realtime.xdf.streams import Streams
from saccade.realtime.xdf.writer import XDFWriter

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class XDFSinkSettings:
    """How a session is recorded.

    Parameters
    ----------
    prefix : str
        First part of the names of the streams that are saccade's own.
    top_k : int
        How many of the best concepts the scores have, at least 1.
    labels : mapping of str to int
        Concepts whose score every prediction tells, and their rows in the gallery.
    queue_mb : float
        How much may wait for the disk, in MB (10^6 bytes), above 0. The default holds three
        minutes of 64 channels at 5 kHz.
    """

    prefix: str = "saccade"
    top_k: int = 5
    labels: Mapping[str, int] = field(default_factory=dict)
    queue_mb: float = 256.0

    def __post_init__(self) -> None:
        """Refuse what gives no usable recording."""
        if not self.prefix:
            raise ConfigError("the prefix of the recorded streams must not be empty: name it")
        if self.top_k < 1:
            raise ConfigError(f"top_k must be at least 1, not {self.top_k}: raise it")
        if not (math.isfinite(self.queue_mb) and self.queue_mb > 0):
            raise ConfigError(f"queue_mb must be above 0 MB, not {self.queue_mb}: raise it")


@dataclass(frozen=True, slots=True)
class _Recording:
    """What an open recording consists of; the writer is the background's alone."""

    simulated: bool
    streams: Streams
    received: Received
    writer: XDFWriter
    background: BackgroundWriter


class XDFSink(QuietSink):
    """Records a session.

    Parameters
    ----------
    path : Path
        File to write, with the ending .xdf; it must not exist.
    settings : XDFSinkSettings
        How.
    clock : callable
        Present time in seconds, on the clock of the time stamps.

    Raises
    ------
    ConfigError
        If the file exists, for nothing is ever overwritten; if its folder does not, or can't be
        written in; if its name ends in anything else.
    """

    def __init__(
        self, path: Path, settings: XDFSinkSettings | None = None, clock: Clock = pylsl.local_clock
    ) -> None:
        _refuse(path)
        self.path = path
        self.settings = settings or XDFSinkSettings()
        self._clock = clock
        self._lost: collections.Counter[str] = collections.Counter()
        self._missing: dict[str, int] = {}
        self._scores: int | None = None  # numbers of the streams that are announced when needed
        self._quality: int | None = None
        self._report: QualityReport | None = None
        self._recording: _Recording | None = None
        self._closed = False

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Create the file, write the headers, and start the thread.

        Raises
        ------
        ConfigError
            If the file exists by now, or can't be created or written.
        """
        now_s = self._clock()
        streams = Streams(spec, self.settings.prefix, self._clock)
        received = Received(streams, self._clock)
        streams.own("predictions", session=to_json(session))
        streams.own("status")
        about = {
            "datetime": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "recorder": f"saccade {importlib.metadata.version('saccade')}",
        }
        try:
            file = io.FileIO(self.path, "xb")
        except OSError as error:
            raise ConfigError(
                f"{_expected(self.path)} {error.strerror}; choose another name"
            ) from error
        writer = XDFWriter(file, about, now_s)
        for header in streams.take_headers():
            writer.add_stream(header.stream_id, header.sfreq, header.xml, now_s)
        try:
            writer.write(now_s)  # so that the file can be read from the first moment on
        except OSError as error:
            file.close()
            raise ConfigError(
                f"{_expected(self.path)} {error.strerror}; choose another disk"
            ) from error
        limit_bytes = int(1e6 * self.settings.queue_mb)
        background = BackgroundWriter(writer, limit_bytes, self._clock)
        self._recording = _Recording(spec.simulated, streams, received, writer, background)

    def received(self, reading: Reading) -> None:
        """Record a reading: samples, markers and measurements of the clocks."""
        received = self._running().received
        n_samples, n_markers = len(reading.chunk), len(reading.markers)
        taken = self._offer(received.rows(reading), samples=n_samples, markers=n_markers)
        received.count(reading, recorded=taken)

    def prediction(self, prediction: Prediction) -> None:
        """Record a prediction, as JSON and as numbers."""
        streams, top_k = self._running().streams, self.settings.top_k
        if self._scores is None:
            channels = list(score_channels(top_k).items())
            self._scores = streams.numeric("scores", "double64", channels)
        values = np.array([score_values(prediction, top_k)])
        text = self._text("predictions", message(prediction, self.settings.labels))
        self._offer([text, Rows(self._scores, text.stamps, values)], results=1)

    def rejected(self, epoch: Epoch) -> None:
        """Record an epoch that is not decoded."""
        self._tell("predictions", rejected_message(epoch, simulated=self._opened().simulated))

    def event(self, event: StreamEvent) -> None:
        """Record what happened to a stream, with the status."""
        self._tell("status", self._about("event", event_content(event)))

    def quality(self, report: QualityReport) -> None:
        """Record the measures and states of the channels as numbers."""
        self._report = report
        if self._quality is None:
            streams, names = self._running().streams, report.ch_names
            columns, about = layout.columns(names), layout.about(names)
            self._quality = streams.numeric("quality", "float32", columns, quality=about)
        self._offer([Rows(self._quality, self._now(), layout.row(report)[np.newaxis])], results=1)

    def health(self, health: dict[str, Any]) -> None:
        """Record how the stream does, with the channels that are not good."""
        channels = {} if self._report is None else quality_content(self._report)
        self._tell("health", self._about("health", {**health, **channels}))

    def status(self, status: dict[str, Any]) -> None:
        """Record the state of the session."""
        self._tell("status", self._about("status", status))

    def close(self, summary: dict[str, Any]) -> None:
        """Record the summary, write all that waits, and close the file.

        Raises
        ------
        SaccadeError
            If the recording has stopped before, or can't be finished.
        """
        if self._recording is None or self._closed:
            return
        self._closed = True
        last = [*self._told_missing(), self._text("status", self._about("summary", summary))]
        self._recording.background.offer(last, must=True)
        self._recording.background.close()
        self._running()

    def report(self) -> dict[str, Any]:
        """Return what came of the recording, JSON-ready, once it is closed or has stopped.

        Returns
        -------
        dict
            ``file``; ``bytes``, its size; ``samples`` in it; ``lost``, how many samples, markers
            and results the recorder could not take; ``stopped``, why it ended too early, or None.

        Raises
        ------
        ConfigError
            If the sink was never open.
        """
        recording = self._opened()
        error = recording.background.error
        return {
            "file": str(self.path),
            "bytes": recording.writer.n_bytes,
            "samples": recording.writer.n_samples(recording.streams.signal()),
            "lost": {what: self._lost[what] for what in ("samples", "markers", "results")},
            "stopped": None if error is None else _reason(error),
        }

    def _tell(self, role: str, content: Mapping[str, Any]) -> None:
        self._offer([self._text(role, content)], results=1)

    def _text(self, role: str, content: Mapping[str, Any]) -> Rows:
        return Rows(self._running().streams.own(role), self._now(), [to_json(content)])

    def _about(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": kind, "simulated": self._opened().simulated, **content}

    def _now(self) -> Float64:
        return np.array([self._clock()])

    def _offer(self, rows: Sequence[Rows], **what: int) -> bool:
        """Queue rows, with the note of what is missing before them; or count them as lost."""
        recording = self._running()
        recording.background.offer(recording.streams.take_headers(), must=True)
        if recording.background.offer([*self._told_missing(), *rows]):
            if self._missing:
                logger.warning(
                    "the recording %s goes on; %d samples are missing in it",
                    self.path,
                    self._missing["samples"],
                )
            self._missing = {}
            return True
        if not self._missing:
            logger.error(
                "the disk is too slow for the recording %s: %g MB wait, and what comes is lost "
                "until it has caught up",
                self.path,
                self.settings.queue_mb,
            )
            self._missing = {
                "index": recording.received.next_index,
                "row": recording.received.n_rows,
                "samples": 0,
                "markers": 0,
                "results": 0,
            }
        for key, count in what.items():
            self._missing[key] += count
            self._lost[key] += count
        return False

    def _told_missing(self) -> list[Rows]:
        if not self._missing:
            return []
        return [self._text("status", self._about("missing", self._missing))]

    def _opened(self) -> _Recording:
        if self._recording is None:
            raise ConfigError(f"the recording {self.path} must be open first: call open()")
        return self._recording

    def _running(self) -> _Recording:
        """Return the recording, which goes on.

        Raises
        ------
        ConfigError
            If the sink was never open.
        SaccadeError
            If the writer has given up.
        """
        recording = self._opened()
        error = recording.background.error
        if error is not None:
            raise SaccadeError(
                f"the recording {self.path} has stopped after "
                f"{recording.writer.n_bytes / 1e6:.1f} MB: {_reason(error)}; it can be read so "
                "far, and decoding goes on"
            )
        return recording


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _refuse(path: Path) -> None:
    """Refuse a file that could not be written or would not be found.

    Raises
    ------
    ConfigError
        Saying which and what to do.
    """
    if path.is_dir():
        raise ConfigError(f"{_expected(path)} it is a folder: name a file in it")
    if path.exists():
        raise ConfigError(f"{_expected(path)} it exists: choose another name, or move it")
    if path.suffix.lower() != ".xdf":
        raise ConfigError(
            f"{_expected(path)} its name does not end in .xdf: call it {path.stem}.xdf"
        )
    if not path.parent.is_dir():
        raise ConfigError(f"{_expected(path)} there is no folder {path.parent}: make it first")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(
            f"{_expected(path)} {path.parent} may not be written in: choose another folder"
        )


def _expected(path: Path) -> str:
    return f"expected to create the recording {path}, but"
