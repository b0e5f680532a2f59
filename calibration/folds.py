"""How trials are split to judge a decoder before it is used: forward in time, as it will live.

The session is cut into parts. Each part but the first is decoded by what was trained on the parts
before it, so that no trial of a later block comes before an earlier one, and neither does a trial
whose window reaches into the part. Where many concepts are shown, a gallery is to find those, too,
that training never saw: then a part is decoded several times, each time without one group of the
concepts in training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

MANY_CONCEPTS = 20
GROUPS = 3  # of concepts; a part of the session is decoded once without each
FIRST = 0.4  # share of the trials that is only trained on
LEAST_FIRST = 20  # trials there, with which an encoder can be fitted at all
LEAST_IN_PART = 5


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """When trials were shown.

    Parameters
    ----------
    runs : array of shape (n_trials,), intp
        Number of each trial's run, never falling.
    onsets_s : array of shape (n_trials,), float64
        Time of its marker on the clock of its run.
    reach_s : float
        Length of an epoch's window: trials of a run that follow each other faster share samples.
    """

    runs: Rows
    onsets_s: Float64
    reach_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """What is trained on, and what is decoded then.

    Parameters
    ----------
    part : int
        Which part of the session is decoded, from 1.
    group : int
        Which group of concepts is left out of training; 0 where none is.
    train, test : array of shape (n,), intp
        Numbers of the trials; tested is the whole part.
    new, known : array of shape (n_test,), bool
        Which trials this fold decodes as of a concept that was not trained on, and which as of one
        that was; where there are groups, each trial of the part once so and once so.
    kept_out : array of shape (n_test,), bool
        Which trials are of a concept that is never trained on.
    rivals : array of shape (m,), intp
        Trials of the whole session whose concepts a new trial is ranked among; empty for the
        whole gallery.
    """

    part: int
    group: int
    train: Rows
    test: Rows
    new: Mask
    known: Mask
    kept_out: Mask
    rivals: Rows


def split_kind(labels: Sequence[str]) -> str:
    """Return "concept" from :data:`MANY_CONCEPTS` distinct labels on, else "time"."""
    return "concept" if len(set(labels)) >= MANY_CONCEPTS else "time"


def folds(
    labels: Sequence[str],
    n_parts: int,
    seed: int,
    timeline: Timeline | None = None,
    kept_out: Sequence[str] = (),
) -> list[Fold]:
    """Return the folds, those of an earlier part first.

    Parameters
    ----------
    labels : sequence of str, length n_trials
        Concept of each trial, in the order of time.
    n_parts : int
        How many parts are decoded; before the first of them, two fifths of the trials are only
        trained on. Cuts are moved to the nearest end of a run, where that is near.
    seed : int
        Draws the groups of concepts; with few concepts nothing is drawn.
    timeline : Timeline or None
        When the trials were; None for one run in which no windows overlap.
    kept_out : sequence of str
        Concepts that are never trained on.

    Raises
    ------
    CalibrationError
        If there are too few trials, or the first part shows one concept only.
    """
    n_trials = len(labels)
    needed = max(LEAST_FIRST / FIRST, LEAST_IN_PART * n_parts / (1 - FIRST))
    if n_trials < needed:
        raise CalibrationError(
            f"{n_parts} folds need at least {int(np.ceil(needed))} good trials, but there are "
            f"{n_trials}: record more"
            + (", or ask for fewer with --folds" if n_trials >= LEAST_FIRST / FIRST else "")
        )
    names = np.asarray(labels)
    trainable = ~np.isin(names, list(kept_out))
    group = np.zeros(n_trials, dtype=np.intp)
    zero_shot = split_kind(labels) == "concept"
    if zero_shot:
        concepts = np.array(sorted(set(labels)))
        group = _drawn(len(concepts), seed)[np.searchsorted(concepts, names)]
    edges = _edges(n_trials, n_parts, timeline)
    first = set(names[: edges[0]][trainable[: edges[0]]].tolist())
    if len(first) < 2:
        raise CalibrationError(
            f"the first {edges[0]} trials, on which the first of {n_parts} folds is trained, "
            f"should show several concepts, but show {_only(first)}: mix them when recording"
        )
    made = []
    for part, (start, stop) in enumerate(zip(edges, [*edges[1:], n_trials], strict=True), 1):
        test = np.arange(start, stop)
        before = trainable & clear_of(start, n_trials, timeline)
        for number in range(GROUPS) if zero_shot else (None,):
            train = np.flatnonzero(before & (group != number))
            unseen, apart = ~np.isin(names[test], names[train]), ~trainable[test]
            if number is None:
                made.append(Fold(part, 0, train, test, unseen, ~unseen, apart, test[:0]))
                continue
            rivals = np.flatnonzero(group == number)
            known = ~unseen & (group[test] == (number + 1) % GROUPS)
            new = group[test] == number
            made.append(Fold(part, number, train, test, new, known, apart, rivals))
    return made


def _drawn(n_concepts: int, seed: int) -> Rows:
    """Return the group of each concept; groups are of one size, give or take one."""
    return np.random.default_rng(seed).permutation(n_concepts) % GROUPS


def _edges(n_trials: int, n_parts: int, timeline: Timeline | None) -> list[int]:
    """Return where the parts that are decoded begin, at the ends of runs where these are near."""
    share = (1 - FIRST) / n_parts
    edges = [round(n_trials * (FIRST + part * share)) for part in range(n_parts)]
    if timeline is None:
        return edges
    starts = np.flatnonzero(np.diff(timeline.runs)) + 1
    moved: list[int] = []
    for edge in edges:
        near = starts[np.abs(starts - edge) <= n_trials * share / 3] if len(starts) else starts
        moved.append(int(near[np.argmin(np.abs(near - edge))]) if len(near) else edge)
    return moved


def clear_of(start: int, n_trials: int, timeline: Timeline | None) -> Mask:
    """Return which trials come before a part and share no sample with it."""
    clear = np.arange(n_trials) < start
    if timeline is None:
        return clear
    runs, onsets_s = timeline.runs, timeline.onsets_s
    reaching = (runs == runs[start]) & (onsets_s > onsets_s[start] - timeline.reach_s)
    return np.asarray(clear & ~reaching)


def _only(concepts: set[str]) -> str:
    return f"only '{next(iter(concepts))}'" if concepts else "none that may be trained on"
