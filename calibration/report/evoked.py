"""The response common to all trials, and where on the head it is at its peaks.

A decoder may use what no average shows. But an average without a visual response says that the
pictures were not seen, the markers are wrong, or the cap is; and this is seen at a glance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.signal import find_peaks

from saccade.calibration.collect import Trials
from saccade.calibration.report.contents import Evoked
from saccade.realtime.quality.splines import directions, weights
from saccade.realtime.types import Float64

MOST_PEAKS = 3
LEAST_ELECTRODES = 8  # fewer say nothing about what is between them
GRID = 81  # places across the head
EDGE = 1.15  # of the ring through Fpz, T7 and Oz


def common_response(trials: Trials) -> Evoked:
    """Return the mean of all good trials.

    Parameters
    ----------
    trials : Trials
        As they are decoded.
    """
    mean = trials.data.mean(axis=0, dtype=np.float64)
    start_s = (trials.epochs.crop_s or (trials.epochs.tmin_s,))[0]
    times_ms = 1e3 * (start_s + np.arange(mean.shape[1]) / trials.working_spec.sfreq)
    units = set(trials.working_spec.units)
    return Evoked(
        len(trials.data),
        units.pop() if len(units) == 1 else "mixed units",
        tuple(np.round(times_ms, 3).tolist()),
        trials.working_spec.ch_names,
        tuple(map(tuple, np.round(mean, 4).tolist())),
        tuple(_peaks(field_power(mean))),
    )


def field_power(mean: Float64) -> Float64:
    """Return the standard deviation over channels, (n_times,); of one channel, its magnitude.

    Parameters
    ----------
    mean : array of shape (n_channels, n_times)
        The response.
    """
    return np.asarray(mean.std(axis=0) if len(mean) > 1 else np.abs(mean[0]))


def _peaks(power: Float64) -> list[int]:
    """Return the most prominent peaks in the order of time."""
    places, found = find_peaks(power, prominence=0)
    largest = np.argsort(-found["prominences"], kind="stable")[:MOST_PEAKS]
    return sorted(places[largest].tolist())


def electrodes(ch_names: Sequence[str]) -> Float64:
    """Return where electrodes are, seen from above; (n_channels, 2), NaN where nobody knows.

    Distances from the vertex are kept; the ring through Fpz, T7 and Oz is at 1, the nose at the
    top.
    """
    places = directions(ch_names)
    outwards = np.arctan2(np.hypot(places[:, 0], places[:, 1]), places[:, 2]) / (np.pi / 2)
    length = np.maximum(np.hypot(places[:, 0], places[:, 1]), np.finfo(float).tiny)
    return np.asarray(outwards[:, None] * places[:, :2] / length[:, None])


def topography(ch_names: Sequence[str], values: Sequence[float]) -> Float64 | None:
    """Return a map of the head, between electrodes by spherical splines.

    Parameters
    ----------
    ch_names : sequence of str
        Electrodes; those whose place nobody knows are left out.
    values : sequence of float
        At each.

    Returns
    -------
    array of shape (81, 81) or None
        From the left to the right and from the nose to the back, both from -1.15 to 1.15 as in
        :func:`electrodes`; NaN off the head. None with too few electrodes of known place.
    """
    places = directions(ch_names)
    known = np.flatnonzero(np.isfinite(places[:, 0]))
    if len(known) < LEAST_ELECTRODES:
        return None
    x, y = np.meshgrid(np.linspace(-EDGE, EDGE, GRID), np.linspace(EDGE, -EDGE, GRID))
    outwards = np.hypot(x, y)
    scale = np.sin(outwards * np.pi / 2) / np.maximum(outwards, np.finfo(float).tiny)
    targets = np.stack([x * scale, y * scale, np.cos(outwards * np.pi / 2)], axis=-1)
    spline = weights(places[known], targets.reshape(-1, 3))
    found = (spline @ np.asarray(values, np.float64)[known]).reshape(GRID, GRID)
    return np.where(outwards <= EDGE, found, np.nan)
