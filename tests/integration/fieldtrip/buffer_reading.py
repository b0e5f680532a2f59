"""What the tests of this folder write into a buffer, and how they read until it has come."""

from __future__ import annotations

import time
from types import SimpleNamespace

import numpy as np

from saccade.realtime.types import Flag

SFREQ = 1000.0
NAMES = ("Cz", "Pz")
TORN = Flag.GAP | Flag.CLOCK


def numbered(start, stop, n_channels=2):
    """Return samples that hold their own number, the channels of either sign."""
    return np.arange(start, stop)[:, None] * np.resize([1.0, -1.0], n_channels)


def take(source, n_samples=0, n_markers=0, events=(), limit_s=20.0):
    """Read until so much is there; return all chunks, markers and events together."""
    chunks, markers, told = [], [], []
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        reading = source.read(0.05)
        chunks.append(reading.chunk)
        markers += reading.markers
        told += reading.events
        if (
            sum(map(len, chunks)) >= n_samples
            and len(markers) >= n_markers
            and {event.kind for event in told} >= set(events)
        ):
            return SimpleNamespace(
                data=np.concatenate([chunk.data for chunk in chunks]),
                stamps=np.concatenate([chunk.stamps for chunk in chunks]),
                flags=np.concatenate([chunk.flags for chunk in chunks]),
                indices=[chunk.index for chunk in chunks if len(chunk)],
                markers=markers,
                events=told,
            )
    raise AssertionError(f"{sum(map(len, chunks))} samples, {len(markers)} markers, {told}")
