"""Windows without markers: what overlaps counts once, what is old fades."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.settings import EvidenceSettings

NAMES = ("left", "right", "rest")


def decider(**settings):
    made = make_decider(EvidenceSettings(mode="sliding", **settings))
    made.reset(NAMES, 0.5)
    return made


def windows(epoch, hop, n, first=0):
    """Return windows of 50 samples, at 100 Hz."""
    return [epoch(start / 100, None, start=start) for start in range(first, first + n * hop, hop)]


def test_evidence_in_samples_counts_once_however_many_windows_show_it(epoch, ranking):
    """A window's evidence is the sum of its samples'; each sample favours "left" alike."""
    seen, found = ranking(0.4, 0.3, 0.3), {}
    for hop in (10, 25, 50):
        made = decider(half_life_s=1e9, threshold=0.99)
        for one in windows(epoch, hop, 200 // hop + 1):
            assert list(made.step(one, seen)) == []
        (end,) = made.finish()
        found[hop] = end.probability
    assert found[10] == pytest.approx(found[50], rel=1e-9)
    assert found[25] == pytest.approx(found[50], rel=1e-9)
    assert found[50] == pytest.approx(0.4**5 / (0.4**5 + 2 * 0.3**5), rel=1e-5)


def test_old_evidence_fades(epoch, ranking):
    made = decider(half_life_s=0.5, threshold=0.999)
    made.step(windows(epoch, 50, 1)[0], ranking(0.8, 0.1, 0.1))
    made.step(windows(epoch, 50, 1, first=50)[0], ranking(0.1, 0.8, 0.1))
    (end,) = made.finish()
    assert end.top[0][0] == "right"
    weights = np.array([0.8**0.5 * 0.1, 0.1**0.5 * 0.8, 0.1**0.5 * 0.1])
    assert end.probability == pytest.approx(weights.max() / weights.sum(), rel=1e-5)


def test_no_sample_has_a_part_in_two_decisions(epoch, ranking):
    made = decider(half_life_s=1.0, threshold=0.9, refractory_s=0.2)
    decided = [
        d for one in windows(epoch, 10, 40) for d in made.step(one, ranking(0.95, 0.03, 0.02))
    ]
    assert len(decided) == 6
    for before, after in itertools.pairwise(decided):
        assert after.started_s >= before.stamp_s + 0.2 - 1e-9
    assert all(d.choice == "left" and d.ending == "threshold" for d in decided)
    assert [d.number for d in decided] == list(range(6))


def test_a_rejected_window_decides_nothing(epoch, ranking):
    made = decider(half_life_s=1.0, threshold=0.9)
    bad = epoch(0.0, None, start=0, rejected=["gap"])
    assert list(made.step(bad, ranking(1.0, 0.0, 0.0))) == []
    assert list(made.finish()) == []  # there was no evidence at all


def test_a_margin_holds_back_and_a_reset_forgets(epoch, ranking):
    made = decider(half_life_s=1.0, threshold=0.5, margin=0.3)
    one, two = windows(epoch, 50, 2)
    assert list(made.step(one, ranking(0.55, 0.4, 0.05))) == []
    (ended,) = made.clear(0.6)
    assert (ended.choice, ended.ending) == (None, "reset")
    (decided,) = made.step(two, ranking(0.7, 0.2, 0.1))
    assert decided.n_epochs == 1


def test_correlated_windows_are_less_sure(epoch, ranking):
    ends = []
    for correlation in (0.0, 0.3):
        made = decider(half_life_s=100.0, threshold=0.99999, correlation=correlation)
        for one in windows(epoch, 50, 4):
            made.step(one, ranking(0.5, 0.3, 0.2))
        ends += made.finish()
    assert ends[1].probability < ends[0].probability
