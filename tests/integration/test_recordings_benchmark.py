"""The benchmark on real recordings: its figures on them, and its rules on a synthetic twin."""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from saccade.models.evaluation.accuracy import auc
from saccade.realtime.errors import ConfigError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
QUICK = {"batch_size": 64, "repetitions": "single", "epochs": 1}


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    spec = importlib.util.spec_from_file_location("recordings", BENCHMARKS / "recordings.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "recordings", module)  # dataclasses look there
    spec.loader.exec_module(module)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield module
    torch.set_num_threads(threads)


def _of(recordings: Any, name: str) -> Any:
    (found,) = (one for one in recordings.DATA_SETS if one.name.startswith(name))
    return found


@pytest.fixture
def twin(recordings: Any, tmp_path: Path) -> Path:
    return recordings.write_twin(tmp_path)


def test_the_twin_is_measured_like_a_recording(recordings: Any, twin: Path, capsys: Any) -> None:
    for data_set in recordings.DATA_SETS:
        task, rows = recordings.measure(
            data_set, twin, ("EEGProject",), QUICK, recordings.CHOICES[:1], controls=1
        )
        ridge, network = rows
        assert (ridge["encoder"], network["encoder"]) == ("ridge", "EEGProject")
        n_trials = len(task.trials.labels)
        assert ridge["n"] == len(task.test) == n_trials - round(0.6 * n_trials)
        assert task.train.max() < task.test.min() - recordings.REACH
        assert ridge["ci95_auc"][0] > 0.7  # the twin's responses are large
        assert (len(ridge["auc_permuted"]), len(network["auc_permuted"])) == (10, 1)
        assert np.mean(ridge["auc_permuted"]) < ridge["ci95_auc"][0]
        assert ("accuracy" in ridge) == bool(data_set.gallery)
        low, high = network["ci95_over_ridge"]
        assert low <= network["over_ridge"] <= high
        assert network["over_ridge"] == pytest.approx(network["auc"] - ridge["auc"])
        recordings.show(task, rows, simulated=True)
    said = capsys.readouterr().out
    assert said.count("SIMULATED") == 2
    assert "classic" not in said  # figures on people do not stand beside figures on a twin


def test_an_encoder_that_does_not_fit_is_named_with_the_reason(
    recordings: Any, twin: Path, capsys: Any
) -> None:
    short = dataclasses.replace(_of(recordings, "P300"), crop_s=(0.0, 0.5))  # 64 samples
    task, rows = recordings.measure(short, twin, ("NICE",), QUICK, recordings.CHOICES[:1], 1)
    assert "at least 75 samples" in rows[1]["refused"]
    recordings.show(task, rows, simulated=True)
    assert "NICE was not trained" in capsys.readouterr().out


def test_preprocessing_is_chosen_without_a_look_at_the_test(
    recordings: Any, twin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    forward = recordings.forward_in_time
    monkeypatch.setattr(
        recordings,
        "forward_in_time",
        lambda n_trials, n_parts: seen.append(n_trials) or forward(n_trials, n_parts),
    )
    chosen = recordings.choose(_of(recordings, "P300"), twin, recordings.CHOICES[:2])
    assert chosen in recordings.CHOICES[:2]
    assert seen == [180, 180]  # of 300 flashes


def test_a_folder_without_recordings_is_refused(recordings: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"should hold p300-oddball/\*\.npz.*give --data"):
        recordings.read(_of(recordings, "P300"), tmp_path, recordings.CHOICES[0])


def test_a_difference_of_aucs_is_that_of_the_same_trials(recordings: Any) -> None:
    rng = np.random.default_rng(4)
    first = rng.random(200) < 0.4
    good = first + rng.normal(0, 0.5, 200)
    same = recordings.difference(good, 2 * good + 1, first)
    assert (same.value, same.ci95) == (0.0, (0.0, 0.0))
    noise = rng.normal(size=200)
    better = recordings.difference(good, noise, first)
    assert better.value == pytest.approx(auc(good, first) - auc(noise, first))
    assert 0 < better.ci95[0] < better.value < better.ci95[1]
    back = recordings.difference(noise, good, first)
    np.testing.assert_allclose(back.ci95, [-end for end in reversed(better.ci95)], atol=1e-12)


@pytest.mark.real_data
@pytest.mark.timeout(300)
def test_ridge_on_the_real_recordings(recordings: Any, real_data: Path) -> None:
    def ridge(data_set: Any, *chosen: Any) -> Any:  # what the training part leads to
        choices = (recordings.Preprocessing(*chosen),)
        return recordings.measure(data_set, real_data, (), {}, choices, controls=1)[1][0]

    n170 = ridge(_of(recordings, "N170"), 1.0, 15.0, False, 100.0)
    p300 = ridge(_of(recordings, "P300"), 0.5, 15.0, False, None)
    assert n170["n"] > 450
    assert n170["auc"] >= 0.66  # .693 with zero-phase filters over the whole file
    assert n170["accuracy"]["gallery"] == 500
    assert n170["accuracy"]["top1"] >= 0.60  # .639
    assert p300["n"] == 307
    assert p300["auc"] >= 0.86  # .892
    for row in (n170, p300):
        assert abs(np.mean(row["auc_permuted"]) - 0.5) < 0.1  # 10 decoders that point anywhere
