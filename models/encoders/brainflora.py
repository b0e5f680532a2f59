"""BrainFLORA: one tower each for EEG, MEG and fMRI, and a mixture of experts behind all of them.

Li et al., ACM Multimedia 2025. First a tower is trained for each modality (:class:`BrainFLORA`).
Then the towers are frozen, and a soft mixture of experts is trained on the vectors of all of them
together (:class:`Embedded`, :class:`Mixture`), so that it learns what they share. A decoder for one
modality is its tower and the mixture (:class:`Unified`)::

    towers = {"eeg": train(BrainFLORA(), eeg, bank).tower, "meg": …}
    vectors = Joined([Embedded(towers["eeg"], eeg), Embedded(towers["meg"], meg)])
    mixture = train(Mixture(), vectors, bank).tower
    decoder = Unified(towers["eeg"], mixture)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional

from saccade.models.data.signals import SignalSet
from saccade.models.data.table import Rows, checked_rows
from saccade.models.encoders.medformer import AUGMENTATIONS, Medformer
from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.encoders.projector import Projector
from saccade.models.encoders.tsconv import TSConv
from saccade.models.training.recipe import Recipe, Scale, check_share
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32

Input = Literal["sensors", "voxels"]
"""What comes in: time courses, or a number for each voxel."""
VOXEL_SIGNAL = (8, 1024)
"""Channels and samples that voxels are mapped to."""
_LEAST_WIDTH = TSConv.pool + TSConv.kernel - 1


@dataclass(frozen=True, slots=True)
class BrainFLORASettings(Recipe):
    """A tower for one modality, and how it was trained.

    Batches of 100, learning rate 3e-4, 150 passes and gradients clipped at 1 are those of the
    paper's code, as is the loss: products of the un-normalised prediction with unit targets, times
    the scale itself. All people are pooled; no part of the tower is for one of them.

    Parameters
    ----------
    input : {"sensors", "voxels"}
        Voxels are first mapped to a signal of 8 channels and 1024 samples.
    patch_lengths : sequence of int
        Samples of a patch, one a time scale.
    width : int
        Components of a token, at least 75, over which the convolution runs.
    token_dropout : float
        Share silenced in training in the Medformer; 0 to below 1.
    dropout : float
        The same after the convolution and in the head.
    augmentations : sequence of str
        Any of flip, shuffle, frequency, jitter, mask and drop. Each scale of each batch gets one.
        The first two hide latencies from the network.
    """

    epochs: int = 150
    patience: int = 150
    batch_size: int = 100
    lr: float = 3e-4
    grad_clip: float | None = 1.0
    scale: Scale = "raw"
    input: Input = "sensors"
    patch_lengths: tuple[int, ...] = (2, 4, 8)
    width: int = 250
    token_dropout: float = 0.25
    dropout: float = 0.5
    augmentations: tuple[str, ...] = AUGMENTATIONS

    def __post_init__(self) -> None:
        """Refuse settings that make no network."""
        Recipe.__post_init__(self)
        for name in ("token_dropout", "dropout"):
            check_share(name, getattr(self, name))
        if self.input not in get_args(Input):
            raise ConfigError(f"input must be sensors or voxels, not {self.input!r}")
        if self.width < _LEAST_WIDTH:
            raise ConfigError(f"width must be at least {_LEAST_WIDTH}, not {self.width}")
        if not self.patch_lengths or min(self.patch_lengths) < 1:
            raise ConfigError(
                f"patch_lengths must be 1 or more numbers of samples, not {self.patch_lengths}"
            )
        unknown = [name for name in self.augmentations if name not in AUGMENTATIONS]
        if unknown:
            raise ConfigError(
                f"augmentations must be some of {', '.join(AUGMENTATIONS)}, not "
                f"{', '.join(unknown)}"
            )


class BrainFLORA(NetworkFamily):
    """The family of towers; any number of channels, samples or voxels fits."""

    settings: BrainFLORASettings

    def __init__(self, settings: BrainFLORASettings | None = None) -> None:
        self.settings = settings or BrainFLORASettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network."""
        return _Tower(shape, self.settings)


