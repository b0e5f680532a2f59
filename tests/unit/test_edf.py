"""EDF and BDF: units, rates, annotations, pauses."""

from __future__ import annotations

from pathlib import Path

import edfio
import numpy as np
import pytest

from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.recording import RecordingOptions, read_recording

N, RATE = 2000, 200.0
RNG = np.random.default_rng(6)
UV = RNG.normal(0.0, 20.0, (N, 2)).round(1)


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
    column = np.zeros(N)
    column[[100, 300]] = 5, 6
    status = edfio.BdfSignal(
        column,
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
