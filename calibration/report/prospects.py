"""What the decoder that learned from all trials will do: its learning curve and its promises.

Both come from the same answers of decoders that learned from fewer trials, the learning curve
among the candidates by which a session is judged, the promises among the whole gallery, as live.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from saccade.calibration.choose import Calibrated
from saccade.calibration.collect import Trials
from saccade.calibration.fit_progress import FitProgress, Teller
from saccade.calibration.folds import Timeline
from saccade.calibration.learning_curve import Judged, fit_curve
from saccade.calibration.promise import Concepts, Outlook, outlook
from saccade.calibration.report.contents import Growth
from saccade.calibration.report.measures import TOP
from saccade.calibration.training_sizes import (
    Session,
    Sitting,
    judged_auc,
    judged_hits,
    sittings,
)
from saccade.calibration.verdict_facts import Figure, MeasureName
from saccade.models.evaluation.accuracy import wilson
from saccade.models.evaluation.bootstrap import LEAST, Bootstrap, Resampling
from saccade.models.galleries.gallery import Gallery

SHORTEST, AHEAD = 10, 3.0  # trials from which, and times the present ones to which, it is drawn
ALIKE = 1.15  # numbers of training trials that differ by less are one point
ROUND = (
    *(0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4),
    *(0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.99),
)


@dataclass(frozen=True, slots=True)
class Prospects:
    """The learning curve of the judged measure, and what is promised live."""

    growth: Growth
    outlooks: tuple[Outlook, ...]


def prospects(
    trials: Trials,
    gallery: Gallery,
    calibrated: Calibrated,
    held_out: Figure,
    measure: MeasureName,
    target: float | None,
    progress: Callable[[FitProgress], None] | None = None,
) -> Prospects:
    """Return what the decoder will do.

    Parameters
    ----------
    trials : Trials
        The session.
    gallery : Gallery
        What is chosen from.
    calibrated : Calibrated
        What was fitted to it.
    held_out : Figure
        What is judged, as it was measured.
    measure : {"top1", "top5", "auc"}
        Which that is.
    target : float or None
        Which it is to reach; None for the next round number.
    progress : callable or None
        Told how far the fits of the learning curve have come.
    """
    rows = np.array([gallery.row(label) for label in trials.labels])
    kept_out = [gallery.row(name) for name in calibrated.kept_out]
    session = Session(
        trials.data,
        rows,
        ~np.isin(rows, kept_out),
        gallery,
        Timeline(trials.runs, trials.onsets_s, trials.epochs.tmax_s - trials.epochs.tmin_s),
        calibrated.refit if calibrated.quick else None,
    )
    n_trials = calibrated.n_trials
    own: Concepts = "unseen" if calibrated.by_concept else "seen"
    teller = Teller(progress)
    sat = {own: sittings(calibrated.of_chosen, session, teller)}
    if calibrated.known is not None:
        sat["seen"] = sittings(calibrated.known, session, teller)
    # What is done with new concepts grows with how many concepts were learned, which no fold tells:
    # it is promised only where every trial brings a concept of its own.
    live: Concepts = "seen" if "seen" in sat else own
    judged = judged_auc(sat[own]) if measure == "auc" else judged_hits(sat[own], TOP[measure])
    n_shown = len(set(rows[session.trainable].tolist())) if own == "seen" else None
    return Prospects(
        _growth(judged, held_out, own, target, n_trials),
        tuple(promised for promised in _outlooks(sat[live], n_trials, live, n_shown)),
    )


def _growth(
    judged: Judged, held_out: Figure, concepts: Concepts, target: float | None, n_trials: int
) -> Growth:
    curve = fit_curve(judged)
    drawn = np.geomspace(SHORTEST, AHEAD * n_trials, 40).round().astype(int).tolist()
    aim = next_round(curve.at(n_trials).expected) if target is None else target
    return Growth(
        held_out.name,
        concepts,
        held_out.chance,
        _points(judged, held_out, over_concepts=concepts == "unseen"),
        tuple((n, curve.at(n)) for n in sorted({*drawn, n_trials})),
        n_trials,
        curve.more_for(aim, n_trials),
    )


def next_round(share: float) -> float:
    """Return the next round number that an accuracy may aim at, a tenth or more above it."""
    return next((step for step in ROUND if step >= 1.1 * share), ROUND[-1])


def _points(
    judged: Judged, held_out: Figure, *, over_concepts: bool
) -> tuple[tuple[int, Figure], ...]:
    """Return what was measured, numbers of trials that are nearly alike put together.

    Intervals are for other concepts, where these are new to the decoder, else for other trials.
    """
    sizes = np.unique(judged.trained_on)
    points = []
    for near in np.split(sizes, np.flatnonzero(sizes[1:] > ALIKE * sizes[:-1]) + 1):
        mine = np.isin(judged.trained_on, near)
        n, share = int(mine.sum()), float(judged.right[mine].mean())
        low, high = wilson(share * n, n)
        concept = judged.concept[mine].astype(np.int64)
        if over_concepts and len(np.unique(concept)) >= LEAST:
            drawn = Bootstrap(concept, np.zeros(n, np.int64), Resampling("concepts"))
            low, high = drawn.measure(judged.right[mine], held_out.chance).ci95
        figure = replace(held_out, value=share, low=low, high=high, n=n)
        points.append((round(float(judged.trained_on[mine].mean())), figure))
    return tuple(points)


def _outlooks(
    sat: Sequence[Sitting], n_trials: int, concepts: Concepts, n_shown: int | None
) -> list[Outlook]:
    """Return what is promised of the first place, and of the first five where these say something.

    ``n_shown`` is how many concepts a trial can be of, where these are few.
    """
    live = [replace(sitting, answers=sitting.answers.among_all()) for sitting in sat]
    n_gallery = live[0].answers.among.shape[1]
    found = []
    for top in TOP.values():
        if top < min(n_gallery, n_shown or n_gallery):
            judged = judged_hits(live, top)
            found.append(outlook(judged, fit_curve(judged), n_trials, concepts, n_shown))
    return found


def promised(outlooks: Sequence[Outlook]) -> dict[str, Any]:
    """Return what a decoder file keeps of its promises, for its ``calibration``."""
    return {"promise": [one.to_dict() for one in outlooks]}
