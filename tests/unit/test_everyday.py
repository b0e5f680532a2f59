"""The built-in concepts: the table keeps its promises, and its neighbours make sense."""

from __future__ import annotations

import csv
import importlib.resources
import itertools
from collections import Counter

import numpy as np
import pytest

with (importlib.resources.files("saccade.models") / "data" / "everyday.csv").open(
    encoding="utf-8", newline=""
) as file:
    HEADER, *ROWS = csv.reader(file)
CONCEPTS = [row[0] for row in ROWS]
GROUPS = [row[1] for row in ROWS]
RATINGS = np.array([[float(cell) for cell in row[2:]] for row in ROWS])  # (200, 60)


def nearest(concept: str, count: int) -> list[str]:
    standard = (RATINGS - RATINGS.mean(axis=0)) / RATINGS.std(axis=0)
    unit = standard / np.linalg.norm(standard, axis=1, keepdims=True)
    row = CONCEPTS.index(concept)
    cosines = unit @ unit[row]
    cosines[row] = -np.inf
    return [CONCEPTS[i] for i in np.argsort(-cosines)[:count]]


def test_shape_and_header() -> None:
    assert HEADER[:2] == ["concept", "group"]
    assert len(set(HEADER)) == len(HEADER) == 62
    assert {len(row) for row in ROWS} == {62}
    assert len(ROWS) == 200


def test_concepts_are_unique_lower_case_phrases() -> None:
    assert len({c.casefold() for c in CONCEPTS}) == 200
    assert [c for c in CONCEPTS if c != c.lower().strip() or not c] == []


def test_groups_are_contiguous_and_none_is_tiny() -> None:
    sizes = Counter(GROUPS)
    assert len(sizes) == 16
    assert min(sizes.values()) >= 5
    changes = sum(a != b for a, b in itertools.pairwise(GROUPS))
    assert changes == len(sizes) - 1


def test_ratings_are_steps_between_0_and_1() -> None:
    assert RATINGS.min() == 0
    assert RATINGS.max() == 1
    np.testing.assert_allclose(RATINGS * 20, np.round(RATINGS * 20), atol=1e-9)


def test_every_property_tells_concepts_apart() -> None:
    assert RATINGS.std(axis=0).min() > 0.1
    assert ((RATINGS > 0).sum(axis=0) >= 5).all()


def test_no_two_concepts_are_nearly_the_same() -> None:
    apart = np.linalg.norm(RATINGS[:, None] - RATINGS[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    assert apart.min() > 0.6


@pytest.mark.parametrize(
    ("concept", "neighbours"),
    [
        ("dog", {"cat"}),
        ("whale", {"dolphin"}),
        ("lion", {"bear", "wolf"}),
        ("shark", {"crocodile", "whale", "dolphin"}),
        ("apple", {"strawberry", "tomato"}),
        ("pizza", {"hamburger", "plate of spaghetti"}),
        ("biscuit", {"chocolate bar", "cake"}),
        ("fork", {"kitchen knife", "spoon"}),
        ("kettle", {"toaster"}),
        ("axe", {"saw"}),
        ("sofa", {"bed", "chair", "pillow"}),
        ("car", {"bus", "motorcycle"}),
        ("aeroplane", {"helicopter", "rocket"}),
        ("glove", {"coat", "scarf"}),
        ("castle", {"church", "house"}),
        ("violin", {"guitar"}),
        ("trumpet", {"saxophone"}),
        ("football", {"basketball"}),
        ("laptop", {"television", "mobile phone"}),
        ("hand", {"foot"}),
    ],
)
def test_neighbours_make_sense(concept: str, neighbours: set[str]) -> None:
    assert neighbours <= set(nearest(concept, 4))


def test_most_nearest_neighbours_share_the_group() -> None:
    group = dict(zip(CONCEPTS, GROUPS, strict=True))
    same = [group[nearest(c, 1)[0]] == group[c] for c in CONCEPTS]
    assert np.mean(same) > 0.75
