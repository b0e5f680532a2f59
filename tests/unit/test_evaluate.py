"""An encoder is judged as the field judges it, and no number comes without its company."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from saccade.models.evaluation.accuracy import concept_permutation_test
from saccade.models.evaluation.bootstrap import Bootstrap, Resampling
from saccade.models.evaluation.evaluate import EvaluationSettings, evaluate
from saccade.models.evaluation.information import bits
from saccade.models.evaluation.judged import judge
from saccade.models.evaluation.ranking import ranks, similarities
from saccade.models.evaluation.result import About
from saccade.models.evaluation.trials import Candidates, Trials
from saccade.realtime.errors import CalibrationError, ConfigError

G, D, R = 20, 16, 4
ABOUT = About("ridge", "made up", "in-subject")
QUICK = EvaluationSettings(ways=(2, 10), permutations=200, resampling=Resampling(draws=200))


class Lab:
    """People who see each picture R times; predictions are the truth in noise."""

    def __init__(self, people=1, noise=0.5, seed=0):
        rng = np.random.default_rng(seed)
        vectors = rng.standard_normal((G, D))
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
        groups = tuple("animal" if row < 8 else "tool" for row in range(G))
        names = tuple(map(str, range(G)))
        self.candidates = Candidates(vectors.astype(np.float32), names, "image", groups)
        shown = np.tile(np.repeat(np.arange(G), R), people)
        subject = np.repeat(np.arange(people), G * R)
        names = tuple(f"sub-{p}" for p in range(people))
        self.trials = Trials(shown, shown, subject, names)
        self.signals = (vectors[shown] + noise * rng.standard_normal((len(shown), D))).astype("f4")

    def embed(self, groups):
        return np.stack([self.signals[group].mean(axis=0) for group in groups])

    def evaluate(self, settings=QUICK, about=ABOUT, embed=None):
        return evaluate(self.trials, self.candidates, embed or self.embed, about, settings)


@pytest.fixture(scope="module")
def lab():
    return Lab()


@pytest.fixture(scope="module")
def found(lab):
    return lab.evaluate()


class TestLevels:
    def test_run_from_single_trials_to_all_repetitions(self, found):
        assert [level.repetitions for level in found.levels] == [1, 2, 4]
        assert [level.n for level in found.levels] == [80, 40, 20]
        assert {level.n_concepts for level in found.levels} == {20}
        top1 = [level.ways[-1].top1.value for level in found.levels]
        told = [level.bits.value for level in found.levels]
        assert top1 == sorted(top1)
        assert told == sorted(told)
        assert top1[0] > 0.15
        assert told[-1] <= np.log2(G)

    def test_accuracy_is_that_of_the_ranking(self, lab, found):
        scores = similarities(lab.signals, lab.candidates.vectors)
        places = ranks(scores, lab.trials.shown)
        whole = found.levels[0].ways[-1]
        assert whole.candidates == G
        assert whole.top1.value == (places == 1).mean()
        assert whole.top5.value == (places <= 5).mean()
        assert (whole.top1.chance, whole.top5.chance) == (1 / G, 5 / G)

    def test_fewer_candidates_are_easier_and_two_have_no_top5(self, found):
        for level in found.levels:
            assert [way.candidates for way in level.ways] == [2, 10, G]
            assert [way.top1.chance for way in level.ways] == [1 / 2, 1 / 10, 1 / G]
            values = [way.top1.value for way in level.ways]
            assert values == sorted(values, reverse=True)
            assert level.ways[0].top5 is None
            assert level.ways[1].top5.chance == 0.5

    def test_where_all_candidates_were_shown_2_way_is_the_choice_of_2(self, found):
        for level in found.levels:
            assert level.two_way.value == pytest.approx(level.ways[0].top1.value)

    def test_the_control_is_at_chance_and_the_encoder_is_not(self, found):
        control = found.levels[0].control
        assert control.range95[0] <= 1 / G <= control.range95[1]
        assert (control.p, control.n_permutations) == (1 / 201, 200)
        assert control.observed == found.levels[0].ways[-1].top1.value

    def test_intervals_of_encoders_that_know_nothing_hold_chance(self, lab):
        single = replace(QUICK, repetitions=(1,))
        held, p, told = [], [], []
        for seed in range(40):
            guesses = np.random.default_rng(seed).standard_normal((len(lab.trials), D), "f4")
            level = lab.evaluate(single, embed=lambda groups, said=guesses: said).levels[0]
            p.append(level.control.p)
            held += [
                measured.ci95[0] <= measured.chance <= measured.ci95[1]
                for measured in (level.two_way, level.ways[-1].top1, level.ways[-1].top5)
            ]
            told.append(level.bits.value)
        assert np.mean(held) > 0.88
        assert 0.2 < np.mean(p) < 0.8
        assert np.mean(told) < 0.01

    def test_an_encoder_that_says_one_thing_is_not_right(self, lab):
        level = lab.evaluate(embed=lambda groups: np.zeros((len(groups), D), "f4")).levels[0]
        assert level.ways[-1].top5.value == 0
        assert level.bits.value == pytest.approx(0, abs=1e-9)

    def test_rows_that_are_averages_already_are_never_called_single_trials(self, lab):
        averaged = replace(lab.trials, averaged=20)
        found = evaluate(averaged, lab.candidates, lab.embed, ABOUT, QUICK)
        assert [level.repetitions for level in found.levels] == [20, 40, 80]
        assert found.confusion.repetitions == 80


class TestPeople:
    def test_several_are_told_apart_and_drawn(self):
        lab = Lab(people=5)
        level = lab.evaluate().levels[0]
        assert (level.n, level.n_people) == (400, 5)
        assert level.intervals_over == "20 concepts and 5 people"
        assert [name for name, _ in level.people] == [f"sub-{p}" for p in range(5)]
        values = [top1.value for _, top1 in level.people]
        assert np.mean(values) == pytest.approx(level.ways[-1].top1.value)
        assert {top1.n for _, top1 in level.people} == {80}

    def test_one_is_not_told_apart_from_nobody(self, found):
        assert found.levels[0].people == ()
        assert found.levels[0].intervals_over == "20 concepts"

    def test_one_with_too_few_concepts_is_left_out(self):
        lab = Lab(people=2)
        some = np.flatnonzero((lab.trials.subject == 0) | (lab.trials.shown < 4))
        shown = lab.trials.shown[some]
        trials = Trials(shown, shown, lab.trials.subject[some], lab.trials.subjects)
        embed = lambda groups: lab.embed([some[group] for group in groups])  # noqa: E731
        level = evaluate(trials, lab.candidates, embed, ABOUT, QUICK).levels[0]
        assert level.n_people == 2
        assert [name for name, _ in level.people] == ["sub-0"]


@pytest.fixture(scope="module")
def seen():
    """Concepts of two pictures each, of which half are decoded."""
    lab = Lab(people=1, noise=3.0)
    concept = lab.trials.shown // 2  # two pictures each
    decoded = concept < 5
    clear = lab.candidates.vectors[lab.trials.shown]
    signals = np.where(decoded[:, None], clear, lab.signals)
    embed = lambda groups: np.stack([signals[g].mean(axis=0) for g in groups])  # noqa: E731
    trials = Trials(lab.trials.shown, lab.trials.stimulus, lab.trials.subject, ("a",), 1, concept)
    return lab, trials, embed


class TestSeveralPicturesOfAConcept:
    """A concept is decoded or is not, with all its pictures: they are no concepts of their own."""

    def test_concepts_are_counted_and_drawn(self, seen):
        lab, trials, embed = seen
        found = evaluate(trials, lab.candidates, embed, ABOUT, QUICK)
        level = found.levels[0]
        assert (level.n_concepts, level.intervals_over) == (10, "10 concepts")
        hits = (ranks(judge(trials, lab.candidates, embed, 1, 0).scores, trials.shown) == 1) * 1.0
        by_concept = Bootstrap(trials.concept, trials.subject, QUICK.resampling)
        assert level.ways[-1].top1 == by_concept.measure(hits, 1 / G)
        by_picture = Bootstrap(trials.shown, trials.subject, QUICK.resampling)
        low, high = by_picture.measure(hits, 1 / G).ci95
        assert level.ways[-1].top1.ci95[1] - level.ways[-1].top1.ci95[0] > 1.2 * (high - low)
        assert [name for name, _ in found.confusion.right] == ["tool"]  # 4 animals are too few

    def test_they_trade_names_with_their_concepts(self, seen):
        lab, trials, embed = seen
        control = evaluate(trials, lab.candidates, embed, ABOUT, QUICK).levels[0].control
        said = similarities(embed(trials.groups(1, 0)), lab.candidates.vectors).argmax(axis=1)
        assert control == concept_permutation_test(said, trials.shown, 200, 0, trials.concept)

    def test_no_concept_is_on_both_sides_of_a_fold(self, seen):
        lab, trials, embed = seen
        told = evaluate(trials, lab.candidates, embed, ABOUT, QUICK).levels[0].bits.value
        scores = similarities(embed(trials.groups(1, 0)), lab.candidates.vectors)
        assert told == bits(scores, trials.shown, trials.concept, 0).mean()


class TestConfusion:
    def test_counts_answers_by_category(self, lab, found):
        scores = lab.embed(lab.trials.groups(4, 0)) @ lab.candidates.vectors.T
        shown, said = np.arange(G) >= 8, scores.argmax(axis=1) >= 8
        confusion = found.confusion
        assert confusion.groups == ("animal", "tool")
        assert confusion.repetitions == 4
        expected = [[int((~shown & ~said).sum()), int((~shown & said).sum())],
                    [int((shown & ~said).sum()), int((shown & said).sum())]]  # fmt: skip
        assert [list(row) for row in confusion.counts] == expected
        right = dict(confusion.right)
        assert right["tool"].value == pytest.approx(expected[1][1] / 12)
        assert (right["tool"].n, right["tool"].chance) == (12, 0.6)

    def test_can_be_counted_at_fewer_repetitions(self, lab):
        confusion = lab.evaluate(replace(QUICK, confusion_at=1)).confusion
        assert confusion.repetitions == 1
        assert sum(map(sum, confusion.counts)) == 80

    def test_a_category_of_too_few_concepts_gets_no_share(self, lab):
        groups = tuple("rare" if row < 3 else "common" for row in range(G))
        candidates = replace(lab.candidates, groups=groups)
        confusion = evaluate(lab.trials, candidates, lab.embed, ABOUT, QUICK).confusion
        assert [name for name, _ in confusion.right] == ["common"]
        assert "rare" in confusion.groups

    def test_without_categories_there_is_none(self, lab):
        candidates = replace(lab.candidates, groups=None)
        assert evaluate(lab.trials, candidates, lab.embed, ABOUT, QUICK).confusion is None


class TestSettings:
    def test_repetitions_and_ways_are_as_asked(self, lab):
        found = lab.evaluate(replace(QUICK, repetitions=(1, 3), ways=(4, 500)))
        assert [level.repetitions for level in found.levels] == [1, 3]
        assert [way.candidates for way in found.levels[0].ways] == [4, G]

    def test_a_picture_shown_more_often_than_others_makes_no_curve(self, lab):
        more = np.append(np.arange(len(lab.trials)), np.zeros(3, int))  # one picture, three more
        shown = lab.trials.shown[more]
        trials = Trials(shown, shown, lab.trials.subject[more], ("a",))
        embed = lambda groups: lab.embed([more[group] for group in groups])  # noqa: E731
        found = evaluate(trials, lab.candidates, embed, ABOUT, QUICK)
        assert [level.repetitions for level in found.levels] == [1, 2, 4]
        with pytest.raises(CalibrationError, match="at least 5 of them, but 1 came"):
            evaluate(trials, lab.candidates, embed, ABOUT, replace(QUICK, repetitions=(7,)))

    def test_the_seed_draws_other_groups_and_intervals(self, lab, found):
        other = lab.evaluate(replace(QUICK, resampling=Resampling(draws=200, seed=1)))
        assert other.levels[1].ways[-1].top1.ci95 != found.levels[1].ways[-1].top1.ci95
        assert lab.evaluate() == found

    def test_intervals_over_trials_serve_two_classes(self):
        lab = Lab()
        two = lab.trials.shown < 2
        trials = Trials(lab.trials.shown[two], np.arange(8), lab.trials.subject[two], ("a",))
        embed = lambda groups: lab.signals[two][np.concatenate(groups)]  # noqa: E731
        over_trials = replace(QUICK, resampling=Resampling(over="trials", draws=200))
        level = evaluate(trials, lab.candidates, embed, ABOUT, over_trials).levels[0]
        assert level.intervals_over == "8 trials"
        with pytest.raises(CalibrationError, match="draw over 'trials'"):
            evaluate(trials, lab.candidates, embed, ABOUT, QUICK)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"ways": (2, 1)}, "at least 2 candidates, not 1"),
            ({"repetitions": ()}, "rising numbers from 1 on"),
            ({"repetitions": (0, 1)}, r"not \(0, 1\)"),
            ({"repetitions": (4, 1)}, r"not \(4, 1\)"),
            ({"permutations": 0}, "at least 1 permutation, not 0"),
        ],
    )
    def test_what_cannot_be_measured_is_refused(self, arguments, message):
        with pytest.raises(ConfigError, match=message):
            EvaluationSettings(**arguments)

    @pytest.mark.parametrize("size", [0, 3])
    def test_a_confusion_at_repetitions_that_are_not_judged_is_refused(self, lab, size):
        with pytest.raises(ConfigError, match=rf"one of the repetitions \(1, 2, 4\), not {size}"):
            lab.evaluate(replace(QUICK, confusion_at=size))


def alone(node, path=""):
    """Return where a value stands without n, chance or interval."""
    if isinstance(node, list):
        return [found for i, item in enumerate(node) for found in alone(item, f"{path}/{i}")]
    if not isinstance(node, dict):
        return []
    here = [path] if "value" in node and node.keys() != {"value", "n", "chance", "ci95"} else []
    return here + [found for key, item in node.items() for found in alone(item, f"{path}/{key}")]


class TestResult:
    def test_no_number_stands_alone(self, found):
        as_dict = found.to_dict()
        assert alone(as_dict) == []
        level = as_dict["levels"][0]
        figures = level.keys() - {
            "repetitions", "n", "n_concepts", "n_people", "people", "intervals_over",
        }  # fmt: skip
        assert figures == {"ways", "two_way", "bits", "control"}
        assert level["two_way"].keys() == {"value", "n", "chance", "ci95"}
        assert level["control"].keys() >= {"observed", "mean", "range95", "p", "n_permutations"}

    def test_is_json(self, found):
        as_dict = found.to_dict()
        assert json.loads(json.dumps(as_dict, allow_nan=False)) == as_dict
        assert as_dict["gallery_kind"] == "image"
        assert as_dict["gallery_size"] == G

    def test_says_simulated_where_the_subject_or_the_gallery_is(self, lab):
        assert not lab.evaluate().about.simulated
        assert lab.evaluate(about=replace(ABOUT, simulated=True)).about.simulated
        made_up = replace(lab.candidates, simulated=True)
        assert evaluate(lab.trials, made_up, lab.embed, ABOUT, QUICK).about.simulated

    def test_what_was_given_is_left_as_it_was(self, lab):
        signals, vectors = lab.signals.copy(), lab.candidates.vectors.copy()
        lab.evaluate()
        assert (lab.signals == signals).all()
        assert (lab.candidates.vectors == vectors).all()

    def test_vectors_of_another_size_are_refused(self, lab):
        with pytest.raises(CalibrationError, match=r"shape \(n, 16\) like the candidates"):
            lab.evaluate(embed=lambda groups: np.zeros((len(groups), 3), "f4"))
