"""EEGNet: the published network, without what its batch norms cancel."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from saccade.models.encoders.eegnet import EEGNet, EEGNetSettings
from saccade.models.encoders.network import Shape


def published(ours, n_channels: int, n_pooled: int, dim: int):
    """Return the layers as published, with our weights, and with a batch norm we do without.

    Batch norms of both divide by the standard deviation alone, so that one cancels another.
    """
    layers = nn.Sequential(
        nn.Conv2d(1, 8, (1, 4), padding=(0, 2), bias=False),
        nn.BatchNorm2d(8),
        nn.Conv2d(8, 160, (n_channels, 1), groups=8, bias=False),
        nn.BatchNorm2d(160),
        nn.ELU(),
        nn.AvgPool2d((1, 4)),
        nn.Dropout(0.0),
        nn.Conv2d(160, 160, (1, 16), padding=(0, 8), groups=160, bias=False),
        nn.Conv2d(160, 160, 1, bias=False),
        nn.BatchNorm2d(160),
        nn.ELU(),
        nn.AvgPool2d((1, 8)),
        nn.Dropout(0.0),
        nn.Conv2d(160, dim, (1, n_pooled)),
        nn.Flatten(),
    )
    with torch.no_grad():
        layers[0].weight.copy_(ours.temporal.weight[:, None])
        layers[2].weight.copy_(ours.spatial.weight[:, None])
        layers[7].weight.copy_(ours.depthwise.weight[:, :, None])
        layers[8].weight.copy_(ours.pointwise.weight[..., None])
        layers[13].weight.copy_(ours.head.weight.view(dim, 160, 1, n_pooled))
        layers[13].bias.copy_(ours.head.bias)
        layers[1].weight.uniform_(0.5, 2)
        layers[1].bias.uniform_(-1, 1)
        for theirs, norm in ((layers[3], ours.norm), (layers[9], ours.separable_norm)):
            norm.weight.uniform_(0.5, 2)
            norm.bias.uniform_(-1, 1)
            theirs.weight.copy_(norm.weight)
            theirs.bias.copy_(norm.bias)
    for norm in (layers[1], layers[3], layers[9], ours.norm, ours.separable_norm):
        norm.eps = 1e-14
    return layers


@settings(max_examples=30)
@given(n_channels=st.integers(1, 5), n_times=st.integers(27, 100), seed=st.integers(0, 99))
def test_is_the_published_network(n_channels, n_times, seed):
    torch.manual_seed(seed)
    ours = EEGNet(EEGNetSettings(dropout=0.0)).tower(Shape(n_channels, n_times, 6))
    theirs = published(ours, n_channels, ours.head.in_features // 160, 6).double()
    x = 3 * torch.randn(8, n_channels, n_times, dtype=torch.float64)
    subject = torch.zeros(8, dtype=torch.long)
    torch.testing.assert_close(ours.double()(x, subject), theirs(x[:, None]), rtol=1e-5, atol=1e-5)


def test_has_the_published_number_of_parameters():
    with torch.device("meta"):
        ours = EEGNet().tower(Shape(63, 250, 1024))
        theirs = published(ours, 63, 7, 1024)
    count = sum(p.numel() for p in ours.parameters())
    assert count == 160 * 63 + 32 + 320 + 160 * 16 + 160 * 160 + 320 + 160 * 7 * 1024 + 1024
    # Published: 1.187 M, of which the batch norm between the two filters has 16.
    assert count + 16 == sum(p.numel() for p in theirs.parameters()) == 1_186_832


def test_spatial_filters_need_no_limit_on_their_norm():
    torch.manual_seed(0)
    network = EEGNet(EEGNetSettings(dropout=0.0)).tower(Shape(4, 60, 6)).double()
    x, subject = torch.randn(8, 4, 60, dtype=torch.float64), torch.zeros(8, dtype=torch.long)
    before = network(x, subject)
    with torch.no_grad():
        network.spatial.weight.mul_(100)
    torch.testing.assert_close(network(x, subject), before, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("n_times", "n_pooled"), [(27, 1), (250, 7)])
def test_the_head_sees_what_pooling_leaves(n_times, n_pooled):
    assert EEGNet().tower(Shape(4, n_times, 6)).head.in_features == 160 * n_pooled
