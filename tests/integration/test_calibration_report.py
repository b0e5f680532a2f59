"""``calibrate`` leaves a report beside its decoder, and no decoder that isn't one."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.calibration.report.contents import load
from saccade.models.decoders import decoder_file

LABELS = ("--label", "1=dog", "--label", "2=house")
Saccade = Callable[..., Any]


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run in which no picture leaves a trace."""
    rng = np.random.default_rng(3)
    data = rng.normal(0.0, 8.0, (15_000, 4)).astype(np.float32)
    stim = np.zeros(15_000, np.int16)
    stim[1500 + 125 * np.arange(100)] = 1 + rng.permutation(100) % 2
    path = tmp_path_factory.mktemp("noise") / "noise.npz"
    names = ["C3", "C4", "O1", "O2"]
    np.savez(path, data=data, stim=stim, sfreq=250.0, unit="uV", ch_names=names)
    return path


def test_report_stands_beside_the_decoder(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "me.saccade"
    recordings = [word for run in runs for word in ("--recording", run)]
    done = saccade("calibrate", *recordings, *LABELS, "--encoder", "ridge", "--out", out)
    assert done.code == 0
    assert "verdict      GO: AUC is " in done.out
    assert "promise      top-1 of 200 in 200 live trials of concepts it learned" in done.out
    report = load(tmp_path / "me.report.json")
    assert report.verdict.decision == "go"
    assert report.quality is not None
    assert report.quality.ch_names == ("C3", "C4", "O1", "O2")
    assert len(report.quality.runs) == 2
    assert [name for name, _ in report.about.recordings] == ["first.npz", "second.npz"]
    assert (tmp_path / "me.report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert decoder_file.load(out).calibration["promise"]


def test_the_command_on_the_page_makes_the_same_decoder(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    config = tmp_path / "session.toml"
    config.write_text(
        '[markers]\nlabels = { 1 = "dog", 2 = "house" }\n[epochs]\nbaseline_s = "none"\n'
        '[pipeline]\nlow_hz = 1.0\nchannels = ["O1", "O2", "C3"]\n[calibration]\nencoder = "ridge"'
    )
    out = tmp_path / "me.saccade"
    first = ("--recording", runs[0], "--reject-ptp-uv", "90", "--config", config, "--out", out)
    assert saccade("calibrate", *first).code == 0
    one = decoder_file.load(out)
    command = shlex.split(load(tmp_path / "me.report.json").about.command)
    assert command[0] == "saccade"
    out.unlink()
    assert saccade(*command[1:]).code == 0
    again = decoder_file.load(out)
    assert again.pipeline == one.pipeline
    assert again.epochs == one.epochs
    assert again.script == one.script
    np.testing.assert_array_equal(again.signal_whitening, one.signal_whitening)
    dated = {"date": None}
    assert again.calibration | dated == one.calibration | dated


def test_noise_gives_a_report_and_no_decoder(saccade: Saccade, noise: Path, tmp_path: Path) -> None:
    out = tmp_path / "me.saccade"
    words = ("calibrate", "--recording", noise, *LABELS, "--encoder", "ridge", "--out", out)
    done = saccade(*words)
    assert done.code == 1
    assert "no decoder was written: AUC is " in done.err
    assert "not above chance (.50): not known to work; record some" in done.err
    assert "--accept" in done.err
    assert not out.exists()
    assert load(tmp_path / "me.report.json").verdict.decision == "more"
    assert saccade(*words, "--accept").code == 0
    despite = decoder_file.load(out).calibration["accepted_despite"]
    assert despite == load(tmp_path / "me.report.json").verdict.sentence


def test_no_report_lies_beside_a_decoder_that_is_not_its_own(
    saccade: Saccade, noise: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    out, former = tmp_path / "me.saccade", tmp_path / "me.former.saccade"
    rest = (*LABELS, "--encoder", "ridge", "--out", out)
    recordings = [word for run in runs for word in ("--recording", run)]
    assert saccade("calibrate", *recordings, *rest).code == 0
    good = out.read_bytes()
    assert "accepted_despite" not in decoder_file.load(out).calibration
    done = saccade("calibrate", "--recording", noise, *rest, "--overwrite")
    assert done.code == 1
    assert f"no decoder was written (the former one is {former} now): " in done.err
    assert not out.exists()
    assert former.read_bytes() == good


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("verdict.target=0.999", "not within 1000 more trials"),
        ("verdict.most_rejected=0", "trials were rejected"),
    ],
)
def test_limits_are_settings(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path, setting: str, words: str
) -> None:
    out = tmp_path / "me.saccade"
    done = saccade(
        *("calibrate", "--recording", runs[0], *LABELS, "--encoder", "ridge", "--out", out),
        *("--set", setting, "--reject-ptp-uv", "30"),
    )
    assert done.code == 1
    assert load(tmp_path / "me.report.json").verdict.decision == "redo"
    assert words in done.out


def test_limit_that_is_none_is_refused(
    saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    done = saccade(
        *("calibrate", "--recording", runs[0], *LABELS, "--out", tmp_path / "me.saccade"),
        *("--set", "verdict.target=20"),
    )
    assert done.code != 0
    assert "verdict.target = 20 won't do: input should be less than 1" in done.err
