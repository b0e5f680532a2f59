"""The watch tells how old, how steady and how far off a stream is."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.quality.watch import StreamWatch, WatchSettings
from saccade.realtime.types import Chunk, ClockMeasure, Reading, StreamSpec

SFREQ = 100.0


def spec(speed=1.0):
    return StreamSpec("amp", SFREQ, ("Cz",), ("eeg",), ("µV",), speed=speed)


def reading(start, stop, clocks=(), late_s=0.0):
    n = stop - start
    stamps = np.arange(start, stop) / SFREQ + late_s
    data = np.random.default_rng(start).normal(size=(n, 1)).astype(np.float32)
    return Reading(Chunk(data, stamps, np.zeros(n, np.uint16), start), clocks=tuple(clocks))


SILENCE = Reading(Chunk.empty(1, 0))


def watch(settings=None, speed=1.0, timing=dict):
    made = StreamWatch(settings or WatchSettings(), timing)
    made.reset(spec(speed))
    return made


def test_it_tells_four_times_a_second_of_the_clock():
    w = watch()
    told = [w.step(reading(i, i + 1), 50 + 0.01 * i) for i in range(100)]
    assert [i for i, health in enumerate(told) if health] == [0, 25, 50, 75]
    json.dumps(told[75], allow_nan=False)


def test_age_and_what_the_pipeline_says_of_rate_and_losses():
    pipeline = Pipeline(PipelineSettings())
    pipeline.reset(spec())
    w, health = watch(timing=pipeline.timing_report), {}
    for i in range(0, 2000, 10):
        one = reading(i, i + 10, late_s=0.5 if i >= 1500 else 0.0)
        pipeline.step(one.chunk)
        health = w.step(one, i / SFREQ + 0.6) or health
    assert pipeline.lost == health["lost"]
    assert (health["stream"], health["nominal_sfreq"]) == ("amp", SFREQ)
    assert health["effective_sfreq"] == pytest.approx(SFREQ, rel=1e-3)
    assert health["jitter_ms"] == pytest.approx(0, abs=0.01)
    assert (health["gaps"], health["lost"]) == (1, 50)
    assert health["wrong_rate"] is False
    assert health["age_ms"] == pytest.approx(10, abs=1)
    assert (health["stalled"], health["silent_s"]) == (False, 0)


@pytest.mark.parametrize("speed", [10.0, math.nan])
def test_no_age_where_stamps_do_not_keep_step_with_the_clock(speed):
    assert watch(speed=speed).step(reading(0, 10), 0.5)["age_ms"] is None
    assert watch().step(SILENCE, 0.5)["age_ms"] is None
    assert watch().step(reading(0, 10), 0.5)["age_ms"] == pytest.approx(410)


@pytest.mark.parametrize(("stalled_s", "stalled"), [(0.5, True), (2.0, False)])
def test_a_stream_that_says_nothing_has_stalled(stalled_s, stalled):
    w = watch(WatchSettings(stalled_s=stalled_s))
    assert w.step(SILENCE, 100.0)["stalled"] is False
    assert w.step(SILENCE, 100.4)["stalled"] is False
    for i in range(50):
        w.step(reading(i, i + 1), 101.0 + i / SFREQ)
    health = w.step(SILENCE, 102.5)
    assert (health["stalled"], health["silent_s"]) == (stalled, 1.01)
    assert w.step(reading(50, 60), 103.0)["stalled"] is False


@pytest.mark.parametrize("piece_s", [0.25, 0.5, 0.9])
def test_a_stream_that_comes_in_pieces_has_not(piece_s):
    w, told = watch(), []
    n = int(piece_s * SFREQ)
    for i in range(int(30 * SFREQ)):
        came = reading(i - n, i) if i and i % n == 0 else SILENCE
        told.append(w.step(came, 100 + i / SFREQ))
    health = [h for h in told if h]
    assert len(health) > 100
    assert not any(h["stalled"] for h in health)


def test_nor_has_a_slow_one_between_two_samples():
    slow = StreamWatch(WatchSettings(), dict)
    slow.reset(dataclasses.replace(spec(), sfreq=1.0))
    told = [slow.step(reading(i, i + 1) if i % 4 == 0 else SILENCE, i / 4) for i in range(80)]
    assert not any(health["stalled"] for health in told if health)


def measures(n, ppm=0.0, every_s=5.0, stream="amp", at_s=0.0, offset_s=0.25):
    return [
        ClockMeasure(stream, at_s + i * every_s, offset_s + 1e-6 * ppm * i * every_s, 2e-4)
        for i in range(n)
    ]


def test_the_clocks_offset_uncertainty_and_drift():
    w = watch()
    clocks = [*measures(61, ppm=40.0), *measures(2, stream="markers")]
    health = w.step(reading(0, 10, clocks), 0.0)
    assert health["clocks"] == {
        "amp": {
            "offset_ms": pytest.approx(250 + 0.04 * 300),
            "uncertainty_ms": pytest.approx(0.2),
            "drift_ppm": pytest.approx(40, abs=0.1),
        },
        "markers": {"offset_ms": 250, "uncertainty_ms": 0.2, "drift_ppm": None},
    }
    unsure = ClockMeasure("amp", 1.0, 0.1)
    assert watch().step(reading(0, 1, [unsure]), 0.0)["clocks"]["amp"]["uncertainty_ms"] is None


@pytest.mark.parametrize(("by_s", "known"), [(0.08, True), (0.12, False)])
def test_a_clock_is_set_where_the_source_says_so(by_s, known):
    """A tenth of a second, and what the round trips explain."""
    more = measures(2, at_s=55.0, offset_s=0.25 + by_s)
    health = watch().step(reading(0, 1, [*measures(11), *more]), 0.0)
    assert (health["clocks"]["amp"]["drift_ppm"] is not None) == known


def test_drift_forgets_and_a_clock_that_was_set_begins_anew():
    w = watch()
    old = measures(61, ppm=100.0)
    new = measures(61, ppm=10.0, at_s=305.0, offset_s=old[-1].offset_s)
    assert w.step(reading(0, 1, old + new), 0.0)["clocks"]["amp"]["drift_ppm"] == pytest.approx(10)
    w = watch()
    jumped = measures(10, ppm=20.0, at_s=55.0, offset_s=9.0)
    health = w.step(reading(0, 1, [*measures(11), *jumped]), 0.0)
    assert health["clocks"]["amp"]["drift_ppm"] == pytest.approx(20)


@pytest.mark.parametrize("stalled_s", [0.0, -1.0, math.nan, math.inf])
def test_a_stall_of_no_time_is_refused(stalled_s):
    with pytest.raises(ConfigError, match="stalled_s must be above 0 s"):
        WatchSettings(stalled_s=stalled_s)
