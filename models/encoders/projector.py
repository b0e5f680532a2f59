"""The head that most EEG-to-CLIP encoders share: one linear map, refined by a residual layer.

Described for NICE (Song et al. 2024), ATM (Li et al. 2024) and UBP (Wu et al. 2025), among others.
"""

from __future__ import annotations

import torch
from torch import nn


class Projector(nn.Module):
    """Features to a CLIP-sized vector, un-normalised.

    With F features and D components it has ``F·D + D² + 4·D`` parameters.

    Parameters
    ----------
    n_features : int
        Components that come in.
    dim : int
        Components that go out.
    dropout : float
        Share of the residual branch that is silenced in training, 0 to 1.
    """

    def __init__(self, n_features: int, dim: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, dim)
        self.residual = nn.Sequential(nn.GELU(), nn.Linear(dim, dim), nn.Dropout(dropout))
        self.norm = nn.LayerNorm(dim)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return vectors of shape (B, dim) for features of shape (B, n_features)."""
        y = self.linear(features)  # (B, dim)
        refined: torch.Tensor = self.norm(y + self.residual(y))  # (B, dim)
        return refined
