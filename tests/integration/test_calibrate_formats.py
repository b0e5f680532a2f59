"""The same recording in every format gives the same decoder, by the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.models.decoders.decoder_file import load
from saccade.realtime.types import StreamSpec
from saccade.realtime.xdf import chunks
from saccade.realtime.xdf.descriptions import header_xml

Saccade = Callable[..., Any]  # the command line in process, as tests/integration/conftest.py has it
SFREQ = 250.0
FILTERS = ("--low-hz", 1, "--high-hz", 30, "--crop", 0, 0.4, "--json")
LABELS = {"1": "dog", "2": "house"}
CLOCK_S = 37.5  # by how much LabRecorder's clock is ahead of the sender's


def labels(prefix: str = "") -> list[str]:
    return [part for v, c in LABELS.items() for part in ("--label", f"{prefix}{v}={c}")]


class Run:
    """A recorded run, to be written in any format."""

    def __init__(self, path: Path) -> None:
        with np.load(path) as arrays:
            self.data, self.stim = arrays["data"], arrays["stim"]
            self.names = [str(name) for name in arrays["ch_names"]]
        self.rows = np.flatnonzero(self.stim)
        self.values = [str(value) for value in self.stim[self.rows]]

    def npz(self, folder: Path) -> Path:
        path = folder / "run.npz"
        np.savez(path, data=self.data, stim=self.stim, sfreq=SFREQ, unit="uV", ch_names=self.names)
        return path

    def xdf(self, folder: Path) -> Path:
        """Write as LabRecorder does: stamps of the sender's clock, and how far it is off."""
        n = len(self.names)
        eeg = StreamSpec("Amp", SFREQ, tuple(self.names), ("eeg",) * n, ("microvolts",) * n, "a1")
        events = StreamSpec("Stimuli", 0.0, ("marker",), ("markers",), ("",), "s1")
        stamps = 100.0 + np.arange(len(self.data)) / SFREQ
        content = chunks.MAGIC + chunks.file_header("<info><version>1.0</version></info>")
        content += chunks.stream_header(1, header_xml(eeg, "EEG", "float32"))
        content += chunks.stream_header(2, header_xml(events, "Markers", "string"))
        for start in range(0, len(stamps), 64):
            part = slice(start, start + 64)
            content += chunks.samples(1, stamps[part], self.data[part])
        texts = [(value,) for value in self.values]
        content += chunks.text_samples(2, stamps[self.rows].tolist(), texts)
        for at_s in np.arange(100.0, float(stamps[-1]) + 5, 5.0):
            content += chunks.clock_offset(1, at_s, CLOCK_S) + chunks.clock_offset(2, at_s, CLOCK_S)
        path = folder / "run.xdf"
        path.write_bytes(content)
        return path

    def fif(self, folder: Path) -> Path:
        mne = pytest.importorskip("mne")
        kinds = ["eeg"] * len(self.names) + ["stim"]
        info = mne.create_info([*self.names, "STI 014"], SFREQ, kinds)
        values = np.vstack([self.data.T * 1e-6, self.stim[np.newaxis]]).astype(float)
        path = folder / "run_raw.fif"
        mne.io.RawArray(values, info, verbose="error").save(path, verbose="error")
        return path

    def edf(self, folder: Path, ending: str = "edf") -> Path:
        edfio = pytest.importorskip("edfio")
        make, signal = (
            (edfio.Edf, edfio.EdfSignal) if ending == "edf" else (edfio.Bdf, edfio.BdfSignal)
        )
        whole = np.zeros((-(-len(self.data) // 250) * 250, len(self.names)))
        whole[: len(self.data)] = self.data
        path = folder / f"run.{ending}"
        make(
            [
                signal(column, SFREQ, label=name, physical_dimension="uV", physical_range=(-60, 60))
                for name, column in zip(self.names, whole.T, strict=True)
            ],
            annotations=[
                edfio.EdfAnnotation(row / SFREQ, 0, value)
                for row, value in zip(self.rows, self.values, strict=True)
            ],
        ).write(path)
        return path

    def bdf(self, folder: Path) -> Path:
        return self.edf(folder, "bdf")

    def vhdr(self, folder: Path) -> Path:
        pybv = pytest.importorskip("pybv")
        pybv.write_brainvision(
            data=self.data.T * 1e-6,
            sfreq=SFREQ,
            ch_names=self.names,
            fname_base="run",
            folder_out=folder,
            events=[
                {"onset": int(row), "duration": 1, "description": int(value), "type": "Stimulus"}
                for row, value in zip(self.rows, self.values, strict=True)
            ],
            resolution=1e-3,
        )
        return folder / "run.vhdr"


@pytest.fixture
def run(runs: tuple[Path, Path]) -> Run:
    return Run(runs[0])


@pytest.fixture
def calibrated(saccade: Saccade, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return what calibrates on a recording and gives back what it reports."""

    def calibrate(path: Path, *flags: object) -> dict[str, Any]:
        out = tmp_path / f"{path.suffix[1:]}.saccade"
        outcome = saccade("calibrate", "--recording", path, "--out", out, *FILTERS, *flags)
        assert outcome.code == 0, outcome.err
        report: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
        return report

    return calibrate


@pytest.mark.parametrize(
    ("ending", "prefix"),
    [("xdf", ""), ("fif", ""), ("edf", ""), ("bdf", ""), ("vhdr", "Stimulus/S  ")],
)
def test_the_same_data_in_another_format_gives_the_same_figures(
    run: Run,
    calibrated: Callable[..., dict[str, Any]],
    tmp_path: Path,
    ending: str,
    prefix: str,
) -> None:
    expected = calibrated(run.npz(tmp_path), *labels())
    found = calibrated(getattr(run, ending)(tmp_path), *labels(prefix))
    assert (found["trials"], found["trials_of"]) == (60, expected["trials_of"])
    assert found["rejected"] == {}
    for key in ("top1", "top5", "n"):
        assert found["figures"][key] == expected["figures"][key]
    # EDF has 16 bits for ±60 µV, BrainVision a nanovolt.
    assert found["figures"]["auc"] == pytest.approx(expected["figures"]["auc"], abs=0.01)
    assert expected["figures"]["auc"] > 0.75


def test_a_decoder_of_two_formats_knows_the_live_markers_too(
    run: Run, saccade: Saccade, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "both.saccade"
    recordings = ("--recording", run.vhdr(tmp_path), "--recording", run.xdf(tmp_path))
    both = (*labels("Stimulus/S  "), *labels())
    outcome = saccade("calibrate", *recordings, "--out", out, *both, *FILTERS)
    assert outcome.code == 0, outcome.err
    assert json.loads(outcome.out.splitlines()[-1])["trials"] == 120
    assert load(out).labels["Stimulus/S  1"] == load(out).labels["1"] == "dog"
    outcome = saccade("replay", runs[1], "--decoder", out, "--json")
    assert json.loads(outcome.out.splitlines()[-1])["predictions"] == 60


def test_the_label_to_add_can_be_pasted_into_a_shell(
    run: Run, saccade: Saccade, tmp_path: Path
) -> None:
    path = run.vhdr(tmp_path)
    outcome = saccade("calibrate", "--recording", path, "--out", tmp_path / "x.saccade", *labels())
    assert outcome.code == 1
    assert outcome.err.strip().endswith("=CONCEPT")
    assert "add --label 'Stimulus/S  " in outcome.err


@pytest.mark.parametrize("kind", ["eeg", "seeg", "ecog", "dbs"])
def test_a_limit_in_microvolts_holds_for_every_voltage_of_the_brain(
    run: Run, saccade: Saccade, tmp_path: Path, kind: str
) -> None:
    mne = pytest.importorskip("mne")
    names = [f"A{i}" for i in range(1, 5)]  # no electrodes of a cap
    data = run.data.T.astype(float) * 1e-6
    for row in run.rows[:10]:
        data[1, row : row + 20] += 5e-4
    info = mne.create_info([*names, "STI 014"], SFREQ, [kind] * 4 + ["stim"])
    path = tmp_path / "run_raw.fif"
    raw = mne.io.RawArray(np.vstack([data, run.stim[np.newaxis]]), info, verbose="error")
    raw.save(path, verbose="error")
    outcome = saccade(
        *("calibrate", "--recording", path, "--out", tmp_path / "x.saccade", *labels(), *FILTERS),
        *("--reject-ptp-uv", 150, "--folds", 2),
    )
    assert outcome.code == 0, outcome.err
    report = json.loads(outcome.out.splitlines()[-1])
    assert 40 < report["trials"] <= 50  # the filters ring into the trials beside those
    assert report["rejected"] == {"peak to peak": 60 - report["trials"]}


def test_magnetometers_have_no_microvolts(run: Run, saccade: Saccade, tmp_path: Path) -> None:
    mne = pytest.importorskip("mne")
    info = mne.create_info([*run.names, "STI 014"], SFREQ, ["mag"] * 4 + ["stim"])
    path = tmp_path / "run_raw.fif"
    values = np.vstack([run.data.T * 1e-15, run.stim[np.newaxis]])
    mne.io.RawArray(values, info, verbose="error").save(path, verbose="error")
    command = ("calibrate", "--recording", path, "--out", tmp_path / "x.saccade", *labels())
    outcome = saccade(*command)
    assert "has no channel of EEG, SEEG, ECoG or the like, but only mag" in outcome.err
    outcome = saccade(*command, "--channels", "C3,C4,O1,O2", "--reject-ptp-uv", 150)
    assert "reject_ptp_uv can judge channels of EEG" in outcome.err
