"""What holds for every convolution and attention tower: shapes, export, gradients, refusals."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from saccade.models.encoders import export, load_script
from saccade.models.encoders.atm import ATMS, ATMSettings
from saccade.models.encoders.eegnet import EEGNet, EEGNetSettings
from saccade.models.encoders.network import UNKNOWN_SUBJECT, ForSubject, Shape
from saccade.models.encoders.nice import NICE, NICESettings
from saccade.models.encoders.shallow import ShallowFBCSP, ShallowFBCSPSettings
from saccade.realtime.errors import ConfigError

TOWERS = {
    "nice": (NICE, NICESettings(), 75),
    "nice-sa": (NICE, NICESettings(attention="self"), 75),
    "nice-ga": (NICE, NICESettings(attention="graph"), 75),
    "atm-s": (ATMS, ATMSettings(), 75),
    "eegnet": (EEGNet, EEGNetSettings(), 27),
    "shallow": (ShallowFBCSP, ShallowFBCSPSettings(), 44),
}
every_tower = pytest.mark.parametrize("name", TOWERS)


@pytest.fixture(autouse=True)
def _same_every_time():
    torch.set_num_threads(1)
    torch.manual_seed(0)


def tower(name: str, n_channels: int = 5, n_times: int = 90, dim: int = 6, n_subjects: int = 2):
    family, settings, _ = TOWERS[name]
    return family(settings).tower(Shape(n_channels, n_times, dim, n_subjects))


def nobody(n: int):
    return torch.full((n,), UNKNOWN_SUBJECT)


@every_tower
@pytest.mark.parametrize(("n_channels", "n_times"), [(1, 80), (17, 201), (64, 250)])
def test_fits_any_montage_and_window(name, n_channels, n_times):
    network = tower(name, n_channels, n_times)
    x = torch.randn(3, n_channels, n_times)
    before = x.clone()
    for mode in (True, False):
        out = network.train(mode)(x, torch.tensor([0, 1, UNKNOWN_SUBJECT]))
        assert out.shape == (3, 6)
        assert out.dtype == torch.float32
        assert torch.isfinite(out).all()
    torch.testing.assert_close(x, before, rtol=0, atol=0)


@every_tower
@pytest.mark.parametrize("subject", [UNKNOWN_SUBJECT, 1])
def test_script_gives_what_the_module_gives(name, subject):
    module = ForSubject(trained(tower(name)), subject)
    script = load_script(export(module, 5, 90))
    for n in (1, 2, 7):
        x = torch.randn(n, 5, 90)
        with torch.inference_mode():
            torch.testing.assert_close(script(x), module(x), rtol=1e-5, atol=1e-5)


def trained(network):
    """Make batch norms differ from what they start as."""
    network.train()
    for _ in range(3):
        network(2 * torch.randn(8, 5, 90) + 1, nobody(8))
    return network.eval()


def test_scripts_run_where_this_package_is_not(tmp_path):
    x = torch.randn(2, 5, 90)
    wanted = {}
    for name in TOWERS:
        module = ForSubject(trained(tower(name)))
        (tmp_path / f"{name}.ts").write_bytes(export(module, 5, 90))
        with torch.inference_mode():
            wanted[name] = module(x).numpy()
    np.save(tmp_path / "x.npy", x.numpy())
    code = """
import pathlib, sys, warnings
warnings.simplefilter("ignore")
import numpy as np, torch
torch.set_num_threads(1)
x = torch.from_numpy(np.load("x.npy"))
for path in pathlib.Path().glob("*.ts"):
    with torch.inference_mode():
        np.save(f"{path.stem}.out.npy", torch.jit.load(path)(x).numpy())
assert not any(module.split(".")[0] == "saccade" for module in sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, timeout=60)
    for name, vectors in wanted.items():
        np.testing.assert_allclose(
            np.load(tmp_path / f"{name}.out.npy"), vectors, rtol=1e-5, atol=1e-5
        )


