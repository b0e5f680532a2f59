"""An amplifier that vanishes and returns, or is silent: told, and joined again."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pylsl
import pytest
from senders import DEADLINE_S, Feeder, Log, kill, send

from saccade.cli.configuration import load
from saccade.cli.wiring import lsl_source
from saccade.realtime.sources.lsl import clock as lsl_clock
from saccade.realtime.types import Flag

pytestmark = pytest.mark.lsl

RENEWED = Flag.GAP | Flag.CLOCK


def test_a_killed_amplifier_is_stalled_and_resumed_with_its_clock_measured(
    stream_name, program, listen
):
    amplifier = program(stream_name)
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 500)  # by then it is known to send without pauses
    kill(amplifier)
    gone_s = pylsl.local_clock()
    log.until(source, lambda: bool(log.events))
    (stalled,) = log.events
    assert (stalled.kind, stalled.stream) == ("stalled", stream_name)
    assert "no sample for 0.4" in stalled.text
    n_before = log.n
    assert stalled.at_s - gone_s < 0.5 + 2.0  # half a second, and what a busy computer adds
    assert np.array_equal(log.values(), np.arange(log.values()[0], log.values()[0] + n_before))
    n_clocks = len(log.clocks)

    program(stream_name)
    log.until(source, lambda: log.n >= n_before + 100)
    assert log.kinds() == ["stalled", "resumed"]
    assert f"stream '{stream_name}' is back on" in log.events[1].text
    flags = log.flags()
    assert flags[n_before] == RENEWED
    assert not np.delete(flags, n_before).any()
    values = log.values()[n_before:]  # of the new sender: it counts anew, and none is left out
    assert np.array_equal(values, np.arange(values[0], values[0] + len(values)))
    first = next(chunk for chunk in log.chunks if chunk.index == n_before)
    new = log.clocks[n_clocks]
    assert new.at_s < first.received_s  # known before it was needed
    assert np.array_equal(first.stamps, first.raw_stamps + new.offset_s)
    assert [chunk.index for chunk in log.chunks] == [
        sum(map(len, log.chunks[:i])) for i in range(len(log.chunks))
    ]
    assert max(log.reads_s) < 0.05 + 1.0  # and not the two thirds of a second that a clock takes


def test_a_killed_amplifier_s_last_samples_are_all_handed_out(stream_name, listen):
    """They are in the inlet, or on their way to it, when the sender dies."""
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    for _ in range(5000):
        feeder()
    deadline_s = time.monotonic() + DEADLINE_S
    while source.backlog < 5000:
        assert time.monotonic() < deadline_s
    feeder.outlet = None
    log.until(source, lambda: bool(log.events))
    assert np.array_equal(log.values(), np.arange(5000))
    assert source.backlog == 0


def test_an_amplifier_that_is_silent_is_stalled_and_goes_on(stream_name, listen):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    silent_s = pylsl.local_clock()
    log.until(source, lambda: bool(log.events))
    assert 0.0 < log.events[0].at_s - silent_s < 0.5 + 2.0
    log.until(source, lambda: len(log.events) == 2, feeder)
    assert log.kinds() == ["stalled", "resumed"]
    assert f"stream '{stream_name}' goes on after" in log.events[1].text
    assert not log.flags().any()  # the same clock; the gap is in the stamps
    assert np.array_equal(log.values(), np.arange(log.n))


def test_how_long_a_signal_may_be_silent_is_set(stream_name, listen):
    feeder = Feeder(send(stream_name))
    patient = Log(), listen(stream_name, stall_s=2.0)
    slow = send(f"{stream_name}-slow", sfreq=2.0)
    sparse = Log(), listen(f"{stream_name}-slow")
    feeder()
    for log, source in (patient, sparse):
        begun_s = pylsl.local_clock()
        log.until(source, lambda log=log: bool(log.events))
        least_s = 2.0 if log is patient[0] else 1.5  # three periods of 2 Hz
        assert log.events[0].at_s - begun_s > least_s - 0.01
    del slow


def test_a_clock_that_is_set_is_flagged_where_it_is_first_used(stream_name, listen, monkeypatch):
    feeder = Feeder(send(stream_name))
    source, log = listen(stream_name), Log()
    log.until(source, lambda: log.n >= 5, feeder)
    measured = lsl_clock.measured
    ahead_s = 0.05

    def shifted(inlet, timeout_s):
        offset_s, at_s, round_trip_s = measured(inlet, timeout_s)
        return offset_s + ahead_s, at_s + ahead_s, round_trip_s

    monkeypatch.setattr(lsl_clock, "measured", shifted)
    log.until(source, lambda: log.clocks[-1].offset_s > 0.04, feeder)
    n_small = log.n + 1
    log.until(source, lambda: log.n >= n_small, feeder)
    assert not log.flags().any()  # less than a tenth of a second is no clock that was set
    ahead_s = 7.0
    n_before = log.n
    log.until(source, lambda: log.n > n_before, feeder)
    assert np.flatnonzero(log.flags()).tolist() == [n_before]
    assert log.flags()[n_before] == RENEWED
    assert source.clock_offset_s == pytest.approx(7.0, abs=0.1)
    last = log.chunks[-1]
    assert np.array_equal(last.stamps, last.raw_stamps + source.clock_offset_s)
    offsets = [measure.offset_s for measure in log.clocks]
    assert len(offsets) == len(set(offsets))  # only new ones are told
    assert all(0 < measure.uncertainty_s < 1.0 for measure in log.clocks)
    assert log.kinds() == []


def test_how_long_a_signal_may_be_silent_is_a_setting_of_the_session():
    config = load(settings=("stream.stall_s=1.5",)).config
    assert lsl_source(config).settings.stall_s == 1.5
    assert lsl_source(load().config).settings.stall_s == 0.4


def test_run_lives_through_a_restart_of_the_amplifier(
    stream_name, program, saccade, decoder, tmp_path
):
    amplifier, log = program(stream_name), tmp_path / "log.jsonl"
    failed = []

    def in_the_log(text):
        deadline_s = time.monotonic() + DEADLINE_S
        pause = threading.Event()
        while not (log.exists() and text in log.read_text(encoding="utf-8")):
            if time.monotonic() > deadline_s:
                failed.append(text)
                return
            pause.wait(0.05)

    def restart():
        in_the_log('"type": "status"')  # a second of signal has come
        kill(amplifier)
        in_the_log('"event": "stalled"')
        program(stream_name)

    away = threading.Thread(target=restart)
    away.start()
    outcome = saccade(
        *("run", "--decoder", decoder, "--stream", stream_name, "--json", "--no-lsl"),
        *("--set", "stream.resolve_timeout_s=60", "--unit", "uV", "--log", log),
        *("--duration", 3, "--idle-timeout", 30),
    )
    away.join()
    assert (outcome.code, failed) == (0, []), outcome.err
    assert f"saccade: stalled: stream '{stream_name}'" in outcome.err  # there is no table
    assert f"saccade: resumed: stream '{stream_name}'" in outcome.err
    summary = json.loads(outcome.out.splitlines()[-1])
    assert summary["events"] == {"stalled": 1, "resumed": 1}
    assert summary["samples"]["received"] >= 750


def test_a_sender_of_half_second_pieces_is_not_stalled_between_them(stream_name, listen):
    outlet = send(stream_name)
    source, log = listen(stream_name), Log()
    next_s = pylsl.local_clock()

    def push():
        nonlocal next_s
        if pylsl.local_clock() >= next_s:
            outlet.push_chunk(np.zeros((50, 2), np.float32))
            next_s += 0.5

    log.until(source, lambda: log.n >= 400, push)
    assert log.kinds() == []
    log.until(source, lambda: bool(log.events))
    assert log.kinds() == ["stalled"]
