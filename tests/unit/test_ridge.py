"""Ridge against the normal equations, and how its penalty is chosen."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from saccade.models.encoders import export, load_script
from saccade.models.encoders.ridge import Ridge, RidgeSettings
from saccade.realtime.errors import CalibrationError, ConfigError


def data(n_trials: int, n_channels: int, n_times: int, dim: int, noise: float = 1.0, seed: int = 0):
    rng = np.random.default_rng(seed)
    Y = rng.standard_normal((n_trials, dim)).astype(np.float32)
    mixing = rng.standard_normal((dim, n_channels * n_times))
    X = Y @ mixing + noise * rng.standard_normal((n_trials, n_channels * n_times)) + 3
    return X.reshape(n_trials, n_channels, n_times).astype(np.float32), Y


def predict(module, X):
    with torch.inference_mode():
        return module(torch.from_numpy(X)).numpy()


def slow_ridge(X, Y, alpha):
    """Return weights and intercept by the primal normal equations."""
    x = X.reshape(len(X), -1).astype(np.float64)
    xc, yc = x - x.mean(axis=0), Y - Y.astype(np.float64).mean(axis=0)
    penalty = alpha * (xc**2).sum() / len(xc)
    weights = np.linalg.solve(xc.T @ xc + penalty * np.eye(xc.shape[1]), xc.T @ yc)
    concepts = {tuple(y): [] for y in Y}
    for epoch, y in zip(x, Y, strict=True):
        concepts[tuple(y)].append(epoch)
    centre = np.mean([np.mean(epochs, axis=0) for epochs in concepts.values()], axis=0)
    return weights, np.mean(list(concepts), axis=0) - centre @ weights


@pytest.mark.parametrize("n_trials", [20, 60, 61, 200])  # fewer trials than features, and more
def test_equals_the_normal_equations_on_both_sides(n_trials):
    X, Y = data(n_trials, 6, 10, 4)
    weights, intercept = slow_ridge(X, Y, 0.3)
    linear = Ridge(RidgeSettings(alpha=0.3)).fit(X, Y).module[1]
    np.testing.assert_allclose(linear.weight.detach().numpy().T, weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(linear.bias.detach().numpy(), intercept, rtol=1e-4, atol=1e-5)


def test_flattens_channel_by_channel():
    X, Y = data(40, 3, 5, 2)
    weights, intercept = slow_ridge(X, Y, 0.1)
    expected = X.reshape(40, -1) @ weights + intercept
    np.testing.assert_allclose(
        predict(Ridge(RidgeSettings(alpha=0.1)).fit(X, Y).module, X), expected, rtol=1e-4, atol=1e-4
    )


def test_unit_of_the_signal_does_not_matter():
    X, Y = data(50, 4, 30, 3)
    a = predict(Ridge(RidgeSettings(alpha=0.5)).fit(X, Y).module, X)
    b = predict(Ridge(RidgeSettings(alpha=0.5)).fit(X * 1024, Y).module, X * 1024)
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


def test_a_concept_shown_often_is_not_preferred():
    rng = np.random.default_rng(0)
    concepts = np.float32([[1, 0, 0], [0, 1, 0]])

    def trials(n_first, n_second):
        rows = np.repeat([0, 1], [n_first, n_second])[rng.permutation(n_first + n_second)]
        X = rng.standard_normal((len(rows), 2, 10)) + 0.5 * rows[:, None, None]
        return X.astype(np.float32), rows

    X, rows = trials(270, 30)
    X_test, rows_test = trials(300, 300)
    p = predict(Ridge(RidgeSettings(alpha=1.0)).fit(X, concepts[rows]).module, X_test)
    said = (p @ concepts.T).argmax(axis=1)
    assert (said[rows_test == 0] == 0).mean() > 0.75
    assert (said[rows_test == 1] == 1).mean() > 0.75
    np.testing.assert_allclose(
        p,
        X_test.reshape(600, -1) @ slow_ridge(X, concepts[rows], 1.0)[0]
        + slow_ridge(X, concepts[rows], 1.0)[1],
        rtol=1e-3,
        atol=1e-4,
    )


class TestChoice:
    def test_a_fixed_penalty_is_not_chosen(self):
        X, Y = data(60, 4, 10, 3)
        fixed = Ridge(RidgeSettings(alpha=100.0, alphas=(1e-3,))).fit(X, Y).module
        chosen = Ridge(RidgeSettings(alphas=(1e-3,))).fit(X, Y).module
        assert not np.allclose(fixed[1].weight.detach(), chosen[1].weight.detach())

    def test_it_is_the_highest_mean_cosine_of_held_out_blocks(self):
        for seed, noise in ((0, 3.0), (1, 30.0), (2, 100.0)):
            X, Y = data(42, 3, 20, 5, noise, seed)
            grid = (1e-3, 1e-1, 1.0, 10.0)
            score = dict.fromkeys(grid, 0.0)
            for start in range(0, 42, 14):
                test = np.arange(start, start + 14)
                train = np.setdiff1d(np.arange(42), test)
                for alpha in grid:
                    weights, intercept = slow_ridge(X[train], Y[train], alpha)
                    for x, y in zip(X[test].reshape(14, -1), Y[test], strict=True):
                        p = x @ weights + intercept
                        score[alpha] += p @ y / np.linalg.norm(p) / np.linalg.norm(y)
            best = max(grid, key=score.__getitem__)
            chosen = Ridge(RidgeSettings(alphas=grid, folds=3)).fit(X, Y).module
            expected = Ridge(RidgeSettings(alpha=best)).fit(X, Y).module
            assert torch.equal(chosen[1].weight, expected[1].weight)

    def test_folds_change_what_is_held_out(self):
        X, Y = data(60, 4, 20, 3, noise=20.0)
        X[:30] += np.linspace(0, 40, 20, dtype=np.float32)  # another state in the first half
        grid = tuple(10.0 ** np.arange(-3, 3))
        fits = [
            Ridge(RidgeSettings(alphas=grid, folds=k)).fit(X, Y).module[1].weight for k in (2, 30)
        ]
        assert not torch.equal(*fits)


def test_same_data_same_bits():
    X, Y = data(50, 3, 20, 4)
    first, second = Ridge().fit(X, Y).module, Ridge().fit(X, Y).module
    assert torch.equal(first[1].weight, second[1].weight)


def test_inputs_are_not_changed():
    X, Y = data(30, 3, 5, 4)
    before = X.copy(), Y.copy()
    Ridge().fit(X, Y)
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(Y, before[1])


def test_exported_and_read_again_it_predicts_the_same():
    X, Y = data(40, 4, 25, 6)
    module = Ridge().fit(X, Y).module
    script = load_script(export(module, 4, 25))
    for batch in (1, 2, 7):
        np.testing.assert_array_equal(predict(script, X[:batch]), predict(module, X[:batch]))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X, Y: (X[:9], Y[:9]), "at least 10 trials, but 9 came"),
        (lambda X, Y: (X, Y[:9]), r"but \(40, 3, 5\) and \(9, 2\) came"),
        (lambda X, Y: (X[0], Y), r"but \(3, 5\) and"),
        (lambda X, Y: (X * np.float32(np.nan), Y), "must be finite"),
        (lambda X, Y: (X, 0 * Y), "at least 2 concepts, but all 40 trials have one"),
        (lambda X, Y: (0 * X, Y), "all 40 are the same"),
    ],
)
def test_data_without_an_answer_is_refused(change, message):
    with pytest.raises(CalibrationError, match=message):
        Ridge().fit(*change(*data(40, 3, 5, 2)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"alpha": 0.0}, r"above 0, not \(0.0,\)"),
        ({"alphas": ()}, r"above 0, not \(\)"),
        ({"alphas": (1.0, -1.0)}, "above 0, not"),
        ({"alpha": float("nan")}, "above 0, not"),
        ({"folds": 1}, "at least 2 folds, not 1"),
    ],
)
def test_settings_without_a_choice_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        RidgeSettings(**fields)
