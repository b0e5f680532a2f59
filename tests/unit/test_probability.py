"""Temperature on data whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.models.evaluation.probability import (
    HOTTEST,
    fit_temperature,
    softmax,
)
from saccade.realtime.errors import CalibrationError


def drawn(temperature: float, n_trials: int = 4000, n_gallery: int = 12, seed: int = 0):
    """Return scores, and rows drawn with the probabilities of that temperature."""
    rng = np.random.default_rng(seed)
    scores = rng.uniform(-1, 1, (n_trials, n_gallery))
    weights = np.exp(scores / temperature)
    p = weights / weights.sum(axis=1, keepdims=True)
    return scores, [int(rng.choice(n_gallery, p=row)) for row in p]


class TestSoftmax:
    def test_is_the_formula(self):
        scores = np.float32([[0.1, -0.4, 0.9], [0, 0, 0]])
        weights = np.exp(scores.astype(np.float64) / 0.3)
        expected = weights / weights.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(softmax(scores, 0.3), expected, rtol=1e-12)

    def test_neither_overflows_nor_loses_the_sum(self):
        p = softmax(np.array([1.0, 0.999, -1.0]), 1e-3)
        assert np.isfinite(p).all()
        assert p.sum() == pytest.approx(1)
        assert p[0] == pytest.approx(1 / (1 + np.exp(-1)), rel=1e-9)

    def test_low_temperature_is_surer(self):
        scores = np.array([0.2, 0.1, 0.0])
        assert softmax(scores, 0.05)[0] > softmax(scores, 0.5)[0]


class TestTemperature:
    @pytest.mark.parametrize("truth", [0.08, 0.5, 2.0])
    def test_recovers_the_one_that_made_the_data(self, truth):
        assert fit_temperature(*drawn(truth)) == pytest.approx(truth, rel=0.08)

    def test_no_other_temperature_is_more_probable(self):
        scores, rows = drawn(0.4, n_trials=300)
        best = fit_temperature(scores, rows)

        def surprise(temperature):
            return -np.log(softmax(scores, temperature)[np.arange(300), rows]).sum()

        assert all(surprise(best) <= surprise(best * factor) for factor in (0.5, 0.98, 1.02, 2))

    def test_scores_that_say_nothing_give_equal_probabilities(self):
        rng = np.random.default_rng(1)
        scores = rng.uniform(-1, 1, (500, 10))
        rows = scores.argmin(axis=1)  # worse than nothing
        temperature = fit_temperature(scores, rows)
        assert temperature == pytest.approx(HOTTEST, rel=0.01)
        np.testing.assert_allclose(softmax(scores, temperature), 0.1, rtol=0.01)

    def test_scaling_scores_scales_it(self):
        scores, rows = drawn(0.4, n_trials=500)
        assert fit_temperature(scores * 4, rows) == pytest.approx(
            4 * fit_temperature(scores, rows), rel=1e-4
        )


@pytest.mark.parametrize(
    ("scores", "rows", "message"),
    [
        (np.empty((0, 3)), [], r"at least 1 trial, but \(0, 3\) came"),
        (np.ones((2, 3)), [0], r"\(2, 3\) came with 1 rows"),
        (np.ones((2, 3)), [0, 3], "between 0 and 2, but 0 to 3 came"),
        (np.array([[0.1, np.nan]]), [0], "must be finite"),
    ],
)
def test_what_does_not_fit_is_refused(scores, rows, message):
    with pytest.raises(CalibrationError, match=message):
        fit_temperature(scores, rows)
