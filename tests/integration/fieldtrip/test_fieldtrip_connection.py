"""A FieldTrip buffer that goes, comes back or changes: what is lost, and what is said."""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
from buffer_reading import NAMES, SFREQ, TORN, numbered, take

from saccade.realtime.errors import SourceError, StreamNotFound
from saccade.realtime.types import Flag


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
    assert not got.flags.any()


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
