"""The ring buffer holds what a plain list would, and finds times as a slow search does."""

from __future__ import annotations

import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from saccade.realtime.errors import SaccadeError
from saccade.realtime.ring import BEFORE, TWICE, RingBuffer
from saccade.realtime.types import Chunk, Flag

# Quarters of a second are exact in binary, so that ties are ties.
STEPS = st.sampled_from([0.25, 0.25, 0.25, 0.5, 0.0, -0.25, -0.5])
JUMPS = st.sampled_from([0.0, 1.0, 3.0, 40.0, -1.0, -3.0, -50.0])
NEAR = st.integers(-10, 10).map(lambda eighths: eighths / 8)


@st.composite
def runs(draw: st.DrawFn, longest: int) -> list[tuple[float, int]]:
    """Return the step to each new sample and the flags it carries."""
    n = draw(st.integers(0, longest))
    gaps = draw(st.sets(st.integers(0, max(n - 1, 0)), max_size=3)) if n else set()
    return [
        (draw(JUMPS), int(Flag.GAP | Flag.CLIPPED)) if i in gaps else (draw(STEPS), 0)
        for i in range(n)
    ]


class Lists:
    """The whole stream, kept in lists."""

    def __init__(self) -> None:
        self.stamps: list[float] = []
        self.axis: list[float] = []
        self.segment: list[int] = []
        self.flags: list[int] = []
        self.received: list[float] = []

    def extend(self, steps: list[tuple[float, int]], received_s: float) -> Chunk:
        first = len(self.stamps)
        for step, flags in steps:
            stamp = (self.stamps[-1] if self.stamps else 10.0) + step
            fresh = not self.stamps or bool(flags & Flag.GAP)
            self.axis.append(stamp if fresh else max(self.axis[-1], stamp))
            self.segment.append((self.segment[-1] + 1 if self.segment else 0) if fresh else -1)
            if not fresh:
                self.segment[-1] = self.segment[-2]
            self.stamps.append(stamp)
            self.flags.append(flags)
            self.received.append(received_s)
        index = np.arange(first, len(self.stamps), dtype=np.float32)
        return Chunk(
            np.stack([index, -index], axis=1),
            np.array(self.stamps[first:]),
            np.array(self.flags[first:], np.uint16),
            first,
            received_s,
        )

    def nearest(self, stamp: float, capacity: int) -> int | None:
        """Search sample by sample what a buffer can know: one more than it shows."""
        stop = len(self.stamps)
        start = max(0, stop - capacity)
        known = range(max(0, start - 1), stop)
        segments = [list(s) for _, s in itertools.groupby(known, lambda i: self.segment[i])]
        pairs = [(i - 1, i) for s in segments for i in s[1:]]
        edges = [(a[-1], b[0]) for a, b in itertools.pairwise(segments)]
        if not self.axis or stamp > self.axis[-1]:
            return None
        found = []
        for s in segments:
            exact = [i for i in s if self.axis[i] == stamp]
            between = [self.nearer(a, b, stamp) for a, b in pairs if a in s]
            found += [(exact + [i for i in between if i >= 0])[:1]]
        hits = [hit[0] for hit in found if hit]
        if len(hits) > 1:
            return TWICE
        if not hits:
            hits = [i for a, b in reversed(edges) if (i := self.nearer(a, b, stamp)) >= 0]
        return hits[0] if hits and hits[0] >= start else BEFORE

    def nearer(self, left: int, right: int, stamp: float) -> int:
        """Return which of two samples is nearer, the earlier in a tie; -1 if not between them."""
        if not self.axis[left] < stamp < self.axis[right]:
            return -1
        to_left, to_right = stamp - self.axis[left], self.axis[right] - stamp
        return left if to_left <= to_right else right


class RingMachine(RuleBasedStateMachine):
    @initialize(capacity=st.integers(1, 12))
    def begin(self, capacity: int) -> None:
        self.capacity = capacity
        self.ring = RingBuffer(2, capacity)
        self.lists = Lists()
        self.n_chunks = 0

    @rule(steps=runs(longest=30))
    def append(self, steps: list[tuple[float, int]]) -> None:
        self.n_chunks += 1
        self.ring.append(self.lists.extend(steps, float(self.n_chunks)))

    @rule(off=st.sampled_from([-1, 1, 5]))
    def a_chunk_out_of_order_is_refused(self, off: int) -> None:
        with pytest.raises(SaccadeError, match=f"from sample {self.ring.stop} on"):
            self.ring.append(Chunk.empty(2, self.ring.stop + off))

    @rule(age=st.integers(0, 40), offset=NEAR)
    def a_time_is_found(self, age: int, offset: float) -> None:
        stamps = self.lists.stamps[-1 - age :][:1] or [0.0]
        stamp = stamps[0] + offset
        assert self.ring.index_at(stamp) == self.lists.nearest(stamp, self.capacity)

    @invariant()
    def every_window_is_that_of_the_lists(self) -> None:
        ring, lists = self.ring, self.lists
        assert ring.stop == len(lists.stamps)
        assert ring.start == max(0, ring.stop - self.capacity)
        for start in range(ring.start, ring.stop + 1):
            data, stamps, flags, received = ring.window(start, ring.stop)
            index = np.arange(start, ring.stop, dtype=np.float32)
            assert np.array_equal(data, np.stack([index, -index], axis=1))
            assert stamps.tolist() == lists.stamps[start:]
            assert flags.tolist() == lists.flags[start:]
            assert received.tolist() == lists.received[start:]


TestRingMachine = RingMachine.TestCase


@given(
    steps=st.lists(runs(longest=8), max_size=8),
    capacity=st.integers(1, 40),
    stamp=st.integers(64, 160).map(lambda eighths: eighths / 8),
)
def test_an_answer_once_given_stands_while_no_clock_is_set_back(
    steps: list[list[tuple[float, int]]], capacity: int, stamp: float
) -> None:
    ring, lists = RingBuffer(2, capacity), Lists()
    decided: int | None = None
    for chunk in steps:
        ring.append(lists.extend([(abs(s) if f else s, f) for s, f in chunk], 0.0))
        starts = [i for i, f in enumerate(lists.flags) if f and i]
        if any(lists.axis[i] <= max(lists.axis[:i]) for i in starts):
            return  # the highest stamp of a jittered segment lies after the first of the next
        answer = ring.index_at(stamp)
        if decided is not None:
            assert answer == (decided if decided >= ring.start else BEFORE)
        decided = answer if decided is None else decided
