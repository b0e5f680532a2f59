"""BrainVision, EEGLAB and GDF, read through MNE: what it gives, and what it passes over."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pybv
import pytest
import scipy.io

from saccade.realtime.errors import RecordingError, UnitError
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.recording import read_recording

N, RATE = 2000, 200.0
RNG = np.random.default_rng(6)
UV = RNG.normal(0.0, 20.0, (N, 2)).round(1)


def test_nonsense_is_refused_in_one_line(tmp_path) -> None:
    for ending in (".edf", ".bdf", ".gdf", ".fif", ".set", ".vhdr"):
        path = tmp_path / f"no{ending}"
        for content in (b"", b"nonsense " * 100):
            path.write_bytes(content)
            with pytest.raises(RecordingError, match=re.escape(path.name)) as caught:
                read_recording(path)
            assert "\n" not in str(caught.value)


@pytest.fixture
def brainvision(tmp_path: Path) -> Path:
    pybv.write_brainvision(
        data=UV.T * 1e-6,
        sfreq=RATE,
        ch_names=["Cz", "HEOG"],
        fname_base="run",
        folder_out=tmp_path,
        events=[
            {"onset": 200, "duration": 1, "description": 1, "type": "Stimulus"},
            {"onset": 1200, "duration": 1, "description": "end of it", "type": "Comment"},
        ],
        unit="µV",
        resolution=0.1,
    )
    return tmp_path / "run.vhdr"


def with_segments(vhdr: Path, *segments: tuple[int, str]) -> Path:
    """Add segments to a marker file: first sample, counted from 0, and date."""
    vmrk = vhdr.with_suffix(".vmrk")
    text = vmrk.read_text(encoding="utf-8").rstrip()
    text = "\n".join(line for line in text.splitlines() if "New Segment" not in line)
    for number, (row, date) in enumerate(segments, 90):
        text += f"\nMk{number}=New Segment,,{row + 1},1,0{f',{date}' if date else ''}"
    vmrk.write_text(text + "\n", encoding="utf-8")
    return vhdr


def test_brainvision_keeps_unit_and_markers(brainvision) -> None:
    recording = read_recording(brainvision)
    assert recording.spec.ch_types == ("eeg", "eog")
    assert recording.spec.units == ("µV", "µV")
    assert np.allclose(recording.data, UV, atol=1e-3)
    assert [m.value for m in recording.markers] == ["Stimulus/S  1", "Comment/end of it"]
    assert recording.marker_rows == (200, 1200)
    assert not recording.flags.any()


def test_a_marker_past_the_end_is_kept(brainvision) -> None:
    vmrk = brainvision.with_suffix(".vmrk")
    vmrk.write_text(vmrk.read_text(encoding="utf-8") + f"Mk9=Stimulus,S  9,{N + 11},1,0\n")
    recording = read_recording(brainvision)
    assert recording.markers[-1].value == "Stimulus/S  9"
    assert recording.markers[-1].stamp == pytest.approx((N + 10) / RATE)
    assert recording.marker_rows[-1] == N
    assert recording.notes == ()


def test_pauses_of_brainvision_are_gaps_of_their_length(brainvision) -> None:
    path = with_segments(
        brainvision,
        (0, "20260102030405000000"),
        (500, "20260102030407500000"),  # when the 500 samples are over: no pause
        (1000, "20260102030417250000"),
    )
    recording = read_recording(path)
    assert np.array_equal(recording.stamps[:1000], np.arange(1000) / RATE)
    assert recording.stamps[1000] == pytest.approx(12.25, abs=1e-9)
    assert np.flatnonzero(recording.flags).tolist() == [1000]
    assert recording.markers[1].stamp == pytest.approx(13.25, abs=1e-9)
    assert recording.marker_rows == (200, 1200)


def test_a_pause_of_unknown_length_is_one_all_the_same(brainvision) -> None:
    recording = read_recording(with_segments(brainvision, (0, ""), (1000, "")))
    assert np.allclose(recording.stamps, np.arange(N) / RATE)
    assert np.flatnonzero(recording.flags).tolist() == [1000]
    assert any("paused 1 times for a time that it does not say" in n for n in recording.notes)


def test_a_segment_that_begins_before_the_last_has_ended_is_told(brainvision) -> None:
    """Summer time ended between them; the pause after that keeps its length."""
    path = with_segments(
        brainvision,
        (0, "20261025025900000000"),
        (500, "20261025020000000000"),
        (1000, "20261025020012500000"),
    )
    recording = read_recording(path)
    expected = np.arange(N) / RATE + 10.0 * (np.arange(N) >= 1000)
    assert np.allclose(recording.stamps, expected, atol=1e-9)
    assert np.flatnonzero(recording.flags).tolist() == [500, 1000]
    assert recording.marker_rows == (200, 1200)
    (note,) = recording.notes
    assert "from sample 500 on that begins 3542.5 s before the end of the one before" in note


def test_a_date_that_no_calendar_has_is_no_date(brainvision) -> None:
    recording = read_recording(
        with_segments(brainvision, (0, "20260102030405000000"), (1000, "20260199030405000000"))
    )
    assert np.allclose(recording.stamps, np.arange(N) / RATE, atol=1e-9)
    assert np.flatnonzero(recording.flags).tolist() == [1000]
    assert any("paused 1 times for a time that it does not say" in n for n in recording.notes)


def test_no_voltage_in_brainvision_is_no_eeg(brainvision) -> None:
    text = brainvision.read_text(encoding="utf-8").replace("Ch2=HEOG,,0.1,µV", "Ch2=GSR,,0.1,µS")
    brainvision.write_text(text, encoding="utf-8")
    spec = read_recording(brainvision).spec
    assert (spec.ch_types, spec.units) == (("eeg", "misc"), ("µV", "µS"))
    FileSource(FileSourceSettings(brainvision)).open()


# --- EEGLAB


def eeglab(path: Path, *, n_trials: int = 1, fdt: bool = False, events=()) -> Path:  # type: ignore[no-untyped-def]
    data = UV.T if n_trials == 1 else UV.T.reshape(2, N // n_trials, n_trials)
    if fdt:
        UV.astype("<f4").tofile(path.with_suffix(".fdt"))
        data = path.with_suffix(".fdt").name
    labels = np.array([(name,) for name in ("Cz", "Oz")], dtype=[("labels", "O")])
    marks = np.array(
        [(kind, latency, duration) for kind, latency, duration in events],
        dtype=[("type", "O"), ("latency", "O"), ("duration", "O")],
    )
    content = {
        "data": data,
        "srate": RATE,
        "nbchan": 2.0,
        "pnts": float(N // n_trials),
        "trials": float(n_trials),
        "xmin": 0.0,
        "xmax": (N - 1) / RATE,
        "chanlocs": labels,
        "event": marks,
        "epoch": np.empty(0),
        "icaweights": np.empty(0),
        "icawinv": np.empty(0),
        "icasphere": np.empty(0),
        "icachansind": np.empty(0),
        "setname": "run",
        "ref": "common",
    }
    scipy.io.savemat(path, {"EEG": content})
    return path


@pytest.mark.parametrize("fdt", [False, True])
def test_eeglab_with_and_without_fdt(tmp_path, fdt) -> None:
    events = [("go", 201.0, 1.0), ("stop", 801.0, 1.0)]
    recording = read_recording(eeglab(tmp_path / "run.set", fdt=fdt, events=events))
    assert recording.spec.units == ("uV", "uV")
    assert recording.spec.ch_types == ("eeg", "eeg")
    assert np.allclose(recording.data, UV, atol=1e-4)
    assert [m.value for m in recording.markers] == ["go", "stop"]
    assert recording.marker_rows == (200, 800)


def test_what_eeglab_cut_out_is_a_gap(tmp_path) -> None:
    events = [("boundary", 500.5, 300.0), ("go", 801.0, 1.0), ("boundary", 1000.5, np.nan)]
    recording = read_recording(eeglab(tmp_path / "run.set", events=events))
    assert np.flatnonzero(recording.flags).tolist() == [500, 1000]
    assert recording.stamps[500] == pytest.approx(800 / RATE)
    assert recording.stamps[1000] == pytest.approx(1300 / RATE)  # nobody knows how long
    assert [m.value for m in recording.markers] == ["go"]
    assert recording.marker_rows == (800,)
    assert recording.markers[0].stamp == pytest.approx(1100 / RATE)


def test_epoched_eeglab_is_refused_with_advice(tmp_path) -> None:
    path = eeglab(tmp_path / "run.set", n_trials=4)
    with pytest.raises(RecordingError, match=r"holds epochs and no continuous recording.*export"):
        read_recording(path)


def test_a_set_whose_fdt_is_missing_is_refused(tmp_path) -> None:
    path = eeglab(tmp_path / "run.set", fdt=True)
    path.with_suffix(".fdt").unlink()
    with pytest.raises(RecordingError, match=r"run\.set can't be read by MNE"):
        read_recording(path)


# --- GDF


def test_gdf_keeps_unit_and_events(write_gdf, tmp_path) -> None:
    recording = read_recording(write_gdf(tmp_path / "run.gdf", UV, RATE))
    assert recording.spec.sfreq == RATE
    assert recording.spec.units == ("uV", "uV")
    assert np.allclose(recording.data, UV, atol=1e-3)
    assert [m.value for m in recording.markers] == ["33024", "33025"]
    assert recording.marker_rows == (200, 800)


def test_gdf_without_a_unit_needs_one(write_gdf, tmp_path) -> None:
    path = write_gdf(tmp_path / "run.gdf", UV, RATE, unit_code=0)
    assert np.allclose(read_recording(path).data, UV, atol=1e-3)
    with pytest.raises(UnitError, match="it gives none for Cz, Oz: say which with --unit"):
        FileSource(FileSourceSettings(path)).open()
    FileSource(FileSourceSettings(path, unit="uV")).open()


def test_a_gdf_with_more_samples_than_bytes_is_refused(write_gdf, tmp_path) -> None:
    path = write_gdf(tmp_path / "run.gdf", UV, RATE)
    content = bytearray(path.read_bytes())
    content[236:244] = np.int64(10**6).tobytes()  # records
    path.write_bytes(bytes(content))
    with pytest.raises(RecordingError, match=r"should hold 2000000000 samples .* bytes can't"):
        read_recording(path)
