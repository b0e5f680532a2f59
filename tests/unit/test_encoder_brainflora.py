"""BrainFLORA: published tokens and sizes, two-stage attention, experts, frozen towers."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from saccade.models.data.signals import ArraySignals, Joined
from saccade.models.data.table import TrialTable
from saccade.models.encoders import export, load_script
from saccade.models.encoders.brainflora import (
    BrainFLORA,
    BrainFLORASettings,
    Embedded,
    Mixture,
    MixtureSettings,
    Unified,
)
from saccade.models.encoders.medformer import AUGMENTATIONS, Medformer, Patches, augmented, sines
from saccade.models.encoders.network import ForSubject, Shape
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.train import train
from saccade.realtime.errors import ConfigError

SMALL: dict[str, Any] = {"width": 75, "patch_lengths": (2, 5)}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def tower(n_channels: int = 3, n_times: int = 12, dim: int = 6, **changes: Any) -> nn.Module:
    settings = BrainFLORASettings(**(SMALL | changes))
    return BrainFLORA(settings).tower(Shape(n_channels, n_times, dim))


def n_parameters(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def nobody(n_epochs: int) -> torch.Tensor:
    return torch.full((n_epochs,), -1)


# Rows, samples, tokens of each scale as on the reference page; parameters of the whole tower.
@pytest.mark.parametrize(
    ("n_channels", "n_times", "voxels", "tokens", "count"),
    [
        (63, 250, False, [126, 63, 32], 4_229_372),
        (271, 201, False, [101, 51, 26], 4_888_572),
        (7000, 1, True, [513, 257, 129], 62_473_864),
    ],
)
def test_towers_have_the_tokens_of_the_paper(
    n_channels: int, n_times: int, voxels: bool, tokens: list[int], count: int
) -> None:
    settings = BrainFLORASettings(input="voxels" if voxels else "sensors")
    with torch.device("meta"):
        net: Any = BrainFLORA(settings).tower(Shape(n_channels, n_times, 1024))
    assert net.medformer.sizes == tokens
    assert net.convolution.n_features == 1440
    width, rows = 250, 8 if voxels else n_channels
    entrance = 7000 * 8192 + 8192 if voxels else 0
    embedding = rows * (2 + 4 + 8) * width + 3 * width  # a learned vector for each scale
    attention = 248 * (3 * width + 2) + (248 + 1) * width  # keys without bias
    network = (width + 1) * 256 + (256 + 1) * width
    convolution = 1000 + 80 + 1600 * sum(tokens) + 80 + 1640
    projector = 1440 * 1024 + 1024**2 + 4 * 1024
    medformer = embedding + 4 * attention + network + 4 * width
    assert n_parameters(net) == entrance + medformer + convolution + projector == count


def test_the_mixture_has_five_experts_behind_a_router() -> None:
    mixture = Mixture().tower(Shape(1024, 1, 1024))
    router = 1024 * 2048 + 2048 + 2048 * 5 + 5
    assert n_parameters(mixture) == router + 1024 * 5120 + 5120 == 7_357_445


@pytest.mark.parametrize("given_input", ["sensors", "voxels"])
def test_the_exported_network_says_the_same(given_input: str) -> None:
    mixture = Mixture(MixtureSettings(n_hidden=8)).tower(Shape(6, 1, 4))
    net = ForSubject(Unified(tower(input=given_input), mixture)).eval()
    script = load_script(export(net, 3, 12))
    for n_epochs in (1, 2, 7):
        x = torch.randn(n_epochs, 3, 12)
        assert net(x).shape == (n_epochs, 4)
        torch.testing.assert_close(script(x), net(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("given_input", ["sensors", "voxels"])
def test_a_step_reaches_every_parameter(given_input: str) -> None:
    mixture = Mixture(MixtureSettings(n_hidden=8)).tower(Shape(6, 1, 4))
    net = Unified(tower(input=given_input), mixture).train()
    net(torch.randn(5, 3, 12), nobody(5)).square().mean().backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@given(st.integers(1, 40), st.integers(1, 9))
def test_every_sample_is_in_a_patch(n_times: int, length: int) -> None:
    patches = Patches(1, n_times, 4, length, ()).eval()
    with torch.no_grad():
        patches.embedding.weight.fill_(1.0)
    x = torch.rand(1, 1, n_times)
    sums = (patches(x) - patches.scale - patches.places)[0, :, 0]
    repeated = (n_times // length + 1) * length - n_times
    torch.testing.assert_close(sums.sum(), x.sum() + repeated * x[0, 0, -1], rtol=1e-4, atol=1e-4)


def test_only_the_last_token_of_a_scale_hears_other_scales() -> None:
    net = Medformer(1, 8, 8, (2, 4), dropout=0.0, augmentations=()).eval()
    tokens = torch.randn(1, net.n_tokens, 8)  # 5 and 3
    moved = tokens.clone()
    moved[0, 0] += 1.0
    changed = (net._hear(moved) != net._hear(tokens)).any(dim=2)[0]
    assert changed.tolist() == [True] * 5 + [False, False, True]


def test_the_place_code_is_the_textbook_one() -> None:
    expected = np.empty((4, 6))
    for place in range(4):
        for pair in range(3):
            angle = place / 10_000 ** (2 * pair / 6)
            expected[place, 2 * pair : 2 * pair + 2] = np.sin(angle), np.cos(angle)
    np.testing.assert_allclose(sines(4, 6).numpy(), expected, atol=1e-6)
    assert sines(4, 5).shape == (4, 5)


@pytest.mark.parametrize("how", AUGMENTATIONS)
def test_each_augmentation_changes_tokens_and_keeps_their_shape(how: str) -> None:
    tokens = torch.randn(20, 30, 4)
    before = tokens.clone()
    after = augmented(tokens, how)
    assert after.shape == tokens.shape
    assert not torch.equal(after, tokens)
    torch.testing.assert_close(tokens, before, rtol=0, atol=0)
    if how in ("flip", "shuffle"):  # another order of the same tokens
        torch.testing.assert_close(
            after.sort(dim=1).values, tokens.sort(dim=1).values, rtol=0, atol=0
        )


@pytest.mark.parametrize("how", AUGMENTATIONS)
def test_augmentation_is_for_training_only(how: str) -> None:
    net = tower(augmentations=(how,), token_dropout=0.0, dropout=0.0)
    x = torch.randn(6, 3, 12)
    net.eval()
    assert torch.equal(net(x, nobody(6)), net(x, nobody(6)))
    net.train()
    assert not torch.equal(net(x, nobody(6)), net(x, nobody(6)))


@pytest.mark.parametrize("option", ["token_dropout", "dropout"])
def test_dropout_is_for_training_only(option: str) -> None:
    quiet: dict[str, Any] = {"token_dropout": 0.0, "dropout": 0.0, "augmentations": ()}
    x = torch.randn(6, 3, 12)
    silent = tower(**quiet).train()
    assert torch.equal(silent(x, nobody(6)), silent(x, nobody(6)))
    net = tower(**(quiet | {option: 0.5})).train()
    assert not torch.equal(net(x, nobody(6)), net(x, nobody(6)))


@pytest.mark.parametrize(
    "change", [{"patch_lengths": (2,)}, {"patch_lengths": (3, 5)}, {"width": 80}]
)
def test_sizes_change_the_network(change: dict[str, Any]) -> None:
    assert n_parameters(tower(**change)) != n_parameters(tower())


def test_the_mixture_is_the_weighted_mean_of_its_experts() -> None:
    mixture: Any = Mixture(MixtureSettings(n_experts=3, n_hidden=5)).tower(Shape(4, 1, 2)).eval()
    x = torch.randn(6, 4, 1)
    expected = torch.zeros(6, 2)
    for row in range(6):
        vector = x[row, :, 0]
        weights = mixture.router(vector)
        for expert in range(3):
            own = slice(2 * expert, 2 * expert + 2)
            answer = mixture.experts.weight[own] @ vector + mixture.experts.bias[own]
            expected[row] += weights[expert] / weights.sum() * answer
    torch.testing.assert_close(mixture(x, nobody(6)), expected, atol=1e-5, rtol=0)


def recording(n_rows: int, n_channels: int, n_times: int, subject: str) -> ArraySignals:
    n_images = 8
    image = np.arange(n_rows) % n_images
    names = tuple(f"image {i}" for i in range(n_images))
    concepts = tuple(f"concept {i}" for i in range(n_images))
    ones = np.zeros(n_rows, np.int64)
    table = TrialTable(
        ones, image, image, np.arange(n_rows) // n_images, (subject,), concepts, names
    )
    data = np.random.default_rng(n_rows).standard_normal((n_rows, n_channels, n_times))
    return ArraySignals(data, table, [f"ch {i}" for i in range(n_channels)], 250.0, 0.0)


def test_towers_of_two_modalities_stay_as_they_are_while_the_mixture_learns_from_both() -> None:
    eeg, meg = recording(32, 3, 12, "a"), recording(24, 5, 9, "b")
    towers = tower(3, 12, 6), tower(5, 9, 6)
    before = copy.deepcopy([t.state_dict() for t in towers])
    vectors = Joined([Embedded(towers[0], eeg, batch_size=7), Embedded(towers[1], meg)])
    slowly = towers[1](torch.from_numpy(meg.signals([3])), torch.zeros(1, dtype=torch.long))
    np.testing.assert_allclose(
        vectors.signals([32 + 3])[:, :, 0], slowly.detach().numpy(), atol=1e-5
    )
    images = np.random.default_rng(0).standard_normal((8, 1, 4)).astype(np.float32)
    bank, _ = TargetBank(images, ("sharp",), on_embeddings=True).centred()
    settings = MixtureSettings(epochs=2, n_hidden=5, n_experts=3)
    trained = train(Mixture(settings), vectors, bank)
    assert len(trained.history) == 2
    for net, state in zip(towers, before, strict=True):
        for name, values in net.state_dict().items():
            assert torch.equal(values, state[name])
    x = torch.from_numpy(eeg.signals([0, 1]))
    people = torch.zeros(2, dtype=torch.long)
    direct = trained.tower(torch.from_numpy(vectors.signals([0, 1])), people)
    torch.testing.assert_close(
        Unified(towers[0], trained.tower)(x, people), direct, atol=1e-5, rtol=0
    )


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match="width must be at least 75, not 74"):
        BrainFLORASettings(width=74)
    with pytest.raises(ConfigError, match=r"patch_lengths must be 1 or more .*, not \(2, 0\)"):
        BrainFLORASettings(patch_lengths=(2, 0))
    with pytest.raises(ConfigError, match="input must be sensors or voxels, not 'eeg'"):
        BrainFLORASettings(input="eeg")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"some of flip, .*, not mixup"):
        BrainFLORASettings(augmentations=("flip", "mixup"))
    with pytest.raises(ConfigError, match="token_dropout"):
        BrainFLORASettings(token_dropout=1.0)
    with pytest.raises(ConfigError, match="n_experts must be at least 1, not 0"):
        MixtureSettings(n_experts=0)
    with pytest.raises(ConfigError, match=r"one by one .* but random was asked"):
        MixtureSettings(repetitions="random")
    with pytest.raises(ConfigError, match=r"epochs of shape \(3, 12\) came: embed them first"):
        Mixture().tower(Shape(3, 12, 4))
