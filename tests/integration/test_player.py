"""A source on LSL: every sample and marker, at its time, with the structure of its stamps."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pylsl
import pytest

from saccade.realtime.errors import ConfigError, SourceError
from saccade.realtime.replay.player import Player, PlayerReport, PlayerSettings
from saccade.realtime.sources.lsl import clock as lsl_clock
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings
from saccade.realtime.types import Marker, StreamSpec

pytestmark = pytest.mark.lsl

SFREQ = 250.0
SPEC = StreamSpec(
    "recording", SFREQ, ("Fz", "Öz", "EOG"), ("eeg", "eeg", "eog"), ("µV",) * 3, simulated=True
)


def recording(n, seed=0):
    """Return samples and stamps with jitter, a gap, a clock step back, NaN and infinity."""
    rng = np.random.default_rng(seed)
    data = rng.normal(0, 20, (n, 3)).astype(np.float32)
    data[n // 4] = np.nan, np.inf, -np.inf
    stamps = 777.123 + np.arange(n) / SFREQ + rng.uniform(0, 1e-3, n)
    stamps[n // 2 :] += 0.5
    stamps[3 * n // 4 :] -= 0.1
    return data, stamps


def settings(name, **fields):
    given = {"wait_for_consumers_s": 30.0, "linger_s": 0.5} | fields
    return PlayerSettings(name, f"{name}-m", **given)


def listen(name):
    return LSLSource(
        LSLSourceSettings(
            StreamQuery(name=name), (StreamQuery(name=f"{name}-m"),), resolve_timeout_s=20.0
        )
    )


def play(source, player_settings):
    """Play to a receiver; return the report, its spec, and everything it got."""
    receiver = listen(player_settings.name)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(Player(source, player_settings).run)
        spec = receiver.open()
        readings = []
        while not (future.done() and len(readings[-1].chunk) == 0):
            readings.append(receiver.read(0.05))
        receiver.close()
        return future.result(), spec, readings


def joined(readings, what):
    return np.concatenate([getattr(reading.chunk, what) for reading in readings])


@pytest.fixture
def raw_stamps(monkeypatch):
    """Leave the sender's stamps as they are, to compare them to the last bit."""
    monkeypatch.setattr(lsl_clock, "measured", lambda *_: (0.0, pylsl.local_clock(), 0.0))


@pytest.mark.usefixtures("raw_stamps")
def test_what_is_played_is_received_bit_for_bit(stream_name, array_source):
    data, stamps = recording(5000)
    rows = range(100, 5000, 77)
    markers = [Marker(f"m{row}", float(stamps[row])) for row in rows]
    cuts = np.sort(np.random.default_rng(1).integers(0, 5000, 60))
    sizes = np.diff([0, *cuts, 5000]).tolist()  # empty ones too
    arrivals = np.sort(np.random.default_rng(2).integers(0, len(sizes), len(markers))).tolist()
    source = array_source(SPEC, data, stamps, markers, sizes, arrivals)
    report, _, readings = play(source, settings(stream_name, speed=20.0))
    assert (report.samples, report.markers) == (5000, len(markers))
    assert np.array_equal(joined(readings, "data"), data, equal_nan=True)
    received = joined(readings, "stamps")
    moved = received[0] + (stamps - stamps[0])
    assert np.array_equal(received, moved)
    got = [marker for reading in readings for marker in reading.markers]
    assert sorted(m.value for m in got) == sorted(m.value for m in markers)
    assert {m.value: m.stamp for m in got} == {f"m{row}": moved[row] for row in rows}
    assert (source.opened, source.closed) == (1, 1)


