"""How trials are split to judge a decoder before it is used.

Forward in time where the same few concepts are shown again and again: a fold is tested on a run
of trials and trained on everything before it, as live use will be. By concept where there are
many: a fold is tested on concepts that its training never saw, because that is what a gallery is
for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import CalibrationError

Rows = NDArray[np.intp]
MANY_CONCEPTS = 20
LEAST_IN_RUN = 10  # trials, with which an encoder can be fitted at all


def split_kind(labels: Sequence[str]) -> str:
    """Return "concept" from :data:`MANY_CONCEPTS` distinct labels on, else "time"."""
    return "concept" if len(set(labels)) >= MANY_CONCEPTS else "time"


def folds(labels: Sequence[str], n_folds: int, seed: int) -> Iterator[tuple[Rows, Rows]]:
    """Yield (training trials, test trials) of each fold.

    Parameters
    ----------
    labels : sequence of str, length n_trials
        Concept of each trial, in the order of time.
    n_folds : int
        How many; splitting by time, the first of ``n_folds + 1`` runs is only trained on.
    seed : int
        Draws the groups of concepts; splitting by time draws nothing.

    Raises
    ------
    CalibrationError
        If there are fewer trials than leave ten in each run, or the first run, on which the
        first fold is trained alone, shows one concept only.
    """
    n_trials = len(labels)
    if n_trials < LEAST_IN_RUN * (n_folds + 1):
        raise CalibrationError(
            f"{n_folds} folds need at least {LEAST_IN_RUN * (n_folds + 1)} good trials, but there "
            f"are {n_trials}: record more, or ask for fewer with --folds"
        )
    trials = np.arange(n_trials)
    if split_kind(labels) == "time":
        runs = np.array_split(trials, n_folds + 1)
        first = {labels[i] for i in runs[0]}
        if len(first) < 2:
            raise CalibrationError(
                f"the first {len(runs[0])} trials, on which the first of {n_folds} folds is "
                f"trained, should show several concepts, but show only '{first.pop()}': mix them, "
                "or ask for fewer with --folds"
            )
        for i in range(1, n_folds + 1):
            yield np.concatenate(runs[:i]), runs[i]
        return
    concepts = np.array(sorted(set(labels)))
    np.random.default_rng(seed).shuffle(concepts)
    for held_out in np.array_split(concepts, n_folds):
        tested = np.isin(labels, held_out)
        yield trials[~tested], trials[tested]
