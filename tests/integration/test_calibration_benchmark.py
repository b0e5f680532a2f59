"""The benchmarks of calibration and of adaptation, small: what they print, keep and measure."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def run(program: str, *flags: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, BENCHMARKS / program, *map(str, flags)],
        capture_output=True,
        text=True,
        timeout=170,
        check=False,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def last_json(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    spec = importlib.util.spec_from_file_location("benchmark", BENCHMARKS / "calibration.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.soak
@pytest.mark.timeout(360)
def test_calibration_sets_others_trials_beside_own_ones_and_goes_on_from_its_files(tmp_path):
    flags = ("--quick", "--work", tmp_path, "--json")
    first = run("calibration.py", *flags)
    found = last_json(first)
    assert "SIMULATED" in first.stdout
    rows = {(row["method"], row["own_trials"]): row for row in found["rows"]}
    assert {n for method, n in rows if method == "ridge"} == {100, 200}
    for row in rows.values():
        assert row["ci95_top1"][0] <= row["top1"] <= row["ci95_top1"][1]
        assert row["top1"] <= row["ideal_top1"]
        assert (row["n"], row["chance_top1"]) == (40, 0.05)
    assert rows["pooled ridge, 0 trials", 0]["top1"] > 0.5
    evens = [row for row in found["break_even"] if "ridge_needs" in row]
    assert len(evens) == sum("pooled" in method for method, _ in rows)
    for row in evens:
        beyond = None in (row["ridge_needs"], *row["ci95"])
        assert row.get("more_than") == (200 if beyond else None)
    assert (found["version"], found["from_before"]) == (1, {})
    again = run("calibration.py", *flags)
    assert "person" not in again.stderr  # nobody was pretrained on twice
    assert last_json(again)["rows"] == found["rows"]
    assert "From an earlier run: ridge, 100 (1 of 1 people);" in again.stdout
    of_another = next(path for path in tmp_path.iterdir() if "ridge-100-0" in path.name)
    of_another.write_text(json.dumps({"version": 0, "places": [1] * 40, "note": ""}))
    assert last_json(run("calibration.py", *flags))["rows"] == found["rows"]


def test_a_break_even_that_was_not_reached_is_no_number(benchmark):
    even = {"method": "m", "ridge_needs": np.inf, "ci95": [150.0, np.inf]}
    told = benchmark._for_json(even, (100, 200))
    assert told == even | {"ridge_needs": None, "ci95": [150.0, None], "more_than": 200}
    reached = {"method": "m", "ridge_needs": 120.0, "ci95": [110.0, 150.0]}
    assert benchmark._for_json(reached, (100, 200)) == reached


def test_results_of_the_first_version_did_not_say_so(benchmark):
    assert benchmark.version_of({"places": []}) == 1
    assert benchmark.version_of({"version": 2}) == 2


@pytest.mark.parametrize(
    ("wanted", "trials"),
    [(0.1, 100), (0.2, 100), (0.3, 100 * 2**0.5), (0.4, 200), (0.5, 400), (0.51, np.inf)],
)
def test_the_break_even_lies_on_the_rising_curve(benchmark, wanted, trials):
    curve = np.array([0.2, 0.4, 0.35, 0.5])  # the third is worse by chance
    assert benchmark.needed((100, 200, 300, 400), curve, wanted) == pytest.approx(trials)


@pytest.mark.soak
@pytest.mark.timeout(240)
def test_adaptation_meets_drifts_and_the_worst():
    found = last_json(run("adaptation.py", "--quick", "--json"))
    rows = {(row["session"], row["decoder"]): row for row in found["rows"]}
    sessions = {session for session, _ in rows}
    assert {"nothing", "noisy electrodes", "all of them", "huge offsets", "constant"} <= sessions
    for (_, decoder), row in rows.items():
        assert row["ci95_gain_top1"][0] <= row["gain_top1"] <= row["ci95_gain_top1"][1]
        assert 0 <= row["distance"] <= 1
        assert (row["gain_top1"] == 0 and not row["fallbacks"]) or decoder != "frozen"
    assert all(0 < cost["median_ms"] <= cost["longest_ms"] for cost in found["costs"])
    noisy = rows["noisy electrodes", "running signal"]
    assert noisy["bits"] > rows["noisy electrodes", "frozen"]["bits"]
