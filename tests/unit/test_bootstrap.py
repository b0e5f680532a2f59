"""Intervals hold the truth as often as they say, over what they say they are over."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm, t

from saccade.models.evaluation import bootstrap as module
from saccade.models.evaluation.accuracy import wilson
from saccade.models.evaluation.bootstrap import Bootstrap, Resampling
from saccade.realtime.errors import CalibrationError, ConfigError

QUICK = Resampling(draws=400)


def one_person(concept, settings=QUICK):
    return Bootstrap(concept, np.zeros(len(concept), int), settings)


def coverage(simulate, n_runs, truth, settings=QUICK):
    """Return how often intervals of simulated studies hold the truth."""
    held = 0
    for run in range(n_runs):
        values, concept, subject = simulate(np.random.default_rng(run))
        low, high = Bootstrap(concept, subject, settings).mean(values, 0.0).ci95
        held += low <= truth <= high
    return held / n_runs


class TestCoverage:
    @staticmethod
    def concepts(rng, n_concepts=12, n_trials=10):
        """Return hits of concepts that differ in how easy they are; .4 on average."""
        easy = norm.cdf(norm.ppf(0.4) * np.sqrt(2) + rng.standard_normal(n_concepts))
        concept = np.repeat(np.arange(n_concepts), n_trials)
        hits = rng.random(len(concept)) < easy[concept]
        return hits.astype(float), concept, np.zeros(len(concept), int)

    def test_over_concepts(self):
        assert 0.92 < coverage(self.concepts, 400, 0.4) < 0.985

    def test_over_trials_is_too_narrow_for_other_concepts(self):
        settings = Resampling(over="trials", draws=200)
        assert coverage(self.concepts, 150, 0.4, settings) < 0.75

    def test_over_trials_where_trials_are_what_varies(self):
        def coin(rng):
            return (rng.random(60) < 0.3).astype(float), np.arange(60) % 2, np.zeros(60, int)

        assert 0.91 < coverage(coin, 400, 0.3, Resampling(over="trials", draws=400)) < 0.985

    def test_over_concepts_and_people(self):
        def study(rng):
            people, concepts = rng.standard_normal(8), rng.standard_normal(15)
            subject, concept = np.divmod(np.arange(120), 15)
            noise = rng.standard_normal(120)
            return people[subject] + concepts[concept] + noise, concept, subject

        assert 0.93 < coverage(study, 300, 0.0) <= 1

    def test_without_people_it_would_be_too_narrow(self):
        def study(rng):
            subject, concept = np.divmod(np.arange(120), 15)
            return (
                rng.standard_normal(8)[subject] + rng.standard_normal(15)[concept],
                concept,
                concept * 0,
            )

        assert coverage(study, 150, 0.0) < 0.93


class TestMean:
    concept = np.repeat(np.arange(30), 4)

    @pytest.mark.parametrize("n_concepts", [12, 60])
    def test_width_is_students_over_concepts(self, n_concepts):
        per_concept = norm.ppf((np.arange(n_concepts) + 0.5) / n_concepts)
        concept = np.repeat(np.arange(n_concepts), 4)
        boot = one_person(concept, Resampling(draws=20_000))
        found = boot.mean(per_concept[concept], 0.5)
        half = (found.ci95[1] - found.ci95[0]) / 2
        error = per_concept.std(ddof=1) / np.sqrt(n_concepts)
        assert half == pytest.approx(t.ppf(0.975, n_concepts - 1) * error, rel=0.02)
        assert (found.n, found.chance) == (4 * n_concepts, 0.5)
        assert found.value == pytest.approx(0, abs=1e-12)

    def test_a_concept_with_more_trials_counts_for_more(self):
        concept = np.repeat(np.arange(10), [1] * 9 + [91])
        values = (concept == 9).astype(float)
        low, high = one_person(concept).mean(values, 0.0).ci95
        assert low == 0  # where the long one was not drawn
        assert high > 0.95

    def test_the_same_seed_gives_the_same_draws_to_every_number(self):
        boot = one_person(self.concept)
        values = np.random.default_rng(1).random(120)
        assert boot.mean(values, 0.0) == boot.mean(values, 0.0)
        other = one_person(self.concept, Resampling(draws=400, seed=1))
        assert other.mean(values, 0.0).ci95 != boot.mean(values, 0.0).ci95

    def test_the_names_of_concepts_do_not_matter(self):
        values = np.random.default_rng(2).random(120)
        assert one_person(self.concept * 7 + 3).mean(values, 0.0) == one_person(self.concept).mean(
            values, 0.0
        )

    def test_drawing_in_blocks_keeps_the_interval(self, monkeypatch):
        values = np.random.default_rng(3).random(120)
        whole = one_person(self.concept, Resampling(draws=4000)).mean(values, 0.0)
        monkeypatch.setattr(module, "BLOCK", 1000)
        parts = one_person(self.concept, Resampling(draws=4000)).mean(values, 0.0)
        assert parts.ci95 == pytest.approx(whole.ci95, abs=0.01)

    def test_values_of_other_trials_are_refused(self):
        with pytest.raises(CalibrationError, match=r"\(120,\), but \(3,\) came"):
            one_person(self.concept).mean(np.zeros(3), 0.0)


class TestShares:
    def test_all_right_is_not_certain(self):
        found = one_person(np.repeat(np.arange(20), 5)).measure(np.ones(100), 0.1)
        assert found.ci95 == wilson(20, 20)
        assert one_person(np.arange(20)).measure(np.zeros(20), 0.1).ci95 == wilson(0, 20)

    def test_nor_with_fewer_people_than_concepts(self):
        subject, concept = np.divmod(np.arange(60), 10)
        assert Bootstrap(concept, subject, QUICK).measure(np.ones(60), 0.1).ci95 == wilson(6, 6)

    def test_others_are_means(self):
        boot, shares = one_person(np.arange(20)), np.arange(20) % 2 / 1.0
        assert boot.measure(shares, 0.5) == boot.mean(shares, 0.5)


class TestDifference:
    concept = np.repeat(np.arange(40), 2)

    def test_pairing_takes_out_what_is_easy_for_both(self):
        rng = np.random.default_rng(4)
        easy = 3 * rng.standard_normal(40)[self.concept]
        one, other = easy + 0.5 + 0.1 * rng.standard_normal(80), easy
        boot = one_person(self.concept)
        found = boot.difference(one, other)
        assert found.value == pytest.approx(0.5, abs=0.1)
        assert found.chance == 0
        assert found.ci95[0] > 0.4
        low, high = boot.mean(one, 0.0).ci95
        assert high - low > 10 * (found.ci95[1] - found.ci95[0])

    def test_changes_sign_with_the_order(self):
        rng = np.random.default_rng(5)
        one, other = rng.random(80), rng.random(80)
        boot = one_person(self.concept)
        there, back = boot.difference(one, other), boot.difference(other, one)
        assert there.value == pytest.approx(-back.value)
        assert there.ci95 == pytest.approx((-back.ci95[1], -back.ci95[0]))

    def test_other_trials_are_refused(self):
        with pytest.raises(CalibrationError, match="the same trials, but 80 and 79 came"):
            one_person(self.concept).difference(np.zeros(80), np.zeros(79))


class TestWhatIsDrawn:
    def test_is_said(self):
        subject, concept = np.divmod(np.arange(60), 10)
        assert Bootstrap(concept, subject, QUICK).drawn == "10 concepts and 6 people"
        assert Bootstrap(concept, subject // 2, QUICK).drawn == "10 concepts"  # 3 are too few
        trials = Resampling(over="trials", draws=400)
        assert Bootstrap(concept, subject, trials).drawn == "60 trials"

    def test_too_few_are_refused(self):
        with pytest.raises(CalibrationError, match=r"over concepts needs at least 5 .* but 2 came"):
            one_person(np.arange(100) % 2)
        with pytest.raises(CalibrationError, match=r"over trials .* but 3 came: record more"):
            one_person(np.arange(3), Resampling(over="trials"))

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"over": "images"}, "'concepts' or 'trials', not 'images'"),
            ({"draws": 99}, "at least 100 draws .* not 99 and 0"),
            ({"seed": -1}, "not 2000 and -1"),
        ],
    )
    def test_settings_without_an_interval_are_refused(self, arguments, message):
        with pytest.raises(ConfigError, match=message):
            Resampling(**arguments)
