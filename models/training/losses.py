"""What training minimises: how far predictions are from being recognised, and from their targets.

All published encoders use symmetric InfoNCE, and each has its own idea of the temperature. Scores
on different scales train differently, so the conventions are kept apart:

===========  ===================================================  ===========================
scale        factor on the products                               used by
===========  ===================================================  ===========================
exp          exp(s), s learned                                    CLIP (Radford et al. 2021)
exp-fixed    exp(s) = 14.29                                       NICE, NeuroBridge
softplus     log(1 + exp(s)), s learned                           UBP
raw          s itself, learned                                    ATM, BrainFLORA
one          1                                                    perceptual-blur bank
===========  ===================================================  ===========================

s starts at ln(1 / 0.07) = 2.659 everywhere.
"""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from saccade.models.training.recipe import Recipe

START = math.log(1 / 0.07)


class ContrastiveLoss(nn.Module):
    """Symmetric InfoNCE, mixed with SoftCLIP and a squared error as the recipe says.

    Parameters
    ----------
    recipe : Recipe
        ``scale``, ``normalise_signal``, ``normalise_target``, ``positives``, ``mse_weight`` and
        ``soft_weight`` are used.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        learned = recipe.scale in ("exp", "softplus", "raw")
        self.log_scale = nn.Parameter(torch.tensor(START), requires_grad=learned)

    def factor(self) -> torch.Tensor:
        """Return what multiplies the products, a scalar tensor."""
        match self.recipe.scale:
            case "exp" | "exp-fixed":
                return self.log_scale.exp()
            case "softplus":
                return functional.softplus(self.log_scale)
            case "raw":
                return self.log_scale
            case _:
                return torch.ones_like(self.log_scale)

    def forward(
        self, predicted: torch.Tensor, wanted: torch.Tensor, concepts: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of a batch, and how well each trial matched.

        Parameters
        ----------
        predicted, wanted : tensors of shape (B, dim)
            What the tower says, and what it should.
        concepts : tensor of shape (B,), int64
            Equal for trials of the same concept.

        Returns
        -------
        loss : scalar tensor
        match : tensor of shape (B,)
            Scaled product of each prediction with its own target, without gradient.
        """
        if self.recipe.normalise_signal:
            predicted = functional.normalize(predicted, dim=1)
        if self.recipe.normalise_target:
            wanted = functional.normalize(wanted, dim=1)
        factor = self.factor()
        logits = factor * predicted @ wanted.T  # (B, B)
        loss = info_nce(logits, self._positives(concepts, logits))
        if self.recipe.soft_weight > 0:
            alike = (factor.detach() * wanted @ wanted.T).detach()  # (B, B)
            loss = torch.lerp(loss, soft_clip(logits, alike), self.recipe.soft_weight)
        if self.recipe.mse_weight > 0:
            distance = (predicted - wanted).square().sum(dim=1).mean()
            loss = torch.lerp(loss, distance, self.recipe.mse_weight)
        return loss, logits.detach().diagonal()

    def _positives(self, concepts: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Return the probabilities wanted, (B, B); rows sum to 1, and it is symmetric."""
        if self.recipe.positives == "own":
            return torch.eye(len(concepts), dtype=logits.dtype, device=logits.device)
        same = (concepts[:, None] == concepts[None, :]).to(logits.dtype)
        return same / same.sum(dim=1, keepdim=True)


def info_nce(logits: torch.Tensor, positives: torch.Tensor) -> torch.Tensor:
    """Return the mean cross-entropy of rows and of columns.

    With the identity for positives this is InfoNCE (van den Oord et al. 2018) both ways. Where a
    batch holds a concept several times, that would punish a trial for resembling the equal
    targets of others; spreading the probability evenly over them does not.

    Parameters
    ----------
    logits : tensor of shape (B, B)
        Predictions by targets.
    positives : tensor of shape (B, B)
        Probabilities wanted in each row; rows sum to 1.
    """
    there = functional.cross_entropy(logits, positives)
    back = functional.cross_entropy(logits.T, positives)
    return (there + back) / 2


def soft_clip(logits: torch.Tensor, alike: torch.Tensor) -> torch.Tensor:
    """Return SoftCLIP: the cross-entropy with how much the targets resemble each other.

    Parameters
    ----------
    logits : tensor of shape (B, B)
        Predictions by targets.
    alike : tensor of shape (B, B)
        Targets by targets, on the same scale.

    References
    ----------
    Scotti et al. (2023), MindEye, section 3.2: both sides share one temperature.
    """
    return info_nce(logits, alike.softmax(dim=1))
