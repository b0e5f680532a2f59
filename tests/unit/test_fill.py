"""Short gaps become straight lines, marked; all others stay gaps."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.timing.fill import Fill, FillSettings
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ = 250.0
SPEC = StreamSpec("amp", SFREQ, ("Fz", "Cz"), ("eeg",) * 2, ("µV",) * 2)
WAVE = np.random.default_rng(0).normal(0, 30, (40, 2)).astype(np.float32)


def torn(n: float, fill_s: float = 0.02, gap: Flag = Flag.GAP, before: Flag = Flag.NONE) -> Chunk:
    """Return a run of 20 samples and another, n periods missing between, through the block."""
    block = Fill(FillSettings(fill_s))
    assert block.reset(SPEC) is SPEC
    stamps = 10 + (np.arange(40) + n * (np.arange(40) >= 20)) / SFREQ
    flags = np.zeros(40, np.uint16)
    flags[19], flags[20] = before, gap
    out = block.step(Chunk(WAVE, stamps, flags, 0, 3.0))
    assert block.filled == len(out) - 40
    assert block.delay_s(10.0) == 0
    return out


def test_a_short_gap_becomes_a_straight_line() -> None:
    out = torn(4)
    assert (len(out), out.index, out.received_s) == (44, 0, 3.0)
    assert out.flags.tolist() == [0] * 20 + [int(Flag.FILLED)] * 4 + [0] * 20
    np.testing.assert_allclose(out.stamps, 10 + np.arange(44) / SFREQ, rtol=0, atol=1e-12)
    line = np.linspace(WAVE[19].astype(float), WAVE[20], 6).astype(np.float32)
    np.testing.assert_allclose(out.data[19:25], line, rtol=1e-6)
    assert out.data.dtype == np.float32


@pytest.mark.parametrize(
    ("n", "fill_s", "n_filled"),
    [(5, 0.02, 5), (6, 0.02, 0), (6, 0.024, 6), (1, 0.02, 1), (1, 0.003, 0), (1, 0.0, 0)],
)
def test_the_longest_that_is_filled_is_a_setting(n: int, fill_s: float, n_filled: int) -> None:
    out = torn(n, fill_s)
    assert len(out) == 40 + n_filled
    assert (out.flags & Flag.GAP).any() == (n_filled == 0)


@pytest.mark.parametrize("n", [0.0, 0.6, 1.4, 2.5, -3.0])
def test_what_is_no_whole_number_of_samples_stays_a_gap(n: float) -> None:
    assert np.flatnonzero(torn(n).flags & Flag.GAP).tolist() == [20]
    assert len(torn(n)) == 40


def test_a_clock_measured_anew_does_not_keep_a_gap_open() -> None:
    assert len(torn(2.2)) == len(torn(1.8)) == 42


@pytest.mark.parametrize(
    ("gap", "before", "filled"),
    [
        (Flag.GAP | Flag.CLOCK, Flag.NONE, False),
        (Flag.GAP | Flag.NONFINITE, Flag.NONE, False),
        (Flag.GAP | Flag.CLIPPED, Flag.NONE, False),
        (Flag.GAP, Flag.NONFINITE, False),
        (Flag.GAP, Flag.CLIPPED, False),
        (Flag.GAP, Flag.GAP, True),
    ],
)
def test_both_ends_must_be_measurements(gap: Flag, before: Flag, filled: bool) -> None:
    assert len(torn(2, gap=gap, before=before)) == (42 if filled else 40)


def test_a_stream_that_begins_with_a_gap_has_nothing_to_fill_from() -> None:
    block = Fill(FillSettings())
    block.reset(SPEC)
    flags = np.full(1, Flag.GAP, np.uint16)
    assert len(block.step(Chunk(WAVE[:1], np.array([5.0]), flags, 0))) == 1


@pytest.mark.parametrize("fill_s", [-0.01, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(fill_s: float) -> None:
    with pytest.raises(ConfigError, match=r"fill_s must be at least 0 s, not .*: 0 fills no gap"):
        Fill(FillSettings(fill_s)).reset(SPEC)
