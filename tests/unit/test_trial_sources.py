"""What the flags of ``train`` and ``evaluate`` name, and what of a simulated session is whose."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from saccade.cli import fitting, simulated, trial_sources
from saccade.cli.datasets import Wanted, check, settings_for
from saccade.cli.galleries import gallery_of
from saccade.realtime.errors import ConfigError

SMALL = Wanted(simulated=True, train_trials=12, test_trials=12, held_out=6, effect=0.3)


@pytest.fixture(scope="module")
def settings():
    return settings_for(
        "simulated", None, {"epochs.tmin_s": 0.0}, ("epochs.baseline_s=none",)
    ).config


def opened(settings, part="test", **changes):
    return trial_sources.open_data(dataclasses.replace(SMALL, **changes), settings, part)


def epochs(dataset):
    return dataset.signals.signals(np.arange(len(dataset.signals.table)))


def test_a_simulated_session_is_what_simulate_sends_first(settings):
    sent = simulated.Plan(effect=0.3, held_out=6, calibration_trials=0, trials=12)
    looking = simulated.subject(gallery_of(settings), sent)
    source = simulated.source(looking, sent)
    live = fitting.trials_from([source], settings, source.open(), None)
    test = opened(settings)
    assert np.array_equal(epochs(test), live.data)
    table = test.signals.table
    assert tuple(table.concept_names[index] for index in table.concept) == live.labels


def test_training_is_of_other_concepts_and_comes_after(settings):
    test, train = opened(settings), opened(settings, "train")
    concepts = [set(d.signals.table.concept_names) for d in (test, train)]
    assert not concepts[0] & concepts[1]
    assert len(train.signals.table) == 12
    # What is trained on does not change what is tested on, nor is it the same noise.
    assert np.array_equal(epochs(test), epochs(opened(settings, train_trials=20)))
    assert np.abs(epochs(train) - epochs(test)).min() > 0


@pytest.mark.parametrize(
    "change",
    [{"effect": 0.1}, {"soa": 0.4}, {"artifacts": 1.0}, {"person": 1}, {"held_out": 8}],
)
def test_every_flag_of_the_simulation_changes_the_epochs(settings, change):
    assert not np.array_equal(epochs(opened(settings)), epochs(opened(settings, **change)))


def test_an_encoders_plan_is_taken_unless_flags_override_it(settings):
    plan = {"effect": 0.1, "train_trials": 12, "test_trials": 8, "held_out": 6, "person": 2}
    bare = Wanted(simulated=True)
    taken = trial_sources.open_data(bare, settings, "test", plan)
    assert len(taken.signals.table) == 8
    assert "subject 2, effect 0.1" in taken.name
    more = dataclasses.replace(bare, effect=0.3)
    assert "effect 0.3" in trial_sources.open_data(more, settings, "test", plan).name


def test_the_usual_baseline_is_not_taken_from_a_fast_sequence():
    assert settings_for("simulated", None, {}, None).config.epochs.baseline_s is None
    assert settings_for("recording", None, {}, None).config.epochs.baseline_s == (-0.2, 0.0)
    asked = settings_for("simulated", None, {"epochs.tmax_s": 0.9}, None).config.epochs
    assert asked.baseline_s == (-0.2, 0.0)


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(), "but none came"),
        (Wanted(simulated=True, subjects="ann"), "--subjects would change nothing"),
        (dataclasses.replace(SMALL, trust_pickle=True), "--trust-pickle would change nothing"),
    ],
)
def test_flags_that_name_nothing_or_change_nothing(wanted, words):
    with pytest.raises(ConfigError, match=words):
        check(wanted)
