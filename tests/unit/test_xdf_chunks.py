"""Every chunk is, byte for byte, what the specification of XDF 1.0 says."""

from __future__ import annotations

import dataclasses
import math
import struct
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.realtime.lsl_metadata import VARIES
from saccade.realtime.types import StreamSpec
from saccade.realtime.xdf import chunks
from saccade.realtime.xdf.descriptions import file_xml, footer_xml, header_xml

CODES = {"float32": "f", "float64": "d", "int64": "q", "int32": "i", "int16": "h", "int8": "b"}
SPEC = StreamSpec(
    "amp <1>", 250.0, ("Fz", 'Ö"z'), ("eeg", "eog"), ("µV", "µV"), "id&7", simulated=True, speed=2.0
)


def varlen(number):
    """Return [NumLengthBytes] [Length] of the specification, the shortest that will do."""
    if number < 256:
        return b"\x01" + struct.pack("<B", number)
    if number < 2**32:
        return b"\x04" + struct.pack("<I", number)
    return b"\x08" + struct.pack("<Q", number)


def chunk(tag, content):
    return varlen(2 + len(content)) + struct.pack("<H", tag) + content


def reference(stream_id, stamps, rows, code):
    """Return a Samples chunk: [StreamID] [NumSampleBytes] [NumSamples], then sample by sample."""
    content = struct.pack("<I", stream_id) + varlen(len(rows))
    for stamp, row in zip(stamps, rows, strict=True):
        content += b"\x08" + struct.pack("<d", stamp)
        for value in row:
            if code == "s":
                text = value.encode()
                content += varlen(len(text)) + text
            else:
                content += struct.pack("<" + code, value)
    return chunk(3, content)


@given(
    kind=st.sampled_from(sorted(CODES)),
    n=st.integers(0, 300),
    n_channels=st.integers(1, 5),
    stream_id=st.integers(0, 2**32 - 1),
    seed=st.integers(0, 99),
)
def test_numbers(kind, n, n_channels, stream_id, seed):
    rng = np.random.default_rng(seed)
    values = (1e3 * rng.standard_normal((n, n_channels))).clip(-100, 100).astype(kind)
    stamps = rng.standard_normal(n) * 1e5
    made = chunks.samples(stream_id, stamps, values)
    assert made == reference(stream_id, stamps, values, CODES[kind])


@pytest.mark.parametrize("order", ["big-endian", "transposed", "strided", "read-only"])
def test_numbers_however_they_lie_in_memory(order):
    values = np.arange(12, dtype=np.float32).reshape(4, 3)
    stamps = np.arange(4.0)
    expected = reference(1, stamps, values, "f")
    if order == "big-endian":
        values = values.astype(">f4")
    elif order == "transposed":
        values = np.asfortranarray(values)
    elif order == "strided":
        values = np.repeat(values, 2, axis=0)[::2]
    else:
        values.setflags(write=False)
    assert chunks.samples(1, stamps, values) == expected


def test_what_no_number_is_stays_what_it_is():
    bits = np.array([[0x7FC00001, 0x7F800000, 0xFF800000, 0x80000000]], np.uint32)
    made = chunks.samples(1, np.array([np.nan]), bits.view(np.float32))
    assert made.endswith(bits.tobytes())
    assert struct.pack("<d", np.nan) in made


@given(st.lists(st.lists(st.text(max_size=300), min_size=2, max_size=2), max_size=20))
def test_texts(rows):
    rows = [[text.encode("utf-8", "replace").decode() for text in row] for row in rows]
    stamps = [0.5 * i for i in range(len(rows))]
    assert chunks.text_samples(7, stamps, rows) == reference(7, stamps, rows, "s")


def test_half_a_surrogate_pair_is_spelt_out():
    assert chunks.encoded("a\ud800µ") == "a\\ud800µ".encode()


@pytest.mark.parametrize("number", [0, 1, 255, 256, 65536, 2**32 - 1, 2**32, 2**64 - 1])
def test_a_length_is_as_short_as_can_be(number):
    assert chunks.length(number) == varlen(number)


