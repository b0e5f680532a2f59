"""Epochs are averaged before they are encoded, whatever the batches, and parts can be hidden."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from saccade.models.evaluation import embedding
from saccade.models.evaluation.embedding import Averaging, BySubject, module_encoder
from saccade.realtime.errors import CalibrationError

C, T = 3, 4


class Recorded:
    """Signals that remember how many rows were asked for at a time."""

    def __init__(self, n=20):
        self.epochs = np.random.default_rng(0).standard_normal((n, C, T)).astype(np.float32)
        self.asked = []

    def signals(self, rows):
        self.asked.append(len(rows))
        return self.epochs[rows]


def flat(epochs):
    return epochs.reshape(len(epochs), -1)


def squares(epochs):
    return flat(epochs) ** 2


GROUPS = [np.array([3, 1]), np.array([7]), np.array([0, 19, 4]), np.array([2, 5])]


def test_the_average_epoch_is_encoded_not_the_vectors_averaged():
    source = Recorded()
    expected = [squares(source.epochs[group].mean(axis=0, keepdims=True))[0] for group in GROUPS]
    assert Averaging(source, squares)(GROUPS) == pytest.approx(np.array(expected), abs=1e-6)


def test_batches_change_nothing_and_are_bounded(monkeypatch):
    source = Recorded()
    whole = Averaging(source, squares)(GROUPS)
    monkeypatch.setattr(embedding, "ROWS_AT_ONCE", 4)
    source.asked.clear()
    assert (Averaging(source, squares)(GROUPS) == whole).all()
    assert source.asked == [3, 3, 2]


def test_single_trials_are_encoded_as_they_are():
    source = Recorded()
    assert (
        Averaging(source, flat)([np.array([6]), np.array([2])]) == flat(source.epochs[[6, 2]])
    ).all()


class TestHiding:
    masks = np.zeros((3, C, T), bool)
    masks[1, 2] = True
    masks[2, :, 1] = True

    def test_zeros_take_the_place_of_what_is_hidden(self):
        source = Recorded()
        found = Averaging(source, flat).hiding(GROUPS, self.masks).reshape(3, 4, C, T)
        whole = Averaging(source, flat)(GROUPS).reshape(4, C, T)
        assert (found[0] == whole).all()
        assert not found[1, :, 2].any()
        assert (found[1, :, :2] == whole[:, :2]).all()
        assert not found[2, :, :, 1].any()

    def test_or_the_mean_epoch(self):
        rest = np.arange(C * T, dtype=np.float32).reshape(C, T)
        found = Averaging(Recorded(), flat, rest).hiding(GROUPS, self.masks).reshape(3, 4, C, T)
        assert (found[1, :, 2] == rest[2]).all()

    def test_epochs_are_read_once_for_all_masks(self):
        source = Recorded()
        Averaging(source, flat).hiding(GROUPS, self.masks)
        assert source.asked == [8]

    @pytest.mark.parametrize(
        ("masks", "rest"),
        [(np.zeros((2, T, C), bool), None), (masks, np.zeros((C, T + 1), np.float32))],
    )
    def test_masks_of_another_shape_are_refused(self, masks, rest):
        with pytest.raises(CalibrationError, match=r"epochs of shape \(3, 4\) are hidden by masks"):
            Averaging(Recorded(), flat, rest).hiding(GROUPS, masks)


@pytest.mark.parametrize("encode", [lambda x: x, lambda x: flat(x)[:1]])
def test_an_encoder_that_gives_no_vector_an_epoch_is_refused(encode):
    with pytest.raises(CalibrationError, match=r"one vector an epoch, \(4, D\), but"):
        Averaging(Recorded(), encode)(GROUPS)


class TestBySubject:
    subject = np.array([0, 1] * 10)
    groups = (np.array([1, 3]), np.array([0]), np.array([5, 7]), np.array([4, 2]))

    def test_everybody_is_read_by_their_own_encoder_in_the_order_asked(self):
        source = Recorded()
        encoders = {0: Averaging(source, flat), 1: Averaging(source, lambda x: -flat(x))}
        both = BySubject(self.subject, encoders)
        plain = Averaging(source, flat)(self.groups)
        sign = np.array([-1, 1, -1, 1])
        assert both(self.groups) == pytest.approx(sign[:, None] * plain)
        masks = TestHiding.masks
        hidden = Averaging(source, flat).hiding(self.groups, masks)
        assert both.hiding(self.groups, masks) == pytest.approx(sign[:, None] * hidden)

    def test_somebody_without_an_encoder_is_refused(self):
        with pytest.raises(CalibrationError, match=r"number 1 has none among those of \[0\]"):
            BySubject(self.subject, {0: Averaging(Recorded(), flat)})(self.groups)


def test_a_module_runs_in_evaluation_mode_without_gradients():
    module = torch.nn.Sequential(
        torch.nn.Flatten(), torch.nn.Dropout(0.9), torch.nn.Linear(C * T, 2)
    )
    encode = module_encoder(module)
    epochs = Recorded().epochs
    assert (encode(epochs) == encode(epochs)).all()
    expected = flat(epochs) @ module[2].weight.detach().numpy().T + module[2].bias.detach().numpy()
    assert encode(epochs[:, :, :]) == pytest.approx(expected, abs=1e-5)
