"""The zoo's adapter: on stand-ins for braindecode always, on braindecode itself where it is."""

from __future__ import annotations

import copy
import importlib
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import TrialTable
from saccade.models.encoders import export, load_script
from saccade.models.encoders.network import ForSubject, Shape
from saccade.models.encoders.zoo import Zoo, ZooSettings
from saccade.models.galleries.gallery import Gallery
from saccade.models.targets.sources import targets
from saccade.models.training import encoder_file
from saccade.models.training.encoder_training import Origin, train_encoder
from saccade.realtime.errors import ConfigError
from saccade.realtime.registry import build_settings

SHAPE = Shape(n_channels=3, n_times=10, dim=5)


class Plain(nn.Module):
    """Takes what every model of braindecode takes, and an option of its own."""

    def __init__(self, n_chans: int, n_outputs: int, n_times: int, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = gain
        self.body = nn.Linear(n_chans * n_times, 6)
        self.final_layer = nn.Linear(6, n_outputs)

    def forward(self, x: torch.Tensor, **more: Any) -> torch.Tensor:  # can't be scripted
        del more
        answer: torch.Tensor = self.final_layer(self.gain * self.body(x.flatten(1)).tanh())
        return answer


class WithSensors(nn.Module):
    """Asks for rate and sensors; returns features resolved in time."""

    def __init__(self, n_times: int, sfreq: float, chs_info: list[dict[str, Any]]) -> None:
        super().__init__()
        self.seen = (sfreq, n_times, [c["ch_name"] for c in chs_info])
        self.places = np.stack([c["loc"] for c in chs_info])
        self.mix = nn.Conv1d(len(chs_info), 2, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.mix(x)
        return features


class Counts(nn.Module):
    """Has learned how many epochs came when it was traced, and knows no other number."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(dim=2) * len(x)


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


class NoFit(nn.Module):
    def __init__(self, n_times: int) -> None:
        super().__init__()
        raise ValueError(f"some words\nwindow of {n_times} is too short")


class Chokes(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("patches of 4 needed")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a tiny braindecode in place of any real one."""
    package, models = ModuleType("braindecode"), ModuleType("braindecode.models")
    for network in (Plain, WithSensors, Counts, Pair, NoFit, Chokes):
        setattr(models, network.__name__, network)
    monkeypatch.setitem(sys.modules, "braindecode", package)
    monkeypatch.setitem(sys.modules, "braindecode.models", models)
    torch.manual_seed(0)


def tower(model: str, shape: Shape = SHAPE, **changes: Any) -> Any:
    return Zoo(ZooSettings(model=model, **changes)).tower(shape)


def check_export(net: nn.Module, shape: Shape) -> None:
    """Check that the exported network says the same of 1, 2 and 7 epochs."""
    encoder = ForSubject(net).eval()
    x = torch.randn(7, shape.n_channels, shape.n_times)
    wanted = {n: encoder(x[:n]).detach() for n in (1, 2, 7)}
    script = load_script(export(encoder, shape.n_channels, shape.n_times))
    for n_epochs, answer in wanted.items():
        assert answer.shape == (n_epochs, shape.dim)
        torch.testing.assert_close(script(x[:n_epochs]), answer, atol=1e-5, rtol=0)


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("model", "changes"),
    [("Plain", {}), ("WithSensors", {"ch_names": ("C3", "Cz", "T4"), "sfreq_hz": 128.0})],
)
def test_an_adapted_network_is_exported_by_tracing(model: str, changes: dict[str, Any]) -> None:
    net = tower(model, **changes)
    assert net.training
    check_export(net, SHAPE)


@pytest.mark.usefixtures("stand_in")
def test_its_size_is_the_models_and_the_heads() -> None:
    net = tower("Plain", n_features=8)
    count = sum(p.numel() for p in net.parameters())
    model = (30 + 1) * 6 + (6 + 1) * 8
    assert count == model + 8 * 5 + 5**2 + 4 * 5


@pytest.mark.usefixtures("stand_in")
def test_a_step_reaches_every_parameter_and_a_copy_is_independent() -> None:
    net = tower("Plain")
    twin = copy.deepcopy(net)
    net(torch.randn(4, 3, 10), torch.zeros(4, dtype=torch.long)).square().mean().backward()
    assert all(p.grad is not None and p.grad.any() for p in net.parameters())
    assert all(p.grad is None for p in twin.parameters())


@pytest.mark.usefixtures("stand_in")
def test_models_learn_rate_and_places_of_the_sensors() -> None:
    model = tower("WithSensors", sfreq_hz=128.0, ch_names=("C3", "Cz", "T4")).model
    assert model.seen == (128.0, 10, ["C3", "Cz", "T4"])
    assert model.places.shape == (3, 12)
    np.testing.assert_allclose(model.places[1], [0, 0, 0.095] + [0] * 9, atol=1e-4)
    assert model.places[0, 0] < 0 < model.places[2, 0]


@pytest.mark.usefixtures("stand_in")
def test_each_option_changes_the_answer() -> None:
    x, people = torch.randn(4, 3, 10), torch.zeros(4, dtype=torch.long)

    def answer(**changes: Any) -> torch.Tensor:
        torch.manual_seed(0)
        said: torch.Tensor = tower("Plain", **changes).eval()(x, people)
        return said

    assert torch.equal(answer(), answer())
    assert not torch.equal(answer(), answer(arguments='{"gain": 3.0}'))
    assert not torch.equal(answer(), answer(n_features=7))
    for dropout, same in ((0.0, True), (0.5, False)):
        net = tower("Plain", dropout=dropout).train()
        assert torch.equal(net(x, people), net(x, people)) is same


@pytest.mark.usefixtures("stand_in")
def test_weights_come_from_a_file_but_for_the_last_layer(tmp_path: Path) -> None:
    pretrained = Plain(3, 99, 10)
    file = tmp_path / "plain.safetensors"
    save_file(pretrained.state_dict(), file)
    model = tower("Plain", weights=str(file)).model
    assert torch.equal(model.body.weight, pretrained.body.weight)
    assert model.final_layer.out_features == 256
    save_file({"body.bias": torch.zeros(6)}, file)
    with pytest.raises(ConfigError, match=r"1 of 4 are missing .* \(first: body.weight\)"):
        tower("Plain", weights=str(file))
    with pytest.raises(ConfigError, match=r"safetensors file, but .*absent"):
        tower("Plain", weights=str(tmp_path / "absent"))


@pytest.mark.usefixtures("stand_in")
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "Plane"}, r"no model 'Plane', but 6 others: Plain"),
        ({"arguments": '{"gane": 1}'}, r"must be some of gain, not gane"),
        ({"arguments": '{"n_outputs": 1}'}, r"must be some of gain, not n_outputs"),
        ({"model": "NoFit"}, r"\(3, 10\) at 250 Hz: ValueError: window of 10 is too short"),
        ({"model": "Chokes"}, r"shape \(3, 10\) .* says: RuntimeError: patches of 4 needed"),
        ({"model": "Pair"}, r"must return one tensor .* but returns <class 'tuple'>"),
        ({"model": "Counts"}, r"can't be exported .*what it says of 1 at once is .* off; docs"),
        ({"model": "WithSensors", "ch_names": ("Cz",)}, r"the 3 channels .* but 1 came"),
        ({"model": "WithSensors"}, r"can't be built .*chs_info"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_line(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        tower(**({"model": "Plain"} | changes))
    assert "\n" not in str(caught.value)


def test_settings_that_make_no_network_are_refused() -> None:
    with pytest.raises(ConfigError, match="n_features must be at least 1, not 0"):
        ZooSettings(n_features=0)
    with pytest.raises(ConfigError, match="sfreq_hz must be above 0, not 0"):
        ZooSettings(sfreq_hz=0)
    with pytest.raises(ConfigError, match="dropout"):
        ZooSettings(dropout=1.0)
    for text in ("[1]", "gain=3"):
        with pytest.raises(ConfigError, match="arguments must be a JSON object"):
            ZooSettings(arguments=text)


@pytest.mark.usefixtures("stand_in")
def test_an_encoder_is_read_where_the_weights_it_began_with_are_not(tmp_path: Path) -> None:
    begin = tmp_path / "plain.safetensors"
    save_file(Plain(3, 99, 10).state_dict(), begin)
    settings = ZooSettings(model="Plain", arguments='{"gain": 2.0}', weights=str(begin), epochs=1)
    rng = np.random.default_rng(0)
    concept = np.repeat(np.arange(12), 2)
    names = tuple(f"c{number}" for number in range(12))
    vectors = rng.standard_normal((12, 5)).astype(np.float32)
    epochs = rng.standard_normal((24, 3, 10)).astype(np.float32)
    table = TrialTable(
        np.zeros(24, np.int64), concept, concept, np.tile([0, 1], 12), ("ann",), names, names
    )
    made = train_encoder(
        "zoo",
        Zoo(settings),
        ArraySignals(epochs, table, ("O1", "Oz", "O2"), 250.0, 0.0),
        lambda table: targets(
            table, Gallery(names, vectors, "RN50", "openai", "image"), ("sharp",)
        ),
        Origin(({"name": "a test"},)),
    )
    begin.unlink()
    back = encoder_file.from_bytes(encoder_file.to_bytes(made))
    assert back.about.settings["weights"] == str(begin)
    assert back.about.settings["arguments"] == '{"gain": 2.0}'
    x = torch.from_numpy(epochs[:4])
    torch.testing.assert_close(back.module(0)(x), made.module(0)(x), rtol=0, atol=0)


def test_settings_can_be_written_in_a_session_file() -> None:
    values = {"model": "Plain", "arguments": '{"gain": 3}', "ch_names": ["Cz"], "weights": None}
    settings = build_settings(ZooSettings, values, "zoo")
    assert settings == ZooSettings(model="Plain", arguments='{"gain": 3}', ch_names=("Cz",))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ModuleNotFoundError("No module named 'braindecode'"), r"pip install 'saccade\[zoo\]'"),
        (OSError("Could not load libtorchaudio"), "torch and torchaudio of the same version"),
    ],
)
def test_without_a_braindecode_that_loads_one_line_says_what_to_do(
    error: Exception, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(name: str) -> ModuleType:
        assert name == "braindecode.models"
        raise error

    monkeypatch.setattr(importlib, "import_module", fail)
    with pytest.raises(ConfigError, match=message):
        tower("Plain")


@pytest.mark.parametrize("model", ["EEGConformer", "ShallowFBCSPNet", "SignalJEPA_PreLocal"])
def test_models_of_braindecode_become_towers(model: str) -> None:
    pytest.importorskip("braindecode", reason="braindecode is not installed: saccade[zoo]")
    shape = Shape(8, 250, 16)
    names = ("PO7", "PO3", "POz", "PO4", "PO8", "O1", "Oz", "O2")
    check_export(tower(model, shape, ch_names=names), shape)


def test_the_page_on_the_zoo_has_every_model() -> None:
    models = pytest.importorskip("braindecode.models", reason="braindecode is not installed")
    page = (Path(__file__).parents[2] / "docs" / "zoo.md").read_text(encoding="utf-8")
    networks = [n for n, c in vars(models).items() if isinstance(c, type)]
    assert [
        n for n in networks if issubclass(getattr(models, n), nn.Module) and n not in page
    ] == []


def test_a_model_of_braindecode_that_cannot_export_says_so() -> None:
    pytest.importorskip("braindecode", reason="braindecode is not installed: saccade[zoo]")
    with pytest.raises(ConfigError, match="ATCNet can't be exported to TorchScript"):
        tower("ATCNet", Shape(8, 250, 16))
