"""NeuroBridge: both sides blurred by the same prior, and met half way.

The authors (AAAI 2026) corrupt both what the network reads (cognitive prior augmentation of the
signal: some channels are smoothed) and what it must predict: the target is the mean vector of four
corrupted versions of the picture. Then signal and picture are projected, each by a learned matrix,
into a shared semantic space; so a gallery must go through the picture's projector before use. Only
the picture's side is normalised in the loss: in their ablation this is worth 9 points of top-1 over
normalising neither and 17 over both. The corrupted pictures are nearly the whole effect (40.5 to
60.0 top-1; 63.2 with everything).

What differs here: the smoothing is drawn anew at every step, where the authors smooth a fixed set
of channels once; and the four versions are averaged after each was centred and scaled to unit
length, as all targets here are, where the authors average them as CLIP gives them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders.network import NetworkFamily, Shape, TargetSide
from saccade.models.encoders.ubp import Backbone, backbone_tower, check_backbone
from saccade.models.training.recipe import Recipe, Repetitions, Scale, check_share
from saccade.realtime.errors import ConfigError

LEVELS = ("gauss-15", "noise-25", "lowres-0.1", "mosaic-5")
"""The four versions of a picture whose mean is the target."""


@dataclass(frozen=True, slots=True)
class NeuroBridgeSettings(Recipe):
    """How NeuroBridge is trained; other fields as in :class:`Recipe`.

    The defaults are the authors': AdamW, lr and weight decay 1e-4, batches of 1024, 50 passes
    without early stopping, repetitions averaged, a fixed scale of 14.29, targets alone at unit
    length. Only, trials of one concept are no negatives of each other here.

    Parameters
    ----------
    backbone : {"eegproject", "tsconv"}
        What reads the epoch: the first for EEG within a person, the second for everything else.
    dropout : float
        Share that is silenced in training, 0 to below 1; 0.5 is published for ``tsconv``.
    shared_dim : int
        Components of the shared space, at least 2.
    smooth_share : float
        Probability of a channel to be smoothed in training, 0 to below 1.
    smooth_times : int
        Samples in the moving average that smooths it; odd, at least 3.
    """

    epochs: int = 50
    patience: int = 50
    batch_size: int = 1024
    lr: float = 1e-4
    weight_decay: float = 1e-4
    repetitions: Repetitions = "average"
    scale: Scale = "exp-fixed"
    seed: int = 2025
    backbone: Backbone = "eegproject"
    dropout: float = 0.3
    shared_dim: int = 512
    smooth_share: float = 0.3
    smooth_times: int = 5

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)
        check_share("smooth_share", self.smooth_share)
        check_backbone(self.backbone)
        if self.shared_dim < 2:
            raise ConfigError(f"shared_dim must be at least 2, not {self.shared_dim}")
        if self.smooth_times < 3 or self.smooth_times % 2 == 0:
            raise ConfigError(
                f"smooth_times must be odd and at least 3 samples, not {self.smooth_times}"
            )


class NeuroBridge(NetworkFamily):
    """Signal and corrupted pictures, projected into a shared space."""

    settings: NeuroBridgeSettings
    projects = True

    def __init__(self, settings: NeuroBridgeSettings | None = None) -> None:
        self.settings = settings or NeuroBridgeSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network."""
        s = self.settings
        return BridgeTower(backbone_tower(s.backbone, shape, s.dropout), shape.dim, s.shared_dim)

    def target_side(self, shape: Shape) -> TargetSide:
        """Return a fresh projector of pictures."""
        return FusedPictures(shape.dim, self.settings.shared_dim)

    def augment(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return epochs (B, C, T) in which some channels are smoothed (``RandomSmooth``)."""
        smooth = functional.avg_pool1d(
            x,
            self.settings.smooth_times,
            stride=1,
            padding=self.settings.smooth_times // 2,
            count_include_pad=False,  # at the edges, the mean of what there is
        )  # (B, C, T)
        drawn = torch.rand(*x.shape[:2], 1, generator=generator).to(x.device)  # (B, C, 1)
        return torch.where(drawn < self.settings.smooth_share, smooth, x)

    @classmethod
    def levels(cls) -> tuple[str, ...]:
        """Return the four corruptions."""
        return LEVELS


class BridgeTower(nn.Module):
    """A backbone and the signal's projector into the shared space.

    Parameters
    ----------
    backbone : torch.nn.Module
        Maps epochs and subjects to (B, dim).
    dim, shared_dim : int
        Components before and after.
    """

    def __init__(self, backbone: nn.Module, dim: int, shared_dim: int) -> None:
        super().__init__()
        self.backbone = backbone
        self.projector = nn.Linear(dim, shared_dim)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, shared_dim) for epochs (B, C, T)."""
        vectors: torch.Tensor = self.projector(self.backbone(x, subject))  # (B, dim) → (B, shared)
        return vectors


class FusedPictures(TargetSide):
    """The mean of a picture's corrupted versions, projected into the shared space.

    Parameters
    ----------
    dim, shared_dim : int
        Components before and after.
    """

    levels = LEVELS

    def __init__(self, dim: int, shared_dim: int) -> None:
        super().__init__()
        self.projector = nn.Linear(dim, shared_dim)

    def project(self, bank: torch.Tensor) -> torch.Tensor:
        """Return vectors (G, shared_dim) for versions (G, 4, dim)."""
        vectors: torch.Tensor = self.projector(bank.mean(dim=1))  # (G, dim) → (G, shared_dim)
        return vectors
