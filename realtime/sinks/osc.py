"""Results as Open Sound Control messages in UDP datagrams, for Max, Unity, TouchDesigner.

``/PREFIX/decision``
    choice (string, "" where it was abstained), probability (float32), epochs that counted (int32),
    elapsed seconds (float32), mode (string), ending (string), item (string, "" where there is
    none).
``/PREFIX/prediction``
    name of the best concept (string), its probability (float32), number of the epoch (int32), label
    (string, "" where the truth is unknown).

Concurrent activities: none. Sending waits for nobody (:mod:`~saccade.realtime.sinks.datagrams`).
"""

from __future__ import annotations

from typing import Any

from pythonosc.osc_message_builder import OscMessageBuilder

from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.datagrams import Datagrams
from saccade.realtime.types import Decision, Prediction, StreamSpec


class OSCSink(QuietSink):
    """Sends each prediction and each decision; see the module.

    Parameters
    ----------
    host, port
        As for :class:`~saccade.realtime.sinks.datagrams.Datagrams`.
    prefix : str
        First part of the messages' addresses.
    """

    def __init__(self, host: str, port: int, prefix: str = "saccade") -> None:
        self.datagrams = Datagrams(host, port)
        self._prefix = prefix

    @property
    def n_lost(self) -> int:
        """How many messages could not be sent."""
        return self.datagrams.n_lost

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Look up the address."""
        self.datagrams.open()

    def prediction(self, prediction: Prediction) -> None:
        """Send a prediction."""
        best, epoch = prediction.ranking.top[0], prediction.epoch
        self._send("prediction", "sfis", best.name, best.probability, epoch.number, epoch.label)

    def decision(self, decision: Decision) -> None:
        """Send a decision."""
        d = decision
        values = (d.choice, d.probability, d.n_epochs, d.elapsed_s, d.mode, d.ending, d.item)
        self._send("decision", "sfifsss", *values)

    def close(self, summary: dict[str, Any]) -> None:
        """Let go of the socket."""
        self.datagrams.close()

    def _send(self, what: str, types: str, *values: str | float | None) -> None:
        built = OscMessageBuilder(f"/{self._prefix}/{what}")
        for kind, value in zip(types, values, strict=True):
            built.add_arg("" if value is None else value, kind)
        self.datagrams.send(built.build().dgram)