@every_tower
def test_an_epoch_is_encoded_by_itself(name):
    network = trained(tower(name))
    x = torch.randn(4, 5, 90)
    with torch.inference_mode():
        alone = torch.cat([network(one[None], nobody(1)) for one in x])
        torch.testing.assert_close(network(x, nobody(4)), alone, rtol=1e-5, atol=1e-5)


@every_tower
def test_one_backward_pass_reaches_every_parameter(name):
    # In float64, a weight without effect has a gradient of 1e-16 or so, one with some far more.
    network = tower(name).double()
    x = torch.randn(24, 5, 90, dtype=torch.float64)
    subject = torch.arange(24) % 3 - 1
    out = network(x, subject)
    (out * torch.randn(out.shape, dtype=torch.float64)).sum().backward()
    for parameter, values in network.named_parameters():
        assert values.grad is not None, parameter
        reached = values.grad.abs().flatten(1).amax(1) if values.ndim > 1 else values.grad.abs()
        assert float(reached.max()) > 1e-10, parameter
        assert float((reached > 1e-10).double().mean()) > 0.4, parameter  # ELU and GELU may sleep


@every_tower
def test_half_precision_gives_nearly_the_same(name):
    network, x = trained(tower(name)), torch.randn(8, 5, 90)
    wanted = network(x, nobody(8))
    with torch.autocast("cpu", torch.bfloat16):
        got = network(x, nobody(8))
        network.train()(x, nobody(8)).float().square().sum().backward()
    assert got.dtype == torch.bfloat16
    assert float((got - wanted).detach().norm() / wanted.detach().norm()) < 0.03
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())


@every_tower
def test_says_the_least_number_of_samples(name):
    family, settings, least = TOWERS[name]
    assert tower(name, n_times=least)(torch.randn(2, 5, least), nobody(2)).shape == (2, 6)
    with pytest.raises(ConfigError, match=f"at least {least} samples, but {least - 1} came"):
        family(settings).tower(Shape(5, least - 1, 6))


@every_tower
def test_the_seed_gives_the_weights(name):
    def state(seed):
        torch.manual_seed(seed)
        return torch.cat([p.flatten() for p in tower(name).parameters()])

    assert torch.equal(state(3), state(3))
    assert not torch.equal(state(3), state(4))


@every_tower
def test_dropout_is_an_option_of_training_only(name):
    family, settings, _ = TOWERS[name]
    x, shape = torch.randn(4, 5, 90), Shape(5, 90, 6)
    networks = []
    for dropout in (0.0, 0.9):
        torch.manual_seed(1)
        networks.append(family(dataclasses.replace(settings, dropout=dropout)).tower(shape))
    outs = []
    for network in networks:
        torch.manual_seed(2)
        outs.append(network(x, nobody(4)))
    assert not torch.allclose(*outs)
    for network in networks:
        network.load_state_dict(networks[0].state_dict())
    torch.testing.assert_close(*[network.eval()(x, nobody(4)) for network in networks])


@every_tower
@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_refuses_a_dropout_that_is_no_share(name, share):
    with pytest.raises(ConfigError, match=f"dropout must be at least 0 and below 1, not {share}"):
        dataclasses.replace(TOWERS[name][1], dropout=share)


@every_tower
def test_refuses_a_recipe_that_cannot_train(name):
    with pytest.raises(ConfigError, match="batch_size must be at least 2, not 1"):
        dataclasses.replace(TOWERS[name][1], batch_size=1)


@every_tower
def test_settings_are_ready_for_a_decoder_file(name):
    family, settings, _ = TOWERS[name]
    assert type(settings)(**json.loads(json.dumps(dataclasses.asdict(settings)))) == settings
    assert family().settings == type(settings)()


@pytest.mark.parametrize("name", [name for name in TOWERS if name != "atm-s"])
def test_ignores_whose_epoch_it_is(name):
    network, x = trained(tower(name)), torch.randn(3, 5, 90)
    someone = network(x, torch.tensor([0, 1, 0]))
    torch.testing.assert_close(someone, network(x, nobody(3)), rtol=0, atol=0)
