"""Recorded files: what is read, and what is refused because the file does not say it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError, RecordingError, UnitError
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.recording import RecordingOptions, read_recording

N = 400
RNG = np.random.default_rng(3)
SIGNAL = RNG.normal(0.0, 10.0, (N, 2)).round(3)
STAMPS = 1000.0 + np.arange(N) / 200.0
EVENTS = np.zeros(N)
EVENTS[[50, 150, 151]] = (1, 2, 2)  # a trigger held for two samples is one event
NOTHING, RATE = RecordingOptions(), RecordingOptions(sfreq=10.0)


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    path = tmp_path / "run.csv"
    table = np.column_stack([STAMPS, SIGNAL, np.arange(N), EVENTS])
    np.savetxt(
        path,
        table,
        delimiter=",",
        fmt="%.6f",
        header="timestamps,Cz,Oz,Right AUX,Marker0",
        comments="",
    )
    return path


@pytest.fixture
def npz(tmp_path: Path) -> Path:
    path = tmp_path / "run.npz"
    np.savez(path, data=SIGNAL, stim=EVENTS.astype(np.int16), sfreq=200.0, ch_names=["Cz", "Oz"])
    return path


def test_csv_columns_become_channels_stamps_and_markers(csv: Path) -> None:
    recording = read_recording(csv)
    assert recording.spec.ch_names == ("Cz", "Oz", "Right AUX")
    assert recording.spec.ch_types == ("eeg", "eeg", "aux")
    assert recording.spec.units == ("", "", "")
    assert recording.spec.sfreq == 200.0
    assert np.allclose(recording.stamps, STAMPS)
    assert np.allclose(recording.data[:, :2], SIGNAL, atol=1e-5)
    assert [(m.value, m.stream) for m in recording.markers] == [("1", "Marker0"), ("2", "Marker0")]
    assert recording.marker_rows == (50, 150)
    assert recording.markers[1].stamp == recording.stamps[150]


def test_npz_arrays_become_the_same(npz: Path) -> None:
    recording = read_recording(npz)
    assert recording.spec.ch_names == ("Cz", "Oz")
    assert recording.spec.sfreq == 200.0
    assert np.array_equal(recording.data, SIGNAL.astype(np.float32))
    assert np.array_equal(recording.stamps, np.arange(N) / 200.0)
    assert recording.marker_rows == (50, 150)


def test_large_trigger_codes_keep_all_their_digits_and_nan_is_none(tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    stim = np.zeros(N)
    stim[[10, 20, 30, 40]] = (3801093, 3801094, np.nan, 2.5)
    np.savez(path, data=SIGNAL, stim=stim, sfreq=200.0)
    markers = read_recording(path).markers
    assert [marker.value for marker in markers] == ["3801093", "3801094", "2.5"]


def test_npz_with_channels_first_is_turned(tmp_path: Path) -> None:
    path = tmp_path / "turned.npz"
    np.savez(path, data=SIGNAL.T)
    recording = read_recording(path, RecordingOptions(sfreq=128.0))
    assert recording.data.shape == (N, 2)
    assert recording.spec.ch_names == ("1", "2")


def test_names_and_rate_can_be_given(npz: Path) -> None:
    recording = read_recording(npz, RecordingOptions(sfreq=100.0, ch_names=("A", "B")))
    assert (recording.spec.sfreq, recording.spec.ch_names) == (100.0, ("A", "B"))


def test_the_rate_is_read_off_the_stamps_whatever_their_jitter_and_gaps(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    stamps = STAMPS + rng.uniform(-0.002, 0.002, N)
    stamps[200:] += 60.0
    path = tmp_path / "gap.npz"
    np.savez(path, data=SIGNAL, timestamps=stamps)
    assert read_recording(path).spec.sfreq == 200.0


def test_the_source_hands_out_everything_once_with_its_markers(csv: Path) -> None:
    settings = FileSourceSettings(csv, unit="uV", chunk_samples=37)
    source = FileSource(settings)
    spec = source.open()
    assert spec.units == ("µV", "µV", "")
    chunks, markers = [], []
    while (reading := source.read(0.0)) is not None:
        held = range(reading.chunk.index, reading.chunk.index + len(reading.chunk))
        for marker in reading.markers:
            assert source.recording.marker_rows[len(markers)] in held
            markers.append(marker)
        chunks.append(reading.chunk)
    assert [c.index for c in chunks] == list(range(0, N, 37))
    data = np.concatenate([c.data for c in chunks])
    assert np.allclose(data[:, :2], SIGNAL, atol=1e-5)
    assert tuple(markers) == source.recording.markers
    source.open()
    again = source.read(0.0)
    assert again is not None
    assert np.array_equal(again.chunk.data, chunks[0].data)


def test_a_unit_can_be_said_and_is_applied_once(csv: Path) -> None:
    source = FileSource(FileSourceSettings(csv, unit="nV"))
    source.open()
    reading = source.read(0.0)
    assert reading is not None
    assert np.allclose(reading.chunk.data[:, :2], SIGNAL[:256] / 1e3, rtol=1e-5)


def refused(
    path: Path, text: str | bytes, message: str, options: RecordingOptions = NOTHING
) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RecordingError, match=message) as caught:
        read_recording(path, options)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    refused(path, "", "has 0 columns and no rows")
    refused(path, "time,Cz\n", "has 2 columns and no rows")
    refused(path, "time,Cz\n0,1\n0.1,oops\n", "table of numbers.*oops")
    refused(path, "time,Cz\n0,1\n0.1,1,2\n", "table of numbers")
    refused(path, "time,Cz,Cz\n0,1,2\n1,2,3\n", "name each column once")
    refused(path, "Cz,Oz\n0,1\n1,2\n", "neither time stamps nor a rate: say its rate with --sfreq")
    refused(path, "time,Cz\n0,1\n0.3,2\n0.37,3\n", r"5\.405 Hz, which is not near.*--sfreq")
    refused(path, "time,Cz\nnan,1\n0.3,2\n", "1 time stamps that are no time", RATE)
    refused(path, b"\xff\xfe\x00\x01", "table of numbers|header")
    refused(tmp_path / "bad.npz", b"PK\x03\x04 not a zip", "plain NPZ arrays")
    refused(tmp_path / "bad.txt", "x", r"\.csv, \.npz, not '\.txt': convert it first")
    refused(tmp_path / "run.eeg", "x", r"not '\.eeg': give the file run\.vhdr beside it")
    with pytest.raises(RecordingError, match="no recording at"):
        read_recording(tmp_path / "absent.csv")


@pytest.mark.parametrize(("unit", "per_s"), [("ms", 1e3), ("µs", 1e6), ("ns", 1e9)])
def test_stamps_in_another_unit_than_seconds_are_called_so(
    tmp_path: Path, unit: str, per_s: float
) -> None:
    path = tmp_path / "bad.npz"
    np.savez(path, data=SIGNAL, timestamps=np.arange(N) / 200.0 * per_s)
    for options in (NOTHING, RecordingOptions(sfreq=200.0)):
        with pytest.raises(RecordingError, match=f"they look like {unit}, write them in s"):
            read_recording(path, options)


def test_text_in_a_table_is_refused_where_an_editor_shows_it(tmp_path: Path) -> None:
    text = "time,Cz,Marker\n0,1,0\n0.1,1,dog\n"
    refused(tmp_path / "bad.csv", text, "line 3 has 'dog' under 'Marker': write events as numbers")


def test_arrays_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.npz"
    for arrays, message in (
        ({"signal": SIGNAL}, r"should hold 'data'.*signal \(400, 2\)"),
        ({"data": SIGNAL, "stim": EVENTS[:-1]}, r"'stim' should have one number.*\(399,\)"),
        ({"data": SIGNAL, "ch_names": ["Cz"], "sfreq": 1.0}, "2 channels, but 1 names"),
        ({"data": SIGNAL[:1, :1], "sfreq": 1.0}, "at least 2 samples"),
        ({"data": SIGNAL, "sfreq": -5.0}, "above 0 Hz, not -5"),
        ({"data": SIGNAL, "sfreq": [1.0, 2.0]}, "one number as 'sfreq'"),
        ({"data": SIGNAL, "stim": np.full(N, "go"), "sfreq": 1.0}, "numbers in 'stim'"),
        ({"data": SIGNAL, "timestamps": STAMPS, "sfreq": 250.0}, r"250 Hz, but .* 200\.000"),
    ):
        np.savez(path, **arrays)
        with pytest.raises(RecordingError, match=message):
            read_recording(path)


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "pickled.npz"
    np.savez(path, data=np.array([{"a": 1}], dtype=object))
    with pytest.raises(RecordingError, match="plain NPZ arrays"):
        read_recording(path)


def test_a_file_without_a_unit_is_refused_with_the_way_out(csv: Path) -> None:
    with pytest.raises(UnitError, match="--unit"):
        FileSource(FileSourceSettings(csv)).open()


def test_an_unbelievable_amplitude_is_refused_unless_the_user_says_so(tmp_path: Path) -> None:
    path = tmp_path / "volts.npz"
    np.savez(path, data=SIGNAL * 1e-6, sfreq=200.0, unit="uV")
    with pytest.raises(UnitError, match="--unit"):
        FileSource(FileSourceSettings(path)).open()
    FileSource(FileSourceSettings(path, unit="V")).open()


def test_chunks_must_hold_something(csv: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape("at least 1, not 0")):
        FileSource(FileSourceSettings(csv, chunk_samples=0))
