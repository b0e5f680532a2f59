"""What ``run --record`` recorded gives the same predictions again, to the last bit.

A session over real LSL, with artifacts and gaps that reject epochs, is recorded, replayed and
compared: with the predictions in the recording, with the log that was written beside it, and with
the file that was sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Saccade = Callable[..., Any]
pytestmark = pytest.mark.lsl

SFREQ = 250.0


@pytest.fixture
def troubled(runs: tuple[Path, Path], tmp_path: Path) -> Path:
    """Return the second run with a NaN, a rail, a pause, a short gap, and jitter in its stamps."""
    path = tmp_path / "troubled.npz"
    with np.load(runs[1]) as arrays:
        data, rest = arrays["data"].copy(), {k: arrays[k] for k in arrays.files if k != "data"}
    data[3000, 1] = np.nan
    data[4000:4020, 2] = 4e6
    stamps = np.arange(len(data)) / SFREQ
    stamps += np.random.default_rng(3).uniform(0, 2e-4, len(data))
    stamps[5000:] += 0.7
    kept = np.ones(len(data), bool)
    kept[6050:6053] = False
    np.savez(
        path, data=data[kept], timestamps=stamps[kept], **(rest | {"stim": rest["stim"][kept]})
    )
    return path


@pytest.fixture
def session(record: Callable[[Path], Any], troubled: Path) -> tuple[Path, Path, dict[str, Any]]:
    """Return the recording of a live session, its log, and its summary."""
    made = record(troubled)
    return made.path, made.log, made.summary


def test_a_recorded_session_is_the_same_again(
    saccade: Saccade,
    decoder: Path,
    troubled: Path,
    session: tuple[Path, Path, dict[str, Any]],
    tmp_path: Path,
) -> None:
    recording, log, live = session
    assert live["samples"]["received"] == 9247
    assert live["epochs"]["total"] == 60
    assert 0 < live["epochs"]["rejected"] < 30
    command = ("replay", recording, "--decoder", decoder)
    decoded, rejected = live["predictions"], live["epochs"]["rejected"]
    for original in (("--compare",), ("--against", log)):
        outcome = saccade(*command, *original)
        assert outcome.code == 0, outcome.out + outcome.err
        last = outcome.out.splitlines()[-1]
        assert last == f"identical: {decoded} predictions, {rejected} rejected"
    again = saccade(*command, "--compare", "--log", tmp_path / "again.jsonl", "--json")
    summary = json.loads(again.out.splitlines()[-1])
    for key in ("samples", "markers", "epochs", "predictions", "accuracy"):
        assert summary[key] == live[key], key
    first, second = (
        [line for line in map(json.loads, path.read_text("utf-8").splitlines()) if "epoch" in line]
        for path in (log, tmp_path / "again.jsonl")
    )
    assert [line["epoch"] for line in first] == [line["epoch"] for line in second]
    assert [line["rejected"] for line in first] == [line["rejected"] for line in second]
    # The file that the session was of has another clock, and no more differs.
    outcome = saccade("replay", troubled, "--decoder", decoder, "--against", recording)
    assert outcome.code == 0, outcome.out + outcome.err
    clocks, last = outcome.out.splitlines()[-2:]
    assert clocks.startswith("clocks ")
    assert last == f"identical: {decoded} predictions, {rejected} rejected"
