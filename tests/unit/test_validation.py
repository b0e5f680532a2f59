"""Which trials decide when training ends."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.models.data.table import TrialTable, count_within
from saccade.models.training.validation import held_out_rows
from saccade.realtime.errors import CalibrationError


def table(subject, concept):
    subject, concept = np.asarray(subject), np.asarray(concept)
    n = int(concept.max()) + 1
    return TrialTable(
        subject=subject,
        concept=concept,
        image=concept,
        repetition=count_within(subject, concept),
        subjects=tuple(f"s{i}" for i in range(int(subject.max()) + 1)),
        concept_names=tuple(f"c{i}" for i in range(n)),
        image_names=tuple(f"i{i}" for i in range(n)),
    )


def test_of_many_concepts_whole_ones_are_held_out():
    known = table(np.zeros(120, int), np.tile(np.arange(40), 3))
    train, validation = held_out_rows(known, np.arange(120), 0.25, seed=0)
    assert len(np.unique(known.concept[validation])) == 10
    assert not np.intersect1d(known.concept[train], known.concept[validation]).size
    assert len(train) + len(validation) == 120
    other = held_out_rows(known, np.arange(120), 0.25, seed=1)[1]
    assert not np.array_equal(validation, other)


def test_of_few_each_persons_last_trials_of_each_concept_are():
    subject, concept = np.repeat(np.arange(8), 24), np.tile([0, 1], 96)
    known = table(subject, concept)
    train, validation = held_out_rows(known, np.arange(192), 0.15, seed=0)
    for person in range(8):
        for shown in (0, 1):
            rows = np.flatnonzero((subject == person) & (concept == shown))
            assert set(rows[-2:]) <= set(validation)  # the last 15 % of 12
            assert set(rows[:-2]) <= set(train)


def test_a_concept_shown_once_is_trained_on():
    known = table(np.zeros(7, int), [0, 0, 0, 1, 1, 1, 2])
    train, validation = held_out_rows(known, np.arange(7), 0.3, seed=0)
    assert 6 in train
    assert sorted(validation) == [2, 5]


def test_too_few_are_refused():
    known = table(np.zeros(4, int), [0, 0, 0, 0])
    with pytest.raises(CalibrationError, match=r"needs at least 2 trials of different concepts"):
        held_out_rows(known, np.arange(4), 0.5, seed=0)
