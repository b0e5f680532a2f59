"""Sessions of saccade that are damaged, of someone else's making, or no EEG at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.recording import read_recording
from saccade.realtime.types import Chunk, Flag, Marker, Reading, StreamSpec

N, RATE = 500, 250.0
STAMPS = 1000.0 + np.arange(N) / RATE
SIGNAL = np.random.default_rng(5).normal(0.0, 20.0, (N, 2)).astype(np.float32)
CHANNELS = (("Cz", "EEG", "uV"), ("Oz", "EEG", "uV"))


@pytest.fixture
def session(write_xdf: Callable[..., Path], xdf_stream: type) -> Callable[..., Path]:
    """Return what writes a session: a signal, a marker, and one stream of any role and content."""

    def write(role: str, values: Any, *own: tuple[str, str]) -> Path:
        streams = [
            xdf_stream("Cap", "EEG", SIGNAL, STAMPS, RATE, "", CHANNELS, own=[("role", "signal")]),
            xdf_stream("Keys", "Markers", [["a"]], [1001.0], own=[("role", "markers")]),
            xdf_stream("x", "X", values, [1000.0] * len(values), own=[("role", role), *own]),
        ]
        return write_xdf(*streams)

    return write


def whole(*rows: tuple[int, ...]) -> Any:
    return np.array(rows, np.int64)


@pytest.mark.parametrize(
    ("role", "values", "what"),
    [
        ("status", [["{bad"]], "an entry"),
        ("status", [["[1]"]], "an entry"),
        ("status", [['{"type": "missing", "row": "?"}']], "an entry"),
        ("status", [['{"type": "missing", "row": -3, "samples": 2}']], "an entry"),
        ("status", whole((1,)), "an entry"),
        ("arrivals", whole((1, 2)), "what it says"),
        ("arrivals", whole((1, -2, 3, 2)), "what it says"),
        ("arrivals", [["a", "b", "c", "d"]], "what it says"),
        ("arrivals", np.full((1, 4), np.nan, np.float32), "what it says"),
        ("flags", whole((5, 2**20), (-5, 1)), "2 of its flags"),
        ("flags", whole((5,)), "what it says"),
        ("raw-stamps", [["a"]], "what it says"),
    ],
)
def test_what_makes_no_sense_is_left_out_and_told(session, role, values, what) -> None:
    recording = read_recording(session(role, values))
    assert np.array_equal(recording.data, SIGNAL)
    assert np.array_equal(recording.raw_stamps, STAMPS)
    assert not recording.flags.any()
    assert f"'x' is damaged: {what} can't be understood, and is left out" in recording.notes


@pytest.mark.parametrize("first", ["nonsense", "-3", "501"])
def test_raw_stamps_that_begin_nowhere_are_left_out(session, first) -> None:
    path = session("raw-stamps", np.array([[1.0], [2.0]]), ("first_sample", first))
    recording = read_recording(path)
    assert np.array_equal(recording.raw_stamps, STAMPS)
    assert any("'x' is damaged" in note for note in recording.notes)


def test_what_is_about_a_lost_end_is_no_damage(session) -> None:
    """A killed recorder may have written flags of samples that it had not written yet."""
    recording = read_recording(session("flags", whole((7, 1), (N + 20, 1))))
    assert np.flatnonzero(recording.flags).tolist() == [7]
    assert recording.flags[7] == Flag.GAP
    assert not any("damaged" in note for note in recording.notes)


@pytest.mark.parametrize("kinds", [("emg", "emg"), ("ecg", "ecg"), ("misc", "misc"), ("", "")])
def test_whatever_a_session_decoded_is_its_signal(tmp_path: Path, kinds: tuple[str, str]) -> None:
    spec = StreamSpec("Cap", RATE, ("a", "b"), kinds, ("µV", "µV"))
    path = recorded(spec, tmp_path)
    source = FileSource(FileSourceSettings(path))
    assert source.open() == spec
    reading = source.read(0.0)
    assert reading is not None
    assert np.array_equal(reading.chunk.data, SIGNAL[:256])


def test_names_of_a_session_are_kept_to_the_last_blank(tmp_path: Path) -> None:
    spec = StreamSpec(" Cap ", RATE, ("", "Pz "), ("eeg", "eeg"), ("µV", "µV"), " id")
    path = recorded(spec, tmp_path, Marker("a", 1001.0, " Keys"))
    source = FileSource(FileSourceSettings(path))
    assert source.open() == spec
    assert [marker.stream for marker in source.recording.markers] == [" Keys"]


def recorded(spec: StreamSpec, folder: Path, *markers: Marker) -> Path:
    path = folder / "session.xdf"
    sink = XDFSink(path, clock=lambda: 500.0)
    sink.open(spec, {})
    sink.received(Reading(Chunk(SIGNAL, STAMPS, np.zeros(N, np.uint16), 0), markers))
    sink.close({})
    return path
