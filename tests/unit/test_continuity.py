"""Each rule by which the stamps of a stream are judged, and that a clean stream breaks none."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.timing.continuity import (
    Continuity,
    ContinuitySettings,
    Counts,
    measured_gap_s,
)
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ = 100.0
SPEC = StreamSpec("amp", SFREQ, ("Fz", "Cz"), ("eeg",) * 2, ("µV",) * 2)
EVEN = 5 + np.arange(600) / SFREQ


def judged(
    stamps: object,
    gap_s: float | None = None,
    flags: dict[int, Flag] | None = None,
    values: np.ndarray | None = None,
    **settings: bool,
) -> tuple[Chunk, dict[str, int]]:
    """Return what comes out, and the counts that are not 0."""
    block = Continuity(ContinuitySettings(gap_s, **settings))
    assert block.reset(SPEC) is SPEC
    stamps = np.array(stamps, np.float64)
    if values is None:
        values = np.arange(len(stamps))
    data = np.repeat(np.asarray(values, np.float32)[:, None], 2, axis=1)
    given = np.zeros(len(stamps), np.uint16)
    for at, flag in (flags or {}).items():
        given[at] = flag
    out = block.step(Chunk(data, stamps, given, 0, 3.0))
    return out, {rule: n for rule, n in dataclasses.asdict(block.counts).items() if n}


def where(chunk: Chunk, flag: Flag) -> list[int]:
    return np.flatnonzero(chunk.flags & np.uint16(flag)).tolist()


def without(*lost: slice | int) -> np.ndarray:
    """Return even stamps of which some are missing."""
    kept = np.ones(len(EVEN), bool)
    for part in lost:
        kept[part] = False
    return EVEN[kept]


# -- gaps


@pytest.mark.parametrize(
    ("stamps", "gap", "counts"),
    [
        ([5.0, 5.01, 5.02], [], {}),
        ([5.0, 5.01, 5.03, 5.04], [2], {"gaps": 1, "lost": 1}),
        ([5.0, 5.01, 64.01, 64.02], [2], {"gaps": 1, "lost": 5899}),
        ([5.0, 5.01, 5.024, 5.01], [], {"steps_back": 1}),
    ],
)
def test_a_step_of_more_than_one_and_a_half_periods_is_a_gap(
    stamps: list[float], gap: list[int], counts: dict[str, int]
) -> None:
    out, counted = judged(stamps)
    assert (where(out, Flag.GAP), where(out, Flag.CLOCK), counted) == (gap, [], counts)


def test_the_jitter_that_was_measured_is_no_gap() -> None:
    stamps = [5.0, 5.03, 5.031, 5.02, 5.06]
    assert judged(stamps)[1]["gaps"] == 2
    assert judged(stamps, gap_s=0.05)[1] == {"steps_back": 1}


def test_gaps_that_follow_each_other_are_all_counted() -> None:
    stamps = without(100, 102, slice(104, 110), slice(111, 130), slice(500, 503))
    out, counted = judged(stamps)
    assert counted == {"gaps": 5, "lost": 1 + 1 + 6 + 19 + 3}
    assert where(out, Flag.GAP) == [100, 101, 102, 103, 473]


def test_what_is_lost_is_counted_by_the_line_and_not_by_one_stamp() -> None:
    """With jitter of more than a period, one stamp miscounts; the line does not."""
    rng = np.random.default_rng(1)
    for n in (20, 21, 33, 150):
        stamps = without(slice(300, 300 + n)) + rng.uniform(-0.008, 0.008, 600 - n)
        _, counted = judged(stamps, gap_s=0.05)
        assert (counted["gaps"], counted["lost"]) == (1, n)


def test_a_rate_that_is_off_spoils_no_count() -> None:
    _, counted = judged(without(slice(300, 400)) * 1.004)
    assert counted == {"gaps": 1, "lost": 100}


def test_a_gap_that_the_source_knew_of_is_counted() -> None:
    out, counted = judged(EVEN, flags={7: Flag.GAP, 8: Flag.GAP})
    assert counted == {"gaps": 2}
    assert where(out, Flag.GAP) == [7, 8]


# -- samples that were late


@pytest.mark.parametrize("dejitter", [False, True])
def test_samples_that_catch_up_were_late_and_not_lost(dejitter: bool) -> None:
    stamps = EVEN.copy()
    stamps[300:320] = np.maximum(stamps[300:320], stamps[320] + np.arange(-20, 0) * 1e-4)
    out, counted = judged(stamps, dejitter=dejitter)
    assert counted == {"gaps": 1, "bursts": 1}
    assert where(out, Flag.GAP) == [300]
    assert np.diff(out.stamps).min() >= 0
    np.testing.assert_allclose(out.stamps[330:], EVEN[330:], atol=1e-6)


def test_of_samples_that_catch_up_in_part_the_rest_was_lost() -> None:
    stamps = without(slice(290, 300))
    stamps[290:320] = np.maximum(stamps[290:320], stamps[320] + np.arange(-30, 0) * 1e-4)
    _, counted = judged(stamps)
    assert counted == {"gaps": 1, "bursts": 1, "lost": 10}


def test_one_late_stamp_loses_nothing_and_sets_no_clock() -> None:
    stamps = EVEN.copy()
    stamps[300] += 0.7
    out, counted = judged(stamps, dejitter=True)
    assert counted == {"gaps": 2, "bursts": 1, "steps_back": 1}
    assert where(out, Flag.GAP) == [300, 301]
    np.testing.assert_allclose(np.delete(out.stamps, 300), np.delete(EVEN, 300), atol=1e-9)


# -- clocks


@pytest.mark.parametrize(
    ("step_s", "counts"),
    [
        (-0.05, {"gaps": 1, "steps_back": 1}),
        (-0.3, {"gaps": 1, "clock_resets": 1}),
        (-86400.0, {"gaps": 1, "clock_resets": 1}),
        (59.0, {"gaps": 1, "lost": 5900}),
        (60.5, {"gaps": 1, "clock_resets": 1}),
        (653188.0, {"gaps": 1, "clock_resets": 1}),
    ],
)
def test_a_far_step_is_a_clock_that_was_set(step_s: float, counts: dict[str, int]) -> None:
    stamps = EVEN + step_s * (np.arange(600) >= 300)
    out, counted = judged(stamps)
    assert counted == counts
    assert where(out, Flag.GAP) == [300]
    assert where(out, Flag.CLOCK) == ([300] if "clock_resets" in counts else [])


def test_a_stream_that_jitters_far_has_a_step_back_only_beyond_its_jitter() -> None:
    stamps = EVEN - 0.3 * (np.arange(600) == 300)
    assert judged(stamps, gap_s=0.4)[1] == {"steps_back": 1}


def test_what_the_source_says_of_its_clock_is_believed() -> None:
    out, counted = judged(EVEN + 0.004 * (np.arange(600) >= 300), flags={300: Flag.CLOCK})
    assert counted == {"gaps": 1, "clock_resets": 1}
    assert (where(out, Flag.GAP), where(out, Flag.CLOCK)) == ([300], [300])


def test_a_new_sender_lost_what_would_have_come_meanwhile() -> None:
    _, counted = judged(without(slice(300, 450)), flags={300: Flag.GAP | Flag.CLOCK})
    assert counted == {"gaps": 1, "clock_resets": 1, "lost": 150}
    _, counted = judged(EVEN[:450] + 61 * (np.arange(450) >= 300), flags={300: Flag.CLOCK})
    assert counted == {"gaps": 1, "clock_resets": 1}  # a pause of which nobody knows


# -- samples that came twice, stamps that are no time


def test_a_sample_that_comes_twice_is_taken_out() -> None:
    order = [*range(100), 99, 99, *range(100, 200), 199]
    out, counted = judged(EVEN[order], values=np.array(order))
    assert counted == {"duplicates": 3}
    assert out.data[:, 0].tolist() == list(range(200))
    assert out.flags.sum() == 0
    order = [5, 5, 5]
    assert judged(EVEN[order], values=np.full(3, np.nan))[1] == {"duplicates": 2}


def test_another_value_or_stamp_or_a_flag_makes_another_sample() -> None:
    same = np.repeat(EVEN[:50], 2)
    assert "duplicates" not in judged(same)[1]
    assert "duplicates" not in judged(EVEN, values=np.zeros(600))[1]
    _, counted = judged(EVEN[[0, 1, 1]], values=np.zeros(3), flags={2: Flag.GAP})
    assert counted == {"gaps": 1}


def test_samples_are_numbered_as_if_the_duplicates_had_not_come() -> None:
    block = Continuity(ContinuitySettings())
    block.reset(SPEC)
    stop = 0
    for start, order in ((0, [0, 1, 1]), (3, [1]), (4, [2, 3]), (6, []), (6, [3, 4])):
        data = np.array(order, np.float32)[:, None].repeat(2, axis=1)
        out = block.step(Chunk(data, EVEN[order], np.zeros(len(order), np.uint16), start))
        assert out.index == stop
        stop += len(out)
    assert stop == 5


def test_a_time_stamp_that_is_no_time_is_replaced_and_flagged() -> None:
    stamps = np.array([5.0, 5.01, np.nan, np.inf, 5.04])
    out, counted = judged(stamps)
    assert out.stamps == pytest.approx([5.0, 5.01, 5.02, 5.03, 5.04])
    assert (where(out, Flag.GAP), counted) == ([2, 3], {"gaps": 2, "untimed": 2})
    assert where(judged([np.inf, 5.0, 5.01])[0], Flag.GAP) == [0, 1]


# -- no false alarm


@pytest.mark.parametrize("cut", ["per sample", "per chunk"])
def test_one_clean_hour_raises_no_flag(cut: str) -> None:
    """1 kHz, stamps rounded to float64 far from 0, drift, and the noise of the clock's measure."""
    sfreq, n = 1000.0, 3_600_000
    rng = np.random.default_rng(2)
    stamps = 1.7e9 + np.arange(n) / sfreq * (1 + 30e-6)
    if cut == "per chunk":  # LSL knows its last sample's stamp, the rest follow by the rate
        last = np.arange(31, n + 32, 32).clip(max=n - 1)
        stamps = (stamps[last][:, None] - np.arange(31, -1, -1) / sfreq).ravel()[:n]
    stamps += np.repeat(rng.normal(0, 20e-6, n // 5000), 5000)
    spec = dataclasses.replace(SPEC, sfreq=sfreq)
    block = Continuity(ContinuitySettings(dejitter=True))
    block.reset(spec)
    data = np.zeros((4000, 2), np.float32)
    for start in range(0, n, 4000):
        part = stamps[start : start + 4000]
        out = block.step(Chunk(data, part, np.zeros(4000, np.uint16), start))
        assert len(out) == 4000
        assert not out.flags.any()
        assert np.abs(out.stamps - part).max() < 150e-6
    assert block.counts == Counts()


# -- settings


@pytest.mark.parametrize("gap_s", [0.009, 0.0, float("nan"), float("inf")])
def test_a_gap_shorter_than_a_sample_is_refused(gap_s: float) -> None:
    with pytest.raises(ConfigError, match=r"at least one sample period \(0.01 s at 100 Hz\), not"):
        judged([0.0], gap_s)


def test_the_threshold_is_measured_on_the_stream_itself() -> None:
    regular = np.arange(5000) / 250
    assert measured_gap_s(regular, 250.0) == pytest.approx(0.006)
    jittered = regular + np.random.default_rng(4).uniform(0, 0.03, 5000)
    gap_s = measured_gap_s(jittered, 250.0)
    ordinary = np.sort(np.abs(np.diff(jittered)))[int(0.999 * 4998)]
    assert gap_s == pytest.approx(0.006 + 2 * (ordinary - 0.004))
    assert 0.055 < gap_s < 0.067
    jittered[3000:] += 30  # one true gap does not count
    assert measured_gap_s(jittered, 250.0) == pytest.approx(gap_s, rel=0.01)
    short = np.array([0.0, 0.004, 0.008, 5.0, 5.004])
    assert measured_gap_s(short, 250.0) == pytest.approx(0.006)


@pytest.mark.parametrize("lost", [0.001, 0.02, 0.1])
@pytest.mark.parametrize("jitter_s", [0.0, 2e-4])
def test_samples_missing_from_a_recording_do_not_raise_the_threshold(
    lost: float, jitter_s: float
) -> None:
    rng = np.random.default_rng(0)
    stamps = np.arange(60_000) / 250 + rng.uniform(-jitter_s, jitter_s, 60_000)
    gap_s = measured_gap_s(stamps[rng.random(60_000) > lost], 250.0)
    assert gap_s == pytest.approx(measured_gap_s(stamps, 250.0), rel=0.05)


@pytest.mark.parametrize("spacing_s", [0.0, 1e-5, 1e-4, 5e-4])
@pytest.mark.parametrize("size", [2, 4, 16, 64, 100])
def test_packets_stamped_as_they_arrive_lose_next_to_nothing(size: int, spacing_s: float) -> None:
    n = int(60 * SFREQ) // size * size
    numbers = np.arange(n)
    stamps = (numbers // size + 1) * size / SFREQ - (size - 1 - numbers % size) * spacing_s
    _, counts = judged(stamps)
    assert counts.get("lost", 0) <= 3


def test_what_is_missing_is_told_only_where_stamps_hardly_jitter() -> None:
    rng = np.random.default_rng(0)
    for jitter, told in ((0.02, {300: 3}), (0.3, {})):
        stamps = without(slice(300, 303)) + rng.uniform(-jitter, jitter, 597) / SFREQ
        block = Continuity(ContinuitySettings(0.025))
        block.reset(SPEC)
        block.step(Chunk(np.zeros((597, 2), np.float32), stamps, np.zeros(597, np.uint16), 0))
        assert block.missing == told


def test_jitter_needs_two_stamps() -> None:
    with pytest.raises(CalibrationError, match=r"at least 2 time stamps .* not 1"):
        measured_gap_s(np.zeros(1), 250.0)
