"""An encoder of other people, brought to a new person by a map behind it.

What :mod:`saccade.models.alignment.align` learns becomes the last layer of an encoder, so that a
calibration can judge it, choose it and export it like any other. The person's signal is whitened
by the person's own noise before (Euclidean alignment), as calibrations do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from saccade.models.alignment.affine import Alignment
from saccade.models.alignment.align import linear, procrustes, whitening
from saccade.models.encoders import FittedEncoder, check_training_data
from saccade.realtime.types import Float32

BATCH = 256  # epochs that are encoded at a time


@dataclass(frozen=True, slots=True)
class AlignedSettings:
    """Which map is learned.

    Parameters
    ----------
    kind : {"whitening", "procrustes", "linear"}
        The first learns from the person's signals alone, the others from what was shown as well.
    """

    kind: Literal["whitening", "procrustes", "linear"] = "linear"


class AlignedEncoder:
    """A frozen encoder with a map behind it that is learned from one person.

    Parameters
    ----------
    prior : torch.nn.Module
        Maps whitened epochs (B, n_channels, n_times) to (B, dim); can be scripted.
    settings : AlignedSettings
        Which map.
    """

    settings: AlignedSettings

    def __init__(self, prior: nn.Module, settings: AlignedSettings | None = None) -> None:
        self.prior = prior
        self.settings = settings or AlignedSettings()

    def fit(self, X: Float32, Y: Float32, ch_names: Sequence[str] = ()) -> FittedEncoder:
        """Learn the map; parameters are as of :meth:`~saccade.models.encoders.EncoderFamily.fit`.

        Raises
        ------
        CalibrationError
            If the trials don't determine one.
        """
        del ch_names
        check_training_data(X, Y, least_trials=2)
        vectors = embedded(self.prior, X)
        if self.settings.kind == "whitening":
            alignment = whitening(vectors)
        else:
            learn = procrustes if self.settings.kind == "procrustes" else linear
            alignment = learn(vectors, Y)
        return FittedEncoder(nn.Sequential(self.prior, Map(alignment)).eval())


class Map(nn.Module):
    """An alignment as a layer: ``matrix @ (v / |v| - mean)``, and 0 for a vector of 0."""

    def __init__(self, alignment: Alignment) -> None:
        super().__init__()
        self.linear = nn.Linear(*alignment.matrix.shape)
        with torch.no_grad():
            self.linear.weight.copy_(torch.tensor(alignment.matrix))
            self.linear.bias.copy_(torch.tensor(-(alignment.matrix @ alignment.mean)))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for vectors (B, dim)."""
        lengths = vectors.square().sum(dim=1, keepdim=True).sqrt()  # (B, 1)
        moved: torch.Tensor = self.linear(vectors / lengths.clamp_min(1e-30))  # (B, dim)
        return moved * (lengths > 0)


def embedded(prior: nn.Module, X: Float32) -> Float32:
    """Return an encoder's vectors of epochs, (n, dim), some at a time."""
    with torch.inference_mode():
        parts = [
            prior(torch.from_numpy(X[start : start + BATCH])) for start in range(0, len(X), BATCH)
        ]
    vectors: Float32 = torch.cat(parts).numpy()
    return vectors
