"""The order of pictures: balanced, seeded, and the beginning of a longer one."""

from __future__ import annotations

import collections
import dataclasses
import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from saccade.calibration.plan import CATCH, arrange, extended, make_plan
from saccade.calibration.protocol import Protocol
from saccade.realtime.errors import ConfigError

NAMES = tuple(f"thing{n:02d}" for n in range(30))


@st.composite
def protocols(draw):
    length = draw(st.integers(2, 8))
    return Protocol(
        "rsvp",
        trials_per_block=length * draw(st.integers(1, 5)),
        sequence_length=length,
        trials=draw(st.integers(1, 120)),
        n_concepts=draw(st.integers(2, 20)),
        n_held_out=0,
        pictures=draw(st.integers(1, 4)),
        catch_share=draw(st.sampled_from([0.0, 0.25, 1.0])),
        seed=draw(st.integers(0, 1000)),
    )


@given(protocols())
def test_each_concept_comes_equally_often_whatever_is_shown_of_it(protocol):
    plan = make_plan(protocol, NAMES)
    assert len(plan.trials) == protocol.trials
    assert len(plan.concepts) == protocol.n_concepts
    so_far = collections.Counter(dict.fromkeys(plan.concepts, 0))
    for trial in plan.trials:
        so_far[trial.concept] += 1
        assert max(so_far.values()) - min(so_far.values()) <= 1


@given(protocols())
def test_each_concept_comes_equally_often_in_each_block(protocol):
    trials = make_plan(protocol, NAMES).trials
    size = protocol.trials_per_block
    for start in range(0, len(trials), size):
        counts = collections.Counter(t.concept for t in trials[start : start + size])
        of_all = [counts[name] for name in make_plan(protocol, NAMES).concepts]
        assert max(of_all) - min(of_all) <= 2


@given(protocols())
def test_no_concept_comes_twice_running(protocol):
    plan = make_plan(protocol, NAMES)
    if len(plan.concepts) > 2:
        assert all(a.concept != b.concept for a, b in itertools.pairwise(plan.trials))


@given(protocols(), st.integers(1, 60))
def test_a_longer_plan_begins_with_the_shorter(protocol, more):
    plan = make_plan(protocol, NAMES)
    longer = make_plan(protocol, NAMES, len(plan.trials) + more)
    assert extended(plan, more) == longer
    assert longer.trials[: len(plan.trials)] == plan.trials


@given(protocols())
def test_the_same_seed_gives_the_same_and_another_another(protocol):
    plan = make_plan(protocol, NAMES)
    assert make_plan(protocol, NAMES) == plan
    assert make_plan(protocol, NAMES).digest == plan.digest
    other = dataclasses.replace(protocol, seed=protocol.seed + 1)
    if len(plan.trials) > 20:
        assert make_plan(other, NAMES).digest != plan.digest


@given(protocols(), st.data())
def test_a_block_shows_its_trials_and_a_target_never_first_last_or_beside_another(protocol, data):
    plan = make_plan(protocol, NAMES)
    pending = sorted(
        data.draw(st.sets(st.integers(0, len(plan.trials) - 1), min_size=1)),
    )
    numbers = plan.next_block(pending)
    assert sorted(numbers) == pending[: protocol.trials_per_block]
    sequences = arrange(plan, 1, numbers)
    counted = [p for s in sequences for p in s.trials if not p.catch]
    assert [p.trial for p in counted] == list(numbers)
    assert [p.concept for p in counted] == [plan.trials[n].concept for n in numbers]
    for sequence in sequences:
        shown = {p.concept for p in sequence.trials if not p.catch}
        places = [i for i, p in enumerate(sequence.trials) if p.catch]
        assert len(places) <= 1
        assert all(0 < i < len(sequence.trials) - 1 for i in places)
        if sequence.question is None:
            assert not places
        else:
            assert sequence.question.target not in shown
            assert sequence.question.seen == bool(places)
        assert all(sequence.trials[i].trial == CATCH for i in places)
    assert arrange(plan, 1, numbers) == sequences


@given(st.integers(3, 12), st.integers(0, 200), st.data())
def test_no_concept_follows_itself_in_a_block_shown_again_where_that_can_be(n, seed, data):
    protocol = Protocol("single", trials_per_block=12, trials=60, n_concepts=n, seed=seed)
    plan = make_plan(protocol, NAMES)
    lost = data.draw(st.sets(st.integers(0, 59), min_size=1))
    order = plan.next_block(sorted(lost))
    concepts = [plan.trials[i].concept for i in order]
    repeats = sum(a == b for a, b in itertools.pairwise(concepts))
    most = max(collections.Counter(concepts).values())
    assert repeats == max(0, 2 * most - len(concepts) - 1)  # as few as there must be
    assert sorted(order) == sorted(lost)[:12]


