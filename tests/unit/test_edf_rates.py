"""EDF and BDF whose channels have several rates: which are taken, and that each is itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pytest

from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.formats import mne_readers, through_mne
from saccade.realtime.sources.recording import read_recording

pytest.importorskip("mne")
SECONDS = 10
RNG = np.random.default_rng(8)


def write(path: Path, *channels: tuple[Any, ...]) -> list[np.ndarray]:
    """Write channels, (label, rate, unit) each, and return what was written."""
    is_bdf = path.suffix == ".bdf"
    maker = edfio.BdfSignal if is_bdf else edfio.EdfSignal
    signals = [
        maker(
            RNG.normal(0.0, 20.0, SECONDS * rate),
            rate,
            label=label,
            physical_dimension=unit[0] if unit else "uV",
            physical_range=(-200, 200),
        )
        for label, rate, *unit in channels
    ]
    (edfio.Bdf if is_bdf else edfio.Edf)(signals).write(path)
    return [signal.data for signal in signals]


def assert_reads(path: Path, written: list[np.ndarray], places: list[int], *names: str) -> None:
    recording = read_recording(path)
    assert recording.spec.ch_names == names
    for column, place in enumerate(places):
        assert np.allclose(recording.data[:, column], written[place], atol=0.01), names[column]


@pytest.mark.parametrize("ending", ["edf", "bdf"])
def test_a_label_of_two_rates_moves_no_channel(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    written = write(path, ("Aux", 256), ("Cz", 256), ("Aux", 32), ("Pz", 256), ("Oz", 256))
    assert_reads(path, written, [0, 1, 3, 4], "Aux", "Cz", "Pz", "Oz")
    assert any("Aux (32 Hz); they are left out" in note for note in read_recording(path).notes)


def test_labels_of_channels_left_out_may_be_any(tmp_path: Path) -> None:
    """Two of them alike, and like one that stands in for them."""
    path = tmp_path / "a.edf"
    written = write(path, ("~0", 256), ("Cz", 256), ("Cz", 32), ("~0", 32), ("Pz", 256))
    assert_reads(path, written, [0, 1, 4], "~0", "Cz", "Pz")


def test_the_rate_is_that_of_the_eeg_and_not_of_most(tmp_path: Path) -> None:
    """The channels of PhysioNet's Sleep-EDF."""
    path = tmp_path / "psg.edf"
    written = write(
        path,
        *(("EEG Fpz-Cz", 100), ("EEG Pz-Oz", 100), ("EOG horizontal", 100)),
        *(("Resp oro-nasal", 1, ""), ("EMG submental", 1), ("Temp rectal", 1, "DegC")),
        ("Event marker", 1, ""),
    )
    assert_reads(path, written, [0, 1, 2], "EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal")


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ((("C3-M2", 50), ("Sound", 400), ("ECG", 200)), ("C3-M2",)),  # named by an electrode
        ((("EEG 1", 50), ("EEG 2", 50), ("EEG 3", 100)), ("EEG 1", "EEG 2")),  # that of most EEG
        ((("EEG 1", 50), ("EEG 2", 100)), ("EEG 2",)),  # the higher of two
        ((("1", 100), ("2", 50), ("3", 50), ("ECG", 200)), ("1",)),  # the highest of voltages
        ((("SpO2", 50, "%"), ("Temp", 1, "degC")), ("SpO2",)),  # the highest of any
    ],
)
def test_which_rate_is_taken(tmp_path: Path, channels, expected) -> None:
    write(tmp_path / "a.edf", *channels)
    (samples,) = through_mne.read_through_mne(tmp_path / "a.edf").samples
    assert samples.ch_names == expected


def test_channels_that_do_not_fit_what_is_read_are_refused(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.edf"
    write(path, ("Cz", 100), ("Pz", 100))
    only = mne_readers.only
    monkeypatch.setattr(mne_readers, "only", lambda *all_of: only(*all_of).pick([1]))
    with pytest.raises(RecordingError, match=r"describes 2 channels .* MNE reads 1: .*header"):
        read_recording(path)


def test_a_fault_of_ours_is_not_blamed_on_the_file(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "a.edf"
    write(path, ("Cz", 100))

    def broken(*_: object, **__: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr(through_mne, "_type", broken)
    with pytest.raises(KeyError, match="ours"):
        read_recording(path)


@pytest.mark.parametrize(
    ("place", "text", "message"),
    [
        (252, b"x   ", "something else where a number should be"),
        (252, b"0   ", "records of some length"),
        (244, b"nan     ", "records of some length"),
        (244, b"-1      ", "records of some length"),
        (256 + 216, b"0       ", "records of some length"),
    ],
)
def test_a_damaged_header_is_refused_in_our_words(tmp_path, place, text, message) -> None:
    path = tmp_path / "a.edf"
    write(path, ("Cz", 100))
    content = bytearray(path.read_bytes())
    content[place : place + len(text)] = text
    path.write_bytes(bytes(content))
    with pytest.raises(RecordingError, match=rf"a\.edf should .*{message}.*repair it"):
        read_recording(path)
