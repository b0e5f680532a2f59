"""ATM-S: its tokens, its transformer layer against an obvious one, and whom it is for."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from saccade.models.encoders.atm import ATMS, ATMSettings, SubjectToken, TransformerLayer
from saccade.models.encoders.network import UNKNOWN_SUBJECT, Shape
from saccade.realtime.errors import ConfigError


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.manual_seed(0)


def n_parameters(module):
    return sum(p.numel() for p in module.parameters())


def test_has_the_published_number_of_parameters():
    network = ATMS().tower(Shape(63, 250, 1024, n_subjects=10))
    attention = (
        250 * 250 + 250  # value embedding
        + 10 * 250 + 250  # subject tokens and the shared one
        + 3 * (250 * 248 + 248) + 248 * 250 + 250  # attention
        + 250 * 256 + 256 + 256 * 250 + 250  # network
        + 3 * 2 * 250  # layer norms
    )  # fmt: skip
    convolution, projector = 103_680, 1440 * 1024 + 1024 + 1024**2 + 1024 + 2 * 1024
    assert projector == n_parameters(network.projector) == 2_527_232  # published
    # About 3.08 M is what the published network uses of its 3,183,990 parameters: the 108,578
    # others of its attention part are in none of the steps described. Of those it uses, the
    # biases of the keys (248) and of two convolutions (80) cancel: we do without.
    assert attention + convolution + projector == 3_183_990 - 108_578 == 3_075_412
    assert n_parameters(network) == 3_075_412 - 248 - 80


def published_layer(layer, tokens, key_bias):
    """Return the published layer of all tokens, one head and one query at a time."""
    n_tokens, n_times = tokens.shape
    size = n_times // 4
    q, v = layer.query(tokens), layer.value(tokens)
    k = layer.key(tokens) + key_bias
    gathered = torch.zeros(n_tokens, 4 * size)
    for head in range(4):
        part = slice(head * size, (head + 1) * size)
        for i in range(n_tokens):
            scores = torch.stack(
                [q[i, part] @ k[j, part] / math.sqrt(size) for j in range(n_tokens)]
            )
            gathered[i, part] = torch.softmax(scores, dim=0) @ v[:, part]
    x = functional.layer_norm(
        tokens + layer.out(gathered),
        (n_times,),
        layer.attention_norm.weight,
        layer.attention_norm.bias,
    )
    first, second = layer.network[0], layer.network[3]
    mixed = x + functional.gelu(x @ first.weight.T + first.bias) @ second.weight.T + second.bias
    norm = layer.network_norm
    return functional.layer_norm(mixed, (n_times,), norm.weight, norm.bias)


@pytest.mark.parametrize("n_times", [20, 22])
def test_is_the_published_layer_without_what_nobody_reads(n_times):
    layer = TransformerLayer(n_times, 0.25).eval()
    electrodes, token = torch.randn(3, 5, n_times), torch.randn(3, 1, n_times)
    key_bias = torch.randn(n_times // 4 * 4)
    wanted = [
        published_layer(layer, torch.cat((one, whose)), key_bias)[1:]
        for one, whose in zip(token, electrodes, strict=True)
    ]
    torch.testing.assert_close(layer(electrodes, token), torch.stack(wanted), rtol=1e-5, atol=1e-5)


def test_the_layer_does_not_know_the_order_of_electrodes():
    layer, order = TransformerLayer(20, 0.25).eval(), torch.randperm(5)
    electrodes, token = torch.randn(2, 5, 20), torch.randn(2, 1, 20)
    torch.testing.assert_close(
        layer(electrodes[:, order], token), layer(electrodes, token)[:, order]
    )


def test_every_electrode_counts_the_last_too():
    network = ATMS().tower(Shape(5, 80, 6)).eval()
    x = torch.randn(1, 5, 80)
    for channel in range(5):
        other = x.clone()
        other[:, channel] = 0
        assert not torch.allclose(
            network(other, torch.tensor([0])), network(x, torch.tensor([0]))
        ), channel


def test_known_people_have_a_token_each_and_strangers_one():
    network = ATMS().tower(Shape(5, 80, 6, n_subjects=3)).eval()
    x = torch.randn(1, 5, 80)
    outs = [network(x, torch.tensor([subject])) for subject in (0, 1, 2, UNKNOWN_SUBJECT)]
    for i, out in enumerate(outs):
        for other in outs[:i]:
            assert not torch.allclose(out, other)


def share_of_strangers(token, subject):
    shared = token.tokens.weight[-1]
    return float((token(subject) == shared).all(dim=1).double().mean())


def test_training_withholds_the_subject_of_a_share_of_trials():
    subject = torch.arange(4000) % 4
    for share in (0.0, 0.2, 0.7):
        token = SubjectToken(4, 8, share)
        assert share_of_strangers(token, subject) == pytest.approx(share, abs=0.03)
        assert share_of_strangers(token.eval(), subject) == 0
        assert share_of_strangers(token, torch.full((9,), UNKNOWN_SUBJECT)) == 1


def test_the_shared_token_is_trained_without_strangers_in_the_data():
    for share, trained in ((0.0, False), (0.5, True)):
        network = ATMS(ATMSettings(stranger_share=share)).tower(Shape(5, 80, 6, n_subjects=2))
        out = network(torch.randn(16, 5, 80), torch.arange(16) % 2)
        (out * torch.randn(16, 6)).sum().backward()
        assert bool(network.token.tokens.weight.grad[-1].any()) == trained


def test_attention_dropout_is_an_option_of_training():
    x, outs = torch.randn(4, 5, 80), []
    for share in (0.0, 0.9):
        torch.manual_seed(1)
        settings = ATMSettings(dropout=0.0, stranger_share=0.0, attention_dropout=share)
        network = ATMS(settings).tower(Shape(5, 80, 6))
        outs.append(network(x, torch.zeros(4, dtype=torch.long)))
    assert not torch.allclose(*outs)


@pytest.mark.parametrize("name", ["attention_dropout", "stranger_share"])
def test_refuses_what_is_no_share(name):
    with pytest.raises(ConfigError, match=f"{name} must be at least 0 and below 1, not 1"):
        ATMSettings(**{name: 1})
