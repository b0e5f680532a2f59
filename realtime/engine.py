"""The loop: source → pipeline → epocher → decoder → decider → sinks.

Concurrent activities: one. Whoever calls :meth:`Engine.step` does everything, in order, in
that thread. Only ``source.read`` may block, for at most the time it is given; blocks, epocher and
decoder compute; sinks must not wait (LSL outlets and a line to a file do not). liblsl runs its
own threads, in C, which fill the inlets whether or not this loop is at work; an inlet holds six
minutes. Commands (:meth:`Engine.pause` to :meth:`Engine.end`) are given by the same thread, between
two steps; those of other threads wait in a queue for it (:mod:`saccade.realtime.control`).

No clock is read for any decision: what comes out depends on the samples, stamps and markers
alone, and on the sample at which a command was given. The clock only measures latency.
"""

from __future__ import annotations

import dataclasses
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from saccade.realtime.amplitude import Amplitudes
from saccade.realtime.counts import Counts
from saccade.realtime.decoding import Decoding
from saccade.realtime.epochs import Epocher
from saccade.realtime.errors import ControlError
from saccade.realtime.evidence.passage import Passage
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.observing import Observers
from saccade.realtime.pipeline import Pipeline
from saccade.realtime.protocols import Clock, Decider, Decoder, Monitor, Sink, Source, Watch
from saccade.realtime.sinks.group import SinkGroup
from saccade.realtime.types import (
    Chunk,
    Decision,
    Epoch,
    Marker,
    Prediction,
    Reading,
    StreamEvent,
    StreamSpec,
)

