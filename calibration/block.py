"""One block of a session: presented, recorded, and followed trial by trial.

Concurrent activities: those of :mod:`saccade.calibration.conduct`, whose loop runs
:meth:`Block.events`; it waits only in ``engine.step``, for at most :data:`STEP_S`.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from saccade.calibration.hands import Hands
from saccade.calibration.matching import Matching
from saccade.calibration.plan import CATCH, Plan, arrange
from saccade.calibration.resume import recorded_in
from saccade.calibration.session_events import (
    BlockOver,
    Ending,
    Event,
    FramesDropped,
    QuestionAnswered,
    StartBlock,
    TrialDone,
    TrialLost,
)
from saccade.calibration.watching import SILENCE_S
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher
from saccade.realtime.errors import SessionError, StreamLost, StreamNotFound
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import Epoch, Marker, QualityReport, Reading

STEP_S = 0.05
TAIL_S = 2.0  # of signal after the last window, in which a late marker may still come
SPARE_S = 0.5  # of signal between the settling of the filters and the first window


class Block:
    """Records a block.

    Parameters
    ----------
    order : StartBlock
        Which trials, in which recording.
    plan : Plan
        Of the session.
    hands : Hands
        What to do it with.
    pipeline : PipelineSettings
        As it will be calibrated with.
    path : Path
        Of the recording.

    Attributes
    ----------
    shown : int
        Pictures that count and were shown so far.
    """

    def __init__(
        self,
        order: StartBlock,
        plan: Plan,
        hands: Hands,
        pipeline: PipelineSettings,
        path: Path,
    ) -> None:
        self.shown = 0
        self._path = path
        self._pipeline = pipeline
        self._order = order
        self._plan = plan
        self._hands = hands
        self._recorder = hands.make_recorder(path)
        self._matching = Matching(plan, order.run, order.trials, hands.epochs)
        self._signal = _Signal()
        self._engine = Engine(
            hands.make_source(),
            Pipeline(pipeline),
            Epocher(hands.epochs),
            hands.clock,
            sinks=(self._recorder, self._signal),
            session={
                "calibration": {
                    "run": order.run,
                    "trials": list(order.trials),
                    "held_out": list(plan.held_out),
                }
            },
            monitor=hands.make_monitor(),
        )
        self._done: set[int] = set()
        self._targets: dict[int, str] = {}  # asked for, by sequence
        self._last_shown_s = -math.inf
        self._presented = False  # all that will be
        self._end: tuple[Ending, str] | None = None

    @property
    def markers(self) -> int:
        """Markers that came."""
        return self._matching.n_markers

    @property
    def bad(self) -> Mapping[str, str]:
        """Channels that are bad now, and why."""
        return self._signal.bad

    def events(self) -> Iterator[Event | None]:
        """Yield what happens, None where nothing does; the end last, when the file is closed.

        Raises
        ------
        SaccadeError
            If the stream can't be used, or whoever presents is gone.
        """
        run = self._order.run
        try:
            self._engine.start()
        except (StreamNotFound, StreamLost) as error:
            yield BlockOver(run, "stalled", 0, 0, str(error))
            return
        try:
            self._present()
            heard_s = self._hands.clock()
            while (end := self._end) is None:
                try:
                    result = self._engine.step(STEP_S)
                except StreamLost as error:
                    self._end = "stalled", str(error)
                    continue
                now_s = self._hands.clock()
                heard_s = now_s if result.n_samples else heard_s
                self._expect(self._signal.take_markers())
                yield from self._matched(result.epochs)
                yield from self._listen()
                yield from self._consider(now_s - heard_s, ended=result.ended)
                yield None
            ending, text = end
            if ending != "complete" and self._hands.stimulator is not None:
                self._hands.stimulator.stop()
        finally:
            self._engine.stop()
        if ending != "refused":
            ending, text = yield from self._kept(ending, text)
        shown = self.markers if self._hands.stimulator is None else self.shown
        yield BlockOver(run, ending, shown, self.markers, text)

    def _present(self) -> None:
        stimulator, order = self._hands.stimulator, self._order
        if stimulator is None:
            return
        sequences = arrange(self._plan, order.run, order.trials)
        self._targets = {s.number: s.question.target for s in sequences if s.question}
        settled_s = self._engine.pipeline.settling_s - self._hands.epochs.tmin_s + SPARE_S
        lead_in_s = max(self._plan.protocol.lead_in_s, settled_s)
        stimulator.block(order.block, order.of, [s.message() for s in sequences], lead_in_s)

    def _expect(self, markers: Sequence[Marker]) -> None:
        try:
            for marker in markers:
                self._matching.expect(marker)
        except SessionError as error:
            self._end = "refused", str(error)

    def _matched(self, epochs: Sequence[Epoch]) -> Iterator[Event]:
        for epoch in epochs:
            event = self._matching.take(epoch)
            if isinstance(event, TrialDone):
                self._done.add(event.trial)
            if event is not None:
                yield event

    def _listen(self) -> Iterator[Event]:
        """Yield what the stimulator tells that is worth keeping."""
        if self._hands.stimulator is None:
            return
        run = self._order.run
        for message in self._hands.stimulator.poll(0.0):
            match message["at"]:
                case "shown":
                    self.shown += 1
                    self._last_shown_s = message["stamp_s"]
                case "dropped":
                    trial = message.get("trial")
                    trial = CATCH if trial is None else trial
                    yield FramesDropped(run, trial, message["frames"])
                case "answer":
                    yield self._answered(message)
                case "block_over":
                    self._presented = True
                case "aborted":
                    block = self._order.block
                    self._end = "aborted", f"block {block} was broken off at the screen"
                case "refused":
                    self._end = "refused", message["text"]

    def _answered(self, message: Mapping[str, Any]) -> QuestionAnswered:
        return QuestionAnswered(
            self._order.run,
            message["sequence"],
            self._targets[message["sequence"]],
            message["seen"],
            message["yes"],
            message["after_s"] if message["yes"] is not None else 0.0,
        )

    def _consider(self, silent_s: float, *, ended: bool) -> Iterator[Event]:
        """Decide whether the block is over; yield the trials that are lost by that."""
        if self._end is not None:
            return
        stopped = self._recorder.report()["stopped"]
        unlabelled = self._engine.epocher.unlabelled
        if stopped:
            self._end = "aborted", ""  # what to say of it is said of any end
        elif unlabelled:
            value, n = unlabelled.most_common(1)[0]
            text = (
                f"every marker must stand for a concept, but '{value}' ({n} times) has no label: "
                f"begin again with --label '{value}'=CONCEPT, or with it among markers.ignore"
            )
            self._end = "refused", text
        elif self._hands.operator.stopped():
            self._end = "aborted", "the session was left"
        elif self._complete():
            yield from self._finish()
        elif ended or silent_s > SILENCE_S:
            text = "has ended" if ended else f"has been silent for {silent_s:.0f} s"
            self._end = "stalled", f"the signal {text}: its unfinished trials will be shown again"

    def _complete(self) -> bool:
        """Return whether all is presented, and all recorded that ever will be."""
        if self._hands.stimulator is None:
            return self._matching.n_settled >= len(self._order.trials)
        due_s = self._last_shown_s + self._hands.epochs.tmax_s + TAIL_S
        return self._presented and (
            self._matching.n_settled >= self.shown or self._signal.newest_s > due_s
        )

    def _finish(self) -> Iterator[Event]:
        text = ""
        if self._hands.stimulator is not None and self.markers != self.shown:
            text = f"{self.shown} pictures were shown, but {self.markers} markers came"
            for trial in self._order.trials[self.markers : self.shown]:
                yield TrialLost(self._order.run, trial, "its marker never came")
        self._end = "complete", text

    def _kept(self, ending: Ending, text: str) -> Generator[Event, None, tuple[Ending, str]]:
        """Hold what is done against the closed file, if the recorder could not keep all.

        Yields the trials that the file does not have; returns how the block has ended by that.
        """
        report = self._recorder.report()
        lost = report["lost"]["samples"] + report["lost"]["markers"]
        if not (report["stopped"] or lost):
            return ending, text
        try:
            kept = recorded_in(
                self._path,
                self._plan,
                self._order.run,
                self._order.trials,
                lambda _: self._pipeline,
                self._hands.epochs,
            )
        except SessionError:  # it lacks markers, so nobody knows which trial is which
            kept = ()
        for trial in sorted(self._done - set(kept)):
            yield TrialLost(self._order.run, trial, "it did not reach the disk")
        if report["stopped"]:
            return "aborted", f"the recording has stopped ({report['stopped']}): make room first"
        return ending, f"the disk was too slow: {lost} samples and markers are not recorded"


class _Signal(QuietSink):
    """What a block wants to know of what comes in: newest time, markers, bad channels."""

    def __init__(self) -> None:
        self.newest_s = -math.inf
        self._markers: list[Marker] = []
        self.bad: Mapping[str, str] = {}

    def received(self, reading: Reading) -> None:
        """Take what the source gave."""
        if len(reading.chunk):
            self.newest_s = float(reading.chunk.stamps[-1])
        self._markers += reading.markers

    def take_markers(self) -> list[Marker]:
        """Return the markers since the last call."""
        markers, self._markers = self._markers, []
        return markers

    def quality(self, report: QualityReport) -> None:
        """Take the state of the channels."""
        told = zip(report.ch_names, report.states, report.reasons, strict=True)
        self.bad = {name: reason for name, state, reason in told if state == "bad"}
