"""Formats read through MNE: what it gives, and what it passes over."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import pybv
import pytest
import scipy.io

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


# --- FIF


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


# --- EDF and BDF


def edf(path: Path, *signals: edfio.EdfSignal, **more) -> Path:  # type: ignore[no-untyped-def]
    maker = edfio.Bdf if path.suffix == ".bdf" else edfio.Edf
    maker(list(signals), **more).write(path)
    return path


def signal(column: int, label: str, unit: str = "uV", rate: float = RATE, n: int = N, bdf=False):  # type: ignore[no-untyped-def]
    maker = edfio.BdfSignal if bdf else edfio.EdfSignal
    return maker(
        UV[:n, column],
        rate,
        label=label,
        physical_dimension=unit,
        physical_range=(-3276.8, 3276.7),
    )


def test_edf_keeps_units_types_by_name_and_annotations(tmp_path) -> None:
    path = edf(
        tmp_path / "a.edf",
        signal(0, "EEG Cz-Ref"),
        signal(1, "EOG left"),
        annotations=[edfio.EdfAnnotation(1.0, None, "go"), edfio.EdfAnnotation(2.5012, 1, "stop")],
    )
    recording = read_recording(path)
    assert recording.spec.ch_names == ("EEG Cz-Ref", "EOG left")
    assert recording.spec.ch_types == ("eeg", "eog")
    assert recording.spec.units == ("uV", "uV")
    assert np.allclose(recording.data, UV, atol=0.06)
    assert [m.value for m in recording.markers] == ["go", "stop"]
    assert [m.stamp for m in recording.markers] == pytest.approx([1.0, 2.5012], abs=1e-9)
    assert recording.marker_rows == (200, 500)


def test_bdf_has_three_bytes_and_a_status_channel(tmp_path) -> None:
    status = edfio.BdfSignal(
        trigger(r100=5, r300=6),
        RATE,
        label="Status",
        physical_dimension="Boolean",
        physical_range=(-8388608, 8388607),
    )
    path = edf(tmp_path / "a.bdf", signal(0, "Cz", bdf=True), status)
    recording = read_recording(path)
    assert np.allclose(recording.data[:, 0], UV[:, 0], atol=1e-3)
    assert [(m.value, m.stream) for m in recording.markers] == [("5", "Status"), ("6", "Status")]


def test_volts_and_millivolts_are_not_taken_for_microvolts(tmp_path) -> None:
    for unit, factor in (("mV", 1e3), ("V", 1e6), ("nV", 1e-3)):
        path = edf(tmp_path / f"{unit}.edf", signal(0, "Cz", unit), signal(1, "Oz", unit))
        recording = read_recording(path)
        assert recording.spec.units == (unit, unit)
        assert np.allclose(recording.data, UV, atol=0.06), "the numbers of the file"
        source = FileSource(FileSourceSettings(path, unit="uV"))
        source.open()
        reading = source.read(0.0)
        assert reading is not None
        assert np.allclose(reading.chunk.data, UV[:256], atol=0.06)
        assert factor != 1


def test_channels_of_another_rate_are_left_out_and_named_not_filled_up(tmp_path) -> None:
    path = edf(
        tmp_path / "a.edf",
        signal(0, "Cz"),
        signal(1, "Oz"),
        signal(0, "SpO2", "%", rate=1.0, n=10),
    )
    recording = read_recording(path)
    assert recording.spec.ch_names == ("Cz", "Oz")
    assert any("SpO2 (1 Hz); they are left out" in note for note in recording.notes)


def test_what_is_no_voltage_is_no_eeg(tmp_path) -> None:
    path = edf(tmp_path / "a.edf", signal(0, "Cz"), signal(1, "Temp", "degC"))
    assert read_recording(path).spec.ch_types == ("eeg", "misc")
    FileSource(FileSourceSettings(path)).open()


def test_channels_named_alike_are_refused_not_renamed(tmp_path) -> None:
    path = edf(tmp_path / "a.edf", signal(0, "Cz"), signal(1, "Cz"))
    with pytest.raises(RecordingError, match=r"has Cz more than once.*--ch-names"):
        read_recording(path)
    names = RecordingOptions(ch_names=("Cz", "Cz left"))
    assert read_recording(path, names).spec.ch_names == ("Cz", "Cz left")


def test_an_edf_that_is_cut_short_is_read_and_told(tmp_path) -> None:
    path = edf(tmp_path / "a.edf", signal(0, "Cz"), signal(1, "Oz"))
    path.write_bytes(path.read_bytes()[:-900])
    recording = read_recording(path)
    assert len(recording.data) == N - 400  # two records of a second are not whole
    assert np.allclose(recording.data, UV[: N - 400], atol=0.06)
    assert any("should have 10 records, but has 8" in note for note in recording.notes)


def discontinuous(tmp_path: Path, starts: list[float]) -> Path:
    """Write ten records of a second as EDF+D, each with the time it is said to begin at."""
    path = edf(
        tmp_path / "d.edf",
        signal(0, "Cz"),
        signal(1, "Oz"),
        annotations=[edfio.EdfAnnotation(at + 0.5, None, f"at {at} and room") for at in range(10)],
    )
    content = bytearray(path.read_bytes())
    content[192:197] = b"EDF+D"
    n_channels = int(content[252:256])
    counts = [int(content[256 + 216 * n_channels + 8 * i :][:8]) for i in range(n_channels)]
    record = 2 * sum(counts)
    tal = 256 * (n_channels + 1) + 2 * sum(counts[:-1])
    for i, start in enumerate(starts):
        at = tal + i * record
        text = bytes(content[at : at + 2 * counts[-1]])
        moved = f"+{start:g}".encode() + b"\x14\x14\x00" + f"+{start + 0.5:g}".encode()
        moved += f"\x14at {i}\x14\x00".encode()
        content[at : at + len(text)] = moved.ljust(len(text), b"\0")
    path.write_bytes(bytes(content))
    return path


def test_edf_d_has_its_gaps_and_its_annotations_in_place(tmp_path) -> None:
    starts = [0, 1, 2, 3, 10, 11, 12, 20.5, 21.5, 22.5]
    recording = read_recording(discontinuous(tmp_path, starts))
    assert np.allclose(recording.data, UV, atol=0.06)
    expected = np.repeat(starts, 200) + np.tile(np.arange(200) / RATE, 10)
    assert np.allclose(recording.stamps, expected, atol=1e-9)
    assert np.flatnonzero(recording.flags).tolist() == [800, 1400]
    assert [m.value for m in recording.markers] == [f"at {i}" for i in range(10)]
    assert np.allclose([m.stamp for m in recording.markers], np.array(starts) + 0.5)
    assert recording.marker_rows == tuple(200 * i + 100 for i in range(10))


def test_edf_d_without_pauses_is_as_edf_c(tmp_path) -> None:
    recording = read_recording(discontinuous(tmp_path, list(range(10))))
    assert np.allclose(recording.stamps, np.arange(N) / RATE)
    assert not recording.flags.any()


def test_nonsense_is_refused_in_one_line(tmp_path) -> None:
    for ending in (".edf", ".bdf", ".gdf", ".fif", ".set", ".vhdr"):
        path = tmp_path / f"no{ending}"
        for content in (b"", b"nonsense " * 100):
            path.write_bytes(content)
            with pytest.raises(RecordingError, match=re.escape(path.name)) as caught:
                read_recording(path)
            assert "\n" not in str(caught.value)


# --- BrainVision


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


def gdf(path: Path, unit_code: int = 4275) -> Path:
    """Write a minimal GDF 2.20: two channels of float32, one record, two events."""
    header = bytearray(256)
    header[:8] = b"GDF 2.20"
    header[168:176] = np.int64(733000 << 32).tobytes()
    header[184:186] = np.uint16(3).tobytes()  # header length in blocks of 256
    header[236:244] = np.int64(1).tobytes()  # records
    header[244:252] = np.array([N, RATE], "<u4").tobytes()  # length of one, as a fraction
    header[252:254] = np.uint16(2).tobytes()
    columns = [
        b"".join(name.ljust(16, b"\0") for name in (b"Cz", b"Oz")),
        b"\0" * 160,
        b"\0" * 12,
        np.array([unit_code] * 2, "<u2").tobytes(),
        np.array([-1e4] * 2, "<f8").tobytes(),
        np.array([1e4] * 2, "<f8").tobytes(),
        np.array([-1e4] * 2, "<f8").tobytes(),
        np.array([1e4] * 2, "<f8").tobytes(),
        b"\0" * (2 * 68),
        np.zeros(2, "<f4").tobytes(),
        np.zeros(2, "<f4").tobytes(),
        np.zeros(2, "<f4").tobytes(),
        np.array([N] * 2, "<u4").tobytes(),
        np.array([16] * 2, "<u4").tobytes(),
        b"\0" * (2 * 32),
    ]
    channels = b"".join(columns)
    assert len(channels) == 512
    events = bytes([1]) + (2).to_bytes(3, "little") + np.float32(RATE).tobytes()
    events += np.array([201, 801], "<u4").tobytes() + np.array([33024, 33025], "<u2").tobytes()
    path.write_bytes(bytes(header) + channels + UV.T.astype("<f4").tobytes() + events)
    return path


def test_gdf_keeps_unit_and_events(tmp_path) -> None:
    recording = read_recording(gdf(tmp_path / "run.gdf"))
    assert recording.spec.sfreq == RATE
    assert recording.spec.units == ("uV", "uV")
    assert np.allclose(recording.data, UV, atol=1e-3)
    assert [m.value for m in recording.markers] == ["33024", "33025"]
    assert recording.marker_rows == (200, 800)


def test_gdf_without_a_unit_needs_one(tmp_path) -> None:
    path = gdf(tmp_path / "run.gdf", unit_code=0)
    assert np.allclose(read_recording(path).data, UV, atol=1e-3)
    with pytest.raises(UnitError, match="it gives none for Cz, Oz: say which with --unit"):
        FileSource(FileSourceSettings(path)).open()
    FileSource(FileSourceSettings(path, unit="uV")).open()
