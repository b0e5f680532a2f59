"""Orders that tell concepts apart are seen, and those that are drawn are not taken for such."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.calibration.order import order_of


def told(concepts: list[int], n_runs: int = 4):
    n = len(concepts)
    runs = np.repeat(np.arange(n_runs), -(-n // n_runs))[:n]
    onsets_s = np.concatenate([0.2 * np.arange((runs == run).sum()) for run in range(n_runs)])
    return order_of(tuple(f"c{k}" for k in concepts), runs, onsets_s)


@pytest.mark.parametrize("n_concepts", [2, 6, 50])
def test_drawn_orders_are_seldom_taken_for_one(n_concepts):
    rng = np.random.default_rng(0)
    found = [told(rng.integers(0, n_concepts, 300).tolist()) for _ in range(200)]
    assert np.mean([one.p < 0.05 for one in found]) < 0.1
    assert np.mean([one.excess_z > 1.64 for one in found]) < 0.1
    assert np.mean([one.association for one in found]) < 0.08


def test_rounds_are_better_mixed_than_draws():
    rng = np.random.default_rng(0)
    found = told(np.concatenate([rng.permutation(6) for _ in range(60)]).tolist())
    assert found.association == 0.0
    assert found.excess_z < 0


def test_concepts_that_come_early_or_late_are_told_by_the_third():
    found = told([int(k >= 20) for _ in range(4) for k in range(40)])
    assert found.association > 0.7
    assert found.p < 1e-10


def test_concepts_in_rows_follow_themselves():
    found = told([k // 10 % 2 for k in range(240)], n_runs=1)
    assert found.repeated > 0.85
    assert found.expected == pytest.approx(0.5)
    assert found.excess_z > 5


def test_a_single_trial_a_run_says_nothing():
    found = told([0, 1, 0, 1], n_runs=4)
    assert (found.association, found.p, found.repeated) == (0.0, 1.0, 0.0)
