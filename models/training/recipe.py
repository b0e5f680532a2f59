"""How a network is trained: one frozen set of numbers, whatever the network.

Each family subclasses it with its paper's values for defaults, so that what was published and
what was changed can be read off one class.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from saccade.realtime.errors import ConfigError

Repetitions = Literal["single", "average", "random"]
"""What is one training sample: a trial, the mean of all repetitions of a picture, or the mean of
a number of them drawn anew in every pass."""
Scale = Literal["exp", "exp-fixed", "softplus", "raw", "one"]
"""What multiplies the products in the loss: see :mod:`saccade.models.training.losses`."""
Positives = Literal["own", "concept"]
"""What a trial should resemble in its batch: its own target only, or all of its concept's."""
Precision = Literal["32-true", "bf16-mixed", "16-mixed"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained.

    Parameters
    ----------
    epochs : int
        Passes over the training samples, at most.
    patience : int
        Passes without a better validation after which training ends.
    held_out : float
        Share of the concepts (where there are few, of each one's last trials) that decides when
        to end, if no validation set is given; above 0, below 1.
    batch_size : int
        Samples compared with each other, at least 2.
    lr, weight_decay, beta1, beta2 : float
        Of AdamW.
    warm_up : int
        Steps over which the learning rate rises to ``lr``; 0 starts with it.
    grad_clip : float or None
        Largest norm of a step's gradient.
    repetitions : {"single", "average", "random"}
        What is one training sample.
    scale : {"exp", "exp-fixed", "softplus", "raw", "one"}
        Convention of the loss's temperature.
    normalise_signal, normalise_target : bool
        Whether the loss sees predictions, and targets, at unit length.
    positives : {"own", "concept"}
        What counts as right within a batch.
    mse_weight : float
        Share of the squared distance to the target in the loss, 0 to 1.
    soft_weight : float
        Share of SoftCLIP in what is left, 0 to 1.
    precision : {"32-true", "bf16-mixed", "16-mixed"}
        Of the arithmetic. Resumed, a training in "16-mixed" starts with a fresh scale of its
        gradients, so it is not to the bit what it would have been.
    seed : int
        Of initial weights, order, dropout and augmentation.
    budget_core_s : float or None
        Processor time after which training ends at the end of a pass, in core seconds. With one,
        the result depends on the machine.
    """

    epochs: int = 50
    patience: int = 5
    held_out: float = 0.15
    batch_size: int = 128
    lr: float = 1e-3
    weight_decay: float = 1e-2
    beta1: float = 0.9
    beta2: float = 0.999
    warm_up: int = 0
    grad_clip: float | None = None
    repetitions: Repetitions = "single"
    scale: Scale = "softplus"
    normalise_signal: bool = False
    normalise_target: bool = True
    positives: Positives = "concept"
    mse_weight: float = 0.0
    soft_weight: float = 0.0
    precision: Precision = "32-true"
    seed: int = 0
    budget_core_s: float | None = None

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        ranges = (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("patience", self.patience >= 1, "at least 1"),
            ("held_out", 0 < self.held_out < 1, "above 0 and below 1"),
            ("batch_size", self.batch_size >= 2, "at least 2"),
            ("lr", 0 < self.lr < math.inf, "above 0"),
            ("weight_decay", 0 <= self.weight_decay < math.inf, "at least 0"),
            ("beta1", 0 <= self.beta1 < 1, "at least 0 and below 1"),
            ("beta2", 0 <= self.beta2 < 1, "at least 0 and below 1"),
            ("warm_up", self.warm_up >= 0, "at least 0"),
            (
                "grad_clip",
                self.grad_clip is None or 0 < self.grad_clip < math.inf,
                "above 0, or none",
            ),
            ("mse_weight", 0 <= self.mse_weight <= 1, "0 to 1"),
            ("soft_weight", 0 <= self.soft_weight <= 1, "0 to 1"),
            ("seed", self.seed >= 0, "at least 0"),
            (
                "budget_core_s",
                self.budget_core_s is None or self.budget_core_s > 0,
                "above 0, or none",
            ),
        )
        for name, fits, words in ranges:
            if not fits:
                raise ConfigError(f"{name} must be {words}, not {getattr(self, name)}")
        for name in ("epochs", "patience", "batch_size", "warm_up", "seed"):
            if not isinstance(getattr(self, name), int):
                raise ConfigError(f"{name} must be a whole number, not {getattr(self, name)}")
        for name, choices in (
            ("repetitions", get_args(Repetitions)),
            ("scale", get_args(Scale)),
            ("positives", get_args(Positives)),
            ("precision", get_args(Precision)),
        ):
            if getattr(self, name) not in choices:
                raise ConfigError(
                    f"{name} must be one of {', '.join(choices)}, not {getattr(self, name)!r}"
                )


def check_share(name: str, value: float) -> None:
    """Refuse a dropout or the like that is no share.

    Raises
    ------
    ConfigError
        If it is below 0, or 1 or above.
    """
    if not 0 <= value < 1:
        raise ConfigError(f"{name} must be at least 0 and below 1, not {value}")
