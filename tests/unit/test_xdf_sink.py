"""A recording has what the engine received and said; no disk, slow or full, holds decoding up."""

from __future__ import annotations

import dataclasses
import errno
import io
import itertools
import json
import logging
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import pyxdf

from saccade.realtime.errors import ConfigError, SaccadeError
from saccade.realtime.protocols import Sink
from saccade.realtime.quality import layout
from saccade.realtime.sinks import xdf as sink_module
from saccade.realtime.sinks.messages import (
    message,
    quality_content,
    rejected_message,
    to_json,
)
from saccade.realtime.sinks.scores import score_channels, score_values
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings
from saccade.realtime.types import (
    Candidate,
    Chunk,
    ClockMeasure,
    Epoch,
    Flag,
    Marker,
    Prediction,
    QualityReport,
    Ranking,
    Reading,
    StreamEvent,
    StreamSpec,
)
from saccade.realtime.xdf import background

SPEC = StreamSpec(
    "amp", 250.0, ("Fz", "Cz", "EOG"), ("eeg", "eeg", "eog"), ("µV",) * 3, "id-7", simulated=True
)
SCORES = np.float32([0.1, 0.9, -0.25, 0.5])


def reading(n, index=0, markers=(), raw=False, flags=(), clocks=()):
    rng = np.random.default_rng(index)
    stamps = 100.0 + np.arange(index, index + n) / 250 + 0.001 * rng.standard_normal(n)
    flag_array = np.zeros(n, np.uint16)
    for row, flag in flags:
        flag_array[row] = flag
    chunk = Chunk(
        rng.standard_normal((n, 3)).astype(np.float32) * 20,
        stamps,
        flag_array,
        index,
        raw_stamps=stamps / 3 if raw else None,
    )
    return Reading(chunk, tuple(markers), clocks=tuple(clocks))


def prediction():
    epoch = Epoch(7, np.zeros((2, 5), np.float32), 250.0, -0.2, 12.5, 3125, "1", "cat")
    ranking = Ranking((Candidate(1, "dog", float(SCORES[1]), 0.75),), SCORES, SCORES)
    return Prediction(epoch, ranking, 2, simulated=True)


def load(path, **options):
    """Return the streams by role and name, and check that pyxdf is content."""
    streams, _ = pyxdf.load_xdf(path, **options)
    return {
        (s["info"]["desc"][0]["saccade"][0]["role"][0], s["info"]["name"][0]): s for s in streams
    }


def messages(stream):
    return [json.loads(row[0]) for row in stream["time_series"]]


class Clock:
    """Goes on by itself, a millisecond a look."""

    def __init__(self):
        self._ticks = itertools.count()

    def __call__(self):
        return 500.0 + next(self._ticks) / 1000


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


def test_every_stream_says_what_it_is(record):
    streams = record()
    signal = streams["signal", "amp"]["info"]
    assert (signal["type"], signal["channel_format"]) == (["EEG"], ["float32"])
    assert (signal["nominal_srate"], signal["source_id"]) == (["250.0"], ["id-7"])
    channels = signal["desc"][0]["channels"][0]["channel"]
    assert [c["label"][0] for c in channels] == ["Fz", "Cz", "EOG"]
    assert [c["unit"][0] for c in channels] == ["µV"] * 3
    assert [c["type"][0] for c in channels] == ["EEG", "EEG", "EOG"]
    about = streams["predictions", "saccade-predictions"]["info"]["desc"][0]["saccade"][0]
    assert json.loads(about["session"][0]) == {"decoder": {"encoder": "ridge", "note": "<µ>"}}
    for stream in streams.values():
        own = stream["info"]["desc"][0]["saccade"][0]
        assert (own["simulated"], own["speed"]) == (["true"], ["1.0"])
        assert stream["footer"]["info"]["sample_count"] == [str(len(stream["time_stamps"]))]


