"""A stream that has come back is the one that went only if nothing that matters has changed."""

from __future__ import annotations

import dataclasses
import math

import pylsl
import pytest

from saccade.realtime.sources.lsl.likeness import (
    Likeness,
    differences,
    marker_likeness,
    signal_likeness,
)

WAS = Likeness(
    sfreq=250.0,
    channel_format="float32",
    ch_names=("C3", "Cz", "C4", "Pz", "Oz"),
    ch_types=("eeg",) * 5,
    units=("uV",) * 5,
)


def test_the_same_differs_in_nothing():
    assert differences(WAS, dataclasses.replace(WAS)) == []
    varying = dataclasses.replace(WAS, speed=math.nan)
    assert differences(varying, dataclasses.replace(WAS, speed=math.nan)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sfreq": 500.0}, ["500 Hz instead of 250 Hz"]),
        ({"sfreq": 249.99}, ["249.99 Hz instead of 250 Hz"]),
        ({"sfreq": 0.0}, ["no rate instead of 250 Hz"]),
        (
            {"ch_names": ("C3",), "ch_types": ("eeg",), "units": ("uV",)},
            ["1 channel instead of 5"],
        ),
        (
            {"ch_names": ("C3", "C4", "Cz", "Pz", "Oz")},
            ["channel 'C4' instead of 'Cz'", "channel 'Cz' instead of 'C4'"],
        ),
        (
            {"units": ("mV",) * 5},
            [*(f"unit 'mV' instead of 'uV' for {name}" for name in ("C3", "Cz", "C4")), "2 more"],
        ),
        (
            {"ch_types": ("eeg", "eog", "eeg", "eeg", "eeg")},
            ["type 'eog' instead of 'eeg' for Cz"],
        ),
        ({"channel_format": "int16"}, ["int16 instead of float32"]),
        ({"simulated": True}, ["simulated signal instead of a person's"]),
        ({"speed": 2.0}, ["sent at 2 times life instead of 1 times life"]),
        ({"speed": math.nan}, ["sent at a speed that varies instead of 1 times life"]),
    ],
)
def test_what_has_changed_is_said(changes, said):
    assert differences(WAS, dataclasses.replace(WAS, **changes)) == said


def info(n=2, sfreq=100.0, fmt="float32"):
    made = pylsl.StreamInfo("amp", "EEG", n, sfreq, fmt, "id")
    made.set_channel_units("uV")
    return made


def test_a_signal_is_known_by_its_whole_description():
    was = signal_likeness(info(), None, as_eeg=False)
    assert was == Likeness(100.0, "float32", ("1", "2"), ("eeg",) * 2, ("uV",) * 2)
    named = signal_likeness(info(), ("Cz", "Pz"), as_eeg=False)
    assert named.ch_names == ("Cz", "Pz")
    # With more channels than names, it is their number that has changed.
    more = signal_likeness(info(3, 200.0), ("Cz", "Pz"), as_eeg=False)
    assert differences(named, more) == ["200 Hz instead of 100 Hz", "3 channels instead of 2"]


def test_markers_are_known_by_rate_format_and_number():
    was = marker_likeness(pylsl.StreamInfo("m", "Markers", 1, 0.0, "string", "id"))
    assert differences(was, marker_likeness(info(1, 0.0, "int32"))) == ["int32 instead of string"]
    assert differences(was, marker_likeness(info(2, 0.0, "string"))) == ["2 channels instead of 1"]
