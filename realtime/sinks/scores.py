"""A prediction as numbers, for programs without JSON: the same over LSL and in a recording."""

from __future__ import annotations

import dataclasses
import math

from saccade.realtime.types import Prediction

SCORES = {"epoch": "count", "onset": "s", "latency": "ms", "label_rank": "count"}
"""First channels of the scores and their units; row, score and probability of each of the best
concepts follow. Latency is the sum of the parts that were measured. NaN stands for unknown."""

CANDIDATE = {"row": "count", "score": "cosine", "probability": "1"}


def score_channels(top_k: int) -> dict[str, str]:
    """Return name → unit of the channels, with those of the ``top_k`` best concepts."""
    best = {
        f"{name}_{place}": unit for place in range(1, top_k + 1) for name, unit in CANDIDATE.items()
    }
    return SCORES | best


def score_values(prediction: Prediction, top_k: int) -> list[float]:
    """Return a value for each of the channels."""
    parts = [s for s in dataclasses.astuple(prediction.latency) if math.isfinite(s)]
    rank = prediction.label_rank
    values = [
        float(prediction.epoch.number),
        prediction.epoch.onset_s,
        1e3 * sum(parts) if parts else math.nan,
        math.nan if rank is None else float(rank),
    ]
    top = prediction.ranking.top[:top_k]
    for candidate in top:
        values += [float(candidate.row), candidate.score, candidate.probability]
    return values + [math.nan] * (len(CANDIDATE) * (top_k - len(top)))
