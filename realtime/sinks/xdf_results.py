"""What a session says, as rows of the recorded streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from saccade.realtime.protocols import Clock
from saccade.realtime.quality import layout
from saccade.realtime.sinks.messages import message, to_json
from saccade.realtime.sinks.scores import score_channels, score_values
from saccade.realtime.types import Float64, Prediction, QualityReport
from saccade.realtime.xdf.background import Rows
from saccade.realtime.xdf.streams import Streams


class Results:
    """Turns results into rows, stamped with the present time.

    A stream is announced with its first row, and not before what goes into it is known to be
    sound.

    Parameters
    ----------
    streams : Streams
        Of the recording.
    clock : callable
        Present time in seconds.
    top_k : int
        How many of the best concepts the scores have.
    labels : mapping of str to int
        Concepts whose score every prediction tells, and their rows in the gallery.
    """

    def __init__(
        self, streams: Streams, clock: Clock, top_k: int, labels: Mapping[str, int]
    ) -> None:
        self._streams = streams
        self._clock = clock
        self._top_k = top_k
        self._labels = labels

    def text(self, role: str, content: Mapping[str, Any]) -> Rows:
        """Return a message as JSON."""
        text = to_json(content)
        return Rows(self._streams.own(role), self._now(), [text])

    def prediction(self, prediction: Prediction) -> list[Rows]:
        """Return a prediction as JSON and as numbers."""
        text = self.text("predictions", message(prediction, self._labels))
        values = np.array([score_values(prediction, self._top_k)])
        channels = list(score_channels(self._top_k).items())
        scores = self._streams.numeric("scores", "double64", channels)
        return [text, Rows(scores, text.stamps, values)]

    def quality(self, report: QualityReport) -> list[Rows]:
        """Return the measures and states of the channels as numbers."""
        values, names = layout.row(report)[np.newaxis], report.ch_names
        columns, about = layout.columns(names), layout.about(names)
        stream = self._streams.numeric("quality", "float32", columns, quality=about)
        return [Rows(stream, self._now(), values)]

    def _now(self) -> Float64:
        return np.array([self._clock()])
