"""Any source as an amplifier: its samples and markers as LSL streams, each at its time.

Time stamps keep the source's structure, its jitter and gaps: each is the source's own, moved by
one constant. A sample leaves when its time has come; at a speed other than 1 only the waiting
is shorter or longer, the stamps are not, so that they run ahead of the clock or fall behind it.

Concurrent activities: :meth:`Player.run` reads, waits and pushes in the caller's thread. liblsl
has threads of its own, in C, which answer searches and send; pushing only fills their queues.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pylsl

from saccade.realtime.errors import ConfigError
from saccade.realtime.lsl_metadata import announce
from saccade.realtime.protocols import Source
from saccade.realtime.types import Chunk, Float32, Float64, Marker, Reading, StreamSpec

BUFFER_S = 360  # of clock that a slow receiver may fall behind
JITTER_S = 0.5  # a step back of more is a clock that was set
LOOK_S = 0.05  # how often a wait looks whether to stop


@dataclass(frozen=True, slots=True)
class PlayerSettings:
    """How a source is published.

    Parameters
    ----------
    name : str
        Name of the signal's stream.
    marker_name : str
        Name of the markers' stream, of type "Markers"; all of the source's marker streams go
        into this one.
    speed : float
        Seconds of the source sent per second of clock, above 0.
    wait_for_consumers_s : float or None
        How long to wait for a receiver of both streams before the first sample, in s; None does
        not wait.
    chunk_s : float
        Samples that are due within this time, in s, above 0, are sent together, when the last
        of them is due.
    stream_type : str
        Type of the signal's stream.
    linger_s : float
        How long the streams stay after the last sample, in s, for receivers to take it.
    """

    name: str
    marker_name: str
    speed: float = 1.0
    wait_for_consumers_s: float | None = None
    chunk_s: float = 0.02
    stream_type: str = "EEG"
    linger_s: float = 1.0

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for what, value in (("speed", self.speed), ("chunk_s", self.chunk_s)):
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{what} must be a number above 0, not {value}: correct it")
        if not (math.isfinite(self.linger_s) and self.linger_s >= 0):
            raise ConfigError(f"linger_s must be at least 0 s, not {self.linger_s}: correct it")


@dataclass(frozen=True, slots=True)
class PlayerReport:
    """How many samples and markers were sent, and how long it took from the first, in seconds."""

    samples: int
    markers: int
    duration_s: float


class Player:
    """Publishes a source once.

    Parameters
    ----------
    source : Source
        What to publish, from its beginning.
    settings : PlayerSettings
        How.
    """

    def __init__(self, source: Source, settings: PlayerSettings) -> None:
        self.settings = settings
        self._source = source
        self._signal: Any = None
        self._events: Any = None

    def run(
        self,
        stop: Callable[[], bool] = lambda: False,
        announced: Callable[[], None] = lambda: None,
    ) -> PlayerReport:
        """Send everything at its time; return when all is sent or ``stop`` returns True.

        Parameters
        ----------
        stop : callable
            Asked again and again; True ends the streams.
        announced : callable
            Called once, when the streams can be found.

        Raises
        ------
        ConfigError
            If no receiver has come within the time to wait for one.
        SaccadeError
            Whatever the source raises.
        """
        spec = self._source.open()
        try:
            self._signal, self._events = self._announce(spec)
            announced()
            ready = self._wait_for_consumers(stop)
            report = self._play(stop) if ready else PlayerReport(0, 0, 0.0)
            if self._signal.have_consumers() or self._events.have_consumers():
                time.sleep(self.settings.linger_s)
        finally:
            self._source.close()
            self._signal = self._events = None  # ends the streams
        return report

    def _announce(self, spec: StreamSpec) -> tuple[pylsl.StreamOutlet, pylsl.StreamOutlet]:
        s = self.settings
        run_id = uuid.uuid4().hex  # a second run is another stream, not the rest of this one
        signal = dataclasses.replace(
            spec, name=s.name, source_id=f"{s.name}-{run_id}", speed=spec.speed * s.speed
        )
        events = dataclasses.replace(
            signal,
            name=s.marker_name,
            sfreq=pylsl.IRREGULAR_RATE,
            ch_names=("marker",),
            ch_types=("markers",),
            units=("",),
            source_id=f"{s.marker_name}-{run_id}",
        )
        buffer_s = math.ceil(BUFFER_S * max(1.0, s.speed))
        return (
            pylsl.StreamOutlet(
                announce(signal, s.stream_type, pylsl.cf_float32), max_buffered=buffer_s
            ),
            pylsl.StreamOutlet(announce(events, "Markers", pylsl.cf_string)),
        )

    def _wait_for_consumers(self, stop: Callable[[], bool]) -> bool:
        """Wait for a receiver of each stream; return False if told to stop before."""
        wait_s = self.settings.wait_for_consumers_s
        if wait_s is None:
            return True
        end_s = pylsl.local_clock() + wait_s
        names = (self.settings.name, self.settings.marker_name)
        for name, outlet in zip(names, (self._signal, self._events), strict=True):
            while not outlet.wait_for_consumers(LOOK_S):
                if stop():
                    return False
                if pylsl.local_clock() > end_s:
                    raise ConfigError(
                        f"expected a receiver of '{name}' within {wait_s:g} s, but none came: "
                        "start the receiver, or wait longer"
                    )
        return True

    def _play(self, stop: Callable[[], bool]) -> PlayerReport:
        timeline = _Timeline(self.settings.speed)
        block: _Samples | None = None
        markers: list[tuple[float, int, Marker]] = []  # a heap: when due, then as they came
        n_samples = n_markers = n_seen = 0
        ended = False
        while not stop():
            if block is None and not ended:
                reading = self._source.read(self.settings.chunk_s)
                if reading is None:
                    ended = True
                else:
                    timeline.start(reading)
                    if len(reading.chunk):
                        block = timeline.schedule(reading.chunk)
                    for marker in reading.markers:
                        n_seen += 1
                        heapq.heappush(markers, (timeline.due_s(marker.stamp), n_seen, marker))
            rows, block_s = block.ready(self.settings.chunk_s) if block else (0, math.inf)
            marker_s = markers[0][0] if markers else math.inf
            next_s = min(block_s, marker_s)
            if ended and math.isinf(next_s):
                break
            if block is None and not ended and marker_s > pylsl.local_clock():
                continue  # the source may have samples that are due before
            if not _wait_until(next_s, stop):
                break
            if marker_s <= block_s:
                marker = heapq.heappop(markers)[2]
                self._events.push_sample([marker.value], timeline.moved(marker.stamp))
                n_markers += 1
            elif block is not None:
                self._signal.push_chunk(block.data[:rows], block.stamps[:rows])
                n_samples += rows
                block = block.without(rows)
        return PlayerReport(n_samples, n_markers, timeline.elapsed_s())


@dataclass(frozen=True, slots=True)
class _Samples:
    """Samples to be sent: their values, new time stamps, and when each is due, ascending."""

    data: Float32
    stamps: Float64
    due_s: Float64

    def ready(self, chunk_s: float) -> tuple[int, float]:
        """Return how many samples leave together next, and when."""
        rows = int(np.searchsorted(self.due_s, self.due_s[0] + chunk_s))
        return rows, float(self.due_s[rows - 1])

    def without(self, rows: int) -> _Samples | None:
        """Return what is left after so many samples, None if that is nothing."""
        if rows == len(self.data):
            return None
        return _Samples(self.data[rows:], self.stamps[rows:], self.due_s[rows:])


class _Timeline:
    """Moves the source's time to the clock's: the first thing it has is due at once."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._origin_s: float | None = None
        self._start_s = self._latest_s = self._last_stamp = math.nan
        self._clocks = (0.0, 0.0)  # of the newest samples: at their beginning and end
        self._late_s = 0.0  # by how much the source's clock has been set back, so far

    def start(self, reading: Reading) -> None:
        """Begin now with the first sample, or the first marker if there is none; once."""
        if self._origin_s is None and (len(reading.chunk) or reading.markers):
            stamps = reading.chunk.stamps
            self._origin_s = float(stamps[0]) if len(stamps) else reading.markers[0].stamp
            self._start_s = self._latest_s = pylsl.local_clock()

    def moved(self, stamp: Float64 | float) -> Any:
        """Return time stamps, or one, as they are sent."""
        return self._start_s + (stamp - (self._origin_s or 0.0))

    def due_s(self, stamp: float) -> float:
        """Return when a marker has to leave: by the clock before or after a reset, as fits."""
        origin_s = self._origin_s or 0.0
        due = [self._start_s + (stamp + late - origin_s) / self._speed for late in self._clocks]
        return min(due, key=lambda due_s: abs(due_s - self._latest_s))

    def schedule(self, chunk: Chunk) -> _Samples:
        """Return samples with their times; none leaves before the one ahead of it.

        The stamps go out as they are, but where the clock was set back the samples go on at
        their pace, and not all at once until the old time is reached again.
        """
        steps = np.diff(chunk.stamps, prepend=self._last_stamp)
        set_back = np.where(steps < -JITTER_S, -steps, 0.0)  # of the first, which has none: 0
        late_s = self._late_s + np.cumsum(set_back)
        self._clocks = (self._late_s, float(late_s[-1]))
        self._late_s, self._last_stamp = float(late_s[-1]), float(chunk.stamps[-1])
        passed_s = chunk.stamps + late_s - (self._origin_s or 0.0)
        wanted_s = self._start_s + passed_s / self._speed
        due_s = np.maximum.accumulate(np.maximum(wanted_s, self._latest_s))
        self._latest_s = float(due_s[-1])
        return _Samples(chunk.data, self.moved(chunk.stamps), due_s)

    def elapsed_s(self) -> float:
        """Return the time since the start; 0 if there was none."""
        return 0.0 if self._origin_s is None else float(pylsl.local_clock() - self._start_s)


def _wait_until(due_s: float, stop: Callable[[], bool]) -> bool:
    """Sleep until a time on the LSL clock; return False if told to stop before."""
    while (left_s := due_s - pylsl.local_clock()) > 0:
        if stop():
            return False
        time.sleep(min(left_s, LOOK_S))
    return True
