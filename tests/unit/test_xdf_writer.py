"""A growing file is whole at every moment, and says at its end what is in it."""

from __future__ import annotations

import errno
import io
import logging

import numpy as np
import pytest
import pyxdf

from saccade.realtime.types import StreamSpec
from saccade.realtime.xdf import chunks
from saccade.realtime.xdf.descriptions import header_xml
from saccade.realtime.xdf.writer import XDFWriter

SIGNAL = StreamSpec("amp", 100.0, ("Fz", "Cz"), ("eeg", "eeg"), ("µV", "µV"))
EVENTS = StreamSpec("stim", 0.0, ("marker",), ("markers",), ("",))


class Disk(io.FileIO):
    """A disk with so much room, that takes so much at a time."""

    room = 10**9
    at_once = 10**9

    def write(self, content):
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        size = min(len(content), self.room, self.at_once)
        self.room -= size
        return super().write(content[:size])


def announce(writer, now_s=0.0):
    writer.add_stream(1, 100.0, header_xml(SIGNAL, "EEG", "float32"), now_s)
    writer.add_stream(2, 0.0, header_xml(EVENTS, "Markers", "string"), now_s)


def signal(n, start=0):
    stamps = 5.0 + np.arange(start, start + n) / 100
    return stamps, np.random.default_rng(start).standard_normal((n, 2)).astype(np.float32)


def load(path):
    streams, header = pyxdf.load_xdf(path)
    return {stream["info"]["name"][0]: stream for stream in streams}, header


@pytest.fixture
def path(tmp_path):
    return tmp_path / "session.xdf"


def test_a_file_is_what_was_put_into_it(path, caplog):
    writer = XDFWriter(io.FileIO(path, "xb"), {"datetime": "now"}, 0.0)
    announce(writer)
    stamps, data = signal(40)
    for i in range(0, 40, 10):
        writer.add_samples(1, stamps[i : i + 10], data[i : i + 10])
        writer.add_samples(2, stamps[i : i + 1], [f"event {i}"])
        writer.write(0.1 * i)
    writer.close(9.0)
    assert writer.n_bytes == path.stat().st_size
    assert writer.n_samples(1) == 40
    with caplog.at_level(logging.WARNING):
        streams, header = load(path)
    assert not caplog.records  # pyxdf has nothing to object
    assert header["info"]["version"] == ["1.0"]
    assert header["info"]["datetime"] == ["now"]
    amp, stim = streams["amp"], streams["stim"]
    # Bit for bit, though pyxdf synchronises clocks and removes jitter if it is let.
    assert np.array_equal(amp["time_series"].view(np.uint32), data.view(np.uint32))
    assert np.array_equal(amp["time_stamps"], stamps)
    assert stim["time_series"] == [["event 0"], ["event 10"], ["event 20"], ["event 30"]]
    assert np.array_equal(stim["time_stamps"], stamps[::10])
    footer = amp["footer"]["info"]
    assert footer["sample_count"] == ["40"]
    assert footer["first_timestamp"] == [repr(float(stamps[0]))]
    assert footer["last_timestamp"] == [repr(float(stamps[-1]))]
    assert float(footer["measured_srate"][0]) == pytest.approx(100)


def test_stamps_with_jitter_and_gaps_are_read_as_they_were_written(path):
    stamps, data = signal(700)
    stamps += 0.004 * np.random.default_rng(1).standard_normal(700)
    stamps[400:] += 30.0
    writer = XDFWriter(io.FileIO(path, "xb"), {}, 0.0)
    announce(writer)
    for i in range(0, 700, 70):
        writer.add_samples(1, stamps[i : i + 70], data[i : i + 70])
        writer.write(6.0 * i / 70)
    writer.close(70.0)
    assert np.array_equal(load(path)[0]["amp"]["time_stamps"], stamps)


def test_clock_offsets_and_boundaries_come_regularly(path):
    writer = XDFWriter(io.FileIO(path, "xb"), {}, 100.0)
    announce(writer, 100.0)
    for now_s in np.arange(100.0, 131.0, 0.5):
        writer.write(float(now_s))
    writer.close(131.0)
    streams, _ = load(path)
    for stream in streams.values():
        assert stream["clock_times"] == [100.0, 105.0, 110.0, 115.0, 120.0, 125.0, 130.0]
        assert set(stream["clock_values"]) == {0.0}
        offsets = stream["footer"]["info"]["clock_offsets"][0]["offset"]
        assert [float(o["time"][0]) for o in offsets] == stream["clock_times"]
    assert path.read_bytes().count(chunks.BOUNDARY_UUID) == 3


def test_nothing_is_in_the_file_before_it_is_written(path):
    writer = XDFWriter(io.FileIO(path, "xb"), {}, 0.0)
    announce(writer)
    writer.add_samples(1, *signal(10))
    assert writer.n_bytes == path.stat().st_size == writer.n_samples(1) == 0
    writer.write(0.1)
    assert writer.n_bytes == path.stat().st_size > 0
    assert writer.n_samples(1) == 10
    writer.close(1.0)


def test_a_disk_that_takes_little_at_a_time_gets_it_all(path):
    disk = Disk(path, "xb")
    disk.at_once = 7
    writer = XDFWriter(disk, {}, 0.0)
    announce(writer)
    writer.add_samples(1, *signal(10))
    writer.close(1.0)
    assert np.array_equal(load(path)[0]["amp"]["time_series"], signal(10)[1])


@pytest.mark.parametrize("room", [0, 1, 100, 179, 180, 181, 300, 359])
def test_a_full_disk_leaves_whole_chunks(path, room):
    disk = Disk(path, "xb")
    writer = XDFWriter(disk, {}, 0.0)
    announce(writer)
    writer.write(0.0)
    before = path.stat().st_size
    disk.room = room
    for start in (0, 10):
        writer.add_samples(1, *signal(10, start))  # 180 bytes each
    with pytest.raises(OSError, match="No space left"):
        writer.write(0.1)
    n_whole = room // 180
    assert writer.n_samples(1) == 10 * n_whole
    assert path.stat().st_size == writer.n_bytes == before + 180 * n_whole
    disk.room = 10**6  # as the chunk that was cut away leaves room for the footers
    writer.close(0.2)
    amp = load(path)[0]["amp"]
    assert len(amp["time_series"]) == 10 * n_whole
    assert amp["footer"]["info"]["sample_count"] == [str(10 * n_whole)]


def test_a_stream_whose_header_did_not_fit_gets_no_footer(path):
    disk = Disk(path, "xb")
    writer = XDFWriter(disk, {}, 0.0)
    announce(writer)
    writer.add_samples(1, *signal(10))
    writer.write(0.0)
    disk.room = 20
    late = StreamSpec("late", 0.0, ("marker",), ("markers",), ("",))
    writer.add_stream(3, 0.0, header_xml(late, "Markers", "string"), 0.1)
    writer.add_samples(3, np.array([5.0]), ["lost"])
    with pytest.raises(OSError, match="No space left"):
        writer.write(0.1)
    assert writer.n_samples(3) == 0
    disk.room = 10**6
    writer.close(60.0)  # when an offset is due for every stream
    streams, _ = load(path)
    assert list(streams) == ["amp", "stim"]
    assert len(streams["amp"]["time_stamps"]) == 10


def test_a_full_disk_at_the_end_closes_the_file(path):
    disk = Disk(path, "xb")
    writer = XDFWriter(disk, {}, 0.0)
    announce(writer)
    writer.write(0.0)
    disk.room = 50
    with pytest.raises(OSError, match="No space left"):
        writer.close(0.1)
    assert disk.closed
    assert len(load(path)[0]) == 2
