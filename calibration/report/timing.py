"""When trials came, and which were left out."""

from __future__ import annotations

import collections
import math

import numpy as np

from saccade.calibration.collect import Trials
from saccade.calibration.report.contents import Rejections, Timing
from saccade.realtime.types import Float64

LEAST_INTERVALS = 10
PAUSE = 1.5  # times the median: longer intervals are pauses or catch pictures
LEAST_STRETCH_S, MOST_STRETCHES = 10.0, 40


def timing(trials: Trials) -> Timing | None:
    """Return how the onsets of trials followed each other, good ones and rejected ones.

    Returns
    -------
    Timing or None
        None with fewer than 10 intervals.
    """
    intervals = np.concatenate([np.diff(onsets) for onsets in _onsets(trials)] or [np.empty(0)])
    if len(intervals) < LEAST_INTERVALS:
        return None
    within = 1e3 * intervals[intervals <= PAUSE * np.median(intervals)]
    low, middle, high = np.percentile(within, [5, 50, 95]).tolist()
    return Timing(len(within), middle, low, high)


def rejections(trials: Trials) -> Rejections:
    """Return how many trials were kept and left out, why, and when."""
    length = [float(onsets[-1] - onsets[0]) if len(onsets) else 0.0 for onsets in _onsets(trials)]
    stretch_s = LEAST_STRETCH_S * max(1, math.ceil(sum(length) / MOST_STRETCHES / LEAST_STRETCH_S))
    begun = np.concatenate([[0.0], np.cumsum(length)])  # pauses between runs are left out
    first = [onsets[0] if len(onsets) else 0.0 for onsets in _onsets(trials)]
    lost_s = [begun[r.run] + r.onset_s - first[r.run] for r in trials.rejections]
    kept_s = [
        begun[run] + onset - first[run]
        for run, onset in zip(trials.runs.tolist(), trials.onsets_s.tolist(), strict=True)
    ]
    n = int(max([*kept_s, *lost_s]) // stretch_s) + 1
    kept, lost = (
        np.bincount((np.array(times) // stretch_s).astype(np.intp), minlength=n)
        for times in (kept_s, lost_s)
    )
    counts = collections.Counter(trials.rejected)
    return Rejections(
        len(trials.labels),
        len(trials.rejections),
        tuple(counts.most_common()),
        tuple(zip(kept.tolist(), lost.tolist(), strict=True)),
        stretch_s,
    )


def _onsets(trials: Trials) -> list[Float64]:
    """Return the onsets of each run, in the order of time."""
    n_runs = 1 + max([*trials.runs.tolist(), *(r.run for r in trials.rejections)])
    return [
        np.sort(
            np.concatenate(
                [
                    trials.onsets_s[trials.runs == run],
                    [r.onset_s for r in trials.rejections if r.run == run],
                ]
            )
        )
        for run in range(n_runs)
    ]
