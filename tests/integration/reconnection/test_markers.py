"""Marker programs that vanish and return, and senders that can't be joined again."""

from __future__ import annotations

import time

import numpy as np
import pylsl
import pytest
from senders import DEADLINE_S, Feeder, Log, kill, send, send_markers

from saccade.realtime.errors import StreamLost

pytestmark = pytest.mark.lsl


def test_a_marker_program_comes_and_goes_while_the_signal_flows(stream_name, program, listen):
    program(stream_name)
    name = f"{stream_name}-m"
    markers = program(name, sfreq=100.0, labels="marker", kind="Markers")
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: len(log.markers) >= 50)
    kill(markers)
    gone_s = pylsl.local_clock()
    log.until(source, lambda: bool(log.events))
    assert (log.events[0].kind, log.events[0].stream) == ("stalled", name)
    assert f"marker stream '{name}': its sender is gone" in log.events[0].text
    assert log.events[0].at_s - gone_s < 0.5 + 2.0
    n_before = len(log.markers)
    numbers = [int(marker.value) for marker in log.markers]
    assert numbers == list(range(numbers[0], numbers[0] + n_before))
    markers = program(name, sfreq=100.0, labels="marker", kind="Markers")
    log.until(source, lambda: len(log.markers) >= n_before + 50)
    assert log.kinds() == ["stalled", "resumed"], log.events
    numbers = [int(marker.value) for marker in log.markers[n_before:]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert {measure.stream for measure in log.clocks} == {stream_name, name}
    # All the while the signal was whole, and nobody waited for the markers.
    assert np.array_equal(log.values(), np.arange(log.values()[0], log.values()[0] + log.n))
    assert not log.flags().any()
    delays_s = [chunk.received_s - chunk.stamps[0] for chunk in log.chunks]
    assert np.percentile(delays_s, 95) < 0.1


def test_markers_go_on_while_the_amplifier_is_away(stream_name, listen):
    feeder, name = Feeder(send(stream_name)), f"{stream_name}-m"
    source_of_markers = Feeder(send_markers(name))
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    feeder.outlet = None
    log.until(source, lambda: log.kinds() == ["stalled"])

    def mark():
        source_of_markers.outlet.push_sample([str(len(log.markers))])

    log.until(source, lambda: len(log.markers) >= 20, mark)
    waits_s = [marker.received_s - marker.stamp for marker in log.markers]
    assert np.median(waits_s) < 0.2  # a look lasts a tenth
    feeder.outlet = send(stream_name)
    log.until(source, lambda: "resumed" in log.kinds(), feeder)
    assert log.kinds() == ["stalled", "resumed"]


def test_a_marker_stream_that_comes_back_as_another_is_refused(stream_name, listen):
    feeder, name = Feeder(send(stream_name)), f"{stream_name}-m"
    events = send_markers(name)
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    events.push_sample(["last"])
    deadline_s = time.monotonic() + DEADLINE_S
    while source._markers[0].inlet.waiting < 1:  # on its way is lost with its sender
        assert time.monotonic() < deadline_s
    del events
    log.until(source, lambda: bool(log.events), feeder)
    assert [marker.value for marker in log.markers] == ["last"]
    events = send_markers(name, fmt="int32")
    log.until(source, lambda: len(log.events) == 2, feeder)
    del events
    assert log.events[1].kind == "refused"
    assert "with int32 instead of string" in log.events[1].text
    events = send_markers(name)
    log.until(source, lambda: len(log.events) == 3, feeder)
    log.until(source, lambda: len(log.markers) > 1, lambda: events.push_sample(["first"]))
    assert log.kinds() == ["stalled", "refused", "resumed"]
    assert [marker.value for marker in log.markers[:2]] == ["last", "first"]


def test_a_sender_without_source_id_is_an_event_and_then_an_error(stream_name, listen):
    feeder, name = Feeder(send(stream_name, source_id="")), f"{stream_name}-m"
    events = send_markers(name, source_id="")
    source, log = listen(stream_name, name), Log()
    log.until(source, lambda: log.n >= 3, feeder)
    del events
    log.until(source, lambda: bool(log.events), feeder)
    assert (log.events[0].kind, log.events[0].stream) == ("lost", name)
    assert f"marker stream '{name}' is gone, and without a source_id" in log.events[0].text
    n_before = log.n
    log.until(source, lambda: log.n > n_before, feeder)
    feeder.outlet = None
    log.until(source, lambda: len(log.events) == 2)
    assert (log.events[1].kind, log.events[1].stream) == ("lost", stream_name)
    with pytest.raises(StreamLost, match=rf"after {log.n} samples, stream .* restart the sender"):
        source.read(0.0)


def test_what_a_lost_sender_without_source_id_takes_with_it_is_counted(stream_name, listen):
    outlet = send(stream_name, source_id="")
    source, log = listen(stream_name), Log()
    outlet.push_chunk(np.zeros((30, 2), np.float32), pylsl.local_clock())
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 30:
        assert time.monotonic() < deadline_s
    del outlet
    while source.backlog < 31:  # liblsl has seen that it is gone
        assert time.monotonic() < deadline_s
    log.read(source)
    assert "is gone, with 30 samples that had come and were not read yet" in log.events[0].text
