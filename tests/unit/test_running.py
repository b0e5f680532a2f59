"""Statistics that follow a session: bounded whatever comes, and right where nothing is odd."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from saccade.models.alignment.running import (
    FARTHEST_MEAN,
    HIGHEST,
    QUICKEST_COVARIANCE,
    QUICKEST_MEAN,
    RunningCovariance,
    RunningMean,
)

D = 4
ANYTHING = st.floats(-1e30, 1e30, width=64)
SHARES = st.floats(1e-3, 1.0)
steps_of_means = st.lists(st.tuples(arrays(np.float64, D, elements=ANYTHING), SHARES), max_size=8)
steps_of_products = st.lists(
    st.tuples(arrays(np.float64, (D, D), elements=ANYTHING), SHARES), max_size=8
)


class TestBounds:
    @given(steps=steps_of_means)
    def test_a_mean_stays_in_its_ball_and_walks_no_faster_than_allowed(self, steps):
        mean = RunningMean(np.full(D, 0.3))
        for sample, share in steps:
            before = mean.shift
            mean.step(sample, share)
            assert np.linalg.norm(mean.shift) <= FARTHEST_MEAN * (1 + 1e-9)
            assert np.linalg.norm(mean.shift - before) <= share * QUICKEST_MEAN * (1 + 1e-9)
            assert 0 <= mean.distance <= 1

    @given(steps=steps_of_products)
    def test_eigenvalues_of_a_covariance_stay_in_their_range(self, steps):
        """Of any matrix, even one that is no covariance."""
        running = RunningCovariance(D)
        for sample, share in steps:
            before = running.covariance
            running.step(sample, share)
            variances = np.linalg.eigvalsh(running.covariance)
            assert 1 / HIGHEST - 1e-9 <= variances[0] <= variances[-1] <= HIGHEST + 1e-9
            moved = np.linalg.norm(running.covariance - before)
            assert moved <= share * QUICKEST_COVARIANCE * np.sqrt(D) + 1e-9
            assert 0 <= running.distance <= 1
            undone = running.undoing @ running.covariance @ running.undoing
            np.testing.assert_allclose(undone, np.eye(D), atol=1e-9)

    def test_the_worst_takes_a_quarter_of_the_memory_to_the_edge(self):
        mean, memory = RunningMean(np.zeros(D)), 100
        distances = []
        for _ in range(memory // 2):
            mean.step(np.full(D, 1e9), 1 / memory)
            distances.append(mean.distance)
        assert distances[memory // 4 - 2] < 1
        assert distances[memory // 4] == pytest.approx(1)


class TestValues:
    @settings(max_examples=20)
    @given(seed=st.integers(0, 2**32 - 1), share=st.floats(0.01, 0.5))
    def test_within_bounds_they_forget_exponentially(self, seed, share):
        rng = np.random.default_rng(seed)
        mean, expected = RunningMean(np.zeros(D)), np.zeros(D)
        running, slow = RunningCovariance(D), np.eye(D)
        for _ in range(20):
            sample = rng.uniform(-0.05, 0.05, D)
            expected = (1 - share) * expected + share * sample
            mean.step(sample, share)
            noise = rng.standard_normal((2 * D, D))
            product = (noise.T @ noise / (2 * D) + np.eye(D)) / 2
            slow = (1 - share) * slow + share * product
            running.step(product, share)
        np.testing.assert_allclose(mean.value, expected, atol=1e-12)
        np.testing.assert_allclose(running.covariance, slow, atol=1e-12)

    def test_what_is_like_calibration_changes_nothing(self):
        centre = np.array([0.1, -0.2, 0.0, 0.05])
        mean, running = RunningMean(centre), RunningCovariance(D)
        for _ in range(50):
            mean.step(centre, 0.1)
            running.step(np.eye(D), 0.1)
        assert not mean.shift.any()
        np.testing.assert_allclose(running.undoing, np.eye(D), atol=1e-12)
        assert running.distance < 1e-9

    def test_a_gain_is_undone(self):
        running, gain = RunningCovariance(D), np.diag([2.0, 0.5, 1.0, 1.5])
        for _ in range(400):
            running.step(gain @ gain, 0.05)
        np.testing.assert_allclose(running.undoing @ gain, np.eye(D), atol=1e-6)
