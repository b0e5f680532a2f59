"""The ideal observer: what nobody can beat, because it knows how the simulated signal is made.

A trial is common response + Σ_k score_k · carrier_k + noise, all known but for which concept's
scores they are, and the noise is Gaussian with known covariance Σ. So the likelihood of every
concept is known, and choosing the likeliest is right most often (the Bayes rule for equal priors).
The trial enters it only through K numbers, carriers · Σ⁻¹ · (trial - common), whose mean is
F · score and whose covariance is F = carriers · Σ⁻¹ · carriers, the Fisher information (Kay,
*Fundamentals of Statistical Signal Processing* II, 1998, chapter 4). Accuracy is drawn in those
K dimensions; the average of n trials is one trial with n times the information.

It is a bound for every decoder of the same window, whatever it was trained on: filters,
whitening and projections can't add information, and what makes a stream harder than epochs
(line noise, artifacts, the responses to other pictures) the observer is told. A decoder whose
filters remember what came before the window sees a little more; give the observer a window that
begins as early.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.covariance import WindowCovariance
from saccade.realtime.simulation.generators import generator
from saccade.realtime.simulation.subject import SimulatedSubject
from saccade.realtime.types import Float32, Float64, frozen

BLOCK_DRAWS = 4096


@dataclass(frozen=True, slots=True)
class IdealAccuracy:
    """What the ideal observer reaches.

    Parameters
    ----------
    top1, top5 : float
        Share of trials whose concept is the likeliest, or among the five likeliest.
    bits : float
        Mutual information of trial and concept, in bits a trial, at most log2 of ``gallery``.
    n : int
        Number of trials drawn.
    gallery : int
        Number of candidates, all equally probable.
    repetitions : int
        How many repetitions a trial averages.
    chance_top1, chance_top5 : float
        Shares that guessing gets.
    ci95_top1, ci95_top5 : tuple of float
        Wilson's intervals for the error of drawing.
    """

    top1: float
    top5: float
    bits: float
    n: int
    gallery: int
    repetitions: int
    chance_top1: float
    chance_top5: float
    ci95_top1: tuple[float, float]
    ci95_top5: tuple[float, float]

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, ready for JSON."""
        return asdict(self)


