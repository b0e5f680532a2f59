"""Whatever came in, in whatever pieces, can be had again from the recording, to the last bit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyxdf
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.types import Chunk, Flag, Marker, Reading, StreamSpec

SPEC = StreamSpec("amp", 250.0, ("Fz", "Cz"), ("eeg", "eeg"), ("µV", "µV"))
FLAGS = [0, 0, 0, 0, Flag.GAP, Flag.GAP | Flag.CLOCK, Flag.NONFINITE]
STREAMS = ("stim", "keys", "saccade-status")  # a name may be anybody's


@st.composite
def sessions(draw):
    """Draw readings as a source might give them: some empty, markers in any order, stamps wild."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    raw = draw(st.booleans())
    readings, index = [], 0
    for _ in range(draw(st.integers(1, 8))):
        n = draw(st.integers(0, 20))
        bits = rng.integers(0, 2**32, (n, 2), np.uint32)  # any float there is, NaN and all
        stamps = rng.standard_normal(n) * 10.0 ** rng.integers(-3, 7)
        flags = rng.choice(np.array(FLAGS, np.uint16), n)
        raw_stamps = rng.standard_normal(n) if raw else None
        markers = tuple(
            Marker(draw(st.text(max_size=5)), float(rng.standard_normal()), rng.choice(STREAMS))
            for _ in range(draw(st.integers(0, 3)))
        )
        chunk = Chunk(bits.view(np.float32), stamps, flags, index, raw_stamps=raw_stamps)
        readings.append(Reading(chunk, markers))
        index += n
    return readings


def recorded(path):
    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    return [(s["info"]["desc"][0]["saccade"][0]["role"][0], s) for s in streams]


@settings(max_examples=30)
@given(sessions())
def test_every_reading_can_be_had_again(readings):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "session.xdf"
        sink = XDFSink(path)
        sink.open(SPEC, {})
        for reading in readings:
            sink.received(reading)
        sink.close({})
        streams = recorded(path)
    roles = {role: stream for role, stream in streams if role != "markers"}
    data = np.asarray(roles["signal"]["time_series"], np.float32)  # float64 where there is none
    stamps = roles["signal"]["time_stamps"]
    n = sum(len(r.chunk) for r in readings)
    assert len(data) == n
    flags = np.zeros(n, np.uint16)
    raw = stamps
    if "flags" in roles:
        rows = roles["flags"]["time_series"]
        flags[rows[:, 0]] = rows[:, 1]
    if "raw-stamps" in roles:
        raw = roles["raw-stamps"]["time_series"][:, 0]
    waiting = {
        stream["info"]["stream_id"]: [
            Marker(row[0], float(at_s), stream["info"]["name"][0])
            for row, at_s in zip(stream["time_series"], stream["time_stamps"], strict=True)
        ]
        for role, stream in streams
        if role == "markers"
    }
    came = {number: [] for number in range(len(readings))}
    bounds = {}
    if "arrivals" in roles:
        for number, row, size, stream in roles["arrivals"]["time_series"].tolist():
            came[number].append(waiting[stream].pop(0))
            bounds[number] = (row, size)
    assert not any(waiting.values())
    start = 0
    for number, reading in enumerate(readings):
        chunk, part = reading.chunk, slice(start, start + len(reading.chunk))
        assert np.array_equal(data[part].view(np.uint32), chunk.data.view(np.uint32))
        assert np.array_equal(stamps[part], chunk.stamps)
        assert np.array_equal(flags[part], chunk.flags)
        assert np.array_equal(
            raw[part], chunk.stamps if chunk.raw_stamps is None else chunk.raw_stamps
        )
        assert tuple(came[number]) == reading.markers
        if reading.markers:
            assert bounds[number] == (start, len(chunk))
        start += len(chunk)