@pytest.mark.usefixtures("raw_stamps")
@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_nothing_leaves_before_its_time(stream_name, array_source, speed):
    data, stamps = recording(400)
    markers = [Marker(str(row), float(stamps[row]) + 0.002) for row in range(0, 400, 40)]
    source = array_source(SPEC, data, stamps, markers)
    report, _, readings = play(source, settings(stream_name, speed=speed))
    received = joined(readings, "stamps")
    for reading in readings:
        if len(reading.chunk):
            latest_s = (reading.chunk.stamps.max() - received[0]) / speed
            assert reading.chunk.received_s >= received[0] + latest_s
        for marker in reading.markers:
            assert marker.received_s >= received[0] + (marker.stamp - received[0]) / speed
    length_s = (stamps.max() - stamps[0]) / speed
    assert length_s <= report.duration_s < length_s + 2.0  # on a busy machine, too
    order = [int(marker.value) for reading in readings for marker in reading.markers]
    assert order == sorted(order)


@pytest.mark.usefixtures("raw_stamps")
def test_markers_around_the_signal_are_sent_too(stream_name, array_source):
    data, stamps = recording(100)
    times = {"before": -1.0, "at": 0.0, "after": 1.2, "late": 0.1}
    markers = [Marker(value, float(stamps[0]) + at) for value, at in times.items()]
    source = array_source(SPEC, data, stamps, markers, [50, 50, 0], [0, 0, 0, 2])
    report, _, readings = play(source, settings(stream_name))
    origin_s = joined(readings, "stamps")[0]
    got = [marker for reading in readings for marker in reading.markers]
    assert {m.value: m.stamp - origin_s for m in got} == pytest.approx(times)
    assert [m.value for m in got] == ["before", "at", "late", "after"]
    assert report.markers == 4
    assert report.duration_s >= 1.2


def test_the_streams_are_described_in_full(stream_name, array_source):
    data, stamps = recording(10)
    described = []
    for speed, fields in ((1.0, {}), (2.0, {"stream_type": "MEG"})):
        source = array_source(SPEC, data, stamps)
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(Player(source, settings(stream_name, speed=speed, **fields)).run)
            found = [*pylsl.resolve_byprop("name", stream_name, 1, 20.0)]
            found += pylsl.resolve_byprop("name", f"{stream_name}-m", 1, 20.0)
            receiver = listen(stream_name)
            spec = receiver.open()  # what the player waits for
            described.append(found[0].source_id())
            receiver.close()
            assert future.result().samples == 10
        assert (spec.name, spec.sfreq, spec.speed) == (stream_name, SFREQ, speed)
        assert (spec.ch_names, spec.ch_types) == (SPEC.ch_names, SPEC.ch_types)
        assert (spec.units, spec.simulated) == (SPEC.units, True)
        assert [info.type() for info in found] == [fields.get("stream_type", "EEG"), "Markers"]
        assert found[1].channel_format() == pylsl.cf_string
    assert described[0] != described[1]  # the second is another stream, not the rest of the first


def test_without_a_receiver_it_waits_as_long_as_it_was_told(stream_name, array_source):
    source = array_source(SPEC, *recording(10))
    player = Player(source, settings(stream_name, wait_for_consumers_s=0.1))
    with pytest.raises(ConfigError, match=rf"a receiver of '{stream_name}' within 0.1 s, but none"):
        player.run()
    assert source.closed == 1
    calls = itertools.count()
    player = Player(source, settings(stream_name, wait_for_consumers_s=600.0))
    assert player.run(lambda: next(calls) > 2) == PlayerReport(0, 0, 0.0)
    assert source.closed == 2
    player = Player(source, settings(stream_name, wait_for_consumers_s=None))
    assert player.run().samples == 10


def test_it_stops_when_told_to(stream_name, array_source):
    source = array_source(SPEC, *recording(25000))
    calls = itertools.count()
    player = Player(source, settings(stream_name, wait_for_consumers_s=None))
    report = player.run(lambda: next(calls) > 30)
    assert 0 < report.samples < 2500
    assert report.duration_s < 10
    assert source.closed == 1
    report = player.run(lambda: True)
    assert report == PlayerReport(0, 0, 0.0)


