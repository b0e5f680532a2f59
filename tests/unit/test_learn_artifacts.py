"""Artifact subspace reconstruction, as a recording teaches it."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.calibration.artifacts import (
    LEAST_S,
    MOST_S,
    asr_window_s,
    learn_potato,
    learn_reconstruction,
)
from saccade.realtime.blocks.artifact import Artifact, ArtifactSettings
from saccade.realtime.blocks.bandpass import BandpassSettings
from saccade.realtime.blocks.select import SelectSettings
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.types import Chunk, StreamSpec

SFREQ, C = 128.0, 5
NAMES = ("Fz", "Cz", "Pz", "Oz", "TRG")
SPEC = StreamSpec("amp", SFREQ, NAMES, ("eeg",) * 4 + ("stim",), ("µV",) * C)
CHAIN = PipelineSettings(
    blocks=(("select", SelectSettings(NAMES)), ("bandpass", BandpassSettings(1.0, 40.0, 2)))
)
MIXER = np.random.default_rng(0).normal(size=(C, C)) + 2 * np.eye(C)


def signal(n_s: float, seed: int = 1) -> np.ndarray:
    rng = np.random.default_rng(seed)
    data = 8 * rng.normal(size=(round(n_s * SFREQ), C)) @ MIXER.T
    return (data + 1e4).astype(np.float32)  # an electrode offset


def run(array_source: Any, data: np.ndarray, stamps: np.ndarray | None = None) -> Any:
    stamps = np.arange(len(data)) / SFREQ if stamps is None else stamps
    sizes = [500] * (len(data) // 500) + [len(data) % 500]
    return array_source(SPEC, data, stamps, sizes=sizes)


@pytest.mark.parametrize(
    ("sfreq", "delays_ms"),
    [
        ("250 Hz", (372, 372, 432, 556, 932)),
        ("500 Hz", (374, 374, 374, 374, 562)),
        ("1 kHz", (374, 374, 374, 374, 374)),
    ],
)
def test_more_channels_take_a_longer_window_as_the_page_says(
    sfreq: str, delays_ms: tuple[int, ...]
) -> None:
    rate = {"250 Hz": 250.0, "500 Hz": 500.0, "1 kHz": 1000.0}[sfreq]
    found = []
    for n in (64, 83, 84, 128, 256):
        names = tuple(f"E{i}" for i in range(n))
        plain = tuple(tuple(row) for row in np.eye(n).tolist())
        window_s = asr_window_s(n, rate)
        block = Artifact(
            ArtifactSettings(names, rate, plain, plain, (1.0,), (1.0, 0.0), window_s, window_s / 2)
        )
        block.reset(StreamSpec("amp", rate, names, ("eeg",) * n, ("µV",) * n))
        found.append(round(1e3 * block.look_ahead_s))
    assert tuple(found) == delays_ms
    page = Path(__file__).parents[2] / "docs" / "repair.md"
    row = " | ".join(f"{ms} ms" for ms in delays_ms)
    assert f"at {sfreq} | {row} |" in page.read_text(encoding="utf-8")


def test_it_leaves_clean_signal_and_takes_artifacts_out(array_source: Any) -> None:
    learned = learn_reconstruction([run(array_source, signal(60))], CHAIN, NAMES[:4], 8.0)
    assert (learned.ch_names, learned.sfreq) == (NAMES[:4], SFREQ)
    assert (learned.window_s, learned.ahead_s) == (0.5, 0.25)
    pipeline = Pipeline(CHAIN)
    pipeline.reset(SPEC)
    data = signal(20, seed=2)
    stamps = np.arange(len(data)) / SFREQ
    clean = pipeline.step(Chunk(data, stamps, np.zeros(len(data), np.uint16), 0))
    spoilt = clean.data.copy()
    spoilt[1500:1600, :2] += 500 * np.sin(np.arange(100))[:, None].astype(np.float32)
    block = Artifact(learned)
    block.reset(SPEC)
    passed = block.step(clean).data
    assert np.array_equal(passed, clean.data[: len(passed)])
    cleaned = block.step(Chunk(spoilt, stamps, clean.flags, len(data))).data[-len(passed) :]
    block.reset(SPEC)
    cleaned = block.step(Chunk(spoilt, stamps, clean.flags, 0)).data
    rows = slice(1500, 1600)
    left = np.abs(cleaned[rows] - clean.data[rows]).max()
    assert left < 0.2 * np.abs(spoilt[rows] - clean.data[rows]).max()


def test_the_cutoff_decides_how_much_is_clean(array_source: Any) -> None:
    data = signal(40)
    low, high = (
        learn_reconstruction([run(array_source, data)], CHAIN, NAMES[:4], cutoff)
        for cutoff in (5.0, 20.0)
    )
    assert low.mixing == high.mixing
    assert (np.linalg.norm(low.thresholds, axis=1) < np.linalg.norm(high.thresholds, axis=1)).all()


def test_runs_are_read_in_order_up_to_two_minutes_and_closed(array_source: Any) -> None:
    data = signal(MOST_S + 10)
    n = round(70 * SFREQ)
    whole = learn_reconstruction([run(array_source, data)], CHAIN, NAMES[:4], 5.0)
    more = np.concatenate([data, signal(5, seed=7) * 50])
    assert learn_reconstruction([run(array_source, more)], CHAIN, NAMES[:4], 5.0) == whole
    runs = [run(array_source, part) for part in (data[:n], data[n:], data[:n])]
    learn_reconstruction(runs, CHAIN, NAMES[:4], 5.0)
    assert [source.opened for source in runs] == [1, 1, 1]
    assert [source.closed for source in runs] == [1, 1, 1]


def test_the_look_ahead_is_as_asked_for(array_source: Any) -> None:
    source = run(array_source, signal(35))
    assert learn_reconstruction([source], CHAIN, NAMES[:4], 5.0, ahead_s=0.1).ahead_s == 0.1


def test_more_channels_get_a_longer_window(array_source: Any) -> None:
    names = tuple(f"E{i}" for i in range(60))
    spec = StreamSpec("amp", SFREQ, names, ("eeg",) * 60, ("µV",) * 60)
    data = np.random.default_rng(0).normal(size=(round(35 * SFREQ), 60)).astype(np.float32)
    source = array_source(spec, data, np.arange(len(data)) / SFREQ)
    in_front = PipelineSettings(blocks=(("bandpass", BandpassSettings(1.0)),))
    assert learn_reconstruction([source], in_front, names, 5.0).window_s == 0.75


def test_what_carries_a_flag_is_not_learned_from(array_source: Any) -> None:
    data = signal(LEAST_S + 1.5)
    stamps = np.arange(len(data)) / SFREQ
    stamps[1000:] += 5.0  # a gap restarts the high-pass, which then settles
    with pytest.raises(CalibrationError, match=r"at least 30 s, but 2\d\.\d s came without a flag"):
        learn_reconstruction([run(array_source, data, stamps)], CHAIN, NAMES[:4], 5.0)


def test_what_teaches_nothing_is_refused(array_source: Any) -> None:
    data = signal(40)
    with pytest.raises(ConfigError, match="cutoff must be above 0 standard deviations, not 0"):
        learn_reconstruction([run(array_source, data)], CHAIN, NAMES[:4], 0.0)
    with pytest.raises(CalibrationError, match="at least 2 channels that all move, but 1 came"):
        learn_reconstruction([run(array_source, data)], CHAIN, NAMES[:1], 5.0)
    data[:, 2] = 0.0
    with pytest.raises(CalibrationError, match="of which Pz stands still: name what is bad"):
        learn_reconstruction([run(array_source, data)], CHAIN, NAMES[:4], 5.0)
    with pytest.raises(CalibrationError, match="came without a flag: record more"):
        learn_reconstruction([], CHAIN, NAMES[:4], 5.0)


def test_without_the_extra_it_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, array_source: Any
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigError, match=r"needs meegkit, .* pip install saccade\[artifact\]"):
        learn_reconstruction([run(array_source, signal(35))], CHAIN, NAMES[:4], 5.0)
    with pytest.raises(ConfigError, match=r"needs pyriemann, .* pip install saccade\[artifact\]"):
        learn_potato(np.ones((40, 2, 20), np.float32), 3.0)
