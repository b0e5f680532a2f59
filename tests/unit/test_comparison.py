"""Two encoders on the same trials: what is hard for both does not hide who is better."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from saccade.models.evaluation.bootstrap import Bootstrap, Resampling
from saccade.models.evaluation.comparison import compare
from saccade.models.evaluation.information import bits
from saccade.models.evaluation.judged import Judged, judge
from saccade.models.evaluation.ranking import ranks
from saccade.models.evaluation.trials import Candidates, Trials
from saccade.realtime.errors import CalibrationError

G, D, R = 30, 12, 4
QUICK = Resampling(draws=400)


class Lab:
    """Trials whose noise both encoders see; the worse one adds its own."""

    def __init__(self):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((G, D))
        vectors /= np.linalg.norm(vectors, axis=1)[:, None]
        self.candidates = Candidates(vectors.astype("f4"), tuple(map(str, range(G))), "image")
        shown = np.repeat(np.arange(G), R)
        self.trials = Trials(shown, shown, shown * 0, ("a",), averaged=2)
        hard = rng.uniform(0.1, 0.9, G)[shown, None]
        self.good = vectors[shown] + hard * rng.standard_normal((G * R, D))
        self.bad = self.good + 0.25 * rng.standard_normal((G * R, D))

    def judge(self, signals, size=1, seed=0):
        def embed(groups):
            return np.stack([signals[group].mean(axis=0) for group in groups]).astype("f4")

        return judge(self.trials, self.candidates, embed, size, seed)


@pytest.fixture(scope="module")
def lab():
    return Lab()


def test_scores_are_of_averaged_repetitions(lab):
    judged = lab.judge(lab.good, size=2)
    assert judged.repetitions == 4  # the rows average two already
    assert judged.scores.shape == (60, G)
    assert judged.shown.tolist() == np.repeat(np.arange(G), 2).tolist()
    group = lab.trials.groups(2, 0)[7]
    mean = lab.good[group].mean(axis=0)
    expected = lab.candidates.vectors @ (mean / np.linalg.norm(mean))
    assert judged.scores[7] == pytest.approx(expected, abs=1e-5)


def test_a_difference_is_that_of_the_two_figures(lab):
    one, other = lab.judge(lab.good), lab.judge(lab.bad)
    found = compare(one, other, QUICK)
    top1, top5 = (
        (ranks(one.scores, one.shown) <= k).mean() - (ranks(other.scores, other.shown) <= k).mean()
        for k in (1, 5)
    )
    assert found.top1.value == pytest.approx(top1)
    assert found.top5.value == pytest.approx(top5)
    assert (found.top1.n, found.top1.chance) == (120, 0)
    assert (found.repetitions, found.intervals_over) == (2, "30 concepts")
    assert found.bits.value > 0


def test_pairing_finds_what_two_intervals_do_not(lab):
    one, other = lab.judge(lab.good), lab.judge(lab.bad)
    found = compare(one, other, QUICK)
    assert found.bits.ci95[0] > 0
    bootstrap = Bootstrap(one.shown, one.subject, QUICK)
    widths = []
    for judged in (one, other):
        hits = (ranks(judged.scores, judged.shown) == 1).astype(float)
        low, high = bootstrap.measure(hits, 1 / G).ci95
        widths.append(high - low)
    assert found.top1.ci95[1] - found.top1.ci95[0] < min(widths)


def test_an_encoder_does_not_beat_itself(lab):
    one = lab.judge(lab.good)
    found = compare(one, one, QUICK)
    assert [found.top1.ci95, found.top5.ci95, found.bits.ci95] == [(0, 0)] * 3


def test_concepts_of_several_pictures_are_drawn_whole(lab):
    one, other = (
        replace(lab.judge(signals), concept=lab.trials.shown // 3)
        for signals in (lab.good, lab.bad)
    )
    found = compare(one, other, QUICK)
    assert found.intervals_over == "10 concepts"
    told = [bits(judged.scores, judged.shown, judged.concept, 0) for judged in (one, other)]
    assert found.bits.value == pytest.approx((told[0] - told[1]).mean())


def test_the_other_way_round_the_sign_changes(lab):
    one, other = lab.judge(lab.good), lab.judge(lab.bad)
    there, back = compare(one, other, QUICK), compare(other, one, QUICK)
    assert there.bits.value == pytest.approx(-back.bits.value)


def test_other_trials_or_candidates_are_refused(lab):
    one = lab.judge(lab.good)
    fewer = Judged(one.scores[:, :20], np.minimum(one.shown, 19), one.subject, 2)
    for other in (
        lab.judge(lab.good, size=2),
        fewer,
        replace(one, shown=one.shown[::-1]),
        replace(one, subject=one.subject + 1),
        replace(one, concept=one.concept // 2),
    ):
        with pytest.raises(CalibrationError, match=r"120 averages of 2 among 30 and .* one seed"):
            compare(one, other)
