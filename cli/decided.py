"""Counts what was decided, and what of it was right: a sink like any other."""

from __future__ import annotations

import collections
from typing import Any

import numpy as np

from saccade.cli.scoreboard import is_swap
from saccade.models.evaluation.accuracy import wilson
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import Decision, StreamEvent


class DecisionBoard(QuietSink):
    """Adds to the summary what the decisions came to.

    ``decided`` has ``mode``, ``n``, ``chosen``, ``abstained``, ``endings`` (how many ended in each
    way), ``mean_epochs`` and ``mean_s``; where the truth of any is known, ``accuracy`` of those
    that were chosen and known (``right``, ``n``, ``share``, Wilson's ``ci95``), and ``meant``, how
    many known ones there were, chosen or not. Where another decoder took over, these are its own
    decisions, and ``before_swap`` says how many were made before.
    """

    def __init__(self) -> None:
        self._decisions: list[Decision] = []
        self._before_swap = 0

    def event(self, event: StreamEvent) -> None:
        """Begin anew when another decoder takes over."""
        if is_swap(event):
            self._before_swap += len(self._decisions)
            self._decisions = []

    def decision(self, decision: Decision) -> None:
        """Count a decision."""
        if decision.ending != "reset":
            self._decisions.append(decision)

    def close(self, summary: dict[str, Any]) -> None:
        """Add what was counted."""
        if not self._decisions:
            return
        chosen = [d for d in self._decisions if d.choice is not None]
        known = [d for d in chosen if d.truth is not None]
        told: dict[str, Any] = {
            "mode": self._decisions[0].mode,
            "n": len(self._decisions),
            "chosen": len(chosen),
            "abstained": len(self._decisions) - len(chosen),
            "endings": dict(collections.Counter(d.ending for d in self._decisions)),
            "mean_epochs": float(np.mean([d.n_epochs for d in self._decisions])),
            "mean_s": float(np.mean([d.elapsed_s for d in self._decisions])),
        }
        if self._before_swap:
            told["before_swap"] = self._before_swap
        if known:
            right = sum(d.choice == d.truth for d in known)
            told["accuracy"] = {
                "right": right,
                "n": len(known),
                "share": right / len(known),
                "ci95": list(wilson(right, len(known))),
            }
            told["meant"] = sum(d.truth is not None for d in self._decisions)
        summary["decided"] = told

    def abandon(self) -> None:
        """Do nothing."""