STATUS_EVERY_S = 1.0
CONTROL_MARKERS = "saccade-control"  # the stream that marks made by command seem to come from
PAUSED = "paused"  # why an epoch is not decoded meanwhile


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

    Attributes
    ----------
    paused : bool
        Nothing is decoded nor decided at present, by command.
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
        self._observers = Observers(monitor, watch, self._sinks, clock)

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
            self._observers.reset(self.spec)
            self._counts = Counts()
            self._decoding = Decoding(
                self.decoder, self.clock, self._sinks, self.spec, self.pipeline.look_ahead_s
            )
            self._passage = Passage(self.decider, self._tell_decision)
            self._passage.reset(self._decoding.names, self.epocher.reach_s)
            self._amplitudes = Amplitudes(self.working_spec, STATUS_EVERY_S)
            self._marks: list[Marker] = []  # made since the last step
            self._newest_s = math.nan  # of the samples that can be cut
            self._next_index = 0
            self.paused = self._ending = False
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
        return self._take(reading)

    def run(self, stop: Callable[[StepResult], bool], timeout_s: float = 0.1) -> None:
        """Step until the source ends, ``stop``, asked after each step, returns True, or `end`."""
        while not self._ending:
            result = self.step(timeout_s)
            if result.ended or stop(result):
                return

    def pause(self) -> None:
        """Decode and decide nothing until :meth:`resume`; receiving and recording go on.

        Epochs that become complete meanwhile are rejected as "paused". Evidence waits as it is;
        deadlines that pass fall due when it goes on.
        """
        self._obeyed("pause", "predictions and decisions pause")
        self.paused = self._passage.holding = True

    def resume(self) -> None:
        """Go on with decoding, from the next epoch."""
        self._obeyed("resume", "predictions and decisions go on")
        self.paused = self._passage.holding = False

    def clear(self) -> Sequence[Decision]:
        """Forget the evidence so far; publish and return what that ends."""
        self._obeyed("reset", "the evidence so far is forgotten")
        return self._passage.clear()

    def mark(self, value: str) -> Marker:
        """Put a marker at the newest sample; it goes the way of any other, from the next step on.

        Raises
        ------
        ControlError
            If there is no sample to put it at.
        """
        if math.isnan(self._newest_s):
            raise ControlError("a mark stands at the newest sample, but none has come: wait")
        marker = Marker(value, self._newest_s, CONTROL_MARKERS, self.clock())
        self._obeyed("mark", f"mark '{value}' at {marker.stamp:.3f} s", value=value)
        self._marks.append(marker)
        return marker

    def swap(
        self, decoder: Decoder, evidence: EvidenceSettings | None = None, **about: Any
    ) -> Sequence[Decision]:
        """Decode from the next epoch on with another decoder; evidence of the last is forgotten.

        Parameters
        ----------
        decoder : Decoder
            It must rank the same concepts, and take the epochs that are cut.
        evidence : EvidenceSettings or None
            How its evidence is weighed, of the mode at work; None where nothing is decided.
        **about
            What to tell of it beside the command, JSON-ready.

        Returns
        -------
        sequence of Decision
            What the end of the evidence so far decides; published already.

        Raises
        ------
        ControlError
            If nothing is decoded here, or other concepts are; or something is decided, but not
            said how the decoder's evidence is weighed.
        """
        if self.decoder is None:
            raise ControlError("there is no decoder at work that another could follow")
        came, ranked = tuple(decoder.names), self._decoding.names
        if came != ranked:
            raise ControlError(
                f"the decoder must rank the same {len(ranked)} concepts in the same order, but "
                f"has {len(came)} others: start a new session with it"
            )
        if self.decider is not None and evidence is None:
            raise ControlError("decisions weigh what the decoder says: tell how, for the other one")
        self._obeyed("swap", "another decoder takes over", **about)
        decisions = self._passage.clear()
        if evidence is not None:
            self._passage.adopt(evidence)
        self.decoder = decoder
        self.session = self.session | about
        return decisions

    def end(self) -> None:
        """Let :meth:`run` return after the present step."""
        self._obeyed("stop", "the session is to end")
        self._ending = True

    def stop(self) -> dict[str, Any]:
        """Reject what is still waiting, close source and sinks, and return the summary."""
        try:
            if self._marks:  # since the last step
                self._take(Reading(Chunk.empty(self.spec.n_channels, self._next_index)))
            for epoch in self.epocher.finish():
                self._report_rejected(epoch)
            if not self.paused:
                self._passage.finish()
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
        event happened to a stream, ``decisions``, how many were made, ``commands``, how often
        each was given, ``paused``, ``alignment``, what the decoder says of how it is aligned to
        its user (if it has an ``alignment``), and ``dropped_sinks``.
        """
        summary = self._counts.summary(self.source, self.pipeline, self.epocher) | {
            "predictions": self._decoding.n_predictions,
            "latency_ms": self._decoding.latencies.summary(),
            "simulated": self.spec.simulated,
        }
        if self.decider is not None:
            summary["decisions"] = self._passage.n_decisions
        where_any = {
            "paused": self.paused,
            "alignment": getattr(self.decoder, "alignment", None),
            "dropped_sinks": self.dropped_sinks,
            "undelivered": self._sinks.undelivered,
        }
        return summary | {key: told for key, told in where_any.items() if told}

    def _take(self, reading: Reading) -> StepResult:
        """Push a reading through, after the marks made since the last one."""
        begun_s = self.clock()
        if self._marks:
            marks, self._marks = self._marks, []
            reading = dataclasses.replace(reading, markers=(*marks, *reading.markers))
        self._counts.received += len(reading.chunk)
        self._next_index = reading.chunk.index + len(reading.chunk)
        if len(reading.chunk) or reading.markers or reading.clocks:
            self._sinks.each(operator.methodcaller("received", reading))
        chunk = self.pipeline.step(reading.chunk)
        epochs = self.epocher.step(chunk, reading.markers)
        cut_s = self.clock()
        if self.paused:
            epochs = [self._left_out(epoch) for epoch in epochs]
        predictions: list[Prediction] = []
        decisions: list[Decision] = []
        self._passage.take(chunk, reading.markers)
        if self.decoder is not None:
            for epoch in epochs:
                ranking = None
                if not self.paused and self._decodable(epoch):
                    made = self._decoding.step(self.decoder, epoch, begun_s, cut_s)
                    predictions.append(made)
                    ranking = made.ranking
                else:
                    self._report_rejected(epoch)
                if not self.paused:
                    decisions += self._passage.step(epoch, ranking)
        if len(chunk):
            self._newest_s = float(chunk.stamps[-1])
        decisions += self._passage.rest()
        self._tell_status(chunk)
        for event in reading.events:
            self._counts.events[event.kind] += 1
            self._sinks.each(operator.methodcaller("event", event))
        self._observers.step(reading)
        return StepResult(
            len(reading.chunk),
            len(reading.markers),
            tuple(epochs),
            tuple(predictions),
            tuple(decisions),
        )

    def _tell_decision(self, decision: Decision) -> Decision:
        told = dataclasses.replace(decision, simulated=self.spec.simulated)
        self._sinks.each(operator.methodcaller("decision", told))
        return told

    def _decodable(self, epoch: Epoch) -> bool:
        return not epoch.rejected or (self.decode_rejected and not epoch.n_missing)

    def _left_out(self, epoch: Epoch) -> Epoch:
        """Return an epoch that is not decoded because the session is paused."""
        self._counts.paused += not epoch.rejected
        return dataclasses.replace(epoch, rejected=(*epoch.rejected, PAUSED))

    def _report_rejected(self, epoch: Epoch) -> None:
        self._sinks.each(operator.methodcaller("rejected", epoch))

    def _obeyed(self, do: str, text: str, **about: Any) -> None:
        """Count a command, and tell of it."""
        self._counts.commands[do] += 1
        command = {"do": do, "index": self._next_index, **about}
        event = StreamEvent("command", self.spec.name, text, self.clock(), command)
        self._sinks.each(operator.methodcaller("event", event))

    def _tell_status(self, chunk: Chunk) -> None:
        """Report the status after every second of signal."""
        for ptp_uv in self._amplitudes.step(chunk):
            status = self.summary()
            status["ptp_uv"] = [round(float(v), 3) for v in ptp_uv]
            status["ch_names"] = list(self.working_spec.ch_names)
            self._sinks.each(operator.methodcaller("status", status))
