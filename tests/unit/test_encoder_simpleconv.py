"""SimpleConv: published sizes, sensor attention against its formula, people and strangers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.models.encoders import export, load_script
from saccade.models.encoders.network import ForSubject, Shape
from saccade.models.encoders.simpleconv import (
    Block,
    SensorAttention,
    SimpleConv,
    SimpleConvSettings,
    SubjectLayer,
)
from saccade.realtime.errors import ConfigError

SMALL: dict[str, Any] = {"n_virtual": 6, "n_frequencies": 3, "n_hidden": 8, "n_wide": 16}


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def shape(n_channels: int = 5, n_times: int = 20, n_subjects: int = 3) -> Shape:
    places = np.random.default_rng(1).random((n_channels, 2)).astype(np.float32)
    return Shape(n_channels, n_times, dim=7, n_subjects=n_subjects, positions=places)


def tower(where: Shape | None = None, **changes: Any) -> torch.nn.Module:
    return SimpleConv(SimpleConvSettings(**(SMALL | changes))).tower(where or shape())


def n_parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def test_the_image_variant_has_the_parameters_its_layers_add_up_to() -> None:
    where = np.zeros((272, 2), np.float32)
    net = SimpleConv(SimpleConvSettings(average=1)).tower(Shape(272, 181, 768, 4, 0, where))
    counts = {name: n_parameters(part) for name, part in net.named_children()}
    assert counts == {
        "attention": 270 * 2048,
        "initial": 270 * 271,
        "subjects": 4 * 270**2,
        "blocks": 1_183_360 + 1_231_360 - 4 * 320,  # less the biases before batch norms
        "expand": 321 * 640,
        "widen": 641 * 2048,
        "head": 2048 * 768 + 768**2 + 4 * 768,
    }
    assert n_parameters(net) == sum(counts.values()) + 181 == 7_015_319


def test_the_speech_variant_has_the_7_6_million_of_the_reference_page() -> None:
    where = np.zeros((64, 2), np.float32)
    settings = SimpleConvSettings(average=1, n_blocks=5, aggregation="mean", n_wide=1024)
    net = SimpleConv(settings).tower(Shape(64, 360, 8, 1, 0, where))
    counts = {name: n_parameters(part) for name, part in net.named_children()}
    assert counts.pop("subjects") == 72_900  # the page's 73 k for each person
    del counts["head"]  # the speech variant is resolved in time and has none
    assert sum(counts.values()) == 7_596_754 - 10 * 320  # the biases before batch norms


@pytest.mark.parametrize("subject", [-1, 0, 2])
@pytest.mark.parametrize("n_blocks", [1, 4])
def test_the_exported_network_says_the_same(subject: int, n_blocks: int) -> None:
    net = ForSubject(tower(n_blocks=n_blocks), subject).eval()
    script = load_script(export(net, 5, 20))
    for n_epochs in (1, 2, 7):
        x = torch.randn(n_epochs, 5, 20)
        assert net(x).shape == (n_epochs, 7)
        torch.testing.assert_close(script(x), net(x), atol=1e-5, rtol=0)


@pytest.mark.parametrize("aggregation", ["affine", "mean"])
def test_a_step_reaches_every_parameter(aggregation: str) -> None:
    net = tower(aggregation=aggregation).train()
    net(torch.randn(6, 5, 20), torch.tensor([0, 1, 2, -1, 0, 1])).square().mean().backward()
    still = [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []


def test_sensor_attention_is_the_softmax_of_a_sum_of_harmonics() -> None:
    positions = np.float32([[0.1, 0.9], [0.5, 0.5], [0.8, 0.3]])
    layer = SensorAttention(positions, n_virtual=2, n_frequencies=3, ban_radius=0.0)
    amplitudes = layer.heads.detach().numpy().reshape(2, 2, 3, 3)
    scores = np.zeros((2, 3))
    for v in range(2):
        for c, (x, y) in enumerate(positions):
            for k in range(3):
                for m in range(3):
                    angle = 2 * np.pi * (k * x + m * y) / 1.4
                    scores[v, c] += amplitudes[v, 0, k, m] * np.cos(angle)
                    scores[v, c] += amplitudes[v, 1, k, m] * np.sin(angle)
    weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    x = np.random.default_rng(0).standard_normal((4, 3, 10)).astype(np.float32)
    np.testing.assert_allclose(
        layer(torch.from_numpy(x)).detach().numpy(), weights @ x, rtol=0, atol=1e-5
    )


@given(st.permutations(range(5)))
@settings(max_examples=10)
def test_the_order_of_the_sensors_does_not_matter(order: list[int]) -> None:
    torch.manual_seed(0)
    where = shape()
    assert where.positions is not None
    moved = Shape(5, 20, 7, 3, 0, np.ascontiguousarray(where.positions[order]))
    one, other = tower(where).eval(), tower(moved).eval()
    state = one.state_dict()
    for name in ("attention.positions", "attention.harmonics"):
        state[name] = state[name][order]
    other.load_state_dict(state)
    x, nobody = torch.randn(2, 5, 20), torch.tensor([-1, 1])
    torch.testing.assert_close(other(x[:, order], nobody), one(x, nobody), atol=1e-5, rtol=0)


def test_in_training_sensors_near_a_random_point_are_left_out_together() -> None:
    positions = np.float32([[0, 0], [0.05, 0], [1, 1]])
    layer = SensorAttention(positions, n_virtual=1, n_frequencies=2, ban_radius=0.3).train()
    x = torch.eye(3)[None]  # what comes out are the weights
    left_out = {tuple((layer(x)[0, 0] == 0).tolist()) for _ in range(300)}
    assert (True, True, False) in left_out
    assert (False, False, True) in left_out
    assert (False, False, False) in left_out
    assert not (layer.eval()(x) == 0).any()


def test_a_montage_within_the_radius_is_not_left_out_as_a_whole() -> None:
    positions = np.float32([[0.5, 0.5], [0.51, 0.5]])
    layer = SensorAttention(positions, n_virtual=1, n_frequencies=2, ban_radius=2.0).train()
    assert torch.isfinite(layer(torch.randn(1, 2, 4))).all()


def test_a_stranger_gets_the_mean_person() -> None:
    layer = SubjectLayer(2, 4)
    x = torch.randn(3, 4, 6)
    torch.testing.assert_close(layer(x, torch.tensor([0, 1, -1])), x)
    with torch.no_grad():
        layer.matrices.normal_()
    first, second, stranger = (layer(x, torch.full((3,), s)) for s in (0, 1, -1))
    assert not torch.allclose(first, second)
    torch.testing.assert_close(stranger, (first + second) / 2)


def test_dilations_follow_the_paper() -> None:
    blocks = [Block(4, 4, number) for number in range(5)]
    found = [int(conv.dilation[0]) for block in blocks for conv in (block.first, block.second)]
    assert found == [1, 2, 4, 8, 16, 1, 2, 4, 8, 16]


@pytest.mark.parametrize(
    "change",
    [{"average": 1}, {"aggregation": "mean"}, {"n_blocks": 3}, {"n_frequencies": 4},
     {"n_virtual": 7}, {"n_hidden": 9}, {"n_wide": 17}],
)  # fmt: skip
def test_each_option_changes_the_network(change: dict[str, Any]) -> None:
    def trained(**options: Any) -> torch.Tensor:
        torch.manual_seed(0)
        net = tower(dropout=0.0, ban_radius=0.0, **options).train()
        optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
        x, people = torch.randn(4, 5, 20), torch.zeros(4, dtype=torch.long)
        net(x, people).square().mean().backward()
        optimiser.step()
        answer: torch.Tensor = net.eval()(x, people)
        return answer

    assert not torch.equal(trained(), trained(**change))


@pytest.mark.parametrize("option", ["dropout", "ban_radius"])
def test_what_acts_in_training_only_is_still_there(option: str) -> None:
    quiet = {"dropout": 0.0, "ban_radius": 0.0}
    net = tower(**(quiet | {option: 0.5})).train()
    x, people = torch.randn(4, 5, 20), torch.zeros(4, dtype=torch.long)
    assert len({round(float(net(x, people).sum().detach()), 6) for _ in range(20)}) > 1


def test_what_does_not_fit_is_refused() -> None:
    family = SimpleConv()
    with pytest.raises(ConfigError, match=r"each of the 5 sensors is, shape \(5, 2\), but none"):
        family.tower(Shape(5, 20, 7))
    with pytest.raises(ConfigError, match=r"but \(4, 2\) came"):
        family.tower(Shape(5, 20, 7, positions=np.zeros((4, 2), np.float32)))
    with pytest.raises(ConfigError, match="at least 2 samples, but 1 came"):
        family.tower(shape(n_times=1))
    with pytest.raises(ConfigError, match="n_hidden must be at least 1, not 0"):
        SimpleConvSettings(n_hidden=0)
    with pytest.raises(ConfigError, match="aggregation must be affine or mean, not 'max'"):
        SimpleConvSettings(aggregation="max")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="ban_radius must be at least 0, not -1"):
        SimpleConvSettings(ban_radius=-1)
    with pytest.raises(ConfigError, match="dropout"):
        SimpleConvSettings(dropout=1.0)
