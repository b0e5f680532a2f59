"""Time passes sample by sample: what a decider is told, and when."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.passage import Passage
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import Chunk, Flag, Marker

NAMES = ("dog", "house", "tree")


class Listener:
    """A decider that notes what it is told."""

    def __init__(self):
        self.told = []

    def reset(self, names, reach_s):
        self.told.append(("reset", tuple(names), reach_s))

    def mark(self, marker):
        self.told.append(("mark", marker.value))

    def step(self, epoch, ranking):
        self.told.append(("step", epoch.onset_s))
        return ()

    def advance(self, stamp_s):
        self.told.append(("advance", stamp_s))
        return ()

    def clear(self, stamp_s):
        self.told.append(("clear", stamp_s))
        return ()

    def finish(self):
        return ()


def chunk(index, stamps, clock_at=()):
    stamps = np.array(stamps, np.float64)
    flags = np.zeros(len(stamps), np.uint16)
    flags[list(clock_at)] = Flag.GAP | Flag.CLOCK
    return Chunk(np.zeros((len(stamps), 1), np.float32), stamps, flags, index)


def passage():
    listener = Listener()
    made = Passage(listener, lambda decision: decision)
    made.reset(NAMES, 0.5)
    listener.told.clear()
    return made, listener


def test_time_passes_up_to_an_epochs_last_sample_and_no_further(epoch):
    made, listener = passage()
    made.take(chunk(0, [0.0, 0.1, 0.2, 0.3]), [Marker("go", 0.1)])
    made.step(epoch(0.0, start=0, n_times=2), None)
    made.step(epoch(0.05, start=0, n_times=2), None)
    made.rest()
    made.rest()
    assert listener.told == [
        ("mark", "go"),
        ("advance", 0.1),
        ("step", 0.0),
        ("step", 0.05),
        ("advance", 0.3),
    ]


def test_stamps_that_go_back_do_not_turn_the_time_back(epoch):
    made, listener = passage()
    made.take(chunk(0, [0.0, 0.3, 0.1]), ())
    made.step(epoch(0.0, start=0, n_times=3), None)
    made.take(chunk(3, [0.2]), ())
    made.rest()
    assert [told for told in listener.told if told[0] == "advance"] == [
        ("advance", 0.3),
        ("advance", 0.3),
    ]


def test_an_epoch_whose_marker_came_late_turns_nothing_back(epoch):
    made, listener = passage()
    made.take(chunk(0, [0.0, 0.1]), ())
    made.rest()
    made.take(chunk(2, [0.2, 0.3]), ())
    made.step(epoch(0.0, start=0, n_times=2), None)
    made.rest()
    assert listener.told == [("advance", 0.1), ("step", 0.0), ("advance", 0.3)]


def test_where_the_clock_is_set_evidence_is_forgotten():
    made, listener = passage()
    made.take(chunk(0, [100.0, 100.1, 7.0, 7.1], clock_at=[2]), ())
    made.rest()
    assert listener.told == [
        ("advance", 100.1),
        ("clear", 100.1),
        ("advance", -math.inf),
        ("advance", 7.1),
    ]


def test_after_the_clock_was_set_back_trials_go_on(epoch, ranking):
    made = Passage(make_decider(EvidenceSettings(max_epochs=2)), lambda decision: decision)
    made.reset(NAMES, 0.5)
    seen = ranking(0.6, 0.2, 0.2)
    made.take(chunk(0, [100.0, 101.0]), ())
    made.step(dataclasses.replace(epoch(100.0), last_index=0), seen)
    made.rest()
    made.take(chunk(2, [7.0, 8.0, 9.0], clock_at=[0]), ())
    decided = made.step(dataclasses.replace(epoch(7.0), last_index=2), seen)
    decided += made.step(dataclasses.replace(epoch(7.5), last_index=3), seen)
    assert [(d.ending, d.n_epochs) for d in decided] == [("reset", 1), ("repetitions", 2)]


def test_without_a_decider_nothing_is_decided(epoch):
    made = Passage(None, lambda decision: decision)
    made.reset(NAMES, 0.5)
    made.take(chunk(0, [0.0]), [Marker("go", 0.0)])
    assert [made.step(epoch(0.0), None), made.rest(), made.clear(), made.finish()] == [[]] * 4


def test_before_the_first_sample_there_is_nothing_to_forget():
    made, listener = passage()
    assert made.clear() == []
    assert listener.told == []
