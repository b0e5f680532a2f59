"""A FieldTrip buffer as a source: MEG systems (Neuromag, CTF) and bridges from other amplifiers.

The buffer is a server that keeps the last samples and events in rings and counts all that were
ever written. The counts are what makes it exact: every sample is asked for by its number, once,
so that a broken connection loses nothing as long as the ring still has it, and what the ring has
dropped is known to the sample (the first one after it carries ``Flag.GAP``). There are no time
stamps; :mod:`~saccade.realtime.sources.fieldtrip.time` makes them.

Concurrent activities: none but the server. :meth:`FieldTripSource.read` waits in the caller's
thread, inside the request that the protocol has for it, or for a server that is away.

A buffer that was restarted with the same header is joined again (GAP and CLOCK on its first
sample); one with another header is refused and watched until the right one is back. Of a restart
that nobody saw, because the new count had already passed the old one, only the clock tells.
"""

from __future__ import annotations

import collections
import logging
import time
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pylsl

from saccade.realtime.blocks.units import Units, UnitsSettings, check_amplitude
from saccade.realtime.errors import ConfigError, SaccadeError, SourceError, StreamNotFound
from saccade.realtime.protocols import Clock
from saccade.realtime.sampling import samples
from saccade.realtime.sources.fieldtrip.events import EventQueue
from saccade.realtime.sources.fieldtrip.header import describe, difference
from saccade.realtime.sources.fieldtrip.settings import FieldTripSourceSettings
from saccade.realtime.sources.fieldtrip.time import CounterClock
from saccade.realtime.types import (
    Chunk,
    Flag,
    Float32,
    Marker,
    Reading,
    StreamEvent,
    StreamSpec,
    marker_text,
)

if TYPE_CHECKING:
    from saccade.realtime.sources.fieldtrip.client import BufferClient

logger = logging.getLogger(__name__)

MOST_VALUES = 1 << 17  # numbers that are asked for at once, so that a slow link can bring them
RETRY_S = 0.1  # between two attempts to reach a server that is away
WAITED_S = 1e-3  # an answer sooner than this was there before, and says nothing of when
TEAR_S = 0.5  # by which count and clock may come apart before something else has happened
CATCH_UP_S = 0.1  # for the rest of what a network held up
JUDGED_S = 1.0  # of signal, whose amplitude is compared with its unit


