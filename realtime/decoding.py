"""One epoch decoded and published, with every part of its latency accounted for."""

from __future__ import annotations

import dataclasses
import math
import operator

from saccade.realtime.latency import LatencyLog
from saccade.realtime.protocols import Clock, Decoder
from saccade.realtime.sinks.group import SinkGroup
from saccade.realtime.types import Epoch, Float32, Latency, Prediction, StreamSpec


class Decoding:
    """A decoder at work in a session, or none.

    Parameters
    ----------
    decoder : Decoder or None
        What ranks the concepts; None ranks none.
    clock : callable
        Present time in s on the clock of the time stamps.
    sinks : SinkGroup
        Who is told.
    spec : StreamSpec
        The stream; whether its stamps are in step with the clock, and whether it is simulated.
    look_ahead_s : float
        Of this much later samples, a sample that can be cut waits.

    Attributes
    ----------
    names : tuple of str
        The concepts ranked.
    latencies : LatencyLog
        Of all predictions.
    n_predictions : int
        How many there were.
    """

    def __init__(
        self,
        decoder: Decoder | None,
        clock: Clock,
        sinks: SinkGroup,
        spec: StreamSpec,
        look_ahead_s: float,
    ) -> None:
        self.names = () if decoder is None else tuple(decoder.names)
        self.latencies = LatencyLog()
        self.n_predictions = 0
        self._clock = clock
        self._sinks = sinks
        self._spec = spec
        self._ahead_s = look_ahead_s
        self._row_of = {name.casefold(): r for r, name in reversed([*enumerate(self.names)])}

    def step(self, decoder: Decoder, epoch: Epoch, begun_s: float, cut_s: float) -> Prediction:
        """Decode an epoch, publish it, and return it as published.

        Parameters
        ----------
        decoder : Decoder
            The one at work now; it ranks :attr:`names`.
        epoch : Epoch
            What to decode.
        begun_s, cut_s : float
            When the loop took up what made it complete, and when it was cut.

        Raises
        ------
        SaccadeError
            Whatever the decoder raises.
        """
        decoding_s = self._clock()
        ranking = decoder.decode(epoch)
        decoded_s = self._clock()
        live = self._spec.speed == 1.0
        ahead_s = self._ahead_s
        whole_s = decoded_s - decoding_s  # for a decoder that does not say what took how long
        encoder_s = whole_s if math.isnan(ranking.encoder_s) else ranking.encoder_s
        received_s = begun_s if math.isnan(epoch.received_s) else epoch.received_s
        latency = Latency(
            transport_s=epoch.received_s - epoch.last_stamp_s - ahead_s if live else math.nan,
            # Late marker, then the steps before this one, then the epochs before this one.
            wait_s=(begun_s - received_s) + (decoding_s - cut_s),
            preprocessing_s=(cut_s - begun_s) + (ahead_s if live else 0.0),
            encoder_s=encoder_s,
            retrieval_s=(decoded_s - decoding_s) - encoder_s,
            publishing_s=0.0,
        )
        row = None if epoch.label is None else self._row_of.get(epoch.label.casefold())
        rank = None if row is None else _rank(ranking.scores, row)
        prediction = Prediction(epoch, ranking, rank, latency, self._spec.simulated)
        for sink in self._sinks:
            # Each sink is told how long publishing has taken before it.
            published = dataclasses.replace(latency, publishing_s=self._clock() - decoded_s)
            prediction = dataclasses.replace(prediction, latency=published)
            self._sinks.use(sink, operator.methodcaller("prediction", prediction))
        latency = dataclasses.replace(latency, publishing_s=self._clock() - decoded_s)
        self.latencies.add(latency)
        self.n_predictions += 1
        return dataclasses.replace(prediction, latency=latency)


def _rank(scores: Float32, row: int) -> int:
    """Return the place of a row, 1 the best; equal scores in the order of the gallery."""
    ahead = (scores > scores[row]).sum() + (scores[:row] == scores[row]).sum()
    return 1 + int(ahead)
