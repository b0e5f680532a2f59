"""The verdict: every rule, every limit, and what it leads to."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from saccade.calibration.learning_curve import More
from saccade.calibration.order import Order
from saccade.calibration.verdict import Verdict, judge
from saccade.calibration.verdict_facts import Facts, Figure, VerdictSettings
from saccade.calibration.wording import more_words, rounded, written
from saccade.realtime.errors import ConfigError

HELD_OUT = Figure("top-5 of 40", 0.31, 0.25, 0.37, 300, 0.125)
MIXED = Order(association=0.05, p=0.3, repeated=0.02, expected=0.025, excess_z=-0.7)
FACTS = Facts(HELD_OUT, expected=0.36, n_trials=500, n_rejected=40, order=MIXED)


def verdict(settings: dict[str, Any] | None = None, **facts: Any) -> Verdict:
    return judge(dataclasses.replace(FACTS, **facts), VerdictSettings(**(settings or {})))


def test_all_kept_is_go() -> None:
    found = verdict()
    assert found.decision == "go"
    assert found.worth_a_decoder
    assert found.sentence == (
        "top-5 of 40 is 31 % [95 % 25 % to 37 %] in 300 held-out single trials, chance 12 %: "
        "ready to run"
    )
    assert all(rule.kept and not rule.advice for rule in found.rules)


REDONE = [
    (
        {"occipital": (("O1", False), ("Oz", False), ("O2", True))},
        "2 of 3 occipital channels are not good (O1, Oz)",
        {"least_occipital": 0.3},
    ),
    (
        {"markers_expected": 600, "markers_received": 580},
        "20 of 600 markers never came",
        {"most_missing": 0.05},
    ),
    ({"n_rejected": 400}, "400 of 900 trials were rejected", {"most_rejected": 0.5}),
    ({"spread_ms": 14.2}, "spread over 14.2 ms", {"most_spread_ms": 20.0}),
    ({"answers": (8, 24)}, "only 8 of 24 questions", {"least_attention": 0.5}),
    (
        {"expected": 0.3, "more": More(0.6, None, 4000, None, 0.8)},
        None,
        {"target": 0.25},
    ),
]


@pytest.mark.parametrize(("facts", "words", "milder"), REDONE[:-1])
def test_what_asks_to_redo(facts: dict[str, Any], words: str, milder: dict[str, Any]) -> None:
    found = verdict(None, **facts)
    assert found.decision == "redo"
    assert not found.worth_a_decoder
    assert words in found.sentence
    assert verdict(milder, **facts).decision == "go"


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ({"association": 0.5, "p": 1e-9}, "concepts come early or late in the runs"),
        ({"repeated": 0.4, "excess_z": 9.0}, "concepts come in rows"),
    ],
)
def test_order_that_tells_concepts_asks_to_redo(order: dict[str, float], words: str) -> None:
    found = verdict(order=dataclasses.replace(MIXED, **order))
    assert found.decision == "redo"
    assert words in found.sentence
    assert "mix the concepts and redo" in found.sentence


@pytest.mark.parametrize(
    "order",
    [
        {"association": 0.5, "p": 0.01},  # few trials
        {"association": 0.1, "p": 1e-9},  # many, and hardly any association
        {"repeated": 0.1, "excess_z": 9.0},
    ],
)
def test_order_by_chance_or_of_little_use_is_kept(order: dict[str, float]) -> None:
    assert verdict(order=dataclasses.replace(MIXED, **order)).decision == "go"


@pytest.mark.parametrize(
    "unknown", ["occipital", "markers_received", "spread_ms", "answers", "order"]
)
def test_rule_without_its_fact_is_left_out(unknown: str) -> None:
    whole: dict[str, Any] = {
        "occipital": (("Oz", True),),
        "markers_expected": 600,
        "markers_received": 600,
        "spread_ms": 1.0,
        "answers": (20, 20),
    }
    n_rules = len(verdict(**whole).rules)
    whole[unknown] = () if unknown == "occipital" else None
    assert len(verdict(**whole).rules) == n_rules - 1


def test_few_answers_leave_doubt_and_are_kept() -> None:
    assert verdict(answers=(1, 3)).decision == "go"


def test_interval_with_chance_in_it_asks_for_more_and_gives_no_decoder() -> None:
    found = verdict(held_out=dataclasses.replace(HELD_OUT, value=0.15, low=0.11))
    assert found.decision == "more"
    assert found.more_trials == 250
    assert not found.above_chance
    assert not found.worth_a_decoder
    assert "not above chance (12 %): not known to work; record some 250 more trials" in (
        found.sentence
    )


def test_many_trials_without_anything_ask_for_no_more() -> None:
    nothing = dataclasses.replace(HELD_OUT, value=0.15, low=0.11)
    assert verdict(held_out=nothing, n_trials=990).decision == "more"
    found = verdict(held_out=nothing, n_trials=1000)
    assert (found.decision, found.more_trials) == ("redo", 0)
    assert "1000 trials have shown nothing, and more will not: see to the cap" in found.sentence
    assert verdict({"most_more": 2000}, held_out=nothing, n_trials=1000).decision == "more"


def test_target_within_reach_asks_for_more_and_gives_a_decoder() -> None:
    more = More(0.5, 331, 150, 800, 0.8)
    found = verdict({"target": 0.5}, more=more)
    assert found.decision == "more"
    assert found.more_trials == 340
    assert found.worth_a_decoder
    assert found.sentence == (
        "about 340 more trials for top-5 of 40 ≥ 50 %, 80 % interval 150 to 800: go on"
    )


def test_target_takes_no_more_than_one_is_ready_to_add() -> None:
    more = More(0.5, 331, 150, 800, 0.8)
    found = verdict({"target": 0.5, "most_more": 300}, more=more)
    assert found.decision == "redo"
    assert "not within 300 more trials" in found.sentence
    assert verdict({"target": 0.35, "most_more": 300}, more=more).decision == "go"


def test_gravest_comes_first_and_others_are_counted() -> None:
    found = verdict(
        None,
        n_rejected=400,
        spread_ms=30.0,
        held_out=dataclasses.replace(HELD_OUT, value=0.15, low=0.11),
    )
    assert found.decision == "redo"
    assert found.more_trials == 0
    assert "400 of 900" in found.sentence
    assert found.sentence.endswith("(2 more rules are broken)")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (More(0.2, 331, 150, 812, 0.8), "about 340 more trials for top-5 ≥ 20 %, 80 % interval 150 "
         "to 820"),
        (More(0.2, 331, 150, None, 0.8), "about 340 more trials for top-5 ≥ 20 %, 80 % interval "
         "from 150 on"),
        (More(0.2, None, 150, None, 0.8), "150 or more further trials for top-5 ≥ 20 %; how many "
         "can't be told"),
        (More(0.2, None, None, None, 0.8), "top-5 ≥ 20 % is out of reach of more trials, as far as "
         "can be told"),
        (More(0.2, 0, 0, 90, 0.8), "top-5 ≥ 20 % is about reached: more trials for it, 80 % "
         "interval 0 to 90"),
    ],
)  # fmt: skip
def test_more_is_said_with_its_doubt(more: More, words: str) -> None:
    assert more_words(more, "top-5") == words


def test_numbers_are_written_as_the_field_does() -> None:
    assert written("AUC", 0.683) == ".68"
    assert written("AUC", 1.0) == "1.00"
    assert written("top-1", 0.0251) == "2.5 %"
    assert written("top-1", 0.25) == "25 %"
    assert [rounded(n) for n in (0, 7, 10, 101, 4321)] == [0, 7, 10, 110, 4400]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"most_missing": 1.2}, "most_missing is a share"),
        ({"least_attention": -0.1}, "least_attention is a share"),
        ({"target": 20.0}, "as 0.2, not at 20"),
        ({"most_more": 0}, "at least 1 trial"),
        ({"most_spread_ms": float("nan")}, "above 0"),
    ],
)
def test_refuses_limits_that_are_none(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        VerdictSettings(**settings)
