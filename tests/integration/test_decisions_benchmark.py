"""The benchmark of decisions: its rules on a synthetic twin, its figures on the recordings."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.realtime.types import Float64

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def decisions(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    spec = importlib.util.spec_from_file_location("decisions", BENCHMARKS / "decisions.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "decisions", module)  # dataclasses look there
    spec.loader.exec_module(module)
    return module


def by_epochs(rows: list[dict[str, Any]], question: str, permuted: bool) -> dict[int, Any]:
    return {
        row["epochs"]: row
        for row in rows
        if row["question"] == question and (row["decoder"] == "labels permuted") == permuted
    }


def test_stopping_in_time_saves_presentations_of_a_known_observer(
    decisions: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decisions, "THRESHOLDS", (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99))
    case = decisions.Case("ideal observer", 4, 0.015, 1, n_trials=160, n_repetitions=10)
    row = decisions.stopping(case, decisions.concepts())
    assert row["fixed"][1] < row["fixed"][4] < 1
    assert 0 < row["saving_4"] < 0.75
    assert row["gain_4"] > 0


def test_a_decoder_of_several_people_is_measured(decisions: Any) -> None:
    case = decisions.Case("decoder", 2, 0.2, 2, n_train=160, n_trials=10, n_repetitions=5)
    row = decisions.stopping(case, decisions.concepts())
    assert row["fixed"][1] > 0.6
    assert set(row["fixed"]) == {1, 2, 3, 4, 5}
    assert row["n_trials"] == 20
    assert len(row["of_each"][4]) == 2
    assert "saving_4" in row
    assert "saving_8" not in row


def at_random(n: int, rng: np.random.Generator) -> tuple[Float64, Float64, Float64]:
    """Return what trials come to under fixed numbers, and a rule that stops whatever it sees."""
    drift = np.where(rng.random(n) < 0.8, 0.75, -0.05)  # one in five is steadily wrong
    right = np.cumsum(drift[:, None] + rng.normal(size=(n, 12)), axis=1) > 0
    luck = rng.random((n, 11))
    taken = np.array([1 + (luck < q).sum(axis=1) for q in np.linspace(0, 1, 41)])
    swept = np.array([right[np.arange(n), k - 1] for k in taken])
    return right.T.astype(np.float64), swept.astype(np.float64), taken.astype(np.float64)


def test_a_rule_that_stops_at_random_is_not_said_to_save(
    decisions: Any,
) -> None:
    saved = importlib.import_module("decisions_saving")
    rng = np.random.default_rng(0)

    def measured(n: int, draws: int) -> list[tuple[float, float, float]]:
        swept = saved.Swept(*at_random(n, rng), np.zeros(n, np.intp))
        weights = swept.weights(draws)
        return [saved.saving(swept, k, weights) for k in (2, 4, 8)]

    truth = [found for found, _, _ in measured(60_000, 2)]
    assert max(truth) < 0
    runs = np.array([measured(600, 200) for _ in range(30)])
    estimated = np.nanmean(runs[:, :, 0], axis=0)
    np.testing.assert_allclose(estimated, truth, atol=0.09)
    assert (runs[:, :, 1] > 0).mean() < 0.05  # an interval wholly above 0
    holds = (runs[:, :, 1] <= truth + np.float64(0.01)) & (
        runs[:, :, 2] >= truth - np.float64(0.01)
    )
    assert holds.mean() > 0.88


@pytest.mark.parametrize("part", ["p300", "n170"])
def test_the_twin_is_measured_like_a_recording(decisions: Any, part: str, tmp_path: Path) -> None:
    rows = decisions.measure(part, decisions.write_twin(tmp_path), draws=2, permutations=2)
    question = "target or not" if part == "p300" else "house or face"
    ours, control = (by_epochs(rows, question, permuted) for permuted in (False, True))
    assert ours[1]["right"] > 0.85  # the twin's responses are large
    assert ours[4]["right"] >= ours[1]["right"] - 0.05
    assert ours[4]["n"] <= ours[1]["n"] / 4  # no epoch is used twice
    low, high = control[1]["ci95"]
    assert low < 0.5 < high
    assert control[1]["permutations"] == 2
    assert control[1]["range"][0] <= control[1]["right"] <= control[1]["range"][1]


@pytest.mark.real_data
@pytest.mark.timeout(300)
def test_flashes_and_pictures_add_up_on_the_recordings(decisions: Any, real_data: Path) -> None:
    p300 = decisions.measure("p300", real_data, draws=8, permutations=5)
    letters, control = (by_epochs(p300, "one of 6", permuted) for permuted in (False, True))
    assert letters[1]["ci95"][0] > 1 / 6
    assert letters[6]["right"] > letters[1]["right"] + 0.2
    assert all(row["ci95"][0] < 1 / 6 for row in control.values())
    n170 = decisions.measure("n170", real_data, draws=8, permutations=5)
    pictures, control = (by_epochs(n170, "house or face", permuted) for permuted in (False, True))
    assert [pictures[n]["ci95"][0] > 0.5 for n in (1, 2, 4, 8)] == [True] * 4
    assert pictures[8]["right"] > pictures[1]["right"] + 0.08
    assert all(row["ci95"][0] < 0.5 < row["ci95"][1] for row in control.values())