def test_the_signal_is_recorded_bit_for_bit_with_the_stamps_used(record, caplog):
    readings = [reading(n, i) for n, i in ((30, 0), (0, 30), (1, 30), (400, 31))]
    with caplog.at_level(logging.WARNING):
        streams = record(*[lambda sink, r=r: sink.received(r) for r in readings])
    assert not caplog.records
    signal = streams["signal", "amp"]
    data = np.concatenate([r.chunk.data for r in readings])
    assert np.array_equal(signal["time_series"].view(np.uint32), data.view(np.uint32))
    assert np.array_equal(signal["time_stamps"], np.concatenate([r.chunk.stamps for r in readings]))


def test_it_opens_in_mne_as_the_page_says(record, path, monkeypatch):
    readings = [reading(100, 0), reading(100, 100)]
    record(*[lambda sink, r=r: sink.received(r) for r in readings])
    page = Path(__file__).parents[2] / "docs" / "recording.md"
    _, block = page.read_text(encoding="utf-8").split("```python\n")
    monkeypatch.chdir(path.parent)
    found = {}
    exec(block.split("```")[0], found)
    raw = found["raw"]
    assert raw.ch_names == list(SPEC.ch_names)
    assert raw.info["sfreq"] == SPEC.sfreq
    assert raw.get_channel_types() == list(SPEC.ch_types)
    data = np.concatenate([r.chunk.data for r in readings])
    np.testing.assert_allclose(raw.get_data().T, data * 1e-6, rtol=1e-6)


def test_raw_stamps_are_recorded_exactly_from_the_first_on(record):
    readings = [reading(10, 0), reading(20, 10, raw=True), reading(5, 30), reading(5, 35, raw=True)]
    streams = record(*[lambda sink, r=r: sink.received(r) for r in readings])
    raw = streams["raw-stamps", "saccade-raw-stamps"]
    assert raw["info"]["desc"][0]["saccade"][0]["first_sample"] == ["10"]
    expected = [
        r.chunk.stamps if r.chunk.raw_stamps is None else r.chunk.raw_stamps for r in readings[1:]
    ]
    assert np.array_equal(raw["time_series"][:, 0], np.concatenate(expected))
    assert np.array_equal(raw["time_stamps"], streams["signal", "amp"]["time_stamps"][10:])


def test_a_source_without_raw_stamps_costs_nothing(record):
    streams = record(lambda sink: sink.received(reading(10)))
    assert {role for role, _ in streams} == {"signal", "predictions", "status"}


def test_flags_of_the_source_are_recorded(record):
    torn = Flag.GAP | Flag.CLOCK
    streams = record(
        lambda sink: sink.received(reading(10)),
        lambda sink: sink.received(reading(10, 10, flags=[(0, torn), (7, Flag.CLIPPED)])),
    )
    flags = streams["flags", "saccade-flags"]
    assert flags["time_series"].tolist() == [[10, torn], [17, Flag.CLIPPED]]
    assert np.array_equal(flags["time_stamps"], streams["signal", "amp"]["time_stamps"][[10, 17]])


def test_markers_are_recorded_in_the_order_in_which_they_came(record):
    late, early = Marker("a", 90.5, "stim", 100.2), Marker("µ, b", 90.25, "keys", 100.3)
    alike, unnamed = Marker("c", 90.5, "stim"), Marker("", 90.5)
    streams = record(
        lambda sink: sink.received(reading(10)),
        lambda sink: sink.received(reading(5, 10, [late, early, alike])),
        lambda sink: sink.received(reading(0, 15, [unnamed])),
    )
    stim, keys = streams["markers", "stim"], streams["markers", "keys"]
    assert stim["info"]["type"] == ["Markers"]
    assert stim["time_series"] == [["a"], ["c"]]
    assert keys["time_series"] == [["µ, b"]]
    assert streams["markers", "markers"]["time_series"] == [[""]]
    assert stim["time_stamps"].tolist() == [90.5, 90.5]
    arrivals = streams["arrivals", "saccade-arrivals"]
    ids = {s["info"]["name"][0]: s["info"]["stream_id"] for s in streams.values()}
    assert arrivals["time_series"].dtype == np.int64
    assert arrivals["time_series"].tolist() == [
        [1, 10, 5, ids["stim"]],
        [1, 10, 5, ids["keys"]],
        [1, 10, 5, ids["stim"]],
        [2, 15, 0, ids["markers"]],
    ]
    assert arrivals["time_stamps"][:2].tolist() == [100.2, 100.3]
    assert 500 < arrivals["time_stamps"][2] < 501  # nobody looked: the recorder's own clock


