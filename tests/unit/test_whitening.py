"""Noise normalisation against the formulas, written out slowly."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.models.alignment.whitening import ledoit_wolf, mvnn, whiten, zscore
from saccade.realtime.errors import CalibrationError


def correlated(n_epochs: int, n_channels: int, n_times: int, seed: int = 0):
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((n_channels, n_channels)) + 5 * np.eye(n_channels)
    noise = rng.standard_normal((n_epochs, n_channels, n_times))
    return np.einsum("ij,njt->nit", mixing, noise).astype(np.float32)


def slow_ledoit_wolf(epoch):
    """Return the estimate as in the paper, with one outer product a time point."""
    x = np.asarray(epoch, np.float64)
    x = x - x.mean(axis=1, keepdims=True)
    p, n = x.shape
    sample = sum(np.outer(x[:, t], x[:, t]) for t in range(n)) / n
    m = np.trace(sample @ np.eye(p)) / p
    d2 = np.trace((sample - m * np.eye(p)) @ (sample - m * np.eye(p)).T) / p
    b2 = 0.0
    for t in range(n):
        error = np.outer(x[:, t], x[:, t]) - sample
        b2 += np.trace(error @ error.T) / p / n**2
    b2 = min(b2, d2)
    return b2 / d2 * m * np.eye(p) + (d2 - b2) / d2 * sample


@pytest.mark.parametrize(("channels", "times"), [(2, 5), (6, 4), (5, 200)])
def test_ledoit_wolf_is_the_formula(channels, times):
    epoch = correlated(1, channels, times)[0] + 7
    np.testing.assert_allclose(ledoit_wolf(epoch), slow_ledoit_wolf(epoch), rtol=1e-10)


def test_ledoit_wolf_has_full_rank_with_fewer_times_than_channels():
    epoch = correlated(1, 8, 4)[0]
    assert np.linalg.matrix_rank(np.cov(epoch)) == 3
    assert np.linalg.eigvalsh(ledoit_wolf(epoch))[0] > 0.01


def test_ledoit_wolf_of_silence_is_zero():
    np.testing.assert_array_equal(ledoit_wolf(np.zeros((3, 4))), np.zeros((3, 3)))


class TestMvnn:
    def test_whitened_noise_has_unit_covariance(self):
        epochs = correlated(40, 5, 3000)
        whitened = whiten(epochs, np.zeros(5), mvnn(epochs))
        covariance = np.mean([np.cov(epoch) for epoch in whitened], axis=0)
        np.testing.assert_allclose(covariance, np.eye(5), atol=0.03)

    def test_is_the_symmetric_inverse_root_of_the_mean(self):
        epochs = correlated(7, 4, 50)
        w = mvnn(epochs)
        mean = sum(slow_ledoit_wolf(epoch) for epoch in epochs) / 7
        np.testing.assert_allclose(w, w.T, atol=1e-12)
        np.testing.assert_allclose(w @ mean @ w, np.eye(4), atol=1e-9)

    def test_with_labels_a_frequent_condition_counts_no_more(self):
        loud, quiet = 3 * correlated(9, 3, 60, seed=1), correlated(1, 3, 60, seed=2)
        epochs = np.concatenate([loud, quiet])
        by_label = mvnn(epochs, ["loud"] * 9 + ["quiet"])
        means = [np.mean([ledoit_wolf(e) for e in part], axis=0) for part in (loud, quiet)]
        np.testing.assert_allclose(
            by_label @ np.mean(means, axis=0) @ by_label, np.eye(3), atol=1e-9
        )
        assert not np.allclose(by_label, mvnn(epochs), rtol=0.01)

    def test_input_is_not_changed(self):
        epochs = correlated(5, 3, 20)
        before = epochs.copy()
        mvnn(epochs)
        zscore(epochs)
        whiten(epochs, np.ones(3), np.eye(3))
        np.testing.assert_array_equal(epochs, before)


def test_zscore_takes_all_epochs_and_times_together():
    epochs = correlated(6, 3, 11)
    mean, std = zscore(epochs)
    for channel in range(3):
        values = epochs[:, channel].ravel().astype(np.float64)
        assert mean[channel] == pytest.approx(values.mean())
        assert std[channel] == pytest.approx(values.std())


class TestWhiten:
    def test_is_matrix_times_difference(self):
        epoch = correlated(1, 4, 9)[0]
        mean, w = np.arange(4.0), np.random.default_rng(3).standard_normal((4, 4))
        expected = [
            [sum(w[i, j] * (epoch[j, t] - mean[j]) for j in range(4)) for t in range(9)]
            for i in range(4)
        ]
        np.testing.assert_allclose(whiten(epoch, mean, w), expected, rtol=1e-5, atol=1e-5)
        assert whiten(epoch, mean, w).dtype == np.float32

    @pytest.mark.parametrize("n_channels", [2, 4, 17, 64])
    def test_alone_among_others_or_transposed_the_bits_are_the_same(self, n_channels):
        """Cancel everything but rounding errors, so that any other order of summing shows."""
        rng = np.random.default_rng(4)
        epochs = np.repeat(rng.standard_normal((8, 1, 250)), n_channels, axis=1).astype(np.float32)
        w = rng.standard_normal((n_channels, n_channels))
        w -= w.mean(axis=1, keepdims=True)
        together = whiten(epochs, np.zeros(n_channels), w)
        assert 0 < np.abs(together).max() < 1e-10
        for number, epoch in enumerate(epochs):
            by_time = np.asfortranarray(epoch)  # as a view of a ring buffer lies in memory
            strided = np.repeat(epoch, 2, axis=1)[:, ::2]
            for same in (epoch, by_time, strided):
                for matrix in (w, np.asfortranarray(w)):
                    np.testing.assert_array_equal(
                        whiten(same, np.zeros(n_channels), matrix), together[number]
                    )


@pytest.mark.parametrize("function", [mvnn, zscore])
class TestRefused:
    def test_no_epochs(self, function):
        with pytest.raises(CalibrationError, match=r"not \(0, 3, 10\)"):
            function(np.empty((0, 3, 10), np.float32))

    def test_nan(self, function):
        epochs = correlated(4, 3, 10)
        epochs[1, 2, 3] = np.nan
        with pytest.raises(CalibrationError, match="1 of 4 hold NaN"):
            function(epochs)

    def test_flat_channel(self, function):
        epochs = correlated(4, 3, 10)
        epochs[:, 1] = 5
        with pytest.raises(CalibrationError, match=r"number 1 \(from 0\) is flat in all 4"):
            function(epochs)


def test_labels_must_match():
    with pytest.raises(CalibrationError, match="2 labels came for 4 epochs"):
        mvnn(correlated(4, 3, 10), ["a", "b"])
