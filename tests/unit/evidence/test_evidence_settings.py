"""What is decided, and when it is enough: what can't be meant is refused in a sentence."""

from __future__ import annotations

import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.settings import EvidenceSettings

ITEMS = ("a", "b", "c")
SPELLER = {"mode": "target", "target": "yes", "items": ITEMS, "starts": ("go",)}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"mode": "both"}, "decision.mode is closed, single, target, sliding, not 'both'"),
        ({"per": "block", "threshold": 0.9}, "decision.per is 'trial' or 'marker', not 'block'"),
        ({"threshold": 1.5}, "threshold is a probability above 0, not 1.5"),
        ({"threshold": 0.9, "floor": 1.0}, "floor must be from 0 to below 1, not 1"),
        ({"threshold": 0.9, "margin": -0.1}, "margin must be from 0 to below 1, not -0.1"),
        ({"deadline_s": 0.0}, "deadline_s must be above 0, not 0"),
        (
            {"mode": "sliding", "half_life_s": 1, "refractory_s": -1},
            "refractory_s must be at least",
        ),
        ({"min_epochs": 4, "max_epochs": 3}, "at most max_epochs, but they are 4 and 3"),
        ({"threshold": 0.9, "prior": {"a": 0.7, "b": 0.7}}, "prior must be probabilities"),
        ({}, "nothing would ever end a trial: give decision.threshold, max_epochs"),
        ({"threshold": 0.8, "floor": 0.9}, "floor 0.9 is above the threshold 0.8"),
        ({"worth_per_s": 0.1}, "worth_per_s needs d_prime"),
        (
            {"worth_per_s": 0.1, "d_prime": 1.0, "max_epochs": 2},
            "can stop after 2 epochs at the earliest",
        ),
        ({"mode": "sliding"}, "half_life_s says how fast old windows are forgotten"),
        ({"mode": "sliding", "half_life_s": 1.0, "max_epochs": 3}, "says nothing in mode 'slid"),
        ({"mode": "single", "starts": ("go",)}, "starts says nothing in mode 'single'"),
        ({"mode": "single", "correlation": 0.2}, "correlation says nothing in mode 'single'"),
        ({"threshold": 0.9, "half_life_s": 1.0}, "half_life_s says nothing in mode 'closed'"),
        ({"threshold": 0.9, "items": ITEMS}, "items says nothing in mode 'closed'"),
        ({"mode": "target", "max_epochs": 3, "items": ITEMS}, "target names the concept"),
        ({"mode": "target", "target": "yes", "max_epochs": 3}, "at least 2 things to choose from"),
        ({**SPELLER, "per": "marker"}, "each marker is judged by itself"),
        ({**SPELLER, "items": ("a", "A")}, "must be at least 2, each once, not a, A"),
        ({**SPELLER, "flashes": {"r1": ("a", "z")}}, "flashes names \\['z'\\]"),
        ({**SPELLER, "flashes": {"r1": ("a", "b")}}, "'a' and 'b' always flash together"),
        ({**SPELLER, "flashes": {"r1": ("a",), "r2": ("b",)}}, "never flashes 'c'"),
        ({"threshold": 0.9, "candidates": ("a",)}, "at least 2, each once, not a"),
        ({"threshold": 0.9, "starts": ("t",), "ends": ("t",)}, "has \\['t'\\] as both"),
    ],
)
def test_what_cannot_be_meant_is_refused(values, said):
    with pytest.raises(ConfigError, match=said):
        EvidenceSettings(**values)


def test_any_end_of_a_trial_will_do():
    for end in (
        {"threshold": 0.9},
        {"max_epochs": 3},
        {"deadline_s": 2.0},
        {"gap_s": 1.0},
        {"starts": ("go",)},
        {"ends": ("stop",)},
        {"worth_per_s": 0.1, "d_prime": 1.0},
    ):
        EvidenceSettings(**end)
