"""A live stream of signal, and streams of markers, over LSL.

Concurrent activities: liblsl fills every inlet from threads of its own, in C, whether or not
anybody reads; an inlet holds ``buffer_s`` seconds, then drops the oldest, which shows as a gap
in the time stamps. :meth:`LSLSource.read` runs in the caller's thread and waits nowhere but for
the first sample of the signal, inside liblsl, for at most the time it is given. A stream that is
away has one thread that looks for it and joins it, whatever that takes; ``read`` only asks that
thread whether it is done.

A sender that has a source id and comes back is joined again, each stream for itself, if it is
what it was; the samples between are a gap. One without a source id is gone for good.
"""

from __future__ import annotations

import dataclasses
import functools
import logging
import math
from dataclasses import dataclass

import numpy as np
import pylsl

from saccade.realtime.blocks.units import CONVERTED_TYPES, Units, UnitsSettings, check_amplitude
from saccade.realtime.errors import ConfigError, SourceError, StreamLost
from saccade.realtime.lsl_metadata import describe
from saccade.realtime.marker_value import marker_value
from saccade.realtime.sampling import samples
from saccade.realtime.sources.lsl.connection import Connection, Pulled, Ways
from saccade.realtime.sources.lsl.inlet import Inlet
from saccade.realtime.sources.lsl.likeness import (
    differences,
    marker_likeness,
    signal_likeness,
)
from saccade.realtime.sources.lsl.resolve import StreamQuery, resolve, same_stream
from saccade.realtime.types import (
    Chunk,
    ClockMeasure,
    Flag,
    Float32,
    Marker,
    Reading,
    StreamEvent,
    StreamSpec,
)

logger = logging.getLogger(__name__)

MOST_SAMPLES = 4096  # that one read hands out; the rest waits for the next
MOST_MARKERS = 256  # that are taken from an inlet at once, until it is empty
JUDGED_S = 1.0  # of signal, whose amplitude is compared with its unit
STALL_PERIODS = 3  # of a slow signal: fewer are no silence
_RENEWED = np.uint16(Flag.GAP | Flag.CLOCK)


@dataclass(frozen=True, slots=True)
class LSLSourceSettings:
    """Which streams, and what they do not say themselves.

    Parameters
    ----------
    stream : StreamQuery
        The signal.
    markers : tuple of StreamQuery
        Any number of marker streams.
    resolve_timeout_s : float
        How long to look for each stream, and to wait for its answers, in s, above 0.
    unit : str or None
        Unit to take the signal for, whatever the stream says and however large it is; None
        believes the stream, but refuses an amplitude that no EEG has.
    ch_names : tuple of str or None
        Names of the channels in order, where the stream has none or wrong ones.
    buffer_s : int
        How many seconds of signal an inlet holds, at least 1.
    stall_s : float
        How long the signal may be silent before it is stalled, in s, above 0; at least three
        sample periods are granted, and twice the usual silence to a sender that sends in larger
        pieces. Until that is known, in the first second, it is at least 1 s.
    """

    stream: StreamQuery
    markers: tuple[StreamQuery, ...] = ()
    resolve_timeout_s: float = 5.0
    unit: str | None = None
    ch_names: tuple[str, ...] | None = None
    buffer_s: int = 360
    stall_s: float = 0.4

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        for name in ("resolve_timeout_s", "stall_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name} must be above 0 s, not {value}: raise it")
        if self.buffer_s < 1:
            raise ConfigError(f"buffer_s must be at least 1 s, not {self.buffer_s}: raise it")