def test_measurements_of_the_clocks_are_recorded(record):
    measures = [
        ClockMeasure("amp", 10.0, -3.25, 1e-4),
        ClockMeasure("stim", 11.0, 7.5),
        ClockMeasure("amp", 15.0, -3.5, 2e-4),
    ]
    streams = record(
        lambda sink: sink.received(reading(0, clocks=measures[:2])),
        lambda sink: sink.received(reading(0, clocks=measures[2:])),
    )
    amp, stim = streams["clock", "saccade-clock-amp"], streams["clock", "saccade-clock-stim"]
    assert amp["time_series"].tolist() == [[10.0, -3.25, 1e-4], [15.0, -3.5, 2e-4]]
    np.testing.assert_array_equal(stim["time_series"], [[11.0, 7.5, np.nan]])
    assert stim["info"]["desc"][0]["saccade"][0]["stream"] == ["stim"]
    assert amp["time_stamps"].tolist() == [10.0, 15.0]


def test_results_are_recorded_as_they_are_told_elsewhere(record):
    spoilt = dataclasses.replace(prediction().epoch, number=8, rejected=("gap",))
    event = StreamEvent("stalled", "amp", "nothing for 0.5 s", 12.5)
    streams = record(
        lambda sink: sink.prediction(prediction()),
        lambda sink: sink.rejected(spoilt),
        lambda sink: sink.event(event),
        lambda sink: sink.status({"samples": {"received": 250}}),
        lambda sink: sink.health({"rate_hz": 249.5}),
        settings=XDFSinkSettings(top_k=2, labels={"cat": 3}),
    )
    told = streams["predictions", "saccade-predictions"]
    assert [row[0] for row in told["time_series"]] == [
        to_json(message(prediction(), {"cat": 3})),
        to_json(rejected_message(spoilt, simulated=True)),
    ]
    scores = streams["scores", "saccade-scores"]
    np.testing.assert_array_equal(scores["time_series"], [score_values(prediction(), 2)])
    channels = scores["info"]["desc"][0]["channels"][0]["channel"]
    assert {c["label"][0]: c["unit"][0] for c in channels} == score_channels(2)
    assert messages(streams["status", "saccade-status"]) == [
        {
            "type": "event",
            "simulated": True,
            "event": "stalled",
            "stream": "amp",
            "text": "nothing for 0.5 s",
            "at_s": 12.5,
        },
        {"type": "status", "simulated": True, "samples": {"received": 250}},
        {"type": "summary", "simulated": True, "predictions": 1},
    ]
    assert messages(streams["health", "saccade-health"]) == [
        {"type": "health", "simulated": True, "rate_hz": 249.5}
    ]
    assert np.all(np.diff(told["time_stamps"]) > 0)


def test_quality_is_recorded_as_numbers(record):
    report = QualityReport(
        499,
        102.0,
        SPEC.ch_names,
        {"amplitude_uv": np.float32([10, 20, np.nan])},
        ("good", "doubtful", "bad"),
        ("", "loud", "dead"),
    )
    streams = record(
        lambda sink: sink.quality(report), lambda sink: sink.health({"rate_hz": 250.0})
    )
    (told,) = messages(streams["health", "saccade-health"])
    assert told["rate_hz"] == 250.0
    assert quality_content(report).items() <= told.items()
    stream = streams["quality", "saccade-quality"]
    np.testing.assert_array_equal(stream["time_series"], layout.row(report)[np.newaxis])
    channels = stream["info"]["desc"][0]["channels"][0]["channel"]
    assert [(c["label"][0], c["unit"][0] or "") for c in channels] == [
        (label, unit) for label, unit in layout.columns(SPEC.ch_names)
    ]


def test_the_prefix_is_part_of_the_names(record):
    streams = record(settings=XDFSinkSettings(prefix="lab"))
    assert {name for _, name in streams} == {"amp", "lab-predictions", "lab-status"}


