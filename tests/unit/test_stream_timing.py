"""What is reported of a stream's rate, jitter and faults."""

from __future__ import annotations

import json

import numpy as np
import pytest

from saccade.realtime.timing.continuity import Continuity, ContinuitySettings
from saccade.realtime.timing.stream_timing import timing_report
from saccade.realtime.types import Chunk, StreamSpec

SPEC = StreamSpec("amp", 250.0, ("Fz",), ("eeg",), ("µV",))


def report(stamps: np.ndarray, gap_s: float | None = None, size: int = 25) -> dict[str, object]:
    continuity = Continuity(ContinuitySettings(gap_s))
    continuity.reset(SPEC)
    data = np.random.default_rng(0).normal(size=(len(stamps), 1)).astype(np.float32)
    for start in range(0, len(stamps), size):
        part = slice(start, start + size)
        flags = np.zeros(len(stamps[part]), np.uint16)
        continuity.step(Chunk(data[part], stamps[part], flags, start))
    found = timing_report(continuity)
    assert json.loads(json.dumps(found)) == found
    return found


@pytest.mark.parametrize(
    ("sfreq", "wrong"),
    [(250.0, False), (250.02, False), (248.9, False), (248.7, True), (256, True)],
)
def test_the_true_rate_is_found_and_judged(sfreq: float, wrong: bool) -> None:
    found = report(7e5 + np.arange(10_000) / sfreq)
    assert found["effective_sfreq"] == pytest.approx(sfreq, abs=1e-4)
    assert found["drift_ppm"] == pytest.approx(1e6 * (250 / sfreq - 1), abs=0.1)
    assert found["wrong_rate"] is wrong
    assert found["jitter_ms"] == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("sfreq", [100.0, 125.0, 160.0, 166.0, 230.0, 270.0, 600.0, 1000.0])
def test_a_rate_far_from_the_nominal_one_is_counted(sfreq: float) -> None:
    found = report(7e5 + np.arange(30 * sfreq) / sfreq)
    assert found["effective_sfreq"] == pytest.approx(sfreq, rel=1e-3)
    assert found["wrong_rate"] is True


def test_gaps_have_no_part_in_the_rate() -> None:
    stamps = np.arange(12_000) / 250 * (1 + 40e-6)
    kept = np.random.default_rng(1).random(12_000) > 0.01
    kept[5000:5700] = False
    kept[0] = kept[-1] = True
    found = report(stamps[kept])
    assert found["lost"] == np.count_nonzero(~kept)
    assert found["drift_ppm"] == pytest.approx(40, abs=1)


def test_jitter_is_measured_about_the_line() -> None:
    rng = np.random.default_rng(2)
    found = report(np.arange(15_000) / 250 * (1 - 80e-6) + rng.normal(0, 0.002, 15_000), 0.03)
    assert found["jitter_ms"] == pytest.approx(2, rel=0.05)
    assert found["drift_ppm"] == pytest.approx(-80, abs=20)
    assert found["steps_back"] > 100
    assert found["gaps"] == 0


def test_before_ten_seconds_nothing_is_said_of_the_rate() -> None:
    found = report(np.arange(2499) / 230)
    assert [found[key] for key in ("effective_sfreq", "drift_ppm", "jitter_ms")] == [None] * 3
    assert found["wrong_rate"] is False
    assert report(np.arange(2500) / 230)["wrong_rate"] is True
