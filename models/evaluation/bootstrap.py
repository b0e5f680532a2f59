"""Intervals that count what was really sampled: concepts and people, not just trials.

Eighty trials of one picture are no eighty pictures. An interval over trials says how the accuracy
would vary with other trials of the same pictures; what a paper claims is about other pictures
and other people, and for that pictures and people are what must be drawn anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, stdtrit

from saccade.models.data.table import Int64
from saccade.models.evaluation.accuracy import wilson
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import Float64

LEAST = 5
"""Fewer concepts or trials give no interval worth printing; fewer people are not drawn."""
BLOCK = 2_000_000  # weights that are drawn at a time


@dataclass(frozen=True, slots=True)
class Measured:
    """A number with what is needed to judge it.

    Parameters
    ----------
    value : float
        A mean over trials.
    n : int
        How many trials, or averages of several, it is the mean of.
    chance : float
        What it would be if the signals said nothing.
    ci95 : tuple of float
        95 % interval.
    """

    value: float
    n: int
    chance: float
    ci95: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Resampling:
    """How intervals are made.

    Parameters
    ----------
    over : {"concepts", "trials"}
        What is drawn anew. "concepts" draws whole concepts with all their trials and, of 5
        people or more, people too, each independently of the other: the interval is for other
        concepts and other people (fewer people are taken as they are). "trials" is for other
        trials of the same: the only choice where a few fixed classes are told apart.
    draws : int
        How many times, at least 100.
    seed : int
        At least 0. The same for all numbers, so that they see the same draws.
    """

    over: Literal["concepts", "trials"] = "concepts"
    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what gives no interval."""
        if self.over not in ("concepts", "trials"):
            raise ConfigError(f"resampling is over 'concepts' or 'trials', not {self.over!r}")
        if self.draws < 100 or self.seed < 0:
            raise ConfigError(
                "resampling takes at least 100 draws and a seed of at least 0, not "
                f"{self.draws} and {self.seed}"
            )


class Bootstrap:
    """Intervals of means over the same trials.

    Two encoders judged on the same trials are compared by the mean of their difference, trial by
    trial (:meth:`difference`): what makes a concept easy for both then cancels.

    Ends are percentiles of the resampled means, moved outwards as far as Student's t for the
    smaller number of concepts or people goes beyond the normal (the expanded percentile interval
    of Hesterberg, 2015, The American Statistician 69:371). Drawing concepts and people each on
    their own is Owen's pigeonhole bootstrap (2007, Annals of Applied Statistics 1:386); it errs
    to the wide side.

    Parameters
    ----------
    concept, subject : arrays of shape (n,), int64
        Of each trial.
    settings : Resampling
        How.

    Raises
    ------
    CalibrationError
        If there are fewer than 5 concepts (or trials) to draw from.
    """

    def __init__(self, concept: Int64, subject: Int64, settings: Resampling) -> None:
        self.settings = settings
        self.n = len(concept)
        by_trial = settings.over == "trials"
        levels = np.arange(self.n) if by_trial else concept
        few = by_trial or len(np.unique(subject)) < LEAST
        self.n_levels, self._level = _numbered(levels)
        self.n_people, self._person = _numbered(np.zeros(self.n, np.int64) if few else subject)
        if self.n_levels < LEAST:
            hint = "record more" if by_trial else "draw over 'trials', or test on more concepts"
            raise CalibrationError(
                f"an interval over {settings.over} needs at least {LEAST} of them, but "
                f"{self.n_levels} came: {hint}"
            )

    @property
    def drawn(self) -> str:
        """What is drawn anew, in words."""
        people = f" and {self.n_people} people" if self.n_people > 1 else ""
        return f"{self.n_levels} {self.settings.over}{people}"

    def measure(self, shares: Float64, chance: float) -> Measured:
        """Return the mean of shares with its interval.

        Where every trial is right, or none is, the draws can't differ and the interval is
        Wilson's for as many trials as there are concepts (or people, if fewer).

        Parameters
        ----------
        shares : array of shape (n,), float64
            Between 0 and 1: a hit or miss, or the probability of a hit.
        chance : float
            Their mean if the signals said nothing.
        """
        mean = float(shares.mean())
        if shares.min() == shares.max() and mean in (0.0, 1.0):
            fewest = self._fewest()
            return Measured(mean, self.n, chance, wilson(mean * fewest, fewest))
        return self.mean(shares, chance)

    def mean(self, values: Float64, chance: float) -> Measured:
        """Return the mean of values of any range with its interval; see :meth:`measure`."""
        if values.shape != (self.n,):
            raise CalibrationError(
                f"one value a trial is expected, ({self.n},), but {values.shape} came"
            )
        shape = (self.n_people, self.n_levels)
        cell = self._person * self.n_levels + self._level
        sums = np.bincount(cell, values, minlength=np.prod(shape)).reshape(shape)
        counts = np.bincount(cell, minlength=np.prod(shape)).reshape(shape)
        means = []
        for people, levels in self._weights():
            total = ((people @ sums) * levels).sum(axis=1)
            weight = ((people @ counts) * levels).sum(axis=1)
            means.append(total[weight > 0] / weight[weight > 0])
        tail = self._tail()
        low, high = np.quantile(np.concatenate(means), [tail, 1 - tail])
        return Measured(float(values.mean()), self.n, chance, (float(low), float(high)))

    def difference(self, one: Float64, other: Float64) -> Measured:
        """Return the mean of ``one`` less ``other``, paired by trial, with its interval.

        Where it holds no 0, the difference is more than the draw of concepts explains.

        Parameters
        ----------
        one, other : arrays of shape (n,), float64
            The same figure of the same trials from two encoders.

        Raises
        ------
        CalibrationError
            If the two were not judged on the same number of trials.
        """
        if one.shape != other.shape:
            raise CalibrationError(
                "a paired difference needs both encoders judged on the same trials, but "
                f"{one.size} and {other.size} came"
            )
        return self.mean(one - other, 0.0)

    def _fewest(self) -> int:
        return min(self.n_levels, self.n_people) if self.n_people > 1 else self.n_levels

    def _tail(self) -> float:
        """Return the share of draws beyond each end."""
        fewest = self._fewest()
        t = -stdtrit(fewest - 1, 0.025)
        return float(ndtr(-t * np.sqrt(fewest / (fewest - 1))))

    def _weights(self) -> Iterator[tuple[Float64, Float64]]:
        """Yield how often each person and each level is drawn, some draws at a time."""
        rng = np.random.default_rng(self.settings.seed)
        block = max(1, BLOCK // (self.n_levels + self.n_people))
        for start in range(0, self.settings.draws, block):
            draws = min(block, self.settings.draws - start)
            people = (
                np.ones((draws, 1)) if self.n_people == 1 else _drawn(rng, self.n_people, draws)
            )
            yield people, _drawn(rng, self.n_levels, draws)


def _drawn(rng: np.random.Generator, n: int, draws: int) -> Float64:
    """Return how often each of n is drawn when n are, with replacement, (draws, n)."""
    drawn = rng.integers(n, size=(draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n).astype(np.float64)


def _numbered(labels: Int64) -> tuple[int, Int64]:
    """Return the number of different labels, and each as a number from 0."""
    distinct, number = np.unique(labels, return_inverse=True)
    return len(distinct), number.reshape(-1)
