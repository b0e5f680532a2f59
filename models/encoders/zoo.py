"""Any network of braindecode, with a head into CLIP space.

braindecode (BSD-3-Clause) holds some sixty published networks, foundation models among them. One
adapter makes towers of them. What can't leave training as TorchScript is refused before training
begins: a decoder could not hold it. Which can is in ``docs/zoo.md``.

Most of them do not script, so an adapted network is traced: what it computes for two epochs is
recorded, and compared with what it says of one and of seven.
"""

from __future__ import annotations

import difflib
import importlib
import inspect
import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.encoders.positions import head_positions
from saccade.models.encoders.projector import Projector
from saccade.models.training.recipe import Recipe, check_share
from saccade.realtime.errors import ConfigError

TOLERANCE = 1e-5
"""How far a recorded network may be from the network itself, as a share of its largest answer."""


@dataclass(frozen=True, slots=True)
class ZooSettings(Recipe):
    """A network of braindecode; the recipe is the general one, not that of any paper.

    Parameters
    ----------
    model : str
        Name of its class in ``braindecode.models``.
    arguments : str
        What the class takes beside the shape of an epoch, the rate and the number of outputs: a
        JSON object, such as ``{"drop_prob": 0.3}``.
    sfreq_hz : float
        Rate of the epochs, for models that ask.
    ch_names : sequence of str
        Electrodes in the 10-05 system, one a channel, for models that ask; else none.
    n_features : int
        Outputs of the model, which the head sees.
    dropout : float
        Of the head, 0 to below 1.
    weights : str or None
        A safetensors file to start from: all weights of the model but its last layer.
    """

    model: str = "EEGConformer"
    arguments: str = "{}"
    sfreq_hz: float = 250.0
    ch_names: tuple[str, ...] = ()
    n_features: int = 256
    dropout: float = 0.5
    weights: str | None = None

    def __post_init__(self) -> None:
        """Refuse settings that make no network."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)
        if not self.sfreq_hz > 0:
            raise ConfigError(f"sfreq_hz must be above 0, not {self.sfreq_hz}")
        if self.n_features < 1:
            raise ConfigError(f"n_features must be at least 1, not {self.n_features}")
        _arguments(self)


class Zoo(NetworkFamily):
    """The family of adapted networks."""

    settings: ZooSettings

    def __init__(self, settings: ZooSettings | None = None) -> None:
        self.settings = settings or ZooSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network, or one that starts from a file's weights.

        Raises
        ------
        ConfigError
            If braindecode is not there, has no such model, or the model doesn't take these epochs,
            doesn't return one tensor, or can't be exported.
        """
        tower = Adapted(_model(self.settings, shape), shape, self.settings)
        tower.eval().recorded()
        return tower.train()


