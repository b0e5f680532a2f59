"""Bayes' rule over epochs that are not quite independent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32, Float64

LEAST = float(np.finfo(np.float32).tiny)  # a probability that a float32 has lost is this


def log_p(probabilities: Float32 | Float64) -> Float64:
    """Return logarithms, of at least 1.2e-38: no single epoch may rule out a concept for ever."""
    return np.asarray(np.log(np.maximum(np.asarray(probabilities, np.float64), LEAST)))


def effective(n: float, correlation: float) -> float:
    """Return the number of independent epochs that so many correlated ones are worth.

    For n equally correlated numbers the variance of the mean is that of
    n / (1 + (n - 1) correlation) independent ones (the design effect; Kish, 1965, Survey
    Sampling, section 5.4).

    Parameters
    ----------
    n : float
        Above 0; up to 1 counts as it is.
    correlation : float
        Of the evidence of two epochs about the same thing, given what is shown; 0 to below 1.
    """
    return n / (1 + max(n - 1, 0.0) * correlation)


def posterior(log_prior: Float64, total: Float64, n: float, correlation: float) -> Float64:
    """Return the probability of each alternative, (n_alternatives,).

    The prior times the likelihood ratios of all epochs, whose logarithms add up to ``total``. As
    n epochs are worth fewer independent ones, the sum is scaled down in that proportion; a single
    epoch stays as it is. For Gaussian evidence of equal correlation this is exact.

    Parameters
    ----------
    log_prior, total : array of shape (n_alternatives,), float64
        Up to a constant.
    n, correlation : float
        As for :func:`effective`.
    """
    share = effective(n, correlation) / n if n > 0 else 0.0
    log_weights = log_prior + share * total
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


def shares(names: Sequence[str], given: Mapping[str, float], what: str) -> Float64:
    """Return the probability of each name: as given, or an equal part of what is left.

    Parameters
    ----------
    names : sequence of str
        At least one.
    given : mapping of str to float
        Names, in upper or lower case, to probabilities that sum to at most 1.
    what : str
        What is read, for the message.

    Raises
    ------
    ConfigError
        If a name is unknown, or what is given leaves nothing for the others, or too much.
    """
    folded = {name.casefold(): p for name, p in given.items()}
    unknown = set(folded) - {name.casefold() for name in names}
    if unknown:
        raise ConfigError(
            f"{what} names {', '.join(sorted(unknown))}, which is not among the {len(names)} "
            f"alternatives ({', '.join(names[:3])}, …): correct it"
        )
    left = 1.0 - sum(folded.values())
    n_others = sum(name.casefold() not in folded for name in names)
    if (n_others == 0 and abs(left) > 1e-6) or (n_others and left <= 0):
        raise ConfigError(
            f"{what} sums to {1 - left:g} with {n_others} alternatives left over: all must have a "
            "probability above 0, and sum to 1"
        )
    values = np.array([folded.get(name.casefold(), left / max(n_others, 1)) for name in names])
    return np.asarray(values / values.sum())
