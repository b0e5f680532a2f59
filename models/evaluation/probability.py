"""From scores to probabilities that mean what they say.

Scores of different decoders live on different scales and are no confidence. One number, the
temperature, is fitted on trials the encoder has not seen, so that among predictions given with
probability p a share p is right.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64

COLDEST, HOTTEST = 1e-3, 1e3
"""Range of temperatures. At 1e3 cosines give equal probabilities to three digits."""


def softmax(scores: Float32 | Float64, temperature: float) -> Float64:
    """Return the probability of each concept.

    Parameters
    ----------
    scores : array of shape (..., n_gallery)
        Cosines.
    temperature : float
        Above 0; the lower, the more sure.

    Returns
    -------
    array of shape (..., n_gallery), float64
        Sums to 1 over the last axis.
    """
    log_p = log_softmax(np.asarray(scores, dtype=np.float64) / temperature, axis=-1)
    return np.asarray(np.exp(log_p))


def fit_temperature(scores: Float32 | Float64, rows: Sequence[int]) -> float:
    """Return the temperature under which held-out trials are most probable.

    Parameters
    ----------
    scores : array of shape (n_trials, n_gallery)
        Cosines of trials the encoder was not trained on.
    rows : sequence of int, length n_trials
        Row of the concept that was shown.

    Returns
    -------
    float
        Between 0.001 and 1000; near the upper end the scores say nothing about what was shown.

    Raises
    ------
    CalibrationError
        If there is no trial, or scores and rows don't fit.
    """
    true_rows = _check(scores, rows)
    trials = np.arange(len(true_rows))
    doubles = np.asarray(scores, dtype=np.float64)

    def surprise(log_temperature: float) -> float:
        """Return the mean negative log-likelihood, which has one minimum over log T."""
        log_p = log_softmax(doubles / np.exp(log_temperature), axis=1)
        return -float(log_p[trials, true_rows].mean())

    bounds = (np.log(COLDEST), np.log(HOTTEST))
    found = minimize_scalar(surprise, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    return float(np.exp(found.x))


def _check(scores: Float32 | Float64, rows: Sequence[int]) -> NDArray[np.intp]:
    """Return the rows as an array, or refuse."""
    true_rows = np.asarray(rows, dtype=np.intp)
    if scores.ndim != 2 or len(scores) == 0 or true_rows.shape != (len(scores),):
        raise CalibrationError(
            "scores of shape (n_trials, n_gallery) with one row number a trial are expected, at "
            f"least 1 trial, but {scores.shape} came with {true_rows.size} rows"
        )
    if true_rows.min() < 0 or true_rows.max() >= scores.shape[1]:
        raise CalibrationError(
            f"rows must lie between 0 and {scores.shape[1] - 1}, but "
            f"{true_rows.min()} to {true_rows.max()} came: use the rows of this gallery"
        )
    if not np.isfinite(scores).all():
        raise CalibrationError("scores must be finite, but NaN or infinity came: check the epochs")
    return true_rows
