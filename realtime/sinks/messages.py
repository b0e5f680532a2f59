"""Results as messages for JSON: the same over LSL and in a log.

JSON has no NaN and no infinity; both become null, as everything that was not measured does.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from saccade.realtime.types import Decision, Epoch, Prediction, QualityReport, StreamEvent


def message(prediction: Prediction, labels: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return a prediction as a message.

    Parameters
    ----------
    prediction : Prediction
        What was decoded.
    labels : mapping of str to int, optional
        Concepts whose cosine is told wherever they rank, and their rows in the gallery.

    Returns
    -------
    dict
        ``type`` is "prediction"; ``epoch`` its number; ``onset_s``, ``marker``, ``label``,
        ``label_rank``, ``flags`` (words), ``rejected`` (why it must not count, if it was decoded
        all the same) and ``simulated`` as in :class:`~saccade.realtime.types.Prediction`;
        ``top`` has name, row, score and probability of the best; ``shown`` the score of each of
        ``labels``; ``latency_ms`` each part of the latency.
    """
    ranking = prediction.ranking
    return {
        "type": "prediction",
        **_about(prediction.epoch),
        "label_rank": prediction.label_rank,
        "top": [
            {"name": c.name, "row": c.row, "score": c.score, "probability": c.probability}
            for c in ranking.top
        ],
        "shown": {name: float(ranking.scores[row]) for name, row in (labels or {}).items()},
        "latency_ms": {
            part.removesuffix("_s"): 1e3 * seconds
            for part, seconds in dataclasses.asdict(prediction.latency).items()
        },
        "simulated": prediction.simulated,
    }


def rejected_message(epoch: Epoch, *, simulated: bool) -> dict[str, Any]:
    """Return an epoch that is not decoded as a message: ``type`` is "rejected"."""
    return {
        "type": "rejected",
        **_about(epoch),
        "n_missing": epoch.n_missing,
        "simulated": simulated,
    }


def decision_message(decision: Decision) -> dict[str, Any]:
    """Return a decision as a message.

    Returns
    -------
    dict
        ``type`` is "decision"; ``epochs`` and ``left_out`` are how many counted and how many did
        not; ``top`` has name and probability of the best; the rest as in
        :class:`~saccade.realtime.types.Decision`.
    """
    return {
        "type": "decision",
        "number": decision.number,
        "mode": decision.mode,
        "choice": decision.choice,
        "item": decision.item,
        "probability": decision.probability,
        "epochs": decision.n_epochs,
        "left_out": decision.n_left_out,
        "started_s": decision.started_s,
        "stamp_s": decision.stamp_s,
        "elapsed_s": decision.elapsed_s,
        "ending": decision.ending,
        "top": [{"name": name, "probability": p} for name, p in decision.top],
        "truth": decision.truth,
        "simulated": decision.simulated,
    }


def event_content(event: StreamEvent) -> dict[str, Any]:
    """Return what happened to a stream as a message: ``event`` is its kind."""
    content = {"event": event.kind, "stream": event.stream, "text": event.text, "at_s": event.at_s}
    return content if event.command is None else content | {"command": dict(event.command)}


def quality_content(report: QualityReport) -> dict[str, Any]:
    """Return which channels are doubtful or bad: ``channels`` has their states and reasons."""
    told = zip(report.ch_names, report.states, report.reasons, strict=True)
    return {
        "channels": {
            name: {"state": state, "reason": reason}
            for name, state, reason in told
            if state in ("doubtful", "bad")
        }
    }


def to_json(content: Mapping[str, Any]) -> str:
    """Return a message as one line of JSON, without NaN and in ASCII.

    In a marker there may be characters that some programs take for the end of a line.
    """
    return json.dumps(_plain(content), allow_nan=False)


def _about(epoch: Epoch) -> dict[str, Any]:
    return {
        "epoch": epoch.number,
        "onset_s": epoch.onset_s,
        "marker": epoch.marker,
        "label": epoch.label,
        "flags": epoch.flags.words(),
        "rejected": list(epoch.rejected),
    }


def _plain(value: Any) -> Any:
    """Return a value in the types that JSON has."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