class LSLSource:
    """Hands out the samples of one stream, and the markers of others, as they come in.

    The signal is float32: what comes as another format is rounded to float32 first and then
    converted to µV, as a recording of it would be. Markers that come in together are in the
    order of their stamps.

    Time stamps are the sender's (``Chunk.raw_stamps``) plus its clock's offset, which follows the
    measurements (``Reading.clocks``) smoothly. The first sample of a new sender, and the
    first by a clock that was set, carry GAP and CLOCK. A stream that stalls, comes back, comes
    back as something else, or is lost, is an event of the reading.
    """

    def __init__(self, settings: LSLSourceSettings) -> None:
        self.settings = settings
        self._signal: Connection | None = None
        self._markers: list[Connection] = []

    @property
    def clock_offset_s(self) -> float:
        """Seconds last added to the signal's time stamps; NaN where it is not open."""
        return self._signal.inlet.clock.offset_s if self._signal else math.nan

    @property
    def backlog(self) -> int:
        """Number of samples that have come and have not been read; 0 where it is not open."""
        return self._signal.inlet.waiting if self._signal else 0

    def open(self) -> StreamSpec:
        """Find and join all streams; return what the signal carries.

        Everything sent after this has returned will be handed out.

        Raises
        ------
        StreamNotFound, AmbiguousStream
            If a request is not answered by exactly one stream.
        SourceError
            If a stream answers the search, but not the connection or the clock's measurement.
        SignatureMismatch
            If the names given are not as many as the channels.
        UnitError
            If the signal's unit is not known, or not even that it is a signal.
        """
        s = self.settings
        self.close()
        try:
            signal = _join(s, resolve(s.stream, s.resolve_timeout_s))
            spec = self._specify(signal)
            self._signal = Connection(signal, _ways_of_signal(s, signal))
            for query in s.markers:
                info = resolve(query, s.resolve_timeout_s, "marker stream", regular=False)
                inlet = _join_markers(s, info)
                self._markers.append(Connection(inlet, _ways_of_markers(s, query, inlet)))
            for connection in (self._signal, *self._markers):  # each takes half a second
                connection.inlet.clock.wait(s.resolve_timeout_s)
        except BaseException:
            self.close()
            raise
        self._buffer = np.empty((MOST_SAMPLES, spec.n_channels), signal.dtype)
        self._next_index = 0
        self._unjudged: list[Float32] | None = [] if s.unit is None else None
        return spec

    def read(self, timeout_s: float) -> Reading:
        """Wait for at most ``timeout_s`` until there is signal; return it and all markers so far.

        It returns sooner where something has happened to the signal's stream.

        Raises
        ------
        StreamLost
            If the sender of the signal is gone and can't be joined again.
        SourceError
            If the source is not open.
        UnitError
            If the first second of signal has an amplitude that no EEG has.
        """
        signal = self._signal
        if signal is None:
            raise SourceError("an LSL source must be open to be read: call open() first")
        if signal.lost:
            raise StreamLost(
                f"after {self._next_index} samples, {signal.lost}: restart the sender, then saccade"
            )
        end_s = pylsl.local_clock() + timeout_s
        pulled = signal.pull(timeout_s, MOST_SAMPLES, self._buffer)
        while not (len(pulled) or signal.untold) and (left_s := end_s - pylsl.local_clock()) > 0:
            pulled = signal.pull(left_s, MOST_SAMPLES, self._buffer)
        chunk = self._chunk(pulled)
        markers = self._take_markers()
        events: list[StreamEvent] = []
        clocks: list[ClockMeasure] = []
        for connection in (signal, *self._markers):
            happened, measured = connection.news()
            events += happened
            clocks += measured
        self._markers = [connection for connection in self._markers if not connection.lost]
        for event in events:
            logger.info("%s: %s", event.kind, event.text)
        return Reading(chunk, markers, tuple(events), tuple(clocks))

    def close(self) -> None:
        """Leave all streams."""
        for connection in (self._signal, *self._markers):
            if connection is not None:
                connection.close()
        self._signal = None
        self._markers = []

    def _specify(self, signal: Inlet) -> StreamSpec:
        """Return what a signal carries, in µV from here on."""
        s = self.settings
        self._raw_spec = describe(signal.info, s.ch_names, as_eeg=s.unit is not None)
        self._units = Units(UnitsSettings(assume=s.unit))
        spec = self._units.reset(self._raw_spec)
        if not CONVERTED_TYPES.intersection(spec.ch_types):
            logger.warning(
                "no channel of stream '%s' is EEG or the like, but %s: amplitudes stay as sent",
                spec.name,
                ", ".join(sorted(set(spec.ch_types))),
            )
        return spec

    def _chunk(self, pulled: Pulled) -> Chunk:
        """Return samples in µV, on our clock."""
        received_s = pylsl.local_clock()
        if len(pulled) == 0:
            return Chunk.empty(len(self._raw_spec.ch_names), self._next_index, received_s)
        with np.errstate(over="ignore"):  # an infinity is for the guard to flag
            data = pulled.rows.astype(np.float32)  # a copy always: the buffer is used again
        flags = np.zeros(len(data), np.uint16)
        if pulled.renewed:
            flags[0] = _RENEWED
        stamps = pulled.raw_stamps + pulled.offsets_s
        chunk = self._units.step(Chunk(data, stamps, flags, self._next_index, received_s))
        self._next_index += len(chunk)
        self._judge(chunk.data)
        return dataclasses.replace(chunk, raw_stamps=pulled.raw_stamps)

    def _judge(self, data_uv: Float32) -> None:
        """Look at the amplitude once, over the same samples however they came in."""
        if self._unjudged is None:
            return
        self._unjudged.append(data_uv)
        wanted = max(1, samples(JUDGED_S, self._raw_spec.sfreq))
        if self._next_index >= wanted:
            check_amplitude(np.concatenate(self._unjudged)[:wanted], self._raw_spec)
            self._unjudged = None

    def _take_markers(self) -> tuple[Marker, ...]:
        found = [marker for connection in self._markers for marker in _drained(connection)]
        found.sort(key=lambda marker: marker.stamp)
        return tuple(found)


