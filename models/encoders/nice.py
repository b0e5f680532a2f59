"""NICE: temporal-spatial convolution and a projector, optionally with attention over electrodes.

Song, Liu, Li, Shi, Wang & Gao, "Decoding natural images from EEG for object recognition", ICLR
2024. The plain network is the smallest convolutional encoder of the field and the body of several
later ones. In its variants, each electrode may first gather from the others what it lacks: by
self-attention (NICE-SA) or graph attention (NICE-GA).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.encoders.projector import Projector
from saccade.models.encoders.tsconv import TSConv
from saccade.models.training.recipe import Recipe, Repetitions, Scale, check_share
from saccade.realtime.errors import ConfigError

Attention = Literal["none", "self", "graph"]
"""How electrodes exchange information before the convolution."""


@dataclass(frozen=True, slots=True)
class NICESettings(Recipe):
    """NICE, and how it was trained.

    The recipe is the paper's: Adam without weight decay, 200 passes over averages of all
    repetitions in batches of 1000, the symmetric InfoNCE of unit vectors at the fixed scale 1 /
    0.07, and of all passes the best on 740 of the 16,540 pictures. Two things differ: whole
    concepts are held out, not single pictures, and trials of one concept are no negatives of each
    other. To decode single trials, train on them: ``repetitions="single"``.

    Parameters
    ----------
    attention : {"none", "self", "graph"}
        NICE, NICE-SA or NICE-GA.
    dropout : float
        Share silenced in training, after the convolutions and in the projector; 0 to below 1.
    """

    epochs: int = 200
    patience: int = 200
    held_out: float = 0.045
    batch_size: int = 1000
    lr: float = 2e-4
    weight_decay: float = 0.0
    beta1: float = 0.5
    repetitions: Repetitions = "average"
    scale: Scale = "exp-fixed"
    normalise_signal: bool = True
    attention: Attention = "none"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)
        if self.attention not in get_args(Attention):
            raise ConfigError(
                f"attention must be one of {', '.join(get_args(Attention))}, not {self.attention!r}"
            )


class NICE(NetworkFamily):
    """Temporal-spatial convolution, then the shared projector."""

    settings: NICESettings

    def __init__(self, settings: NICESettings | None = None) -> None:
        self.settings = settings or NICESettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network.

        Raises
        ------
        ConfigError
            If epochs have fewer than 75 samples.
        """
        return _Tower(shape, self.settings)


class _Tower(nn.Module):
    """Attention over electrodes, convolution, projector."""

    def __init__(self, shape: Shape, settings: NICESettings) -> None:
        super().__init__()
        self.convolution = TSConv(shape.n_channels, shape.n_times, settings.dropout)
        self.attention: nn.Module = {
            "none": nn.Identity,
            "self": SelfAttention,
            "graph": GraphAttention,
        }[settings.attention](shape.n_times)
        self.projector = Projector(self.convolution.n_features, shape.dim, settings.dropout)
        self.apply(_initialise)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T), whoever they are of."""
        del subject
        x = self.attention(x)  # (B, C, T)
        features = self.convolution(x)  # (B, 40·S)
        vectors: torch.Tensor = self.projector(features)  # (B, dim)
        return vectors


def _initialise(module: nn.Module) -> None:
    """Draw weights as NICE does: small, so that all starts near the batch norms' mean."""
    if isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, std=0.02)
    elif isinstance(module, nn.BatchNorm1d):
        nn.init.normal_(module.weight, mean=1.0, std=0.02)


class SelfAttention(nn.Module):
    """Adds to each electrode what it asks of all, by scaled dot products (Vaswani et al., 2017).

    One head as wide as the epoch, ``x + W softmax(Q Kᵀ / √T) V + b``; with T samples it has
    ``4·T² + T`` parameters.

    Parameters
    ----------
    n_times : int
        Samples of an epoch.
    """

    def __init__(self, n_times: int) -> None:
        super().__init__()
        self.query_key_value = nn.Linear(n_times, 3 * n_times, bias=False)
        self.out = nn.Linear(n_times, n_times)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return epochs (B, C, T) for epochs (B, C, T)."""
        q, k, v = self.query_key_value(x).chunk(3, dim=2)  # (B, C, T) each
        gathered = functional.scaled_dot_product_attention(q, k, v)  # (B, C, T)
        enriched: torch.Tensor = x + self.out(gathered)  # (B, C, T)
        return enriched


class GraphAttention(nn.Module):
    """Adds to each electrode a weighted mean of all, on the graph that joins every pair.

    The layer of Veličković et al. (ICLR 2018) with one head: electrode i weighs j by the softmax
    over j of ``LeakyReLU(aᵀ [W xᵢ ‖ W xⱼ])``, slope 0.2. Of the two halves of a, one multiplies i
    and one j, so a score is the sum of a number of each. With T samples it has ``T² + 3·T``
    parameters. As in NICE-SA, the electrode's own signal stays beside what it gathers.

    Parameters
    ----------
    n_times : int
        Samples of an epoch.
    """

    def __init__(self, n_times: int) -> None:
        super().__init__()
        self.transform = nn.Linear(n_times, n_times, bias=False)
        bound = math.sqrt(6 / (2 * n_times + 1))  # Glorot's, of a map from 2·T numbers to one
        self.ask = nn.Parameter(torch.empty(n_times).uniform_(-bound, bound))
        self.offer = nn.Parameter(torch.empty(n_times).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(n_times))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return epochs (B, C, T) for epochs (B, C, T)."""
        nodes = self.transform(x)  # (B, C, T)
        asked = (nodes @ self.ask).unsqueeze(2)  # (B, C, 1)
        offered = (nodes @ self.offer).unsqueeze(1)  # (B, 1, C)
        scores = functional.leaky_relu(asked + offered, 0.2)  # (B, C, C)
        gathered = scores.softmax(dim=2) @ nodes  # (B, C, T)
        enriched: torch.Tensor = x + gathered + self.bias  # (B, C, T)
        return enriched
