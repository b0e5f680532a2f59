"""Results as JSON in UDP datagrams, for programs that speak nothing else.

Concurrent activities: none. Sending waits for nobody (:mod:`~saccade.realtime.sinks.datagrams`).
"""

from __future__ import annotations

from typing import Any

from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.datagrams import Datagrams
from saccade.realtime.sinks.messages import decision_message, message, rejected_message, to_json
from saccade.realtime.types import Decision, Epoch, Prediction, StreamSpec


class UDPSink(QuietSink):
    """Sends each prediction, rejected epoch and decision as a datagram of JSON.

    The messages are those of :mod:`saccade.realtime.sinks.messages`.

    Parameters
    ----------
    host, port
        As for :class:`~saccade.realtime.sinks.datagrams.Datagrams`.
    """

    def __init__(self, host: str, port: int) -> None:
        self.datagrams = Datagrams(host, port)

    @property
    def n_lost(self) -> int:
        """How many messages could not be sent."""
        return self.datagrams.n_lost

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Look up the address."""
        self._simulated = spec.simulated
        self.datagrams.open()

    def prediction(self, prediction: Prediction) -> None:
        """Send a prediction."""
        self._send(message(prediction))

    def rejected(self, epoch: Epoch) -> None:
        """Send an epoch that is not decoded."""
        self._send(rejected_message(epoch, simulated=self._simulated))

    def decision(self, decision: Decision) -> None:
        """Send a decision."""
        self._send(decision_message(decision))

    def close(self, summary: dict[str, Any]) -> None:
        """Let go of the socket."""
        self.datagrams.close()

    def _send(self, content: dict[str, Any]) -> None:
        self.datagrams.send(to_json(content).encode())
