"""A live stream of signal, and streams of markers, over LSL.

Concurrent activities: liblsl fills every inlet from threads of its own, in C, whether or not
anybody reads; an inlet holds ``buffer_s`` seconds, then drops the oldest, which shows as a gap
in the time stamps. :meth:`LSLSource.read` runs in the caller's thread and is the only place that
waits: for the first sample of the signal, inside liblsl.

A sender that has a source id and comes back is joined again; the samples between are a gap. One
without a source id is gone for good.
"""

from __future__ import annotations

import logging
import math
import string
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pylsl
from numpy.typing import NDArray
from pylsl.util import LostError

from saccade.realtime.blocks.units import CONVERTED_TYPES, Units, UnitsSettings, check_amplitude
from saccade.realtime.errors import ConfigError, SourceError, StreamLost
from saccade.realtime.lsl_metadata import describe
from saccade.realtime.sampling import samples
from saccade.realtime.sources.lsl_inlet import Inlet
from saccade.realtime.sources.lsl_resolve import StreamQuery, resolve
from saccade.realtime.types import Chunk, Float32, Marker, Reading, StreamSpec, marker_text

logger = logging.getLogger(__name__)

MOST_SAMPLES = 4096  # that one read hands out; the rest waits for the next
MOST_MARKERS = 256  # that are taken from an inlet at once, until it is empty
JUDGED_S = 1.0  # of signal, whose amplitude is compared with its unit
_PADDING = string.whitespace + "\0"


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
    """

    stream: StreamQuery
    markers: tuple[StreamQuery, ...] = ()
    resolve_timeout_s: float = 5.0
    unit: str | None = None
    ch_names: tuple[str, ...] | None = None
    buffer_s: int = 360

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        if not (math.isfinite(self.resolve_timeout_s) and self.resolve_timeout_s > 0):
            raise ConfigError(
                f"resolve_timeout_s must be above 0 s, not {self.resolve_timeout_s}: raise it"
            )
        if self.buffer_s < 1:
            raise ConfigError(f"buffer_s must be at least 1 s, not {self.buffer_s}: raise it")


class LSLSource:
    """Hands out the samples of one stream, and the markers of others, as they come in.

    The signal is float32: what comes as another format is rounded to float32 first and then
    converted to µV, as a recording of it would be. Markers that come in together are in the
    order of their stamps. A marker stream that is lost is reported in the log; the rest goes on.
    """

    def __init__(self, settings: LSLSourceSettings) -> None:
        self.settings = settings
        self._signal: Inlet | None = None
        self._markers: list[Inlet] = []

    @property
    def clock_offset_s(self) -> float:
        """Seconds last added to the signal's time stamps; NaN where it is not open."""
        return self._signal.offset_s if self._signal else math.nan

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
            If the signal's unit is not known.
        """
        s = self.settings
        self.close()
        try:
            signal = self._join(resolve(s.stream, s.resolve_timeout_s))
            self._signal = signal
            for query in s.markers:
                info = resolve(query, s.resolve_timeout_s, "marker stream", regular=False)
                self._markers.append(self._join(info))
            self._raw_spec = describe(signal.info, s.ch_names)
            self._units = Units(UnitsSettings(assume=s.unit))
            spec = self._units.reset(self._raw_spec)
            if not CONVERTED_TYPES.intersection(spec.ch_types):
                logger.warning(
                    "no channel of stream '%s' is EEG or the like, but %s: amplitudes stay as sent",
                    spec.name,
                    ", ".join(sorted(set(spec.ch_types))),
                )
            for inlet in (signal, *self._markers):
                inlet.start_clock()  # all at once, for each takes half a second
            for inlet in (signal, *self._markers):
                inlet.measure_clock()
        except BaseException:
            self.close()
            raise
        self._buffer = np.empty((MOST_SAMPLES, spec.n_channels), signal.lsl.np_dtype)
        self._next_index = 0
        self._unjudged: list[Float32] | None = [] if s.unit is None else None
        return spec

    def read(self, timeout_s: float) -> Reading:
        """Wait for at most ``timeout_s`` until there is signal; return it and all markers so far.

        Raises
        ------
        StreamLost
            If the sender of the signal is gone and can't be joined again.
        SourceError
            If the source is not open, or a sender has come back without a measurable clock.
        UnitError
            If the first second of signal has an amplitude that no EEG has.
        """
        if self._signal is None:
            raise SourceError("an LSL source must be open to be read: call open() first")
        chunk = self._take_signal(self._signal, timeout_s)
        return Reading(chunk, self._take_markers())

    def close(self) -> None:
        """Leave all streams."""
        for inlet in (self._signal, *self._markers):
            if inlet is not None:
                inlet.lsl.close_stream()
        self._signal = None
        self._markers = []

    def _join(self, info: pylsl.StreamInfo) -> Inlet:
        return Inlet(info, self.settings.buffer_s, self.settings.resolve_timeout_s)

    def _take_signal(self, inlet: Inlet, timeout_s: float) -> Chunk:
        try:
            raw, stamps = inlet.lsl.pull_chunk(
                timeout_s, MOST_SAMPLES, dest_obj=self._buffer, min_samples=1, as_numpy=True
            )
        except LostError as error:
            raise StreamLost(
                f"stream '{inlet.name}' is gone after {self._next_index} samples, and without a "
                "source_id it can't be joined again: restart the sender, then saccade"
            ) from error
        received_s = pylsl.local_clock()
        if len(stamps) == 0:
            return Chunk.empty(len(self._raw_spec.ch_names), self._next_index, received_s)
        with np.errstate(over="ignore"):  # an infinity is for the guard to flag
            data = raw.astype(np.float32)  # a copy always: the buffer is used again
        flags = np.zeros(len(data), np.uint16)
        chunk = Chunk(data, inlet.corrected(stamps), flags, self._next_index, received_s)
        chunk = self._units.step(chunk)
        self._next_index += len(chunk)
        self._judge(chunk.data)
        return chunk

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
        found: list[Marker] = []
        for inlet in tuple(self._markers):
            try:
                _drain(inlet, found)
            except LostError:
                self._markers.remove(inlet)
                logger.warning("marker stream '%s' is gone: no more markers from it", inlet.name)
        found.sort(key=lambda marker: marker.stamp)
        return tuple(found)


def _drain(inlet: Inlet, found: list[Marker]) -> None:
    """Append all markers that are waiting in an inlet.

    While a sender that came back has no measured clock yet, its markers stay where they are.
    """
    while inlet.clock_is_known():
        rows, stamps = inlet.lsl.pull_chunk(0.0, MOST_MARKERS, as_numpy=True)
        if len(stamps) == 0:
            return
        received_s = pylsl.local_clock()
        for row, stamp in zip(rows, inlet.corrected(stamps), strict=True):
            value = marker_value(row)
            if value:
                found.append(Marker(value, float(stamp), inlet.name, received_s))
        if len(stamps) < MOST_MARKERS:
            return


def marker_value(row: Iterable[Any] | NDArray[Any]) -> str:
    """Return one event of a marker stream as text.

    Text loses the blanks around it; a whole number has no decimals, whatever its format; several
    channels are joined by ",". Empty channels at the end are padding and left out. What remains
    may be "", which is how some senders fill a pause: such an event is no marker.

    Parameters
    ----------
    row : sequence of bytes or of numpy numbers
        One entry a channel.
    """
    words = [_word(value) for value in row]
    while words and not words[-1]:
        words.pop()
    return ",".join(words)


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace").strip(_PADDING)
    return marker_text(value) if isinstance(value, np.floating) else str(value)
