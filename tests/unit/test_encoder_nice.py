"""NICE and its attention over electrodes, against slow and obvious references."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from saccade.models.encoders.network import Shape
from saccade.models.encoders.nice import NICE, GraphAttention, NICESettings, SelfAttention
from saccade.realtime.errors import ConfigError


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.manual_seed(0)


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


@pytest.mark.parametrize(("dim", "millions"), [(768, 1.80), (1024, 2.63)])
def test_has_the_published_number_of_parameters(dim, millions):
    count = n_parameters(NICE().tower(Shape(63, 250, dim)))
    convolution = 103_680 - 80  # published, less the biases before batch norms
    projector = 1440 * dim + dim + dim * dim + dim + 2 * dim
    assert count == convolution + projector
    assert count / 1e6 == pytest.approx(millions, abs=0.005)


@pytest.mark.parametrize(
    ("attention", "extra"), [("self", 4 * 250 * 250 + 250), ("graph", 250 * 250 + 3 * 250)]
)
def test_attention_adds_its_parameters(attention, extra):
    shape = Shape(63, 250, 768)
    plain = n_parameters(NICE().tower(shape))
    assert n_parameters(NICE(NICESettings(attention=attention)).tower(shape)) == plain + extra


def test_weights_start_as_published():
    network = NICE(NICESettings(attention="self")).tower(Shape(20, 250, 64))
    for name, values in network.named_parameters():
        if name.endswith("weight") and values.ndim == 2:
            assert float(values.detach().std()) == pytest.approx(0.02, rel=0.1), name
    for norm in (network.convolution.temporal_norm, network.convolution.spatial_norm):
        assert float(norm.weight.detach().mean()) == pytest.approx(1, abs=0.02)
        assert 0 < float(norm.weight.detach().std()) < 0.04


def test_self_attention_is_the_formula():
    layer, x = SelfAttention(7), torch.randn(2, 4, 7)
    q, k, v = (x @ part.T for part in layer.query_key_value.weight.chunk(3))
    scores = torch.softmax(q @ k.transpose(1, 2) / math.sqrt(7), dim=2)
    wanted = x + (scores @ v) @ layer.out.weight.T + layer.out.bias
    torch.testing.assert_close(layer(x), wanted)


def test_graph_attention_is_the_formula_pair_by_pair():
    layer, x = GraphAttention(7), torch.randn(2, 4, 7)
    with torch.no_grad():
        layer.bias.normal_()
    a = torch.cat((layer.ask, layer.offer))
    wanted = x.clone()
    for epoch, signals in enumerate(x):
        nodes = [layer.transform.weight @ signal for signal in signals]
        for i in range(4):
            scores = torch.stack(
                [functional.leaky_relu(a @ torch.cat((nodes[i], node)), 0.2) for node in nodes]
            )
            shares = torch.exp(scores) / torch.exp(scores).sum()
            gathered = sum(share * node for share, node in zip(shares, nodes, strict=True))
            wanted[epoch, i] += gathered + layer.bias
    torch.testing.assert_close(layer(x), wanted)


@pytest.mark.parametrize("attention", [SelfAttention, GraphAttention])
def test_attention_does_not_know_the_order_of_electrodes(attention):
    layer, x, order = attention(9), torch.randn(2, 6, 9), torch.randperm(6)
    torch.testing.assert_close(layer(x[:, order]), layer(x)[:, order])


def test_attention_changes_the_output():
    shape, x = Shape(5, 80, 6), torch.randn(2, 5, 80)
    plain = NICE().tower(shape).eval()
    for attention in ("self", "graph"):
        network = NICE(NICESettings(attention=attention)).tower(shape).eval()
        network.load_state_dict(plain.state_dict(), strict=False)  # all but the attention
        assert not torch.allclose(network(x, torch.zeros(2)), plain(x, torch.zeros(2)))


def test_refuses_attention_it_does_not_know():
    with pytest.raises(ConfigError, match="one of none, self, graph, not 'both'"):
        NICESettings(attention="both")
