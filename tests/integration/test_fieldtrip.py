"""A FieldTrip buffer as a source: every sample once, and whatever happens to the server said."""

from __future__ import annotations

import socket
import struct
import threading
import time
from types import SimpleNamespace

import numpy as np
import pylsl
import pytest

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import ConfigError, SourceError, StreamNotFound, UnitError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sources.fieldtrip import source as fieldtrip
from saccade.realtime.sources.fieldtrip.settings import FieldTripSourceSettings, parse_address
from saccade.realtime.sources.fieldtrip.source import FieldTripSource
from saccade.realtime.types import Flag

SFREQ = 1000.0
NAMES = ("Cz", "Pz")
TORN = Flag.GAP | Flag.CLOCK


@pytest.fixture
def listen():
    """Return what makes a source that reads from a server; all are closed after the test."""
    made = []

    def make(server, clock=pylsl.local_clock, **settings):
        wanted = {"unit": "uV", "host": "127.0.0.1", "port": server.port} | settings
        made.append(FieldTripSource(FieldTripSourceSettings(**wanted), clock))
        return made[-1]

    yield make
    for source in made:
        source.close()


def numbered(start, stop, n_channels=2):
    """Return samples that hold their own number, the channels of either sign."""
    return np.arange(start, stop)[:, None] * np.resize([1.0, -1.0], n_channels)


def take(source, n_samples=0, n_markers=0, events=(), limit_s=20.0):
    """Read until so much is there; return all chunks, markers and events together."""
    chunks, markers, told = [], [], []
    end_s = time.monotonic() + limit_s
    while time.monotonic() < end_s:
        reading = source.read(0.05)
        chunks.append(reading.chunk)
        markers += reading.markers
        told += reading.events
        if (
            sum(map(len, chunks)) >= n_samples
            and len(markers) >= n_markers
            and {event.kind for event in told} >= set(events)
        ):
            return SimpleNamespace(
                data=np.concatenate([chunk.data for chunk in chunks]),
                stamps=np.concatenate([chunk.stamps for chunk in chunks]),
                flags=np.concatenate([chunk.flags for chunk in chunks]),
                indices=[chunk.index for chunk in chunks if len(chunk)],
                markers=markers,
                events=told,
            )
    raise AssertionError(f"{sum(map(len, chunks))} samples, {len(markers)} markers, {told}")


@pytest.fixture
def server(fieldtrip_buffer):
    made = fieldtrip_buffer()
    made.put_header(SFREQ, NAMES)
    return made


@pytest.mark.parametrize("dtype", ["int16", "int32", "float32", "float64"])
def test_every_sample_once_in_order(fieldtrip_buffer, dtype, listen, monkeypatch):
    monkeypatch.setattr(fieldtrip, "TEAR_S", np.inf)  # these come faster than their rate
    server = fieldtrip_buffer()
    server.put_header(SFREQ, NAMES, dtype)
    server.put_data(numbered(0, 50))  # before anybody listens
    source = listen(server)
    spec = source.open()
    assert (spec.sfreq, spec.ch_names, spec.ch_types) == (SFREQ, NAMES, ("eeg", "eeg"))
    assert spec.units == ("µV", "µV")

    def send():
        rng = np.random.default_rng(1)
        start = 50
        while start < 5000:
            stop = min(5000, start + int(rng.integers(1, 200)))
            server.put_data(numbered(start, stop))
            start = stop

    sender = threading.Thread(target=send)
    sender.start()
    got = take(source, 4950)
    sender.join()
    assert np.array_equal(got.data, numbered(50, 5000).astype(np.float32))
    assert got.data.dtype == np.float32
    assert got.indices[0] == 0
    assert np.diff([*got.indices, 4950]).sum() == 4950
    assert not got.flags.any()
    assert np.allclose(np.diff(got.stamps), 1 / SFREQ, rtol=0.011)
    source.close()


def test_whole_numbers_become_microvolts_by_their_resolution(fieldtrip_buffer, listen):
    server = fieldtrip_buffer()
    resolution = struct.pack("dd", 0.5, 0.1)
    server.put_header(SFREQ, NAMES, "int16", [(3, resolution)])
    source = listen(server, unit=None)
    assert source.open().units == ("µV", "µV")
    server.put_data([[100, 100], [-7, 30]])
    assert np.allclose(take(source, 2).data, [[50, 10], [-3.5, 3]])


