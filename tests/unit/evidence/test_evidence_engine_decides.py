"""The loop with a decider: who is told what, in which order, and what a reset does."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.callback import CallbackSink
from saccade.realtime.types import Candidate, Chunk, Marker, Ranking, StreamSpec

SPEC = StreamSpec("test", 100.0, ("Cz",), ("eeg",), ("uV",), simulated=True)
SIGNAL = np.random.default_rng(0).normal(size=(1000, 1)).astype(np.float32)
STAMPS = np.arange(1000) / 100.0


class Sure:
    """Always takes it for a dog, two to one."""

    names = ("dog", "cat")

    def decode(self, epoch):
        p = np.array([2 / 3, 1 / 3], np.float32)
        return Ranking((Candidate(0, "dog", 0.3, 2 / 3),), p, p.copy())


@pytest.fixture
def made(array_source):
    """Return an engine that decides of two epochs, and what its sink is told."""
    told = []
    markers = [Marker("dog", t) for t in (1.0, 2.0, 3.0, 4.0, 5.0)]
    sizes = [350, 650]
    engine = Engine(
        array_source(SPEC, SIGNAL, STAMPS, markers, sizes),
        Pipeline(PipelineSettings()),
        Epocher(EpochSettings(tmin_s=0.0, tmax_s=0.4, baseline_s=None)),
        lambda: 0.0,
        Sure(),
        [CallbackSink(told.append, told.append)],
        decider=make_decider(EvidenceSettings(max_epochs=2)),
    )
    engine.start()
    return engine, told


def test_a_decision_is_published_after_what_settled_it(made):
    engine, told = made
    results = [engine.step(0.0), engine.step(0.0)]
    kinds = [type(one).__name__ for one in told]
    pair = ["Prediction", "Prediction", "Decision"]
    assert kinds == [*pair, *pair, "Prediction"]
    decided = [d for result in results for d in result.decisions]
    assert decided == [one for one in told if type(one).__name__ == "Decision"]
    assert [d.choice for d in decided] == ["dog", "dog"]
    assert decided[0].probability == pytest.approx(0.8)
    assert all(d.simulated for d in decided)
    summary = engine.stop()
    assert summary["decisions"] == 3  # the end ends the trial under way
    assert told[-1].ending == "end"
    assert (told[-1].truth, told[-1].n_epochs) == ("dog", 1)


def test_a_reset_between_steps_forgets_what_was_gathered(made):
    engine, told = made
    engine.step(0.0)  # three epochs, two of them decided upon
    (ended,) = engine.clear()
    engine.step(0.0)
    endings = [(d.ending, d.n_epochs) for d in told if type(d).__name__ == "Decision"]
    assert endings == [("repetitions", 2), ("reset", 1), ("repetitions", 2)]
    assert ended.stamp_s == STAMPS[349]


def test_an_epochs_last_sample_is_numbered(array_source):
    epocher = Epocher(EpochSettings(tmin_s=-0.1, tmax_s=0.4, baseline_s=None, crop_s=(0.0, 0.2)))
    epocher.reset(SPEC)
    source = array_source(SPEC, SIGNAL, STAMPS, [Marker("a", 1.0)])
    source.open()
    reading = source.read(0.0)
    (epoch,) = epocher.step(reading.chunk, reading.markers)
    assert epoch.last_index == 139
    assert epoch.last_stamp_s == STAMPS[139]
    assert epocher.reach_s == pytest.approx(0.4)
    (lost,) = epocher.step(Chunk.empty(1, 1000), [Marker("b", -99.0)])
    assert lost.last_index == -1
    sliding = Epocher(dataclasses.replace(epocher.settings, hop_s=0.1))
    sliding.reset(SPEC)
    assert sliding.reach_s == pytest.approx(0.5)


def test_markers_to_ignore_may_be_patterns():
    epocher = Epocher(EpochSettings(labels={"1": "dog"}, ignore=("t-*", "x.y")))
    epocher.reset(SPEC)
    values = ["t-1", "t-", "x.y", "xzy", "1"]
    epocher.step(Chunk.empty(1, 0), [Marker(value, 1.0) for value in values])
    assert dict(epocher.unlabelled) == {"xzy": 1}
