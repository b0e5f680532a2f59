"""The benchmark of training speed: that its parts add up, on an array that costs nothing."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture
def training_speed(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    spec = importlib.util.spec_from_file_location(
        "training_speed", BENCHMARKS / "training_speed.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "training_speed", module)  # dataclasses look there
    spec.loader.exec_module(module)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield module
    torch.set_num_threads(threads)


def test_parts_add_up_to_the_pass(training_speed: Any, tmp_path: Path, capsys: Any) -> None:
    case = training_speed.Case(n_images=12, n_channels=5, n_times=80, dim=8, per_pass=8)
    rows = training_speed.run(case, tmp_path, "cpu")
    assert [(row["encoder"], row["precision"]) for row in rows] == [
        (name, precision)
        for name in ("ATM-S", "blur bank")
        for precision in ("32-true", "bf16-mixed")
    ]
    for row in rows:
        assert row["trials"] == 32  # four of each picture
        assert len(row["passes_s"]) == 2
        assert row["pass_s"] == pytest.approx(sum(row["passes_s"]) / 2)
        assert row["trials_per_s"] == pytest.approx(32 / row["pass_s"])
        assert sum(row["parts_s"].values()) == pytest.approx(row["pass_s"])
        assert row["parts_s"]["optimiser"] > 0
        assert row["parts_s"]["copy to device"] == 0  # there is none
        assert row["trials_per_s_hidden"] >= row["trials_per_s"]
    single, averaged = rows[0], rows[2]
    assert single["samples_per_s"] == pytest.approx(single["trials_per_s"])
    assert averaged["samples_per_s"] == pytest.approx(averaged["trials_per_s"] / 4)
    training_speed.show(rows, case)
    assert "no GPU here" in capsys.readouterr().out


def test_the_array_has_the_values_of_its_file(training_speed: Any, tmp_path: Path) -> None:
    case = training_speed.Case(n_images=300, n_channels=2, n_times=3)
    signals = training_speed.mapped(case, tmp_path)
    assert (tmp_path / "epochs.npy").stat().st_size > 4 * 300 * 4 * 2 * 3
    found = signals.signals(signals.table.image.argsort()[[0, 1199]])
    assert found.shape == (2, 2, 3)
    assert found.any(axis=(1, 2)).all()  # written to the end
