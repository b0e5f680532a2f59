"""Latencies of a session, kept as they come and summed up as percentiles."""

from __future__ import annotations

import array
import math

import numpy as np

from saccade.realtime.types import Latency

PERCENTILES = (50, 95, 99)


class LatencyLog:
    """Collects the latency of epochs and predictions; 16 bytes each.

    Where a stream's stamps are not in step with the clock (fast replay), transport is unknown
    and latency counts from the arrival of the last sample instead of its stamp;
    ``counted_from`` says which of the two it was.
    """

    def __init__(self) -> None:
        self._epoch = array.array("d")
        self._prediction = array.array("d")
        self.counted_from = "arrival"

    def add(self, latency: Latency) -> None:
        """Take the latency of one prediction."""
        until_epoch = latency.wait_s + latency.preprocessing_s
        if not math.isnan(latency.transport_s):
            self.counted_from = "stamp"
            until_epoch += latency.transport_s
        self._epoch.append(until_epoch)
        self._prediction.append(
            until_epoch + latency.encoder_s + latency.retrieval_s + latency.publishing_s
        )

    def summary(self) -> dict[str, dict[str, float | None] | str]:
        """Return p50, p95 and p99 in ms, of the epoch in hand and of the prediction out."""
        return {
            "epoch": _percentiles(self._epoch),
            "prediction": _percentiles(self._prediction),
            "counted_from": self.counted_from,
        }


def _percentiles(seconds: array.array[float]) -> dict[str, float | None]:
    values = np.asarray(seconds) * 1e3
    values = values[np.isfinite(values)]
    if len(values) == 0:
        return {f"p{q}": None for q in PERCENTILES}
    found = np.percentile(values, PERCENTILES)
    return {f"p{q}": round(float(v), 3) for q, v in zip(PERCENTILES, found, strict=True)}
