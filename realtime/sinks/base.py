"""A sink that does nothing, for others to inherit from and say only what they care about."""

from __future__ import annotations

from typing import Any

from saccade.realtime.types import (
    Decision,
    Epoch,
    Prediction,
    QualityReport,
    Reading,
    StreamEvent,
    StreamSpec,
)


class QuietSink:
    """Takes everything and does nothing; see :class:`~saccade.realtime.protocols.Sink`."""

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Prepare for a session."""

    def received(self, reading: Reading) -> None:
        """Take what the source gave."""

    def prediction(self, prediction: Prediction) -> None:
        """Take a decoded epoch."""

    def rejected(self, epoch: Epoch) -> None:
        """Take an epoch that is not decoded."""

    def decision(self, decision: Decision) -> None:
        """Take what the evidence came to."""

    def event(self, event: StreamEvent) -> None:
        """Take what happened to a stream."""

    def quality(self, report: QualityReport) -> None:
        """Take the state of the channels."""

    def health(self, health: dict[str, Any]) -> None:
        """Take the state of the stream."""

    def status(self, status: dict[str, Any]) -> None:
        """Take the state of the session."""

    def close(self, summary: dict[str, Any]) -> None:
        """Take the summary and finish."""

    def abandon(self) -> None:
        """Finish, where nothing has begun: close without a word, if a sink has no more to do."""
        self.close({})
