"""The loop: source → pipeline → epocher → decoder → decider → sinks.

Concurrent activities: one. Whoever calls :meth:`Engine.step` does everything, in order, in
that thread. Only ``source.read`` may block, for at most the time it is given; blocks, epocher and
decoder compute; sinks must not wait (LSL outlets and a line to a file do not). liblsl runs its
own threads, in C, which fill the inlets whether or not this loop is at work; an inlet holds six
minutes.

No clock is read for any decision: what comes out depends on the samples, stamps and markers
alone. The clock only measures latency.
"""

from __future__ import annotations

import collections
import dataclasses
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.realtime.epochs import Epocher
from saccade.realtime.latency import LatencyLog
from saccade.realtime.pipeline import Pipeline
from saccade.realtime.protocols import Clock, Decider, Decoder, Monitor, Sink, Source, Watch
from saccade.realtime.sampling import samples
from saccade.realtime.sinks.group import SinkGroup
from saccade.realtime.types import (
    Chunk,
    Decision,
    Epoch,
    Float32,
    Latency,
    Prediction,
    Reading,
    StreamSpec,
)

STATUS_EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class StepResult:
    """What one step brought; ``ended`` says that nothing more will come."""

    n_samples: int = 0
    n_markers: int = 0
    epochs: tuple[Epoch, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    decisions: tuple[Decision, ...] = ()
    ended: bool = False


class Engine:
    """Runs one session.

    Parameters
    ----------
    source : Source
        Where samples and markers come from.
    pipeline : Pipeline
        What is done to the samples.
    epocher : Epocher
        How epochs are cut.
    clock : callable
        Present time in s on the clock of the time stamps.
    decoder : Decoder or None
        What ranks the concepts; None only cuts epochs, as calibration needs it.
    sinks : sequence of Sink
        Where results go, in this order. One that raises is dropped and reported.
    decode_rejected : bool
        Decode rejected epochs too, as long as no sample is missing; they keep their reasons.
    session : dict
        Describes decoder and settings to the sinks; JSON-ready.
    monitor : Monitor or None
        What judges the channels; None reports no quality. One that raises is dropped, like a sink.
    watch : Watch or None
        What keeps an eye on the stream; None reports no health. The same holds for it.
    decider : Decider or None
        What gathers evidence over epochs; None decides nothing.
    """

    def __init__(
        self,
        source: Source,
        pipeline: Pipeline,
        epocher: Epocher,
        clock: Clock,
        decoder: Decoder | None = None,
        sinks: Sequence[Sink] = (),
        decode_rejected: bool = False,
        session: dict[str, Any] | None = None,
        monitor: Monitor | None = None,
        watch: Watch | None = None,
        decider: Decider | None = None,
    ) -> None:
        self.source = source
        self.pipeline = pipeline
        self.epocher = epocher
        self.clock = clock
        self.decoder = decoder
        self.decode_rejected = decode_rejected
        self.session = session or {}
        self.monitor = monitor
        self.watch = watch
        self.decider = decider
        self._sinks = SinkGroup(sinks, self.summary)

    @property
    def dropped_sinks(self) -> list[str]:
        """What has failed and takes part no more, each with the reason."""
        return list(self._sinks.dropped)

    def start(self, check: Callable[[StreamSpec], None] | None = None) -> StreamSpec:
        """Connect, prepare everything, and return what the stream carries.

        Parameters
        ----------
        check : callable, optional
            Called with the stream's spec before anything is built on it; raises if it won't do.
        """
        self.spec = self.source.open()
        try:
            if check is not None:
                check(self.spec)
            self.working_spec = self.pipeline.reset(self.spec)
            self.epocher.reset(self.working_spec)
            for observer in (self.monitor, self.watch):
                if observer is not None:
                    observer.reset(self.spec)
            self._events: collections.Counter[str] = collections.Counter()
            names = self.decoder.names if self.decoder else ()
            if self.decider is not None:
                self.decider.reset(names)
            self._row_of = {name.casefold(): row for row, name in reversed([*enumerate(names)])}
            self._n_received = self._n_predictions = self._n_decisions = 0
            self._latencies = LatencyLog()
            self._until_status, self._lowest, self._highest = self._fresh_extremes()
            self._sinks.open(self.spec, self.session)
        except BaseException:
            self.source.close()
            raise
        return self.spec

    def step(self, timeout_s: float) -> StepResult:
        """Take what has come within ``timeout_s`` and push it through.

        Raises
        ------
        SaccadeError
            Whatever the source or the decoder raises.
        """
        reading = self.source.read(timeout_s)
        if reading is None:
            return StepResult(ended=True)
        begun_s = self.clock()
        self._n_received += len(reading.chunk)
        if len(reading.chunk) or reading.markers or reading.clocks:
            self._sinks.each(operator.methodcaller("received", reading))
        chunk = self.pipeline.step(reading.chunk)
        epochs = self.epocher.step(chunk, reading.markers)
        cut_s = self.clock()
        predictions: list[Prediction] = []
        decisions: list[Decision] = []
        if self.decoder is not None:
            for epoch in epochs:
                ranking = None
                if not epoch.rejected or (self.decode_rejected and not epoch.n_missing):
                    predictions.append(self._decode(self.decoder, epoch, begun_s, cut_s))
                    ranking = predictions[-1].ranking
                else:
                    self._report_rejected(epoch)
                if self.decider is not None:
                    decisions += self._decided(self.decider.step(epoch, ranking))
        if self.decider is not None and len(chunk):
            decisions += self._decided(self.decider.advance(float(chunk.stamps[-1])))
        self._watch_amplitude(chunk)
        self._observe(reading)
        return StepResult(
            len(reading.chunk),
            len(reading.markers),
            tuple(epochs),
            tuple(predictions),
            tuple(decisions),
        )

    def run(self, stop: Callable[[StepResult], bool], timeout_s: float = 0.1) -> None:
        """Step until the source ends or ``stop``, asked after each step, returns True."""
        while True:
            result = self.step(timeout_s)
            if result.ended or stop(result):
                return

    def stop(self) -> dict[str, Any]:
        """Reject what is still waiting, close source and sinks, and return the summary."""
        try:
            for epoch in self.epocher.finish():
                self._report_rejected(epoch)
            if self.decider is not None:
                self._decided(self.decider.finish())
        finally:
            self.source.close()
            summary = self.summary()
            self._sinks.close(summary)
        if self.dropped_sinks:
            summary["dropped_sinks"] = self.dropped_sinks
        return summary

    def summary(self) -> dict[str, Any]:
        """Return the counts and latencies so far, under the keys that every verb uses.

        Of ``samples``, those ``filled`` in over short gaps are among the ``lost``.

        Where there are any, ``markers`` also has ``waiting``, the number of those whose samples
        have not come (many mean that they are stamped by another clock), ``lost``, how many the
        source knows that it could not read (its ``markers_lost``, if it has that), and
        ``unlabelled``, the count of each value without a label; and the summary has ``timing``,
        what else was seen in the stamps (:attr:`~saccade.realtime.pipeline.Pipeline.timing`),
        ``blocks``, what was repaired and cleaned
        (:meth:`~saccade.realtime.pipeline.Pipeline.reports`), ``events``, how often each kind of
        event happened to a stream, ``decisions``, how many were made, and ``dropped_sinks``.
        """
        summary: dict[str, Any] = {
            "samples": {
                "received": self._n_received,
                "lost": self.pipeline.lost,
                "flagged": self.pipeline.flagged,
                "filled": self.pipeline.filled,
            },
            "markers": {
                "received": self.epocher.n_markers,
                "unmatched": self.epocher.n_unmatched,
            },
            "epochs": {"total": self.epocher.n_epochs, "rejected": self.epocher.n_rejected},
            "predictions": self._n_predictions,
            "latency_ms": self._latencies.summary(),
            "simulated": self.spec.simulated,
        }
        timing = {rule: n for rule, n in self.pipeline.timing.items() if n}
        if timing:
            summary["timing"] = timing
        blocks = self.pipeline.reports()
        if blocks:
            summary["blocks"] = blocks
        if self.epocher.n_waiting:
            summary["markers"]["waiting"] = self.epocher.n_waiting
        markers_lost = getattr(self.source, "markers_lost", 0)
        if markers_lost:
            summary["markers"]["lost"] = markers_lost
        if self.epocher.unlabelled:
            summary["markers"]["unlabelled"] = dict(self.epocher.unlabelled.most_common())
        if self.decider is not None:
            summary["decisions"] = self._n_decisions
        if self._events:
            summary["events"] = dict(self._events)
        if self.dropped_sinks:
            summary["dropped_sinks"] = self.dropped_sinks
        return summary

    def _decode(self, decoder: Decoder, epoch: Epoch, begun_s: float, cut_s: float) -> Prediction:
        """Decode one epoch, publish it, and account for every part of its latency."""
        decoding_s = self.clock()
        ranking = decoder.decode(epoch)
        decoded_s = self.clock()
        live = self.spec.speed == 1.0
        ahead_s = self.pipeline.look_ahead_s  # of this much later samples, an output sample waits
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
        prediction = Prediction(
            epoch, ranking, _rank(ranking.scores, row), latency, self.spec.simulated
        )
        for sink in self._sinks:
            # Each sink is told how long publishing has taken before it.
            published = dataclasses.replace(latency, publishing_s=self.clock() - decoded_s)
            prediction = dataclasses.replace(prediction, latency=published)
            self._sinks.use(sink, operator.methodcaller("prediction", prediction))
        latency = dataclasses.replace(latency, publishing_s=self.clock() - decoded_s)
        self._latencies.add(latency)
        self._n_predictions += 1
        return dataclasses.replace(prediction, latency=latency)

    def _decided(self, decisions: Sequence[Decision]) -> Sequence[Decision]:
        """Publish decisions, and pass them on."""
        for decision in decisions:
            self._n_decisions += 1
            self._sinks.each(operator.methodcaller("decision", decision))
        return decisions

    def _observe(self, reading: Reading) -> None:
        """Tell what happened to the streams, how good the channels are, how the stream does."""
        for event in reading.events:
            self._events[event.kind] += 1
            self._sinks.each(operator.methodcaller("event", event))
        if self.monitor is not None:
            try:
                reports = self.monitor.step(reading.chunk)
            except Exception as error:  # it decides nothing, so it ends nothing
                self._sinks.note(self.monitor, error, "judges no more")
                self.monitor, reports = None, ()
            for report in reports:
                self._sinks.each(operator.methodcaller("quality", report))
        if self.watch is not None:
            try:
                health = self.watch.step(reading, self.clock())
            except Exception as error:
                self._sinks.note(self.watch, error, "watches no more")
                self.watch, health = None, None
            if health is not None:
                self._sinks.each(operator.methodcaller("health", health))

    def _report_rejected(self, epoch: Epoch) -> None:
        self._sinks.each(operator.methodcaller("rejected", epoch))

    def _watch_amplitude(self, chunk: Chunk) -> None:
        """Track each channel's extremes, and report status after every second of signal."""
        start = 0
        while start < len(chunk):
            stop = start + min(self._until_status, len(chunk) - start)
            self._lowest = np.minimum(self._lowest, chunk.data[start:stop].min(axis=0))
            self._highest = np.maximum(self._highest, chunk.data[start:stop].max(axis=0))
            self._until_status -= stop - start
            start = stop
            if self._until_status == 0:
                status = self.summary()
                status["ptp_uv"] = [round(float(v), 3) for v in self._highest - self._lowest]
                status["ch_names"] = list(self.working_spec.ch_names)
                self._sinks.each(operator.methodcaller("status", status))
                self._until_status, self._lowest, self._highest = self._fresh_extremes()

    def _fresh_extremes(self) -> tuple[int, Float32, Float32]:
        """Return the samples until the next status, and extremes that any sample exceeds."""
        spec = self.working_spec
        lowest = np.full(spec.n_channels, np.inf, np.float32)
        return max(1, samples(STATUS_EVERY_S, spec.sfreq)), lowest, -lowest


def _rank(scores: Float32, row: int | None) -> int | None:
    """Return the place of a row, 1 the best; equal scores in the order of the gallery."""
    if row is None:
        return None
    ahead = (scores > scores[row]).sum() + (scores[:row] == scores[row]).sum()
    return 1 + int(ahead)
