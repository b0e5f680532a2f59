"""What an LSL stream sends, the source hands out: once, in order, in µV, on the local clock."""

from __future__ import annotations

import math

import numpy as np
import pylsl
import pytest

from saccade.realtime.errors import (
    ConfigError,
    SignatureMismatch,
    UnitError,
)
from saccade.realtime.protocols import Source
from saccade.realtime.sources.lsl import clock as lsl_clock
from saccade.realtime.sources.lsl import resolve as lsl_resolve
from saccade.realtime.sources.lsl import source as lsl
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings

pytestmark = pytest.mark.lsl


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Do without the search for a second stream, which other tests are about."""
    monkeypatch.setattr(lsl_resolve, "GRACE_S", 0.0)


HELD = []
hold = HELD.append  # a stream that a test does nothing more with


@pytest.fixture(autouse=True)
def let_go():
    """End the streams that were held."""
    yield
    HELD.clear()


def send(name, n=2, sfreq=100.0, fmt="float32", kind="EEG", channels=None, source_id=None, **about):
    """Open an outlet; ``channels`` are dicts of label, type and unit."""
    info = pylsl.StreamInfo(
        name, kind, n, sfreq, fmt, f"id-{name}" if source_id is None else source_id
    )
    if channels is None:
        channels = [{"label": f"C{i}", "unit": "uV"} for i in range(n)]
    node = info.desc().append_child("channels")
    for fields in channels:
        channel = node.append_child("channel")
        for key, text in fields.items():
            channel.append_child_value(key, text)
    own = info.desc().append_child("saccade")
    for key, text in about.items():
        own.append_child_value(key, text)
    return pylsl.StreamOutlet(info)


def send_markers(name, n=1, fmt="string", source_id=None):
    source_id = f"id-{name}" if source_id is None else source_id
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", n, 0.0, fmt, source_id))


def listen(name, *markers, **settings):
    queries = tuple(StreamQuery(name=marker) for marker in markers)
    settings = {"resolve_timeout_s": 30.0} | settings  # a busy computer answers late
    return LSLSource(LSLSourceSettings(StreamQuery(name=name), queries, **settings))


def ramp(start, stop, n=2):
    """Return samples whose channels all hold their own number, and stamps 10 ms apart."""
    numbers = np.arange(start, stop)
    return np.repeat(numbers[:, None], n, axis=1).astype(np.float32), 1000.0 + numbers / 100.0


def push(outlet, start, stop, n=2):
    data, stamps = ramp(start, stop, n)
    outlet.push_chunk(data, stamps)


def take(source, n_samples, n_markers=0):
    """Read until so much is there; return chunks and markers."""
    chunks, markers = [], []
    for _ in range(400):
        reading = source.read(0.05)
        chunks.append(reading.chunk)
        markers += reading.markers
        if sum(map(len, chunks)) >= n_samples and len(markers) >= n_markers:
            return chunks, markers
    raise AssertionError(f"{sum(map(len, chunks))} samples and {len(markers)} markers came")


def values(chunks):
    return np.concatenate([chunk.data for chunk in chunks])


def test_it_is_a_source():
    assert isinstance(listen("any"), Source)


def test_two_sources_both_get_every_sample_and_own_it(stream_name):
    outlet = send(stream_name)
    sources = listen(stream_name, unit="uV"), listen(stream_name, unit="uV")
    for source in sources:
        source.open()
    for start in range(0, 6000, 200):
        push(outlet, start, start + 200)
    for source in sources:
        chunks, _ = take(source, 6000)  # more than one read hands out
        assert max(map(len, chunks)) <= lsl.MOST_SAMPLES < 6000
        # Had they been views of the buffer, later reads would have written over them.
        assert np.array_equal(values(chunks), ramp(0, 6000)[0])
        indices = [chunk.index for chunk in chunks]
        assert indices == [0, *np.cumsum([len(chunk) for chunk in chunks])[:-1]]
        assert all(not chunk.flags.any() and len(chunk.flags) == len(chunk) for chunk in chunks)
        source.close()


def test_nothing_sent_after_open_is_lost(stream_name):
    outlet, events = send(stream_name), send_markers(f"{stream_name}-m")
    source = listen(stream_name, f"{stream_name}-m", unit="uV")
    for _ in range(3):
        source.open()
        push(outlet, 0, 1)
        events.push_sample(["go"], 1000.0)
        push(outlet, 1, 2)
        chunks, markers = take(source, 2, 1)
        assert values(chunks)[:, 0].tolist() == [0, 1]
        assert next(chunk.index for chunk in chunks if len(chunk)) == 0  # counted anew
        assert [marker.value for marker in markers] == ["go"]
        source.close()


@pytest.mark.parametrize(
    ("fmt", "sent", "expected"),
    [
        ("float32", [0.1, -3.5], np.float32([0.1, -3.5])),
        ("double64", [0.1, 1e300], [np.float32(0.1), np.inf]),
        ("int8", [-128, 127], [-128, 127]),
        ("int16", [-32768, 32767], [-32768, 32767]),
        ("int32", [-(2**31), 2**31 - 1], np.float32([-(2**31), 2**31])),
        ("int64", [2**24 + 2, -5], [2**24 + 2, -5]),
    ],
)
def test_every_format_becomes_float32(stream_name, fmt, sent, expected):
    outlet = send(stream_name, fmt=fmt)
    source = listen(stream_name)
    source.open()
    outlet.push_sample(sent, 1000.0)
    chunk = take(source, 1)[0][-1]
    assert (chunk.data.dtype, chunk.stamps.dtype) == (np.float32, np.float64)
    assert np.array_equal(chunk.data[0], np.asarray(expected, np.float32))


def test_amplitudes_become_microvolts(stream_name):
    units = ["V", "mV", "microvolts", "degrees"]
    channels = [{"label": unit, "unit": unit} for unit in units]
    channels[3]["type"] = "Misc"
    outlet = send(stream_name, 4, fmt="double64", channels=channels)
    source = listen(stream_name)
    spec = source.open()
    assert spec.units == ("µV", "µV", "µV", "degrees")
    assert spec.ch_types == ("eeg", "eeg", "eeg", "misc")
    outlet.push_sample([3e-5, 3e-2, 30.0, 37.0], 1000.0)
    (chunk,) = [chunk for chunk in take(source, 1)[0] if len(chunk)]
    # As a recording of it would become: to float32 first, so that replay gives the same.
    sent = np.float32([3e-5, 3e-2, 30.0, 37.0])
    assert np.array_equal(chunk.data[0], (sent * np.array([1e6, 1e3, 1, 1])).astype(np.float32))


def test_a_missing_unit_is_refused_unless_given(stream_name):
    outlet = send(stream_name, channels=[])
    with pytest.raises(UnitError, match="none for 1, 2: say which"):
        listen(stream_name).open()
    source = listen(stream_name, unit="mV")
    assert source.open().units == ("µV", "µV")
    outlet.push_sample([1.0, 2.0], 1000.0)
    assert values(take(source, 1)[0]).tolist() == [[1000.0, 2000.0]]


@pytest.mark.parametrize("unit", [None, "uV"])
def test_an_amplitude_that_is_no_eeg_is_refused_unless_the_unit_is_given(stream_name, unit):
    outlet = send(stream_name)
    source = listen(stream_name, unit=unit)
    source.open()
    volts = 3e-5 * np.random.default_rng(0).standard_normal((150, 2)).astype(np.float32)
    outlet.push_chunk(volts[:99], 1000.0)
    assert np.array_equal(values(take(source, 99)[0]), volts[:99])  # not a full second yet
    outlet.push_chunk(volts[99:], 1001.0)
    if unit is None:
        with pytest.raises(UnitError, match="try --unit V"):
            take(source, 51)
    else:
        assert np.array_equal(values(take(source, 51)[0]), volts[99:])


def test_the_amplitude_is_judged_by_the_first_second_alone(stream_name):
    outlet = send(stream_name)
    source = listen(stream_name)
    source.open()
    data = np.random.default_rng(0).standard_normal((300, 2)).astype(np.float32)
    data[100:] *= 1e9
    outlet.push_chunk(data, 1000.0)
    assert np.array_equal(values(take(source, 300)[0]), data)


def test_what_is_not_finite_passes(stream_name):
    outlet = send(stream_name, 3)
    source = listen(stream_name)
    source.open()
    outlet.push_sample([math.nan, math.inf, -math.inf], 1000.0)
    assert np.array_equal(values(take(source, 1)[0]), [[np.nan, np.inf, -np.inf]], equal_nan=True)


def test_the_description_is_read_as_a_whole(stream_name):
    channels = [{"label": "Fz", "unit": "uV"}, {"type": "EOG", "unit": "uV"}]
    hold(send(stream_name, channels=channels, simulated="true", speed="2.5"))
    spec = listen(stream_name).open()
    assert (spec.ch_names, spec.ch_types) == (("Fz", "2"), ("eeg", "eog"))
    assert (spec.name, spec.sfreq, spec.source_id) == (stream_name, 100.0, f"id-{stream_name}")
    assert (spec.simulated, spec.speed) == (True, 2.5)
    assert listen(stream_name, ch_names=("Cz", "Pz")).open().ch_names == ("Cz", "Pz")
    with pytest.raises(SignatureMismatch, match="but 3 were given"):
        listen(stream_name, ch_names=("Cz", "Pz", "Oz")).open()


def test_a_stream_of_a_type_that_says_nothing_is_eeg_by_its_channels_or_by_the_unit(stream_name):
    channels = [{"label": "Fz", "unit": "mV"}, {"label": "counter"}]
    outlet = send(stream_name, kind="Signal", channels=channels)
    source = listen(stream_name)
    spec = source.open()
    assert (spec.ch_types, spec.units) == (("eeg", "signal"), ("µV", ""))
    outlet.push_sample([0.03, 7.0], 1000.0)
    assert values(take(source, 1)[0]).tolist() == [[30.0, 7.0]]
    hold(send(f"{stream_name}-bare", kind="Signal", channels=[]))
    with pytest.raises(UnitError, match="its type 'Signal' is not known"):
        listen(f"{stream_name}-bare").open()
    spec = listen(f"{stream_name}-bare", unit="V").open()
    assert (spec.ch_types, spec.units) == (("eeg", "eeg"), ("µV", "µV"))


def test_a_signal_that_is_not_converted_is_reported(stream_name, caplog):
    hold(send(stream_name, kind="Gaze", channels=[]))
    listen(stream_name).open()
    assert "is EEG or the like, but gaze: amplitudes stay as sent" in caplog.text


@pytest.mark.parametrize(
    ("fmt", "sent", "expected"),
    [
        ("string", [[" go\n"], [""], ["  "], ["é 1.0"]], ["go", "é 1.0"]),
        ("string", [["a", "", "b"], ["c", "", ""], ["", "", "d"]], ["a,,b", "c", ",,d"]),
        ("float32", [[1.0], [-2.0], [0.1], [16777216.0]], ["1", "-2", "0.1", "16777216"]),
        ("double64", [[1.0, 0.25], [0.0, 1e300]], ["1,0.25", f"0,{int(1e300)}"]),
        ("int8", [[-1], [0]], ["-1", "0"]),
        ("int16", [[32767]], ["32767"]),
        ("int32", [[5, 6]], ["5,6"]),
        ("int64", [[2**53 + 1]], ["9007199254740993"]),
    ],
)
def test_markers_of_every_format_become_text(stream_name, fmt, sent, expected):
    outlet, name = send(stream_name), f"{stream_name}-m"
    events = send_markers(name, len(sent[0]), fmt)
    source = listen(stream_name, name)
    source.open()
    for i, row in enumerate(sent):
        events.push_sample(row, 1000.0 + i)
    push(outlet, 0, 1)
    _, markers = take(source, 1, len(expected))
    assert [marker.value for marker in markers] == expected
    assert {marker.stream for marker in markers} == {name}
    assert all(marker.received_s > marker.stamp for marker in markers)


def test_markers_of_two_streams_come_in_the_order_of_their_stamps(stream_name, monkeypatch):
    monkeypatch.setattr(lsl, "MOST_MARKERS", 7)  # that are taken at once
    outlet = send(stream_name)
    names = f"{stream_name}-a", f"{stream_name}-b"
    events = [send_markers(name) for name in names]
    source = listen(stream_name, *names)
    source.open()
    for i in range(100):
        events[i % 2].push_sample([str(i)], 1000.0 + i)
    push(outlet, 0, 1)
    _, markers = take(source, 1, 100)
    for k, name in enumerate(names):  # all, each once, in order, and far more than 7 a read
        numbers = [int(marker.value) for marker in markers if marker.stream == name]
        assert numbers == list(range(k, 100, 2))
    push(outlet, 1, 2)
    take(source, 1)
    events[1].push_sample(["late"], 2000.0)
    events[0].push_sample(["later"], 2001.0)
    _, markers = take(source, 0, 2)
    assert [marker.value for marker in markers] == ["late", "later"]


def test_one_read_takes_all_markers_there_are(stream_name, monkeypatch):
    outlet, events = send(stream_name), send_markers(f"{stream_name}-m")
    source = listen(stream_name, f"{stream_name}-m")
    source.open()
    waiting = [str(i).encode() for i in range(20)]

    def pull_chunk(inlet, timeout, most, **_):
        assert timeout == 0.0
        n = min(most, len(waiting)) if inlet.channel_format == pylsl.cf_string else 0
        rows = [waiting.pop(0) for _ in range(n)]
        return np.array(rows, object).reshape(n, 1), np.arange(1.0, n + 1)

    monkeypatch.setattr(lsl, "MOST_MARKERS", 7)
    monkeypatch.setattr(pylsl.StreamInlet, "pull_chunk", pull_chunk)
    markers = source.read(0.0).markers
    assert sorted(int(marker.value) for marker in markers) == list(range(20))
    del outlet, events


def test_the_clock_s_offset_is_added_to_every_stamp_and_nothing_else(stream_name, monkeypatch):
    monkeypatch.setattr(lsl_clock, "measured", lambda *_: (12.5, 1.0, 1e-4))
    outlet, events = send(stream_name), send_markers(f"{stream_name}-m")
    source = listen(stream_name, f"{stream_name}-m", unit="uV")
    assert math.isnan(source.clock_offset_s)
    source.open()
    data, stamps = ramp(0, 50)
    stamps[25:] += np.linspace(0.3, 0.0, 25)  # a gap, then samples closer together
    outlet.push_chunk(data, stamps)
    events.push_sample(["x"], 1000.25)
    chunks, (marker,) = take(source, 50, 1)
    chunks = [chunk for chunk in chunks if len(chunk)]
    assert np.array_equal(np.concatenate([chunk.stamps for chunk in chunks]), stamps + 12.5)
    assert np.array_equal(np.concatenate([chunk.raw_stamps for chunk in chunks]), stamps)
    assert marker.stamp == 1012.75
    assert source.clock_offset_s == 12.5
    assert all(chunk.received_s <= pylsl.local_clock() for chunk in chunks)


def test_on_one_computer_the_offset_is_next_to_nothing(stream_name):
    outlet = send(stream_name)
    source = listen(stream_name)
    source.open()
    assert 0 < abs(source.clock_offset_s) < 1e-3
    sent_s = pylsl.local_clock()
    outlet.push_sample([1.0, 1.0], sent_s)
    chunk = take(source, 1)[0][-1]
    assert chunk.stamps[0] == sent_s + source.clock_offset_s
    assert sent_s < chunk.received_s <= pylsl.local_clock()
    source.close()
    assert math.isnan(source.clock_offset_s)


def test_silence_is_an_empty_reading(stream_name):
    outlet = send(stream_name)
    source = listen(stream_name)
    source.open()
    begun_s = pylsl.local_clock()
    reading = source.read(0.1)
    assert reading.chunk.data.shape == (0, 2)
    assert (reading.chunk.index, reading.markers) == (0, ())
    assert 0.09 < reading.chunk.received_s - begun_s < 5.0
    push(outlet, 0, 2)
    take(source, 2)
    assert source.read(0.0).chunk.index == 2


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"resolve_timeout_s": 0.0}, "above 0 s, not 0"),
        ({"resolve_timeout_s": math.inf}, "above 0 s, not inf"),
        ({"buffer_s": 0}, "at least 1 s, not 0"),
        ({"stall_s": 0.0}, "stall_s must be above 0 s, not 0"),
        ({"stall_s": math.nan}, "stall_s must be above 0 s, not nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        LSLSourceSettings(StreamQuery(name="x"), **settings)
