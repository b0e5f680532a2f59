"""Which row of a data set is which: subject, concept, image and repetition, never left implicit.

The field's files say what a row shows only by its position, and most irreproducible figures
begin there. Here every row carries it, and each image belongs to exactly one concept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import ConfigError, RecordingError
from saccade.realtime.types import frozen

Int64 = NDArray[np.int64]
Rows = Sequence[int] | Int64


@dataclass(frozen=True, slots=True, eq=False)
class TrialTable:
    """Subject, concept, image and repetition of each row, in row order.

    The arrays are copied and read-only.

    Parameters
    ----------
    subject, concept, image : array of shape (n,), int64
        Index into ``subjects``, ``concept_names`` and ``image_names``, from 0.
    repetition : array of shape (n,), int64
        How often this subject had this image before; 0 everywhere once repetitions are averaged.
    subjects, concept_names, image_names : tuple of str
        Unique names. Not every one needs a row, so that parts of a data set keep their indices.
    averaged : int
        How many repetitions each row averages, at least.

    Raises
    ------
    RecordingError
        If lengths differ, an index is out of range, a name comes twice, or an image belongs to
        two concepts.
    """

    subject: Int64
    concept: Int64
    image: Int64
    repetition: Int64
    subjects: tuple[str, ...]
    concept_names: tuple[str, ...]
    image_names: tuple[str, ...]
    averaged: int = 1

    def __post_init__(self) -> None:
        """Copy the arrays and check them against each other."""
        for field in ("subject", "concept", "image", "repetition"):
            object.__setattr__(self, field, _indices(getattr(self, field), field))
        lengths = {len(a) for a in (self.subject, self.concept, self.image, self.repetition)}
        if len(lengths) != 1:
            raise RecordingError(
                "every row needs a subject, a concept, an image and a repetition, but "
                f"{len(self.subject)}, {len(self.concept)}, {len(self.image)} and "
                f"{len(self.repetition)} came: make the four equally long"
            )
        for column, names, what in (
            (self.subject, self.subjects, "subject"),
            (self.concept, self.concept_names, "concept"),
            (self.image, self.image_names, "image"),
        ):
            _check_names(column, names, what)
        if len(self) and self.repetition.min() < 0:
            raise RecordingError(
                f"repetitions count from 0, but {self.repetition.min()} came: correct the table"
            )
        if self.averaged < 1:
            raise RecordingError(
                f"a row averages at least 1 repetition, not {self.averaged}: correct the table"
            )
        wrong = np.flatnonzero(self.image_concept[self.image] != self.concept)
        if len(wrong):
            row = wrong[0]
            image = self.image[row]
            raise RecordingError(
                f"an image belongs to one concept, but {self.image_names[image]!r} is a "
                f"{self.concept_names[self.image_concept[image]]!r} and, in row {row}, a "
                f"{self.concept_names[self.concept[row]]!r}: correct the order of the rows"
            )

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.subject)

    @property
    def image_concept(self) -> Int64:
        """Concept of each image, array of shape (n_images,); -1 for an image without a row."""
        concepts = np.full(len(self.image_names), -1, np.int64)
        concepts[self.image[::-1]] = self.concept[::-1]  # of several rows the first counts
        return concepts

    def take(self, rows: Rows) -> TrialTable:
        """Return the table of some rows, in their order; the names stay as they are."""
        chosen = checked_rows(rows, len(self))
        return replace(
            self,
            subject=self.subject[chosen],
            concept=self.concept[chosen],
            image=self.image[chosen],
            repetition=self.repetition[chosen],
        )


def checked_rows(rows: Rows, n_rows: int) -> Int64:
    """Return row numbers as an array, or refuse what names no row.

    Raises
    ------
    ConfigError
        If a number is negative, too large or not whole. A negative one would silently count
        from the end.
    """
    chosen = np.asarray(rows)
    if chosen.ndim != 1 or (len(chosen) and chosen.dtype.kind not in "iu"):
        raise ConfigError(
            f"rows are a list of whole numbers, not {chosen.dtype} of shape {chosen.shape}"
        )
    if len(chosen) and not 0 <= chosen.min() <= chosen.max() < n_rows:
        raise ConfigError(
            f"the rows are 0 to {n_rows - 1}, but {chosen.min()} to {chosen.max()} were asked for"
        )
    return chosen.astype(np.int64)


def count_within(*columns: Int64) -> Int64:
    """Return how many rows before each one have the same values in all columns.

    Parameters
    ----------
    *columns : arrays of shape (n,)
        With subject and image: the repetition of each row.

    Returns
    -------
    array of shape (n,), int64
    """
    order = np.lexsort(columns)  # stable: equal rows stay in row order
    starts = np.zeros(len(order), bool)
    starts[:1] = True
    for column in columns:
        starts[1:] |= np.diff(column[order]) != 0
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    counts = np.empty(len(order), np.int64)
    counts[order] = np.arange(len(order)) - first
    return counts


def split_concepts(
    table: TrialTable, held_out: float | Sequence[str], seed: int = 0
) -> tuple[Int64, Int64]:
    """Divide the rows so that no concept is on both sides.

    Parameters
    ----------
    table : TrialTable
        Only concepts that have a row are divided.
    held_out : float or sequence of str
        Share of the concepts to hold out, above 0 and below 1 (rounded, at least one on either
        side), drawn by ``seed``; or the names of the concepts to hold out.
    seed : int
        Of the draw.

    Returns
    -------
    rows_train, rows_validation : arrays of int64
        Both in row order; together every row once.

    Raises
    ------
    ConfigError
        If the share is out of range, a name is unknown, or one side would be empty.
    """
    present = np.unique(table.concept)
    if isinstance(held_out, float):
        if not 0 < held_out < 1 or len(present) < 2:
            raise ConfigError(
                "the share of concepts held out lies above 0 and below 1, of at least 2 concepts, "
                f"not {held_out:g} of {len(present)}: choose another share or more concepts"
            )
        count = min(max(round(held_out * len(present)), 1), len(present) - 1)
        chosen = np.random.default_rng(seed).choice(present, count, replace=False)
    else:
        chosen = np.array([_concept(table, name) for name in held_out], np.int64)
    validation = np.isin(table.concept, chosen)
    if validation.all() or not validation.any():
        raise ConfigError(
            "both sides of the split need rows, but "
            f"{int(validation.sum())} of {len(table)} would be held out: "
            "hold out other concepts"
        )
    return np.flatnonzero(~validation), np.flatnonzero(validation)


def _concept(table: TrialTable, name: str) -> int:
    if name not in table.concept_names:
        first = ", ".join(table.concept_names[:3])
        raise ConfigError(
            f"no concept {name!r} among the data set's {len(table.concept_names)}: "
            f"they begin with {first}"
        )
    return table.concept_names.index(name)


def _indices(values: Int64, what: str) -> Int64:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise RecordingError(
            f"the {what}s of a table are whole numbers of shape (n,), not {array.dtype} of "
            f"shape {array.shape}"
        )
    return frozen(array.astype(np.int64))


def _check_names(column: Int64, names: tuple[str, ...], what: str) -> None:
    if len(set(names)) != len(names):
        repeated, count = Counter(names).most_common(1)[0]
        raise RecordingError(
            f"{what} names must differ, but {repeated!r} comes {count} times: rename all but one"
        )
    if len(column) and not 0 <= column.min() <= column.max() < len(names):
        raise RecordingError(
            f"{what} numbers are 0 to {len(names) - 1}, but {column.min()} to {column.max()} came: "
            f"name every {what}"
        )
