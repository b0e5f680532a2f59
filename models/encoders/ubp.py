"""UBP, the uncertainty-aware blur prior: nobody is asked for more detail than their signal holds.

Wu et al. (CVPR 2025) train the plain projector on vectors of pictures blurred as the periphery of
the eye blurs them. How much is decided trial by trial: a trial that matches its target better than
most is given a sharper one, a trial that matches it worse a more blurred one. The gallery is
blurred as well, by the middle level, and so is validation.

Left out of the authors' code: a shared dictionary changed in place made their three kernels 45, 45
and 51 pixels; here they are 45, 51 and 57, as the paper describes. Equation 10 of the paper prints
the two signs the other way round; here they are as in the code, which fits the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal, get_args

import torch
from torch import nn

from saccade.models.encoders.eegproject import ProjectorTower
from saccade.models.encoders.network import NetworkFamily, Shape, TargetSide
from saccade.models.encoders.nice import NICE, NICESettings
from saccade.models.training.recipe import Recipe, Repetitions, check_share
from saccade.realtime.errors import ConfigError

Backbone = Literal["eegproject", "tsconv"]
"""The projector on the whole epoch, or the convolutions of NICE before it."""
LEVELS = ("foveal-45", "foveal-51", "foveal-57")
"""Low, medium and high blur: a kernel of 51 pixels, and 6 less or more."""
LOW, MEDIUM, HIGH = range(3)


@dataclass(frozen=True, slots=True)
class UBPSettings(Recipe):
    """How UBP is trained; other fields as in :class:`Recipe`.

    The defaults are the authors' within a person: AdamW, batches of 1024, 50 passes at most with a
    patience of 5, lr and weight decay 1e-4 (lr 1e-5 across people), all repetitions averaged,
    softplus scale, targets alone at unit length. They watch the training loss, or concepts that
    they test on; here patience looks at validation concepts, and trials of one concept are no
    negatives of each other.

    Parameters
    ----------
    backbone : {"eegproject", "tsconv"}
        What reads the epoch.
    dropout : float
        Share that is silenced in training, 0 to below 1; 0.5 is published for ``tsconv``.
    newest_share : float
        Weight of a trial's newest match in its moving average, above 0 up to 1; 1 forgets the rest.
    interval : float
        Share of a batch, taken as normal, that is given the middle level, above 0 and below 1.
    """

    batch_size: int = 1024
    lr: float = 1e-4
    weight_decay: float = 1e-4
    repetitions: Repetitions = "average"
    backbone: Backbone = "eegproject"
    dropout: float = 0.3
    newest_share: float = 0.3
    interval: float = 0.95

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        Recipe.__post_init__(self)
        check_share("dropout", self.dropout)
        check_backbone(self.backbone)
        if not 0 < self.newest_share <= 1:
            raise ConfigError(f"newest_share must be above 0 up to 1, not {self.newest_share}")
        if not 0 < self.interval < 1:
            raise ConfigError(f"interval must be above 0 and below 1, not {self.interval}")


class UBP(NetworkFamily):
    """The projector, or TSConv, trained on targets as blurred as each trial needs."""

    settings: UBPSettings
    projects = True

    def __init__(self, settings: UBPSettings | None = None) -> None:
        self.settings = settings or UBPSettings()

    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network."""
        return backbone_tower(self.settings.backbone, shape, self.settings.dropout)

    def target_side(self, shape: Shape) -> TargetSide:
        """Return a target side that has seen no trial yet."""
        return UncertaintyBlur(shape.n_trials, self.settings.newest_share, self.settings.interval)

    @classmethod
    def levels(cls) -> tuple[str, ...]:
        """Return the three blurs."""
        return LEVELS


class UncertaintyBlur(TargetSide):
    """Chooses each trial's blur by how well the trial has matched so far.

    A moving average follows every trial's match, its logit with its own target. Within a batch, a
    trial above the two-sided interval about the mean is given the low blur, one below it the high
    one, all others the middle one; so are trials that have no match yet, which do not count for
    the interval. Nothing is learned by gradient. Of several processes each takes the interval of
    its own share of the batch, as statistics of batches are each process's own.

    Parameters
    ----------
    n_trials : int
        Rows of the training data.
    newest_share : float
        Weight of the newest match.
    interval : float
        Probability within the interval.
    """

    levels = LEVELS
    match: torch.Tensor  # (n_trials,), moving averages
    seen: torch.Tensor  # (n_trials,), whether there is a match yet

    def __init__(self, n_trials: int, newest_share: float, interval: float) -> None:
        super().__init__()
        self.newest_share = newest_share
        self.half_width = NormalDist().inv_cdf(0.5 + interval / 2)  # in standard deviations
        self.register_buffer("match", torch.zeros(n_trials))
        self.register_buffer("seen", torch.zeros(n_trials, dtype=torch.bool))

    def forward(self, bank: torch.Tensor, trial: torch.Tensor) -> torch.Tensor:
        """Return targets (B, dim) for versions (B, 3, dim), the medium one unless in training."""
        if not self.training:
            return self.project(bank)
        return bank[torch.arange(len(bank), device=bank.device), self.level_of(trial)]  # (B, dim)

    def level_of(self, trial: torch.Tensor) -> torch.Tensor:
        """Return for each trial of a batch, (B,), the number of its level, (B,), int64."""
        match, seen = self.match[trial], self.seen[trial]  # (B,)
        weight = seen / seen.sum().clamp(min=1)  # (B,)
        mean = (weight * match).sum()
        margin = self.half_width * (weight * (match - mean).square()).sum().sqrt()
        level = torch.full_like(trial, MEDIUM)
        level[seen & (match > mean + margin)] = LOW
        level[seen & (match < mean - margin)] = HIGH
        return level

    def project(self, bank: torch.Tensor) -> torch.Tensor:
        """Return the middle level, (G, dim), of versions (G, 3, dim)."""
        return bank[:, MEDIUM]

    def observe(self, trial: torch.Tensor, match: torch.Tensor) -> None:
        """Let each trial's moving average, (B,), follow its match, (B,)."""
        newest = match.detach().to(self.match.dtype)
        followed = torch.lerp(self.match[trial], newest, self.newest_share)
        self.match[trial] = torch.where(self.seen[trial], followed, newest)
        self.seen[trial] = True


def backbone_tower(backbone: Backbone, shape: Shape, dropout: float) -> nn.Module:
    """Return the tower that UBP and NeuroBridge build on, to vectors (B, shape.dim)."""
    if backbone == "tsconv":
        return NICE(NICESettings(dropout=dropout)).tower(shape)
    return ProjectorTower(shape, dropout)


def check_backbone(backbone: str) -> None:
    """Refuse a backbone there is not.

    Raises
    ------
    ConfigError
        If it is none of them.
    """
    if backbone not in get_args(Backbone):
        raise ConfigError(
            f"backbone must be one of {', '.join(get_args(Backbone))}, not {backbone!r}"
        )
