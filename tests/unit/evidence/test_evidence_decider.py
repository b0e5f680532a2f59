"""Trials, their ends, and what is decided there, each mode and each rule by hand."""

from __future__ import annotations

import math

import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import Flag, Marker

NAMES = ("dog", "house", "tree")
REACH_S = 0.5


def decider(names=NAMES, **settings):
    made = make_decider(EvidenceSettings(**settings))
    made.reset(names, REACH_S)
    return made


def fed(made, epochs, ranking):
    """Return what is decided by epochs that all say the same."""
    decided = []
    for one in epochs:
        decided += made.advance(one.last_stamp_s)
        decided += made.step(one, ranking)
    return decided


def test_repetitions_add_up_until_the_threshold(epoch, ranking):
    made = decider(threshold=0.9)
    decided = fed(made, [epoch(t) for t in (1.0, 1.2, 1.4)], ranking(0.6, 0.2, 0.2))
    assert len(decided) == 1
    (one,) = decided
    assert (one.choice, one.n_epochs, one.ending) == ("dog", 3, "threshold")
    assert one.probability == pytest.approx(0.6**3 / (0.6**3 + 2 * 0.2**3), rel=1e-6)
    assert (one.started_s, one.stamp_s) == (1.0, 1.9)
    assert one.elapsed_s == pytest.approx(0.9)
    assert [name for name, _ in one.top] == ["dog", "house", "tree"]


def test_candidates_are_renormalised_and_the_decoders_prior_divided_out(epoch, ranking):
    made = decider(candidates=("House", "tree"), max_epochs=2, assumed={"house": 0.6, "tree": 0.2})
    (one,) = fed(made, [epoch(1.0), epoch(2.0)], ranking(0.4, 0.3, 0.3))
    assert one.choice == "tree"  # half as probable to the decoder before it saw anything
    assert one.probability == pytest.approx(9 / 10, rel=1e-6)
    assert one.ending == "repetitions"


def test_without_bounds_the_next_epoch_begins_another_trial(epoch, ranking):
    made = decider(max_epochs=2)
    decided = fed(made, [epoch(float(t)) for t in range(5)], ranking(0.5, 0.3, 0.2))
    assert [(d.number, d.started_s, d.n_epochs) for d in decided] == [(0, 0.0, 2), (1, 2.0, 2)]
    (rest,) = made.finish()
    assert (rest.ending, rest.n_epochs, rest.choice) == ("end", 1, "dog")


def test_nothing_is_decided_by_a_rejected_epoch(epoch, ranking):
    made = decider(threshold=0.7)
    bad = epoch(1.0, rejected=["peak to peak 300 µV on Cz"])
    assert list(made.step(bad, ranking(1.0, 0.0, 0.0))) == []  # decoded all the same
    assert list(made.step(bad, None)) == []
    (one,) = made.step(epoch(1.5), ranking(0.1, 0.8, 0.1))
    assert (one.choice, one.n_epochs, one.n_left_out) == ("house", 1, 2)


def test_a_trial_of_rejected_epochs_comes_to_nothing(epoch, ranking):
    made = decider(deadline_s=2.0)
    fed(made, [epoch(1.0, rejected=["gap"])], None)
    (one,) = made.advance(3.5)
    assert (one.choice, one.ending, one.n_epochs, one.n_left_out) == (None, "deadline", 0, 1)
    assert one.probability == pytest.approx(1 / 3)


def test_flagged_epochs_count_unless_only_clean_ones_may(epoch, ranking):
    filled = epoch(1.0, flags=Flag.FILLED)
    (one,) = decider(max_epochs=1).step(filled, ranking(0.8, 0.1, 0.1))
    assert one.n_epochs == 1
    strict = decider(max_epochs=1, clean_only=True)
    assert list(strict.step(filled, ranking(0.8, 0.1, 0.1))) == []
    (one,) = strict.step(epoch(2.0), ranking(0.8, 0.1, 0.1))
    assert (one.n_epochs, one.n_left_out) == (1, 1)


def test_min_epochs_and_margin_hold_a_threshold_back(epoch, ranking):
    epochs = [epoch(float(t)) for t in range(3)]
    (one,) = fed(decider(threshold=0.5, min_epochs=3), epochs, ranking(0.6, 0.2, 0.2))
    assert one.n_epochs == 3
    (one,) = fed(decider(threshold=0.5, margin=0.6), epochs[:2], ranking(0.6, 0.2, 0.2))
    assert one.n_epochs == 2  # 0.82 - 0.09


def test_below_the_floor_nothing_is_chosen(epoch, ranking):
    settings = {"max_epochs": 2, "floor": 0.7}
    epochs = [epoch(1.0), epoch(2.0)]
    (one,) = fed(decider(**settings), epochs, ranking(0.5, 0.3, 0.2))
    assert one.choice is None
    assert one.probability == pytest.approx(25 / 38, rel=1e-6)
    (one,) = fed(decider(**settings), epochs, ranking(0.6, 0.2, 0.2))
    assert one.choice == "dog"


