"""Lets the tests of this folder import their senders, start them, and listen."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from saccade.realtime.sources.lsl import resolve as lsl_resolve
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings

sys.path.insert(0, str(Path(__file__).parent))

from senders import SENDER, kill


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Do without the search for a second stream at the start."""
    monkeypatch.setattr(lsl_resolve, "GRACE_S", 0.0)


@pytest.fixture
def program():
    """Return what starts a sender as a program of its own; all are gone at the end."""
    started = []

    def start(name, sfreq=250.0, labels="C3,C4,O1,O2", kind="EEG"):
        process = subprocess.Popen(
            [sys.executable, "-c", SENDER, name, kind, str(sfreq), labels],
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    yield start
    for process in started:
        kill(process)


@pytest.fixture
def listen():
    """Return what opens a source; all are closed at the end."""
    opened = []

    def start(name, *markers, predicate=None, **settings):
        queries = tuple(StreamQuery(name=marker) for marker in markers)
        settings = {"resolve_timeout_s": 30.0, "unit": "uV"} | settings
        query = StreamQuery(name=name, predicate=predicate)
        source = LSLSource(LSLSourceSettings(query, queries, **settings))
        opened.append(source)
        source.open()
        return source

    yield start
    for source in opened:
        source.close()
