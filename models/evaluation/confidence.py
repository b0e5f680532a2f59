"""How sure a decoder is: from the scores of one trial to the probability of every concept.

A cosine says in which direction the encoder's vector points, not how clearly. Where the vector's
length says that, as ridge's does, scores are multiplied by it; and where a few concepts are shown
unequally often, as targets are among non-targets, each has its own prior. Both are used only if
they make held-out trials more probable (:mod:`saccade.models.evaluation.confidence_fit`). And a
trial may tell nothing for once, as of somebody who looked away: no concept's probability falls
below what such lapses leave it. Concepts are ranked by cosine all the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from pydantic import ConfigDict
from scipy.special import log_softmax, logsumexp

from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64

Measure = Literal["cosine", "dot"]
"""What is divided by the temperature: the cosine, or the cosine times the vector's length."""


@dataclass(frozen=True, slots=True)
class Confidence:
    """How scores become probabilities.

    With s the scores, T the temperature, b the biases and l the share of lapses, it is ``(1 - l)
    softmax(s / T + b) + l softmax(b)``.

    Parameters
    ----------
    measure : {"cosine", "dot"}
        The score: cosine, or cosine times the length of the encoder's vector.
    temperature : float
        Above 0; the lower, the more sure.
    bias : dict of str to float
        Added for some concepts: the logarithm of how much more often than evenly they are shown.
        Concepts that are not named have 0.
    lapse : float
        Share of trials that tell nothing; 0 to below 1.

    Raises
    ------
    CalibrationError
        If there is no such measure, or a number is not finite or out of range.
    """

    __pydantic_config__ = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    measure: Measure
    temperature: float
    bias: dict[str, float] = field(default_factory=dict)
    lapse: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what gives no probability."""
        if self.measure not in get_args(Measure):
            raise CalibrationError(
                f"scores are measured by {' or '.join(get_args(Measure))}, not {self.measure!r}"
            )
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise CalibrationError(
                f"a temperature must be finite and above 0, not {self.temperature}"
            )
        if not 0 <= self.lapse < 1:
            raise CalibrationError(f"a share of lapses is at least 0 and below 1, not {self.lapse}")
        endless = [name for name, value in self.bias.items() if not math.isfinite(value)]
        if endless:
            raise CalibrationError(
                f"the bias of every concept must be finite, but that of {endless[0]!r} is "
                f"{self.bias[endless[0]]}"
            )

    def biases(self, names: Sequence[str]) -> Float64:
        """Return the bias of each concept of a gallery, (n_gallery,); capitals do not matter."""
        folded = {name.casefold(): value for name, value in self.bias.items()}
        return np.array([folded.get(name.casefold(), 0.0) for name in names])

    def probabilities(
        self, cosines: Float32 | Float64, lengths: Float32 | Float64 | float, biases: Float64
    ) -> Float64:
        """Return the probability of each concept.

        Parameters
        ----------
        cosines : array of shape (..., n_gallery)
            Of each trial with each concept.
        lengths : array of shape (...), or float
            Of the trials' vectors; not looked at for "cosine".
        biases : array of shape (n_gallery,)
            As from :meth:`biases`.

        Returns
        -------
        array of shape (..., n_gallery), float64
            Sums to 1 over the last axis.
        """
        scores = np.asarray(cosines, dtype=np.float64)
        if self.measure == "dot":
            scores = scores * np.asarray(lengths, dtype=np.float64)[..., None]
        logits = scores / self.temperature + biases
        return np.asarray(np.exp(with_lapses(logits, biases, self.lapse)))


def with_lapses(logits: Float64, biases: Float64, lapse: float) -> Float64:
    """Return log probabilities of trials, of which a share tells nothing but the biases.

    Parameters
    ----------
    logits : array of shape (..., n_gallery)
        Minus infinity for what is no candidate.
    biases : array of shape (n_gallery,)
        What is known without a trial.
    lapse : float
        Share that tells nothing.
    """
    log_p = log_softmax(logits, axis=-1)
    if lapse == 0:
        return np.asarray(log_p)
    candidates = np.where(np.isneginf(logits), -np.inf, biases)
    without = candidates - logsumexp(candidates, axis=-1, keepdims=True)
    return np.asarray(np.logaddexp(np.log1p(-lapse) + log_p, np.log(lapse) + without))


def bias_problems(bias: Mapping[str, float], names: Sequence[str]) -> list[str]:
    """Return which concepts have a bias but are not in a gallery."""
    known = {name.casefold() for name in names}
    return [name for name in bias if name.casefold() not in known]