def test_the_deadline_is_exact(epoch, ranking):
    made = decider(deadline_s=1.5)
    on_time, late = epoch(2.0), epoch(2.0 + 1e-9)
    fed(made, [epoch(1.0)], ranking(0.5, 0.3, 0.2))
    assert list(made.advance(2.5)) == []  # the very last moment
    assert list(made.step(on_time, ranking(0.5, 0.3, 0.2))) == []
    (one,) = made.advance(2.5 + 1e-9)
    assert (one.ending, one.n_epochs, one.stamp_s) == ("deadline", 2, 2.5)
    made = decider(deadline_s=1.5)
    decided = fed(made, [epoch(1.0), late], ranking(0.5, 0.3, 0.2))
    assert [(d.ending, d.n_epochs) for d in decided] == [("deadline", 1)]


def test_a_deadline_before_the_end_of_any_epoch_is_refused():
    with pytest.raises(ConfigError, match=r"an epoch ends 0\.5 s after its onset"):
        decider(deadline_s=0.4)


def test_markers_begin_and_end_trials_and_tell_the_truth(epoch, ranking):
    made = decider(threshold=0.99, starts=("trial-*",), ends=("over",))
    made.mark(Marker("trial-House", 1.0))
    made.mark(Marker("over", 2.0))
    before, inside, after = epoch(0.9), epoch(1.0), epoch(2.0)
    decided = fed(made, [before, inside, epoch(1.5), after], ranking(0.2, 0.6, 0.2))
    assert [(d.choice, d.truth, d.n_epochs, d.ending) for d in decided] == [
        ("house", "house", 2, "end")
    ]
    assert decided[0].started_s == 1.0
    assert decided[0].stamp_s == 2.5  # until then an epoch of the trial might have come
    assert made.n_outside == 2
    assert list(made.finish()) == []


def test_a_trial_without_an_epoch_is_told_too(epoch, ranking):
    made = decider(threshold=0.9, starts=("go",))
    made.mark(Marker("go", 1.0))
    made.mark(Marker("go", 4.0))
    (one,) = made.advance(4.6)
    assert (one.choice, one.n_epochs, one.ending, one.started_s) == (None, 0, "end", 1.0)


def test_once_decided_the_rest_of_a_trial_is_left_alone(epoch, ranking):
    made = decider(threshold=0.7, starts=("go",))
    made.mark(Marker("go", 0.0))
    decided = fed(made, [epoch(t / 5) for t in range(8)], ranking(0.8, 0.1, 0.1))
    assert len(decided) == 1
    made.mark(Marker("go", 2.0))
    assert len(fed(made, [epoch(2.0)], ranking(0.8, 0.1, 0.1))) == 1


def test_silence_ends_a_trial(epoch, ranking):
    made = decider(gap_s=0.5)
    fed(made, [epoch(1.0), epoch(1.4)], ranking(0.5, 0.3, 0.2))
    assert list(made.advance(1.4 + 0.5 + REACH_S)) == []
    (one,) = made.advance(1.4 + 0.5 + REACH_S + 1e-6)
    assert (one.n_epochs, one.ending) == (2, "end")
    (one,) = fed(made, [epoch(5.0), epoch(9.0)], ranking(0.5, 0.3, 0.2))
    assert one.n_epochs == 1


def test_each_marker_value_may_have_a_case_of_its_own(epoch, ranking):
    """Pictures of unknown meaning, shown again and again in any order."""
    made = decider(per="marker", max_epochs=2)
    decided = []
    for onset_s, marker, seen in (
        (0.0, "img1", (0.6, 0.2, 0.2)),
        (0.2, "img2", (0.2, 0.6, 0.2)),
        (0.4, "img2", (0.2, 0.7, 0.1)),
        (0.6, "img1", (0.5, 0.3, 0.2)),
    ):
        decided += made.step(epoch(onset_s, marker), ranking(*seen))
    assert [(d.item, d.choice, d.started_s) for d in decided] == [
        ("img2", "house", 0.2),
        ("img1", "dog", 0.0),
    ]


def test_what_is_seen_in_a_single_trial_or_nothing(epoch, ranking):
    made = decider(mode="single", threshold=0.6, margin=0.3)
    seen = [(0.7, 0.2, 0.1), (0.5, 0.3, 0.2), (0.62, 0.36, 0.02)]
    decided = [d for p in seen for d in made.step(epoch(1.0, label="dog"), ranking(*p))]
    assert [(d.choice, d.truth, d.ending) for d in decided] == [
        ("dog", "dog", "threshold"),
        (None, "dog", "repetitions"),
        (None, "dog", "repetitions"),
    ]
    assert list(made.step(epoch(2.0, rejected=["gap"]), ranking(1.0, 0.0, 0.0))) == []