def test_events_are_markers_at_their_sample_early_or_late(server, listen):
    source = listen(server)
    source.open()
    server.put_event(120, "Stimulus", "S  1")  # ahead of its sample
    server.put_data(numbered(0, 100))
    early = take(source, 100)
    assert early.markers == []
    server.put_data(numbered(100, 200))
    server.put_event(40, "trigger", np.int32(7))  # long after its sample
    server.put_event(150, "pedal", "")
    server.put_event(160, "both", np.array([1, 2], np.int32))
    got = take(source, 100, 4)
    stamps = np.concatenate([early.stamps, got.stamps])
    found = {(m.value, m.stream): m.stamp for m in got.markers}
    assert found == {
        ("S  1", "Stimulus"): stamps[120],
        ("7", "trigger"): stamps[40],
        ("pedal", "pedal"): stamps[150],
        ("1,2", "both"): stamps[160],
    }


@pytest.mark.parametrize(
    ("text", "wanted"), [("value", "1"), ("type", "Stimulus"), ("both", "Stimulus:1")]
)
def test_what_of_an_event_is_the_markers_text(server, text, wanted, listen):
    source = listen(server, event_text=text, event_types=("Stimulus",))
    source.open()
    server.put_data(numbered(0, 10))
    server.put_event(1, "Response", "2")  # of a type nobody asked for
    server.put_event(2, "Stimulus", "1")
    assert [m.value for m in take(source, 10, 1).markers] == [wanted]


def test_an_event_without_a_sample_that_will_come_is_not_kept(server, listen):
    source = listen(server)
    source.open()
    server.put_data(numbered(0, 10))
    server.put_event(-5, "a", "before")
    server.put_event(10_000_000, "a", "after")
    got = take(source, 10, 2)
    assert [m.value for m in got.markers] == ["before", "after"]
    assert got.markers[1].stamp - got.stamps[0] == pytest.approx(10_000.0, abs=1.0)


def test_changes_of_a_trigger_channel_are_markers(fieldtrip_buffer, listen):
    server = fieldtrip_buffer()
    server.put_header(SFREQ, ("EEG001", "STI101"), "float32")
    source = listen(server, trigger="STI101")
    assert source.open().ch_types == ("eeg", "stim")
    line = np.zeros(300)
    line[:5], line[50:80], line[80:90], line[200] = 3, 4, 5, 4
    got_stamps, markers = [], []
    for piece in np.array_split(np.stack([np.zeros(300), line], axis=1), [60, 80, 81]):
        server.put_data(piece)
        got = take(source, len(piece))
        got_stamps.append(got.stamps)
        markers += got.markers
    stamps = np.concatenate(got_stamps)
    assert [(m.value, m.stamp) for m in markers] == [
        ("4", stamps[50]),
        ("5", stamps[80]),
        ("4", stamps[200]),
    ]
    with pytest.raises(ConfigError, match=r"expected a trigger channel 'STI1' .*EEG001, STI101"):
        listen(server, trigger="STI1").open()


def test_what_the_ring_has_dropped_is_counted_and_flagged(fieldtrip_buffer, caplog, listen):
    server = fieldtrip_buffer(ring=1000, event_ring=10)
    server.put_header(SFREQ, NAMES)
    source = listen(server, clock=lambda: server.n_samples / SFREQ)  # each arrives at its time
    readings = []
    tap = SimpleNamespace(
        open=source.open,
        read=lambda timeout_s: readings.append(source.read(timeout_s)) or readings[-1],
        close=source.close,
    )
    engine = Engine(tap, Pipeline(PipelineSettings()), Epocher(EpochSettings()), lambda: 0.0)
    engine.start()

    def step_until(n_samples):
        end_s = time.monotonic() + 20
        while engine.summary()["samples"]["received"] < n_samples:
            assert time.monotonic() < end_s
            engine.step(0.05)

    server.put_data(numbered(0, 100))
    step_until(100)
    for number in range(50):
        server.put_event(100 + number, "t", str(number))
    for start in range(100, 5100, 100):
        server.put_data(numbered(start, start + 100))
    step_until(1100)
    got = readings[-1]
    assert np.array_equal(got.chunk.data, numbered(4100, 5100))
    assert (source.lost, source.events_lost) == (4000, 40)
    markers = [marker.value for reading in readings for marker in reading.markers]
    assert markers == [str(n) for n in range(40, 50)]
    assert Flag(int(got.chunk.flags[0])) == Flag.GAP
    assert not got.chunk.flags[1:].any()
    assert "dropped 4000 samples" in caplog.text
    counted = engine.stop()["samples"]
    assert counted["received"] + counted["lost"] == 5100  # which is what was sent


