"""The projector on the whole epoch, trained contrastively: the smallest network worth training.

UBP (Wu et al., CVPR 2025) showed that with blurred image targets this head alone, on 17 posterior
channels, beats deep convolutional encoders. It wants thousands of trials and many concepts: on a
few hundred single trials ridge is better, and from two concepts it learns only what tells these
apart, not what sets them off from the rest of a gallery.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.encoders.projector import Projector
from saccade.models.training.recipe import Recipe, check_share


@dataclass(frozen=True, slots=True)
class EEGProjectSettings(Recipe):
    """How the projector is trained; other fields as in :class:`Recipe`.

    UBP's own values (batches of 1024, lr and weight decay 1e-4) are for 16,540 averaged trials; on
    a session of single trials they overfit within a pass. The defaults are for such a session: each
    step takes 2 % off all parameters, the scale of the loss among them, which keeps the network
    from being sure too early.

    Parameters
    ----------
    dropout : float
        Share of the residual branch that is silenced in training, 0 to below 1.
    """

    weight_decay: float = 20.0
    dropout: float = 0.3

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)


class EEGProject(NetworkFamily):
    """The projector on the flattened epoch.

    Predictions stay un-normalised in the loss, targets have unit length, as in UBP. With the same
    seed, threads and machine, training gives the same weights to the last bit.
    """

    settings: EEGProjectSettings

    def __init__(self, settings: EEGProjectSettings | None = None) -> None:
        self.settings = settings or EEGProjectSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh projector."""
        return ProjectorTower(shape, self.settings.dropout)


class ProjectorTower(nn.Module):
    """The shared head on all that was measured.

    Parameters
    ----------
    shape : Shape
        Of epochs and targets.
    dropout : float
        As in the settings.
    """

    def __init__(self, shape: Shape, dropout: float) -> None:
        super().__init__()
        self.head = Projector(shape.n_channels * shape.n_times, shape.dim, dropout)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, n_channels, n_times), whoever's they are."""
        vectors: torch.Tensor = self.head(x.flatten(1))  # (B, C·T) → (B, dim)
        return vectors
