"""The loop: everything counted, sinks that fail dropped, latency accounted for to the last part."""

from __future__ import annotations

import dataclasses
import itertools
import math
from typing import Any

import numpy as np
import pytest

from saccade.realtime.blocks.resample import ResampleSettings
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import SignatureMismatch
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import (
    Candidate,
    Chunk,
    Epoch,
    Marker,
    QualityReport,
    Ranking,
    Reading,
    StreamEvent,
    StreamSpec,
)

SFREQ, N = 100.0, 1000
SPEC = StreamSpec("test", SFREQ, ("Cz", "Oz"), ("eeg", "eeg"), ("uV", "uV"))
SIGNAL = np.random.default_rng(1).standard_normal((N, 2)).astype(np.float32)
STAMPS = np.arange(N) / SFREQ
MARKERS = [Marker(v, t, "m") for v, t in (("House", 2.0), ("face", 4.0), ("Boat", 6.0))]
EPOCHS = EpochSettings(tmin_s=0.0, tmax_s=0.5, baseline_s=None)


class MeanDecoder:
    """Ranks by the epoch's mean, and takes a known time."""

    names = ("House", "Face", "Tree")

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    def decode(self, epoch: Epoch) -> Ranking:
        if self.error is not None:
            raise self.error
        scores = np.array([1.0, 1.0, epoch.data.mean()], np.float32)
        top = (Candidate(0, "House", 1.0, 0.5),)
        return Ranking(top, scores, scores, encoder_s=0.002, retrieval_s=0.001)


class Recorder(QuietSink):
    """A sink that notes all it is told, and fails where it is asked to."""

    def __init__(self, fail_in: str = "") -> None:
        self.fail_in = fail_in
        self.told: list[tuple[str, Any]] = []

    def _note(self, what: str, value: Any) -> None:
        if what == self.fail_in:
            raise OSError(f"no room for {what}")
        self.told.append((what, value))

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        self._note("open", session)

    def prediction(self, prediction: Any) -> None:
        self._note("prediction", prediction)

    def rejected(self, epoch: Epoch) -> None:
        self._note("rejected", epoch)

    def received(self, reading: Reading) -> None:
        self._note("received", reading)

    def event(self, event: StreamEvent) -> None:
        self._note("event", event)

    def quality(self, report: QualityReport) -> None:
        self._note("quality", report)

    def health(self, health: dict[str, Any]) -> None:
        self._note("health", health)

    def status(self, status: dict[str, Any]) -> None:
        self._note("status", status)

    def close(self, summary: dict[str, Any]) -> None:
        self._note("close", summary)

    def abandon(self) -> None:
        self._note("abandon", None)

    def all(self, what: str) -> list[Any]:
        return [value for kind, value in self.told if kind == what]


class Ticks:
    """A clock that goes on by a millisecond each time it is read."""

    def __init__(self, start_s: float = 100.0) -> None:
        self._ticks = itertools.count()
        self.start_s = start_s

    def __call__(self) -> float:
        return self.start_s + next(self._ticks) * 1e-3


def engine(source: Any, *sinks: Any, decoder: Any = None, **more: Any) -> Engine:
    return Engine(
        source,
        Pipeline(PipelineSettings()),
        Epocher(EPOCHS),
        more.pop("clock", Ticks()),
        decoder or MeanDecoder(),
        sinks,
        **more,
    )


def test_everything_is_counted_and_reported(array_source: Any) -> None:
    recorder = Recorder()
    made = engine(
        array_source(SPEC, SIGNAL, STAMPS, [*MARKERS, Marker("House", 9.8)], [300, 0, 700]),
        recorder,
        session={"who": "S01"},
    )
    made.start()
    made.run(lambda _: False)
    summary = made.stop()
    assert summary["samples"] == {"received": N, "lost": 0, "flagged": 0, "filled": 0}
    assert summary["markers"] == {"received": 4, "unmatched": 0}
    assert summary["epochs"] == {"total": 4, "rejected": 1}
    assert summary["predictions"] == 3
    assert [p.epoch.label for p in recorder.all("prediction")] == ["House", "face", "Boat"]
    assert [e.rejected for e in recorder.all("rejected")] == [("missing 30 of 50 samples",)]
    assert recorder.all("open") == [{"who": "S01"}]
    assert recorder.all("close") == [summary]
    assert len(recorder.all("status")) == 10


