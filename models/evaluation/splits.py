"""Who and what is trained on, and who and what is tested: in one's own brain or in a stranger's.

Zero-shot means that no concept of the test was seen in training, in anybody's brain. Leave-one-
subject-out is where this goes wrong in published code: another person's trials of the test
concepts are not the test, but they are its answers.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.table import Int64, TrialTable
from saccade.realtime.errors import CalibrationError


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """One person's turn.

    Parameters
    ----------
    subject : int
        Who is tested, as an index into the table's subjects.
    train, test : int64 arrays
        Rows of the table, in its order; no concept is in both.
    """

    subject: int
    train: Int64
    test: Int64


def in_subject(table: TrialTable, test_concepts: Collection[str]) -> list[Fold]:
    """Return a fold for each person: trained and tested on their own trials.

    Parameters
    ----------
    table : TrialTable
        Training and test trials together.
    test_concepts : collection of str
        Names of the concepts that are tested, all of them in the table.

    Raises
    ------
    CalibrationError
        If a name is unknown, or somebody has no trial to train or to test on.
    """
    return [
        _fold(table, person, table.subject == person, test_concepts) for person in _people(table)
    ]


def leave_one_subject_out(table: TrialTable, test_concepts: Collection[str]) -> list[Fold]:
    """Return a fold for each person: trained on all others, tested on theirs.

    Parameters
    ----------
    table, test_concepts
        As for :func:`in_subject`. The others' trials of these concepts are in no fold.

    Raises
    ------
    CalibrationError
        Also, if there is but one person.
    """
    people = _people(table)
    if len(people) < 2:
        raise CalibrationError(
            f"leaving one person out takes at least 2, but {len(people)} came: join more data"
        )
    return [_fold(table, person, table.subject != person, test_concepts) for person in people]


def _people(table: TrialTable) -> list[int]:
    """Return who has trials."""
    return [int(person) for person in np.unique(table.subject)]


def _fold(
    table: TrialTable, person: int, trained_on: NDArray[np.bool_], test_concepts: Collection[str]
) -> Fold:
    unknown = sorted(set(test_concepts) - set(table.concept_names))
    if unknown:
        raise CalibrationError(
            f"test concepts must be in the data, but {len(unknown)} of {len(set(test_concepts))} "
            f"are not (first: {unknown[0]!r}): name concepts the data set has"
        )
    wanted = set(test_concepts)
    is_test = np.array([name in wanted for name in table.concept_names])[table.concept]
    fold = Fold(
        person,
        train=np.flatnonzero(trained_on & ~is_test),
        test=np.flatnonzero((table.subject == person) & is_test),
    )
    if not len(fold.train) or not len(fold.test):
        raise CalibrationError(
            f"{table.subjects[person]!r} needs trials of test concepts and trials of others to "
            f"train on, but {len(fold.test)} and {len(fold.train)} came: choose other test concepts"
        )
    return fold
