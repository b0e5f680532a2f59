"""What is measured of single trials, each with n, interval and the chance that belongs to it."""

from __future__ import annotations

import collections
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from saccade.calibration.folds import MANY_CONCEPTS
from saccade.calibration.verdict_facts import Figure, MeasureName
from saccade.models.evaluation.accuracy import auc, auc_interval, wilson
from saccade.models.evaluation.new_concepts import new_concept_interval
from saccade.models.evaluation.ranking import ranks
from saccade.realtime.types import Float64

TOP: dict[MeasureName, int] = {"top1": 1, "top5": 5}
FEW_CANDIDATES = 20  # from here on, the first place is too rare to be judged by
Rows = NDArray[np.intp]


def measures(
    scores: Float64,
    among: NDArray[np.bool_],
    shown: Rows,
    projections: Float64 | None = None,
) -> dict[MeasureName, Figure]:
    """Return top-1, top-5, and of two shown concepts the area under the ROC curve.

    Parameters
    ----------
    scores : array of shape (n, n_gallery)
        The higher, the likelier.
    among : array of shape (n, n_gallery), bool
        The concepts that each trial could have been taken for.
    shown : array of shape (n,), int
        Row of each trial's concept, which is among them.
    projections : array of shape (n, n_gallery), or None
        By how much the area's trials are of one concept rather than the other; None for the
        scores.

    Returns
    -------
    dict of str to Figure
        Without top-5 where it is always right, and without an area where it has no interval.
        The interval is for other trials or, where a trial is ranked among some of the gallery,
        which are new to the decoder, for other concepts, too.
        Chance is that of guessing among the candidates, or among the concepts that are shown
        where these are few; for top-1 it is what naming the commonest one gives, if that is more.
    """
    possible = np.where(among, scores, -np.inf)
    places = ranks(possible, shown)
    counts = collections.Counter(shown.tolist())
    few = len(counts) < MANY_CONCEPTS
    candidates = among.sum(axis=1)
    guessed_among = np.minimum(candidates, len(counts)) if few else candidates
    n = len(shown)
    found: dict[MeasureName, Figure] = {}
    for name, top in TOP.items():
        chance = float(np.minimum(1.0, top / guessed_among).mean())
        if top == 1 and few:
            chance = max(chance, max(counts.values()) / n)
        if chance < 1:
            hits = int((places <= top).sum())
            told = f"top-{top} of {round(float(candidates.mean()))}"
            of_new = not among.all()
            ends = new_concept_interval(scores, among, shown, top) if of_new else wilson(hits, n)
            found[name] = Figure(told, hits / n, *ends, n, chance)
    if len(counts) == 2 and min(counts.values()) > 1:
        one, other = sorted(counts)
        judged = scores if projections is None else projections
        contrast, first = judged[:, one] - judged[:, other], shown == one
        low, high = auc_interval(contrast, first)
        found["auc"] = Figure("AUC", auc(contrast, first), low, high, n, 0.5)
    return found


def judged_by(
    wanted: Literal["auto", "top1", "top5", "auc"],
    found: dict[MeasureName, Figure],
    n_possible: int,
) -> MeasureName:
    """Return the measure that is judged.

    Parameters
    ----------
    wanted : {"auto", "top1", "top5", "auc"}
        As in :class:`~saccade.calibration.verdict_facts.VerdictSettings`. One that can't be
        measured (a top-5 of four, an area of three concepts) gives way to what "auto" takes.
    found : dict of str to Figure
        Those that were measured.
    n_possible : int
        How many concepts a trial can be of, as far as is known.
    """
    if wanted != "auto" and wanted in found:
        return wanted
    if "auc" in found:
        return "auc"
    return "top5" if n_possible >= FEW_CANDIDATES and "top5" in found else "top1"


def ordered(found: dict[MeasureName, Figure], first: MeasureName) -> tuple[Figure, ...]:
    """Return the figures, one of them first if it is there."""
    return tuple(found[name] for name in sorted(found, key=lambda name: name != first))
