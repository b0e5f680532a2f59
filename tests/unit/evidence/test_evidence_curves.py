"""Speed against accuracy: sessions decided again, in the trials they had or in others."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.curves import point, speed_accuracy
from saccade.realtime.evidence.information import wolpaw_bits
from saccade.realtime.evidence.rehearsal import Notes, by_label, regrouped, spacing_s
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import Decision

NAMES = ("dog", "house", "tree")


@pytest.fixture
def notes(epoch, ranking):
    """Return a session of 60 pictures, each of the next concept, of which it is a little sure."""
    rng = np.random.default_rng(0)
    made = Notes()
    made.reset(NAMES, 0.5)
    for number in range(60):
        logits = rng.normal(size=3)
        logits[number % 3] += 1.0
        p = np.exp(logits) / np.exp(logits).sum()
        one = epoch(0.6 * number, str(number % 3), NAMES[number % 3])
        made.advance(one.last_stamp_s)
        made.step(one, ranking(*p))
    return made


def test_trials_of_one_label_use_no_epoch_twice(notes):
    trials = by_label(notes, 4)
    assert [len({e.label for e, _ in trial}) for trial in trials] == [1] * 15
    onsets = [e.onset_s for trial in trials for e, _ in trial]
    assert len(set(onsets)) == len(onsets) == 60
    assert spacing_s(notes) == pytest.approx(0.6)


def test_more_epochs_are_slower_and_righter(notes):
    settings = EvidenceSettings(max_epochs=10)
    other, how = regrouped(notes, by_label(notes, 10), 0.6, settings)
    points = speed_accuracy(other, how, (0.5, 0.99), (1, 3, 10))
    assert [p.rule for p in points] == ["threshold"] * 2 + ["repetitions"] * 3
    once, three, ten = points[2:]
    assert (once.mean_epochs, three.mean_epochs, ten.mean_epochs) == (1, 3, 10)
    assert once.mean_s == pytest.approx(0.5)
    assert ten.mean_s == pytest.approx(0.5 + 9 * 0.6)
    assert once.right <= three.right <= ten.right
    assert points[0].mean_epochs < points[1].mean_epochs
    assert points[0].n == 6
    rate = 60 * wolpaw_bits(ten.right, 3) / ten.mean_s
    assert ten.wolpaw_bits_per_min == pytest.approx(rate)


def test_an_abstention_costs_time_and_tells_nothing():
    right = Decision(0, "closed", "dog", 0.9, 2, 0, 0.0, 1.0, "threshold", truth="dog")
    nothing = Decision(1, "closed", None, 0.4, 9, 0, 2.0, 5.0, "deadline", truth="house")
    reset = Decision(2, "closed", None, 0.4, 9, 0, 2.0, 9.0, "reset", truth="house")
    found = point("threshold", 0.9, [right, nothing, reset], 2)
    assert (found.n, found.decided, found.right, found.mean_s) == (2, 0.5, 1.0, 2.0)
    assert found.wolpaw_bits_per_min == pytest.approx(60 * 1.0 * 0.5 / 2.0)
    silent = point("threshold", 0.9, [nothing], 2)
    assert (silent.right, silent.ci95, silent.wolpaw_bits_per_min) == (None, None, 0.0)


def test_sessions_that_tell_nothing_are_refused(notes):
    unknown = Decision(0, "closed", "dog", 0.9, 2, 0, 0.0, 1.0, "threshold")
    with pytest.raises(ConfigError, match="not one of 1 trials shows one known thing alone"):
        point("threshold", 0.9, [unknown], 2)
    with pytest.raises(ConfigError, match="no label has so many"):
        by_label(notes, 21)
    empty = Notes()
    empty.reset(NAMES, 0.5)
    with pytest.raises(ConfigError, match="there must be 2 epochs"):
        spacing_s(empty)


def test_notes_of_what_was_told_without_a_decider_decide_nothing(notes, epoch):
    assert list(notes.step(epoch(99.0), None)) == []
    assert list(notes.clear(100.0)) == []
    assert list(notes.finish()) == []
