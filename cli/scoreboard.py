"""Counts what was right, where the truth is known: a sink like any other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from saccade.models.evaluation.accuracy import accuracy, auc, auc_interval
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import Prediction, StreamEvent


def is_swap(event: StreamEvent) -> bool:
    """Return whether an event says that another decoder takes over."""
    return event.kind == "command" and (event.command or {}).get("do") == "swap"


class Scoreboard(QuietSink):
    """Collects the place of the shown concept in every prediction whose truth is known.

    Epochs that were rejected, but decoded all the same, count only in ``accuracy_all``. Where
    another decoder took over, all is of its own predictions, and ``before_swap`` of the accuracy
    says how many with a known truth were made before.

    Parameters
    ----------
    gallery_size : int
        Number of concepts ranked.
    shown : mapping of str to int
        The concepts that may be shown, where that is known, and their rows in the gallery; with
        two of them, the area under the ROC curve of the one's score over the other's is told too.
    """

    def __init__(self, gallery_size: int, shown: Mapping[str, int]) -> None:
        self._gallery_size = gallery_size
        self._pair = tuple(shown.items()) if len(shown) == 2 else None
        self.ranks: list[int] = []
        self.labels: list[str] = []
        self._good: list[bool] = []
        self._contrast: list[float] = []
        self._before_swap = 0

    def event(self, event: StreamEvent) -> None:
        """Begin anew when another decoder takes over."""
        if is_swap(event):
            self._before_swap += len(self.ranks)
            for counted in (self.ranks, self.labels, self._good, self._contrast):
                counted.clear()

    def prediction(self, prediction: Prediction) -> None:
        """Count one prediction."""
        label = prediction.epoch.label
        if prediction.label_rank is None or label is None:
            return
        self.ranks.append(prediction.label_rank)
        self.labels.append(label)
        self._good.append(not prediction.epoch.rejected)
        if self._pair:
            scores = prediction.ranking.scores
            (_, one), (_, other) = self._pair
            self._contrast.append(float(scores[one] - scores[other]))

    def close(self, summary: dict[str, Any]) -> None:
        """Add the accuracy to the summary."""
        if any(self._good):
            summary["accuracy"] = self.result(only_good=True)
        if self.ranks and not all(self._good):
            summary["accuracy_all"] = self.result(only_good=False)
        for key in ("accuracy", "accuracy_all"):
            if self._before_swap and key in summary:
                summary[key]["before_swap"] = self._before_swap

    def result(self, *, only_good: bool) -> dict[str, Any]:
        """Return the figures, over the good epochs or over all that were decoded."""
        kept = [i for i, good in enumerate(self._good) if good or not only_good]
        labels = [self.labels[i] for i in kept]
        result = accuracy([self.ranks[i] for i in kept], self._gallery_size, labels).to_dict()
        if self._pair and len(set(labels)) == 2:
            first = [label == self._pair[0][0] for label in labels]
            contrast = [self._contrast[i] for i in kept]
            result["auc"] = auc(contrast, first)
            if 1 < sum(first) < len(first) - 1:  # an interval needs two of each
                result["ci95_auc"] = list(auc_interval(contrast, first))
        return result
