"""Commands to the loop: given between two steps, told to all sinks, and nothing else changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.realtime.engine import CONTROL_MARKERS, Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import ControlError
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.sinks.messages import event_content
from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.types import (
    Candidate,
    Decision,
    Epoch,
    Marker,
    Prediction,
    Ranking,
    Reading,
    StreamEvent,
    StreamSpec,
)

SFREQ, N = 100.0, 1000
SPEC = StreamSpec("amp", SFREQ, ("Cz", "Oz"), ("eeg", "eeg"), ("uV", "uV"))
SIGNAL = (20 * np.random.default_rng(1).standard_normal((N, 2))).astype(np.float32)
STAMPS = 50 + np.arange(N) / SFREQ
MARKERS = [Marker("House", 50.0 + t, "m") for t in range(1, 9)]
PIECE = 10
OTHERWISE = EvidenceSettings(threshold=0.9, correlation=0.3)


class Mean:
    """Ranks by the epoch's mean, times a factor by which one tells decoders apart."""

    def __init__(self, factor: float = 1.0, names: Sequence[str] = ("House", "Face")) -> None:
        self.names = tuple(names)
        self._factor = factor

    def decode(self, epoch: Epoch) -> Ranking:
        scores = np.array([self._factor * epoch.data.mean(), 0.0], np.float32)
        return Ranking((Candidate(0, "House", float(scores[0]), 0.5),), scores, scores)


class Counting:
    """A decider that counts epochs, and says how many when told to forget them."""

    def __init__(self) -> None:
        self.advanced_s: list[float] = []
        self.adopted: list[EvidenceSettings] = []

    def reset(self, names: Sequence[str], reach_s: float = 0.0) -> None:
        self.n = self.n_decided = 0

    def mark(self, marker: Marker) -> None:
        pass

    def step(self, epoch: Epoch, ranking: Ranking | None) -> Sequence[Decision]:
        self.n += ranking is not None
        return ()

    def advance(self, stamp_s: float) -> Sequence[Decision]:
        self.advanced_s.append(stamp_s)
        return ()

    def clear(self, stamp_s: float) -> Sequence[Decision]:
        return self._decide(stamp_s, "reset")

    def adopt(self, settings: EvidenceSettings) -> None:
        self.adopted.append(settings)

    def finish(self) -> Sequence[Decision]:
        return self._decide(60.0, "end")

    def _decide(self, stamp_s: float, ending: Any) -> Sequence[Decision]:
        n, self.n = self.n, 0
        self.n_decided += 1
        return [Decision(self.n_decided - 1, "closed", None, 0.5, n, 0, 50.0, stamp_s, ending)]


class Told(QuietSink):
    """A sink that keeps what it is told."""

    def __init__(self) -> None:
        self.predictions: list[Prediction] = []
        self.rejections: list[Epoch] = []
        self.events: list[StreamEvent] = []
        self.readings: list[Reading] = []
        self.decisions: list[Decision] = []

    def prediction(self, prediction: Prediction) -> None:
        self.predictions.append(prediction)

    def rejected(self, epoch: Epoch) -> None:
        self.rejections.append(epoch)

    def event(self, event: StreamEvent) -> None:
        self.events.append(event)

    def received(self, reading: Reading) -> None:
        self.readings.append(reading)

    def decision(self, decision: Decision) -> None:
        self.decisions.append(decision)

    @property
    def scores(self) -> dict[float, float]:
        """Score of each prediction, by the onset of its epoch."""
        return {p.epoch.onset_s: float(p.ranking.scores[0]) for p in self.predictions}


Orders = dict[int, Callable[[Engine], object]]


