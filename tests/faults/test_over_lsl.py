"""The laws over real LSL: what was sent is received, and decoded as it is in process."""

from __future__ import annotations

import math
import threading
from dataclasses import replace

import numpy as np
import pytest
from decoding import Readings, decode, pieces, window
from injection import BEGIN, FAULTS, FLAGS, SFREQ, TORN, undisturbed, without
from outlet import Amplifier, Listening, on_the_clock

from saccade.realtime.types import Flag

pytestmark = pytest.mark.lsl
SENT = ("drops", "duplicates", "clock set forward by an hour", "marker storm")


@pytest.mark.parametrize("name", SENT)
def test_a_fault_over_lsl_is_what_it_is_in_process(name, stream_name):
    rng = np.random.default_rng([7, *name.encode()])
    session = on_the_clock(FAULTS[name](undisturbed(7), rng))
    amplifier, listening = Amplifier(stream_name), Listening(stream_name)
    listening.wanted = len(session.data), len(session.markers)

    def send():
        assert amplifier.signal.wait_for_consumers(60)
        assert amplifier.markers.wait_for_consumers(60)
        amplifier.send(session, pieces(len(session.data), rng, 300))

    sender = threading.Thread(target=send)
    sender.start()
    got = decode(listening)
    sender.join()
    received = [reading.chunk for reading in listening.readings]
    assert np.array_equal(np.concatenate([c.data for c in received]), session.data)
    stamps = np.concatenate([c.raw_stamps for c in received if len(c)])
    assert np.array_equal(stamps, session.stamps)
    counted, timing = got.summary["samples"], got.summary.get("timing", {})
    assert counted["received"] + counted["lost"] - timing.get("duplicates", 0) == session.n_sent
    expected = decode(Readings(session, [len(session.data)]))
    assert got.epochs.keys() == expected.epochs.keys()
    for value, epoch in expected.epochs.items():
        assert np.array_equal(got.epochs[value].data, epoch.data, equal_nan=True)
        assert got.epochs[value].rejected == epoch.rejected
    assert got.predictions.keys() == expected.predictions.keys()
    for value, prediction in expected.predictions.items():
        scores = got.predictions[value].ranking.scores
        assert np.array_equal(scores, prediction.ranking.scores)
    assert FLAGS.get(name, Flag.NONE) in got.flags


def test_an_amplifier_that_comes_back_as_another_and_then_as_itself(stream_name):
    """It vanishes, is back with another rate (refused), and with its own (resumed)."""
    clean = on_the_clock(undisturbed(9))
    at = BEGIN + 11
    torn = without(clean, np.arange(at, at + 1000))
    data = torn.data.copy()
    data[at:] += np.float32(5000)  # other electrode offsets
    session = replace(torn, data=data)
    amplifier, listening = Amplifier(stream_name), Listening(stream_name)
    listening.wanted = len(data), len(session.markers)

    def send():
        rng = np.random.default_rng(0)
        assert amplifier.signal.wait_for_consumers(60)
        assert amplifier.markers.wait_for_consumers(60)
        amplifier.send(
            replace(
                session,
                data=data[:at],
                markers=tuple(
                    m for m, a in zip(session.markers, session.arrivals, strict=True) if a <= at
                ),
                arrivals=tuple(a for a in session.arrivals if a <= at),
            ),
            pieces(at, rng, 200),
        )
        listening.until_samples(at)
        amplifier.vanish()
        listening.until("stalled")
        amplifier.begin(sfreq=500.0)
        listening.until("refused")
        amplifier.vanish()
        amplifier.begin()
        assert amplifier.signal.wait_for_consumers(60)
        amplifier.send(session, pieces(len(data) - at, rng, 200), at)

    sender = threading.Thread(target=send)
    sender.start()
    got = decode(listening)
    sender.join()
    kinds = [event.kind for event in listening.events]
    assert kinds == ["stalled", "refused", "resumed"]
    assert "500" in listening.events[1].text
    chunks = [reading.chunk for reading in listening.readings if len(reading.chunk)]
    flags = np.concatenate([chunk.flags for chunk in chunks])
    assert np.flatnonzero(flags).tolist() == [at]
    assert Flag(int(flags[at])) == TORN
    assert np.array_equal(np.concatenate([chunk.data for chunk in chunks]), data)
    counted = got.summary["samples"]
    assert counted["received"] + counted["lost"] == session.n_sent
    expected = decode(Readings(clean, [len(clean.data)]))
    recovered = at + 1000 + math.ceil(got.recovery_s * SFREQ) + 1
    n_before = n_after = 0
    for value, epoch in expected.epochs.items():
        start, stop = window(epoch)
        if stop < at:
            n_before += 1
            assert np.array_equal(got.epochs[value].data, epoch.data)
            assert got.epochs[value].rejected == epoch.rejected
        elif start < at:
            assert got.epochs[value].rejected
        elif start > recovered:
            n_after += 1
            assert not got.epochs[value].rejected
            assert got.epochs[value].data == pytest.approx(epoch.data, abs=5300 * 2.0**-22)
    assert min(n_before, n_after) >= 5
