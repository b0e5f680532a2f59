"""Bits: as many as there are, none from noise, and never more than the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import log_softmax

from saccade.models.evaluation import information
from saccade.models.evaluation.information import bits
from saccade.realtime.errors import CalibrationError


def gaussian(n, n_candidates, noise, seed=0):
    """Return log-likelihoods of an observation in white noise, which are ideal scores."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((n_candidates, 3))
    shown = np.arange(n) % n_candidates
    seen = centres[shown] + noise * rng.standard_normal((n, 3))
    distance = np.square(seen[:, None] - centres).sum(axis=2)
    return -distance / (2 * noise**2), shown


def test_ideal_scores_reach_the_mutual_information_and_squeezed_ones_no_more():
    scores, shown = gaussian(6000, 20, 0.7)
    log_p = log_softmax(scores, axis=1)[np.arange(len(shown)), shown]
    truth = np.log2(20) + log_p.mean() / np.log(2)
    assert 1 < truth < 3
    found = bits((7 * scores).astype(np.float32), shown, shown, 0)  # the temperature undoes the 7
    assert found.mean() == pytest.approx(truth, abs=0.01)
    squeezed = -np.sqrt(-scores)
    assert bits(squeezed.astype(np.float32), shown, shown, 0).mean() < truth - 0.02


def test_certainty_is_worth_log2_of_the_candidates():
    shown = np.arange(32) % 16
    scores = np.eye(16, dtype=np.float32)[shown]
    assert bits(scores, shown, shown, 0) == pytest.approx(np.full(32, 4.0), abs=1e-6)


def test_noise_is_worth_nothing():
    rng = np.random.default_rng(1)
    shown = np.repeat(np.arange(40), 50)
    found = bits(rng.standard_normal((2000, 40)).astype(np.float32), shown, shown, 0)
    assert -0.01 < found.mean() < 0.001


def test_no_trial_has_a_say_in_its_own_temperature():
    scores, shown = gaussian(300, 10, 1.0)
    before = bits(scores.astype(np.float32), shown, shown, 0)
    spoilt = scores.copy()
    mine = shown == 3
    spoilt[mine] = -spoilt[mine]
    after = bits(spoilt.astype(np.float32), shown, shown, 0)
    unchanged = (before == after) & ~mine
    assert unchanged.any()  # those of the same fold as concept 3
    assert (before != after)[~mine].any()  # the others had their temperature fitted on it, too


def test_folds_keep_units_whole(monkeypatch):
    fitted = []

    def remember(scores, rows):
        fitted.append(set(rows))
        return 1.0

    monkeypatch.setattr(information, "fit_temperature", remember)
    shown = np.repeat(np.arange(10), 5)
    bits(np.zeros((50, 10), np.float32), shown, shown, 0)
    assert sorted(map(len, fitted)) == [8] * 5
    fitted.clear()
    bits(np.zeros((50, 10), np.float32), shown, np.arange(50), 0)
    assert sorted(map(len, fitted)) == [10] * 5


def test_one_unit_is_refused():
    with pytest.raises(CalibrationError, match="all 4 trials are of one: test on more"):
        bits(np.zeros((4, 3), np.float32), np.ones(4, int), np.ones(4, int), 0)
