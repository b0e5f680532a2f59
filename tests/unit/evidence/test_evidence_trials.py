"""What a trial survives: other pictures, holes, pauses, resets, and another decoder."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from saccade.realtime.evidence import decider as deciding
from saccade.realtime.evidence.curves import speed_accuracy
from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.passage import Passage
from saccade.realtime.evidence.rehearsal import Notes
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import Chunk, Flag, Marker

NAMES = ("dog", "house", "tree")
REACH_S = 0.5


def made_of(**settings):
    made = make_decider(EvidenceSettings(**settings))
    made.reset(NAMES, REACH_S)
    return made


def fed(made, epochs, ranking):
    decided = []
    for one in epochs:
        decided += made.advance(one.last_stamp_s)
        decided += made.step(one, ranking)
    return decided


def test_without_bounds_another_picture_ends_the_trial(epoch, ranking):
    made = made_of(threshold=0.99)
    shown = [
        epoch(0.0, "a", "dog"),
        epoch(1.0, "b", "dog"),
        epoch(2.0, "c", "tree"),
        epoch(3.0, "d"),
    ]
    decided = fed(made, shown, ranking(0.6, 0.2, 0.2))
    assert [(d.ending, d.n_epochs, d.truth) for d in decided] == [
        ("end", 2, "dog"),
        ("end", 1, "tree"),
    ]
    assert [d.n_epochs for d in made.finish()] == [1]
    bounded = fed(made_of(threshold=0.99, gap_s=5.0), shown, ranking(0.4, 0.3, 0.3))
    assert bounded == []


def test_an_epoch_without_samples_closes_nothing(epoch, ranking):
    made = made_of(threshold=0.999, gap_s=0.4)
    hole = dataclasses.replace(
        epoch(2.0, rejected=("missing",)), last_stamp_s=math.nan, last_index=-1
    )
    seen = ranking(0.6, 0.2, 0.2)
    decided = list(made.step(hole, None))  # it is handed out before epochs that began earlier
    decided += fed(made, [epoch(1.0), epoch(1.2), epoch(2.1)], seen)
    decided += made.finish()
    assert [(d.n_epochs, d.started_s, d.n_left_out) for d in decided] == [(2, 1.0, 0), (1, 2.1, 0)]
    assert not any(math.isnan(d.stamp_s) for d in decided)
    assert made.n_outside == 1


def test_a_reset_leaves_deadline_and_truth_of_the_trial(epoch, ranking):
    made = made_of(starts=("t-*",), deadline_s=3.0)
    made.mark(Marker("t-dog", 10.0))
    seen = ranking(0.6, 0.2, 0.2)
    fed(made, [epoch(10.1)], seen)
    (reset,) = made.clear(10.9)
    decided = [*fed(made, [epoch(11.0), epoch(12.6)], seen), *made.advance(20.0)]
    assert (reset.ending, reset.n_epochs) == ("reset", 1)
    told = [(d.ending, d.truth, d.started_s, d.stamp_s, d.n_epochs) for d in decided]
    assert told == [("deadline", "dog", 10.0, 13.0, 1)]


def test_a_reset_does_not_open_what_was_decided(epoch, ranking):
    made = made_of(starts=("t-*",), threshold=0.8)
    made.mark(Marker("t-dog", 10.0))
    sure = ranking(0.9, 0.05, 0.05)
    assert [d.ending for d in fed(made, [epoch(10.1)], sure)] == ["threshold"]
    assert list(made.clear(10.9)) == []
    assert fed(made, [epoch(11.0), epoch(12.0)], sure) == []


def test_other_settings_hold_from_then_on_as_in_a_fresh_session(epoch, ranking):
    first = {"threshold": 0.7, "correlation": 0.1, "assumed": {"dog": 0.5}}
    second = {"threshold": 0.99, "correlation": 0.6}
    made, fresh = made_of(starts=("go",), **first), made_of(starts=("go",), **second)
    made.mark(Marker("go", 0.0))
    seen = ranking(0.5, 0.3, 0.2)
    fed(made, [epoch(0.0)], seen)
    made.clear(0.6)
    made.adopt(EvidenceSettings(starts=("go",), **second))
    fresh.mark(Marker("go", 0.0))
    later = [epoch(1.0), epoch(1.2), epoch(1.4)]
    ours, theirs = ([*fed(one, later, seen), *one.finish()] for one in (made, fresh))
    assert [d.top for d in ours] == [d.top for d in theirs]
    assert ours[0].n_epochs == 3


def test_marker_values_without_number_do_not_pile_up(epoch, ranking, monkeypatch):
    monkeypatch.setattr(deciding, "MOST_OPEN", 5)
    made = made_of(per="marker", threshold=0.999)
    decided = fed(made, [epoch(float(n), f"m{n}") for n in range(8)], ranking(0.6, 0.2, 0.2))
    assert [(d.item, d.ending) for d in decided] == [("m0", "end"), ("m1", "end"), ("m2", "end")]
    assert len(made.finish()) == 5


def clock_set(back_s):
    """Return what lets time pass, and 12 s of stamps and flags of a clock that is set back."""
    made = Passage(make_decider(EvidenceSettings(deadline_s=1.0)), lambda decision: decision)
    made.reset(NAMES, 0.3)
    stamps = 1000 + np.arange(1200) / 100
    stamps[400:] -= back_s
    flags = np.zeros(1200, np.uint16)
    flags[400] = Flag.GAP | Flag.CLOCK
    return made, stamps, flags


@pytest.mark.parametrize("back_s", [900.0, 0.5])
def test_a_clock_set_in_a_pause_is_noticed(epoch, ranking, back_s):
    made, stamps, flags = clock_set(back_s)
    before, after = [], []
    for first in range(0, 1200, 10):
        made.holding = 350 <= first < 500
        part, decided = slice(first, first + 10), before if first < 500 else after
        made.take(Chunk(np.zeros((10, 1), np.float32), stamps[part], flags[part], first), ())
        if first % 60 == 0 and not made.holding:
            onset_s = float(stamps[first]) - 0.3
            one = dataclasses.replace(
                epoch(onset_s), last_stamp_s=float(stamps[first]), last_index=first
            )
            decided += made.step(one, ranking(0.5, 0.3, 0.2))
        decided += made.rest()
    assert [d.ending for d in before] == ["deadline"] * 3
    ended = [d for d in after if d.n_epochs == 2]
    assert len(ended) >= 4
    assert len(ended) >= len(after) - 2
    assert all(d.stamp_s - d.started_s <= 1.0 + 1e-9 for d in after)
    assert after[-1].stamp_s > stamps[-1] - 2.0


SPELLER = EvidenceSettings(
    mode="target", target="target", items=tuple("ABCDEF"), starts=("trial",), floor=0.45
)


@pytest.fixture
def ignorant(epoch, ranking):
    """Return a speller's session whose decoder knows nothing of what is attended to."""
    rng = np.random.default_rng(0)
    notes, t = Notes(), 0.0
    notes.reset(("target", "other"), REACH_S)
    for _ in range(200):
        attended = rng.choice(list("ABCDEF"))
        notes.mark(Marker("trial", t))
        for item in [*rng.permutation(list("ABCDEF")), *rng.permutation(list("ABCDEF"))]:
            p = 1 / (1 + math.exp(-rng.normal()))
            one = epoch(t, str(item), "target" if item == attended else "other")
            notes.advance(one.last_stamp_s)
            notes.step(one, ranking(p, 1 - p))
            t += 1.0
    return notes


def test_a_speller_that_knows_nothing_is_not_above_chance(ignorant):
    points = speed_accuracy(
        ignorant, dataclasses.replace(SPELLER, floor=0.0), (0.3, 0.5), (1, 2, 4)
    )
    assert {p.n for p in points} == {200}
    assert all(p.ci95[0] < 1 / 6 < p.ci95[1] for p in points)


def test_flashes_tell_no_truth_where_trials_may_end_before_all_are_seen(ignorant):
    early = ignorant.decide(dataclasses.replace(SPELLER, threshold=0.5))
    assert {d.truth for d in early} == {None}
    whole = ignorant.decide(SPELLER)
    assert all(d.truth in SPELLER.items for d in whole)


def test_a_floor_abstains_on_the_curve_too(ignorant):
    points = speed_accuracy(ignorant, SPELLER, (0.3, 0.9), (2, 12))
    assert all(0 < p.decided < 1 for p in points)
    assert points[0].decided > points[1].decided  # no floor is above the threshold
    always = speed_accuracy(ignorant, dataclasses.replace(SPELLER, floor=0.0), (0.9,), (2,))
    assert [p.decided for p in always] == [1.0, 1.0]
