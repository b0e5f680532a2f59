"""``saccade calibrate --timing-test`` over LSL: a simulated photodiode's delay is found again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from saccade.cli import timing_test

pytestmark = pytest.mark.lsl

TEST = ("calibrate", "--timing-test", "--simulated", "--windowed", "--speed", "8")


def test_a_delay_is_found_again_and_its_figures_are_for_machines_too(saccade: Any) -> None:
    outcome = saccade(*TEST, "--flashes", "40", "--json")
    assert outcome.code == 0, outcome.err
    result = json.loads(outcome.out.splitlines()[-1])
    timing = result["timing"]
    assert (timing["flashes"], timing["missed"], timing["extra"]) == (40, 0, 0)
    assert timing["offset_ms"] == pytest.approx(18.0, abs=1.0)
    assert 0.5 < timing["sd_ms"] < 3.0
    assert timing["on_ms"] == pytest.approx(100.0, abs=1.0)
    assert result["simulated"] is result["ok"] is True
    assert result["screen"]["refresh_hz"] == 60.0


def test_light_that_jitters_is_refused_and_its_figures_are_told_all_the_same(
    saccade: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timing_test, "SIMULATED_DIODE", "25:8")
    outcome = saccade(*TEST, "--flashes", "30")
    assert outcome.code == 1
    assert "a spread of" in outcome.err
    assert "where 10 are allowed" in outcome.err
    lines = outcome.out.splitlines()
    assert lines[0] == "simulated: these figures are of no screen"
    assert lines[2] == "flashes   30, seen 30, missed 0, others 0"
    assert lines[4].startswith("light     2")


def test_a_person_does_not_run_faster_than_life(saccade: Any) -> None:
    outcome = saccade("calibrate", "--timing-test", "--speed", "4")
    assert outcome.code == 1
    assert "only a simulated amplifier runs 4 times as fast as life" in outcome.err
