"""Which candidate is taken: the simplest that can't be told from the best.

What counts is how many bits a held-out trial tells about what was shown, by probabilities that it
had no say in: it looks at the whole ranking and at how sure it is, which top-1 does not, and is
what adds up over repetitions. Two candidates are compared trial by trial. The best on average is
taken only if it is better than every simpler one by more than one standard error of the
difference (the rule of Breiman, Friedman, Olshen and Stone, 1984, section 3.4.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, get_args

import numpy as np

from saccade.models.evaluation.accuracy import Z95
from saccade.models.evaluation.bootstrap import LEAST, Bootstrap, Measured, Resampling
from saccade.models.evaluation.confidence import Measure
from saccade.models.evaluation.confidence_fit import cross_fitted
from saccade.models.evaluation.held_out import HeldOut
from saccade.realtime.types import Float64


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a candidate is worth.

    Parameters
    ----------
    name : str
        The candidate's.
    parts : int
        On how many parts of the session it was judged; fewer than there are if it was given up.
    bits, ci95_bits : float, (float, float)
        Of a held-out trial, as :func:`bits` has them; below 0, probabilities mislead.
    top1 : float
        Share of held-out trials that were ranked first.
    behind, ci95_behind : float, (float, float)
        Bits a trial by which it is behind the best on the same trials, with the interval of the
        paired difference.
    seconds : float
        Time its fits took.
    why : str
        Why it was taken, or not, in words.
    """

    name: str
    parts: int
    bits: float
    ci95_bits: tuple[float, float]
    top1: float
    behind: float
    ci95_behind: tuple[float, float]
    seconds: float
    why: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON, without the time, which no two fits share."""
        plain = asdict(self) | {
            "ci95_bits": list(self.ci95_bits),
            "ci95_behind": list(self.ci95_behind),
        }
        del plain["seconds"]
        return plain


def bits(held_out: HeldOut, n_trials: int) -> Float64:
    """Return how far each trial's concept was above an even guess, (n,), in bits.

    Under the measure that suits better. Knowing which few of a large gallery are shown counts too.
    """
    rows = np.arange(len(held_out))
    told = [
        cross_fitted(held_out, n_trials, measure)[rows, held_out.shown]
        for measure in get_args(Measure)
    ]
    best = max(told, key=lambda log_p: float(log_p.mean()))
    return np.asarray(np.log2(held_out.n_among) + best / np.log(2))


def chosen(told: Sequence[Float64], shown: HeldOut, *, by_concept: bool) -> int:
    """Return which candidate is taken.

    Parameters
    ----------
    told : sequence of arrays of shape (n,)
        Bits of each candidate, the simplest first.
    shown : HeldOut
        The trials, as any candidate answered them.
    by_concept : bool
        Whether other concepts or other trials of the same are what is uncertain.
    """
    best = best_of(told)
    for number, values in enumerate(told[:best]):
        lag, error = behind(told[best], values, shown, by_concept=by_concept)
        if lag.value <= error:
            return number
    return best


def best_of(told: Sequence[Float64]) -> int:
    """Return the candidate that tells most on average; of equals, the simpler."""
    return int(np.argmax([values.mean() for values in told]))


def behind(
    best: Float64, other: Float64, shown: HeldOut, *, by_concept: bool
) -> tuple[Measured, float]:
    """Return by how many bits a trial one candidate is behind another, and the standard error."""
    found = _bootstrap(shown, by_concept=by_concept).difference(best, other)
    return found, (found.ci95[1] - found.ci95[0]) / (2 * Z95)


def judgement(
    name: str,
    own: Float64,
    best: Float64,
    answers: HeldOut,
    seconds: float,
    *,
    simplest: bool,
    taken: bool,
    given_up: bool,
    by_concept: bool,
) -> Judgement:
    """Return what a candidate is worth.

    Parameters
    ----------
    name : str
        The candidate's.
    own, best : arrays of shape (n,)
        Its bits, and those of the best on the same trials.
    answers : HeldOut
        Its answers to these.
    seconds : float
        Time its fits took.
    simplest, taken, given_up : bool
        Whether nothing is simpler, it was taken, or it was not tried to the end.
    by_concept : bool
        As for :func:`chosen`.
    """
    mean = _bootstrap(answers, by_concept=by_concept).mean(own, 0.0)
    lag, error = behind(best, own, answers, by_concept=by_concept)
    lags = f"behind the best by {lag.value:.2f} bits a trial (standard error {error:.2f})"
    if taken and lag.value == 0:
        why = "taken: the best, and the simplest" if simplest else "taken: the best"
    elif taken:
        why = f"taken: the simplest within a standard error of the best, {lags}"
    elif given_up:
        why = f"given up: {lags}"
    else:
        why = lags if lag.value > 0 else "the best, but not told from one that is simpler"
    return Judgement(
        name,
        len(np.unique(answers.part)),
        mean.value,
        mean.ci95,
        float((answers.ranks == 1).mean()),
        lag.value,
        lag.ci95,
        seconds,
        why,
    )


def _bootstrap(held_out: HeldOut, *, by_concept: bool) -> Bootstrap:
    """Return what draws other concepts, or, where there are too few, other trials."""
    concepts = held_out.shown.astype(np.int64)
    enough = by_concept and len(np.unique(concepts)) >= LEAST
    over = Resampling("concepts" if enough else "trials", draws=1000)
    return Bootstrap(concepts, np.zeros(len(concepts), np.int64), over)
