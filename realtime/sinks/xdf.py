"""A recording of a session: what the engine received, and what it made of it, as XDF 1.0.

The signal is recorded as it came in, with the time stamps that the engine used: corrected to the
local clock, so that every reader gets the same ones whether it synchronises clocks or not. Beside
it stand the sender's own stamps, flags and the order in which markers came, so that a replay is
the same session again. ``docs/recording.md`` has the table of streams.

Concurrent activities: the methods of the sink run in the engine's loop, put what they are given
in a queue, and wait for nothing. A thread writes (:mod:`saccade.realtime.xdf.background`). Only
opening and closing wait for the disk.

What does not fit the queue is not recorded, a whole reading or result at a time, until half of the
queue is free again; that is logged, counted, and noted in the file. A result that can't be put in
words is left out and counted too. A disk that is full ends the recording and nothing else: one
line in the log says so, and what comes afterwards is counted as lost.
"""

from __future__ import annotations

import collections
import datetime
import importlib.metadata
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pylsl

from saccade.realtime.errors import ConfigError
from saccade.realtime.protocols import Clock
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.messages import (
    decision_message,
    event_content,
    quality_content,
    rejected_message,
    to_json,
)
from saccade.realtime.sinks.xdf_results import Results
from saccade.realtime.types import (
    Decision,
    Epoch,
    Prediction,
    QualityReport,
    Reading,
    StreamEvent,
    StreamSpec,
)
from saccade.realtime.xdf.background import BackgroundWriter, Rows
from saccade.realtime.xdf.place import created, expected, refuse
from saccade.realtime.xdf.received import Received
from saccade.realtime.xdf.streams import Streams
from saccade.realtime.xdf.writer import XDFWriter

logger = logging.getLogger(__name__)

