"""The line that time stamps lie about: a regression of stamp on sample number.

Amplifiers sample evenly and stamp unevenly, so the line is nearer to the truth than a stamp is.
After a loss the number of a sample no longer tells its time: the line takes a new level and keeps
its slope, as in an analysis of covariance, where several groups share one slope. Where the clock
was set, or the sender replaced, nothing is kept. A loss too small to stand out from the jitter
shows in that the stamps are late on average from then on: level and slope, which has been bent,
then begin anew.

Old samples are forgotten exponentially. White jitter then leaves the line, at the newest sample, an
error of ``sqrt(1.25 / n)`` of its own, ``n`` being the samples within the time constant: 2 ms at
250 Hz become 0.045 ms.

The sums are carried by ``scipy.signal.lfilter``, sample by sample, so that the line is the same to
the last bit however the samples are cut into chunks. All is float64.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import numpy as np
from scipy import signal

from saccade.realtime.types import Float64

MEMORY_S = 10.0  # time constant of forgetting
# As how long a run of samples the nominal rate counts: at the start, where stamps may stand still
# within a packet, and after a shift, which may come from a rate that is wrong.
PRIOR_S, PRIOR_SHIFTED_S = 2.0, 0.05
SHIFT_S, SHIFT = 0.5, 0.25  # stamps off by this part of the tolerance, averaged over so long
PIECE = 512  # samples fitted at once; where the line breaks, the rest of a piece is fitted again

_ONE = np.ones(1)


class Line:
    """Follows the stamps of a stream.

    Parameters
    ----------
    sfreq : float
        Nominal rate in Hz.
    tolerance_s : float
        A stamp further than this from where it was expected, in seconds, begins a new level.

    Attributes
    ----------
    sfreq : float
        Nominal rate in Hz.
    n_seen : int
        Samples since the rate was last forgotten.
    shifts : int
        How often the stamps were off on average, and the line began anew.
    """

    def __init__(self, sfreq: float, tolerance_s: float) -> None:
        self.sfreq = sfreq
        self._nominal_s = 1 / sfreq
        self._tolerance_s = tolerance_s
        self._keep = math.exp(-1 / (MEMORY_S * sfreq))
        self._keep_mean = math.exp(-1 / (SHIFT_S * sfreq))
        self._now = np.array([1.0, -self._keep])
        self._before = np.array([0.0, self._keep])
        self._averaging = np.array([1 - self._keep_mean]), np.array([1.0, -self._keep_mean])
        self.shifts = 0
        # Squares of so many numbers about their mean.
        self._prior, self._weak_prior = ((s * sfreq) ** 3 / 12 for s in (PRIOR_S, PRIOR_SHIFTED_S))
        self.forget()

    def forget(self) -> None:
        """Begin anew, at the nominal rate."""
        self.n_seen = 0
        self._squares = np.zeros((2, 1))
        self._residuals: list[Float64] = []
        self._n_held = 0
        self._begin(self._prior, 0.0)

    def restart(self) -> None:
        """Begin a new level with the next sample; what is known of the rate is kept."""
        if self._n:
            self._begin(self._spread, self._product)

    def copy(self) -> Line:
        """Return a line that goes its own way from here."""
        self._sum_squares()
        twin = copy.copy(self)
        twin._residuals = []
        return twin

    def pass_over(self, n: int) -> None:
        """Count samples whose stamps tell nothing, as if each had come when it was expected."""
        self.follow(self.expected_s + self.period_s * np.arange(n, dtype=np.float64))

    def follow(self, stamps: Float64) -> Float64:
        """Take the stamps of the next samples; return the line's time at each, in seconds.

        It is the time on the line as it was when that sample came, so the first sample of a
        level keeps its stamp.
        """
        times = np.empty(len(stamps))
        start = 0
        while start < len(stamps):
            part = slice(start, start + PIECE)
            start += self._take(stamps[part], times[part])
        return times

    @property
    def expected_s(self) -> float:
        """Where the next stamp is expected, in seconds; NaN at the start of a level."""
        if self._n == 0:
            return math.nan
        return self._origin_s + self._n * self._nominal_s + self._level_s + self._slope_s

    @property
    def period_s(self) -> float:
        """Sample period, as the stamps have it, in seconds."""
        return self._nominal_s + self._slope_s

    @property
    def jitter_s(self) -> float:
        """Standard deviation of the stamps about the line, in seconds; NaN before a sample."""
        self._sum_squares()
        weight, squares = self._squares[:, 0]
        return math.sqrt(squares / weight) if weight else math.nan

    def _begin(self, spread: float, product: float) -> None:
        """Begin a level; earlier ones say so much about the slope."""
        self._n = 0
        # State of the recursions, each the next value for an input of 0. Weighted by age, over
        # this level: 1 and r, the deviation from the nominal grid; and, of earlier levels, the
        # squares of the numbers and their products with r, each about its mean.
        self._sums = np.array([[0.0], [0.0], [self._keep * spread], [self._keep * product]])
        self._first_moments = np.zeros((2, 1))  # of the age k: k, k r
        self._second_moment = np.zeros(1)  # k²
        self._mean_residual = np.zeros(1)
        self._spread, self._product = spread, product
        self._slope_s = float(self._bounded(product / spread))

    def _bounded(self, slope: Any) -> Any:
        """Return a slope at which time goes on: from half the nominal period to twice that."""
        # np.clip takes three times as long.
        return np.minimum(np.maximum(slope, -self._nominal_s / 2), self._nominal_s)

    def _take(self, stamps: Float64, times: Float64) -> int:
        """Fit samples up to one that begins a new level; return how many that are."""
        if self._n == 0:
            self._origin_s = float(stamps[0])
            self._level_s = math.nan
        n = len(stamps)
        grid_s = self._origin_s + np.arange(self._n, self._n + n) * self._nominal_s
        deviations = stamps - grid_s
        now, before = self._now, self._before
        inputs = np.zeros((4, n))
        inputs[0], inputs[1] = 1.0, deviations
        sums, sums_state = signal.lfilter(_ONE, now, inputs, zi=self._sums)
        weight, total, pool_spread, pool_product = sums
        first, first_state = signal.lfilter(before, now, sums[:2], zi=self._first_moments)
        ages, age_products = first
        second, second_state = signal.lfilter(
            before, now, 2 * ages + weight, zi=self._second_moment
        )
        # Ages grow backward, hence the sign of the product.
        spread = second - ages * ages / weight + pool_spread
        product = ages * total / weight - age_products + pool_product
        slope = self._bounded(product / spread)
        level = total / weight + slope * ages / weight
        expected = np.concatenate([[self._level_s + self._slope_s], level[:-1] + slope[:-1]])
        residuals = deviations - level
        mean, mean_state = signal.lfilter(*self._averaging, residuals, zi=self._mean_residual)
        shifted = np.abs(mean) > SHIFT * self._tolerance_s
        # The first of a level is expected at NaN, from which nothing is too far.
        far = (np.abs(deviations - expected) > self._tolerance_s) | shifted
        if far.any():
            n = int(far.argmax())
            if n:
                self._take(stamps[:n], times[:n])
            if shifted[n]:
                self.shifts += 1
                self._begin(self._weak_prior, 0.0)  # the slope was bent towards the late stamps
            else:
                self.restart()
            return n
        times[:] = grid_s + level
        self._sums, self._first_moments, self._second_moment = sums_state, first_state, second_state
        self._mean_residual = mean_state
        self._n += n
        self.n_seen += n
        self._level_s, self._slope_s = float(level[-1]), float(slope[-1])
        self._spread, self._product = float(spread[-1]), float(product[-1])
        self._residuals.append(residuals)
        self._n_held += n
        if self._n_held >= PIECE:
            self._sum_squares()
        return n

    def _sum_squares(self) -> None:
        """Sum what has been held back, since a call takes as long for many as for few."""
        if self._residuals:
            held = np.concatenate(self._residuals)
            squares = np.array([np.ones(len(held)), held * held])
            _, self._squares = signal.lfilter(_ONE, self._now, squares, zi=self._squares)
            self._residuals, self._n_held = [], 0
