"""ShallowFBCSPNet with a linear head onto CLIP: band power, learned.

Schirrmeister et al., "Deep learning with convolutional neural networks for EEG decoding and
visualization", Human Brain Mapping 2017, in the size in which ATM's authors trained it as a
baseline for retrieval (Li et al., NeurIPS 2024, table 8). Like filter-bank common spatial
patterns, it sees power in time, not phase: what evoked responses do to a voltage at a time is
mostly lost to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.training.recipe import Recipe, Scale, check_share
from saccade.realtime.errors import ConfigError

LEAST_TIMES = 44


@dataclass(frozen=True, slots=True)
class ShallowFBCSPSettings(Recipe):
    """ShallowFBCSPNet, and how ATM's authors trained it.

    The recipe is theirs: AdamW, 30 passes over single trials in batches of 1024, the loss of ATM-S.
    What differs is said there (:class:`saccade.models.encoders.atm.ATMSettings`); and the softmax
    that their head kept from classification is left out.

    Parameters
    ----------
    dropout : float
        Share of the features that is silenced in training, 0 to below 1.
    """

    epochs: int = 30
    patience: int = 30
    batch_size: int = 1024
    lr: float = 3e-4
    scale: Scale = "raw"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)


class ShallowFBCSP(NetworkFamily):
    """Filters in time and space, log power, a linear head."""

    settings: ShallowFBCSPSettings

    def __init__(self, settings: ShallowFBCSPSettings | None = None) -> None:
        self.settings = settings or ShallowFBCSPSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network.

        Raises
        ------
        ConfigError
            If epochs have fewer than 44 samples.
        """
        if shape.n_times < LEAST_TIMES:
            raise ConfigError(
                f"ShallowFBCSPNet needs epochs of at least {LEAST_TIMES} samples, but "
                f"{shape.n_times} came: lengthen the window, or raise the working rate"
            )
        return _Tower(shape, self.settings.dropout)


class _Tower(nn.Module):
    """20 filters of 20 samples, 20 spatial filters over them, power over 25 samples every 5.

    With C electrodes and D components it has ``400 + 400·C + 40`` parameters and a head of
    ``840·D + D``, for 250 samples. The published one has 20 more, the biases of its first filters,
    which the batch norm takes off again.

    Nothing comes between the two filters, so they are applied as the one convolution they amount
    to, which spares 20 filtered copies of all electrodes.
    """

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        n_pooled = (shape.n_times - LEAST_TIMES) // 5 + 1  # 42 for 250 samples
        self.temporal = nn.Conv2d(1, 20, (1, 20), bias=False)
        self.spatial = nn.Conv2d(20, 20, (shape.n_channels, 1), bias=False)
        self.norm = nn.BatchNorm1d(20)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(20 * n_pooled, shape.dim)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T), whoever they are of."""
        del subject
        both = torch.einsum(
            "ofc,fk->ock", self.spatial.weight.squeeze(3), self.temporal.weight[:, 0, 0]
        )  # (20, C, 20)
        x = self.norm(functional.conv1d(x, both))  # (B, 20, T - 19)
        power = functional.avg_pool1d(x * x, 25, 5)  # (B, 20, P)
        features = self.dropout(torch.log(power.clamp(min=1e-6)))  # (B, 20, P)
        vectors: torch.Tensor = self.head(features.flatten(1))  # (B, dim)
        return vectors