def session(
    source: type,
    orders: Orders,
    *sinks: Any,
    sizes: Sequence[int] = (PIECE,) * (N // PIECE),
    decider: Any = None,
    markers: Sequence[Marker] = MARKERS,
) -> tuple[Told, dict[str, Any]]:
    """Run a session in which each order is given as soon as so many samples have come."""
    told = Told()
    ends = np.cumsum(sizes)
    arrivals = [int(np.searchsorted(ends, (m.stamp - 50) * SFREQ, "right")) for m in markers]
    engine = Engine(
        source(SPEC, SIGNAL, STAMPS, markers, list(sizes), arrivals),
        Pipeline(PipelineSettings()),
        Epocher(EpochSettings(tmin_s=0.0, tmax_s=0.5, baseline_s=None)),
        lambda: 0.0,
        Mean(),
        (told, *sinks),
        decider=decider,
    )
    engine.start()
    left, received = dict(orders), 0

    def give(n_samples: int) -> bool:
        nonlocal received
        received += n_samples
        for at in [at for at in left if at <= received]:
            left.pop(at)(engine)
        return False

    engine.run(lambda result: give(result.n_samples))
    return told, engine.stop()


def test_a_pause_stops_predictions_and_nothing_else(array_source: Any) -> None:
    whole, _ = session(array_source, {})
    told, summary = session(array_source, {300: Engine.pause, 560: Engine.resume})
    paused = {53.0, 54.0, 55.0}  # complete at 350, 450 and 550 samples
    assert {e.onset_s for e in told.rejections} == paused
    assert {e.rejected for e in told.rejections} == {("paused",)}
    assert told.scores == {at: score for at, score in whole.scores.items() if at not in paused}
    assert sum(len(r.chunk) for r in told.readings) == summary["samples"]["received"] == N
    assert summary["epochs"] == {"total": 8, "rejected": 3}
    assert summary["predictions"] == 5
    assert summary["commands"] == {"pause": 1, "resume": 1}
    assert "paused" not in summary


def test_the_summary_says_if_the_session_is_paused(array_source: Any) -> None:
    _, summary = session(array_source, {300: Engine.pause})
    assert summary["paused"] is True


def test_every_command_is_told_with_the_sample_before_which_it_was_given(
    array_source: Any,
) -> None:
    orders: Orders = {
        100: Engine.pause,
        200: Engine.resume,
        300: Engine.clear,
        400: lambda e: e.mark("cough"),
        500: lambda e: e.swap(Mean(2.0), file="other.saccade"),
        600: Engine.end,
    }
    told, summary = session(array_source, orders)
    assert [e.command for e in told.events] == [
        {"do": "pause", "index": 100},
        {"do": "resume", "index": 200},
        {"do": "reset", "index": 300},
        {"do": "mark", "index": 400, "value": "cough"},
        {"do": "swap", "index": 500, "file": "other.saccade"},
        {"do": "stop", "index": 600},
    ]
    assert {(e.kind, e.stream) for e in told.events} == {("command", "amp")}
    content = event_content(told.events[3])
    assert content["command"] == told.events[3].command
    assert content["text"] == "mark 'cough' at 53.990 s"
    assert summary["samples"]["received"] == 600
    assert "events" not in summary  # nothing happened to the stream itself


@settings(max_examples=20)
@given(cuts=st.sets(st.integers(1, N - 1), max_size=12))
def test_what_commands_do_depends_on_their_sample_and_not_on_the_chunks(
    cuts: set[int], array_source: Any
) -> None:
    orders: Orders = {
        120: lambda e: e.mark("House"),
        330: Engine.pause,
        470: Engine.resume,
        600: Engine.clear,
        720: lambda e: e.swap(Mean(-3.0), OTHERWISE),
    }
    whole, _ = session(array_source, orders, decider=Counting())
    bounds = [0, *sorted(cuts | set(orders)), N]  # between two steps is where commands are given
    sizes = [b - a for a, b in itertools.pairwise(bounds)]
    told, _ = session(array_source, orders, sizes=sizes, decider=Counting())
    assert told.scores == whole.scores
    assert told.decisions == whole.decisions
    assert [e.command for e in told.events] == [e.command for e in whole.events]


def test_a_mark_is_a_marker_like_any_other(array_source: Any) -> None:
    told, summary = session(array_source, {250: lambda e: e.mark("House")})
    at_s = float(STAMPS[249])
    as_sent, _ = session(array_source, {}, markers=[*MARKERS, Marker("House", at_s, "m")])
    assert told.scores == as_sent.scores
    assert at_s in told.scores
    (mark,) = (m for r in told.readings for m in r.markers if m.stream == CONTROL_MARKERS)
    assert (mark.value, mark.stamp) == ("House", at_s)
    assert summary["markers"]["received"] == 9


def test_a_mark_before_the_first_sample_is_refused(array_source: Any) -> None:
    with pytest.raises(ControlError, match="a mark stands at the newest sample, but none has come"):
        session(array_source, {0: lambda e: e.mark("House")}, sizes=[0, N])


def test_a_mark_at_the_very_end_is_not_lost(array_source: Any) -> None:
    told, summary = session(array_source, {N: lambda e: e.mark("House")})
    assert [m.value for m in told.readings[-1].markers] == ["House"]
    assert summary["markers"]["received"] == 9
    assert told.rejections[-1].rejected == ("missing 49 of 50 samples",)


def test_marks_are_recorded_and_replayed_to_the_last_bit(array_source: Any, tmp_path: Path) -> None:
    path = tmp_path / "marked.xdf"
    orders: Orders = {at: lambda e: e.mark("House") for at in (130, 131, 560, N)}
    told, _ = session(array_source, orders, XDFSink(path, clock=lambda: 0.0))
    source = FileSource(FileSourceSettings(path))
    spec = source.open()
    again = Epocher(EpochSettings(tmin_s=0.0, tmax_s=0.5, baseline_s=None))
    pipeline = Pipeline(PipelineSettings())
    again.reset(pipeline.reset(spec))
    epochs = []
    while (reading := source.read(0.0)) is not None:
        epochs += again.step(pipeline.step(reading.chunk), reading.markers)
    live = [p.epoch for p in told.predictions]
    assert [e.onset_s for e in epochs] == [e.onset_s for e in live]
    assert len(live) == 11
    for one, other in zip(live, epochs, strict=True):
        np.testing.assert_array_equal(one.data, other.data)


def test_another_decoder_takes_over_between_two_epochs(array_source: Any) -> None:
    whole, _ = session(array_source, {})
    decider = Counting()
    told, _ = session(array_source, {500: lambda e: e.swap(Mean(2.0), OTHERWISE)}, decider=decider)
    for onset_s, score in whole.scores.items():
        factor = 2.0 if onset_s >= 55.0 else 1.0
        assert told.scores[onset_s] == pytest.approx(factor * score, rel=1e-6)
    # What was gathered with the first ends with it.
    assert [(d.n_epochs, d.ending) for d in told.decisions] == [(4, "reset"), (4, "end")]
    assert decider.adopted == [OTHERWISE]


def test_a_decoder_whose_evidence_nobody_can_weigh_is_refused(array_source: Any) -> None:
    with pytest.raises(ControlError, match="decisions weigh what the decoder says: tell how"):
        session(array_source, {500: lambda e: e.swap(Mean(2.0))}, decider=Counting())


@pytest.mark.parametrize("names", [("House",), ("Face", "House")])
def test_a_decoder_of_other_concepts_can_not_take_over(array_source: Any, names: Any) -> None:
    with pytest.raises(ControlError, match="the same 2 concepts in the same order, but has"):
        session(array_source, {500: lambda e: e.swap(Mean(1.0, names))})


def test_nothing_can_take_over_where_nothing_is_decoded(array_source: Any) -> None:
    engine = Engine(
        array_source(SPEC, SIGNAL, STAMPS),
        Pipeline(PipelineSettings()),
        Epocher(EpochSettings()),
        lambda: 0.0,
    )
    engine.start()
    with pytest.raises(ControlError, match="there is no decoder at work"):
        engine.swap(Mean())


def test_evidence_waits_during_a_pause_and_is_forgotten_on_a_reset(array_source: Any) -> None:
    decider = Counting()
    orders: Orders = {300: Engine.pause, 560: Engine.resume, 760: Engine.clear}
    told, _ = session(array_source, orders, decider=decider)
    # Epochs of 51, 52, 56 and 57; then 58.
    assert [(d.n_epochs, d.ending) for d in told.decisions] == [(4, "reset"), (1, "end")]
    assert not any(53.01 < at_s < 55.59 for at_s in decider.advanced_s)


def test_a_paused_session_decides_nothing_at_its_end(array_source: Any) -> None:
    told, summary = session(array_source, {300: Engine.pause}, decider=Counting())
    assert told.decisions == []
    assert summary["decisions"] == 0
