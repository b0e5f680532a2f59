"""Whether one encoder beats another, on the same trials.

Intervals of two accuracies may overlap although one encoder is surely better: both find the same
concepts hard. The difference is therefore taken trial by trial, and its own interval decides.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from saccade.models.evaluation.bootstrap import Bootstrap, Measured, Resampling
from saccade.models.evaluation.information import bits
from saccade.models.evaluation.judged import Judged
from saccade.models.evaluation.ranking import ranks
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64


@dataclass(frozen=True, slots=True)
class Comparison:
    """One encoder's figures less another's, paired by trial.

    Parameters
    ----------
    repetitions : int
        Presentations an epoch averages.
    top1, top5, bits : Measured
        Differences, positive where the first does better; chance is 0. Where an interval holds
        no 0, the difference is more than the draw of what ``intervals_over`` names explains.
    intervals_over : str
        What was drawn anew.
    """

    repetitions: int
    top1: Measured
    top5: Measured
    bits: Measured
    intervals_over: str


def compare(one: Judged, other: Judged, resampling: Resampling | None = None) -> Comparison:
    """Return by how much ``one`` does better than ``other``.

    Parameters
    ----------
    one, other : Judged
        Of the same groups of trials (the same seed) and galleries of the same concepts in the
        same order; the galleries' vectors may differ.
    resampling : Resampling or None
        How intervals are made; None for the defaults.

    Raises
    ------
    CalibrationError
        If the two were not judged on the same trials and candidates.
    """
    settings = resampling or Resampling()
    if (
        one.scores.shape != other.scores.shape
        or one.repetitions != other.repetitions
        or (one.shown != other.shown).any()
        or (one.subject != other.subject).any()
        or (one.concept != other.concept).any()
    ):
        raise CalibrationError(
            "encoders are compared on the same trials and candidates, but "
            f"{_said(one)} and {_said(other)} came, not all the same: judge both with one seed"
        )
    bootstrap = Bootstrap(one.concept, one.subject, settings)
    first, second = _figures(one, settings), _figures(other, settings)
    top1, top5, told = (bootstrap.difference(a, b) for a, b in zip(first, second, strict=True))
    return Comparison(one.repetitions, top1, top5, told, bootstrap.drawn)


def _figures(judged: Judged, settings: Resampling) -> tuple[Float64, Float64, Float64]:
    """Return, trial by trial, whether it was first, among the first five, and the bits it told."""
    places = ranks(judged.scores, judged.shown)
    unit = np.arange(len(places)) if settings.over == "trials" else judged.concept
    told = bits(judged.scores, judged.shown, unit, settings.seed)
    return (places == 1).astype(np.float64), (places <= 5).astype(np.float64), told


def _said(judged: Judged) -> str:
    n, n_candidates = judged.scores.shape
    return f"{n} averages of {judged.repetitions} among {n_candidates}"
