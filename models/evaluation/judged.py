"""An encoder's answers to its test trials, one by one: what all its figures are made of."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from saccade.models.data.table import Int64
from saccade.models.evaluation.embedding import Embed
from saccade.models.evaluation.ranking import similarities
from saccade.models.evaluation.trials import Candidates, Trials
from saccade.realtime.types import Float32


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Scores of trials, or of averages of several, with what they are of.

    Parameters
    ----------
    scores : array of shape (n, G), float32
        Cosine of each prediction with each candidate.
    shown : array of shape (n,), int64
        Row of the candidate that was shown.
    subject : array of shape (n,), int64
        The person.
    repetitions : int
        Presentations each of the n averages; 1 for single trials.
    concept : array of shape (n,), int64
        The concept that was shown; as in :class:`~saccade.models.evaluation.trials.Trials`.
    """

    scores: Float32
    shown: Int64
    subject: Int64
    repetitions: int
    concept: Int64 = field(default_factory=lambda: np.empty(0, np.int64))

    def __post_init__(self) -> None:
        """Take each candidate for a concept of its own where nobody said otherwise."""
        if not len(self.concept):
            object.__setattr__(self, "concept", self.shown)


def judge(trials: Trials, candidates: Candidates, embed: Embed, size: int, seed: int) -> Judged:
    """Return an encoder's scores of averages of repetitions.

    Parameters
    ----------
    trials : Trials
        What was shown.
    candidates : Candidates
        All are ranked.
    embed : callable
        As of :class:`saccade.models.evaluation.embedding.Averaging`.
    size : int
        How many trials are averaged, in disjoint random groups of one picture and one person.
    seed : int
        Of the groups: the same for two encoders that are compared.

    Raises
    ------
    CalibrationError
        If no picture has so many repetitions, or vectors do not fit the candidates or are not
        finite.
    """
    groups = trials.groups(size, seed)
    first = np.array([group[0] for group in groups])
    return Judged(
        similarities(embed(groups), candidates.vectors),
        trials.shown[first],
        trials.subject[first],
        size * trials.averaged,
        trials.concept[first],
    )