def test_the_rank_of_the_truth_ignores_case_and_breaks_ties_in_gallery_order(
    array_source: Any,
) -> None:
    recorder = Recorder()
    made = engine(array_source(SPEC, SIGNAL, STAMPS, MARKERS), recorder)
    made.start()
    made.run(lambda _: False)
    assert [p.label_rank for p in recorder.all("prediction")] == [1, 2, None]


def test_status_tells_each_channels_amplitude_over_the_last_second(array_source: Any) -> None:
    recorder = Recorder()
    made = engine(array_source(SPEC, SIGNAL, STAMPS, (), [37] * 27 + [1]), recorder)
    made.start()
    made.run(lambda _: False)
    for second, status in enumerate(recorder.all("status")):
        part = SIGNAL[100 * second : 100 * second + 100]
        assert status["ptp_uv"] == pytest.approx(np.ptp(part, axis=0), abs=1e-3)
        assert status["ch_names"] == ["Cz", "Oz"]


def test_the_parts_of_latency_add_up_to_the_whole(array_source: Any) -> None:
    source = array_source(SPEC, SIGNAL, STAMPS, MARKERS[:1])
    (reading,) = source.readings
    chunk = reading.chunk
    arrived = Chunk(chunk.data, chunk.stamps, chunk.flags, 0, received_s=99.9)
    source.readings = [Reading(arrived, reading.markers)]
    made = engine(source)
    made.start()
    (prediction,) = made.step(0.1).predictions
    made.stop()
    parts = prediction.latency
    assert parts.transport_s == pytest.approx(99.9 - 2.49)
    assert parts.encoder_s == 0.002
    assert parts.preprocessing_s == pytest.approx(0.001)
    total_s = sum(getattr(parts, name) for name in parts.__slots__)
    # The clock was read at 100.000 (begin), .001 (cut), .002 (decode), .003 (decoded), .004 (out).
    assert total_s == pytest.approx(100.004 - 2.49)
    latency = made.summary()["latency_ms"]
    assert latency["counted_from"] == "stamp"
    assert latency["prediction"]["p50"] == pytest.approx(1e3 * total_s, abs=1e-3)


def test_what_a_resampler_waits_for_is_not_transport(array_source: Any) -> None:
    source = array_source(SPEC, SIGNAL, STAMPS, MARKERS[:1])
    (reading,) = source.readings
    chunk = reading.chunk
    arrived = Chunk(chunk.data, chunk.stamps, chunk.flags, 0, received_s=20.0)
    source.readings = [Reading(arrived, reading.markers)]
    blocks = (("resample", ResampleSettings(50.0)),)
    made = engine(source)
    made.pipeline = Pipeline(PipelineSettings(blocks=blocks))
    made.start()
    (prediction,) = made.step(0.1).predictions
    ahead_s = made.pipeline.look_ahead_s
    assert ahead_s > 0.1
    assert prediction.latency.preprocessing_s == pytest.approx(ahead_s + 0.001)
    last_s = prediction.epoch.last_stamp_s
    assert prediction.latency.transport_s == pytest.approx(20.0 - last_s - ahead_s)


def test_a_decoder_that_does_not_time_itself_is_timed_as_a_whole(array_source: Any) -> None:
    class Untimed(MeanDecoder):
        def decode(self, epoch: Epoch) -> Ranking:
            return dataclasses.replace(super().decode(epoch), encoder_s=math.nan)

    made = engine(array_source(SPEC, SIGNAL, STAMPS, MARKERS[:1]), decoder=Untimed())
    made.start()
    (prediction,) = made.step(0.1).predictions
    assert prediction.latency.encoder_s == pytest.approx(0.001)
    assert prediction.latency.retrieval_s == 0.0
    assert made.summary()["latency_ms"]["prediction"]["p50"] is not None


