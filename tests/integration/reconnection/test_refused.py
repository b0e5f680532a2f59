"""What comes back as something else than it was is refused, and the right one awaited."""

from __future__ import annotations

import threading
import time

import numpy as np
import pylsl
import pytest
from senders import DEADLINE_S, Feeder, Log, send

from saccade.realtime.sources.lsl import comeback as lsl_return
from saccade.realtime.sources.lsl.inlet import Inlet
from saccade.realtime.types import Flag

pytestmark = pytest.mark.lsl

RENEWED = Flag.GAP | Flag.CLOCK


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"sfreq": 500.0}, "500 Hz instead of 100 Hz"),
        ({"n": 3}, "3 channels instead of 2"),
        ({"fmt": "int16", "sfreq": 0.0}, "no rate instead of 100 Hz, int16 instead of float32"),
    ],
)
def test_an_amplifier_that_comes_back_as_another_is_refused_and_the_right_one_awaited(
    stream_name, listen, changes, said
):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    feeder.outlet = None
    log.until(source, lambda: log.kinds() == ["stalled"])
    feeder.outlet = send(stream_name, **changes)
    log.until(source, lambda: len(log.events) == 2, feeder)
    assert log.events[1].kind == "refused"
    assert f"'{stream_name}' is back on" in log.events[1].text
    assert f"with {said}" in log.events[1].text
    for _ in range(20):  # told once, and no sample of it taken
        feeder()
        log.read(source)
    other, feeder.outlet = feeder.outlet, send(stream_name)
    n_before = log.n
    log.until(source, lambda: log.n >= n_before + 5, feeder)
    assert log.kinds() == ["stalled", "refused", "resumed"]
    assert np.flatnonzero(log.flags()).tolist() == [n_before]
    del other


def test_two_that_claim_to_be_the_one_are_refused_until_one_is_left(
    stream_name, listen, monkeypatch
):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    # As long as the first delivers, another changes nothing.
    twins = [send(stream_name)]
    log.until(source, lambda: log.n >= 40, feeder)
    assert log.kinds() == []
    feeder.outlet = None
    twins.append(send(stream_name))
    found: dict[str, pylsl.StreamInfo] = {}
    deadline_s = time.monotonic() + DEADLINE_S
    while len(found) < 2:  # on loopback a question reaches one of them
        assert time.monotonic() < deadline_s
        answers = pylsl.resolve_bypred(f"name='{stream_name}'", 2, 0.5)
        found |= {info.uid(): info for info in answers}
    both = list(found.values())
    monkeypatch.setattr(lsl_return.pylsl, "resolve_bypred", lambda _, least, __: both[:least])
    log.until(source, lambda: "refused" in log.kinds())
    assert "2 streams claim to be" in log.events[-1].text, log.events
    monkeypatch.undo()
    twins.pop()
    log.until(source, lambda: log.n >= 45, lambda: twins[0].push_sample([-1.0, -1.0]))
    assert log.kinds()[-1] == "resumed"
    assert (log.values()[:40] >= 0).all()


def test_a_stream_with_another_name_is_not_the_one_that_went(stream_name, listen):
    """Some makers give all streams of a device one source id."""
    feeder = Feeder(send(stream_name, source_id="device"))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    feeder.outlet = send(f"{stream_name}-accelerometer", source_id="device")
    log.until(source, lambda: log.kinds() == ["stalled"])
    for _ in range(30):
        feeder()
        log.read(source)
    assert log.kinds() == ["stalled"]


@pytest.mark.parametrize("sfreq", [100.0, 500.0])
def test_what_liblsl_joins_by_itself_is_not_taken_for_the_same(stream_name, listen, sfreq):
    """It does so when nobody reads for some seconds, and does not mind another rate."""
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    stamps = pylsl.local_clock() + np.arange(20) / 100.0
    feeder.outlet.push_chunk(np.full((20, 2), 1000.0, np.float32), stamps)
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 20:
        assert time.monotonic() < deadline_s
    feeder.outlet = None
    feeder.outlet = send(stream_name, sfreq=sfreq)
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 30:  # ten of the new sender's, in the same inlet
        assert time.monotonic() < deadline_s
        feeder.outlet.push_sample([-1.0, -1.0])
    n_before = log.n
    log.read(source)
    assert log.values()[n_before:].tolist() == [1000.0] * 20  # the old sender's, and no other
    log.until(source, lambda: len(log.events) == 2, feeder)
    if sfreq == 100.0:
        assert log.kinds() == ["stalled", "resumed"]
        assert log.flags()[n_before + 20] == RENEWED
    else:
        assert log.kinds() == ["stalled", "refused"]
        assert log.n == n_before + 20
    assert not (log.values() == -1.0).any()


def test_a_sender_that_answers_but_can_t_be_joined_is_refused_once(
    stream_name, listen, monkeypatch
):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name, resolve_timeout_s=2.0), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    original = Inlet.__init__
    tried = []

    def unreachable(self, info, *args, **kwargs):
        tried.append(info)
        if len(tried) < 3:
            raise RuntimeError("could not create stream inlet.")
        original(self, info, *args, **kwargs)

    monkeypatch.setattr(Inlet, "__init__", unreachable)
    feeder.outlet = None
    feeder.outlet = send(stream_name)
    log.until(source, lambda: "resumed" in log.kinds(), feeder)
    assert log.kinds() == ["stalled", "refused", "resumed"]
    assert "can't be joined yet: could not create stream inlet." in log.events[1].text


def test_nobody_looks_any_longer_for_a_closed_stream(stream_name, listen):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    log.until(source, lambda: log.kinds() == ["stalled"])

    def looking():
        return any(stream_name in thread.name for thread in threading.enumerate())

    assert looking()
    source.close()
    deadline_s = time.monotonic() + DEADLINE_S
    while looking():
        assert time.monotonic() < deadline_s


@pytest.mark.parametrize(
    ("predicate", "changes", "said"),
    [
        ("channel_count = 2", {"n": 3}, "with 3 channels instead of 2: left alone"),
        ("desc/maker = 'one'", {"maker": "two"}, "by which it was asked for, does not hold any"),
    ],
)
def test_what_it_was_asked_for_by_may_be_what_is_different(
    stream_name, listen, predicate, changes, said
):
    feeder = Feeder(send(stream_name, maker="one"))
    predicate = f"name='{stream_name}' and {predicate}"
    source, log = listen(None, predicate=predicate), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    feeder.outlet = None
    log.until(source, lambda: log.kinds() == ["stalled"])
    feeder.outlet = send(stream_name, **({"maker": "one"} | changes))
    log.until(source, lambda: len(log.events) == 2, feeder)
    assert log.events[1].kind == "refused"
    assert said in log.events[1].text
    n_before = log.n
    other, feeder.outlet = feeder.outlet, send(stream_name, maker="one")
    log.until(source, lambda: log.n >= n_before + 5, feeder)
    assert log.kinds() == ["stalled", "refused", "resumed"]
    del other
