"""No disk, slow or full, holds decoding up; nothing is lost in silence or written over."""

from __future__ import annotations

import errno
import io
import logging
import os
import threading
import time

import numpy as np
import pytest
from xdf_sessions import AMP, SPEC, STIM, Clock, load, messages, reading

from saccade.realtime.errors import ConfigError
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings
from saccade.realtime.types import (
    Flag,
    Marker,
    StreamEvent,
)
from saccade.realtime.xdf import background


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

    monkeypatch.setattr(io, "FileIO", create)
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
        while not sink._missing:
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

    deadline = time.monotonic() + 30
    sent = 0
    with caplog.at_level(logging.INFO):
        while not caplog.messages:
            sink.received(reading(20, sent, [Marker("a", 100.0, "stim")]))
            sent += 20
            assert time.monotonic() < deadline
        sink.received(reading(20, sent))  # afterwards nothing is recorded, but all is counted
        sink.status({})
        sink.close({})
    # One line, said once, without a traceback.
    assert caplog.messages == [
        f"the recording {path} has stopped after 0.0 MB: No space left on device; "
        "it can be read so far, and decoding goes on"
    ]
    assert not caplog.records[0].exc_info
    streams = load(path)
    report = sink.report()
    none = {"time_stamps": ()}  # a stream whose header did not fit
    n, n_markers = (len(streams.get(key, none)["time_stamps"]) for key in (AMP, STIM))
    assert report["stopped"] == "No space left on device"
    assert report["samples"] == n
    assert report["lost"] == {
        "samples": sent + 20 - n,
        "markers": sent // 20 - n_markers,
        "results": 2,  # status and summary
    }
    assert report["bytes"] == path.stat().st_size


def test_a_result_that_can_t_be_recorded_costs_nothing_else(path, caplog):
    sink = XDFSink(path)
    sink.open(SPEC, {})
    with caplog.at_level(logging.INFO):
        for n in range(0, 300, 100):
            sink.received(reading(100, n))
            sink.health({"rate_hz": object() if n == 100 else 250.0})
        sink.close({})
    assert caplog.messages == [f"the recording {path} lacks what can't be put in it"]
    streams = load(path)
    assert len(streams["signal", "amp"]["time_stamps"]) == 300
    assert len(messages(streams["health", "saccade-health"])) == 2
    report = sink.report()
    assert report["lost"] == {"samples": 0, "markers": 0, "results": 1}
    assert report["stopped"] is None


def test_a_disk_that_never_answers_ends_with_a_sentence(path, disk, monkeypatch, caplog):
    monkeypatch.setattr(background, "CLOSE_WITHIN_S", 0.2)
    sink = XDFSink(path)
    sink.open(SPEC, {})
    disk[0].free.clear()
    sink.received(reading(100))
    sink.close({})
    (said,) = caplog.messages
    assert "did not take the last 0.0 MB within 0.2 s" in said
    assert sink.report()["lost"]["samples"] == 100
    disk[0].free.set()
    sink._recording.background._thread.join(30)
    assert len(load(path)["signal", "amp"]["time_stamps"]) == 100


def test_no_room_for_the_headers_is_said_at_once(path, monkeypatch):
    class Full(Disk):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.room = 100

    monkeypatch.setattr(io, "FileIO", Full)
    with pytest.raises(ConfigError, match=r"session.xdf, but No space left on device; choose"):
        XDFSink(path).open(SPEC, {})
    assert not path.exists()  # or the next try would be refused for it


def test_of_a_session_that_did_not_begin_no_recording_is_left(path):
    sink = XDFSink(path)
    sink.abandon()
    sink.open(SPEC, {})
    sink.abandon()
    assert not path.exists()
    XDFSink(path)  # so it can be tried again


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
