"""``run --record``: the session's file, what the summary says of it, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyxdf

Saccade = Callable[..., Any]


@pytest.mark.lsl
def test_a_session_is_recorded(
    record: Callable[[Path], Any], runs: tuple[Path, Path], stream_name: str
) -> None:
    session = record(runs[1])
    path, log, summary = session.path, session.log, session.summary
    received = summary["samples"]["received"]
    assert summary["recording"] == {
        "file": str(path),
        "bytes": path.stat().st_size,
        "samples": received,
        "lost": {"samples": 0, "markers": 0, "results": 0},
        "stopped": None,
    }
    streams = {s["info"]["name"][0]: s for s in pyxdf.load_xdf(path)[0]}
    assert np.array_equal(streams[stream_name]["time_series"], np.load(runs[1])["data"])
    markers = streams[f"{stream_name}-markers"]["time_series"]
    assert len(markers) == summary["markers"]["received"] == 60
    told = [json.loads(row[0]) for row in streams["saccade-predictions"]["time_series"]]
    logged = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    logged = [line for line in logged if line["type"] in ("prediction", "rejected")]
    for line in (*told, *logged):
        line.pop("latency_ms", None)
    assert told == logged
    assert len(told) == 60


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("there.xdf", "it exists: choose another name, or move it"),
        ("nowhere/session.xdf", "nowhere: make it first"),
        ("session.bdf", "its name does not end in .xdf: call it session.xdf"),
    ],
)
def test_a_file_that_won_t_do_is_refused_before_anything_begins(
    saccade: Saccade, decoder: Path, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "there.xdf").write_text("precious")
    outcome = saccade("run", "--decoder", decoder, "--record", tmp_path / name)
    assert outcome.code == 1
    assert words in outcome.err.replace("\n", " ")
    assert (tmp_path / "there.xdf").read_text() == "precious"
