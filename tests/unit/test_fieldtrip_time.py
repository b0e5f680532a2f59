"""Stamps from counts: straight, forward, and within the jitter of the arrivals."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.sources.fieldtrip.time import SLEW, CounterClock

SFREQ, BLOCK = 1000.0, 28


def run(seconds, drift=0.0, jitter_s=0.0, seed=0):
    """Return true times and stamps of a stream whose blocks arrive late by chance."""
    rng = np.random.default_rng(seed)
    line = CounterClock(SFREQ)
    n_blocks = int(seconds * SFREQ / BLOCK)
    true = 50.0 + np.arange(n_blocks * BLOCK) / SFREQ * (1 + drift)
    stamps = []
    for block in range(n_blocks):
        start, stop = block * BLOCK, (block + 1) * BLOCK
        now_s = true[stop - 1] + 0.004 + rng.exponential(jitter_s)
        if line.is_laid:
            line.arrived(stop, now_s)
        else:
            line.lay(stop, start, now_s)
        stamps.append(line.stamps(start, stop))
    return true, np.concatenate(stamps), line


def test_without_jitter_stamps_are_arrivals_exactly():
    true, stamps, _ = run(20.0)
    assert np.allclose(stamps, true + 0.004, rtol=0, atol=1e-9)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("drift", [0.0, 2e-4, -2e-4])
def test_jitter_and_drift_leave_a_straight_line(drift, seed):
    jitter_s = 0.005
    true, stamps, _ = run(120.0, drift, jitter_s, seed)
    late = stamps - true - 0.004
    after = late[int(10 * SFREQ) :]
    assert after.min() > 0
    assert after.max() < 2.5 * jitter_s  # single arrivals are up to ten times as late
    steps = np.diff(stamps[int(6 * SFREQ) :])
    assert np.abs(steps * SFREQ - 1).max() < 1.01 * SLEW


def test_a_first_arrival_that_was_late_is_put_right_in_seconds():
    line = CounterClock(SFREQ)
    line.lay(BLOCK, 0, 100.03)  # 30 ms late
    for start in range(0, 10_000, BLOCK):
        line.stamps(start, start + BLOCK)
        line.arrived(start + BLOCK, 100.0 + (start + 1) / SFREQ)
    assert line.late_s(10_000, 100.0 + (10_000 - BLOCK) / SFREQ) == pytest.approx(0.0, abs=1e-3)


def test_a_stamp_once_given_is_known_whatever_the_line_does_later():
    true, stamps, line = run(100.0, 2e-4, 0.005)
    numbers = np.arange(len(stamps))[-50_000::997]
    assert all(line.stamp_of(int(n)) == stamps[n] for n in numbers)
    ahead = len(stamps) + 500
    assert line.stamp_of(ahead) == pytest.approx(stamps[-1] + 501 / SFREQ, abs=1e-9)
    assert line.stamp_of(10) == pytest.approx(stamps[10], abs=0.1)  # long forgotten
    del true