class IdealObserver:
    """Knows a simulated subject, and looks at a window around each onset.

    Parameters
    ----------
    subject : SimulatedSubject
        Whom to decode.
    tmin_s, tmax_s : float
        Window around the onset, in s; ``tmax_s`` itself is left out.

    Attributes
    ----------
    fisher : array of shape (K, K), float64
        Fisher information of one trial about the scores; read-only.

    Raises
    ------
    ConfigError
        If the window is empty.
    """

    def __init__(self, subject: SimulatedSubject, tmin_s: float = 0.0, tmax_s: float = 1.0) -> None:
        self.subject = subject
        first, n_times = subject.window(tmin_s, tmax_s)
        carriers = subject.in_window(subject.carriers, first, n_times)
        self._common = subject.in_window(subject.common, first, n_times)
        self._filters = WindowCovariance(subject.noise, n_times).solve(carriers)
        fisher = np.tensordot(carriers, self._filters, axes=((1, 2), (1, 2)))
        self.fisher: Float64 = frozen((fisher + fisher.T) / 2)

    def scores(self, epochs: Float32, candidates: Sequence[int]) -> Float64:
        """Return how likely each candidate makes each epoch.

        Parameters
        ----------
        epochs : array of shape (n, 64, n_times), float32
            Single trials of the observer's window, in µV, as
            :meth:`~saccade.realtime.simulation.subject.SimulatedSubject.epochs` returns them, or
            averages of several, which are ranked the same way.
        candidates : sequence of int, length G
            Rows of the concepts.

        Returns
        -------
        array of shape (n, G), float64
            Log-likelihood of a single trial, up to a term that all candidates share; multiply by
            the number of trials in an average.

        Raises
        ------
        ConfigError
            If the epochs are of another window or not finite, or the candidates are no choice.
        """
        expected = self._common.shape
        if epochs.ndim != 3 or epochs.shape[1:] != expected:
            raise ConfigError(
                f"epochs must be of shape (n, {expected[0]}, {expected[1]}), not {epochs.shape}: "
                "cut the window that the observer was made for"
            )
        if not np.isfinite(epochs).all():
            raise ConfigError("epochs must be finite, but NaN or infinity came: remove those")
        scores = self._scores_of(candidates)
        seen = np.tensordot(epochs - self._common, self._filters, axes=((1, 2), (1, 2)))
        return np.asarray(seen @ scores.T - 0.5 * np.square(scores @ self._root()).sum(axis=1))

    def accuracy(
        self,
        candidates: Sequence[int],
        repetitions: int = 1,
        *,
        n_draws: int = 20_000,
        seed: int = 0,
    ) -> IdealAccuracy:
        """Return how often the observer is right, and how much it learns.

        Parameters
        ----------
        candidates : sequence of int, length G
            Rows of the concepts, shown equally often and known to the observer.
        repetitions : int
            How many trials of one concept are averaged, at least 1.
        n_draws : int
            Number of trials to draw, rounded up to a multiple of G; 20 000 leave an error of
            0.7 % at most.
        seed : int
            At least 0.

        Raises
        ------
        ConfigError
            If a number is too small, or the candidates are no choice.
        """
        for name, value, least in (
            ("repetitions", repetitions, 1),
            ("n_draws", n_draws, 1),
            ("seed", seed, 0),
        ):
            if value < least:
                raise ConfigError(f"{name} must be at least {least}, not {value}")
        # In these coordinates a trial is the concept's place plus white noise of variance 1.
        places = np.sqrt(repetitions) * self._scores_of(candidates) @ self._root()
        n_candidates, n_components = places.shape
        every = -(-n_draws // n_candidates)
        truth = np.repeat(np.arange(n_candidates), every)
        rng = generator(seed, "ideal observer")
        top1 = top5 = nats = 0.0
        for start in range(0, len(truth), BLOCK_DRAWS):
            shown = truth[start : start + BLOCK_DRAWS]
            trials = places[shown] + rng.standard_normal((len(shown), n_components))
            scores = trials @ places.T - 0.5 * np.square(places).sum(axis=1)
            own = scores[np.arange(len(shown)), shown][:, None]
            better, equal = (scores > own).sum(axis=1), (scores == own).sum(axis=1)
            # Among equally likely concepts the observer guesses.
            top1 += float(np.clip((1 - better) / equal, 0, 1).sum())
            top5 += float(np.clip((5 - better) / equal, 0, 1).sum())
            nats -= float(np.logaddexp.reduce(scores - own, axis=1).sum())
        n = len(truth)
        return IdealAccuracy(
            top1=top1 / n,
            top5=top5 / n,
            bits=float(np.log2(n_candidates) + nats / n / np.log(2)),
            n=n,
            gallery=n_candidates,
            repetitions=repetitions,
            chance_top1=1 / n_candidates,
            chance_top5=min(5, n_candidates) / n_candidates,
            ci95_top1=_wilson(top1, n),
            ci95_top5=_wilson(top5, n),
        )

    def _root(self) -> Float64:
        """Return a square root R of the Fisher information, F = R Rᵀ."""
        values, vectors = np.linalg.eigh(self.fisher)
        return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))

    def _scores_of(self, candidates: Sequence[int]) -> Float64:
        """Return the candidates' scores, (G, K)."""
        rows = list(candidates)
        if len(rows) < 2 or len(set(rows)) < len(rows):
            raise ConfigError(
                f"candidates must be at least 2 rows, none twice, but {len(rows)} came, of which "
                f"{len(set(rows))} differ: name each concept once"
            )
        for row in rows:
            self.subject.check_row(row)
        return np.asarray(self.subject.scores[rows])


def _wilson(hits: float, n: int) -> tuple[float, float]:
    interval = binomtest(round(hits), n).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)
