"""No concept of the test is trained on, in anybody's brain."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.models.data.table import TrialTable
from saccade.models.evaluation.splits import in_subject, leave_one_subject_out
from saccade.realtime.errors import CalibrationError


@pytest.fixture
def table():
    subject, concept = (a.ravel() for a in np.mgrid[:3, :4])
    names = ("ant", "bee", "cow", "dog")
    images = tuple(f"{name}_1" for name in names)
    return TrialTable(subject, concept, concept, concept * 0, ("a", "b", "c"), names, images)


def test_in_subject_trains_and_tests_on_ones_own_trials(table):
    folds = in_subject(table, {"dog", "bee"})
    assert [fold.subject for fold in folds] == [0, 1, 2]
    for fold in folds:
        assert set(table.subject[fold.train]) == {fold.subject} == set(table.subject[fold.test])
        assert table.concept[fold.train].tolist() == [0, 2]
        assert table.concept[fold.test].tolist() == [1, 3]


def test_leave_one_out_trains_on_the_others_without_the_test_concepts(table):
    for fold in leave_one_subject_out(table, ["dog"]):
        assert set(table.subject[fold.train]) == {0, 1, 2} - {fold.subject}
        assert set(table.concept[fold.train]) == {0, 1, 2}
        assert set(table.subject[fold.test]) == {fold.subject}
        assert table.concept[fold.test].tolist() == [3]


@pytest.mark.parametrize("split", [in_subject, leave_one_subject_out])
class TestRefused:
    def test_unknown_concepts(self, split, table):
        with pytest.raises(CalibrationError, match=r"1 of 2 are not \(first: 'yak'\)"):
            split(table, ["yak", "dog"])

    def test_nothing_to_train_on(self, split, table):
        with pytest.raises(CalibrationError, match=r"'a' needs .* but 4 and 0 came"):
            split(table, table.concept_names)

    def test_nothing_to_test_on(self, split, table):
        with pytest.raises(CalibrationError, match="but 0 and "):
            split(table.take(np.flatnonzero(table.concept != 3)), ["dog"])


def test_one_person_cannot_be_left_out(table):
    with pytest.raises(CalibrationError, match="takes at least 2, but 1 came"):
        leave_one_subject_out(table.take([0, 1, 2, 3]), ["dog"])
