"""RANSAC's verdict is of the last minute, and a channel that recovers gets out of it."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.quality import ransac
from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.quality.ransac import Ransac
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.quality.splines import directions
from saccade.realtime.types import Chunk, StreamSpec

NAMES = (
    *("Fp1", "Fp2", "F7", "F3", "Fz", "F4", "F8", "C3"),
    *("Cz", "C4", "P7", "P3", "Pz", "P4", "P8", "Oz"),
)
CZ = NAMES.index("Cz")
SFREQ = 100.0
HOP_S = 0.25


def scalp(seconds, seed=0):
    """Return smooth fields with courses of low frequency, in µV, (n_samples, 16)."""
    rng = np.random.default_rng(seed)
    n = int(seconds * SFREQ)
    sources = rng.normal(size=(20, 3))
    sources /= np.linalg.norm(sources, axis=1, keepdims=True)
    courses = np.cumsum(rng.normal(size=(n + 10, 20)), axis=0)
    courses = courses[10:] - courses[:-10]
    return courses @ np.exp(3 * (directions(NAMES) @ sources.T)).T / 10


def reports_on(data, stamps=None):
    n = data.shape[1]
    monitor = QualityMonitor(QualitySettings())
    monitor.reset(StreamSpec("amp", SFREQ, NAMES[:n], ("eeg",) * n, ("µV",) * n))
    stamps = np.arange(len(data)) / SFREQ if stamps is None else stamps
    data = data.astype(np.float32)
    return monitor.step(Chunk(data, stamps, np.zeros(len(data), np.uint16), 0))


def test_of_sixteen_channels_one_that_was_bad_gets_good_again():
    """There are never sixteen good ones to draw from, as long as it is bad."""
    data, wrong = scalp(200.0), scalp(200.0, seed=5)
    data[2000:10000, CZ] = wrong[2000:10000, CZ]
    reports = reports_on(data)
    bad = [r.index / SFREQ for r in reports if r.states[CZ] == "bad"]
    assert 20 < bad[0] < 60
    assert bad[-1] < 170
    assert set(reports[-1].states) == {"good"}


def held(disagreeing, n_hops, stamps=None, good=None):
    """Return what is said of the channels after each hop of noise that all share, or do not."""
    judge = Ransac(directions(NAMES), 64.0, 20, 40)
    rng = np.random.default_rng(0)
    said = []
    for i in range(n_hops):
        shared = np.repeat(rng.normal(size=(1, 16)), 16, axis=0)
        if disagreeing(i):
            shared[CZ] = rng.normal(size=16)
        there = np.ones(16, np.bool_) if good is None else good(i)
        stamp_s = i * HOP_S if stamps is None else stamps(i)
        judge.step(shared.astype(np.float32), there, stamp_s, first=i == 0)
        said.append(judge.disagreed.copy())
    return np.array(said)


def test_rounds_that_can_t_be_held_say_nothing():
    def good(i):
        return np.arange(16) < (16 if i < 300 else 15)

    said = held(lambda i: True, 700, good=good)[:, CZ]
    assert np.isnan(said[:58]).all()  # twenty hops to fill, forty of work
    assert said[300] == 1.0
    assert (np.diff(said[320:580]) <= 0).all()
    assert np.isnan(said[-1])


def test_of_what_was_before_an_hour_s_gap_nothing_is_said():
    said = held(lambda i: True, 400, stamps=lambda i: i * HOP_S + 3600 * (i >= 250))
    assert said[249, CZ] == 5 / 6
    assert np.isnan(said[250]).all()


def test_a_short_gap_ends_nothing():
    said = held(lambda i: True, 255, stamps=lambda i: i * HOP_S + 0.5 * (i >= 250))
    assert said[-1, CZ] == 5 / 6
    assert said[-1].sum() == 5 / 6


def test_the_work_of_a_round_is_spread_evenly(monkeypatch):
    counts = []
    real = ransac.weights_among

    def counted(*args):
        counts[-1] += 1
        return real(*args)

    monkeypatch.setattr(ransac, "weights_among", counted)
    judge, rng = Ransac(directions(NAMES), 64.0, 20, 40), np.random.default_rng(0)
    for i in range(200):
        counts.append(0)
        below = rng.normal(size=(16, 16)).astype(np.float32)
        judge.step(below, np.ones(16, np.bool_), i * HOP_S, first=i == 0)
    assert max(counts) == 3
    assert sum(counts[19:59]) == ransac.N_DRAWS


def test_one_that_only_ransac_calls_bad_may_be_drawn_again(monkeypatch):
    """Or else its verdict would end the rounds that could take it back."""
    drawn = []
    real = Ransac.step

    def seen(self, below, good, stamp_s, *, first):
        drawn.append(int(good.sum()))
        real(self, below, good, stamp_s, first=first)
        self.disagreed[CZ] = 1.0

    monkeypatch.setattr(Ransac, "step", seen)
    reports = reports_on(scalp(20.0))
    assert reports[-1].states[CZ] == "bad"
    assert reports[-1].reasons[CZ].startswith("disagreed")
    assert drawn[-1] == 16


@pytest.mark.parametrize("n", [15, 16])
def test_a_quarter_of_fewer_than_sixteen_says_nothing(n):
    last = reports_on(scalp(20.0)[:, :n])[-1]
    assert np.isnan(last.measures["ransac"]).all() == (n < 16)
