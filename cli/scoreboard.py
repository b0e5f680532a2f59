"""Counts what was right, where the truth is known: a sink like any other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from saccade.models.evaluation import accuracy, auc, auc_interval
from saccade.realtime.types import Epoch, Prediction, StreamSpec


class Scoreboard:
    """Collects the place of the shown concept in every prediction whose truth is known.

    Epochs that were rejected, but decoded all the same, count only in ``accuracy_all``.

    Parameters
    ----------
    names : sequence of str
        The gallery's concepts, in order.
    shown : sequence of str
        The concepts that may be shown; with two of them, the area under the ROC curve of the
        one's score over the other's is reported too.
    """

    def __init__(self, names: Sequence[str], shown: Sequence[str]) -> None:
        self._gallery_size = len(names)
        row_of = {name.casefold(): row for row, name in enumerate(names)}
        rows = [row_of[name.casefold()] for name in dict.fromkeys(shown)]
        self._pair = tuple(rows) if len(rows) == 2 else None
        self._pair_name = names[rows[0]].casefold() if self._pair else ""
        self.ranks: list[int] = []
        self.labels: list[str] = []
        self._good: list[bool] = []
        self._contrast: list[float] = []

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Need nothing."""

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
            self._contrast.append(float(scores[self._pair[0]] - scores[self._pair[1]]))

    def rejected(self, epoch: Epoch) -> None:
        """Count nothing: what is not decoded is neither right nor wrong."""

    def status(self, status: dict[str, Any]) -> None:
        """Need nothing."""

    def close(self, summary: dict[str, Any]) -> None:
        """Add the accuracy to the summary."""
        if any(self._good):
            summary["accuracy"] = self.result(only_good=True)
        if self.ranks and not all(self._good):
            summary["accuracy_all"] = self.result(only_good=False)

    def result(self, *, only_good: bool) -> dict[str, Any]:
        """Return the figures, over the good epochs or over all that were decoded."""
        kept = [i for i, good in enumerate(self._good) if good or not only_good]
        labels = [self.labels[i] for i in kept]
        result = accuracy([self.ranks[i] for i in kept], self._gallery_size, labels).to_dict()
        if self._pair and len({label.casefold() for label in labels}) == 2:
            first = [label.casefold() == self._pair_name for label in labels]
            contrast = [self._contrast[i] for i in kept]
            result["auc"] = auc(contrast, first)
            if 1 < sum(first) < len(first) - 1:  # an interval needs two of each
                result["ci95_auc"] = list(auc_interval(contrast, first))
        return result
