"""The shared convolution: the published function, in another order."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from saccade.models.encoders.tsconv import TSConv
from saccade.realtime.errors import ConfigError


def published(ours: TSConv, n_channels: int):
    """Return the layers as the paper has them, with our weights, and biases we do without.

    Batch norms of both remember the last batch only, so that biases cancel there at once.
    """
    layers = nn.Sequential(
        nn.Conv2d(1, 40, (1, 25)),
        nn.AvgPool2d((1, 51), (1, 5)),
        nn.BatchNorm2d(40),
        nn.ELU(),
        nn.Conv2d(40, 40, (n_channels, 1)),
        nn.BatchNorm2d(40),
        nn.ELU(),
        nn.Dropout(ours.dropout.p),
        nn.Conv2d(40, 40, 1),
    )
    with torch.no_grad():
        layers[0].weight.copy_(ours.temporal.weight[:, None, None])  # (40, 1, 1, 25)
        spatial = ours.spatial.weight.view(40, n_channels, 40)  # (out, C, in)
        layers[4].weight.copy_(spatial.permute(0, 2, 1)[..., None])  # (out, in, C, 1)
        layers[8].weight.copy_(ours.mix.weight[..., None, None])
        layers[8].bias.copy_(ours.mix.bias)
        for theirs, norm in ((layers[2], ours.temporal_norm), (layers[5], ours.spatial_norm)):
            norm.weight.uniform_(0.5, 2)
            norm.bias.uniform_(-1, 1)
            theirs.weight.copy_(norm.weight)
            theirs.bias.copy_(norm.bias)
            theirs.momentum = norm.momentum = 1.0
    return layers


def features(layers: nn.Module, x: torch.Tensor):
    maps = layers(x[:, None])  # (B, 40, 1, S)
    return maps.squeeze(2).transpose(1, 2).flatten(1)  # time by time


@given(
    n_epochs=st.integers(2, 4),
    n_channels=st.integers(1, 6),
    n_times=st.integers(75, 130),
    seed=st.integers(0, 99),
)
@settings(max_examples=30)
def test_is_the_published_order_of_convolution_and_average(n_epochs, n_channels, n_times, seed):
    torch.manual_seed(seed)
    ours = TSConv(n_channels, n_times, dropout=0.0)
    theirs = published(ours, n_channels).double()
    ours.double()
    x = 3 * torch.randn(n_epochs, n_channels, n_times, dtype=torch.float64) + 1
    got = ours(x)
    assert got.shape == (n_epochs, ours.n_features)
    torch.testing.assert_close(got, features(theirs, x))
    torch.testing.assert_close(ours.eval()(x), features(theirs.eval(), x))


def test_is_the_published_one_in_single_precision():
    torch.manual_seed(0)
    ours = TSConv(64, 250, dropout=0.0)
    theirs = published(ours, 64)
    for training in (True, False):
        x = 3 * torch.randn(3, 64, 250) + 1
        with torch.inference_mode():
            got, wanted = ours.train(training)(x), features(theirs.train(training), x)
        torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)


def test_has_the_published_number_of_parameters():
    ours = TSConv(63, 250)
    count = sum(p.numel() for p in ours.parameters())
    # Published for ATM-S (Li et al. 2024): 103,680, of which the batch norms cancel 40 + 40.
    assert count == 40 * 25 + 80 + 40 * 40 * 63 + 80 + 1640
    assert count + 80 == sum(p.numel() for p in published(ours, 63).parameters()) == 103_680


@pytest.mark.parametrize(("n_times", "n_features"), [(250, 1440), (201, 1040), (200, 1040)])
def test_has_the_published_number_of_features(n_times, n_features):
    assert TSConv(3, n_times).n_features == n_features


def test_a_stretch_sees_its_own_75_samples_only():
    torch.manual_seed(0)
    layers = TSConv(2, 100, dropout=0.0).eval()
    x = torch.randn(1, 2, 100)
    pop = x.clone()
    pop[:, :, :5] += 1e6  # an electrode pops before all stretches but the first
    with torch.inference_mode():
        clean, disturbed = layers(x).view(-1, 40), layers(pop).view(-1, 40)
    torch.testing.assert_close(disturbed[1:], clean[1:], rtol=1e-5, atol=1e-5)
    assert not torch.allclose(disturbed[0], clean[0])


def test_refuses_what_is_shorter_than_a_stretch():
    with pytest.raises(ConfigError, match="at least 75 samples, but 74 came: lengthen the window"):
        TSConv(3, 74)
