"""What is judged: which candidate each trial showed, and which trials may be averaged.

Repetitions are averaged before the encoder, as epochs, because that is what the field does and
because vectors of an encoder that is not linear average to something else. Only trials of the
same person and the same picture are repetitions of each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from saccade.models.data.table import Int64, TrialTable
from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_names import rows_by_name
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, frozen

Groups = Sequence[Int64]
"""Rows of trials; each array is one group, whose epochs are averaged."""

UNIT = 1e-3  # how far a candidate's length may be from 1


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """What a trial is told apart from, in the space where it is compared.

    Parameters
    ----------
    vectors : array of shape (G, D), float32
        Of unit length; G at least 2. Centred or projected as the encoder was trained for.
    names : tuple of str, length G
        One a row.
    kind : str
        What a row stands for ("image", "prototype", "text", …): the same encoder scores
        differently against each.
    groups : tuple of str, length G, or None
        Category of each row, for the confusion between them.
    simulated : bool
        True where the gallery was made up.

    Raises
    ------
    CalibrationError
        If sizes contradict each other or a vector is not of unit length.
    """

    vectors: Float32
    names: tuple[str, ...]
    kind: str
    groups: tuple[str, ...] | None = None
    simulated: bool = False

    def __post_init__(self) -> None:
        """Refuse what can't be ranked."""
        if self.vectors.ndim != 2 or len(self.vectors) < 2 or len(self.names) != len(self.vectors):
            raise CalibrationError(
                "candidates are vectors of shape (G, D), G at least 2, with one name each, but "
                f"{self.vectors.shape} came with {len(self.names)} names"
            )
        if self.groups is not None and len(self.groups) != len(self.names):
            raise CalibrationError(
                f"{len(self.names)} candidates need as many groups, but {len(self.groups)} came: "
                "give every row a group, or none"
            )
        lengths = np.linalg.norm(self.vectors.astype(np.float64), axis=1)
        wrong = np.flatnonzero(~(np.abs(lengths - 1) < UNIT))  # NaN is not below either
        if len(wrong):
            raise CalibrationError(
                f"candidates must have unit length, but {len(wrong)} of {len(lengths)} have not "
                f"(first: {self.names[wrong[0]]!r}, {lengths[wrong[0]]:.3g}): centre and "
                "normalise the gallery, as Gallery.centred does"
            )

    @classmethod
    def of(cls, gallery: Gallery, centre: Float32 | None = None) -> Candidates:
        """Return a gallery's rows as they are compared.

        Parameters
        ----------
        gallery : Gallery
            All of it is chosen from.
        centre : array of shape (D,), or None
            As for :meth:`~saccade.models.galleries.gallery.Gallery.centred`; zeros leave it
            uncentred.
        """
        return cls(
            gallery.centred(centre), gallery.names, gallery.kind, gallery.groups, gallery.simulated
        )

    def __len__(self) -> int:
        """Return the number of candidates."""
        return len(self.vectors)


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Test trials, in the order of their signals.

    The arrays are copied and read-only.

    Parameters
    ----------
    shown : array of shape (n,), int64
        Row of the candidate each trial showed.
    stimulus : array of shape (n,), int64
        The picture. Trials of one stimulus and one subject are repetitions.
    subject : array of shape (n,), int64
        The person, as an index into ``subjects``.
    subjects : tuple of str
        Names of the persons.
    averaged : int
        How many presentations each row averages already; 1 for single trials.
    concept : array of shape (n,), int64
        The concept that was shown, which several candidates may be pictures of. Empty where
        each candidate is a concept of its own.

    Raises
    ------
    CalibrationError
        If there is no trial, lengths differ, a stimulus shows two candidates, or a candidate is of
        two concepts.
    """

    shown: Int64
    stimulus: Int64
    subject: Int64
    subjects: tuple[str, ...]
    averaged: int = 1
    concept: Int64 = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        """Copy the arrays and check them against each other."""
        if not len(self.concept):
            object.__setattr__(self, "concept", self.shown)
        for name in ("shown", "stimulus", "subject", "concept"):
            object.__setattr__(self, name, frozen(np.array(getattr(self, name), np.int64)))
        lengths = [len(self.shown), len(self.stimulus), len(self.subject), len(self.concept)]
        if min(lengths) == 0 or len(set(lengths)) > 1:
            raise CalibrationError(
                "an evaluation needs at least 1 trial with a candidate, a stimulus, a subject and "
                f"a concept each, but {', '.join(map(str, lengths))} came"
            )
        if not 0 <= self.subject.min() <= self.subject.max() < len(self.subjects):
            raise CalibrationError(
                f"subjects are numbered 0 to {len(self.subjects) - 1}, but {self.subject.min()} "
                f"to {self.subject.max()} came: name every person"
            )
        _check_one("stimulus shows one candidate", self.stimulus, self.shown)
        _check_one("candidate is of one concept", self.shown, self.concept)

    @classmethod
    def of(cls, table: TrialTable, candidates: Candidates) -> Trials:
        """Return the trials of a data set, matched to candidates by name.

        Parameters
        ----------
        table : TrialTable
            Its images are looked up among the candidates' names; where they are not all there,
            its concepts (:func:`saccade.models.galleries.gallery_names.rows_by_name`).
        candidates : Candidates
            May hold more than was shown.

        Raises
        ------
        GalleryError
            If something was shown that is no candidate.
        """
        images = [table.image_names[index] for index in table.image]
        concepts = [table.concept_names[index] for index in table.concept]
        return cls(
            shown=np.array(rows_by_name(candidates.names, (images, concepts)), np.int64),
            stimulus=table.image,
            subject=table.subject,
            subjects=table.subjects,
            averaged=table.averaged,
            concept=table.concept,
        )

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.shown)

    def repetitions(self) -> Int64:
        """Return how many trials there are of each picture and person, in order of both."""
        return np.asarray(np.unique(self._pairs(), axis=1, return_counts=True)[1])

    def groups(self, size: int, seed: int) -> list[Int64]:
        """Return disjoint random groups of repetitions.

        Parameters
        ----------
        size : int
            Trials a group, at least 1. What is left over of a picture, and pictures with fewer
            repetitions, are not used.
        seed : int
            Of the draw; at least 0.

        Returns
        -------
        list of int64 arrays of shape (size,)
            Row numbers, picture by picture. For a size of 1, every trial in its own order.

        Raises
        ------
        CalibrationError
            If no picture was repeated that often.
        """
        if size == 1:
            return list(np.arange(len(self))[:, None])
        most = int(self.repetitions().max())
        if not 1 <= size <= most:
            raise CalibrationError(
                f"groups of 1 to {most} repetitions can be averaged, not {size}: no picture was "
                "shown more often to one person"
            )
        rng = np.random.default_rng([seed, size])
        _, pair = np.unique(self._pairs(), axis=1, return_inverse=True)
        shuffled = rng.permutation(len(self))
        by_pair = shuffled[np.argsort(pair.reshape(-1)[shuffled], kind="stable")]
        parts = np.split(by_pair, np.cumsum(self.repetitions())[:-1])
        return [
            rows[start : start + size]
            for rows in parts
            for start in range(0, len(rows) - size + 1, size)
        ]

    def _pairs(self) -> Int64:
        return np.stack([self.subject, self.stimulus])


def _check_one(rule: str, numbers: Int64, belonging: Int64) -> None:
    """Refuse a number to which two others belong."""
    pairs = np.unique(np.stack([numbers, belonging]), axis=1)
    twice = np.flatnonzero(np.diff(pairs[0]) == 0)
    if len(twice):
        first = twice[0]
        raise CalibrationError(
            f"a {rule}, but number {pairs[0, first]} came with {pairs[1, first]} and "
            f"{pairs[1, first + 1]}: correct the rows"
        )


def doubling(most: int) -> tuple[int, ...]:
    """Return 1, 2, 4, … and, last, ``most`` itself: the repetitions a curve is drawn over."""
    return (*(2**power for power in range(most.bit_length()) if 2**power < most), most)
