"""How much a decision tells, in bits, each figure with what it assumes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float64


def wolpaw_bits(accuracy: float, n_alternatives: int) -> float:
    """Return the bits of a decision after Wolpaw et al. (2000), IEEE Trans Rehabil Eng 8:164.

    log2 N + P log2 P + (1 - P) log2 ((1 - P) / (N - 1)). It assumes that all N alternatives are
    meant equally often, that each is decided for rightly with the same probability P, that errors
    fall evenly on the others, and that decisions are independent. Below chance it is 0, for the
    formula would praise a decoder that is always wrong.

    Parameters
    ----------
    accuracy : float
        P, 0 to 1.
    n_alternatives : int
        N, at least 2.
    """
    if n_alternatives < 2 or not 0 <= accuracy <= 1:
        raise ConfigError(
            f"bits are of a share from 0 to 1 among at least 2 alternatives, not of {accuracy:g} "
            f"among {n_alternatives}"
        )
    if accuracy <= 1 / n_alternatives:
        return 0.0
    bits = math.log2(n_alternatives) + accuracy * math.log2(accuracy)
    if accuracy < 1:
        bits += (1 - accuracy) * math.log2((1 - accuracy) / (n_alternatives - 1))
    return bits


def mutual_bits(truth: Sequence[str], decided: Sequence[str | None]) -> float:
    """Return the mutual information of what was meant and what was decided, in bits a decision.

    It assumes neither equal use nor even errors, and an abstention is an answer like any other.
    The plug-in estimate is too large by about (cells that occur - rows - columns + 1) / (2 n log 2)
    (Miller 1955, Note on the bias of information estimates; cells of the table that are empty are
    not counted), which is taken off; not below 0.

    Parameters
    ----------
    truth, decided : sequences of length n
        At least one.
    """
    if len(truth) == 0 or len(truth) != len(decided):
        raise ConfigError(
            "information needs at least one decision with a truth for each, but "
            f"{len(truth)} and {len(decided)} came"
        )
    rows = {name: row for row, name in enumerate(dict.fromkeys(truth))}
    columns = {name: column for column, name in enumerate(dict.fromkeys(decided))}
    table = np.zeros((len(rows), len(columns)))
    for meant, said in zip(truth, decided, strict=True):
        table[rows[meant], columns[said]] += 1
    n = float(table.sum())
    plug_in = (
        _entropy(table.sum(axis=0) / n) + _entropy(table.sum(axis=1) / n) - _entropy(table / n)
    )
    freedom = int(np.count_nonzero(table)) - len(rows) - len(columns) + 1
    return max(0.0, plug_in - freedom / (2 * n * math.log(2)))


def _entropy(shares: Float64) -> float:
    """Return the entropy in bits."""
    positive = shares[shares > 0]
    return float(-(positive * np.log2(positive)).sum())
