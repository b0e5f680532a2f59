"""Samples that are late are no loss, those that are lost are counted, and reports always come."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.quality.hops import Hops
from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.quality.tears import Tears
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ, HOP = 250.0, 62


def reports_on(stamps, sfreq=SFREQ, flags=None, gap_s=0.1):
    """Return all reports on four channels of noise with these stamps."""
    n = len(stamps)
    monitor = QualityMonitor(QualitySettings(gap_s=gap_s, hf_ratio=(9, 9), line_ratio=(9, 9)))
    monitor.reset(StreamSpec("amp", sfreq, tuple("abcd"), ("eeg",) * 4, ("µV",) * 4))
    data = 10 * np.random.default_rng(0).normal(size=(n, 4)).astype(np.float32)
    flags = np.zeros(n, np.uint16) if flags is None else flags
    return monitor.step(Chunk(data, np.asarray(stamps, float).copy(), flags, 0))


def even(seconds, sfreq=SFREQ):
    return 1e5 + np.arange(int(seconds * sfreq)) / sfreq


def on_arrival(stamps, n_piece):
    """Return stamps made when a piece came, the same for all of its samples."""
    n = len(stamps)
    return stamps[np.minimum((np.arange(n) // n_piece + 1) * n_piece, n) - 1]


def by_piece(stamps, n_piece, late_s):
    """Return stamps of pieces that each were late."""
    return stamps + np.repeat(late_s, n_piece)[: len(stamps)]


RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    "stamps",
    [
        on_arrival(even(60), 38),
        on_arrival(even(60), 125),
        on_arrival(even(60), 250),
        by_piece(even(60), 38, RNG.uniform(0, 0.2, 400)),
        by_piece(even(60), 50, 0.4 * (RNG.random(400) < 0.3)),
        even(60) + RNG.uniform(0, 0.3, 60 * 250),
    ],
    ids=["152 ms", "half a second", "a second", "Bluetooth", "now and then", "jitter"],
)
def test_a_stream_of_bursts_is_judged_as_any(stamps):
    reports = reports_on(stamps)
    late = [r for r in reports if r.index > 10 * SFREQ]
    assert len(reports) >= 60 * SFREQ // HOP - 12
    good = np.array([[state == "good" for state in r.states] for r in late])
    assert good.mean() > 0.95


def test_a_loss_in_a_stream_of_bursts_is_still_seen():
    stamps = on_arrival(even(60), 38)
    stamps[30 * 250 :] += 1.0
    reports = reports_on(stamps)
    torn = [r.index / SFREQ for r in reports if "was torn" in r.reasons[0] and r.index > 2500]
    assert 30 < torn[0] < 31


def test_a_slow_stream_gets_its_reports():
    assert len(reports_on(even(100, 8.0), 8.0)) == 400


def test_a_stream_of_another_rate_than_announced_is_not_torn_for_ever():
    reports = reports_on(even(30, 125.0))  # announced with twice as many
    assert len(reports) == 30 * 125 // HOP
    last = reports[-1]
    assert last.measures["usable"][0] == pytest.approx(0.5, abs=0.01)
    assert last.reasons[0].startswith("only 50% of the last 2 s is there")


@pytest.mark.parametrize(("kept", "share"), [(20, 0.5), (36, 0.9), (39, 0.975)])
def test_samples_lost_in_short_holes_count_as_not_there(kept, share):
    stamps = even(30)
    there = np.arange(len(stamps)) % 40 < kept
    last = reports_on(stamps[there])[-1]
    assert last.measures["usable"] == pytest.approx(np.full(4, share), abs=0.02)
    assert last.states[0] == ("good" if share > 0.95 else "doubtful" if share > 0.5 else "bad")


@pytest.mark.parametrize("flagged", [False, True])
def test_a_stream_that_is_torn_all_the_time_is_reported_on(flagged):
    """Of every 400 ms, 100 come."""
    stamps = even(60)
    numbers = np.arange(len(stamps))
    there = numbers % 100 < 25
    flags = np.where((numbers % 100 == 0) & flagged, Flag.GAP, 0).astype(np.uint16)
    reports = reports_on(stamps[there], flags=flags[there])
    assert len(reports) > there.sum() // (2 * HOP) - 2
    assert all("since the stream began or was torn" in r.reasons[0] for r in reports)


def test_what_is_torn_off_is_dropped_and_hops_count_from_the_tear():
    hops = Hops(10, 1, 40.0, 0.1)
    stamps = np.arange(100) / 40.0
    stamps[33:] += 1.0
    data = np.arange(100, dtype=np.float32)[:, None]
    found = [
        (float(hop.data[0, 0]), hop.last_index, hop.first)
        for i in range(0, 100, 7)
        for hop in hops.step(
            Chunk(
                data[i : i + 7].copy(),
                stamps[i : i + 7].copy(),
                np.zeros(len(data[i : i + 7]), np.uint16),
                i,
            )
        )
    ]
    starts = [0, 10, 20, 33, 43, 53, 63, 73, 83]
    assert found == [(start, start + 9, start in (0, 33)) for start in starts]


def torn(stamps, gap_s=0.1, flagged=()):
    """Return where a stream of 100 Hz is torn."""
    tears, n = Tears(25, 100.0, gap_s), len(stamps)
    flags = np.isin(np.arange(n), flagged)
    found = []
    for i in range(0, n, 25):
        part = slice(i, i + 25)
        found += [i + k for k in tears.step(np.asarray(stamps[part]), flags[part])]
        tears.end_hop()
    return found


def test_steps_that_lead_away_are_tears_and_those_that_lead_back_are_none():
    stamps = np.arange(2000) / 100
    for step_s, tears in ((0.2, [1000]), (-0.2, [1000]), (0.09, [])):
        moved = stamps + step_s * (np.arange(2000) >= 1000)
        assert torn(moved) == tears
        assert torn(moved, gap_s=0.5) == []
    late = stamps + 0.3 * (np.arange(2000) // 10 % 10 == 9)
    assert torn(late) == [90]  # known from then on
    assert torn(late, flagged=[500]) == [90, 500]


def test_a_clock_set_back_teaches_no_patience():
    stamps = np.arange(2000) / 100
    stamps[500:] -= 3.0
    stamps[1500:] += 0.2
    assert torn(stamps) == [500, 1500]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_stamps_that_are_no_numbers_tear_nothing(value):
    stamps = np.arange(1000) / 100
    stamps[[300, 301, 700]] = value
    assert torn(stamps) == []
    assert torn(np.full(100, value)) == []
