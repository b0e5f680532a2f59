"""The laws of time: chunking changes no bit, the future no past, no sample is unaccounted for."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.types import Chunk, Flag, StreamSpec

law = settings(max_examples=25)  # the computer may be busy

SFREQ = 100.0
SPEC = StreamSpec("amp", SFREQ, ("Fz", "Cz"), ("eeg",) * 2, ("µV",) * 2)
PIPELINES = {
    "raw": Pipeline(PipelineSettings()),
    "filled": Pipeline(PipelineSettings(fill_s=0.05)),
    "dejittered": Pipeline(PipelineSettings(gap_s=0.04, dejitter=True)),
    "both": Pipeline(PipelineSettings(gap_s=0.016, fill_s=0.05, dejitter=True)),
}


class Stream(NamedTuple):
    """What an amplifier sent, as it came."""

    data: np.ndarray
    stamps: np.ndarray
    flags: np.ndarray

    def chunks(self, cuts: list[int]) -> list[Chunk]:
        edges = [0, *cuts, len(self.stamps)]
        return [self.part(start, stop) for start, stop in itertools.pairwise(edges)]

    def part(self, start: int, stop: int) -> Chunk:
        return Chunk(*(array[start:stop].copy() for array in self), start)


@st.composite
def streams(draw: st.DrawFn, faults: str = "loss jitter burst clock nan") -> tuple[Stream, int]:
    """Draw up to 4 s of signal, and how many samples of it were lost on the way."""
    n = draw(st.integers(1, 400))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    places = st.lists(st.integers(0, n - 1), max_size=3)
    data = rng.normal(0, 30, (n, 2)).astype(np.float32)
    stamps = 1e6 + np.arange(n) / SFREQ * (1 + draw(st.sampled_from([0, 2e-4, -3e-3])))
    flags = np.zeros(n, np.uint16)
    if "jitter" in faults:
        stamps += rng.uniform(0, draw(st.sampled_from([0, 0.001, 0.03])), n)
    if "burst" in faults:
        for at in draw(places):
            stop = min(n, at + draw(st.integers(1, 40)))
            stamps[at:stop] = np.maximum(stamps[at:stop], stamps[stop - 1])
    if "clock" in faults:
        for at in draw(places):
            stamps[at:] += draw(st.sampled_from([-0.05, -0.5, 86400.0, -3600.0]))
    if "nan" in faults:
        data[draw(places), 0] = np.nan
        stamps[draw(places)] = np.nan
        for at in draw(places):
            flags[at] |= draw(st.sampled_from([Flag.GAP, Flag.CLOCK, Flag.CLIPPED]))
    kept = np.ones(n, bool)
    for at in draw(places):
        kept[at : at + draw(st.integers(1, 30))] = False
    order = np.sort(np.concatenate([np.flatnonzero(kept), draw(places)]).astype(int))
    order = order[kept[order]]
    # What was lost before the first sample, or after the last, nobody can know.
    lost = int(np.count_nonzero(~kept[order[0] : order[-1]])) if len(order) else 0
    return Stream(data[order], stamps[order], flags[order]), lost


def run(pipeline: Pipeline, chunks: list[Chunk]) -> tuple[Stream, dict[str, int]]:
    """Return the output as one, having checked that no sample is skipped or repeated."""
    pipeline.reset(SPEC)
    out = [pipeline.step(chunk) for chunk in chunks]
    for before, after in itertools.pairwise(out):
        assert after.index == before.index + len(before)
    counts = pipeline.timing | {
        name: getattr(pipeline, name) for name in ("lost", "gaps", "flagged", "filled")
    }
    parts = zip(*((c.data, c.stamps, c.flags) for c in out), strict=True)
    return Stream(*(np.concatenate(part) for part in parts)), counts


def assert_same(left: Stream, right: Stream) -> None:
    for a, b in zip(left, right, strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@pytest.mark.parametrize("name", PIPELINES)
@law
@given(drawn=streams(), data=st.data())
def test_chunking_changes_neither_a_bit_nor_a_count(
    name: str, drawn: tuple[Stream, int], data: st.DataObject
) -> None:
    stream, _ = drawn
    n = len(stream.stamps)
    whole, counts = run(PIPELINES[name], [stream.part(0, n)])
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=12)))
    for where in (cuts, list(range(1, n))):
        cut, counted = run(PIPELINES[name], stream.chunks(where))
        assert_same(whole, cut)
        assert counted == counts


@pytest.mark.parametrize("name", PIPELINES)
@law
@given(drawn=streams(), data=st.data())
def test_what_comes_later_changes_nothing_before(
    name: str, drawn: tuple[Stream, int], data: st.DataObject
) -> None:
    stream, _ = drawn
    n = len(stream.stamps)
    now = data.draw(st.integers(0, n))
    past, _ = run(PIPELINES[name], [stream.part(0, now)])
    other = Stream(*(array.copy() for array in stream))
    other.data[now:] *= -3
    other.stamps[now:] += 0.3
    other.flags[now:] |= np.uint16(Flag.GAP)
    whole, _ = run(PIPELINES[name], [other.part(0, n)])
    assert_same(past, Stream(*(array[: len(past.stamps)] for array in whole)))


# To a pipeline whose gap_s allows for it, a loss of three samples is jitter.
@pytest.mark.parametrize("name", ["raw", "filled", "both"])
@law
@given(drawn=streams("loss"))
def test_received_and_lost_are_what_was_sent(name: str, drawn: tuple[Stream, int]) -> None:
    stream, lost = drawn
    out, counts = run(PIPELINES[name], [stream.part(0, len(stream.stamps))])
    assert counts["lost"] == lost
    n_distinct = len(np.unique(stream.stamps))
    assert counts["duplicates"] == len(stream.stamps) - n_distinct
    assert len(out.stamps) == n_distinct + counts["filled"]
    assert np.count_nonzero(out.flags & Flag.FILLED) == counts["filled"] <= lost
    # Each gap is either filled or flagged.
    assert np.count_nonzero(out.flags & Flag.GAP) <= counts["gaps"]
    steps = np.diff(out.stamps) * SFREQ
    assert (steps[(out.flags[1:] & Flag.GAP) == 0] < 1.5).all()


@pytest.mark.parametrize("name", ["dejittered", "both"])
@law
@given(drawn=streams())
def test_dejittered_stamps_step_back_at_tears_only(name: str, drawn: tuple[Stream, int]) -> None:
    stream, _ = drawn
    out, _ = run(PIPELINES[name], [stream.part(0, len(stream.stamps))])
    steps = np.diff(out.stamps)
    assert (steps[(out.flags[1:] & Flag.GAP) == 0] >= 0).all()