class FieldTripSource:
    """Hands out the samples and events of a FieldTrip buffer as they come in.

    Parameters
    ----------
    settings : FieldTripSourceSettings
        Which buffer.
    clock : callable
        The clock of the time stamps, in s.
    """

    def __init__(self, settings: FieldTripSourceSettings, clock: Clock = pylsl.local_clock) -> None:
        self.settings = settings
        self._now = clock
        self._where = f"fieldtrip://{settings.host}:{settings.port}"
        self._client: BufferClient | None = None
        self._is_open = False

    @property
    def markers_lost(self) -> int:
        """Events that the ring had dropped before they were asked for, or that can't be read."""
        return self._queue.lost

    def open(self) -> StreamSpec:
        """Join the buffer; what is written from now on will be handed out.

        Raises
        ------
        StreamNotFound
            If no server answers, or none that has a header.
        SourceError, SignatureMismatch, UnitError
            If the header describes nothing that can be decoded.
        ConfigError
            If the trigger channel is not there.
        """
        s = self.settings
        self.close()
        self._client, header = self._first_connection()
        try:
            self._raw_spec, self._resolution = describe(header, self._where, s.ch_names)
            self._units = Units(UnitsSettings(assume=s.unit))
            spec = self._units.reset(self._raw_spec)
            if s.trigger is not None and s.trigger not in spec.ch_names:
                raise ConfigError(
                    f"expected a trigger channel {s.trigger!r} in {self._where}, but it has "
                    f"{', '.join(spec.ch_names)}: correct its name"
                )
        except BaseException:
            self.close()
            raise
        self._next = header.nSamples
        self._queue = EventQueue(s.event_types, s.event_text, header.nEvents)
        self._orphans: list[Marker] = []  # whose samples never came, because of a restart
        self._line = CounterClock(spec.sfreq)
        self._n_handed_out = 0
        self._torn = Flag.NONE  # what is to be said of the next sample
        self._trigger_value: float | None = None
        self._events: list[StreamEvent] = []
        self._newest_s, self._stalled, self._refusal = self._now(), False, ""
        self._warned = False  # of a broken connection, since the newest sample
        self._spacings = collections.deque([0.0], maxlen=15)  # of arrivals, in s
        self._unjudged: list[Float32] | None = [] if s.unit is None else None
        self._is_open = True
        return spec

    def read(self, timeout_s: float) -> Reading:
        """Wait for at most ``timeout_s`` until there is something; return all that came.

        A server that does not answer, or too slowly, may take up to 2 s more (4 s where it is
        joined again): its connection is then given up, and made again.

        Raises
        ------
        SourceError
            If the source is not open.
        UnitError
            If the first second of signal has an amplitude that no EEG has.
        """
        if not self._is_open:
            raise SourceError("a FieldTrip source must be open to be read: call open() first")
        begun_s = time.monotonic()
        chunk = self._nothing()
        try:
            client = self._client or self._join_again(timeout_s)
            if client is not None:
                left_s = max(0.0, timeout_s - (time.monotonic() - begun_s))
                client.answer_within(left_s)
                chunk = self._take(client, left_s)
        except OSError as error:
            self._leave(f"the connection to {self._where} broke ({error})")
            time.sleep(max(0.0, min(RETRY_S, timeout_s) - (time.monotonic() - begun_s)))
        markers = sorted(self._due() + self._triggers(chunk), key=lambda marker: marker.stamp)
        self._judge(chunk.data)
        self._mind_the_stall(len(chunk))
        events, self._events = tuple(self._events), []
        return Reading(chunk, tuple(markers), events)

    def close(self) -> None:
        """Leave the server."""
        if self._client is not None:
            self._client.disconnect()
        self._client, self._is_open = None, False

    def _nothing(self) -> Chunk:
        return Chunk.empty(self._raw_spec.n_channels, self._n_handed_out, self._now())

    def _take(self, client: BufferClient, timeout_s: float) -> Chunk:
        """Wait for news; fetch all events and as many samples as fit into one chunk."""
        asked_s = self._now()
        counts = client.counts(self._next, self._queue.next, timeout_s)
        if counts is None:
            return self._nothing()
        n_samples, n_events = counts
        if n_samples < self._next or n_events < self._queue.next:
            self._leave(f"{self._where} was emptied or restarted")
            return self._nothing()
        if n_samples > self._next and self._now() - asked_s > WAITED_S:
            n_samples = self._compare_with_clock(client, n_samples)
        # Events first, as they have to be there when their samples are handed out.
        self._queue.fetch(client, n_events)
        return self._take_samples(client, n_samples)

    def _compare_with_clock(self, client: BufferClient, n_samples: int) -> int:
        """Let the time line follow an arrival, or lay it anew; return how many there are now."""
        now_s, line = self._now(), self._line
        self._spacings.append((n_samples - self._next) / self._raw_spec.sfreq)
        if line.is_laid and line.late_s(n_samples, now_s) > TEAR_S:
            # Held up by a network, the rest follows at once; after a pause, it does not.
            behind = line.late_s(n_samples, now_s) * self._raw_spec.sfreq
            n_samples = client.more(n_samples + behind / 2, CATCH_UP_S)
            now_s = self._now()
        if line.is_laid and abs(line.late_s(n_samples, now_s)) <= TEAR_S:
            line.arrived(n_samples, now_s)
        else:
            self._torn |= Flag.GAP | Flag.CLOCK if line.is_laid else Flag.NONE
            line.lay(n_samples, self._next, now_s)
        return n_samples

    def _take_samples(self, client: BufferClient, n_samples: int) -> Chunk:
        n_channels = self._raw_spec.n_channels
        start, stop = self._next, min(n_samples, self._next + max(1, MOST_VALUES // n_channels))
        if start == stop:
            return self._nothing()
        raw = client.samples(start, stop)
        if raw is None:
            self._next = client.oldest_sample(start, n_samples)
            self._torn |= Flag.GAP
            logger.warning(
                "%s dropped %d samples before they were read: its ring is too short, or this "
                "computer too slow",
                self._where,
                self._next - start,
            )
            return self._nothing()
        if raw.shape != (stop - start, n_channels):
            raise ConnectionError(f"{raw.shape} values came for {(stop - start, n_channels)}")
        now_s = self._now()
        if not self._line.is_laid:
            self._line.lay(n_samples, start, now_s)
        flags = np.zeros(stop - start, np.uint16)
        flags[0], self._torn = self._torn, Flag.NONE
        scaled = raw if self._resolution is None else raw * self._resolution
        with np.errstate(over="ignore"):  # an infinity is for the guard to flag
            data = scaled.astype(np.float32)
        stamps = self._line.stamps(start, stop)
        chunk = Chunk(data, stamps, flags, self._n_handed_out, now_s)
        self._next = stop
        self._n_handed_out += len(chunk)
        return self._units.step(chunk)

    def _due(self) -> list[Marker]:
        """Return the events whose samples have been handed out, or never will be."""
        orphans, self._orphans = self._orphans, []
        if not self._line.is_laid:
            return orphans
        return orphans + self._queue.due(self._next, self._raw_spec.sfreq, self._line, self._now())

    def _triggers(self, chunk: Chunk) -> list[Marker]:
        """Return a marker for each change of the trigger channel to another value than 0."""
        name = self.settings.trigger
        if name is None or len(chunk) == 0:
            return []
        values = chunk.data[:, self._raw_spec.ch_names.index(name)].astype(np.float64)
        before = values[0] if self._trigger_value is None else self._trigger_value
        self._trigger_value = float(values[-1])
        rows = np.flatnonzero((values != 0) & (np.diff(values, prepend=before) != 0))
        return [
            Marker(marker_text(values[row]), float(chunk.stamps[row]), name, chunk.received_s)
            for row in rows
        ]

    def _judge(self, data_uv: Float32) -> None:
        """Look at the amplitude once, over the same samples however they came in."""
        if self._unjudged is None:
            return
        self._unjudged.append(data_uv)
        wanted = max(1, samples(JUDGED_S, self._raw_spec.sfreq))
        if self._n_handed_out >= wanted:
            check_amplitude(np.concatenate(self._unjudged)[:wanted], self._raw_spec)
            self._unjudged = None

    def _mind_the_stall(self, n_samples: int) -> None:
        now_s = self._now()
        away_s = now_s - self._newest_s
        if n_samples:
            if self._stalled:
                self._tell("resumed", f"samples come again after {away_s:.1f} s")
            self._newest_s, self._stalled, self._refusal = now_s, False, ""
            self._warned = False
        elif not self._stalled and away_s > max(
            self.settings.stall_s, 2 * float(np.median(self._spacings))
        ):
            self._tell("stalled", f"no sample for {away_s:.1f} s")
            self._stalled = True

    def _tell(self, kind: Literal["stalled", "resumed", "refused"], text: str) -> None:
        self._events.append(StreamEvent(kind, self._where, text, self._now()))

    def _first_connection(self) -> tuple[BufferClient, Any]:
        """Return a client and the header, as soon as there is one."""
        s = self.settings
        end_s, reason = time.monotonic() + s.connect_timeout_s, ""
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                client, header = self._connect(left_s)
            except OSError as error:
                reason = str(error)
            else:
                if header is not None:
                    return client, header
                client.disconnect()
                reason = "it has no header, so that the acquisition has not begun"
            time.sleep(min(RETRY_S, left_s))
        raise StreamNotFound(
            f"expected a FieldTrip buffer at {s.host}:{s.port}, but within "
            f"{s.connect_timeout_s:g} s: {reason}: start it, or correct host and port"
        )

    def _connect(self, timeout_s: float) -> tuple[BufferClient, Any]:
        from saccade.realtime.sources.fieldtrip.client import BufferClient

        client = BufferClient(self.settings.host, self.settings.port, timeout_s)
        try:
            return client, client.header()
        except BaseException:
            client.disconnect()
            raise

    def _leave(self, why: str) -> None:
        level = logging.DEBUG if self._warned else logging.WARNING
        logger.log(level, "%s: joining it again", why)
        self._warned = True
        if self._client is not None:
            self._client.disconnect()
        self._client = None

    def _join_again(self, timeout_s: float) -> BufferClient | None:
        """Try once to get the same stream from a server that was away."""
        begun_s, client, header = time.monotonic(), None, None
        try:
            client, header = self._connect(max(timeout_s, RETRY_S))
        except OSError as error:
            logger.debug("%s is still away: %s", self._where, error)
        if client is None or header is None or not self._is_the_same(header):
            if client is not None:
                client.disconnect()
            time.sleep(max(0.0, min(RETRY_S, timeout_s) - (time.monotonic() - begun_s)))
            return None
        now_s, line = self._now(), self._line
        if header.nSamples < self._next or header.nEvents < self._queue.next:
            self._orphans += self._queue.restart(line, now_s)
            self._next, self._line = 0, CounterClock(self._raw_spec.sfreq)
            self._torn |= Flag.GAP | Flag.CLOCK
        self._client = client
        return client

    def _is_the_same(self, header: Any) -> bool:
        try:
            spec, _ = describe(header, self._where, self.settings.ch_names)
            other = difference(self._raw_spec, spec)
        except SaccadeError as error:
            other = str(error)
        if other and other != self._refusal:
            self._tell("refused", f"{self._where} is back as something else: {other}")
            self._refusal = other
        return not other
