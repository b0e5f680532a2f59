"""Learning curves: the table says what the training said, the picture is one."""

from __future__ import annotations

import csv

import pytest

from saccade.models.training.curves import write_curves
from saccade.realtime.errors import ConfigError

HISTORY = [
    {"number": 1.0, "loss": 3.25, "bits": -0.1, "top1": 0.04, "spent_core_s": 1.5},
    {"number": 2.0, "loss": 2.5, "bits": 0.8, "top1": 0.2, "spent_core_s": 3.0},
]


def test_table_and_picture(tmp_path):
    table, picture = write_curves(HISTORY, 2, tmp_path / "run.1", title="SIMULATED")
    assert (table.name, picture.name) == ("run.1.csv", "run.1.png")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [{key: float(value) for key, value in row.items()} for row in rows] == HISTORY
    assert rows[0]["number"] == "1"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_kept_pass_and_the_title_are_drawn(tmp_path):
    pictures = [
        write_curves(HISTORY, best, tmp_path / "c", title=title)[1].read_bytes()
        for best, title in ((1, ""), (2, ""), (2, "SIMULATED"))
    ]
    assert len(set(pictures)) == 3


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="can't be written"):
        write_curves(HISTORY, 1, tmp_path / "no" / "c")
