"""Streams of XDF that are alike, senders started again, and clocks that nothing puts right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from saccade.cli.main import app
from saccade.realtime.errors import AmbiguousStream, StreamNotFound
from saccade.realtime.sources.recording import RecordingOptions, read_recording
from saccade.realtime.types import Flag

N, RATE = 4000, 100.0
STAMPS = 1000.0 + np.arange(N) / RATE
SIGNAL = np.random.default_rng(5).normal(0.0, 20.0, (N, 2)).astype(np.float32)
CHANNELS = (("Cz", "EEG", "uV"), ("Oz", "EEG", "uV"))
EVEN = ((1000.0, 0.0), (1039.0, 0.0))


@pytest.fixture
def part(xdf_stream: type) -> Callable[..., Any]:
    """Return what makes an EEG stream of some samples, later by some seconds."""

    def stream(first: int, stop: int, later_s: float = 0.0, **changed: Any) -> Any:
        usual: dict[str, Any] = {"source_id": "cap1", "channels": CHANNELS, "offsets": EVEN}
        values, stamps = SIGNAL[first:stop], STAMPS[first:stop] + later_s
        return xdf_stream("Cap", "EEG", values, stamps, RATE, **usual | changed)

    return stream


def test_a_sender_that_was_started_again_is_one_stream(write_xdf, part, xdf_stream) -> None:
    """As a live session has it: a gap, and a clock that may be another."""
    marks = xdf_stream("Stimuli", "Markers", [["a"], ["b"]], [1010.0, 1035.0], offsets=EVEN)
    rebooted = [(at - 900.0, 900.0) for at, _ in EVEN]  # its computer too
    path = write_xdf(part(0, 1500), part(1500, N, 5.0 - 900.0, offsets=rebooted), marks)
    recording = read_recording(path)
    assert np.array_equal(recording.data, SIGNAL)
    assert np.allclose(recording.stamps, STAMPS + 5.0 * (np.arange(N) >= 1500), atol=1e-9)
    assert np.allclose(recording.raw_stamps[1500:], STAMPS[1500:] - 895.0, atol=1e-9)
    assert np.flatnonzero(recording.flags).tolist() == [1500]
    assert recording.flags[1500] == Flag.GAP | Flag.CLOCK
    assert recording.marker_rows == (1000, 3000)
    assert recording.notes == (
        "'Cap' was started again before sample 1500: 2 streams of the file are joined",
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"later_s": -5.0},  # both at once: two amplifiers
        {"later_s": 5.0, "offsets": ()},  # nobody knows when
        {"later_s": 5.0, "source_id": ""},  # nobody knows whose
        {"later_s": 5.0, "channels": CHANNELS[::-1]},
    ],
)
def test_what_may_be_another_sender_is_asked_for_by_its_number(write_xdf, part, changed) -> None:
    parts = part(0, 1500, **{k: v for k, v in changed.items() if k == "source_id"})
    path = write_xdf(parts, part(1500, N, **changed))
    with pytest.raises(AmbiguousStream, match=r"stream 1\).*stream 2\).*which with --stream-id"):
        read_recording(path, RecordingOptions(stream="Cap", stream_type="EEG"))
    for number, expected in ((1, SIGNAL[:1500]), (2, SIGNAL[1500:])):
        recording = read_recording(path, RecordingOptions(stream_id=number))
        assert np.array_equal(recording.data, expected)
    with pytest.raises(StreamNotFound, match="has id '3'; there is"):
        read_recording(path, RecordingOptions(stream_id=3))


def test_the_number_is_told_and_taken_by_the_command_line(write_xdf, part) -> None:
    path = write_xdf(part(0, 1500), part(1500, N, -5.0))

    def info(*flags: str) -> str:
        return CliRunner().invoke(app, ["replay", str(path), "--info", *flags]).output

    assert "    stream 2 of the file\n" in info()
    assert "can't be replayed as it is" in info("--source-id", "cap1")
    assert "* Cap, EEG, 2 channels\n    100 Hz, delivered 100 Hz; 2500" in info("--stream-id", "2")


def test_a_refusal_names_what_tells_the_streams_apart(write_xdf, part) -> None:
    path = write_xdf(part(0, 1500), part(1500, N, source_id="cap2"))
    for options in (RecordingOptions(), RecordingOptions(stream="Cap")):
        with pytest.raises(AmbiguousStream, match=r"which with --source-id$"):
            read_recording(path, options)


def test_of_two_markers_at_one_sample_the_earlier_is_first(write_xdf, part, xdf_stream) -> None:
    def marks(name: str, *stamps: float) -> Any:
        return xdf_stream(name, "Markers", [[name]] * len(stamps), stamps, offsets=EVEN)

    path = write_xdf(part(0, N), marks("B", 1010.0031, 1020.0), marks("C", 1010.0011, 1020.0))
    recording = read_recording(path)
    assert [marker.value for marker in recording.markers] == ["C", "B", "B", "C"]
    assert recording.marker_rows == (1001, 1001, 2000, 2000)


@pytest.mark.parametrize("back_s", [0.5, 20.0])
def test_a_step_back_that_no_offset_explains_is_told(write_xdf, part, xdf_stream, back_s) -> None:
    """Markers are on the right side unless they are so close to it that nobody can tell."""
    stamps = STAMPS - back_s * (np.arange(N) >= 2500)
    marks = xdf_stream("Stimuli", "Markers", [["a"], ["b"]], [1024.0, 1026.0 - back_s])
    path = write_xdf(part(0, N, offsets=(), later_s=stamps - STAMPS), marks)
    recording = read_recording(path)
    assert np.array_equal(recording.stamps, stamps)
    assert recording.marker_rows == (2400, 2600)
    told = f"step back by up to {back_s - 0.01:.3g} s before sample 2500, and no clock offset"
    assert any(told in note for note in recording.notes)


def test_a_clock_set_by_half_a_second_leaves_stamps_and_markers_in_place(
    write_xdf: Callable[..., Path], part, xdf_stream
) -> None:
    at = np.arange(1000.0, 1040.0, 5.0)
    offsets = list(zip(at - 0.5 * (at > 1020), 0.5 * (at > 1020), strict=True))
    later_s = -0.5 * (np.arange(N) >= 2000)
    times = np.arange(1001.5, 1039.0, 3.0)
    marks = xdf_stream("Stimuli", "Markers", [["x"]] * len(times), times, offsets=EVEN)
    recording = read_recording(write_xdf(part(0, N, later_s, offsets=offsets), marks))
    assert np.abs(recording.stamps - STAMPS).max() < 1e-6
    assert np.flatnonzero(recording.flags).tolist() == [2000]
    assert recording.marker_rows == tuple(np.searchsorted(STAMPS, times).tolist())
    assert recording.notes == ("'Cap' the sender's clock was set before sample 2000",)