def test_the_share_of_sequences_with_a_target_is_what_was_asked_for():
    protocol = Protocol(
        "rsvp", 100, trials=4000, sequence_length=10, n_concepts=20, catch_share=0.25
    )
    plan = make_plan(protocol, NAMES)
    seen = [
        sequence.question.seen
        for run in range(40)
        for sequence in arrange(plan, run, range(100 * run, 100 * run + 100))
    ]
    assert len(seen) == 400
    assert 80 <= sum(seen) <= 120
    places = collections.Counter(
        [p.catch for p in sequence.trials].index(True)
        for run in range(40)
        for sequence in arrange(plan, run, range(100 * run, 100 * run + 100))
        if sequence.question.seen
    )
    assert set(places) == set(range(1, 10))


def test_pictures_of_a_concept_come_in_turn():
    protocol = Protocol("single", 10, repetitions=6, n_concepts=4, pictures=3)
    by_concept = collections.defaultdict(list)
    for trial in make_plan(protocol, NAMES).trials:
        by_concept[trial.concept].append(trial.picture)
    assert set(map(tuple, by_concept.values())) == {(0, 1, 2, 0, 1, 2)}


def test_intervals_are_jittered_evenly_as_far_as_asked_for():
    protocol = Protocol("single", 10, trials=1000, soa_s=1.0, jitter_s=0.4)
    soa_s = [trial.soa_s for trial in make_plan(protocol, NAMES).trials]
    assert min(soa_s) >= 1.0
    assert max(soa_s) <= 1.4
    assert sum(soa_s) / 1000 == pytest.approx(1.2, abs=0.02)
    assert make_plan(protocol, NAMES).duration_s(range(1000)) == pytest.approx(sum(soa_s))


def test_a_message_is_what_the_screen_takes():
    protocol = Protocol("rsvp", 4, trials=4, sequence_length=4, n_concepts=4, catch_share=1.0)
    (sequence,) = arrange(make_plan(protocol, NAMES), 1, range(4))
    message = sequence.message()
    assert set(message) == {"number", "trials", "question"}
    assert set(message["trials"][0]) == {"trial", "concept", "picture", "on_s", "soa_s", "catch"}
    assert message["question"]["seen"] is True


class TestConcepts:
    def test_are_those_of_the_gallery_or_named_or_drawn(self):
        everything = Protocol("single", 10, trials=10)
        assert make_plan(everything, NAMES).concepts == NAMES
        named = dataclasses.replace(everything, concepts=("Thing03", "thing01"))
        assert make_plan(named, NAMES).concepts == ("thing03", "thing01")
        drawn = dataclasses.replace(everything, n_concepts=5)
        assert len(make_plan(drawn, NAMES).concepts) == 5
        other = dataclasses.replace(drawn, seed=1)
        assert make_plan(drawn, NAMES).concepts != make_plan(other, NAMES).concepts

    def test_held_out_are_shown_too(self):
        protocol = Protocol(
            "single", 10, repetitions=1, n_concepts=10, held_out=(), n_held_out=3, seed=2
        )
        plan = make_plan(protocol, NAMES)
        assert len(plan.held_out) == 3
        assert {t.concept for t in plan.trials} == set(plan.concepts) >= set(plan.held_out)
        named = dataclasses.replace(protocol, n_concepts=None, held_out=("thing07",))
        held = make_plan(named, NAMES).held_out
        assert held[0] == "thing07"
        assert len(set(held)) == 4

    def test_repetitions_make_as_many_trials(self):
        plan = make_plan(Protocol("single", 10, repetitions=4), NAMES)
        assert len(plan.trials) == 120

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"concepts": ("thing01",)}, r"at least 2 concepts .* but 1 is shown \(thing01\)"),
            ({"concepts": ("thing01", "thong02")}, "names 'thong02'.*did you mean 'thing02'"),
            ({"n_concepts": 31}, "n_concepts = 31 are to be drawn, but there are 30"),
            ({"n_held_out": 29}, "of 30 shown 29 are held out"),
            ({"held_out": ("elephant",)}, "held_out names 'elephant'"),
        ],
    )
    def test_that_do_not_do_are_refused(self, changes, said):
        protocol = dataclasses.replace(Protocol("single", 10, trials=10), **changes)
        with pytest.raises(ConfigError, match=said):
            make_plan(protocol, NAMES)

    def test_that_leave_nothing_to_ask_for_are_refused(self):
        protocol = Protocol("rsvp", 20, trials=20, sequence_length=20, catch_share=0.5)
        with pytest.raises(ConfigError, match="nothing is left to ask for"):
            make_plan(protocol, NAMES[:10])
        assert make_plan(dataclasses.replace(protocol, n_concepts=9), NAMES[:10]).targets
        named = dataclasses.replace(protocol, concepts=NAMES[:9], targets=("thing09",))
        assert make_plan(named, NAMES[:10]).targets == ("thing09",)


def test_of_an_external_presentation_only_the_number_is_planned():
    plan = make_plan(Protocol("external", 10, trials=25), NAMES)
    assert [t.concept for t in plan.trials] == [None] * 25
    assert plan.concepts == ()
    assert plan.next_block(range(25)) == tuple(range(10))
    named = make_plan(Protocol("external", 10, repetitions=4, concepts=NAMES[:3]), NAMES)
    assert len(named.trials) == 12
