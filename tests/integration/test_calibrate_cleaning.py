"""Repair, reconstruction and gates from the command line: calibrated, kept, and at work again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.models.decoders.decoder_file import load
from saccade.realtime.pipeline import settings_from_spec, to_spec

Saccade = Callable[..., Any]  # the command line in process, as tests/integration/conftest.py has it
SFREQ = 128.0
CHANNELS = ("Fp1", "Fp2", "F3", "F4", "C3", "C4", "P3", "P4", "O1", "O2")
LABELS = ("--label", "1=dog", "--label", "2=house", "--low-hz", "1", "--order", "2")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a recorded run of a minute with blinks, a dead channel, and one that dies."""
    rng = np.random.default_rng(0)
    n = round(60 * SFREQ)
    near = np.exp(-np.abs(np.arange(10)[:, None] - np.arange(10)) / 4.0)
    data = 10 * rng.normal(size=(n, 10)) @ near
    stim = np.zeros(n, np.int16)
    for number, onset in enumerate(range(500, n - 200, 60)):
        stim[onset] = 1 + number % 2
        data[onset : onset + 60, 8 + number % 2] += 25 * np.hanning(60)
    for start in range(700, n - 100, 900):
        data[start : start + 40, :4] += 500 * np.hanning(40)[:, None]
    data[:, 1] = 0.0
    data[5000:, 4] = 0.0
    path = tmp_path_factory.mktemp("cleaning") / "run.npz"
    data = data.astype(np.float32)
    np.savez(path, data=data, stim=stim, sfreq=SFREQ, unit="uV", ch_names=list(CHANNELS))
    return path


def test_what_cleans_is_calibrated_kept_and_at_work_again(
    saccade: Saccade, run: Path, tmp_path: Path
) -> None:
    pytest.importorskip("meegkit")
    pytest.importorskip("pyriemann")
    out = tmp_path / "clean.saccade"
    flags = ("--bads", "fp2", "--repair", "auto", "--asr", "8", "--potato", "3")
    outcome = saccade(
        *("calibrate", "--recording", run, "--out", out, *LABELS, *flags),
        *("--reject-flat-uv", "0.1", "--reference", "average", "--folds", "2"),
    )
    assert outcome.code == 0, outcome.err
    assert "select → bandpass → artifact → repair → reference" in outcome.out
    assert "look-ahead   every prediction comes 367 ms later for it" in outcome.out
    decoder = load(out)
    blocks = {block["block"]: block for block in decoder.pipeline["blocks"]}
    assert blocks["repair"]["bads"] == ["Fp2"]
    assert blocks["artifact"]["ch_names"] == [name for name in CHANNELS if name != "Fp2"]
    assert decoder.epochs["reject_flat_uv"] == 0.1
    assert decoder.epochs["potato"]["z"] == 3.0
    assert to_spec(settings_from_spec(decoder.pipeline)) == decoder.pipeline

    outcome = saccade("replay", run, "--decoder", out, "--json")
    assert outcome.code == 0, outcome.err
    summary = json.loads(outcome.out.splitlines()[-1])
    trained = decoder.calibration["trials"]
    assert summary["predictions"] == summary["epochs"]["total"] - summary["epochs"]["rejected"]
    assert summary["predictions"] == trained
    assert summary["blocks"]["artifact"]["cleaned_s"] > 1
    assert set(summary["blocks"]["repair"]["repaired_s"]) == {"Fp2", "C3"}

    said = saccade("replay", run, "--decoder", out).out
    assert "repaired     Fp2 6" in said
    assert " s of artifacts" in said


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--bads", "Fp2,Q9"), ("--bads names Q9, but", "has Fp1, Fp2")),
        (
            ("--bads", "fp2", "--channels", "C3,C4,P3"),
            ("--bads names fp2, which --channels leaves",),
        ),
        (("--bads", "Fp1,Fp2,F3"), ("at most a quarter", "3 of 10")),
        (("--repair", "maybe"), ("--repair", "'auto'")),
        (("--asr", "-3"), ("--asr", "-3", "greater than 0")),
        (("--potato", "0"), ("--potato", "greater than 0")),
        (("--asr", "8", "--set", "pipeline.low_hz=none"), ("asr_cutoff", "low_hz")),
        (("--asr", "8"), ("Fp2 stands still", "--bads")),
        (("--reject-flat-uv", "0"), ("--reject-flat-uv", "greater than 0")),
        (("--bads", "Fp2", "--set", "pipeline.blocks=[]"), ("pipeline.bads", "blocks replaces")),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    saccade: Saccade, run: Path, tmp_path: Path, flags: tuple[str, ...], words: tuple[str, ...]
) -> None:
    pytest.importorskip("meegkit")
    out = tmp_path / "not.saccade"
    outcome = saccade("calibrate", "--recording", run, "--out", out, *LABELS, *flags)
    assert outcome.code == 1, outcome
    lines = [line for line in outcome.err.splitlines() if line.startswith("saccade: ")]
    assert len(lines) == 1, outcome.err
    for word in words:
        assert word in lines[0], lines[0]
    assert not out.exists()
