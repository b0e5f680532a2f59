"""The main job: a real recording, streamed over LSL, decoded live into a real CLIP gallery."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "n170_live.py"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("n170_live", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.lsl
@pytest.mark.real_data
@pytest.mark.timeout(300)
def test_houses_and_faces_are_told_apart_live(real_data: Path) -> None:
    figures = example().run(real_data, speed=20.0)
    for session in figures["sessions"]:
        assert session["samples"]["received"] == session["sent"]["samples"]["sent"]
        assert session["markers"] == {
            "received": session["sent"]["markers"]["sent"],
            "unmatched": 0,
        }
        assert session["epochs"]["total"] == session["markers"]["received"]
        assert not session["simulated"]
    good, everything = figures["good"], figures["all"]
    assert good["gallery"] == everything["gallery"] == 500
    assert everything["n"] > good["n"] > 330
    assert good["auc"] >= 0.65
    assert good["top1"] >= 0.58
    # The control: with labels permuted, nothing is left of it.
    assert good["p"] < 0.01
    assert abs(good["permuted_top1"] - 0.5) < 0.03
    control = figures["calibration"]["figures"]["permuted_control"]
    assert control["ci95_auc"][0] < 0.5 < control["ci95_auc"][1]
