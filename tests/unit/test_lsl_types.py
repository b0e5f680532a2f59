"""A channel without a type is EEG where unit or name say so; where nothing does, it is refused."""

from __future__ import annotations

import pytest

from saccade.realtime.errors import UnitError
from saccade.realtime.sources.lsl.channel_types import channel_types, is_electrode


def types(stream_type, own, units=None, names=None, *, as_eeg=False):
    units = units or [""] * len(own)
    names = names or [f"ch{i}" for i in range(len(own))]
    return channel_types("amp", stream_type, own, units, names, as_eeg=as_eeg)


@pytest.mark.parametrize(
    ("stream_type", "expected"),
    [("EEG", "eeg"), (" eeg ", "eeg"), ("", ""), ("ExG", None), ("ECoG", "ecog"), ("EMG", "emg"),
     ("Gaze", "gaze"), ("Accelerometer", "accelerometer"), ("PPG", "ppg"), ("MISC", "misc")],
)  # fmt: skip
def test_a_known_type_of_the_stream_is_that_of_its_channels(stream_type, expected):
    if expected is None:
        with pytest.raises(UnitError):
            types(stream_type, ["", ""])
    else:
        # Electrodes in volts change nothing: who says Gaze means it.
        found = types(stream_type, ["", ""], ["V", "V"], ["Fz", "Cz"], as_eeg=True)
        assert found == (expected, expected)


@pytest.mark.parametrize("stream_type", ["Signal", "ExG", "Data", "BioSignals"])
def test_a_type_that_says_nothing_is_decided_by_unit_or_name(stream_type):
    own = ["", "", "EOG", "", ""]
    units = ["microvolts", "", "", "degrees", "mV"]
    names = ["1", "fp1", "3", "4", "AUX"]
    assert types(stream_type, own, units, names) == (
        "eeg",
        "eeg",
        "eog",
        stream_type.lower(),
        "eeg",
    )


@pytest.mark.parametrize("stream_type", ["EEG", "Signal"])
@pytest.mark.parametrize("as_eeg", [False, True])
def test_what_is_in_ohms_is_an_impedance_whatever_unit_the_user_gives(stream_type, as_eeg):
    found = types(
        stream_type, ["", "", "", "EEG"], ["uV", "kOhm", "Ω", "MOhm"], ["Cz", "Cz imp", "C3", "C4"],
        as_eeg=as_eeg,
    )  # fmt: skip
    assert found == ("eeg", "impedance", "impedance", "eeg")


def test_with_a_unit_given_what_says_nothing_is_eeg():
    with pytest.raises(
        UnitError, match=r"'Signal' is not known, and not one of its channels.*give its unit with"
    ):
        types("Signal", ["", ""])
    assert types("Signal", ["", ""], as_eeg=True) == ("eeg", "eeg")
    assert types("Signal", ["Misc", ""], as_eeg=True) == ("misc", "eeg")


def test_a_channel_s_own_type_is_believed():
    assert types("Signal", ["Voltage", "AUX"], ["V", "V"], ["Fz", "Cz"], as_eeg=True) == (
        "voltage",
        "aux",
    )
    assert types("EEG", ["Trigger", ""], ["V", "V"]) == ("trigger", "eeg")


def test_every_name_of_the_ten_five_system_is_an_electrode():
    mne_channels = pytest.importorskip("mne.channels")
    builtin = mne_channels.get_builtin_montages()
    montage = next(name for name in ("colin27_1005", "standard_1005") if name in builtin)
    names = mne_channels.make_standard_montage(montage).ch_names
    assert len(names) > 300
    assert [name for name in names if not is_electrode(name)] == []
    assert all(is_electrode(name.lower()) for name in names)


@pytest.mark.parametrize(
    "name",
    ["", "1", "CH1", "EEG1", "X", "Acc X", "AccX", "Counter", "P300", "C11", "Fz2", "C", "z",
     "TRIG", "A3", "Gyro1", "PPG1", "Timestamp", "Light", "IR", "O", "Nose"],
)  # fmt: skip
def test_other_names_are_not(name):
    assert not is_electrode(name)
