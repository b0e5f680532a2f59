"""Senders that come and go, and what a source has given out of them.

Senders are programs of their own that are killed without a word, where that matters; where it
does not, they are outlets of this process. Nobody sleeps: whatever is awaited has a deadline far
beyond what it takes, for the computer may be busy.
"""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pylsl

DEADLINE_S = 60.0

# An amplifier of four channels, the first of which counts; or a program that counts in markers.
SENDER = """
import sys, time, pylsl
name, kind, sfreq, labels = sys.argv[1], sys.argv[2], float(sys.argv[3]), sys.argv[4].split(",")
markers = kind == "Markers"
info = pylsl.StreamInfo(name, kind, len(labels), 0 if markers else sfreq,
                        "string" if markers else "float32", "id-" + name)
channels = info.desc().append_child("channels")
for label in labels:
    channel = channels.append_child("channel")
    channel.append_child_value("label", label)
    channel.append_child_value("unit", "microvolts")
    channel.append_child_value("type", "EEG")
outlet = pylsl.StreamOutlet(info, 1)
print("up", flush=True)
count, begun = 0, time.monotonic()
while True:
    outlet.push_sample([str(count) if markers else float(count)] * len(labels))
    count += 1
    time.sleep(max(0.0, begun + count / sfreq - time.monotonic()))
"""


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()


@dataclasses.dataclass
class Log:
    """All that a source has given out."""

    chunks: list[Any] = dataclasses.field(default_factory=list)
    markers: list[Any] = dataclasses.field(default_factory=list)
    events: list[Any] = dataclasses.field(default_factory=list)
    clocks: list[Any] = dataclasses.field(default_factory=list)
    reads_s: list[float] = dataclasses.field(default_factory=list)

    def read(self, source, timeout_s=0.05):
        begun_s = time.monotonic()
        reading = source.read(timeout_s)
        self.reads_s.append(time.monotonic() - begun_s)
        if len(reading.chunk):
            self.chunks.append(reading.chunk)
        self.markers += reading.markers
        self.events += reading.events
        self.clocks += reading.clocks

    def until(self, source, met: Callable[[], bool], feed: Callable[[], object] = int):
        deadline_s = time.monotonic() + DEADLINE_S
        while not met():
            assert time.monotonic() < deadline_s, (self.kinds(), self.n)
            feed()
            self.read(source)

    @property
    def n(self):
        return sum(map(len, self.chunks))

    def kinds(self):
        return [event.kind for event in self.events]

    def values(self):
        return np.concatenate([chunk.data[:, 0] for chunk in self.chunks])

    def flags(self):
        return np.concatenate([chunk.flags for chunk in self.chunks])


def send(
    name,
    *,
    n=2,
    sfreq=100.0,
    fmt="float32",
    labels=None,
    unit="uV",
    kind="EEG",
    source_id=None,
    maker="",
):
    """Open an outlet of this process."""
    info = pylsl.StreamInfo(
        name, kind, n, sfreq, fmt, f"id-{name}" if source_id is None else source_id
    )
    info.set_channel_labels(labels or [f"C{i + 1}" for i in range(n)])
    info.set_channel_units(unit)
    info.desc().append_child_value("maker", maker)
    return pylsl.StreamOutlet(info)


def send_markers(name, **about):
    return send(name, **({"n": 1, "sfreq": 0.0, "fmt": "string", "kind": "Markers"} | about))


class Feeder:
    """Sends one sample that counts at every call, as long as it has an outlet."""

    def __init__(self, outlet=None):
        self.outlet = outlet
        self.count = 0

    def __call__(self):
        if self.outlet is not None:
            self.outlet.push_sample([self.count] * self.outlet.channel_count)
            self.count += 1
