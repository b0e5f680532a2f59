"""``run`` and ``simulate`` over real LSL: what their options change."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings

Saccade = Callable[..., Any]
pytestmark = pytest.mark.lsl


@contextmanager
def program(*arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a saccade program beside us; it is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "saccade.cli.main", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def live(stream: str, *more: object) -> tuple[object, ...]:
    return (
        *("--stream", stream, "--markers", f"{stream}-markers", "--json", "--no-lsl"),
        *("--set", "stream.resolve_timeout_s=60", *more),
    )


def test_duration_top_k_and_log(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], stream_name: str, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    with program("replay", runs[1], "--name", stream_name, "--wait", 60, "--speed", 10):
        outcome = saccade(
            *("run", "--decoder", decoder, *live(stream_name)),
            *("--duration", 15, "--top-k", 3, "--log", log),
        )
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out.splitlines()[-1])
    assert 15 * 250 <= summary["samples"]["received"] < 25 * 250
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    predictions = [line for line in lines if line["type"] == "prediction"]
    assert len(predictions) == summary["predictions"] > 0
    assert {len(p["top"]) for p in predictions} == {3}
    # A tenfold replay's stamps run ahead of the clock: transport can't be known.
    assert {p["latency_ms"]["transport"] for p in predictions} == {None}
    assert summary["latency_ms"]["counted_from"] == "arrival"
    assert "session" in lines[0]["type"]
    assert lines[-1]["type"] == "summary"


def test_markers_of_which_none_has_a_label_end_in_an_error(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], stream_name: str
) -> None:
    with program("replay", runs[1], "--name", stream_name, "--wait", 60, "--speed", 20):
        outcome = saccade(
            *("run", "--decoder", decoder, *live(stream_name)),
            *("--idle-timeout", 2, "--label", "7=dog", "--label", "8=house"),
        )
    assert outcome.code == 1
    summary = json.loads(outcome.out.splitlines()[-1])
    assert summary["samples"]["received"] == 9250
    assert summary["markers"]["unmatched"] == 60
    assert sum(summary["markers"]["unlabelled"].values()) == 60
    last = outcome.err.splitlines()[-1]
    assert last.startswith("saccade: not one of 60 markers stands for a concept")


def test_simulate_streams_its_plan(stream_name: str) -> None:
    flags = ("--calibration-trials", 6, "--trials", 4, "--held-out", 10, "--soa", 0.2)
    with program(
        *("simulate", "--name", stream_name, "--wait", 60, "--speed", 8, "--sfreq", 500), *flags
    ) as process:
        source = LSLSource(
            LSLSourceSettings(
                stream=StreamQuery(name=stream_name),
                markers=(StreamQuery(name=f"{stream_name}-markers"),),
                resolve_timeout_s=60.0,
            )
        )
        spec = source.open()
        assert (spec.sfreq, spec.n_channels, spec.simulated, spec.speed) == (500.0, 64, True, 8.0)
        chunks, markers = [], []
        total = int((4.5 + 9 * 0.2 + 1.5) * 500)
        while sum(map(len, chunks)) < total:
            reading = source.read(5.0)
            assert len(reading.chunk), "the stream ended early"
            chunks.append(reading.chunk)
            markers += reading.markers
        source.close()
        assert process.wait(20) == 0
    stamps = np.concatenate([chunk.stamps for chunk in chunks])
    assert np.allclose(np.diff(stamps), 1 / 500.0, atol=1e-4)
    assert len(markers) == 10
    assert len({m.value for m in markers}) == 10
    assert np.allclose(np.diff([m.stamp for m in markers]), 0.2, atol=1e-3)
