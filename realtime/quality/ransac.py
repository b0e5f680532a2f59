"""Whether a channel agrees with what random subsets of the others say: PREP's verdict, live.

Bigdely-Shamlo et al. (2015, Front Neuroinform 9:16): a quarter of the good channels is drawn, and
a spline through them predicts every channel; the median of 50 such predictions, sample by sample,
is hardly moved by a bad channel among them. A channel that correlates with it below 0.75 over 5 s
disagrees.

Concurrent activities: none. A round judges the last 5 s once in 10 s, and its work is spread
evenly over the hops until the next, a few channels each. So it needs no thread, never keeps the
loop waiting for long, and what it says depends on sample numbers alone. Every few samples one is
looked at, 64 a second, for neighbours in a signal below 40 Hz say almost the same.
"""

from __future__ import annotations

import collections

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.quality.measures import correlation_rows
from saccade.realtime.quality.splines import weights
from saccade.realtime.types import Float32, Float64

N_DRAWS = 50
SHARE = 0.25
R_MIN = 0.75
N_ROUNDS = 6  # a minute
MIN_CHANNELS = 16  # a quarter of fewer says nothing about the rest
LOOKED_AT_HZ = 64.0
SEED = 1089


class Ransac:
    """Judges every channel, a few at a time.

    Parameters
    ----------
    places : array of shape (n, 3), float64
        Unit vectors of the electrodes.
    sfreq : float
        Rate of the signal in Hz.
    window_hops, round_hops : int
        Hops that are judged, and hops from one round to the next.

    Attributes
    ----------
    disagreed : array of shape (n,), float64
        Share of the last minute's rounds in which a channel disagreed, those to come counted as
        agreeing; NaN before the first is over.
    """

    def __init__(self, places: Float64, sfreq: float, window_hops: int, round_hops: int) -> None:
        self._places = places
        self._stride = max(1, int(sfreq / LOOKED_AT_HZ))
        self._hops: collections.deque[Float32] = collections.deque(maxlen=window_hops)
        self._slices = np.array_split(np.arange(len(places)), round_hops)
        self._rounds: collections.deque[NDArray[np.bool_]] = collections.deque(maxlen=N_ROUNDS)
        self._number = 0
        self._next = 0
        self.disagreed = np.full(len(places), np.nan)

    def step(self, below: Float32, good: NDArray[np.bool_], *, first: bool) -> None:
        """Take a hop, and do a hop's share of the work.

        Parameters
        ----------
        below : array of shape (n, n_samples), float32
            The next hop, below 40 Hz.
        good : array of shape (n,), bool
            Which channels may be drawn; looked at when a round begins.
        first : bool
            Nothing comes directly before it.
        """
        if first:
            self._hops.clear()
        self._hops.append(below[:, :: self._stride])
        if self._next == 0:
            if len(self._hops) < (self._hops.maxlen or 0) or good.sum() < MIN_CHANNELS:
                return
            self._begin(np.flatnonzero(good))
        rows = self._slices[self._next]
        predictions = np.matmul(self._weights[:, rows], self._drawn)
        predictions.sort(axis=0)  # for so few, quicker than to look for the median only
        middle = predictions[(N_DRAWS - 1) // 2 : N_DRAWS // 2 + 1].mean(axis=0)
        self._r[rows] = correlation_rows(middle, self._actual[rows])
        self._next += 1
        if self._next == len(self._slices):
            self._next = 0
            self._rounds.append(self._r < R_MIN)
            self.disagreed = np.sum(self._rounds, axis=0) / N_ROUNDS

    def _begin(self, good: NDArray[np.intp]) -> None:
        rng = np.random.default_rng([SEED, self._number])
        self._number += 1
        size = round(SHARE * len(good))
        drawn = np.array([rng.choice(good, size, replace=False) for _ in range(N_DRAWS)])
        self._actual = np.concatenate(self._hops, axis=1)
        self._drawn = self._actual[drawn]
        self._weights = weights(self._places[drawn], self._places).astype(np.float32)
        self._r = np.zeros(len(self._places))
