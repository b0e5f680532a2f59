"""EEGNet with a linear head onto CLIP: the field's smallest convolutional network.

Lawhern et al., "EEGNet: a compact convolutional neural network for EEG-based brain-computer
interfaces", J. Neural Eng. 2018, in the size in which ATM's authors trained it as a baseline for
retrieval (Li et al., NeurIPS 2024, table 8).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.training.recipe import Recipe, Scale, check_share
from saccade.realtime.errors import ConfigError

LEAST_TIMES = 27


@dataclass(frozen=True, slots=True)
class EEGNetSettings(Recipe):
    """EEGNet, and how ATM's authors trained it.

    The recipe is theirs: AdamW, 30 passes over single trials in batches of 1024, the loss of ATM-S.
    What differs is said there (:class:`saccade.models.encoders.atm.ATMSettings`).

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
    dropout: float = 0.25

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)


class EEGNet(NetworkFamily):
    """Filters in time, 20 spatial filters each, a separable convolution, a linear head."""

    settings: EEGNetSettings

    def __init__(self, settings: EEGNetSettings | None = None) -> None:
        self.settings = settings or EEGNetSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network.

        Raises
        ------
        ConfigError
            If epochs have fewer than 27 samples.
        """
        if shape.n_times < LEAST_TIMES:
            raise ConfigError(
                f"EEGNet needs epochs of at least {LEAST_TIMES} samples, but {shape.n_times} came: "
                "lengthen the window, or raise the working rate"
            )
        return _Tower(shape, self.settings.dropout)


class _Tower(nn.Module):
    """EEGNet-8,20 with kernels of 4 and 16 samples.

    With C electrodes and D components it has ``160·C + 32 + 320 + 2560 + 25600 + 320`` parameters
    and a head of ``1120·D + D``, for 250 samples.

    Filters in time and over electrodes commute, so electrodes are combined first: the filters in
    time then act on 160 signals instead of on all electrodes 8 times.

    Two published parts change nothing and are left out: the batch norm between the two filters and
    the limit on the norm of a spatial filter only scale and shift what the next batch norm scales
    and shifts back.
    """

    n_temporal = 8
    n_each = 20
    n_spatial = n_temporal * n_each
    __constants__ = ("n_each", "n_spatial")  # for TorchScript

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        n = self.n_spatial
        n_pooled = ((shape.n_times + 1) // 4 + 1) // 8  # 7 for 250 samples
        self.spatial = nn.Conv1d(shape.n_channels, n, 1, bias=False)
        self.temporal = nn.Conv1d(1, self.n_temporal, 4, bias=False)
        self.norm = nn.BatchNorm1d(n)
        self.depthwise = nn.Conv1d(n, n, 16, padding=8, groups=n, bias=False)
        self.pointwise = nn.Conv1d(n, n, 1, bias=False)
        self.separable_norm = nn.BatchNorm1d(n)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(n * n_pooled, shape.dim)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, T), whoever they are of."""
        del subject
        x = self.spatial(x)  # (B, 160, T)
        filters = self.temporal.weight.repeat_interleave(self.n_each, dim=0)  # (160, 1, 4)
        x = functional.conv1d(x, filters, padding=2, groups=self.n_spatial)  # (B, 160, T + 1)
        x = functional.elu(self.norm(x), inplace=True)
        x = self.dropout(functional.avg_pool1d(x, 4))  # (B, 160, (T + 1) // 4)
        x = self.pointwise(self.depthwise(x))  # (B, 160, (T + 1) // 4 + 1)
        x = functional.elu(self.separable_norm(x), inplace=True)
        x = self.dropout(functional.avg_pool1d(x, 8))  # (B, 160, P)
        vectors: torch.Tensor = self.head(x.flatten(1))  # (B, dim)
        return vectors
