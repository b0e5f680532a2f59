"""The encoders' benchmark, small: what it prints, keeps and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

BENCHMARK = Path(__file__).resolve().parents[2] / "benchmarks" / "encoders.py"


def run(*flags: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCHMARK, *map(str, flags)],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def test_it_sets_encoders_beside_ridge_and_the_ideal_observer_and_goes_on_from_its_files(tmp_path):
    flags = ("--quick", "--only", "ridge,EEGProject", "--work", tmp_path, "--json")
    first = run(*flags)
    assert first.returncode == 0, first.stderr
    assert "SIMULATED" in first.stdout
    result = json.loads(first.stdout.splitlines()[-1])
    ideal, ridge, projector = result["rows"]
    assert ideal["encoder"] == "ideal observer"
    for row in (ridge, projector):
        single = row["levels"]["1"]
        low, high = single["ci95_top1"]
        assert low <= single["top1"] <= high
        assert single["top1"] <= ideal["levels"]["1"]["top1"]
        assert single["bits"] < ideal["levels"]["1"]["bits"]
        assert single["n"] == 160
        assert single["chance_top1"] == 0.05
        assert row["latency_ms"] > 0
    assert ridge["levels"]["1"]["top1"] > 0.15
    assert projector["ended"].startswith(tuple("123456789"))
    again = run(*flags)
    assert "pass" not in again.stderr  # nothing was trained twice
    rows = json.loads(again.stdout.splitlines()[-1])["rows"]
    assert [row["levels"] for row in rows] == [row["levels"] for row in result["rows"]]


def test_an_unknown_encoder_is_refused():
    refused = run("--only", "magic")
    assert refused.returncode == 2
    assert "there is no 'magic', but ridge, EEGProject" in refused.stderr
