"""What several presentations of a concept say together: their evidence, added up.

Not averages of epochs, which no live session has, but what evidence accumulation does live: each
presentation is decoded alone, and log-probabilities are added. So every number beyond one is named.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.calibration.report.contents import Repeated
from saccade.calibration.report.measures import Rows, measures, ordered
from saccade.calibration.verdict_facts import MeasureName
from saccade.models.evaluation.trials import doubling
from saccade.realtime.types import Float64

LEAST_GROUPS = 20  # fewer give intervals that say nothing


def repeated(
    evidence: Float64,
    among: NDArray[np.bool_],
    shown: Rows,
    decoder: Rows,
    seed: int,
    first_of: MeasureName,
) -> tuple[Repeated, ...]:
    """Return accuracy with the evidence of 1, 2, 4, … presentations of a concept added up.

    Parameters
    ----------
    evidence : array of shape (n, n_gallery)
        Log-probabilities of held-out trials, up to a constant a trial.
    among : array of shape (n, n_gallery), bool
        The concepts that each trial could have been taken for.
    shown : array of shape (n,), int
        Row of each trial's concept.
    decoder : array of shape (n,), int
        Which decoder has answered; only answers of the same one are added up.
    seed : int
        Draws which presentations of a concept go together; no presentation is used twice.
    first_of : {"top1", "top5", "auc"}
        The measure that comes first.

    Returns
    -------
    tuple of Repeated
        Empty where no concept was shown often enough for more than single trials.
    """
    order = np.random.default_rng(seed).permutation(len(shown))
    of_one = [
        order[(decoder[order] == number) & (shown[order] == row)]
        for number, row in sorted(set(zip(decoder.tolist(), shown.tolist(), strict=True)))
    ]
    found = []
    for k in doubling(max(map(len, of_one))):
        groups = np.array(
            [own[start : start + k] for own in of_one for start in range(0, len(own) - k + 1, k)]
        )
        if len(groups) < LEAST_GROUPS:
            break
        first = groups[:, 0]
        figures = measures(evidence[groups].sum(axis=1), among[first], shown[first])
        found.append(Repeated(k, ordered(figures, first_of)))
    return tuple(found) if len(found) > 1 else ()
