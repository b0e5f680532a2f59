"""SimpleConv: a network for any montage, because it knows where the sensors are.

Défossez et al. (Nature Machine Intelligence 2023) made it for speech; Benchetrit et al. (ICLR 2024,
arXiv 2310.19812) shortened it for pictures, one vector an epoch. Attention over sensor positions
turns any montage into the same number of virtual channels, a matrix for each person turns theirs
into everybody's, and dilated convolutions follow.

Here one shared head (:class:`~saccade.models.encoders.projector.Projector`) takes the place of the
paper's two, one for each loss; time is aggregated before the last 1 × 1 convolution, not after it,
which is the same function, with T samples for a T-th of that layer's work.
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
from saccade.models.training.recipe import Recipe, Repetitions, Scale, check_share
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32

Aggregation = Literal["affine", "mean"]
"""How times become one vector: weighted by a learned course, or all alike."""
_PERIOD = 1.4  # of the slowest harmonic: the unit square and a margin of 0.2 all around


@dataclass(frozen=True, slots=True)
class SimpleConvSettings(Recipe):
    """Sizes of the image variant; learning rate, batch and patience of brainmagick.

    The loss is CLIP's (both sides at unit length, temperature learned). The paper mixes in a
    squared error for its image generator; retrieval, which is all we do, needs none.

    Parameters
    ----------
    average : int
        Samples averaged into one at the entrance; 2 brings 250 Hz near to the paper's 120 Hz.
    n_virtual : int
        Virtual channels, which any montage is turned into.
    n_frequencies : int
        Harmonics along each side of the unit square; the attention sees 2·n² numbers a sensor.
    ban_radius : float
        In training, sensors this near to a random point of the unit square are left out, all at
        once; 0 leaves none out.
    n_blocks : int
        Blocks of two dilated convolutions and a gated one: 2 for pictures, 5 for speech.
    n_hidden : int
        Channels of the convolutions.
    n_wide : int
        Features that the head sees.
    aggregation : {"affine", "mean"}
        How times become one vector.
    dropout : float
        Of the head, 0 to below 1.
    """

    epochs: int = 50
    patience: int = 10
    batch_size: int = 256
    lr: float = 3e-4
    weight_decay: float = 0.0
    repetitions: Repetitions = "single"
    scale: Scale = "exp"
    normalise_signal: bool = True
    average: int = 2
    n_virtual: int = 270
    n_frequencies: int = 32
    ban_radius: float = 0.2
    n_blocks: int = 2
    n_hidden: int = 320
    n_wide: int = 2048
    aggregation: Aggregation = "affine"
    dropout: float = 0.5

    def __post_init__(self) -> None:
        """Refuse settings that make no network."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)
        for name in ("average", "n_virtual", "n_frequencies", "n_blocks", "n_hidden", "n_wide"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not 0 <= self.ban_radius < math.inf:
            raise ConfigError(f"ban_radius must be at least 0, not {self.ban_radius}")
        if self.aggregation not in get_args(Aggregation):
            raise ConfigError(f"aggregation must be affine or mean, not {self.aggregation!r}")


class SimpleConv(NetworkFamily):
    """The family; it needs the sensors' positions."""

    settings: SimpleConvSettings
    needs_positions = True

    def __init__(self, settings: SimpleConvSettings | None = None) -> None:
        self.settings = settings or SimpleConvSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network.

        Raises
        ------
        ConfigError
            If the shape has no sensor positions, or not one for each channel, or too few samples
            to average.
        """
        if shape.n_times < self.settings.average:
            raise ConfigError(
                f"simpleconv needs epochs of at least {self.settings.average} samples, but "
                f"{shape.n_times} came: lengthen the window, or lower average"
            )
        if shape.positions is None or shape.positions.shape != (shape.n_channels, 2):
            came = "none" if shape.positions is None else f"{shape.positions.shape}"
            raise ConfigError(
                f"simpleconv needs where each of the {shape.n_channels} sensors is, shape "
                f"({shape.n_channels}, 2), but {came} came: name channels as in the 10-05 system, "
                "or give positions"
            )
        return _Tower(shape.positions, shape, self.settings)


class SensorAttention(nn.Module):
    """Virtual channels, each a weighted mean of the sensors.

    The weights of a virtual channel are the softmax of a function of position, a sum of harmonics
    with learned amplitudes (Défossez et al., equations 3 and 4).

    Parameters
    ----------
    positions : array of shape (n_channels, 2), float32
        In the unit square.
    n_virtual, n_frequencies : int
        As in the settings.
    ban_radius : float
        As in the settings. If all sensors are that near to the point, none is left out.
    """

    def __init__(
        self, positions: Float32, n_virtual: int, n_frequencies: int, ban_radius: float
    ) -> None:
        super().__init__()
        self.ban_radius = ban_radius
        where = torch.tensor(positions)  # (C, 2)
        waves = torch.arange(n_frequencies) * (2 * math.pi / _PERIOD)  # (K,)
        along_x, along_y = where[:, 0, None] * waves, where[:, 1, None] * waves  # (C, K) each
        phase = (along_x[:, :, None] + along_y[:, None, :]).flatten(1)  # (C, K²)
        self.positions: torch.Tensor
        self.harmonics: torch.Tensor
        self.register_buffer("positions", where)  # (C, 2)
        self.register_buffer("harmonics", torch.cat([phase.cos(), phase.sin()], dim=1))  # (C, 2K²)
        n_amplitudes = 2 * n_frequencies**2
        self.heads = nn.Parameter(torch.randn(n_virtual, n_amplitudes) / math.sqrt(n_amplitudes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return virtual channels (B, V, T) for sensors (B, C, T)."""
        scores = self.heads @ self.harmonics.T  # (V, C)
        if self.training and self.ban_radius > 0:
            point = torch.rand(2, device=x.device)  # (2,)
            away = (self.positions - point).square().sum(dim=1).sqrt()  # (C,)
            near = away <= self.ban_radius  # (C,)
            if not bool(near.all()):
                scores = scores.masked_fill(near, -math.inf)  # (V, C)
        return scores.softmax(dim=1) @ x  # (B, V, T)


class SubjectLayer(nn.Module):
    """A matrix for each person, applied to the channels; the mean of all for a stranger.

    Matrices start as the identity (brainmagick draws them at random): people differ by what they
    have learned alone, so that their mean is a typical person and not a sum that cancels out.

    Parameters
    ----------
    n_subjects : int
        Known people.
    n_channels : int
        Rows and columns.
    """

    def __init__(self, n_subjects: int, n_channels: int) -> None:
        super().__init__()
        self.matrices = nn.Parameter(torch.eye(n_channels).repeat(n_subjects, 1, 1))  # (S, V, V)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return (B, V, T) for channels (B, V, T) of people (B,), -1 for strangers."""
        n_subjects = self.matrices.shape[0]
        stranger = self.matrices.mean(dim=0, keepdim=True)  # (1, V, V)
        rows = torch.where(subject < 0, n_subjects, subject)  # (B,)
        return torch.cat([self.matrices, stranger])[rows] @ x  # (B, V, T)


class Block(nn.Module):
    """Two dilated convolutions with a shortcut, then a gated one (Défossez et al., figure 4).

    The published ones have a bias before each batch norm, which takes it off again: left out here.

    Parameters
    ----------
    n_in, n_out : int
        Channels; the first convolution has a shortcut only where they are equal.
    number : int
        Of the block, from 0: its dilations are 2 to the power of 2k mod 5 and 2k + 1 mod 5.
    """

    def __init__(self, n_in: int, n_out: int, number: int) -> None:
        super().__init__()
        first, second = 2 ** (2 * number % 5), 2 ** ((2 * number + 1) % 5)
        self.first = nn.Conv1d(n_in, n_out, 3, padding=first, dilation=first, bias=False)
        self.first_norm = nn.BatchNorm1d(n_out)
        self.second = nn.Conv1d(n_out, n_out, 3, padding=second, dilation=second, bias=False)
        self.second_norm = nn.BatchNorm1d(n_out)
        self.gated = nn.Conv1d(n_out, 2 * n_out, 3, padding=1)
        self.shortcut = n_in == n_out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, n_out, T) for (B, n_in, T)."""
        y = functional.gelu(self.first_norm(self.first(x)))  # (B, n_out, T)
        if self.shortcut:
            y = y + x
        y = y + functional.gelu(self.second_norm(self.second(y)))  # (B, n_out, T)
        return functional.glu(self.gated(y), dim=1)  # (B, 2·n_out, T) -> (B, n_out, T)


class _Tower(nn.Module):
    """Sensor attention, subject layer, convolutions, aggregation over time, head."""

    def __init__(self, positions: Float32, shape: Shape, s: SimpleConvSettings) -> None:
        super().__init__()
        self.average = s.average
        self.attention = SensorAttention(positions, s.n_virtual, s.n_frequencies, s.ban_radius)
        self.initial = nn.Conv1d(s.n_virtual, s.n_virtual, 1)
        self.subjects = SubjectLayer(shape.n_subjects, s.n_virtual)
        widths = [s.n_virtual] + [s.n_hidden] * s.n_blocks
        self.blocks = nn.Sequential(
            *(Block(widths[k], widths[k + 1], k) for k in range(s.n_blocks))
        )
        self.expand = nn.Conv1d(s.n_hidden, 2 * s.n_hidden, 1)
        n_means = shape.n_times // s.average
        alike = torch.full((n_means,), 1 / n_means)  # (T,)
        self.course: torch.Tensor
        if s.aggregation == "affine":
            self.course = nn.Parameter(alike)
        else:
            self.register_buffer("course", alike)
        self.widen = nn.Linear(2 * s.n_hidden, s.n_wide)
        self.head = Projector(s.n_wide, shape.dim, s.dropout)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, C, n_times) of people (B,)."""
        x = functional.avg_pool1d(x, self.average)  # (B, C, T)
        x = self.initial(self.attention(x))  # (B, V, T)
        x = self.subjects(x, subject)  # (B, V, T)
        x = functional.gelu(self.expand(self.blocks(x)))  # (B, 2·hidden, T)
        x = x @ self.course  # (B, 2·hidden)
        x = functional.gelu(self.widen(x))  # (B, wide)
        vectors: torch.Tensor = self.head(x)  # (B, dim)
        return vectors
