"""A FieldTrip buffer as a source: every sample once, every event at its own."""

from __future__ import annotations

import struct
import threading
import time

import numpy as np
import pytest
from buffer_reading import NAMES, SFREQ, numbered, take

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import ConfigError, UnitError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sources.fieldtrip import source as fieldtrip
from saccade.realtime.sources.fieldtrip.time import CounterClock
from saccade.realtime.types import Chunk, Flag, Marker, StreamSpec


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
    readings, read = [], source.read
    source.read = lambda timeout_s: readings.append(read(timeout_s)) or readings[-1]
    engine = Engine(source, Pipeline(PipelineSettings()), Epocher(EpochSettings()), lambda: 0.0)
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
    markers = [marker.value for reading in readings for marker in reading.markers]
    assert markers == [str(n) for n in range(40, 50)]
    assert Flag(int(got.chunk.flags[0])) == Flag.GAP
    assert not got.chunk.flags[1:].any()
    assert "dropped 4000 samples" in caplog.text
    summary = engine.stop()
    counted = summary["samples"]
    assert counted["received"] + counted["lost"] == 5100  # which is what was sent
    assert summary["markers"]["received"] == 10
    assert summary["markers"]["lost"] == 40


@pytest.mark.parametrize("gap_s", [None, 0.05])
@pytest.mark.parametrize("dropped_s", [0.02, 0.5, 61.0, 700.0])
def test_a_loss_is_exact_however_long_it_is(fieldtrip_buffer, listen, dropped_s, gap_s):
    server = fieldtrip_buffer(ring=1000)
    server.put_header(SFREQ, NAMES)
    source = listen(server, clock=lambda: server.n_samples / SFREQ)
    pipeline = Pipeline(PipelineSettings(gap_s=gap_s, dejitter=True))
    engine = Engine(source, pipeline, Epocher(EpochSettings()), lambda: 0.0)
    engine.start()
    n_dropped = round(dropped_s * SFREQ)
    for n_sent, n_kept in ((100, 100), (n_dropped + 1000, 1000), (300, 300)):
        server.put_data(np.zeros((n_sent, 2)))
        n_wanted = engine.summary()["samples"]["received"] + n_kept
        end_s = time.monotonic() + 20
        while engine.summary()["samples"]["received"] < n_wanted:
            assert time.monotonic() < end_s
            engine.step(0.05)
    summary = engine.stop()
    assert summary["samples"]["lost"] == n_dropped
    assert summary["timing"] == {"gaps": 1}


def test_epochs_are_cut_at_the_events_sample_with_jitter_taken_out():
    """What a line through the arrivals does to the stamps, it does to the markers."""
    spec = StreamSpec("buffer", SFREQ, ("Cz",), ("eeg",), ("µV",), counted=True)
    pipeline = Pipeline(PipelineSettings(dejitter=True))
    epocher = Epocher(EpochSettings(tmin_s=0.0, tmax_s=0.02, baseline_s=None))
    epocher.reset(pipeline.reset(spec))
    rng, line, block = np.random.default_rng(0), CounterClock(SFREQ), 28
    epochs = []
    for start in range(0, 30_000, block):
        stop = start + block
        now_s = stop / SFREQ + abs(rng.normal(0.0, 0.003)) + (0.1 if start == 0 else 0.0)
        if line.is_laid:
            line.arrived(stop, now_s)
        else:
            line.lay(stop, start, now_s)
        samples = np.arange(start, stop, dtype=np.float32)[:, None]
        chunk = Chunk(samples, line.stamps(start, stop), np.zeros(block, np.uint16), start)
        event = start + block // 2
        epochs += epocher.step(pipeline.step(chunk), [Marker(str(event), line.stamp_of(event))])
    assert len(epochs) > 1000
    assert all(epoch.data[0, 0] == int(epoch.marker) for epoch in epochs if not epoch.rejected)
    assert not any(epoch.rejected for epoch in epochs)
    assert pipeline.timing["shifts"] == pipeline.timing["gaps"] == 0


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