def test_it_is_a_sink_and_can_be_closed_twice_or_unopened(path):
    sink = XDFSink(path)
    assert isinstance(sink, Sink)
    sink.close({})
    assert not path.exists()
    sink.open(SPEC, {})
    sink.close({})
    sink.close({})
    assert len(load(path)) == 3


def test_the_file_can_be_read_from_the_first_moment_on(path):
    sink = XDFSink(path)
    sink.open(SPEC, {})
    assert {role for role, _ in load(path)} == {"signal", "predictions", "status"}
    sink.close({})


def test_what_came_is_in_the_file_a_moment_later(path):
    sink = XDFSink(path)
    sink.open(SPEC, {})
    sent = 0
    deadline = time.monotonic() + 30
    while len(load(path)["signal", "amp"]["time_stamps"]) < 100:
        assert time.monotonic() < deadline
        sink.received(reading(10, sent))
        sent += 10
    sink.close({})
    report = sink.report()
    assert report == {
        "file": str(path),
        "bytes": path.stat().st_size,
        "samples": sent,
        "lost": {"samples": 0, "markers": 0, "results": 0},
        "stopped": None,
    }


# --- what can go wrong -----------------------------------------------------------------------


class Disk(io.FileIO):
    """A disk that takes nothing while it is held, and has so much room."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.free = threading.Event()
        self.free.set()
        self.room = 10**9

    def write(self, content):
        assert self.free.wait(60)
        if self.room < len(content):
            super().write(content[: self.room])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= len(content)
        return super().write(content)


@pytest.fixture
def disk(monkeypatch):
    """Return the disk that the next recording is written to, once it is open."""
    made = []

    def create(*arguments):
        made.append(Disk(*arguments))
        return made[0]

    monkeypatch.setattr(sink_module.io, "FileIO", create)
    return made


def test_a_slow_disk_loses_whole_readings_and_says_which(path, disk, caplog):
    sink = XDFSink(path, XDFSinkSettings(queue_mb=0.05), Clock())
    sink.open(SPEC, {})
    (slow,) = disk
    slow.free.clear()
    sink.received(reading(100))
    marker = Marker("a", 100.0, "stim")
    n = 100
    with caplog.at_level(logging.ERROR):
        while not sink.report()["lost"]["samples"]:
            begun_s = time.monotonic()
            sink.received(reading(100, n, [marker]))
            assert time.monotonic() - begun_s < 5  # it waits for nobody
            n += 100
            assert n < 10**5
        lost_from = n - 100
        sink.received(reading(100, n, [marker, marker]))
        sink.event(StreamEvent("stalled", "amp", "nothing", 1.0))
    assert caplog.messages == [
        f"the disk is too slow for the recording {path}: 0.05 MB wait, and what comes is lost "
        "until it has caught up"
    ]
    n += 100
    waiting = sink._recording.background
    assert 0 < waiting._waiting_bytes <= 50_000 + 2000  # and a header, which is never refused
    slow.free.set()
    deadline = time.monotonic() + 30
    while waiting._waiting_bytes:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with caplog.at_level(logging.WARNING):
        sink.received(reading(100, n, flags=[(3, Flag.GAP)]))
    assert caplog.messages[1:] == [f"the recording {path} goes on; 200 samples are missing in it"]
    sink.close({})
    streams = load(path)
    signal = streams["signal", "amp"]
    kept = [reading(100, i) for i in (*range(0, lost_from, 100), n)]
    assert np.array_equal(signal["time_series"], np.concatenate([r.chunk.data for r in kept]))
    assert np.array_equal(signal["time_stamps"], np.concatenate([r.chunk.stamps for r in kept]))
    first = messages(streams["status", "saccade-status"])[0]
    assert first == {
        "type": "missing",
        "simulated": True,
        "index": lost_from,
        "row": lost_from,
        "samples": 200,
        "markers": 3,
        "results": 1,
    }
    assert sink.report()["lost"] == {"samples": 200, "markers": 3, "results": 1}
    # Rows are those of the file, not numbers of the session.
    assert streams["flags", "saccade-flags"]["time_series"].tolist() == [[lost_from + 3, Flag.GAP]]
    assert streams["arrivals", "saccade-arrivals"]["time_series"][-1, 1] == lost_from - 100


def test_what_is_missing_at_the_end_is_noted_too(path, disk):
    sink = XDFSink(path, XDFSinkSettings(queue_mb=0.005), Clock())
    sink.open(SPEC, {})
    sink.received(reading(1000))  # larger than the queue
    sink.close({})
    missing, summary = messages(load(path)["status", "saccade-status"])
    assert (missing["type"], missing["index"], missing["samples"]) == ("missing", 0, 1000)
    assert summary["type"] == "summary"


def test_a_full_disk_stops_the_recording_and_keeps_what_is_whole(path, disk, caplog):
    sink = XDFSink(path)
    sink.open(SPEC, {})
    disk[0].room = 5000

    def go_on():
        deadline = time.monotonic() + 30
        for n in itertools.count(0, 20):
            sink.received(reading(20, n))
            assert time.monotonic() < deadline

    with caplog.at_level(logging.ERROR), pytest.raises(SaccadeError) as stopped:
        go_on()
    assert str(stopped.value) == (
        f"the recording {path} has stopped after 0.0 MB: No space left on device; "
        "it can be read so far, and decoding goes on"
    )
    assert "the recording has stopped" in caplog.text
    with pytest.raises(SaccadeError, match="has stopped"):
        sink.close({})
    signal = load(path)["signal", "amp"]
    report = sink.report()
    assert report["stopped"] == "No space left on device"
    assert report["samples"] == len(signal["time_stamps"])
    assert report["bytes"] == path.stat().st_size


def test_a_disk_that_never_answers_ends_with_a_sentence(path, disk, monkeypatch):
    monkeypatch.setattr(background, "CLOSE_WITHIN_S", 0.2)
    sink = XDFSink(path)
    sink.open(SPEC, {})
    disk[0].free.clear()
    sink.received(reading(100))
    with pytest.raises(SaccadeError, match=r"did not take the last 0.0 MB within 0.2 s"):
        sink.close({})
    disk[0].free.set()
    sink._recording.background._thread.join(30)
    assert len(load(path)["signal", "amp"]["time_stamps"]) == 100


def test_no_room_for_the_headers_is_said_at_once(path, monkeypatch):
    class Full(Disk):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.room = 100

    monkeypatch.setattr(sink_module.io, "FileIO", Full)
    with pytest.raises(ConfigError, match=r"session.xdf, but No space left on device; choose"):
        XDFSink(path).open(SPEC, {})


def test_an_existing_file_is_never_touched(path):
    early = XDFSink(path)
    path.write_text("precious\n")
    with pytest.raises(ConfigError, match=r"session.xdf, but it exists: choose another name"):
        XDFSink(path)
    with pytest.raises(ConfigError, match=r"session.xdf, but File exists; choose another name"):
        early.open(SPEC, {})
    assert path.read_text() == "precious\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (".", "it is a folder: name a file in it"),
        ("session.edf", "its name does not end in .xdf: call it session.xdf"),
        ("session.xdf.gz", "its name does not end in .xdf: call it session.xdf.xdf"),
        ("nowhere/session.xdf", "there is no folder .*nowhere: make it first"),
    ],
)
def test_a_place_that_won_t_do_is_refused(tmp_path, name, words):
    with pytest.raises(ConfigError, match=words):
        XDFSink(tmp_path / name)


def test_a_folder_that_may_not_be_written_in_is_refused(path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)  # as root everybody may
    with pytest.raises(ConfigError, match="may not be written in: choose another folder"):
        XDFSink(path)


def test_a_recording_that_is_not_open_says_so(path):
    for call in (lambda s: s.received(reading(1)), lambda s: s.status({}), lambda s: s.report()):
        with pytest.raises(ConfigError, match="must be open first"):
            call(XDFSink(path))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"prefix": ""}, "prefix of the recorded streams must not be empty"),
        ({"top_k": 0}, "top_k must be at least 1, not 0"),
        ({"queue_mb": 0.0}, "queue_mb must be above 0 MB, not 0.0"),
        ({"queue_mb": float("nan")}, "queue_mb must be above 0 MB, not nan"),
    ],
)
def test_settings_out_of_range_are_refused(setting, words):
    with pytest.raises(ConfigError, match=words):
        XDFSinkSettings(**setting)
