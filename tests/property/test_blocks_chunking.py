"""The first law, for every block and for a whole chain: chunking changes not one bit.

Gaps, clock steps and values that are no measurement lie at random places, and some chunks are
empty.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from saccade.realtime import registry
from saccade.realtime.blocks.artifact import Artifact, ArtifactSettings
from saccade.realtime.blocks.bandpass import Bandpass, BandpassSettings
from saccade.realtime.blocks.guard import Guard, GuardSettings
from saccade.realtime.blocks.notch import Notch, NotchSettings
from saccade.realtime.blocks.reference import Reference, ReferenceSettings
from saccade.realtime.blocks.repair import Repair, RepairSettings
from saccade.realtime.blocks.resample import Resample, ResampleSettings
from saccade.realtime.blocks.scale import Scale, ScaleSettings
from saccade.realtime.blocks.select import Select, SelectSettings
from saccade.realtime.blocks.units import Units, UnitsSettings
from saccade.realtime.pipeline import GROUP, Pipeline, PipelineSettings
from saccade.realtime.protocols import Block
from saccade.realtime.timing.continuity import Continuity, ContinuitySettings
from saccade.realtime.types import Chunk, Flag, StreamSpec

law = settings(max_examples=50)  # the computer may be busy

SFREQ = 250.0
NAMES = ("Fz", "Cz", "Pz", "Oz", "M1", "EOG", "TRG")
TYPES = ("eeg", "eeg", "eeg", "eeg", "eeg", "eog", "stim")
SPEC = StreamSpec("test", SFREQ, NAMES, TYPES, ("mV",) * 6 + ("",))
MEAN = (3.0, -2.0, 0.5, 7.0, 1e4, 0.0, 1.0)
MATRIX = tuple(tuple(float(v) for v in row) for row in np.random.default_rng(1).normal(size=(7, 7)))

BLOCKS: dict[str, Block] = {
    "continuity": Continuity(ContinuitySettings()),
    "guard": Guard(GuardSettings(rail_uv=20_100.0)),
    "select": Select(SelectSettings(("Oz", "TRG", "Fz"))),
    "units": Units(UnitsSettings()),
    "notch": Notch(NotchSettings(50.0)),
    "bandpass": Bandpass(BandpassSettings(1.0, 40.0)),
    "highpass": Bandpass(BandpassSettings(low_hz=0.5, order=2)),
    "reference average": Reference(ReferenceSettings("average", exclude=("M1",))),
    "reference channels": Reference(ReferenceSettings("channels", ch_names=("M1", "Cz"))),
    "resample down": Resample(ResampleSettings(100.0, passband=0.5)),
    "resample up": Resample(ResampleSettings(300.0)),
    "resample by 1": Resample(ResampleSettings(250.0)),
    "repair": Repair(RepairSettings(bads=("Cz",))),
    "artifact": Artifact(
        ArtifactSettings(
            ch_names=("Oz", "Fz", "Cz"),
            sfreq=SFREQ,
            mixing=((5.0, 1.0, 2.0), (1.0, 4.0, 0.5), (2.0, 0.5, 6.0)),
            thresholds=((40.0, 0.0, 0.0), (0.0, 30.0, 0.0), (0.0, 10.0, 60.0)),
            shaping_b=(1.0, -0.9),
            shaping_a=(1.0, -0.5),
            window_s=0.375,
            ahead_s=0.125,
        )
    ),
    "scale std": Scale(ScaleSettings(MEAN, std=tuple(range(1, 8)))),
    "scale matrix": Scale(ScaleSettings(MEAN, matrix=MATRIX)),
}

CHAIN = Pipeline(
    PipelineSettings(
        rail_uv=20_200.0,
        blocks=(
            ("units", UnitsSettings("uV")),
            ("select", SelectSettings(("Oz", "Pz", "Cz"))),
            ("notch", NotchSettings(50.0, n_harmonics=1)),
            ("bandpass", BandpassSettings(1.0, 40.0)),
            ("reference", ReferenceSettings("average")),
            ("resample", ResampleSettings(125.0)),
            ("bandpass", BandpassSettings(high_hz=20.0, order=1)),
            ("scale", ScaleSettings(MEAN[:3], matrix=tuple(row[:3] for row in MATRIX[:3]))),
        ),
    )
)


class Stream(NamedTuple):
    """A signal, and where it is cut."""

    data: np.ndarray
    stamps: np.ndarray
    flags: np.ndarray
    cuts: list[int]

    def chunks(self) -> list[Chunk]:
        edges = [0, *self.cuts, len(self.data)]
        return [self.part(a, b) for a, b in itertools.pairwise(edges)]

    def part(self, start: int, stop: int) -> Chunk:
        rows = slice(start, stop)
        return Chunk(
            self.data[rows].copy(), self.stamps[rows].copy(), self.flags[rows].copy(), start
        )


@st.composite
def streams(draw: st.DrawFn, finite: bool = False) -> Stream:
    """Draw up to 3 s of signal on an offset of 20 mV, torn and spoilt here and there."""
    n = draw(st.integers(1, 750))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    data = rng.standard_normal((n, 7))
    # Sums of values of all sizes are inexact in any order but one.
    data *= 10 ** rng.uniform(-9, 9, data.shape) if draw(st.booleans()) else 50
    data = (data + 20_000).astype(np.float32)
    places = st.lists(st.integers(0, n - 1), max_size=4)
    if not finite:
        for at in draw(places):
            data[at, draw(st.integers(0, 6))] = draw(st.sampled_from([np.nan, np.inf, 3e5]))
    steps = np.full(n, 1 / SFREQ)
    flags = np.zeros(n, np.uint16)
    for at in draw(places):
        steps[at] = draw(st.sampled_from([0.05, 60.0, -0.3, -86400.0]))
    for at in draw(places):
        flags[at] |= draw(st.sampled_from([Flag.GAP, Flag.CLIPPED]))
    cuts = sorted(draw(st.lists(st.integers(0, n), max_size=12)))
    return Stream(data, 1000 + np.cumsum(steps), flags, cuts)


def run(block: Block | Pipeline, chunks: list[Chunk], spec: StreamSpec = SPEC) -> list[Chunk]:
    block.reset(spec)
    return [block.step(chunk) for chunk in chunks]


def joined(chunks: list[Chunk]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return data, stamps and flags, having checked that no output is skipped or repeated."""
    for before, after in itertools.pairwise(chunks):
        assert after.index == before.index + len(before)
    return (
        np.concatenate([c.data for c in chunks]),
        np.concatenate([c.stamps for c in chunks]),
        np.concatenate([c.flags for c in chunks]),
    )


