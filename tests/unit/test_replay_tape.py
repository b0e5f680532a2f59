"""Part of a recording as a source: exactly what lies in it, as it came."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.realtime.errors import ConfigError
from saccade.realtime.replay.tape import Tape
from saccade.realtime.types import Chunk, Marker, Reading, StreamSpec

SFREQ, N = 100.0, 300
SPEC = StreamSpec("recording", SFREQ, ("Cz", "Pz"), ("eeg",) * 2, ("µV",) * 2)
DATA = np.arange(2.0 * N, dtype=np.float32).reshape(N, 2)
TIMES = np.arange(N) / SFREQ
STAMPS = 50.0 + TIMES


def recording(array_source, markers=(), sizes=None, arrivals=None):
    return array_source(SPEC, DATA, STAMPS, markers, sizes, arrivals)


def everything(tape):
    """Return data, stamps, index of each sample, and markers."""
    chunks, markers = [], []
    while (reading := tape.read(0.0)) is not None:
        chunks.append(reading.chunk)
        markers += [marker.value for marker in reading.markers]
    index = np.concatenate([chunk.index + np.arange(len(chunk)) for chunk in chunks])
    data, stamps = (
        np.concatenate([getattr(chunk, what) for chunk in chunks]) for what in ("data", "stamps")
    )
    return data, stamps, index, markers


def test_the_whole_is_what_the_source_gives(array_source):
    markers = [Marker("early", 40.0), Marker("on time", 51.0), Marker("late", 60.0)]
    source = recording(array_source, markers, [100, 0, 150, 50, 0], [0, 1, 4])
    tape = Tape(source)
    assert tape.open() == SPEC
    assert (source.opened, source.closed) == (1, 1)
    assert tape.length_s == pytest.approx(N / SFREQ)
    assert len(source.readings) == 5
    for wanted in source.readings:
        came = tape.read(0.0)
        assert np.array_equal(came.chunk.data, wanted.chunk.data)
        assert (came.chunk.index, came.markers) == (wanted.chunk.index, wanted.markers)
    assert tape.read(0.0) is None
    tape.close()


@given(
    cuts=st.lists(st.integers(0, N), max_size=6),
    start=st.integers(0, N - 2),
    length=st.integers(1, N),
    arrivals=st.lists(st.integers(0, 6), min_size=8, max_size=8),
)
def test_a_part_is_what_lies_in_it_however_it_comes(array_source, cuts, start, length, arrivals):
    edges = [0, *sorted(cuts), N]
    sizes = np.diff(edges).tolist()
    # A quarter of a period off the samples, so that rounding decides nothing.
    start_s, stop_s = (row / SFREQ - 0.25 / SFREQ for row in (start, min(start + length, N)))
    markers = [Marker(str(i), 50.0 + at_s) for i, at_s in enumerate(np.linspace(-0.5, 3.5, 8))]
    order = np.argsort(arrivals, kind="stable")
    source = recording(array_source, [markers[i] for i in order], sizes, np.sort(arrivals).tolist())
    tape = Tape(source, max(start_s, 0.0), stop_s)
    tape.open()
    rows = np.searchsorted(TIMES, (start_s, stop_s))
    inside = slice(*rows.tolist())
    data, stamps, index, came = everything(tape)
    assert np.array_equal(data, DATA[inside])
    assert np.array_equal(stamps, STAMPS[inside])
    assert np.array_equal(index, np.arange(len(data)))
    low_s = start_s if start_s > 0 else -np.inf  # what precedes the recording belongs to its start
    wanted = [markers[i] for i in order]
    assert came == [m.value for m in wanted if low_s <= m.stamp - 50.0 < stop_s]


def test_flags_and_the_senders_stamps_go_along(array_source):
    source = recording(array_source)
    flags = (np.arange(N) % 7).astype(np.uint16)
    whole = source.readings[0]
    chunk = dataclasses.replace(whole.chunk, flags=flags, raw_stamps=STAMPS - 3.0)
    source.readings[0] = Reading(chunk)
    tape = Tape(source, 1.0, 2.0)
    tape.open()
    part = tape.read(0.0).chunk
    assert np.array_equal(part.flags, flags[100:200])
    assert np.array_equal(part.raw_stamps, STAMPS[100:200] - 3.0)
    assert part.index == 0


def test_it_can_be_wound_within_its_part(array_source):
    tape = Tape(recording(array_source, [Marker("a", 51.2)], [90, 210], [1]), 1.0, 2.0)
    tape.open()
    for at_s, rows, markers in ((1.5, slice(150, 200), []), (1.1, slice(110, 200), ["a"])):
        tape.seek(at_s - 0.001)
        data, _, index, came = everything(tape)
        assert np.array_equal(data, DATA[rows])
        assert index[0] == 0
        assert came == markers
    for at_s in (0.5, 2.0, 7.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match=r"from 1 to 2\.00 s, but not at"):
            tape.seek(at_s)


def test_a_bound_at_a_sample_is_at_it_however_its_stamp_was_rounded(array_source):
    source = array_source(SPEC, DATA, 1e5 + TIMES)
    for row in range(1, N - 1):
        tape = Tape(source, row / SFREQ, (row + 1) / SFREQ)
        tape.open()
        assert everything(tape)[0].tolist() == DATA[[row]].tolist()


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ((-1.0, None), r"from 0 s on, not from -1 s"),
        ((float("nan"), None), r"from 0 s on, not from nan s"),
        ((2.0, 2.0), r"from 2 s on must stop after that, not at 2 s"),
        ((2.0, float("nan")), r"not at nan s"),
        ((3.5, None), r"lasts 3\.00 s, but its start is to be at 3\.5 s"),
        ((0.0, 3.5), r"lasts 3\.00 s, but its stop is to be at 3\.5 s"),
        ((1.001, 1.009), r"no sample from 1\.001 to 1\.009 s"),
        ((2.995, None), r"no sample from 2\.995 to 3"),
    ],
)
def test_parts_that_are_none_are_refused(array_source, part, message):
    source = recording(array_source)
    with pytest.raises(ConfigError, match=message):
        Tape(source, *part).open()


def test_a_source_that_fails_is_closed(array_source, monkeypatch):
    source = recording(array_source)
    monkeypatch.setattr(source, "read", lambda _: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Tape(source).open()
    assert source.closed == 1


def test_an_empty_reading_is_left_out(array_source):
    source = recording(array_source)
    empty = Chunk.empty(2, N)
    source.readings.append(Reading(empty))
    tape = Tape(source)
    tape.open()
    assert len(tape.read(0.0).chunk) == N
    assert tape.read(0.0) is None
