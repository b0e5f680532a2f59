"""The main job: a real recording, streamed over LSL, decoded live into a real CLIP gallery."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "n170_live.py"


def example() -> Any:
    spec = importlib.util.spec_from_file_location("n170_live", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_twin(folder: Path) -> Path:
    """Write six short runs and a gallery in the layout of the real ones, jitter included."""
    rng = np.random.default_rng(17)
    runs, clip = folder / "n170-house-face", folder / "clip" / "detic-text-vitb32"
    runs.mkdir(parents=True)
    clip.mkdir(parents=True)
    wave = -12.0 * np.exp(-0.5 * ((np.arange(128) - 44) / 8.0) ** 2)  # 170 ms after the onset
    for number in range(6):
        n = 256 * 40
        packets = np.repeat(rng.uniform(-0.008, 0.008, n // 12 + 1), 12)[:n]
        stamps = 5000.0 + np.arange(n) / 256.0 + packets
        signal = rng.normal(0.0, 9.0, (n, 5))
        marker = np.zeros(n)
        for onset in range(600, n - 300, 140):
            face = rng.random() < 0.5
            marker[onset] = 1 + face
            signal[onset : onset + 128, :4] += (0.5 + 0.5 * face) * wave[:, None]
        signal[n // 2 : n // 2 + 20, 1] += 400.0  # a blink to reject
        np.savetxt(
            runs / f"data_{number}.csv",
            np.column_stack([stamps, signal, marker]),
            delimiter=",",
            fmt="%.3f",
            header="timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker0",
            comments="",
        )
    names = [f"concept {i}" for i in range(500)]
    names[10], names[279] = "House", "Human face"
    vectors = (rng.standard_normal((500, 512)) + 2.0).astype(np.float16)  # as anisotropic as CLIP
    np.save(clip / "oid_clip_a+cname.npy", vectors)
    (clip / "oid_names.txt").write_text("\n".join(names), encoding="utf-8")
    return folder


def assert_nothing_lost(figures: dict[str, Any]) -> None:
    for session in figures["sessions"]:
        assert session["samples"]["received"] == session["sent"]["samples"]["sent"]
        assert session["markers"] == {
            "received": session["sent"]["markers"]["sent"],
            "unmatched": 0,
        }
        assert session["epochs"]["total"] == session["markers"]["received"]
        assert not session["simulated"]


@pytest.mark.lsl
@pytest.mark.timeout(300)
def test_the_same_on_a_synthetic_twin(tmp_path: Path) -> None:
    figures = example().run(write_twin(tmp_path), speed=20.0)
    assert_nothing_lost(figures)
    assert figures["good"]["gallery"] == 500
    assert figures["all"]["n"] > figures["good"]["n"] > 100  # the blink is not counted
    assert figures["good"]["ci95_auc"][0] > 0.6
    assert figures["good"]["p"] < 0.01


@pytest.mark.lsl
@pytest.mark.real_data
@pytest.mark.timeout(300)
def test_houses_and_faces_are_told_apart_live(real_data: Path) -> None:
    figures = example().run(real_data, speed=20.0)
    assert_nothing_lost(figures)
    good, everything = figures["good"], figures["all"]
    assert good["gallery"] == everything["gallery"] == 500
    assert everything["n"] > good["n"] > 330
    assert good["auc"] >= 0.65
    assert good["top1"] >= 0.58
    # The control: with labels permuted, nothing is left of it.
    assert good["p"] < 0.01
    assert abs(good["permuted_top1"] - 0.5) < 0.03
    control = figures["calibration"]["figures"]["permuted_control"]
    assert control["ci95_auc"][0] < 0.5 < control["ci95_auc"][1]
