"""Intervals for other concepts hold the truth, however alike trials of one concept are."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.models.evaluation.accuracy import wilson
from saccade.models.evaluation.new_concepts import new_concept_interval

GROUPS, OF_EACH, TRIALS = 3, 8, 20


def session(own: float, response: float, seed: int):
    """Return answers to 24 concepts: to each a pattern of its own, and one that shows it."""
    rng = np.random.default_rng(seed)
    n_concepts = GROUPS * OF_EACH
    shown = np.repeat(np.arange(n_concepts), TRIALS)
    scores = own * rng.standard_normal((n_concepts, n_concepts))[shown]
    scores += rng.standard_normal(scores.shape)
    scores[np.arange(len(shown)), shown] += response
    among = shown[:, None] // OF_EACH == np.arange(n_concepts) // OF_EACH
    return scores, among, shown


def right(scores, among, shown) -> int:
    return int((np.where(among, scores, -np.inf).argmax(axis=1) == shown).sum())


@pytest.mark.parametrize("own", [0.0, 1.0, 3.0])
def test_chance_is_left_out_as_seldom_as_is_said(own):
    above = below = by_trials = 0
    for seed in range(100):
        answers = session(own, 0.0, seed)
        low, high = new_concept_interval(*answers, 1)
        above, below = above + (low > 1 / OF_EACH), below + (high < 1 / OF_EACH)
        by_trials += wilson(right(*answers), len(answers[0]))[0] > 1 / OF_EACH
    assert above <= 6  # of 100; 2.5 are expected
    assert below <= 6
    if own > 1:
        assert by_trials > 15  # what an interval over trials says of the same answers


def test_a_response_is_told_from_chance_and_lies_within():
    answers = session(1.0, 1.5, 0)
    low, high = new_concept_interval(*answers, 1)
    share = right(*answers) / len(answers[0])
    assert 1 / OF_EACH < low < share < high
    low, high = new_concept_interval(*answers, 5)
    assert 5 / OF_EACH < low < high <= 1


def test_answers_that_are_all_alike_are_never_right():
    _, among, shown = session(0.0, 0.0, 0)
    low, high = new_concept_interval(np.zeros(among.shape), among, shown, 1)
    assert low == 0.0
    assert high < 0.2


def test_two_concepts_are_too_few_to_leave_out_chance():
    rng = np.random.default_rng(0)
    shown = np.repeat([0, 1], 30)
    among = np.ones((60, 2), bool)
    scores = rng.standard_normal((60, 2)) + 9 * np.eye(2)[shown]
    low, high = new_concept_interval(scores, among, shown, 1)
    assert low <= 0.5
    assert high == 1.0