def test_a_connection_that_breaks_loses_nothing(server, listen):
    source = listen(server)
    source.open()
    server.put_data(numbered(0, 100))
    take(source, 100)
    server.hang_up()
    server.put_data(numbered(100, 200))
    server.put_event(150, "t", "x")
    got = take(source, 100, 1)
    assert np.array_equal(got.data, numbered(100, 200))
    assert [m.value for m in got.markers] == ["x"]
    assert source.lost == 0


def test_a_server_that_goes_and_comes_back_is_joined_again(fieldtrip_buffer, server, listen):
    source = listen(server, stall_s=0.2)
    source.open()
    server.put_data(numbered(0, 100))
    server.put_event(500, "t", "whose sample never comes")
    before = take(source, 100)
    server.close()
    told = take(source, events=["stalled"])
    assert "no sample for 0." in told.events[0].text
    again = fieldtrip_buffer(port=server.port)
    again.put_header(SFREQ, NAMES)
    again.put_data(numbered(0, 30))
    got = take(source, 30, events=["resumed"])
    assert [event.kind for event in got.events] == ["resumed"]
    assert np.array_equal(got.data, numbered(0, 30))
    assert Flag(int(got.flags[0])) == TORN
    assert not got.flags[1:].any()
    assert [m.value for m in told.markers + got.markers] == ["whose sample never comes"]
    assert got.stamps[0] > before.stamps[-1]
    assert got.indices[0] == 100


@pytest.mark.parametrize(
    ("sfreq", "names", "difference"),
    [
        (500.0, NAMES, "500 Hz instead of 1000"),
        (SFREQ, ("Cz", "Pz", "Oz"), "3 channels instead of 2"),
        (SFREQ, ("Cz", "Oz"), "1 of its channel names are others: 'Oz' instead of 'Pz'"),
        (SFREQ, ("a", "b"), "none of its 2 names is that of one"),
    ],
)
def test_another_header_is_refused_until_the_right_one_is_back(
    server, sfreq, names, difference, listen
):
    source = listen(server, stall_s=0.1)
    source.open()
    server.put_data(numbered(0, 100))
    take(source, 100)
    server.put_header(sfreq, names)
    server.put_data(np.zeros((5, len(names))))
    refused = take(source, events=["stalled", "refused"])
    (event,) = [event for event in refused.events if event.kind == "refused"]
    assert difference in event.text
    assert len(refused.data) == 0
    server.put_header(SFREQ, NAMES)
    server.put_data(numbered(0, 40))
    got = take(source, 40, events=["resumed"])
    assert np.array_equal(got.data, numbered(0, 40))
    assert Flag(int(got.flags[0])) == TORN


def test_a_header_that_is_taken_away_is_waited_for(server, listen):
    source = listen(server, stall_s=0.1)
    source.open()
    server.take_header_away()
    take(source, events=["stalled"])
    server.put_header(SFREQ, NAMES)
    server.put_data(numbered(0, 10))
    assert np.array_equal(take(source, 10, events=["resumed"]).data, numbered(0, 10))


def test_an_amplifier_that_pauses_is_seen_by_the_clock(server, listen):
    source = listen(server, stall_s=0.2)
    source.open()
    server.put_data(numbered(0, 100))
    before = take(source, 100)
    stalled = take(source, events=["stalled"])
    while source._now() - before.stamps[-1] < 0.8:
        assert len(source.read(0.05).chunk) == 0
    timer = threading.Timer(0.02, server.put_data, [numbered(100, 130)])
    timer.start()
    got = take(source, 30)
    timer.join()
    assert stalled.events[0].kind == "stalled"
    assert Flag(int(got.flags[0])) == TORN
    assert got.stamps[-1] == pytest.approx(source._now(), abs=0.5)


