"""Public recordings of every format: the table in the documentation, against pyxdf and MNE."""

from __future__ import annotations

import importlib.util
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.formats.formats import read_contents
from saccade.realtime.sources.formats.xdf_clock import LEAST_SPAN_S
from saccade.realtime.sources.recording import RecordingOptions, recording_of
from saccade.realtime.types import Flag

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.real_data

# Where pyxdf takes the last offset for a fault of the recorder (pyxdf's issue 67 with pylsl), and
# with it a sample that the footer does not count: there is nothing wrong with either.
PYXDF_DROPS = {"sub-P003_ses-S001_task-Default_run-001_eeg.xdf": 1}


@pytest.fixture
def formats(monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = ROOT / "benchmarks"
    monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location("formats", folder / "formats.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "formats", module)
    spec.loader.exec_module(module)
    return module


def test_the_table_in_the_documentation_is_what_is_read(formats: Any, real_data: Path) -> None:
    rows = [(formats.public_name(s, p), formats.row(p)) for s, p in formats.files(real_data)]
    assert len(rows) > 30
    told = (ROOT / "docs" / "formats.md").read_text(encoding="utf-8").splitlines()
    expected = list(formats.table(rows))
    start = told.index(expected[0])
    assert told[start : start + len(expected)] == expected


def xdf_files(real_data: Path) -> list[Path]:
    return sorted((real_data / "xdf").glob("*/*.xdf"))


def test_xdf_is_what_pyxdf_reads_on_the_clock_it_finds(
    real_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Every sample of every stream, and stamps within a microsecond where a drift is known."""
    import pyxdf

    with caplog.at_level(logging.CRITICAL, "pyxdf"):
        for path in xdf_files(real_data):
            plain, _ = pyxdf.load_xdf(path, synchronize_clocks=False, dejitter_timestamps=False)
            synchronised, _ = pyxdf.load_xdf(path, dejitter_timestamps=False)
            contents = read_contents(path)
            assert len(contents.samples) + len(contents.events) == len(plain)
            samples, events = iter(contents.samples), iter(contents.events)
            for raw, their in zip(plain, synchronised, strict=True):
                is_text = raw["info"]["channel_format"][0] == "string"
                our = next(events if is_text else samples)
                assert our.name == raw["info"]["name"][0]
                if not is_text:
                    assert np.array_equal(our.data, np.asarray(raw["time_series"], np.float32))
                    assert np.array_equal(our.raw_stamps, raw["time_stamps"])
                dropped = PYXDF_DROPS.get(path.name, 0) if our.type == "EEG" else 0
                n = len(our.stamps) - dropped
                assert len(their["time_stamps"]) == n, path.name
                # The offset that pyxdf drops with the sample moves its line by its share.
                # And it draws a slope through what was measured over a few seconds.
                measured = their["clock_times"]
                is_short = len(measured) < 2 or abs(measured[-1] - measured[0]) < LEAST_SPAN_S
                near_s = 1e-4 if is_short else 3e-5 if dropped else 1e-6
                assert np.allclose(our.stamps[:n], their["time_stamps"], rtol=0, atol=near_s)


def test_the_rate_delivered_is_pyxdfs_to_a_part_in_a_thousand(
    formats: Any, real_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import pyxdf

    with caplog.at_level(logging.CRITICAL, "pyxdf"):
        for path in xdf_files(real_data):
            theirs, _ = pyxdf.load_xdf(path)
            facts = formats.row(path)["streams"]
            by_place = [s for s in theirs if s["info"]["channel_format"][0] != "string"]
            for our, their in zip(facts, by_place, strict=True):
                if our["taken"] and our.get("effective_sfreq"):
                    assert our["effective_sfreq"] == pytest.approx(
                        their["info"]["effective_srate"], rel=1e-3
                    ), path.name


def test_the_clock_reset_is_a_gap_on_one_clock(real_data: Path) -> None:
    """The stamps jump back 653 188 s; 273.6 s pass meanwhile, and both halves are on one clock.

    With its regression of stamp on sample number pyxdf makes 273.9 s of it, because the stream
    delivers unevenly and the two lines end elsewhere than the stamps do.
    """
    path = real_data / "xdf" / "example-files" / "clock_resets.xdf"
    recording = recording_of(path, read_contents(path), RecordingOptions())
    (row,) = np.flatnonzero(recording.flags)
    assert recording.flags[row] == Flag.GAP | Flag.CLOCK
    assert np.diff(recording.raw_stamps)[row - 1] == pytest.approx(-653187.894, abs=1e-3)
    assert np.diff(recording.stamps)[row - 1] == pytest.approx(273.556, abs=1e-3)
    assert np.diff(recording.stamps).min() > 0
    stamps = np.array([marker.stamp for marker in recording.markers])
    assert (np.diff(stamps) > 0).all()
    assert (np.diff(recording.marker_rows) >= 0).all()
    assert not ((stamps > recording.stamps[row - 1]) & (stamps < recording.stamps[row])).any()


def test_how_pyxdfs_regression_differs_is_as_the_documentation_says(
    real_data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    import pyxdf

    def eeg(name: str, **how: Any) -> tuple[Any, Any]:
        path = real_data / "xdf" / name
        with caplog.at_level(logging.CRITICAL, "pyxdf"):
            streams, _ = pyxdf.load_xdf(path, select_streams=[{"type": "EEG"}], **how)
        return recording_of(path, read_contents(path), RecordingOptions()), streams[0]

    reset = "example-files/clock_resets.xdf"
    ours, theirs = eeg(reset, dejitter_timestamps=False)
    assert np.abs(ours.stamps - theirs["time_stamps"]).max() < 1e-8
    _, theirs = eeg(reset)
    assert np.diff(theirs["time_stamps"]).max() == pytest.approx(273.879, abs=1e-3)
    assert np.abs(ours.stamps - theirs["time_stamps"]).max() == pytest.approx(0.274, abs=1e-3)
    ours, theirs = eeg("bci-essentials/151b6f_ssvep_example.xdf")
    assert np.abs(ours.stamps - theirs["time_stamps"]).max() == pytest.approx(0.177, abs=1e-3)
    bursts = np.flatnonzero(np.diff(ours.stamps) > 0.01)
    assert np.median(np.diff(bursts)) == 9
    assert np.median(np.diff(ours.stamps)[bursts]) == pytest.approx(0.030, abs=1e-3)
    _, theirs = eeg(
        "muselsl2/sub-P003_ses-S001_task-Default_run-001_eeg.xdf", synchronize_clocks=False
    )
    offsets = theirs["clock_values"]
    assert offsets[-1] - offsets[0] == pytest.approx(23.5e-6, abs=1e-6)


def test_other_formats_are_what_mne_reads(real_data: Path) -> None:
    """Where MNE neither fills up, renames nor leaves out."""
    import mne

    folders = ("formats", "ssvep-4class")
    paths = [p for folder in folders for p in sorted((real_data / folder).glob("*"))]
    compared = 0
    for path in paths:
        if path.suffix not in (".vhdr", ".edf", ".bdf", ".gdf", ".fif") or "-eve" in path.name:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            raw = mne.io.read_raw(path, verbose="error")
        (samples,) = read_contents(path).samples
        assert samples.sfreq == raw.info["sfreq"]
        assert len(samples.data) == raw.n_times
        names = [n for n in samples.ch_names if n in raw.ch_names]
        if path.name == "duplicate_channel_labels.edf":
            assert samples.ch_names == ("EEG F1-Ref", "EEG F2-Ref", "EEG F1-Ref")
            continue
        assert len(names) == len(samples.ch_names)
        assert names == [name for name in raw.ch_names if name in names]
        data = raw.get_data(picks=names)
        for i, (unit, kind) in enumerate(zip(samples.units, samples.ch_types, strict=True)):
            if kind == "misc":
                continue
            volts = {"V": 1.0, "mV": 1e-3}.get(unit, 1e-6)
            assert np.allclose(samples.data[:, i] * volts, data[i], rtol=1e-6, atol=1e-12), path
            compared += 1
    assert compared > 390


def test_what_mne_passes_over_is_seen(real_data: Path) -> None:
    folder = real_data / "formats"
    (uneven,) = read_contents(folder / "test_uneven_samp.edf").samples
    assert uneven.ch_names == ("3Hz +5/-5 V",)  # MNE has two, the other filled up from 12.8 Hz
    (segmented,) = read_contents(folder / "bv_segexport_bin.vhdr").samples
    assert np.flatnonzero(segmented.flags).tolist() == list(range(256, 3072, 256))
    assert segmented.stamps is not None
    assert segmented.stamps[256] == pytest.approx(0.550781, abs=1e-6)  # as its marker file says
    beyond = read_contents(folder / "testv2.vhdr").events[0]
    assert beyond.rows is not None
    assert sum(row == 7900 for row in beyond.rows) == 3  # MNE leaves out what is past the end


def test_gdf_and_fif_of_one_recording_agree_once_the_unit_is_right(real_data: Path) -> None:
    """They differ by a million, and neither is plausible; as mV both are."""
    stem = real_data / "ssvep-4class" / "record-[2012.07.06-19.02.16]"
    data = []
    for ending in (".gdf", "_raw.fif"):
        source = FileSource(FileSourceSettings(Path(f"{stem}{ending}"), unit="mV"))
        source.open()
        reading = source.read(0.0)
        assert reading is not None
        data.append(reading.chunk.data)
    assert np.allclose(data[0], data[1], rtol=1e-4, atol=1e-3)
