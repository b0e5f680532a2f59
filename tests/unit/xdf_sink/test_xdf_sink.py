"""A recording has what the engine received and said."""

from __future__ import annotations

import dataclasses
import json
import logging
import time
from pathlib import Path

import numpy as np
from xdf_sessions import SPEC, load, messages, prediction, reading

from saccade.realtime.protocols import Sink
from saccade.realtime.quality import layout
from saccade.realtime.sinks.messages import (
    message,
    quality_content,
    rejected_message,
    to_json,
)
from saccade.realtime.sinks.scores import score_channels, score_values
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings
from saccade.realtime.types import (
    ClockMeasure,
    Flag,
    Marker,
    QualityReport,
    StreamEvent,
)


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
    page = Path(__file__).parents[3] / "docs" / "recording.md"
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
