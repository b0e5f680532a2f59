"""A FieldTrip buffer that answers nonsense, or too slowly: said, survived, and never a hang."""

from __future__ import annotations

import contextlib
import logging
import socket
import struct
import threading
import time

import numpy as np
import pytest
from buffer_reading import SFREQ, numbered, take

from saccade.realtime.errors import SaccadeError, SourceError, StreamNotFound


def event(kind, value, sample, types=(0, 0), size=None):
    """Return an event as it is sent; ``types`` and ``size`` may be wrong."""
    fields = (types[0], len(kind), types[1], len(value), sample, 0, 0)
    return struct.pack("IIIIiiiI", *fields, len(kind + value) if size is None else size) + (
        kind + value
    )


@pytest.fixture
def slow_link():
    """Return what makes a link to a server that brings a byte in 0.3 s, once it is told to."""
    listeners = []

    def make(server):
        listener, slow = socket.create_server(("127.0.0.1", 0)), threading.Event()
        listeners.append(listener)

        def pass_on(receive, send, is_slow):
            while data := receive.recv(4096):
                for byte in data:
                    send.sendall(bytes([byte]))
                    if is_slow and slow.is_set():
                        time.sleep(0.3)

        def relay(connection):
            with connection, socket.create_connection(("127.0.0.1", server.port)) as onward:
                up = threading.Thread(target=quietly, args=(pass_on, connection, onward, False))
                up.start()
                quietly(pass_on, onward, connection, True)

        def quietly(work, *arguments):
            with contextlib.suppress(OSError):
                work(*arguments)

        def accept():
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=quietly, args=(relay, connection), daemon=True).start()

        threading.Thread(target=quietly, args=(accept,), daemon=True).start()
        return listener.getsockname()[1], slow

    yield make
    for listener in listeners:
        listener.close()


BAD_EVENTS = {
    "an unknown type": event(b"t", b"1", 10, types=(11, 0)),
    "a type that nobody knows": event(b"t", b"1", 10, types=(0, 0xFFFFFFFF)),
    "sizes that do not fit": struct.pack("IIIIiiiI", 0, 50, 0, 1, 10, 0, 0, 2) + b"ab",
    "a size beyond its end": event(b"t", b"1", 10, size=500),
    "nothing but its half": event(b"t", b"1", 10)[:20],
}


@pytest.mark.parametrize("bad", BAD_EVENTS.values(), ids=BAD_EVENTS)
def test_an_event_that_makes_no_sense_is_left_out_alone(server, listen, bad, caplog):
    source = listen(server)
    source.open()
    server.put_data(numbered(0, 50))
    with server._changed:
        server._events = [event(b"t", b"1", 5), bad, event(b"t", b"2", 20), event(b"t", b"3", 30)]
        server.n_events = 4
        server._changed.notify_all()
    got = take(source, 50, 3)
    assert np.array_equal(got.data, numbered(0, 50))
    assert [marker.value for marker in got.markers] == ["1", "2", "3"]
    assert source.markers_lost == 1
    assert caplog.text.count("1 events of the buffer make no sense") == 1
    server.put_data(numbered(50, 60))
    assert np.array_equal(take(source, 10).data, numbered(50, 60))  # nor is it asked for again
    assert "joining" not in caplog.text


def test_names_that_are_not_utf_8_are_latin_1(fieldtrip_buffer, listen):
    server = fieldtrip_buffer()
    server.put_header(SFREQ, (), chunks=[(1, "Cz\0Nez é µ\0".encode("latin-1"))], n_channels=2)
    assert listen(server).open().ch_names == ("Cz", "Nez é µ")
    assert listen(server, ch_names=("C3", "C4")).open().ch_names == ("C3", "C4")


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (0, struct.pack("I", 0), "says 0 channels at 1000 Hz"),
        (12, struct.pack("f", float("nan")), "says 2 channels at nan Hz"),
        (12, struct.pack("f", 1e-30), "says 2 channels at 1e-30 Hz"),
        (16, struct.pack("I", 11), r"the protocol knows \(0 to 10\) .* says 11"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(server, listen, at, value, message):
    whole = server._answer(0x201, b"")[1]
    server._answer = lambda command, question: (0x204, whole[:at] + value + whole[at + 4 :])
    with pytest.raises(SourceError, match=message):
        listen(server).open()


def test_a_header_of_a_few_bytes_is_none(server, listen):
    server._answer = lambda command, question: (0x204, b"abc")
    with pytest.raises(StreamNotFound, match="its header: no sense in it"):
        listen(server, connect_timeout_s=0.3).open()


def test_a_connection_that_breaks_at_every_answer_is_said_once(server, listen, caplog):
    source = listen(server, stall_s=0.2)
    source.open()
    answer = server._answer
    server._answer = lambda command, question: (
        (0x204, b"nonsense") if command == 0x202 else answer(command, question)
    )
    server.put_data(numbered(0, 50))
    told = take(source, events=["stalled"])
    begun_s, n_tries = time.monotonic(), 0
    while time.monotonic() < begun_s + 0.5:
        source.read(0.05)
        n_tries += 1
    assert n_tries <= 12  # it does not spin
    warnings = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "joining it again" in warnings[0].getMessage()
    assert len(told.data) == 0
    server._answer = answer
    assert np.array_equal(take(source, 50).data, numbered(0, 50))


def test_a_slow_link_does_not_hold_a_read_up(server, listen, slow_link):
    port, slow = slow_link(server)
    source = listen(server, port=port, stall_s=0.2)
    source.open()
    server.put_data(numbered(0, 50))
    slow.set()
    begun_s = time.monotonic()
    assert len(source.read(0.05).chunk) == 0
    assert 1.9 < time.monotonic() - begun_s < 3.0
    slow.clear()
    assert np.array_equal(take(source, 50).data, numbered(0, 50))


@pytest.mark.parametrize("seed", range(20))
def test_whatever_a_server_answers_only_our_own_errors_come_out(server, listen, seed):
    """Bytes of its answers are overwritten, left out and put in, at first those of the header."""
    rng = np.random.default_rng(seed)
    answer, spoil = server._answer, [seed % 2 == 0]

    def spoiled(command, question):
        status, content = answer(command, question)
        if spoil[0] and content:
            array = np.frombuffer(content, np.uint8).copy()
            places = rng.integers(0, len(array), int(rng.integers(1, 6)))
            array[places] = rng.choice([0, 1, 2, 127, 128, 255], len(places))
            content = array.tobytes()[: int(rng.integers(0, 2 * len(array)))]
        return status, content

    server._answer = spoiled
    server.put_event(5, "t", "1")
    source = listen(server, connect_timeout_s=0.2)
    try:
        source.open()
    except SaccadeError:
        spoil[0] = False
        source.open()
    spoil[0] = True
    for start in range(0, 200, 10):
        server.put_data(numbered(start, start + 10))
        server.put_event(start, "type", np.int32([start, 2]))
        source.read(0.01)
