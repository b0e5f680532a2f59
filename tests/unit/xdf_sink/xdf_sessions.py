"""What is recorded in the tests of the recorder, and how it is read back."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pyxdf

from saccade.realtime.types import (
    Candidate,
    Chunk,
    Epoch,
    Prediction,
    Ranking,
    Reading,
    StreamSpec,
)

SPEC = StreamSpec(
    "amp", 250.0, ("Fz", "Cz", "EOG"), ("eeg", "eeg", "eog"), ("µV",) * 3, "id-7", simulated=True
)
AMP, STIM = ("signal", "amp"), ("markers", "stim")
SCORES = np.float32([0.1, 0.9, -0.25, 0.5])


def reading(n, index=0, markers=(), raw=False, flags=(), clocks=()):
    rng = np.random.default_rng(index)
    stamps = 100.0 + np.arange(index, index + n) / 250 + 0.001 * rng.standard_normal(n)
    flag_array = np.zeros(n, np.uint16)
    for row, flag in flags:
        flag_array[row] = flag
    chunk = Chunk(
        rng.standard_normal((n, 3)).astype(np.float32) * 20,
        stamps,
        flag_array,
        index,
        raw_stamps=stamps / 3 if raw else None,
    )
    return Reading(chunk, tuple(markers), clocks=tuple(clocks))


def prediction():
    epoch = Epoch(7, np.zeros((2, 5), np.float32), 250.0, -0.2, 12.5, 3125, "1", "cat")
    ranking = Ranking((Candidate(1, "dog", float(SCORES[1]), 0.75),), SCORES, SCORES)
    return Prediction(epoch, ranking, 2, simulated=True)


def load(path, **options):
    """Return the streams by role and name, and check that pyxdf is content."""
    streams, _ = pyxdf.load_xdf(path, **options)
    return {
        (s["info"]["desc"][0]["saccade"][0]["role"][0], s["info"]["name"][0]): s for s in streams
    }


def messages(stream):
    return [json.loads(row[0]) for row in stream["time_series"]]


class Clock:
    """Goes on by itself, a millisecond a look."""

    def __init__(self):
        self._ticks = itertools.count()

    def __call__(self):
        return 500.0 + next(self._ticks) / 1000