@pytest.mark.parametrize(("chunk_s", "most"), [(0.02, 6), (0.2, 51)])
def test_samples_leave_in_blocks(stream_name, array_source, monkeypatch, chunk_s, most):
    sizes = []
    push = pylsl.StreamOutlet.push_chunk
    monkeypatch.setattr(
        pylsl.StreamOutlet,
        "push_chunk",
        lambda self, x, timestamp: (sizes.append(len(x)), push(self, x, timestamp)),
    )
    data = np.zeros((250, 3), np.float32)
    source = array_source(SPEC, data, np.arange(250) / SFREQ)
    Player(source, settings(stream_name, chunk_s=chunk_s, wait_for_consumers_s=None)).run()
    assert sum(sizes) == 250
    assert most - 1 <= max(sizes) <= most


def test_a_fast_replay_holds_as_many_seconds_for_a_receiver(stream_name, array_source, monkeypatch):
    held = []
    outlet = pylsl.StreamOutlet
    monkeypatch.setattr(
        pylsl,
        "StreamOutlet",
        lambda info, max_buffered=360: (held.append(max_buffered), outlet(info))[1],
    )
    for speed in (0.5, 20.0):
        source = array_source(SPEC, *recording(10))
        Player(source, settings(stream_name, speed=speed, wait_for_consumers_s=None)).run()
    assert held == [360, 360, 7200, 360]  # of the signal's own time, and of markers


def test_the_streams_linger_for_a_slow_receiver(stream_name, array_source):
    data, stamps = recording(500)
    source = array_source(SPEC, data, stamps)
    receiver = listen(stream_name)
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(Player(source, settings(stream_name, speed=50.0, linger_s=0.7)).run)
        receiver.open()
        report = future.result()
        ended_s = pylsl.local_clock()
    chunks = []
    while sum(map(len, chunks)) < 500:
        chunks.append(receiver.read(5.0).chunk)
        assert len(chunks[-1]), "samples were lost when the streams ended"
    assert np.array_equal(np.concatenate([c.data for c in chunks]), data, equal_nan=True)
    assert ended_s - chunks[0].stamps[0] > report.duration_s + 0.69
    receiver.close()


def test_a_source_of_markers_alone_and_of_nothing(stream_name, array_source):
    empty = np.empty((0, 3), np.float32), np.empty(0)
    source = array_source(SPEC, *empty, [Marker("a", 5.0), Marker("b", 5.1)])
    report = Player(source, settings(stream_name, wait_for_consumers_s=None)).run()
    assert (report.samples, report.markers) == (0, 2)
    assert report.duration_s >= 0.1
    source = array_source(SPEC, *empty)
    report = Player(source, settings(stream_name, wait_for_consumers_s=None)).run()
    assert report == PlayerReport(0, 0, 0.0)


def test_what_the_source_raises_gets_out(stream_name, array_source, monkeypatch):
    source = array_source(SPEC, *recording(10))
    error = SourceError("torn")

    def read(_):
        raise error

    monkeypatch.setattr(source, "read", read)
    with pytest.raises(SourceError, match="torn"):
        Player(source, settings(stream_name, wait_for_consumers_s=None)).run()
    assert source.closed == 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"speed": 0.0}, "speed must be 0.01 to 1000, not 0"),
        ({"speed": float("nan")}, "speed must be 0.01 to 1000, not nan"),
        ({"chunk_s": -1.0}, "chunk_s must be a number above 0"),
        ({"linger_s": -1.0}, "linger_s must be at least 0 s"),
    ],
)
def test_settings_out_of_range_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        PlayerSettings("a", "b", **fields)


def test_a_clock_that_is_set_back_does_not_hurry_the_samples(stream_name, array_source):
    data, stamps = recording(400)
    # How long the pause was in which the clock was set, nobody knows: none is made.
    length_s = stamps[199] - stamps[0] + stamps[-1] - stamps[200]
    stamps = np.concatenate([stamps[:200], stamps[200:] - 60.0])
    markers = [Marker("before", float(stamps[100])), Marker("after", float(stamps[300]))]
    source = array_source(SPEC, data, stamps, markers, [250, 150], [0, 1])
    report, _, readings = play(source, settings(stream_name))
    assert report.samples == 400
    assert report.markers == 2
    assert report.duration_s >= 0.95 * length_s
    received = joined(readings, "stamps")
    assert np.diff(received)[199] == pytest.approx(stamps[200] - stamps[199], abs=1e-6)
