"""A sender over LSL with any fault: it sends a session as it is, stamps included, when told to."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pylsl
from injection import CHANNELS, SFREQ, Session

from saccade.realtime.lsl_metadata import announce
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings
from saccade.realtime.types import Marker, Reading, StreamEvent, StreamSpec

LONGEST_S = 60.0  # that anything may take on a busy machine


class Amplifier:
    """An amplifier and its marker stream, which can vanish and come back."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.signal: Any = None
        self.begin()
        # The markers' sender lives on while the amplifier is away.
        info = pylsl.StreamInfo(f"{name}-m", "Markers", 1, 0.0, "string", f"{name}-m")
        self.markers = pylsl.StreamOutlet(info)

    def begin(self, sfreq: float = SFREQ, channels: tuple[str, ...] = CHANNELS) -> None:
        """Announce the signal; with the same source id whatever it is."""
        n = len(channels)
        spec = StreamSpec(self.name, sfreq, channels, ("eeg",) * n, ("µV",) * n, self.name)
        self.signal = pylsl.StreamOutlet(announce(spec, "EEG", pylsl.cf_float32))

    def vanish(self) -> None:
        """Take the signal away."""
        self.signal = None

    def send(self, session: Session, sizes: list[int], start: int = 0) -> None:
        """Send all samples from ``start`` on in pieces, and each marker when it has come."""
        order = sorted(zip(session.arrivals, range(len(session.markers)), strict=True))
        order = [one for one in order if one[0] > start or start == 0]
        for size in sizes:
            stop = start + size
            if size:
                self.signal.push_chunk(session.data[start:stop], session.stamps[start:stop])
            while order and (order[0][0] <= stop or stop == len(session.data)):
                marker = session.markers[order.pop(0)[1]]
                self.markers.push_sample([marker.value], marker.stamp)
            start = stop


class Listening:
    """The LSL source, until it has heard so much."""

    def __init__(self, name: str) -> None:
        self.source = LSLSource(
            LSLSourceSettings(StreamQuery(name=name), (StreamQuery(name=f"{name}-m"),), unit="uV")
        )
        self.n_samples = self.n_markers = 0
        self.wanted: tuple[int, int] | None = None  # when it ends
        self.readings: list[Reading] = []
        self.events: list[StreamEvent] = []
        self._deadline_s = time.monotonic() + LONGEST_S

    def open(self) -> StreamSpec:
        """Join the streams."""
        return self.source.open()

    def read(self, timeout_s: float) -> Reading | None:
        """Return what has come; None once it is enough."""
        if (self.n_samples, self.n_markers) == self.wanted:
            return None
        heard = f"{self.n_samples} samples, {self.n_markers} markers, {self.events}"
        assert time.monotonic() < self._deadline_s, f"{heard}; wanted {self.wanted}"
        reading = self.source.read(timeout_s)
        self.n_samples += len(reading.chunk)
        self.n_markers += len(reading.markers)
        self.events += reading.events
        self.readings.append(reading)
        return reading

    def close(self) -> None:
        """Leave the streams."""
        self.source.close()

    def until(self, kind: str) -> None:
        """Wait, from another thread, until an event has been told."""
        while kind not in {event.kind for event in self.events}:
            assert time.monotonic() < self._deadline_s, f"no {kind} among {self.events}"
            time.sleep(0.01)

    def until_samples(self, n_samples: int) -> None:
        """Wait, from another thread, until so many samples have come."""
        while self.n_samples < n_samples:
            assert time.monotonic() < self._deadline_s, f"{self.n_samples} of {n_samples}"
            time.sleep(0.01)


def on_the_clock(session: Session) -> Session:
    """Return a session on the LSL clock, its markers where no clock noise moves them.

    Each stands a fifth of a period after its sample: the two streams' clocks are measured one by
    one, and differ by microseconds.
    """
    shift = pylsl.local_clock() - 24.0 - float(session.stamps[0])
    first = float(session.stamps[0])

    def moved(marker: Marker) -> Marker:
        number = np.floor((marker.stamp - first) * SFREQ)
        return replace(marker, stamp=first + (float(number) + 0.2) / SFREQ + shift)

    return replace(
        session,
        stamps=session.stamps + shift,
        markers=tuple(moved(marker) for marker in session.markers),
    )