def _join(settings: LSLSourceSettings, info: pylsl.StreamInfo) -> Inlet:
    return Inlet(info, settings.buffer_s, settings.resolve_timeout_s)


def _join_markers(settings: LSLSourceSettings, info: pylsl.StreamInfo) -> Inlet:
    # One without a source id says by itself when it is gone.
    watched = bool(info.source_id())
    return Inlet(info, settings.buffer_s, settings.resolve_timeout_s, watched=watched)


def _ways_of_signal(settings: LSLSourceSettings, inlet: Inlet) -> Ways:
    """Return how the signal is joined again; nothing here may hold the source itself."""
    s = settings
    likeness = functools.partial(signal_likeness, ch_names=s.ch_names, as_eeg=s.unit is not None)
    was = likeness(inlet.info)
    return Ways(
        "stream",
        same_stream(inlet.info),
        s.stream.predicate,
        functools.partial(_join, s),
        lambda now: differences(was, likeness(now.info)),
        s.resolve_timeout_s,
        stall_s=max(s.stall_s, STALL_PERIODS / was.sfreq),
    )


def _ways_of_markers(settings: LSLSourceSettings, query: StreamQuery, inlet: Inlet) -> Ways:
    """Return how a marker stream is joined again."""
    was = marker_likeness(inlet.info)
    return Ways(
        "marker stream",
        same_stream(inlet.info),
        query.predicate,
        functools.partial(_join_markers, settings),
        lambda now: differences(was, marker_likeness(now.info)),
        settings.resolve_timeout_s,
        stall_s=None,
    )


def _drained(connection: Connection) -> list[Marker]:
    """Return all markers that are waiting."""
    found: list[Marker] = []
    while not connection.lost:
        pulled = connection.pull(0.0, MOST_MARKERS)
        received_s = pylsl.local_clock()
        stamps = pulled.raw_stamps + pulled.offsets_s
        for row, stamp in zip(pulled.rows, stamps, strict=True):
            value = marker_value(row)
            if value:
                found.append(Marker(value, float(stamp), connection.name, received_s))
        if len(pulled) < MOST_MARKERS:
            break
    return found
