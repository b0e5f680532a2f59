"""What an experiment reads of a running session: message by message, and when it is over."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest

from saccade.realtime.control.results import Results
from saccade.realtime.errors import StreamLost, StreamNotFound
from saccade.realtime.sinks.lsl import LSLSink, LSLSinkSettings
from saccade.realtime.types import StreamSpec

pytestmark = pytest.mark.lsl

SPEC = StreamSpec("amp", 100.0, ("Cz",), ("eeg",), ("uV",), simulated=True)


@contextlib.contextmanager
def session(prefix: str) -> Iterator[LSLSink]:
    sink = LSLSink(LSLSinkSettings(prefix=prefix))
    sink.open(SPEC, {})
    try:
        yield sink
    finally:
        sink.abandon()


def test_messages_come_in_order_and_then_the_end(stream_name: str) -> None:
    with session(stream_name) as sink, Results("status", stream_name, 60.0) as status:
        assert status.wait(0.0) is None
        for number in range(3):
            sink.status({"number": number})
        told = [status.wait(60.0) for _ in range(3)]
        assert told == [{"type": "status", "simulated": True, "number": n} for n in range(3)]
        assert status.wait(0.05) is None
        sink.abandon()
        with pytest.raises(StreamLost, match=f"'{stream_name}-status' is gone"):
            status.wait(60.0)


def test_a_session_that_does_not_run_is_not_found(stream_name: str) -> None:
    with pytest.raises(StreamNotFound, match="expected one stream of decisions"):
        Results("decisions", stream_name, 0.2)
