"""The projector network: its size, its loss, its training, and its export."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders import export, load_script
from saccade.models.encoders.eegproject import EEGProject, EEGProjectSettings
from saccade.models.encoders.projector import Projector
from saccade.realtime.errors import CalibrationError, ConfigError, DecoderFileError

QUICK = {"epochs": 3, "batch_size": 32}


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.manual_seed(0)


def data(n_trials: int = 120, noise: float = 1.0, seed: int = 0):
    rng = np.random.default_rng(99)
    concepts = rng.standard_normal((6, 16)).astype(np.float32)
    concepts /= np.linalg.norm(concepts, axis=1, keepdims=True)
    patterns = rng.standard_normal((6, 3, 10))
    rng = np.random.default_rng(seed)
    rows = rng.integers(6, size=n_trials)
    X = patterns[rows] + noise * rng.standard_normal((n_trials, 3, 10))
    return X.astype(np.float32), concepts[rows], rows, concepts


def predict(module, X):
    with torch.inference_mode():
        return module(torch.from_numpy(X)).numpy()


def fit(X, Y, **settings):
    return EEGProject(EEGProjectSettings(**(QUICK | settings))).fit(X, Y).module


class TestProjector:
    @pytest.mark.parametrize(
        ("channels", "times", "dim", "millions"),
        [(17, 250, 1024, 5.40), (63, 250, 1024, 17.18), (271, 201, 1024, 56.8)],
    )
    def test_has_the_published_number_of_parameters(self, channels, times, dim, millions):
        features = channels * times
        with torch.device("meta"):
            count = sum(p.numel() for p in Projector(features, dim, 0.3).parameters())
        assert count == features * dim + dim + dim * dim + dim + 2 * dim
        assert count / 1e6 == pytest.approx(millions, abs=0.05)

    def test_is_the_published_formula(self):
        projector = Projector(5, 4, 0.3).eval()
        x = torch.randn(3, 5)
        y = x @ projector.linear.weight.T + projector.linear.bias
        second = projector.residual[1]
        refined = y + functional.gelu(y) @ second.weight.T + second.bias
        mean, var = refined.mean(1, keepdim=True), refined.var(1, unbiased=False, keepdim=True)
        expected = (refined - mean) / torch.sqrt(var + 1e-5)
        torch.testing.assert_close(projector(x), expected)

    def test_dropout_only_in_training_and_only_in_the_branch(self):
        projector = Projector(5, 4, 1.0)
        x = torch.randn(3, 5)
        torch.testing.assert_close(projector(x), projector.norm(projector.linear(x)))
        assert not torch.allclose(projector.eval()(x), projector.norm(projector.linear(x)))


class TestTraining:
    def test_learns_what_is_there(self):
        X, Y, _, concepts = data(300)
        module = fit(X, Y, epochs=40)
        X_test, _, rows, _ = data(300, seed=1)
        top1 = (predict(module, X_test) @ concepts.T).argmax(axis=1) == rows
        assert top1.mean() > 0.8  # chance 1/6

    def test_two_concepts_in_hundreds_of_trials(self):
        X, _, rows, concepts = data(600, noise=2.0)
        two = rows < 2
        X, rows = X[two], rows[two]
        module = fit(X[:120], concepts[rows[:120]], epochs=30)
        side = predict(module, X[120:]) @ (concepts[0] - concepts[1])
        assert ((side > 0) == (rows[120:] == 0)).mean() > 0.8

    def test_same_seed_same_bits_other_seed_others(self):
        X, Y, *_ = data()
        first, second, third = (predict(fit(X, Y, seed=s), X) for s in (1, 1, 2))
        np.testing.assert_array_equal(first, second)
        assert not np.allclose(first, third)

    def test_leaves_the_random_state_alone(self):
        X, Y, *_ = data()
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        fit(X, Y)
        assert torch.equal(torch.rand(3), expected)

    @pytest.mark.parametrize(
        "change",
        [
            {"lr": 1e-2},
            {"weight_decay": 0.0},
            {"dropout": 0.0},
            {"batch_size": 8},
            {"held_out": 0.5},
            {"epochs": 1},
        ],
    )
    def test_every_setting_changes_the_result(self, change):
        X, Y, *_ = data()
        assert not np.array_equal(predict(fit(X, Y), X), predict(fit(X, Y, **change), X))

    def test_patience_bridges_a_worse_pass(self):
        X, Y, *_ = data(60, noise=1.0)
        settings = {"epochs": 40, "lr": 3e-3, "batch_size": 8, "weight_decay": 0.0}
        impatient, patient = (predict(fit(X, Y, **settings, patience=p), X) for p in (1, 40))
        assert not np.array_equal(impatient, patient)

    def test_the_last_trials_decide(self):
        X, Y, *_ = data(100)
        spoiled = X.copy()
        spoiled[-15:] = X[-15:][::-1]  # the held-out ones trade places, the others stay
        settings = {"epochs": 20, "patience": 20, "lr": 3e-2, "weight_decay": 0.0}
        assert not np.array_equal(
            predict(fit(X, Y, **settings), X), predict(fit(spoiled, Y, **settings), X)
        )

    def test_inputs_are_not_changed(self):
        X, Y, *_ = data()
        before = X.copy(), Y.copy()
        fit(X, Y)
        np.testing.assert_array_equal(X, before[0])
        np.testing.assert_array_equal(Y, before[1])

    def test_a_loss_that_explodes_is_an_error(self):
        X, Y, *_ = data()
        with pytest.raises(CalibrationError, match="lower lr from 1e\\+20"):
            fit(X, Y, lr=1e20)

    def test_too_few_trials_are_refused(self):
        X, Y, *_ = data(3)
        with pytest.raises(CalibrationError, match="at least 4 trials, but 3 came"):
            fit(X, Y)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("epochs", 0, "epochs must be at least 1, not 0"),
        ("patience", 0, "patience must be at least 1"),
        ("held_out", 1.0, "held_out must be above 0 and below 1, not 1.0"),
        ("batch_size", 1, "batch_size must be at least 2"),
        ("lr", 0.0, "lr must be above 0"),
        ("weight_decay", -1.0, "weight_decay must be at least 0"),
        ("dropout", 1.0, "dropout must be at least 0 and below 1"),
    ],
)
def test_settings_out_of_range_are_refused(field, value, message):
    with pytest.raises(ConfigError, match=message):
        EEGProjectSettings(**{field: value})


class TestExport:
    def test_read_again_it_predicts_the_same(self):
        X, Y, *_ = data()
        module = fit(X, Y)
        script = load_script(export(module, 3, 10))
        for batch in (1, 2, 7):
            np.testing.assert_array_equal(predict(script, X[:batch]), predict(module, X[:batch]))

    def test_dropout_is_off(self):
        module = nn.Sequential(nn.Flatten(), Projector(30, 4, 0.9)).train()
        script = load_script(export(module, 3, 10))
        X = np.ones((1, 3, 10), np.float32)
        np.testing.assert_array_equal(predict(script, X), predict(script, X))

    def test_what_can_not_be_scripted_is_refused(self):
        class Unscriptable(nn.Module):
            def forward(self, x):
                yield x

        with pytest.raises(CalibrationError, match="Unscriptable must be scriptable"):
            export(Unscriptable(), 3, 10)

    def test_another_shape_in_or_out_is_refused(self):
        with pytest.raises(CalibrationError, match=r"take epochs of shape \(3, 11\)"):
            export(nn.Sequential(nn.Flatten(), nn.Linear(30, 4)), 3, 11)
        with pytest.raises(CalibrationError, match=r"\(2, dim\) for 2, not \(2, 3, 4\)"):
            export(nn.Linear(10, 4), 3, 10)

    def test_bytes_that_are_no_script_are_refused(self):
        with pytest.raises(DecoderFileError, match=r"must be TorchScript, but torch .* 8 bytes"):
            load_script(b"nonsense")
