"""Every encoder that is offered, by the same door as a user: trains, leaves, returns, is the same.

What is special about each is tested beside it; here stands only what all must do.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from saccade.models.encoders import FittedEncoder, export, load_script
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.registry import build_settings, load, names

GROUP = "saccade.encoders"
CH_NAMES = (
    *("Pz", "P3", "P7", "O1", "Oz", "O2", "P4", "P8", "P1"),
    *("P5", "PO7", "PO3", "POz", "PO4", "PO8", "P6", "P2"),
)
N_TIMES, DIM, N_CONCEPTS, N_TRIALS = 100, 16, 6, 24
BATCHES = (1, 2, 7)
TOLERANCE = 1e-5
QUICK = {"epochs": 1, "batch_size": 12, "warm_up": 0}
NEEDS = {"zoo": "braindecode"}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def offered(name):
    """Return the name, or skip where a package that it needs is not installed."""
    package = NEEDS.get(name)
    if package and importlib.util.find_spec(package) is None:
        pytest.skip(f"{name} adapts networks of {package}, which is not installed ([{name}] does)")
    return name


def quick(name):
    """Return the encoder with one short pass, if it makes passes."""
    family = load(GROUP, name)
    settings = type(family().settings)
    fields = {field.name for field in dataclasses.fields(settings)}
    chosen = {key: value for key, value in QUICK.items() if key in fields}
    return family(build_settings(settings, chosen, name))


def data(seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((N_CONCEPTS, DIM)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    epochs = rng.standard_normal((N_TRIALS, len(CH_NAMES), N_TIMES)).astype(np.float32)
    return epochs, vectors[np.arange(N_TRIALS) % N_CONCEPTS], vectors


class Trained(NamedTuple):
    fitted: FittedEncoder
    script: bytes


@functools.cache
def trained(name):
    epochs, wanted, _ = data()
    fitted = quick(name).fit(epochs, wanted, CH_NAMES)
    return Trained(fitted, export(fitted.module, len(CH_NAMES), N_TIMES))


def eager(name, x):
    module = trained(name).fitted.module
    with torch.inference_mode():
        return module(x)


def signals(n):
    return torch.from_numpy(data(seed=1)[0][:n])


def test_all_that_the_reference_describes_are_offered():
    assert set(names(GROUP)) >= {
        *("ridge", "eegproject", "nice", "atms", "ubp", "neurobridge", "blurbank"),
        *("eegnet", "shallow", "simpleconv", "brainflora", "zoo"),
    }


@pytest.mark.parametrize("name", names(GROUP))
class TestEvery:
    def test_it_has_settings_that_json_can_hold_and_read_back(self, name):
        settings = load(GROUP, offered(name))().settings
        fields = dataclasses.asdict(settings)
        assert build_settings(type(settings), fields, name) == settings

    def test_it_learns_from_what_it_is_shown(self, name):
        epochs, wanted, _ = data()
        before = epochs.copy(), wanted.copy()
        other = quick(offered(name)).fit(epochs, -wanted, CH_NAMES)
        np.testing.assert_array_equal(epochs, before[0])
        np.testing.assert_array_equal(wanted, before[1])
        with torch.inference_mode():
            said = other.module(signals(7))
        away = (said - eager(name, signals(7))).abs().max()
        assert away > 1e-4  # the same first weights, other targets

    def test_two_trainings_of_one_seed_are_the_same(self, name):
        epochs, wanted, _ = data()
        again = quick(offered(name)).fit(epochs, wanted, CH_NAMES)
        with torch.inference_mode():
            said = again.module(signals(7))
        torch.testing.assert_close(said, eager(name, signals(7)))

    def test_it_says_of_unseen_epochs_what_the_gallery_has(self, name):
        _, _, vectors = data()
        concepts = tuple(f"concept {i}" for i in range(N_CONCEPTS))
        gallery = Gallery(concepts, vectors, "made up", "none", "attributes", simulated=True)
        compared, centre = trained(offered(name)).fitted.compared(gallery)
        said = eager(name, signals(7))
        assert said.shape == (7, compared.dim)
        assert centre.shape == (compared.dim,)
        assert torch.isfinite(said).all()

    @pytest.mark.parametrize("n", BATCHES)
    def test_exported_and_read_back_it_says_the_same(self, name, n):
        script = load_script(trained(offered(name)).script)
        with torch.inference_mode():
            said = script(signals(n))
        wanted = eager(name, signals(n))
        torch.testing.assert_close(said, wanted, rtol=TOLERANCE, atol=TOLERANCE)

    def test_exported_again_it_has_the_same_bytes(self, name):
        made = trained(offered(name))
        again = export(made.fitted.module, len(CH_NAMES), N_TIMES)  # with other serial numbers
        assert again == made.script

    def test_an_epoch_is_encoded_alike_alone_and_among_others(self, name):
        alone = torch.cat([eager(offered(name), one[None]) for one in signals(7)])
        torch.testing.assert_close(alone, eager(name, signals(7)), rtol=TOLERANCE, atol=TOLERANCE)


FRESH = """
import pathlib, sys
sys.modules["saccade"] = None  # importing it would fail
import torch
torch.set_num_threads(1)
for file in sorted(pathlib.Path(sys.argv[1]).glob("*.ts")):
    script = torch.jit.load(file)
    known = torch.load(file.with_suffix(".pt"), weights_only=True)
    with torch.inference_mode():
        away = [float((script(x) - wanted).abs().max()) for x, wanted in known]
    print(file.stem, max(away))
"""


def test_a_fresh_process_without_our_code_gives_the_same(tmp_path: Path) -> None:
    installed = [n for n in names(GROUP) if importlib.util.find_spec(NEEDS.get(n, "saccade"))]
    for name in installed:
        (tmp_path / f"{name}.ts").write_bytes(trained(name).script)
        known = [(signals(n), eager(name, signals(n)).clone()) for n in BATCHES]
        torch.save(known, tmp_path / f"{name}.pt")
    output = subprocess.run(
        [sys.executable, "-I", "-W", "ignore", "-c", FRESH, tmp_path],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=100,
    ).stdout
    away = {name: float(value) for name, value in map(str.split, output.splitlines())}
    assert sorted(away) == sorted(installed)
    assert max(away.values()) <= TOLERANCE, away