def assert_same(left: list[Chunk], right: list[Chunk]) -> None:
    for a, b in zip(joined(left), joined(right), strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@pytest.mark.parametrize("name", BLOCKS)
@law
@given(data=st.data())
def test_a_block_gives_the_same_bits_in_any_chunking(name: str, data: st.DataObject) -> None:
    # Recursive filters stand behind the guard; a NaN in them would hide every later difference.
    stream = data.draw(streams(finite=name not in ("continuity", "guard", "select", "units")))
    block = BLOCKS[name]
    assert_same(run(block, [stream.part(0, len(stream.data))]), run(block, stream.chunks()))


@law
@given(stream=streams())
def test_a_pipeline_gives_the_same_bits_in_any_chunking(stream: Stream) -> None:
    whole = run(CHAIN, [stream.part(0, len(stream.data))])
    counts = (CHAIN.lost, CHAIN.gaps, CHAIN.flagged)
    assert np.isfinite(whole[0].data).all()
    assert_same(whole, run(CHAIN, stream.chunks()))
    assert (CHAIN.lost, CHAIN.gaps, CHAIN.flagged) == counts


@law
@given(stream=streams())
def test_a_pipeline_gives_the_same_bits_sample_by_sample(stream: Stream) -> None:
    stream = stream._replace(cuts=list(range(1, len(stream.data))))
    assert_same(run(CHAIN, [stream.part(0, len(stream.data))]), run(CHAIN, stream.chunks()))


@pytest.mark.parametrize("name", [*BLOCKS, "pipeline"])
@law
@given(data=st.data())
def test_what_comes_later_changes_nothing_before(name: str, data: st.DataObject) -> None:
    stream = data.draw(streams(finite=True))
    block = BLOCKS.get(name, CHAIN)
    now = data.draw(st.integers(0, len(stream.data)))
    (past,) = run(block, [stream.part(0, now)])
    other = stream._replace(data=stream.data.copy(), flags=stream.flags.copy())
    other.data[now:] *= -3
    other.flags[now:] |= np.uint16(Flag.GAP)
    (whole,) = run(block, [other.part(0, len(other.data))])
    n = len(past)
    assert_same([past], [Chunk(whole.data[:n], whole.stamps[:n], whole.flags[:n], whole.index)])


@pytest.mark.parametrize("name", [*BLOCKS, "pipeline"])
def test_no_block_writes_into_its_input(name: str) -> None:
    data = np.random.default_rng(0).normal(size=(50, 7)).astype(np.float32)
    if name in ("guard", "pipeline"):
        data[7, 0], data[9, 1] = np.nan, 1e7
    flags = np.zeros(50, np.uint16)
    flags[20] = Flag.GAP
    stream = Stream(data, np.arange(50) / 100.0, flags, [])
    given = stream.part(0, 50)
    run(BLOCKS.get(name, CHAIN), [given])
    assert_same([given], [stream.part(0, 50)])


@pytest.mark.parametrize("n_channels", [1, 2, 9, 64, 65])
@pytest.mark.parametrize("length", [1, 3, 64])
def test_sums_over_many_channels_are_the_same_to_the_bit(n_channels: int, length: int) -> None:
    rng = np.random.default_rng(n_channels)
    data = rng.standard_normal((1000, n_channels)) * 10 ** rng.uniform(-9, 9, (1000, n_channels))
    stream = Stream(data.astype(np.float32), np.arange(1000.0), np.zeros(1000, np.uint16), [])
    names = tuple(f"C{i}" for i in range(n_channels))
    spec = StreamSpec("many", SFREQ, names, ("eeg",) * n_channels, ("µV",) * n_channels)
    matrix = tuple(tuple(row) for row in rng.standard_normal((n_channels, n_channels)).tolist())
    blocks = (
        Reference(ReferenceSettings("average")),
        Scale(ScaleSettings((0.5,) * n_channels, matrix=matrix)),
        Resample(ResampleSettings(100.0, passband=0.3)),
    )
    pieces = stream._replace(cuts=list(range(length, 1000, length))).chunks()
    for block in blocks:
        whole = run(block, [stream.part(0, 1000)], spec)
        assert_same(whole, run(block, pieces, spec))
        by_channel = Chunk(np.asfortranarray(stream.data), stream.stamps, stream.flags, 0)
        assert_same(whole, run(block, [by_channel], spec))


def test_every_built_in_block_is_under_these_laws() -> None:
    tested = {type(block).__name__ for block in BLOCKS.values()}
    assert {registry.load(GROUP, name).__name__ for name in registry.names(GROUP)} <= tested