# What is counted, and the roles of the streams in which each of it has a row.
COUNTED = {
    "samples": ("signal",),
    "markers": ("markers",),
    "results": ("predictions", "decisions", "status", "health", "quality"),
}
ONE_RESULT = {"results": 1}


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
    results: Results
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
        refuse(path)
        self.path = path
        self.settings = settings or XDFSinkSettings()
        self._clock = clock
        self._given: collections.Counter[str] = collections.Counter()
        self._missing: dict[str, int] = {}
        self._report: QualityReport | None = None
        self._recording: _Recording | None = None
        self._closed = self._told_end = self._told_unfit = False

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Create the file, write the headers, and start the thread.

        Raises
        ------
        ConfigError
            If the file exists by now, or can't be created or written; none is left behind.
        """
        now_s = self._clock()
        streams = Streams(spec, self.settings.prefix, self._clock)
        received = Received(streams, self._clock)
        results = Results(streams, self._clock, self.settings.top_k, self.settings.labels)
        streams.own("predictions", session=to_json(session))
        streams.own("status")
        about = {
            "datetime": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
            "recorder": f"saccade {importlib.metadata.version('saccade')}",
        }
        file = created(self.path)
        writer = XDFWriter(file, about, now_s)
        for header in streams.take_headers():
            writer.add_stream(header.stream_id, header.sfreq, header.xml, now_s)
        try:
            writer.write(now_s)  # so that the file can be read from the first moment on
        except OSError as error:
            file.close()
            self.path.unlink()  # else the next try would find that it exists
            raise ConfigError(
                f"{expected(self.path)} {error.strerror}; choose another disk"
            ) from error
        limit_bytes = int(1e6 * self.settings.queue_mb)
        background = BackgroundWriter(writer, limit_bytes, self._clock)
        self._recording = _Recording(spec.simulated, streams, received, results, writer, background)

    def received(self, reading: Reading) -> None:
        """Record a reading: samples, markers and measurements of the clocks."""
        received = self._opened().received
        counts = {"samples": len(reading.chunk), "markers": len(reading.markers)}
        taken = self._record(lambda: received.rows(reading), counts)
        received.count(reading, recorded=taken)

    def prediction(self, prediction: Prediction) -> None:
        """Record a prediction, as JSON and as numbers."""
        results = self._opened().results
        self._record(lambda: results.prediction(prediction))

    def rejected(self, epoch: Epoch) -> None:
        """Record an epoch that is not decoded."""
        self._tell("predictions", rejected_message(epoch, simulated=self._opened().simulated))

    def decision(self, decision: Decision) -> None:
        """Record what the evidence came to."""
        self._tell("decisions", decision_message(decision))

    def event(self, event: StreamEvent) -> None:
        """Record what happened to a stream, with the status."""
        self._tell("status", self._about("event", event_content(event)))

    def quality(self, report: QualityReport) -> None:
        """Record the measures and states of the channels as numbers."""
        self._report = report
        results = self._opened().results
        self._record(lambda: results.quality(report))

    def health(self, health: dict[str, Any]) -> None:
        """Record how the stream does, with the channels that are not good."""
        channels = {} if self._report is None else quality_content(self._report)
        self._tell("health", self._about("health", {**health, **channels}))

    def status(self, status: dict[str, Any]) -> None:
        """Record the state of the session."""
        self._tell("status", self._about("status", status))

    def close(self, summary: dict[str, Any]) -> None:
        """Record the summary, write all that waits, and close the file."""
        if self._recording is None or self._closed:
            return
        results, last = self._recording.results, self._about("summary", summary)
        self._record(lambda: [results.text("status", last)], must=True)
        self._closed = True
        self._recording.background.close()
        self._going_on()

    def abandon(self) -> None:
        """Close the file and remove it: there is no sample in it."""
        if self._recording is not None and not self._closed:
            self.close({})
            self.path.unlink()

    def report(self) -> dict[str, Any]:
        """Return what came of the recording, JSON-ready, once it is closed or has stopped.

        Returns
        -------
        dict
            ``file``; ``bytes``, its size; ``samples`` in it; ``lost``, how many samples, markers
            and results were given to the recorder and are not in it, for whatever reason (what
            waits for the disk is not in it yet); ``stopped``, why it ended too early, or None.

        Raises
        ------
        ConfigError
            If the sink was never open.
        """
        recording = self._opened()
        error = recording.background.error
        written = {
            what: sum(map(recording.writer.n_samples, recording.streams.numbers(*roles)))
            for what, roles in COUNTED.items()
        }
        return {
            "file": str(self.path),
            "bytes": recording.writer.n_bytes,
            "samples": written["samples"],
            "lost": {what: self._given[what] - n for what, n in written.items()},
            "stopped": None if error is None else _reason(error),
        }

    def _tell(self, role: str, content: Mapping[str, Any]) -> None:
        results = self._opened().results
        self._record(lambda: [results.text(role, content)])

    def _about(self, kind: str, content: Mapping[str, Any]) -> dict[str, Any]:
        return {"type": kind, "simulated": self._opened().simulated, **content}

    def _record(
        self,
        rows: Callable[[], Sequence[Rows]],
        counts: Mapping[str, int] = ONE_RESULT,
        *,
        must: bool = False,
    ) -> bool:
        """Queue what these rows are, counted as given; return whether that could be done.

        Nothing is raised: what can't be recorded must not end the recording of all else.
        """
        recording = self._opened()
        self._given.update(counts)
        if not self._going_on():
            return False
        try:
            made = rows()
        except Exception:
            if not self._told_unfit:
                self._told_unfit = True
                logger.exception("the recording %s lacks what can't be put in it", self.path)
            return False
        recording.background.offer(recording.streams.take_headers(), must=True)
        return self._queued(recording, made, counts, must=must)

    def _queued(
        self,
        recording: _Recording,
        rows: Sequence[Rows],
        counts: Mapping[str, int],
        *,
        must: bool,
    ) -> bool:
        """Queue rows, with the note of what is missing before them; or note them as missing."""
        if recording.background.offer([*self._told_missing(), *rows], must=must):
            if self._missing:
                self._given["results"] += 1  # the note
            if self._missing and not must:
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
        for key, count in counts.items():
            self._missing[key] += count
        return False

    def _told_missing(self) -> list[Rows]:
        if not self._missing:
            return []
        return [self._opened().results.text("status", self._about("missing", self._missing))]

    def _opened(self) -> _Recording:
        if self._recording is None:
            raise ConfigError(f"the recording {self.path} must be open first: call open()")
        return self._recording

    def _going_on(self) -> bool:
        """Return whether the writer is at work; once it has given up, say so, once."""
        recording = self._opened()
        error = recording.background.error
        if error is not None and not self._told_end:
            self._told_end = True
            logger.error(
                "the recording %s has stopped after %.1f MB: %s; it can be read so far%s",
                self.path,
                recording.writer.n_bytes / 1e6,
                _reason(error),
                "" if self._closed else ", and decoding goes on",
            )
        return error is None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
