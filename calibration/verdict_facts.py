"""What a verdict is made of: the facts of a calibration, and the limits they are held against."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from saccade.calibration.learning_curve import More
from saccade.calibration.order import Order
from saccade.realtime.errors import ConfigError

MeasureName = Literal["top1", "top5", "auc"]


@dataclass(frozen=True, slots=True)
class VerdictSettings:
    """The limits.

    Parameters
    ----------
    measure : {"auto", "top1", "top5", "auc"}
        What is judged, of single held-out trials. "auto": the area under the ROC curve where two
        concepts were shown, the first place among fewer than 20 candidates, else the first five.
    target : float or None
        What it should reach, between 0 and 1; None: anything above chance.
    most_more : int
        Trials that one is ready to add, at least 1; a target that takes more is out of reach, and
        where so many have shown nothing, more will not.
    most_missing : float
        Share of the expected markers that may be missing, 0 to 1.
    most_rejected : float
        Share of the trials that may be rejected, 0 to 1.
    most_spread_ms : float
        Spread of the onsets, from the 5th to the 95th percentile, above 0.
    least_occipital : float
        Share of the occipital and parieto-occipital channels that must be good, 0 to 1.
    least_attention : float
        Share of the questions about catch pictures that should be answered right, 0 to 1; broken
        only where the answers leave no doubt.
    """

    measure: Literal["auto", "top1", "top5", "auc"] = "auto"
    target: float | None = None
    most_more: int = 1000
    most_missing: float = 0.02
    most_rejected: float = 0.4
    most_spread_ms: float = 10.0
    least_occipital: float = 0.5
    least_attention: float = 0.7

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        shares = ("most_missing", "most_rejected", "least_occipital", "least_attention")
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(
                    f"{name} is a share between 0 and 1, not {getattr(self, name)}: 0.5, say"
                )
        if self.target is not None and not 0 < self.target < 1:
            raise ConfigError(f"the target lies between 0 and 1, as 0.2, not at {self.target}")
        if self.most_more < 1 or not self.most_spread_ms > 0:
            raise ConfigError(
                "most_more is at least 1 trial and most_spread_ms above 0, but "
                f"{self.most_more} and {self.most_spread_ms} came"
            )


@dataclass(frozen=True, slots=True)
class Figure:
    """A share of held-out trials with its 95 % interval and its chance level."""

    name: str
    value: float
    low: float
    high: float
    n: int
    chance: float


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rules look at; None where nobody knows, and then the rule is left out.

    Parameters
    ----------
    held_out : Figure
        The judged measure.
    expected : float
        The measure of the decoder that learned from all trials.
    n_trials, n_rejected : int
        Trials that the decoder learned from, and rejected ones.
    more : More or None
        What the target takes, where there is one.
    markers_expected, markers_received : int or None
        As the protocol planned them and as they came.
    occipital : tuple of (str, bool)
        Each occipital and parieto-occipital channel, and whether it is good.
    spread_ms : float or None
        Of the onsets; only where they are to be regular, or a photodiode has seen them.
    answers : tuple of (int, int) or None
        Questions about catch pictures: how many were answered right, of how many.
    order : Order or None
        How well concepts were mixed.
    """

    held_out: Figure
    expected: float
    n_trials: int
    n_rejected: int
    more: More | None = None
    markers_expected: int | None = None
    markers_received: int | None = None
    occipital: tuple[tuple[str, bool], ...] = ()
    spread_ms: float | None = None
    answers: tuple[int, int] | None = None
    order: Order | None = None