def test_single_keeps_the_decoders_own_probabilities(epoch, ranking):
    made = decider(mode="single", threshold=0.6, assumed={"dog": 0.8})
    (one,) = made.step(epoch(1.0), ranking(0.65, 0.25, 0.1))
    assert one.probability == pytest.approx(0.65, rel=1e-6)


RARE = ("yes", "no")


def test_a_speller_finds_the_letter_in_row_and_column(epoch, ranking):
    flashes = {"r1": ("A", "B"), "r2": ("C", "D"), "c1": ("A", "C"), "c2": ("B", "D")}
    settings = {
        "items": tuple("ABCD"),
        "flashes": flashes,
        "target": "yes",
        "assumed": {"yes": 0.2},
    }
    made = decider(RARE, mode="target", starts=("go-*",), max_epochs=4, **settings)
    made.mark(Marker("go-C", -1.0))
    decided = []
    for onset_s, marker in enumerate(("r1", "c2", "r2", "c1")):
        attended = marker in ("r2", "c1")  # the letter is C
        label = "yes" if attended else "no"
        decided += made.step(
            epoch(float(onset_s), marker, label), ranking(*((0.5, 0.5) if attended else (0.1, 0.9)))
        )
    (one,) = decided
    likely, other = math.log(4), math.log(4 / 9)  # the prior of 0.2 divided out
    weights = [math.exp(x) for x in (likely + other, 2 * other, 2 * likely, likely + other)]
    assert (one.choice, one.truth) == ("C", "C")
    assert one.probability == pytest.approx(weights[2] / sum(weights), rel=1e-5)
    assert list(made.step(epoch(9.0, "button"), ranking(0.5, 0.5))) == []
    assert made.n_outside == 1


def test_one_target_yes_or_no_with_a_stated_prior(epoch, ranking):
    made = decider(
        RARE,
        mode="target",
        target="yes",
        per="marker",
        max_epochs=1,
        assumed={"yes": 0.5},
        prior={"yes": 0.1},
    )
    (one,) = made.step(epoch(1.0, "img7", "yes"), ranking(0.8, 0.2))
    assert (one.item, one.choice, one.truth) == ("img7", "no", "yes")
    assert one.probability == pytest.approx(1 - 0.4 / 1.3, rel=1e-5)  # odds 4 : 1 times 1 : 9


def test_it_ends_when_more_would_not_pay(epoch, ranking):
    sure, torn = ranking(0.98, 0.01, 0.01), ranking(0.4, 0.35, 0.25)
    settings = {"worth_per_s": 0.05, "d_prime": 1.0, "max_epochs": 20}
    epochs = [epoch(0.5 * n) for n in range(20)]
    (one,) = fed(decider(**settings), epochs[:2], sure)
    assert (one.ending, one.n_epochs) == ("gain", 2)
    one, *_ = fed(decider(**settings), epochs, torn)
    assert one.n_epochs > 5
    dear = settings | {"worth_per_s": 10.0}
    (one,) = fed(decider(**dear), epochs[:2], torn)
    assert (one.ending, one.n_epochs, one.choice) == ("gain", 2, "dog")


def test_what_was_gathered_can_be_forgotten(epoch, ranking):
    made = decider(threshold=0.9, starts=("go",))
    made.mark(Marker("go", 0.0))
    fed(made, [epoch(0.0), epoch(0.2)], ranking(0.2, 0.6, 0.2))
    (one,) = made.clear(0.8)
    assert (one.choice, one.ending, one.n_epochs, one.stamp_s) == (None, "reset", 2, 0.8)
    decided = fed(made, [epoch(0.7), epoch(1.0), epoch(1.2), epoch(1.4)], ranking(0.6, 0.2, 0.2))
    assert [(d.choice, d.n_epochs, d.started_s) for d in decided] == [("dog", 3, 0.0)]
    assert made.n_outside == 1  # it began before


def test_correlated_epochs_need_more_of_them(epoch, ranking):
    epochs = [epoch(float(t)) for t in range(9)]
    seen = ranking(0.6, 0.2, 0.2)
    independent = fed(decider(threshold=0.9), epochs, seen)[0].n_epochs
    correlated = fed(decider(threshold=0.9, correlation=0.2), epochs, seen)[0].n_epochs
    assert (independent, correlated) == (3, 5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"threshold": 0.9, "candidates": ("dog", "cow")}, "names 'cow', which the decoder does"),
        ({"mode": "target", "target": "cow", "per": "marker", "max_epochs": 1}, "names 'cow'"),
        ({"threshold": 0.9, "prior": {"cow": 0.1}}, "decision.prior names cow"),
        ({"threshold": 0.9, "assumed": {"cow": 0.1}}, "decision.assumed names cow"),
    ],
)
def test_a_concept_that_is_not_ranked_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        decider(**settings)


def test_one_concept_alone_leaves_nothing_to_decide():
    with pytest.raises(ConfigError, match="between at least 2 concepts, but there is 1"):
        decider(("dog",), threshold=0.9)