def test_a_length_beyond_the_format_is_refused():
    with pytest.raises(ValueError, match=r"below 2\^64, not 18446744073709551616"):
        chunks.length(2**64)


def test_the_other_chunks():
    uuid = bytes((0x43, 0xA5, 0x46, 0xDC, 0xCB, 0xF5, 0x41, 0x0F))
    uuid += bytes((0xB3, 0x0E, 0xD5, 0x46, 0x73, 0x83, 0xCB, 0xE4))
    assert chunks.MAGIC == b"XDF:"
    assert chunks.file_header("<info/>") == chunk(1, b"<info/>")
    assert chunks.stream_header(9, "<µ/>") == chunk(2, struct.pack("<I", 9) + "<µ/>".encode())
    assert chunks.clock_offset(9, 1.5, -0.25) == chunk(4, struct.pack("<Idd", 9, 1.5, -0.25))
    assert chunks.boundary() == chunk(5, uuid)
    assert chunks.stream_footer(9, "<a/>") == chunk(6, struct.pack("<I", 9) + b"<a/>")


def test_the_file_s_header():
    root = ET.fromstring(file_xml({"datetime": "2026-01-02"}))
    assert {child.tag: child.text for child in root} == {"version": "1.0", "datetime": "2026-01-02"}


def test_a_stream_s_header_says_what_the_stream_is():
    text = header_xml(SPEC, "EEG", "float32", {"role": "signal", "note": "a\0<b>"}, 12.5)
    root = ET.fromstring(text.encode())
    assert {child.tag: child.text for child in root if child.tag != "desc"} == {
        "name": "amp <1>",
        "type": "EEG",
        "channel_count": "2",
        "nominal_srate": "250.0",
        "channel_format": "float32",
        "source_id": "id&7",
        "created_at": "12.5",
    }
    found = [{c.tag: c.text for c in channel} for channel in root.iter("channel")]
    assert found == [
        {"label": "Fz", "unit": "µV", "type": "EEG"},
        {"label": 'Ö"z', "unit": "µV", "type": "EOG"},
    ]
    own = root.find("desc/saccade")
    assert {child.tag: child.text for child in own} == {
        "simulated": "true",
        "speed": "2.0",
        "role": "signal",
        "note": "a�<b>",
    }
    assert root.findtext("desc/synchronization/can_drop_samples") == "true"


def test_a_speed_that_varies_is_told_as_over_lsl():
    root = ET.fromstring(header_xml(dataclasses.replace(SPEC, speed=math.nan), "EEG", "float32"))
    assert root.findtext("desc/saccade/speed") == VARIES


def test_only_a_regular_stream_can_drop_samples():
    text = header_xml(StreamSpec("m", 0.0, ("marker",), ("markers",), ("",)), "Markers", "string")
    assert ET.fromstring(text).find("desc/synchronization") is None


@pytest.mark.parametrize(
    ("n", "rate"), [(0, None), (1, None), (501, "250.0")], ids=["empty", "single", "many"]
)
def test_a_stream_s_footer(n, rate):
    root = ET.fromstring(footer_xml(256.0, n, 10.0, 12.0, [1.0, 6.5]))
    assert root.findtext("sample_count") == str(n)
    assert root.findtext("first_timestamp") == (None if n == 0 else "10.0")
    assert root.findtext("last_timestamp") == (None if n == 0 else "12.0")
    assert root.findtext("measured_srate") == rate
    offsets = [(o.findtext("time"), o.findtext("value")) for o in root.iter("offset")]
    assert offsets == [("1.0", "0.0"), ("6.5", "0.0")]


def test_no_rate_is_measured_where_there_is_none():
    for sfreq, last_s in ((0.0, 12.0), (256.0, 10.0)):
        root = ET.fromstring(footer_xml(sfreq, 9, 10.0, last_s, []))
        assert root.find("measured_srate") is None
