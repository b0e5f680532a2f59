"""FIF, read through MNE: what it gives, and what it passes over."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saccade.realtime.errors import RecordingError, UnitError
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.recording import RecordingOptions, read_recording
from saccade.realtime.types import Flag

N, RATE = 2000, 200.0
RNG = np.random.default_rng(6)
UV = RNG.normal(0.0, 20.0, (N, 2)).round(1)


@pytest.fixture
def mne():  # type: ignore[no-untyped-def]
    return pytest.importorskip("mne")


@pytest.fixture
def fif(tmp_path: Path, mne) -> Callable[..., Path]:
    """Return what writes a FIF file: channels by name and type, stimulus channels and marks."""

    def write(kinds=("eeg", "eeg"), stim=None, marks=(), scale=1e-6, first_samp=0) -> Path:
        data = [*(UV.T * scale)]
        names, kinds = ["Cz", "Oz"], list(kinds)
        for name, column in (stim or {}).items():
            data.append(column)
            names.append(name)
            kinds.append("stim")
        info = mne.create_info(names, RATE, kinds)
        raw = mne.io.RawArray(np.array(data), info, first_samp=first_samp, verbose="error")
        if marks:
            raw.set_annotations(mne.Annotations(*zip(*marks, strict=True)))
        path = tmp_path / "run_raw.fif"
        raw.save(path, overwrite=True, fmt="double", verbose="error")
        return path

    return write


def trigger(**events: int) -> np.ndarray:
    column = np.zeros(N)
    for place, value in events.items():
        column[int(place[1:])] = value
    return column


def test_fif_is_in_volts_and_its_annotations_are_markers(fif) -> None:
    path = fif(marks=[(1.0, 0.0, "go"), (2.5, 0.5, "BAD_blink"), (3.0025, 0.0, "stop ")])
    recording = read_recording(path)
    assert recording.spec.name == "run_raw"
    assert recording.spec.sfreq == RATE
    assert recording.spec.units == ("V", "V")
    assert np.allclose(recording.data * 1e6, UV, atol=1e-4)
    assert np.array_equal(recording.stamps, np.arange(N) / RATE)
    assert [m.value for m in recording.markers] == ["go", "stop"]
    assert recording.marker_rows[0] == 200
    assert recording.markers[1].stamp == pytest.approx(3.0025, abs=1e-9)  # between two samples
    assert any("1 spans of 0.5 s in all as bad" in note for note in recording.notes)


def test_what_mne_leaves_out_of_a_fif_is_told(fif, mne) -> None:
    path = fif(marks=[(1.0, 0.0, "go"), (2.5, 0.5, "BAD_blink")])
    raw = mne.io.read_raw_fif(path, preload=True, verbose="error")
    raw._annotations = mne.Annotations([1.0, N / RATE + 3], [0.0] * 2, ["go", "late"])
    raw.save(path, overwrite=True, verbose="error")
    recording = read_recording(path)
    assert [m.value for m in recording.markers] == ["go"]
    (note,) = recording.notes
    assert note.endswith("has 1 annotations outside its samples: MNE leaves them out")


def test_fif_that_was_cropped_keeps_its_annotations_at_their_samples(fif) -> None:
    recording = read_recording(fif(marks=[(1.0, 0.0, "go")], first_samp=700))
    assert recording.marker_rows == (200,)
    assert recording.markers[0].stamp == recording.stamps[200]


def test_stimulus_channels_are_markers_where_nothing_is_annotated(fif) -> None:
    stim = {"STI 001": trigger(r100=1), "STI 014": trigger(r100=5, r300=6)}
    path = fif(stim=stim)
    recording = read_recording(path)
    assert recording.spec.ch_names == ("Cz", "Oz")
    assert [(m.value, m.stream) for m in recording.markers] == [("5", "STI 014"), ("6", "STI 014")]
    assert recording.marker_rows == (100, 300)
    other = read_recording(path, RecordingOptions(markers=("STI 001",)))
    assert [m.value for m in other.markers] == ["1"]


def test_annotations_go_before_stimulus_channels_unless_both_are_asked_for(fif) -> None:
    path = fif(stim={"STI 014": trigger(r100=5)}, marks=[(1.0, 0.0, "go")])
    recording = read_recording(path)
    assert [m.value for m in recording.markers] == ["go"]
    assert any("events on STI 014 too: without --markers" in note for note in recording.notes)
    both = RecordingOptions(markers=("annotations", "STI 014"))
    assert [m.value for m in read_recording(path, both).markers] == ["5", "go"]


def test_what_was_never_recorded_is_a_gap_and_no_zeros(fif) -> None:
    recording = read_recording(fif(marks=[(2.0, 1.0, "BAD_ACQ_SKIP"), (4.0, 0.0, "go")]))
    kept = np.r_[0:400, 600:N]
    assert np.array_equal(recording.stamps, kept / RATE)
    assert np.allclose(recording.data * 1e6, UV[kept], atol=1e-4)
    assert np.flatnonzero(recording.flags).tolist() == [400]
    assert recording.flags[400] == Flag.GAP
    assert recording.marker_rows == (600,)  # of the samples that are left
    assert recording.markers[0].stamp == 4.0


def test_meg_is_a_signal_and_stays_in_its_unit(fif) -> None:
    recording = read_recording(fif(kinds=("mag", "mag"), scale=1e-13))
    assert recording.spec.units == ("T", "T")
    FileSource(FileSourceSettings(fif(kinds=("mag", "mag"), scale=1e-13))).open()


def test_a_file_without_eeg_or_meg_is_refused(fif) -> None:
    with pytest.raises(RecordingError, match=r"no stream of EEG, but 'run_raw' \(no type"):
        read_recording(fif(kinds=("misc", "misc")))


@pytest.mark.parametrize(("scale", "unit"), [(1e-3, "mV"), (1.0, "uV")])
def test_a_wrong_unit_is_refused_and_the_right_one_can_be_said(fif, scale, unit) -> None:
    """The numbers in the file are 20 mV, or 20 V."""
    path = fif(scale=scale)
    advice = {"mV": "check the amplifier|--unit", "uV": "try --unit uV"}[unit]
    with pytest.raises(UnitError, match=advice):
        FileSource(FileSourceSettings(path)).open()
    source = FileSource(FileSourceSettings(path, unit="uV"))
    source.open()


def test_epochs_averages_and_events_are_refused_with_advice(tmp_path, mne) -> None:
    info = mne.create_info(["Cz"], RATE, "eeg")
    epochs = mne.EpochsArray(np.zeros((3, 1, 50)), info, verbose="error")
    epochs.save(tmp_path / "run-epo.fif", verbose="error")
    mne.write_events(tmp_path / "run-eve.fif", np.array([[1, 0, 2]]), verbose="error")
    for name in ("run-epo.fif", "run-eve.fif"):
        with pytest.raises(RecordingError, match=r"no continuous recording.*_raw\.fif"):
            read_recording(tmp_path / name)
