"""Counts for the summary what a session can tell only at its end: what was rejected, what was bad.

A sink like any other, which the others should follow: it adds to their summary.
"""

from __future__ import annotations

import collections
import re
from typing import Any

from saccade.realtime.quality.monitor import TOO_EARLY
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import Epoch, Prediction, QualityReport, StreamSpec


class Tally(QuietSink):
    """Adds to the summary why epochs were rejected, and which channels were not good.

    ``epochs`` gets ``reasons``, how many epochs were rejected for each; one may have several. Where
    channels are judged, there is ``quality``: ``judged_s``, for how long, in seconds of signal;
    ``bad`` and ``doubtful``, the channels that were, each with ``s``, for how long, and ``reason``,
    the newest; but not those of which nothing can be said yet. A stream whose rate was not what it
    announced, by the newest health, has ``wrong_rate``, with ``effective_sfreq`` and
    ``nominal_sfreq`` in Hz.
    """

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Begin to count."""
        self._sfreq = spec.sfreq
        self._reasons: collections.Counter[str] = collections.Counter()
        self._judged = 0  # samples
        self._health: dict[str, Any] = {}
        self._not_good: dict[str, dict[str, dict[str, Any]]] = {"bad": {}, "doubtful": {}}

    def prediction(self, prediction: Prediction) -> None:
        """Count a rejected epoch that is decoded all the same."""
        self.rejected(prediction.epoch)

    def rejected(self, epoch: Epoch) -> None:
        """Count an epoch's reasons."""
        self._reasons.update(dict.fromkeys(map(kind_of, epoch.rejected), 1))

    def quality(self, report: QualityReport) -> None:
        """Take the state of the channels since the last report."""
        n_new, self._judged = report.index + 1 - self._judged, report.index + 1
        told = zip(report.ch_names, report.states, report.reasons, strict=True)
        for name, state, reason in told:
            if state in self._not_good and TOO_EARLY not in reason:
                about = self._not_good[state].setdefault(name, {"s": 0.0})
                about["s"] = round(about["s"] + n_new / self._sfreq, 3)
                about["reason"] = reason

    def health(self, health: dict[str, Any]) -> None:
        """Take the state of the stream."""
        self._health = health

    def close(self, summary: dict[str, Any]) -> None:
        """Add what was counted."""
        if self._reasons:
            summary["epochs"]["reasons"] = dict(self._reasons.most_common())
        if self._judged:
            judged_s = round(self._judged / self._sfreq, 3)
            summary["quality"] = {"judged_s": judged_s, **self._not_good}
        if self._health.get("wrong_rate"):
            summary["wrong_rate"] = {
                key: self._health[key] for key in ("effective_sfreq", "nominal_sfreq")
            }

    def abandon(self) -> None:
        """Do nothing."""


def kind_of(reason: str) -> str:
    """Return a reason to reject without its numbers.

    "peak to peak 143 µV on AF7" and "peak to peak 120 µV on TP9" are one kind.
    """
    return re.split(r"\d", reason)[0].strip()