def test_no_server_no_header_and_no_fieldtrip(fieldtrip_buffer, server, listen):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StreamNotFound, match=rf"127.0.0.1:{port}, but within 0.3 s: .*refused"):
        listen(server, port=port, connect_timeout_s=0.3).open()
    empty = fieldtrip_buffer()
    with pytest.raises(StreamNotFound, match="it has no header"):
        listen(empty, connect_timeout_s=0.3).open()
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer():
            connection, _ = other.accept()
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n")
            connection.recv(1)
            connection.close()

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(StreamNotFound, match="no FieldTrip buffer"):
            listen(server, port=other.getsockname()[1], connect_timeout_s=0.05).open()
        thread.join()
    source = listen(server)
    with pytest.raises(SourceError, match=r"call open\(\) first"):
        source.read(0.0)


def test_the_unit_is_believed_only_if_the_amplitude_allows_it(server, listen):
    source = listen(server, unit=None)
    with pytest.raises(UnitError, match="none for Cz, Pz: say which with --unit"):
        source.open()
    source = listen(server, unit="V")
    source.open()
    server.put_data(numbered(0, 10) * 1e-6)
    assert np.allclose(take(source, 10).data, numbered(0, 10))


def test_reading_waits_no_longer_than_told_and_asks_once(server, listen):
    source = listen(server)
    source.open()
    begun_s = time.monotonic()
    for _ in range(4):
        assert len(source.read(0.02).chunk) == 0
    assert 0.08 <= time.monotonic() - begun_s < 0.25
    assert server.requests.count(0x402) == 1  # the one question is still open
    source.read(0.0)


def test_meg_passes_through_to_its_epochs(fieldtrip_buffer, listen):
    """MEG stays in its unit, no limit in µV applies to it, and epochs are cut at its events."""
    server = fieldtrip_buffer()
    server.put_header(SFREQ, ("MEG0111", "MEG0112", "EEG001", "STI101"), "float32")
    rng = np.random.default_rng(2)
    signal = rng.standard_normal((1200, 4)) * [1e-12, 2e-11, 1e-5, 0]
    source = listen(server, unit=None)
    epochs = []
    engine = Engine(
        source,
        Pipeline(PipelineSettings()),
        Epocher(EpochSettings(0.0, 0.5, baseline_s=(0.0, 0.1), reject_ptp_uv=1000.0)),
        source._now,
    )
    spec = engine.start()
    assert spec.ch_types == ("mag", "grad", "eeg", "stim")
    assert spec.units == ("T", "T/m", "µV", "")
    server.put_event(300, "t", "1")
    server.put_data(signal)
    end_s = time.monotonic() + 20
    while not epochs and time.monotonic() < end_s:
        epochs += engine.step(0.05).epochs
    summary = engine.stop()
    (epoch,) = epochs
    assert epoch.rejected == ()
    assert epoch.onset_index == 300
    expected = (signal.astype(np.float32) * np.float32([1, 1, 1e6, 1])).T[:, 300:800]
    expected = expected - expected[:, :100].mean(axis=1, keepdims=True)
    assert np.allclose(epoch.data, expected, rtol=1e-3, atol=1e-15)
    assert summary["samples"]["flagged"] == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sinuhe", ("sinuhe", 1972)),
        ("localhost:1234", ("localhost", 1234)),
        ("fieldtrip://10.0.0.1:99/", ("10.0.0.1", 99)),
    ],
)
def test_an_address_is_host_and_port(text, expected):
    assert parse_address(text) == expected


@pytest.mark.parametrize("text", ["", ":1972", "host:", "host:x", "host:-1", "fieldtrip://"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="expected a FieldTrip buffer as HOST:PORT"):
        parse_address(text)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"port": 0}, "port must be within 1 to 65535, not 0"),
        ({"event_text": "name"}, "event_text must be value, type or both, not 'name'"),
        ({"stall_s": 0.0}, "stall_s must be above 0 s, not 0.0"),
        ({"connect_timeout_s": float("nan")}, "connect_timeout_s must be above 0 s, not nan"),
    ],
)
def test_settings_out_of_range_are_refused(setting, message):
    with pytest.raises(ConfigError, match=message):
        FieldTripSourceSettings(**setting)
