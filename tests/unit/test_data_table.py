"""Row order ↔ concept ↔ image: what a table keeps, and what it refuses."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.models.data.table import TrialTable, checked_rows, count_within, split_concepts
from saccade.realtime.errors import ConfigError, RecordingError


def table(image=(0, 0, 1, 2), concept_of=(0, 0, 1), **changes):
    image = np.array(image, np.int64)
    fields = {
        "subject": np.zeros(len(image), np.int64),
        "concept": np.array(concept_of)[image],
        "image": image,
        "repetition": count_within(image),
        "subjects": ("sub-01",),
        "concept_names": ("aardvark", "abacus"),
        "image_names": tuple(f"image-{i}" for i in range(len(concept_of))),
    }
    return TrialTable(**{**fields, **changes})


def test_a_table_knows_the_concept_of_every_image():
    assert table().image_concept.tolist() == [0, 0, 1]
    assert table(image=(2, 2)).image_concept.tolist() == [-1, -1, 1]
    assert len(table()) == 4


def test_a_table_owns_read_only_copies():
    image = np.array([0, 1], np.int64)
    made = table(image=image)
    image[0] = 1
    assert made.image.tolist() == [0, 1]
    with pytest.raises(ValueError, match="read-only"):
        made.image[0] = 1


def test_take_keeps_names_and_order():
    taken = table().take([3, 0, 0])
    assert taken.image.tolist() == [2, 0, 0]
    assert taken.concept.tolist() == [1, 0, 0]
    assert taken.image_names == table().image_names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"concept": np.array([0, 1, 1, 1])},
            "'image-0' is a 'aardvark' and, in row 1",
        ),
        ({"subject": np.array([0, 0, 0])}, "3, 4, 4 and 4 came"),
        ({"subject": np.array([0, 0, 0, 1])}, "subject numbers are 0 to 0, but 0 to 1 came"),
        ({"image": np.array([0, 0, 1, -1])}, "image numbers are 0 to 2, but -1 to 1 came"),
        ({"repetition": np.array([0, -1, 0, 0])}, "repetitions count from 0, but -1 came"),
        ({"repetition": np.zeros(4)}, r"whole numbers of shape \(n,\), not float64"),
        ({"image_names": ("a", "b", "a")}, "image names must differ, but 'a' comes 2 times"),
        ({"averaged": 0}, "at least 1 repetition, not 0"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(changes, message):
    with pytest.raises(RecordingError, match=message):
        table(**changes)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([0, 4], "rows are 0 to 3, but 0 to 4"),
        ([-1], "rows are 0 to 3, but -1 to -1"),
        ([0.5], "whole numbers, not float64"),
        ([[0]], r"shape \(1, 1\)"),
    ],
)
def test_rows_that_do_not_exist_are_refused(rows, message):
    with pytest.raises(ConfigError, match=message):
        checked_rows(rows, 4)


def test_no_rows_are_rows():
    assert checked_rows([], 0).dtype == np.int64


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=30))
def test_count_within_counts_what_came_before(pairs):
    columns = [np.array([pair[i] for pair in pairs], np.int64) for i in range(2)]
    assert count_within(*columns).tolist() == [pairs[:i].count(p) for i, p in enumerate(pairs)]


@given(st.integers(2, 12), st.floats(0.01, 0.99), st.integers(0, 5))
def test_a_split_shares_no_concept_and_loses_no_row(n_concepts, share, seed):
    concept = np.random.default_rng(seed).integers(0, n_concepts, 40)
    concept[:2] = [0, 1]
    made = TrialTable(
        np.zeros(40, np.int64),
        concept,
        concept,
        count_within(concept),
        ("a",),
        tuple(map(str, range(n_concepts))),
        tuple(map(str, range(n_concepts))),
    )
    train, validation = split_concepts(made, share, seed)
    assert sorted([*train, *validation]) == list(range(40))
    assert not set(concept[train]) & set(concept[validation])
    present = len(np.unique(concept))
    expected = min(max(round(share * present), 1), present - 1)
    assert len(set(concept[validation])) == expected
    np.testing.assert_array_equal(validation, split_concepts(made, share, seed)[1])


def test_another_seed_holds_out_other_concepts():
    made = table(image=range(50), concept_of=range(50), concept_names=tuple(map(str, range(50))))
    held = {tuple(split_concepts(made, 0.2, seed)[1]) for seed in range(3)}
    assert len(held) == 3


def test_concepts_are_held_out_by_name():
    train, validation = split_concepts(table(), ["abacus"])
    assert (train.tolist(), validation.tolist()) == ([0, 1, 2], [3])


@pytest.mark.parametrize(
    ("held_out", "message"),
    [
        (0.0, "above 0 and below 1, of at least 2 concepts, not 0 of 2"),
        (1.0, "not 1 of 2"),
        (["zebra"], "no concept 'zebra' among the data set's 2: they begin with aardvark"),
        (["aardvark", "abacus"], "4 of 4 would be held out"),
        ([], "0 of 4 would be held out"),
    ],
)
def test_a_split_with_an_empty_side_is_refused(held_out, message):
    with pytest.raises(ConfigError, match=message):
        split_concepts(table(), held_out)


def test_a_table_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        table().averaged = 3
