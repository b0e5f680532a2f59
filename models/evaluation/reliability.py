"""Whether probabilities mean what they say, and from which on a decision is right often enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.evaluation.accuracy import wilson
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64

N_BINS = 10
LEAST_IN_BIN = 20
DRAWS = 1000
PRECISIONS = (0.8, 0.9, 0.95)
LEAST_DECIDED = 20


@dataclass(frozen=True, slots=True)
class Bin:
    """Trials whose best concept has about the same probability.

    ``low`` and ``high`` are the least and the largest, ``confidence`` is the mean, ``right`` the
    share in which that concept was shown, with Wilson's 95 % interval.
    """

    low: float
    high: float
    n: int
    confidence: float
    right: float
    ci95_right: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Reliability:
    """How far probabilities are to be trusted.

    Parameters
    ----------
    n : int
        Trials.
    bins : tuple of Bin
        The reliability diagram: up to 10 bins of equally many trials, so that it shows where the
        probabilities are.
    ece : float
        Expected calibration error, over 10 bins of equal width, as usual: mean over trials of the
        difference between what was right and the mean probability in their bin.
    ci95_ece : (float, float)
        Percentiles of a bootstrap over trials, less its bias: trials that are drawn twice add error
        of their own.
    ece_of_exact : float
        What probabilities without any error would score with as many trials: of few it is well
        above 0.
    nll : float
        Mean negative log probability of what was shown, in nats.
    brier : float
        Mean squared distance of the probabilities from certainty of what was shown, 0 to 2.
    """

    n: int
    bins: tuple[Bin, ...]
    ece: float
    ci95_ece: tuple[float, float]
    ece_of_exact: float
    nll: float
    brier: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        plain = asdict(self) | {"ci95_ece": list(self.ci95_ece)}
        plain["bins"] = [b | {"ci95_right": list(b["ci95_right"])} for b in plain["bins"]]
        return plain


@dataclass(frozen=True, slots=True)
class Threshold:
    """From which probability on decisions are right often enough.

    Parameters
    ----------
    precision : float
        Share of decisions that must be right.
    probability : float or None
        Smallest probability of the best concept from which on Wilson's lower bound of the share
        that is right reaches it; None if no such was seen.
    decided : float
        Share of the trials that are decided then.
    right : float
        Share of these that are right; NaN-free: 0 where none is decided.
    ci95_right : (float, float)
        Wilson's interval of it.
    n : int
        Held-out trials it was found on.
    """

    precision: float
    probability: float | None
    decided: float
    right: float
    ci95_right: tuple[float, float]
    n: int

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self) | {"ci95_right": list(self.ci95_right)}


def reliability(log_p: Float64, shown: Sequence[int] | NDArray[np.intp], seed: int) -> Reliability:
    """Return how far probabilities are to be trusted.

    Parameters
    ----------
    log_p : array of shape (n_trials, n_gallery)
        Log probabilities of trials that had no say in them.
    shown : sequence of int, length n_trials
        Row of the concept that was shown.
    seed : int
        Of bootstrap and draws.

    Raises
    ------
    CalibrationError
        If there is no trial, or one has not a row.
    """
    rows = np.asarray(shown, dtype=np.intp)
    if log_p.ndim != 2 or len(log_p) == 0 or rows.shape != (len(log_p),):
        raise CalibrationError(
            "reliability is of log probabilities (n_trials, n_gallery) with one row a trial, at "
            f"least 1 trial, but {log_p.shape} came with {rows.size} rows"
        )
    confidence, right = best_of(log_p, rows)
    place = np.minimum((confidence * N_BINS).astype(np.intp), N_BINS - 1)
    rng = np.random.default_rng(seed)
    n = len(rows)
    counts = rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(np.float64)
    redrawn = _ece(place, counts * (right - confidence))
    exact = (rng.random((DRAWS, n)) < confidence) - confidence
    order = np.argsort(confidence, kind="stable")
    bins = []
    for mine in np.array_split(order, max(1, min(N_BINS, n // LEAST_IN_BIN))):
        hits, of = float(right[mine].sum()), len(mine)
        low, high, mean = (float(f(confidence[mine])) for f in (np.min, np.max, np.mean))
        bins.append(Bin(low, high, of, mean, hits / of, wilson(hits, of)))
    of_shown = log_p[np.arange(n), rows]
    p = np.exp(log_p)
    ece = float(_ece(place, (right - confidence)[None])[0])
    low, high = np.maximum(0.0, np.quantile(redrawn, [0.025, 0.975]) - redrawn.mean() + ece)
    return Reliability(
        n=n,
        bins=tuple(bins),
        ece=ece,
        ci95_ece=(float(low), float(high)),
        ece_of_exact=float(_ece(place, exact).mean()),
        nll=float(-of_shown.mean()),
        brier=float((np.square(p).sum(axis=1) - 2 * np.exp(of_shown) + 1).mean()),
    )


def thresholds(log_p: Float64, shown: Sequence[int] | NDArray[np.intp]) -> tuple[Threshold, ...]:
    """Return a threshold for each of :data:`PRECISIONS`; parameters as for :func:`reliability`."""
    confidence, right = best_of(log_p, np.asarray(shown, dtype=np.intp))
    order = np.argsort(-confidence, kind="stable")
    hits = np.cumsum(right[order])
    n = len(order)
    # Only where the next trial is less sure can a threshold lie.
    last = np.append(np.diff(confidence[order]) < 0, True)
    found = []
    for precision in PRECISIONS:
        decided = [
            k
            for k in range(LEAST_DECIDED, n + 1)
            if last[k - 1] and wilson(float(hits[k - 1]), k)[0] >= precision
        ]
        if not decided:
            found.append(Threshold(precision, None, 0.0, 0.0, (0.0, 1.0), n))
            continue
        k = decided[-1]
        share = float(hits[k - 1]) / k
        found.append(
            Threshold(
                precision,
                float(confidence[order[k - 1]]),
                k / n,
                share,
                wilson(float(hits[k - 1]), k),
                n,
            )
        )
    return tuple(found)


def best_of(log_p: Float64, shown: NDArray[np.intp]) -> tuple[Float64, Float64]:
    """Return the probability of each trial's most probable concept, and 1.0 where it was shown."""
    confidence = np.exp(log_p.max(axis=1))
    return confidence, (log_p.argmax(axis=1) == shown).astype(np.float64)


def _ece(place: NDArray[np.intp], excess: Float64) -> Float64:
    """Return the error of each draw, (n_draws,), from (n_draws, n_trials) of right − confidence."""
    member = (place[:, None] == np.arange(N_BINS)).astype(np.float64)
    return np.asarray(np.abs(excess @ member).sum(axis=1) / len(place))