def test_latency_of_a_fast_replay_counts_from_arrival(array_source: Any) -> None:
    spec = StreamSpec("test", SFREQ, SPEC.ch_names, SPEC.ch_types, SPEC.units, speed=20.0)
    made = engine(array_source(spec, SIGNAL, STAMPS, MARKERS))
    made.start()
    predictions = made.step(0.1).predictions
    assert all(math.isnan(p.latency.transport_s) for p in predictions)
    latency = made.summary()["latency_ms"]
    assert latency["counted_from"] == "arrival"
    assert 0 < latency["prediction"]["p99"] < 100


def test_results_that_a_sink_could_not_deliver_are_in_the_summary(array_source: Any) -> None:
    losing, healthy = Recorder(), Recorder()
    losing.n_lost = 3
    made = engine(array_source(SPEC, SIGNAL, STAMPS, MARKERS), losing, healthy)
    made.start()
    made.run(lambda _: False)
    assert made.stop()["undelivered"] == {"Recorder": 3}


@pytest.mark.parametrize("where", ["prediction", "rejected", "status", "close"])
def test_a_sink_that_fails_is_dropped_and_the_session_goes_on(
    array_source: Any, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    failing, healthy = Recorder(fail_in=where), Recorder()
    markers = [Marker("House", 0.0), *MARKERS, Marker("House", 9.8)]
    made = engine(array_source(SPEC, SIGNAL, STAMPS, markers, [500, 500]), failing, healthy)
    made.start()
    made.run(lambda _: False)
    summary = made.stop()
    assert summary["predictions"] == len(healthy.all("prediction")) == 4
    assert made.dropped_sinks == [f"Recorder: no room for {where}"]
    assert summary["dropped_sinks"] == made.dropped_sinks
    assert f"Recorder gets no more results: no room for {where}" in caplog.text
    assert "Traceback" not in caplog.text  # what is foreseen takes one line
    assert len(healthy.all("close")) == 1
    assert len(failing.all("close")) == (where != "close")  # what is dropped is closed too


def test_a_session_whose_log_cannot_be_opened_does_not_begin(array_source: Any) -> None:
    source = array_source(SPEC, SIGNAL, STAMPS)
    with pytest.raises(OSError, match="no room for open"):
        engine(source, Recorder(fail_in="open")).start()
    assert source.closed == 1


def test_what_was_opened_before_the_output_that_can_t_be_is_given_up(array_source: Any) -> None:
    first, second, last = Recorder(), Recorder(fail_in="abandon"), Recorder()
    with pytest.raises(OSError, match="no room for open"):
        engine(
            array_source(SPEC, SIGNAL, STAMPS), first, second, Recorder(fail_in="open"), last
        ).start()
    assert [kind for kind, _ in first.told] == ["open", "abandon"]
    assert last.told == []


def test_a_stream_that_does_not_fit_is_refused_before_anything_is_built(array_source: Any) -> None:
    source, recorder = array_source(SPEC, SIGNAL, STAMPS), Recorder()

    def refuse(spec: StreamSpec) -> None:
        raise SignatureMismatch(f"{spec.name} won't do")

    with pytest.raises(SignatureMismatch, match="test won't do"):
        engine(source, recorder).start(refuse)
    assert (source.closed, recorder.told) == (1, [])


def test_rejected_epochs_are_decoded_only_if_asked(array_source: Any) -> None:
    data = SIGNAL.copy()
    data[210] = np.nan
    for asked, labels in ((False, ["face", "Boat"]), (True, ["House", "face", "Boat"])):
        recorder = Recorder()
        made = engine(
            array_source(SPEC, data, STAMPS, [*MARKERS, Marker("House", 9.8)]),
            recorder,
            decode_rejected=asked,
        )
        made.start()
        made.run(lambda _: False)
        made.stop()
        assert [p.epoch.label for p in recorder.all("prediction")] == labels
        # What has no samples can't be decoded, asked or not.
        assert recorder.all("rejected")[-1].rejected == ("missing 30 of 50 samples",)
        assert made.summary()["samples"]["flagged"] == 1


def test_a_decoder_that_fails_ends_the_run(array_source: Any) -> None:
    made = engine(
        array_source(SPEC, SIGNAL, STAMPS, MARKERS), decoder=MeanDecoder(ValueError("wrong shape"))
    )
    made.start()
    with pytest.raises(ValueError, match="wrong shape"):
        made.run(lambda _: False)


def test_markers_without_a_label_are_counted_by_value(array_source: Any) -> None:
    made = engine(array_source(SPEC, SIGNAL, STAMPS, MARKERS))
    made.epocher = Epocher(EpochSettings(baseline_s=None, labels={"House": "House"}))
    made.start()
    made.run(lambda _: False)
    markers = made.stop()["markers"]
    assert markers == {"received": 3, "unmatched": 2, "unlabelled": {"face": 1, "Boat": 1}}


def test_the_loop_stops_when_told(array_source: Any) -> None:
    made = engine(array_source(SPEC, SIGNAL, STAMPS, (), [100] * 10))
    made.start()
    made.run(lambda result: made.summary()["samples"]["received"] >= 300)
    assert made.stop()["samples"]["received"] == 300


class Judge:
    """A monitor that reports each chunk, and a watch that tells health on every second look."""

    def __init__(self) -> None:
        self.specs: list[StreamSpec] = []
        self.looks: list[float] = []

    def reset(self, spec: StreamSpec) -> None:
        self.specs.append(spec)

    def step(self, chunk: Chunk) -> list[QualityReport]:
        nothing = np.zeros(2, np.float32)
        report = QualityReport(
            chunk.index, 0.0, SPEC.ch_names, {"drift_uv": nothing}, ("good", "bad"), ("", "flat")
        )
        return [report] * bool(len(chunk))


class Eye(Judge):
    def step(self, reading: Reading, now_s: float) -> dict[str, Any] | None:  # type: ignore[override]
        self.looks.append(now_s)
        return {"look": len(self.looks)} if len(self.looks) % 2 == 0 else None


def test_sinks_hear_what_came_in_what_happened_and_how_good_it_is(array_source: Any) -> None:
    source = array_source(SPEC, SIGNAL, STAMPS, MARKERS, [400, 0, 600])
    stalled = StreamEvent("stalled", "test", "nothing for 0.5 s", 3.0)
    source.readings[1] = Reading(source.readings[1].chunk, (), (stalled,))
    recorder, judge, eye = Recorder(), Judge(), Eye()
    made = engine(source, recorder, monitor=judge, watch=eye)
    made.start()
    made.run(lambda _: False)
    summary = made.stop()
    assert judge.specs == eye.specs == [SPEC]
    # A look that brought neither samples nor markers nor a clock is nothing to record.
    assert recorder.all("received") == [source.readings[0], source.readings[2]]
    assert recorder.all("event") == [stalled]
    assert summary["events"] == {"stalled": 1}
    assert [report.index for report in recorder.all("quality")] == [0, 400]
    assert recorder.all("health") == [{"look": 2}]
    # What came in is told before what is made of it.
    kinds = [kind for kind, _ in recorder.told]
    assert kinds.index("received") < kinds.index("prediction")


@pytest.mark.parametrize("what", ["monitor", "watch"])
def test_an_observer_that_fails_is_dropped_and_the_decoding_goes_on(
    array_source: Any, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Blind(Eye):
        def step(self, *_: Any) -> Any:
            raise np.linalg.LinAlgError("Singular matrix")

    recorder = Recorder()
    observers = {"monitor": Judge(), "watch": Eye()} | {what: Blind()}
    source = array_source(SPEC, SIGNAL, STAMPS, MARKERS, [400, 300, 300])
    made = engine(source, recorder, **observers)
    made.start()
    made.run(lambda _: False)
    summary = made.stop()
    assert summary["predictions"] == 3
    assert summary["dropped_sinks"] == ["Blind: Singular matrix"]
    assert caplog.text.count("Singular matrix\n") == 2  # the line, and its traceback, once
    assert len(recorder.all("quality")) == (0 if what == "monitor" else 3)
    assert len(recorder.all("health")) == (0 if what == "watch" else 1)
