"""A sender that stays away, goes, comes back or is not read: said, and survived where it can be."""

from __future__ import annotations

import numpy as np
import pylsl
import pytest
from pylsl.util import TimeoutError as NotInTime

from saccade.realtime.errors import SourceError, StreamLost, StreamNotFound
from saccade.realtime.sources.lsl import clock as lsl_clock
from saccade.realtime.sources.lsl import resolve as lsl_resolve
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings
from saccade.realtime.timing.continuity import Continuity, ContinuitySettings
from saccade.realtime.types import Flag

pytestmark = pytest.mark.lsl


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Do without the search for a second stream, which other tests are about."""
    monkeypatch.setattr(lsl_resolve, "GRACE_S", 0.0)


def send(name, source_id="here"):
    info = pylsl.StreamInfo(name, "EEG", 2, 100.0, pylsl.cf_float32, source_id)
    info.set_channel_units("uV")
    return pylsl.StreamOutlet(info)


def send_markers(name, source_id="here"):
    return pylsl.StreamOutlet(pylsl.StreamInfo(name, "Markers", 1, 0.0, pylsl.cf_string, source_id))


def push(outlet, start, stop):
    """Send samples whose channels hold their own number, stamped 10 ms apart."""
    numbers = np.arange(start, stop)
    outlet.push_chunk(np.repeat(numbers[:, None], 2, axis=1), 1000.0 + numbers / 100.0)


def listen(name, *markers, **settings):
    queries = tuple(StreamQuery(name=marker) for marker in markers)
    settings = {"resolve_timeout_s": 30.0} | settings  # a busy computer answers late
    return LSLSource(LSLSourceSettings(StreamQuery(name=name), queries, **settings))


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


@pytest.mark.parametrize(
    ("where", "method", "message"),
    [
        (lsl_clock, "measured", r"the clock of stream .* can't be measured within 2 s"),
        (pylsl.StreamInlet, "info", r"answered the search, but not the connection within 2 s"),
        (pylsl.StreamInlet, "open_stream", r"but not the connection within 2 s"),
    ],
)
def test_a_stream_that_does_not_answer_is_refused(stream_name, monkeypatch, where, method, message):
    def never(*_):
        raise NotInTime

    outlet = send(stream_name)
    monkeypatch.setattr(where, method, never)
    source = listen(stream_name, resolve_timeout_s=2.0)
    with pytest.raises(SourceError, match=message):
        source.open()
    with pytest.raises(SourceError, match="must be open"):
        source.read(0.0)
    del outlet


def test_a_sender_without_source_id_is_lost_for_good(stream_name):
    outlet = send(stream_name, source_id="")
    source = listen(stream_name)
    source.open()
    push(outlet, 0, 3)
    take(source, 3)
    del outlet
    with pytest.raises(StreamLost, match=r"after 3 samples, stream .* is gone.*restart the sender"):
        take(source, 1)


def test_a_lost_marker_stream_ends_nothing(stream_name):
    outlet, name = send(stream_name), f"{stream_name}-m"
    events = send_markers(name, source_id="")
    other = send_markers(f"{name}2")
    source = listen(stream_name, name, f"{name}2")
    source.open()
    del events
    told = ()
    for _ in range(400):
        told = told or tuple(e for e in source.read(0.02).events if e.stream == name)
    assert [event.kind for event in told] == ["lost"]
    push(outlet, 0, 5)
    other.push_sample(["still"], 1000.0)
    chunks, markers = take(source, 5, 1)
    assert values(chunks)[:, 0].tolist() == [0, 1, 2, 3, 4]
    assert [marker.value for marker in markers] == ["still"]


def test_what_can_t_be_opened_leaves_nothing_open(stream_name):
    outlet = send(stream_name)
    source = listen(stream_name, f"{stream_name}-m", resolve_timeout_s=1.0)
    with pytest.raises(StreamNotFound, match="expected one marker stream with name="):
        source.open()
    with pytest.raises(SourceError, match="must be open to be read"):
        source.read(0.0)
    source.close()
    source.close()
    del outlet


def test_an_inlet_holds_as_much_as_it_is_told(stream_name):
    outlet = send(stream_name)
    small = listen(stream_name, unit="uV", buffer_s=1)
    large = listen(stream_name, unit="uV")
    small.open()
    large.open()
    for start in range(0, 20000, 500):
        push(outlet, start, start + 500)
    assert np.array_equal(values(take(large, 20000)[0])[:, 0], np.arange(20000))
    push(outlet, 20000, 20001)
    kept = []
    while 20000 not in kept:
        kept += small.read(5.0).chunk.data[:, 0].tolist()
    assert 100 <= len(kept) < 15000  # the oldest of what nobody took are gone
    assert kept == sorted(kept)


def test_what_an_inlet_drops_is_counted_as_lost(stream_name):
    outlet = send(stream_name)
    source = listen(stream_name, unit="uV", buffer_s=1)
    continuity = Continuity(ContinuitySettings())
    continuity.reset(source.open())
    push(outlet, 0, 10)
    chunks = [continuity.step(chunk) for chunk in take(source, 10)[0]]
    for start in range(10, 2000, 10):
        push(outlet, start, start + 10)
    while 1999 not in values(chunks):
        chunks.append(continuity.step(source.read(5.0).chunk))
    received = sum(map(len, chunks))
    assert received < 2000
    assert received + continuity.counts.lost == 2000
    flags = np.concatenate([chunk.flags for chunk in chunks])
    assert 0 < np.count_nonzero(flags & Flag.GAP) == continuity.counts.gaps
