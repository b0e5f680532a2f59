"""How much a trial tells, in bits: the figure in which different galleries can be compared.

Top-1 accuracy is blind to everything below the first place. Information counts how far the
whole ranking narrows the choice, adds up over independent trials, and has a ceiling that an
ideal observer reaches.
"""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from saccade.models.data.table import Int64
from saccade.models.evaluation.probability import fit_temperature
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64

FOLDS = 5
MOST_FITTED = 2000  # trials a fold's one number is fitted on


def bits(scores: Float32, shown: Int64, unit: Int64, seed: int) -> Float64:
    """Return what each trial told about what was shown, in bits.

    It is log2 of the number of candidates plus log2 of the probability the decoder gave to the
    right one; negative where it was surely wrong. Probabilities are the softmax of the scores
    over a temperature, fitted on the other folds' trials only. As no trial had a say in its own
    probabilities, the mean is a lower bound of the mutual information between signal and
    candidate, when every candidate is shown as often (Barber and Agakov, 2003, The IM algorithm):
    better use of the same scores may find more, never less.

    Parameters
    ----------
    scores : array of shape (n, G)
        Cosines.
    shown : array of shape (n,), int64
        Column of the right one.
    unit : array of shape (n,), int64
        What must not be on both sides of a fold: the concept, or, of a few fixed classes, the
        trial. At least 2 different ones.
    seed : int
        Of the 5 folds.

    Returns
    -------
    array of shape (n,), float64
        At most log2 G each.

    Raises
    ------
    CalibrationError
        If there are not two units, or scores are not finite.
    """
    distinct, number = np.unique(unit, return_inverse=True)
    if len(distinct) < 2:
        raise CalibrationError(
            "information is measured with a temperature fitted on other concepts, but all "
            f"{len(shown)} trials are of one: test on more"
        )
    rng = np.random.default_rng(seed)
    fold = (rng.permutation(len(distinct)) % FOLDS)[number.reshape(-1)]
    told = np.empty(len(shown))
    for held_out in np.unique(fold):
        others = rng.permutation(np.flatnonzero(fold != held_out))[:MOST_FITTED]
        temperature = fit_temperature(scores[others], shown[others].tolist())
        rows = np.flatnonzero(fold == held_out)
        log_p = log_softmax(scores[rows].astype(np.float64) / temperature, axis=1)
        told[rows] = log_p[np.arange(len(rows)), shown[rows]]
    return np.asarray(np.log2(scores.shape[1]) + told / np.log(2))
