"""OSC, JSON over UDP, and callables: what arrives, and that nothing ever waits or ends for them."""

from __future__ import annotations

import json
import logging
import socket
from dataclasses import replace

import numpy as np
import pytest
from pythonosc.osc_message import OscMessage

from saccade.realtime.errors import ConfigError
from saccade.realtime.registry import load
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.callback import CallbackSink
from saccade.realtime.sinks.datagrams import Datagrams, receiver
from saccade.realtime.sinks.group import SinkGroup
from saccade.realtime.sinks.osc import OSCSink
from saccade.realtime.sinks.udp import UDPSink
from saccade.realtime.types import Candidate, Decision, Epoch, Prediction, Ranking, StreamSpec

SPEC = StreamSpec("s", 100.0, ("Cz",), ("eeg",), ("uV",), simulated=True)
DECISION = Decision(
    3, "closed", "dog", 0.93, 4, 1, 10.0, 11.25, "threshold", (("dog", 0.93), ("cat", 0.07)), "dog"
)
ABSTAINED = Decision(4, "target", None, 0.4, 2, 0, 12.0, 13.0, "deadline", item="img7")
EPOCH = Epoch(7, np.zeros((1, 2), np.float32), 100.0, 0.0, 1.5, 150, "1", "dog")
P = np.array([0.75, 0.25], np.float32)
PREDICTION = Prediction(EPOCH, Ranking((Candidate(0, "dog", 0.5, 0.75),), P, P.copy()), 1)


@pytest.fixture
def listening():
    """Return a socket that hears datagrams on this computer."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.settimeout(10.0)
        yield heard


def test_osc_messages_have_the_documented_address_and_types(listening):
    sink = OSCSink("127.0.0.1", listening.getsockname()[1], "lab")
    sink.open(SPEC, {})
    for tell in (
        lambda: sink.decision(DECISION),
        lambda: sink.decision(ABSTAINED),
        lambda: sink.prediction(PREDICTION),
    ):
        tell()
    came = [OscMessage(listening.recv(4096)) for _ in range(3)]
    sink.close({})
    assert [m.address for m in came] == ["/lab/decision", "/lab/decision", "/lab/prediction"]
    choice, probability, epochs, elapsed_s, mode, ending, item = came[0].params
    assert (choice, epochs, mode, ending, item) == ("dog", 4, "closed", "threshold", "")
    assert (probability, elapsed_s) == (pytest.approx(0.93), pytest.approx(1.25))
    assert came[1].params[0] == ""
    assert came[1].params[6] == "img7"
    assert came[2].params == ["dog", pytest.approx(0.75), 7, "dog"]


def test_udp_datagrams_are_the_messages_of_the_log(listening):
    sink = UDPSink("127.0.0.1", listening.getsockname()[1])
    sink.open(SPEC, {})
    sink.decision(DECISION)
    sink.prediction(PREDICTION)
    sink.rejected(EPOCH)
    told = [json.loads(listening.recv(65536)) for _ in range(3)]
    sink.close({})
    assert [t["type"] for t in told] == ["decision", "prediction", "rejected"]
    assert told[0] | {"top": None} == {
        "type": "decision",
        "number": 3,
        "mode": "closed",
        "choice": "dog",
        "item": None,
        "probability": 0.93,
        "epochs": 4,
        "left_out": 1,
        "started_s": 10.0,
        "stamp_s": 11.25,
        "elapsed_s": 1.25,
        "ending": "threshold",
        "top": None,
        "truth": "dog",
        "simulated": False,
    }
    assert told[0]["top"] == [
        {"name": "dog", "probability": 0.93},
        {"name": "cat", "probability": 0.07},
    ]


def test_what_cannot_be_sent_is_lost_counted_and_told_once(listening, caplog):
    datagrams = Datagrams("127.0.0.1", listening.getsockname()[1])
    datagrams.open()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            datagrams.send(b"x" * 70_000)  # longer than any datagram
    assert datagrams.n_lost == 3
    assert len(caplog.records) == 1
    assert "70000 bytes to 127.0.0.1" in caplog.text
    datagrams.send(b"short")
    assert listening.recv(100) == b"short"
    datagrams.close()
    datagrams.close()


def test_what_is_lost_is_in_the_summary(listening):
    """Whatever the reason: here, that the datagrams of one are longer than any can be."""
    port = listening.getsockname()[1]
    deaf, other = UDPSink("127.0.0.1", port), UDPSink("127.0.0.1", port)
    group = SinkGroup((deaf, other, QuietSink()), dict)
    group.open(SPEC, {})
    other.prediction(PREDICTION)
    assert group.undelivered == {}
    long = replace(DECISION, choice="x" * 70_000)
    deaf.decision(long)
    other.decision(long)
    assert group.undelivered == {"UDPSink": 2}
    group.close({})


def test_nobody_listening_is_no_error():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    datagrams = Datagrams("127.0.0.1", port)
    datagrams.open()
    for _ in range(5):  # the refusal of the first would come back on the second
        datagrams.send(b"anyone?")
    assert datagrams.n_lost == 0
    datagrams.close()


def test_a_host_that_is_none_is_refused_before_the_session_begins():
    with pytest.raises(ConfigError, match="can't be found"):
        Datagrams("no-such-host.invalid", 9000).open()
    with pytest.raises(ConfigError, match="call open"):
        Datagrams("127.0.0.1", 9000).send(b"")
    with pytest.raises(ConfigError, match="a port from 1 to 65535"):
        Datagrams("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("text", "found"),
    [("127.0.0.1:9000", ("127.0.0.1", 9000)), ("[::1]:7", ("::1", 7)), ("pc:1", ("pc", 1))],
)
def test_a_receiver_is_a_host_and_a_port(text, found):
    assert receiver(text) == found


@pytest.mark.parametrize("text", ["9000", ":9000", "pc:", "pc:0", "pc:99999", "pc:x", "[]:1"])
def test_anything_else_is_refused(text):
    with pytest.raises(ConfigError, match="should be HOST:PORT"):
        receiver(text)


def test_callables_are_called_and_one_that_raises_only_loses_its_own_sink(caplog):
    heard = []
    deaf = CallbackSink()
    broken = CallbackSink(decision=lambda _: 1 / 0)
    good = CallbackSink(heard.append, heard.append, heard.append)
    group = SinkGroup([deaf, broken, good], dict)
    group.open(SPEC, {})
    for what, value in (("decision", DECISION), ("prediction", PREDICTION), ("rejected", EPOCH)):
        group.each(lambda sink, what=what, value=value: getattr(sink, what)(value))
    assert heard == [DECISION, PREDICTION, EPOCH]
    assert group.dropped == ["CallbackSink: division by zero"]


def test_each_is_found_by_its_entry_point():
    assert load("saccade.sinks", "osc") is OSCSink
    assert load("saccade.sinks", "udp") is UDPSink
    assert load("saccade.sinks", "callback") is CallbackSink
