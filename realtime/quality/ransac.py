"""Whether a channel agrees with what random subsets of the others say: PREP's verdict, live.

Bigdely-Shamlo et al. (2015, Front Neuroinform 9:16): a quarter of the good channels is drawn, and
a spline through them predicts every channel; the median of 50 such predictions, sample by sample,
is hardly moved by a bad channel among them. A channel that correlates with it below 0.75 over 5 s
disagrees.

Concurrent activities: none. A round judges the last 5 s once in 10 s, and its work is spread over
the hops until the next: a few draws in each of the first half, a few channels in each of the
second. So it needs no thread, and what it says depends on sample numbers alone. Every few samples
one is looked at, 64 a second, for neighbours in a signal below 40 Hz say almost the same.
"""

from __future__ import annotations

import collections

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.quality.measures import correlation_rows
from saccade.realtime.quality.splines import green, weights_among
from saccade.realtime.types import Float32, Float64

N_DRAWS = 50
SHARE = 0.25
R_MIN = 0.75
N_ROUNDS = 6  # a minute
REMEMBERED_S = 70.0  # from the beginning of a round, which takes ten seconds
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
        Share of the last minute's rounds in which a channel disagreed, those that were not held
        counted as agreeing; NaN if there was none.
    """

    def __init__(self, places: Float64, sfreq: float, window_hops: int, round_hops: int) -> None:
        n = len(places)
        self._between = green(places)
        self._stride = max(1, int(sfreq / LOOKED_AT_HZ))
        self._hops: collections.deque[Float32] = collections.deque(maxlen=window_hops)
        half = round_hops // 2
        self._draws = np.array_split(np.arange(N_DRAWS), half)
        self._channels = np.array_split(np.arange(n), round_hops - half)
        self._rounds: collections.deque[tuple[float, NDArray[np.bool_]]]
        self._rounds = collections.deque(maxlen=N_ROUNDS)
        self._number = 0
        self._next, self._running = 0, False
        self.disagreed = np.full(n, np.nan)

    def step(self, below: Float32, good: NDArray[np.bool_], stamp_s: float, *, first: bool) -> None:
        """Take a hop, and do a hop's share of the work.

        Parameters
        ----------
        below : array of shape (n, n_samples), float32
            The next hop, below 40 Hz.
        good : array of shape (n,), bool
            Which channels may be drawn; looked at when a round begins.
        stamp_s : float
            Of the hop's last sample.
        first : bool
            Nothing comes directly before it.
        """
        if first:
            self._hops.clear()
        self._hops.append(below[:, :: self._stride])
        full = len(self._hops) == self._hops.maxlen
        if not self._running and full and good.sum() >= MIN_CHANNELS:
            self._begin(np.flatnonzero(good), stamp_s)
        if self._running:
            self._work()
        self._forget(stamp_s)

    def _work(self) -> None:
        if self._next < len(self._draws):
            self._predict(self._draws[self._next])
        else:
            self._judge(self._channels[self._next - len(self._draws)])
        self._next += 1
        if self._next == len(self._draws) + len(self._channels):
            self._next, self._running = 0, False
            self._rounds.append((self._begun_s, self._r < R_MIN))
            self._sum_up()

    def _forget(self, stamp_s: float) -> None:
        """Leave out rounds that are not of the last minute, as the stamps have it."""
        kept = [held for held in self._rounds if not abs(stamp_s - held[0]) > REMEMBERED_S]
        if len(kept) < len(self._rounds):
            self._rounds = collections.deque(kept, N_ROUNDS)
            self._sum_up()

    def _sum_up(self) -> None:
        disagreed = np.sum([found for _, found in self._rounds], axis=0) / N_ROUNDS
        self.disagreed = disagreed if self._rounds else np.full(len(self._between), np.nan)

    def _begin(self, good: NDArray[np.intp], stamp_s: float) -> None:
        self._rng = np.random.default_rng([SEED, self._number])
        self._number += 1
        self._begun_s, self._running = stamp_s, True
        self._good = good
        self._actual = np.concatenate(self._hops, axis=1)
        self._predictions = np.empty((*self._actual.shape, N_DRAWS), np.float32)
        self._r = np.zeros(len(self._between))

    def _predict(self, draws: NDArray[np.intp]) -> None:
        size = round(SHARE * len(self._good))
        for draw in draws.tolist():
            drawn = self._rng.choice(self._good, size, replace=False)
            weights = weights_among(self._between, drawn).astype(np.float32)
            self._predictions[:, :, draw] = weights @ self._actual[drawn]

    def _judge(self, rows: NDArray[np.intp]) -> None:
        predictions = self._predictions[rows]
        predictions.sort(axis=-1)  # for so few, quicker than to look for the median only
        middle = predictions[:, :, (N_DRAWS - 1) // 2 : N_DRAWS // 2 + 1].mean(axis=-1)
        self._r[rows] = correlation_rows(middle, self._actual[rows])
