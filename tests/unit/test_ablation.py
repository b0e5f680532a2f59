"""Hiding what carries the signal costs accuracy; hiding what carries none costs nothing."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.models.evaluation import ablation
from saccade.models.evaluation.ablation import Parts, ablate
from saccade.models.evaluation.bootstrap import Bootstrap, Resampling
from saccade.models.evaluation.embedding import Averaging
from saccade.models.evaluation.trials import Candidates, Trials
from saccade.realtime.errors import ConfigError

C, T, D, N_CONCEPTS, N_REPETITIONS = 4, 10, 8, 30, 6
QUICK = Resampling(draws=200)


class Signals:
    """Concepts differ in sensors 1 and 2, samples 3 to 6."""

    def __init__(self):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((N_CONCEPTS, D))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1)[:, None]).astype(np.float32)
        mixing = np.zeros((D, C, T))
        mixing[:, 1, 3:7], mixing[:, 2, 3:7] = rng.standard_normal((2, D, 4)) * [[[1.0]], [[0.4]]]
        self.unmixing = np.linalg.pinv(mixing.reshape(D, -1)).astype(np.float32)
        self.shown = np.repeat(np.arange(N_CONCEPTS), N_REPETITIONS)
        noise = 0.4 * rng.standard_normal((len(self.shown), C, T))
        self.epochs = (np.tensordot(self.vectors[self.shown], mixing, 1) + noise).astype(np.float32)

    def signals(self, rows):
        return self.epochs[rows]

    def encode(self, epochs):
        return epochs.reshape(len(epochs), -1) @ self.unmixing


@pytest.fixture(scope="module")
def judged():
    source = Signals()
    trials = Trials(source.shown, source.shown, source.shown * 0, ("a",))
    candidates = Candidates(source.vectors, tuple(map(str, range(N_CONCEPTS))), "image")
    return trials, candidates, Averaging(source, source.encode)


def test_what_is_not_used_costs_exactly_nothing(judged):
    trials, candidates, embed = judged
    parts = Parts.sensors(("a", "b", "c", "d"), T)
    found = ablate(trials, candidates, embed.hiding, parts, 1, QUICK)
    drops = {drop.part: drop.top1_drop for drop in found.drops}
    assert list(drops) == ["a", "b", "c", "d"]
    for unused in "ad":
        assert (drops[unused].value, drops[unused].ci95) == (0, (0, 0))
    assert drops["b"].ci95[0] > 0.03
    assert drops["b"].value > drops["c"].value > 0
    assert (found.repetitions, found.top1.n, found.top1.chance) == (1, 180, 1 / 30)


def test_a_drop_is_the_difference_of_two_accuracies(judged):
    trials, candidates, embed = judged
    parts = Parts.windows(C, T, 100.0, 0.0, 0.05)
    found = ablate(trials, candidates, embed.hiding, parts, 2, QUICK)
    groups = trials.groups(2, QUICK.seed)
    shown = trials.shown[[group[0] for group in groups]]
    for drop, mask in zip(found.drops, parts.masks, strict=True):
        epochs = np.stack([embed.signals.epochs[group].mean(axis=0) for group in groups])
        epochs[:, mask] = 0
        said = (embed.encode(epochs) @ candidates.vectors.T).argmax(axis=1)
        hidden = (said == shown).mean()
        assert drop.top1_drop.value == pytest.approx(found.top1.value - hidden)
        assert drop.top1_drop.n == 90
    assert found.repetitions == 2


def test_concepts_of_several_pictures_are_drawn_whole(judged):
    trials, candidates, embed = judged
    concept = trials.shown // 3
    of_three = Trials(trials.shown, trials.stimulus, trials.subject, ("a",), concept=concept)
    found = ablate(of_three, candidates, embed.hiding, Parts.sensors(tuple("abcd"), T), 1, QUICK)
    hits = embed(trials.groups(1, 0)) @ candidates.vectors.T
    right = (hits.argmax(axis=1) == trials.shown).astype(float)
    assert found.top1 == Bootstrap(concept, trials.subject, QUICK).measure(right, 1 / N_CONCEPTS)


def test_how_many_are_done_at_a_time_changes_nothing(judged, monkeypatch):
    trials, candidates, embed = judged
    arguments = (trials, candidates, embed.hiding, Parts.sensors(tuple("abcd"), T), 1, QUICK)
    whole = ablate(*arguments)
    monkeypatch.setattr(ablation, "GROUPS_AT_ONCE", 7)
    assert ablate(*arguments) == whole


class TestParts:
    @pytest.mark.parametrize(("n_times", "n_windows"), [(10, 4), (9, 3), (2, 1)])
    def test_windows_cover_each_sample_once(self, n_times, n_windows):
        parts = Parts.windows(2, n_times, 100.0, -0.02, 0.03)
        assert parts.masks.shape == (n_windows, 2, n_times)
        assert (parts.masks.sum(axis=0) == 1).all()

    def test_windows_say_when(self):
        names = Parts.windows(1, 10, 100.0, -0.02, 0.04).names
        assert names == ("-20–20 ms", "20–60 ms", "60–80 ms")

    def test_sensors_are_hidden_throughout(self):
        parts = Parts.sensors(("Oz", "Pz"), 3)
        assert parts.names == ("Oz", "Pz")
        assert parts.masks.tolist() == [[[True] * 3, [False] * 3], [[False] * 3, [True] * 3]]

    def test_a_window_without_a_sample_is_refused(self):
        with pytest.raises(ConfigError, match=r"at least 1 sample wide, not 0\.0 s"):
            Parts.windows(2, 10, 100.0, 0.0, 0.0)

    def test_a_window_of_half_a_sample_more_is_refused(self):
        with pytest.raises(ConfigError, match=r"a whole number of samples, but 0\.05 s at 250"):
            Parts.windows(2, 250, 250.0, 0.0, 0.05)
