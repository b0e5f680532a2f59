"""A buffer with a header, and sources that read from it."""

from __future__ import annotations

import sys
from pathlib import Path

import pylsl
import pytest

from saccade.realtime.sources.fieldtrip.settings import FieldTripSourceSettings
from saccade.realtime.sources.fieldtrip.source import FieldTripSource

sys.path.insert(0, str(Path(__file__).parent))

from buffer_reading import NAMES, SFREQ


@pytest.fixture
def listen():
    """Return what makes a source that reads from a server; all are closed after the test."""
    made = []

    def make(server, clock=pylsl.local_clock, **settings):
        wanted = {"unit": "uV", "host": "127.0.0.1", "port": server.port} | settings
        made.append(FieldTripSource(FieldTripSourceSettings(**wanted), clock))
        return made[-1]

    yield make
    for source in made:
        source.close()


@pytest.fixture
def server(fieldtrip_buffer):
    made = fieldtrip_buffer()
    made.put_header(SFREQ, NAMES)
    return made
