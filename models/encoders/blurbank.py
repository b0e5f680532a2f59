"""The perceptual-blur bank: the network learns which blur of a picture the brain tells about.

The authors (AAAI 2026; VisualEEGDecoding) give the picture's side twelve blurs of each picture and
let it weigh them, component by component of the vector; the mixture then goes through a small
network, so a gallery must go through it before use. The signal's side is small too: spatial
filters with weights of one sign, and two layers over time that all filters share.

Left out of the authors' code: their weights have fifty rows, of which the sixteen below are used.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders.network import SHARP, NetworkFamily, Shape, TargetSide
from saccade.models.training.recipe import Recipe, Repetitions, Scale, check_share
from saccade.realtime.errors import ConfigError

LEVELS = (SHARP, "gauss-3", *(f"gauss-{kernel}" for kernel in range(9, 64, 6)))
"""Sharp, and Gaussian blurs with kernels of 3, 9, 15, … 63 pixels."""
N_FREE = 4
"""Learnable vectors, the same for all pictures, that are weighed along with the blurs."""


@dataclass(frozen=True, slots=True)
class BlurBankSettings(Recipe):
    """How the blur bank is trained; other fields as in :class:`Recipe`.

    The defaults are the authors' for EEG within a person: AdamW, lr 1e-3, batches of 1024, 150
    passes (50 across people) without early stopping, no scale, a twentieth held out. For MEG they
    take 50 filters, 150 hidden units and no constraint. Here what is held out is whole concepts,
    and trials of one concept are no negatives of each other.

    Parameters
    ----------
    n_filters : int
        Spatial filters, at least 1.
    n_hidden : int
        Units of the layers over time, at least 1.
    constrained : bool
        Whether the weights of spatial filters are kept above 0 (their absolute value is used) and
        what they give is normalised over the batch.
    n_hidden_picture : int
        Units of the picture's network, at least 1.
    dropout, dropout_deep, dropout_picture : float
        Share that is silenced in training after the first and the second layer over time, and
        within the picture's network; 0 to below 1.
    """

    epochs: int = 150
    patience: int = 150
    held_out: float = 0.05
    batch_size: int = 1024
    repetitions: Repetitions = "average"
    scale: Scale = "one"
    n_filters: int = 25
    n_hidden: int = 200
    constrained: bool = True
    n_hidden_picture: int = 768
    dropout: float = 0.25
    dropout_deep: float = 0.65
    dropout_picture: float = 0.85

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        for name in ("dropout", "dropout_deep", "dropout_picture"):
            check_share(name, getattr(self, name))
        for name in ("n_filters", "n_hidden", "n_hidden_picture"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")


class BlurBank(NetworkFamily):
    """Spatial filters for the signal, a learned mixture of blurs for the picture."""

    settings: BlurBankSettings
    projects = True

    def __init__(self, settings: BlurBankSettings | None = None) -> None:
        self.settings = settings or BlurBankSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network."""
        return FilterTower(shape, self.settings)

    def target_side(self, shape: Shape) -> TargetSide:
        """Return a fresh mixture."""
        return BlurMixture(shape.dim, self.settings.n_hidden_picture, self.settings.dropout_picture)

    @classmethod
    def levels(cls) -> tuple[str, ...]:
        """Return the twelve blurs."""
        return LEVELS


class FilterTower(nn.Module):
    """A few spatial filters, and two layers over time that they share.

    With C channels, T samples, F filters, H units and D components it has
    ``F·C + 2·F + (T + 1)·H + (H + 1)·H + (F·H + 1)·D`` parameters; ``2·F`` fewer if unconstrained.

    Parameters
    ----------
    shape : Shape
        Of epochs and targets.
    settings : BlurBankSettings
        As above.
    """

    def __init__(self, shape: Shape, settings: BlurBankSettings) -> None:
        super().__init__()
        s = settings
        self.constrained = s.constrained
        self.spatial = nn.Linear(shape.n_channels, s.n_filters, bias=False)
        self.norm = nn.BatchNorm1d(s.n_filters) if s.constrained else nn.Identity()
        self.temporal = nn.Sequential(
            nn.Linear(shape.n_times, s.n_hidden),
            nn.ELU(),
            nn.Dropout(s.dropout),
            nn.Linear(s.n_hidden, s.n_hidden),
            nn.ELU(),
            nn.Dropout(s.dropout_deep),
        )
        self.head = nn.Linear(s.n_filters * s.n_hidden, shape.dim)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T), whoever's they are."""
        weight = self.spatial.weight.abs() if self.constrained else self.spatial.weight  # (F, C)
        filtered = self.norm(torch.matmul(weight, x))  # (B, F, T)
        features = self.temporal(filtered).flatten(1)  # (B, F, H) → (B, F·H)
        vectors: torch.Tensor = self.head(features)  # (B, dim)
        return vectors


class BlurMixture(TargetSide):
    """Blurs of a picture, weighed component by component, and a small network.

    With D components and M hidden units it has ``20·D + (D + 1)·M + (M + 1)·D`` parameters.

    Parameters
    ----------
    dim : int
        Components of a vector.
    n_hidden : int
        Units of the network.
    dropout : float
        Share that is silenced in training.
    """

    levels = LEVELS

    def __init__(self, dim: int, n_hidden: int, dropout: float) -> None:
        super().__init__()
        self.free = nn.Parameter(torch.randn(N_FREE, dim) / dim**0.5)  # about unit length
        self.weight = nn.Parameter(torch.zeros(len(LEVELS) + N_FREE, dim))  # all alike at first
        self.network = nn.Sequential(
            nn.Linear(dim, n_hidden), nn.ELU(), nn.Dropout(dropout), nn.Linear(n_hidden, dim)
        )

    def project(self, bank: torch.Tensor) -> torch.Tensor:
        """Return vectors (G, dim), of unit length, for versions (G, 12, dim)."""
        share = self.weight.softmax(dim=0)  # (16, dim)
        blurs = (bank * share[: len(LEVELS)]).sum(dim=1)  # (G, dim)
        mixed = blurs + (self.free * share[len(LEVELS) :]).sum(dim=0)  # (G, dim)
        return functional.normalize(self.network(mixed), dim=1)  # (G, dim)
