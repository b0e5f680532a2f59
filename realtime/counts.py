"""What a session has counted so far, and the summary that every verb tells."""

from __future__ import annotations

import collections
from dataclasses import dataclass, field
from typing import Any

from saccade.realtime.epochs import Epocher
from saccade.realtime.pipeline import Pipeline
from saccade.realtime.protocols import Source


@dataclass(slots=True, eq=False)
class Counts:
    """What no other part of the engine counts.

    Parameters
    ----------
    received : int
        Samples.
    paused : int
        Epochs that were good, but complete while the session was paused.
    events, commands : Counter
        How often each kind of event happened to a stream, and each command was given.
    """

    received: int = 0
    paused: int = 0
    events: collections.Counter[str] = field(default_factory=collections.Counter)
    commands: collections.Counter[str] = field(default_factory=collections.Counter)

    def summary(self, source: Source, pipeline: Pipeline, epocher: Epocher) -> dict[str, Any]:
        """Return the counts of samples, markers and epochs, and whatever else happened."""
        markers: dict[str, Any] = {
            "received": epocher.n_markers,
            "unmatched": epocher.n_unmatched,
        }
        where_any = {
            "waiting": epocher.n_waiting,
            "lost": getattr(source, "markers_lost", 0),
            "unlabelled": dict(epocher.unlabelled.most_common()),
        }
        summary: dict[str, Any] = {
            "samples": {
                "received": self.received,
                "lost": pipeline.lost,
                "flagged": pipeline.flagged,
                "filled": pipeline.filled,
            },
            "markers": markers | _told(where_any),
            "epochs": {
                "total": epocher.n_epochs,
                "rejected": epocher.n_rejected + self.paused,
            },
        }
        return summary | _told(
            {
                "timing": {rule: n for rule, n in pipeline.timing.items() if n},
                "blocks": pipeline.reports(),
                "events": dict(self.events),
                "commands": dict(self.commands),
            }
        )


def _told(where_any: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in where_any.items() if value}
