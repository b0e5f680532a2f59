"""Lets the tests of this folder import what they record, and record it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from saccade.realtime.sinks.xdf import XDFSink

sys.path.insert(0, str(Path(__file__).parent))

from xdf_sessions import SPEC, Clock, load


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.xdf"


@pytest.fixture
def record(path):
    """Return what records a session of some calls and gives back its streams."""

    def run(*calls, settings=None):
        sink = XDFSink(path, settings, Clock())
        sink.open(SPEC, {"decoder": {"encoder": "ridge", "note": "<µ>"}})
        for call in calls:
            call(sink)
        sink.close({"predictions": 1})
        return load(path)

    return run