class Adapted(nn.Module):
    """A network that returns features, and a head.

    Parameters
    ----------
    model : torch.nn.Module
        Maps (B, n_channels, n_times) to one tensor whose first axis is B.
    shape : Shape
        What it is for.
    settings : ZooSettings
        ``model`` and ``dropout`` are used.
    """

    def __init__(self, model: nn.Module, shape: Shape, settings: ZooSettings) -> None:
        super().__init__()
        self.name = settings.model
        self.epoch_shape = (shape.n_channels, shape.n_times)
        self.model = model
        try:
            with _quiet(), torch.no_grad():
                features = model.eval()(torch.zeros(2, *self.epoch_shape))
        except Exception as error:  # whatever a foreign network raises, the user needs one line
            raise ConfigError(
                f"{self.name} must take epochs of shape {self.epoch_shape} at "
                f"{settings.sfreq_hz:g} Hz, but says: {_last_line(error)}"
            ) from error
        if not isinstance(features, torch.Tensor) or features.shape[0] != 2:
            came = tuple(features.shape) if isinstance(features, torch.Tensor) else type(features)
            raise ConfigError(
                f"{self.name} must return one tensor with a row for each of 2 epochs, but returns "
                f"{came}: choose another model"
            )
        self.head = Projector(features[0].numel(), shape.dim, settings.dropout)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T), of whomever."""
        del subject
        features = self.model(x).flatten(1)  # (B, n_features)
        vectors: torch.Tensor = self.head(features)  # (B, dim)
        return vectors

    def recorded(self) -> nn.Module:
        """Return the network as TorchScript, by tracing; for evaluation mode.

        Raises
        ------
        ConfigError
            If it can't be traced, or what was traced says something else of 1, 2 or 7 epochs.
        """
        generator = torch.Generator().manual_seed(0)
        epochs = torch.randn(7, *self.epoch_shape, generator=generator)  # (7, C, T)
        epochs = epochs.to(self.head.linear.weight.device)
        subject = torch.zeros(7, dtype=torch.long, device=epochs.device)  # (7,)
        try:
            with _quiet(), torch.no_grad():
                trace: Callable[..., nn.Module] = torch.jit.trace
                script = trace(self, (epochs[:2], subject[:2]), check_trace=False)
                for n_epochs in (1, 2, 7):
                    given = epochs[:n_epochs], subject[:n_epochs]
                    wanted = self(*given)  # (n_epochs, dim)
                    away = float((script(*given) - wanted).abs().max() / wanted.abs().max())
                    if not away <= TOLERANCE:
                        raise ValueError(f"what it says of {n_epochs} at once is {away:.1e} off")
        except Exception as error:  # as above
            raise ConfigError(
                f"{self.name} can't be exported to TorchScript, so no decoder could hold it: "
                f"{_last_line(error)}; docs/zoo.md lists models that can"
            ) from error
        return script

    def __prepare_scriptable__(self) -> nn.Module:
        """Return what ``torch.jit.script`` takes in place of this module.

        torch then also leaves it in the module around this one, which is good for encoding from
        there on, no longer for training.
        """
        return self.recorded()


def _model(settings: ZooSettings, shape: Shape) -> nn.Module:
    """Return the model that settings name, built for epochs of a shape."""
    try:
        with _quiet():
            models = importlib.import_module("braindecode.models")
    except ImportError as error:
        raise ConfigError(
            f"the zoo needs braindecode, which can't be imported ({error}): pip install "
            "'saccade[zoo]'"
        ) from error
    except OSError as error:  # torchaudio, which braindecode imports, is of another build
        raise ConfigError(
            f"braindecode is installed but can't be loaded ({_last_line(error)}): install torch "
            "and torchaudio of the same version and build"
        ) from error
    known = {
        name: found
        for name, found in vars(models).items()
        if inspect.isclass(found) and issubclass(found, nn.Module)
    }
    if settings.model not in known:
        near = difflib.get_close_matches(settings.model, known, n=3, cutoff=0.4)
        raise ConfigError(
            f"braindecode has no model {settings.model!r}, but {len(known)} others: "
            f"{', '.join(near) or 'see docs/zoo.md'}"
        )
    arguments = _arguments(settings)
    accepted = inspect.signature(known[settings.model]).parameters
    given = _from_the_epochs(settings, shape)
    wrong = [name for name in arguments if name in given or name not in accepted]
    if wrong:
        raise ConfigError(
            f"arguments of {settings.model} must be some of "
            f"{', '.join(name for name in accepted if name not in given)}, not {', '.join(wrong)}"
        )
    fitting = {name: value for name, value in given.items() if name in accepted}
    try:
        with _quiet():
            model = known[settings.model](**fitting, **arguments)
    except Exception as error:  # as in Adapted
        raise ConfigError(
            f"{settings.model} can't be built for epochs of shape "
            f"({shape.n_channels}, {shape.n_times}) at {settings.sfreq_hz:g} Hz: "
            f"{_last_line(error)}"
        ) from error
    if settings.weights is not None:
        _load(model, settings.model, Path(settings.weights))
    return model


def _arguments(settings: ZooSettings) -> dict[str, Any]:
    """Return the arguments that settings hold as text."""
    try:
        arguments = json.loads(settings.arguments)
    except json.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ConfigError(
            f'arguments must be a JSON object such as {{"drop_prob": 0.3}}, not '
            f"{settings.arguments!r}"
        )
    return arguments


def _from_the_epochs(settings: ZooSettings, shape: Shape) -> dict[str, Any]:
    """Return every argument of a model that its input and its head decide."""
    given: dict[str, Any] = {
        "n_chans": shape.n_channels,
        "n_times": shape.n_times,
        "n_outputs": settings.n_features,
        "sfreq": settings.sfreq_hz,
        "input_window_seconds": shape.n_times / settings.sfreq_hz,
    }
    if settings.ch_names:
        if len(settings.ch_names) != shape.n_channels:
            raise ConfigError(
                f"ch_names must name the {shape.n_channels} channels of the epochs, but "
                f"{len(settings.ch_names)} came"
            )
        places = np.pad(head_positions(settings.ch_names), ((0, 0), (0, 9)))  # (C, 12), as in MNE
        given["chs_info"] = [
            {"ch_name": name, "kind": "eeg", "loc": place}
            for name, place in zip(settings.ch_names, places, strict=True)
        ]
    return given


def _load(model: nn.Module, name: str, file: Path) -> None:
    """Put a file's weights into a model, whose last layer stays as it is."""
    try:
        stored = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ConfigError(f"weights must be a safetensors file, but {file}: {error}") from error
    own = model.state_dict()
    fitting = {
        key: value for key, value in stored.items() if key in own and own[key].shape == value.shape
    }
    missing = [key for key in own if key not in fitting and not key.startswith("final_layer")]
    if missing:
        raise ConfigError(
            f"{file.name} must hold all weights of {name} but those of its last layer, but "
            f"{len(missing)} of {len(own)} are missing or of another shape (first: {missing[0]})"
        )
    model.load_state_dict(fitting, strict=False)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what foreign code, and MNE under it, says of matters its user can't change."""
    mne, level = logging.getLogger("mne"), logging.getLogger("mne").level
    mne.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        mne.setLevel(level)


def _last_line(error: Exception) -> str:
    """Return the line of a message that tells most, with the kind of the error."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    kind = type(error).__name__
    if not lines or lines[-1].startswith(kind):
        return lines[-1] if lines else kind
    return f"{kind}: {lines[-1]}"
