"""ShallowFBCSPNet: two filters as one are the two filters in a row."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from saccade.models.encoders.network import Shape
from saccade.models.encoders.shallow import ShallowFBCSP, ShallowFBCSPSettings

NOBODY = torch.zeros(6, dtype=torch.long)


@given(n_channels=st.integers(1, 6), n_times=st.integers(44, 100), seed=st.integers(0, 99))
def test_is_the_published_order_of_filters(n_channels, n_times, seed):
    torch.manual_seed(seed)
    network = ShallowFBCSP(ShallowFBCSPSettings(dropout=0.0)).tower(Shape(n_channels, n_times, 5))
    x = 3 * torch.randn(6, n_channels, n_times)
    maps = network.spatial(network.temporal(x[:, None]) + torch.randn(1, 20, 1, 1))  # a bias of it
    maps = functional.batch_norm(
        maps, None, None, network.norm.weight, network.norm.bias, training=True
    )
    power = functional.avg_pool2d(maps.square(), (1, 25), (1, 5))
    wanted = network.head(power.clamp(min=1e-6).log().flatten(1))
    torch.testing.assert_close(network(x, NOBODY), wanted, rtol=1e-4, atol=1e-4)


def test_has_the_published_number_of_parameters():
    count = sum(p.numel() for p in ShallowFBCSP().tower(Shape(63, 250, 1024)).parameters())
    assert count == 20 * 20 + 20 * 20 * 63 + 40 + 20 * 42 * 1024 + 1024
    # Published: 0.887 M, with the 20 biases of the first filters.
    assert count + 20 == 886_844


def test_silence_has_a_finite_logarithm():
    network = ShallowFBCSP().tower(Shape(3, 60, 5)).eval()
    assert torch.isfinite(network(torch.zeros(6, 3, 60), NOBODY)).all()


def test_it_sees_power_not_sign():
    torch.manual_seed(0)
    network = ShallowFBCSP().tower(Shape(3, 60, 5)).eval()  # its batch norm still centred on 0
    x = torch.randn(6, 3, 60)
    torch.testing.assert_close(network(-x, NOBODY), network(x, NOBODY))
