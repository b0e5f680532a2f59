"""What the ring buffer promises, by example; the laws are in tests/property."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError, SaccadeError, SourceError
from saccade.realtime.ring import BEFORE, TWICE, RingBuffer
from saccade.realtime.types import Chunk, Flag


def chunk(stamps: list[float], index: int = 0, gaps: tuple[int, ...] = ()) -> Chunk:
    """Return two channels that hold the number of each sample, and its negative."""
    number = np.arange(index, index + len(stamps), dtype=np.float32)
    flags = np.zeros(len(stamps), np.uint16)
    flags[list(gaps)] = Flag.GAP
    return Chunk(np.stack([number, -number], axis=1), np.array(stamps, float), flags, index, 7.0)


def filled(stamps: list[float], *gaps: int, capacity: int = 100) -> RingBuffer:
    ring = RingBuffer(2, capacity)
    ring.append(chunk(stamps, gaps=gaps))
    return ring


def test_a_window_is_a_read_only_view_even_over_the_end_of_the_buffer() -> None:
    ring = RingBuffer(2, 10)
    for first in range(0, 25, 5):
        ring.append(chunk([i / 4 for i in range(first, first + 5)], first))
    data, stamps, flags, received = ring.window(17, 24)
    assert data[:, 0].tolist() == list(range(17, 24))
    assert stamps.tolist() == [i / 4 for i in range(17, 24)]
    assert flags.tolist() == [0] * 7
    assert received.tolist() == [7.0] * 7
    assert np.shares_memory(data, ring.window(20, 25)[0])
    assert data.flags.c_contiguous
    for array in (data, stamps, flags, received):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_a_chunk_longer_than_the_buffer_leaves_its_tail() -> None:
    ring = filled([i / 4 for i in range(1000)], capacity=8)
    assert (ring.start, ring.stop) == (992, 1000)
    assert ring.window(992, 1000)[0][:, 1].tolist() == [-i for i in range(992, 1000)]
    assert ring.index_at(995 / 4) == 995


def test_the_buffer_keeps_its_own_copy() -> None:
    taken = chunk([0.0, 0.25])
    before = taken.data.copy()
    ring = RingBuffer(2, 2)
    ring.append(taken)
    ring.append(chunk([0.5, 0.75], 2))
    assert np.array_equal(taken.data, before)


@pytest.mark.parametrize(
    ("stamp", "index"),
    [(1.0, 0), (1.1, 0), (1.125, 0), (1.13, 1), (1.25, 1), (1.5, 2), (1.51, None), (0.99, BEFORE)],
)
def test_the_nearest_sample_is_found_and_the_earlier_in_a_tie(
    stamp: float, index: int | None
) -> None:
    assert filled([1.0, 1.25, 1.5]).index_at(stamp) == index


def test_nothing_is_decided_before_the_first_sample() -> None:
    assert RingBuffer(2, 4).index_at(0.0) is None


def test_a_stamp_that_steps_back_is_taken_for_the_highest_so_far() -> None:
    ring = filled([0.0, 1.0, 0.5, 2.0])  # the axis is 0, 1, 1, 2
    assert ring.index_at(0.5) == 0
    assert ring.index_at(1.0) == 1
    assert ring.index_at(1.25) == 2
    assert ring.index_at(1.75) == 3


def test_a_time_in_a_gap_of_minutes_belongs_to_the_nearer_edge() -> None:
    ring = filled([0.0, 1.0, 301.0, 302.0], 2)
    assert ring.index_at(150.0) == 1
    assert ring.index_at(151.0) == 1
    assert ring.index_at(152.0) == 2


def test_a_time_in_a_hole_out_of_reach_of_its_edges_is_nowhere() -> None:
    ring = RingBuffer(2, 100, reach_s=1.5)
    ring.append(chunk([0.0, 1.0, 301.0, 302.0], gaps=(2,)))
    assert [ring.index_at(t) for t in (2.5, 2.6, 151.0, 299.4, 299.5)] == [1, -3, -3, -3, 2]


def test_after_a_clock_reset_both_clocks_are_understood() -> None:
    day = 86400.0
    ring = filled([day, day + 1, day + 2, 5.0, 6.0], 3)
    assert ring.index_at(5.9) == 4
    assert ring.index_at(6.1) is None  # the new clock will get there
    assert ring.index_at(4.9) == BEFORE
    assert ring.index_at(day + 1.1) is None  # and maybe there, too
    assert filled([day, day + 1, day + 2]).index_at(day + 1.1) == 1  # before the reset


def test_a_time_that_two_segments_have_is_said_to_be_there_twice() -> None:
    ring = filled([10.0, 11.0, 12.0, 10.5, 11.5], 3)
    assert ring.index_at(11.0) == TWICE
    assert ring.index_at(12.0) is None
    assert ring.index_at(10.0) == 0


def test_of_two_gaps_with_the_same_time_the_newer_is_meant() -> None:
    ring = filled([0.0, 1.0, 20.0, -5.0, 30.0], 2, 3, 4)
    assert ring.index_at(10.0) == 3
    assert ring.index_at(13.0) == 4


def test_a_time_that_has_been_overwritten_is_before_all() -> None:
    ring = filled([float(i) for i in range(20)], capacity=5)
    assert ring.index_at(15.0) == 15
    assert ring.index_at(14.6) == 15  # the one before it is remembered, and further away
    assert ring.index_at(14.4) == BEFORE
    assert ring.index_at(3.0) == BEFORE


@pytest.mark.parametrize("window", [(4, 8), (5, 21), (12, 11), (-3, 2)])
def test_a_window_that_is_not_held_is_refused_with_the_numbers(window: tuple[int, int]) -> None:
    ring = filled([float(i) for i in range(20)], capacity=15)
    with pytest.raises(SaccadeError, match=r"within samples 5 to 20, not -?\d+ to \d+"):
        ring.window(*window)


def test_chunks_out_of_order_or_of_other_width_are_refused() -> None:
    ring = filled([0.0, 0.25])
    with pytest.raises(SourceError, match=r"from sample 2 on, but a chunk of 2 .* sample 3"):
        ring.append(chunk([1.0], 3))
    with pytest.raises(SourceError, match=r"expected 2 channels .* chunk of 4 channels"):
        ring.append(Chunk.empty(4, 2))


@pytest.mark.parametrize("shape", [(0, 10), (4, 0)])
def test_a_buffer_for_nothing_is_refused(shape: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match="at least 1 channel and 1 sample"):
        RingBuffer(*shape)
