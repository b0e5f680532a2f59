"""What a stream says about itself is read as it stands, and refused where it contradicts itself."""

from __future__ import annotations

import dataclasses

import numpy as np
import pylsl
import pytest

from saccade.realtime.blocks.units import Units, UnitsSettings
from saccade.realtime.errors import SignatureMismatch, SourceError
from saccade.realtime.lsl_metadata import announce, describe
from saccade.realtime.marker_value import marker_value
from saccade.realtime.quality.impedance import carried
from saccade.realtime.types import StreamSpec


def info(channels, n=2, kind="EEG", **about):
    """Return a description; ``channels`` are dicts of label, type and unit."""
    made = pylsl.StreamInfo("amp", kind, n, 100.0, pylsl.cf_float32, "id")
    node = made.desc().append_child("channels")
    for fields in channels:
        channel = node.append_child("channel")
        for key, text in fields.items():
            channel.append_child_value(key, text)
    own = made.desc().append_child("saccade")
    for key, text in about.items():
        own.append_child_value(key, text)
    return made


def test_a_stream_is_read_in_full():
    channels = [
        {"label": " Fz ", "type": "EEG", "unit": "uV"},
        {"type": "EOG", "unit": "mV"},
        {"label": "Oz"},
    ]
    assert describe(info(channels, 3, "ExG", simulated="true", speed="2.5")) == StreamSpec(
        name="amp",
        sfreq=100.0,
        ch_names=("Fz", "2", "Oz"),
        ch_types=("eeg", "eog", "eeg"),  # the last by its name
        units=("uV", "mV", ""),
        source_id="id",
        simulated=True,
        speed=2.5,
    )


def test_a_stream_that_says_nothing_is_taken_for_life():
    spec = describe(pylsl.StreamInfo("amp", "", 2, 100.0, pylsl.cf_float32, "id"))
    assert (spec.ch_names, spec.ch_types, spec.units) == (("1", "2"), ("", ""), ("", ""))
    assert (spec.simulated, spec.speed) == (False, 1.0)


def test_names_given_replace_those_of_the_stream():
    labels = [{"label": "Fz", "unit": "V"}, {"label": "Cz", "unit": "uV"}]
    spec = describe(info(labels), ("Cz", "Pz"))
    assert (spec.ch_names, spec.units) == (("Cz", "Pz"), ("V", "uV"))
    with pytest.raises(SignatureMismatch, match=r"2 channels of stream 'amp', but 3 were given"):
        describe(info(labels), ("Cz", "Pz", "Oz"))
    with pytest.raises(SourceError, match="Cz occurs more than once"):
        describe(info(labels), ("Cz", "Cz"))


def test_channels_of_one_name_are_refused():
    with pytest.raises(SourceError, match="Cz, Pz occurs more than once"):
        describe(info([{"label": name} for name in ("Pz", "Cz", "Oz", "Pz", "Cz")], 5))
    with pytest.raises(SourceError, match="2 occurs more than once"):  # a place is a name too
        describe(info([{"label": "2"}, {}]))


@pytest.mark.parametrize("n_described", [1, 3])
def test_a_description_of_other_channels_is_refused(n_described):
    other = info([{"label": f"C{i}", "unit": "V"} for i in range(n_described)])
    with pytest.raises(SourceError, match=f"its 2 channels, but it describes {n_described}: mend"):
        describe(other)
    # With names it will do, but which unit belongs to which channel is not known.
    assert describe(other, ("Cz", "Pz")).units == ("", "")


@pytest.mark.parametrize("speed", ["fast", "0", "-1", "nan", "inf"])
def test_a_speed_that_is_none_is_refused(speed):
    with pytest.raises(SourceError, match=f"a number above 0, not '{speed}'"):
        describe(info([], speed=speed))


@pytest.mark.parametrize("simulated", [True, False])
def test_what_is_announced_is_read_back(simulated):
    spec = StreamSpec(
        name="Ünit <&> 'x'",
        sfreq=512.5,
        ch_names=("Fz", "<O&z>", '"'),
        ch_types=("eeg", "", "misc"),
        units=("µV", "", "°C"),
        source_id="id-1",
        simulated=simulated,
        speed=0.1,
    )
    sent = announce(spec, "EEG", pylsl.cf_double64, {"session": '{"a": "<&>"}'})
    assert describe(sent) == dataclasses.replace(spec, ch_types=("eeg", "eeg", "misc"))
    assert (sent.type(), sent.channel_format()) == ("EEG", pylsl.cf_double64)
    assert sent.desc().child_value("manufacturer") == "saccade"
    assert sent.desc().child("saccade").child_value("session") == '{"a": "<&>"}'
    assert sent.get_channel_labels() == list(spec.ch_names)  # as any other program reads it


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([b" go\r\n"], "go"),
        ([b"a\0\0"], "a"),
        ([b"\xff1"], r"\xff1"),
        ([b"", b"x", b""], ",x"),
        ([b"", b" "], ""),
        ([np.int8(-1)], "-1"),
        ([np.float32(0.1)], "0.1"),
        ([np.float32("nan")], "nan"),
        ([np.float32(-0.0)], "0"),
        ([np.float64(1) / 3, np.float64(1e15)], "0.3333333333333333,1000000000000000"),
    ],
)
def test_the_text_of_a_marker(row, expected):
    assert marker_value(row) == expected


def test_impedances_beside_the_eeg_are_found_by_their_unit():
    channels = [
        {"label": "C3", "unit": "uV"},
        {"label": "Cz", "unit": "uV"},
        {"label": "Cz imp", "unit": "kOhm"},
        {"label": "C3 imp", "unit": "Ohm"},
    ]
    spec = describe(info(channels, 4))
    assert spec.ch_types == ("eeg", "eeg", "impedance", "impedance")
    assert Units(UnitsSettings()).reset(spec).units == ("µV", "µV", "kOhm", "Ohm")
    assert Units(UnitsSettings("uV")).reset(spec).units == ("µV", "µV", "kOhm", "Ohm")
    assert carried(spec, [0, 1]) == {0: (3, 1e-3), 1: (2, 1.0)}
