"""When everything happened, as a person counts it."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from saccade.realtime.replay.timeline import Timeline
from saccade.realtime.types import Chunk, Marker, Reading

SFREQ = 100.0


def reading(stamps, markers=(), start=0):
    n = len(stamps)
    chunk = Chunk(np.zeros((n, 1), np.float32), np.array(stamps), np.zeros(n, np.uint16), start)
    return Reading(chunk, tuple(Marker(str(i), s) for i, s in enumerate(markers)))


def test_time_counts_from_the_first_sample():
    timed = Timeline().timed(reading([50.0, 50.01, 50.02], [49.0, 50.015]))
    assert np.allclose(timed.times_s, [0.0, 0.01, 0.02])
    assert np.allclose(timed.marker_times_s, [-1.0, 0.015])


def test_or_from_the_first_marker_where_there_is_no_sample():
    timeline = Timeline()
    assert timeline.timed(reading([], [])).marker_times_s == ()
    assert timeline.timed(reading([], [7.0, 8.0])).marker_times_s == (0.0, 1.0)
    assert np.allclose(timeline.timed(reading([9.0])).times_s, [2.0])


def test_a_pause_counts_and_jitter_never_goes_back():
    timed = Timeline().timed(reading([0.0, 0.02, 0.01, 100.0]))
    assert np.allclose(timed.times_s, [0.0, 0.02, 0.02, 100.0])


def test_a_clock_that_is_set_does_not_count():
    for jump_s in (-60.0, -1e6, 1e6):
        timeline = Timeline()
        stamps = np.arange(4) / SFREQ
        first = timeline.timed(reading(stamps, [0.005]))
        second = timeline.timed(reading(jump_s + stamps, [jump_s + 0.005, 0.025]))
        times_s = np.concatenate([first.times_s, second.times_s])
        # Nobody knows how long it took, so it took nothing.
        assert np.allclose(times_s, [0, 0.01, 0.02, 0.03, 0.03, 0.04, 0.05, 0.06], atol=1e-9)
        assert np.allclose(first.marker_times_s, [0.005], atol=1e-9)
        assert np.allclose(second.marker_times_s, [0.035, 0.025], atol=1e-9)  # each by its clock


@given(st.lists(st.integers(0, 40), max_size=8))
def test_times_are_the_same_in_any_pieces(cuts):
    rng = np.random.default_rng(0)
    stamps = np.cumsum(rng.choice([0.01, 0.01, 0.01, 0.3, -0.004, -2.0, 7200.0], 40))
    whole = Timeline().timed(reading(stamps)).times_s
    edges = [0, *sorted(cuts), 40]
    timeline = Timeline()
    pieces = [
        timeline.timed(reading(stamps[a:b], start=a)).times_s for a, b in itertools.pairwise(edges)
    ]
    assert np.allclose(np.concatenate(pieces), whole, atol=1e-9)


def test_a_marker_of_another_clock_is_not_waited_for():
    timed = Timeline().timed(reading([50.0, 50.01, 50.02], [3650.0, 3651.0, 1.7e9]))
    assert np.allclose(timed.marker_times_s, [3600.0, 0.02, 0.02])