class _Tower(nn.Module):
    """Medformer, convolution over tokens and their components, projector."""

    def __init__(self, shape: Shape, s: BrainFLORASettings) -> None:
        super().__init__()
        n_channels, n_times = shape.n_channels, shape.n_times
        self.entrance: nn.Module = nn.Identity()
        if s.input == "voxels":
            n_voxels, (n_channels, n_times) = n_channels * n_times, VOXEL_SIGNAL
            self.entrance = nn.Sequential(
                nn.Flatten(),  # (B, n_voxels)
                nn.Linear(n_voxels, n_channels * n_times),  # (B, 8192)
                nn.Unflatten(1, VOXEL_SIGNAL),  # (B, 8, 1024)
            )
        self.medformer = Medformer(
            n_channels, n_times, s.width, s.patch_lengths, s.token_dropout, s.augmentations
        )
        self.convolution = TSConv(self.medformer.n_tokens, s.width, s.dropout)
        self.projector = Projector(self.convolution.n_features, shape.dim, s.dropout)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T), of whomever."""
        del subject
        tokens = self.medformer(self.entrance(x))  # (B, N, width)
        vectors: torch.Tensor = self.projector(self.convolution(tokens))  # (B, 40·S) -> (B, dim)
        return vectors


@dataclass(frozen=True, slots=True)
class MixtureSettings(Recipe):
    """The mixture of experts: batches of 250, gradients not clipped, the rest as for towers.

    Parameters
    ----------
    n_experts : int
        Linear maps that are mixed.
    n_hidden : int
        Hidden units of the router, which says how much of each.
    """

    epochs: int = 150
    patience: int = 150
    batch_size: int = 250
    lr: float = 3e-4
    scale: Scale = "raw"
    n_experts: int = 5
    n_hidden: int = 2048

    def __post_init__(self) -> None:
        """Refuse settings that make no network."""
        Recipe.__post_init__(self)
        for name in ("n_experts", "n_hidden"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.repetitions != "single":
            raise ConfigError(
                "the mixture takes vectors one by one (repetitions single), because vectors of a "
                f"network do not average like epochs, but {self.repetitions} was asked for"
            )


class Mixture(NetworkFamily):
    """The family of mixtures, trained on the vectors of frozen towers."""

    settings: MixtureSettings

    def __init__(self, settings: MixtureSettings | None = None) -> None:
        self.settings = settings or MixtureSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh mixture for vectors (B, n_components, 1), as :class:`Embedded` has them.

        Raises
        ------
        ConfigError
            If epochs came in place of vectors.
        """
        if shape.n_times != 1:
            raise ConfigError(
                "the mixture is trained on vectors of frozen towers, (n, 1), but epochs of shape "
                f"({shape.n_channels}, {shape.n_times}) came: embed them first"
            )
        return SoftMixture(shape.n_channels, shape.dim, self.settings)


class SoftMixture(nn.Module):
    """All experts' answers, weighted by a router that sees the same vector.

    Parameters
    ----------
    n_components : int
        Of the vectors that come in.
    dim : int
        Of those that go out.
    settings : MixtureSettings
        ``n_experts`` and ``n_hidden`` are used.
    """

    def __init__(self, n_components: int, dim: int, settings: MixtureSettings) -> None:
        super().__init__()
        self.router = nn.Sequential(
            nn.Linear(n_components, settings.n_hidden),
            nn.ReLU(),
            nn.Linear(settings.n_hidden, settings.n_experts),
            nn.Sigmoid(),
        )
        self.experts = nn.Linear(n_components, settings.n_experts * dim)
        self.dim = dim

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for vectors (B, n_components, 1), of whomever."""
        del subject
        x = x.squeeze(2)  # (B, n_components)
        weights = functional.normalize(self.router(x), p=1.0, dim=1)  # (B, E)
        answers = self.experts(x).view(x.shape[0], -1, self.dim)  # (B, E, dim)
        mixed: torch.Tensor = (weights.unsqueeze(1) @ answers).squeeze(1)  # (B, 1, dim) -> (B, dim)
        return mixed


class Unified(nn.Module):
    """A tower and the mixture behind it: what a decoder for one modality holds.

    Parameters
    ----------
    tower, mixture : torch.nn.Module
        As trained; ``forward`` is that of a tower.
    """

    def __init__(self, tower: nn.Module, mixture: nn.Module) -> None:
        super().__init__()
        self.tower = tower
        self.mixture = mixture

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T) of people (B,)."""
        vectors = self.tower(x, subject).unsqueeze(2)  # (B, n_components, 1)
        mixed: torch.Tensor = self.mixture(vectors, subject)  # (B, dim)
        return mixed


class Embedded:
    """What a frozen tower says of a data set, as a data set of its own; computed once.

    Those of several modalities can be joined, since all are vectors of the same space.

    Parameters
    ----------
    tower : torch.nn.Module
        As trained; put in evaluation mode.
    signals : SignalSet
        What it was trained for.
    batch_size : int
        Epochs encoded at once.
    """

    sfreq = 1.0
    tmin_s = 0.0
    modality = "vectors"
    n_times = 1

    def __init__(self, tower: nn.Module, signals: SignalSet, batch_size: int = 256) -> None:
        self.table = signals.table
        batches = torch.split(torch.arange(len(self.table)), batch_size)
        tower.eval()
        with torch.inference_mode():
            vectors = [
                tower(
                    torch.from_numpy(signals.signals(rows.numpy())),
                    torch.from_numpy(self.table.subject[rows.numpy()]),
                )
                for rows in batches
            ]
        self._vectors: Float32 = torch.cat(vectors).numpy()
        self.n_channels = self._vectors.shape[1]
        self.ch_names = tuple(f"component {number}" for number in range(self.n_channels))

    def signals(self, rows: Rows) -> Float32:
        """Return the vectors asked for, (len(rows), n_components, 1)."""
        return self._vectors[checked_rows(rows, len(self.table)), :, None]
