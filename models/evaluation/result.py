"""What an evaluation found: numbers that carry what is needed to judge them.

None stands alone: a :class:`~saccade.models.evaluation.bootstrap.Measured` has its n, chance and
interval, and whatever was measured on averages says of how many.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from saccade.models.evaluation.ablation import Ablation
from saccade.models.evaluation.accuracy import PermutationTest
from saccade.models.evaluation.bootstrap import Measured
from saccade.realtime.simulation.observer import IdealAccuracy


@dataclass(frozen=True, slots=True)
class About:
    """What was judged, for a person to read.

    Parameters
    ----------
    encoder, data : str
        Their names.
    protocol : {"in-subject", "leave-one-subject-out", "pooled"}
        Trained on the tested person's own trials, on other people's only, or on everybody's.
    gallery : str
        Where the candidates came from.
    simulated : bool
        True where no person was recorded, or the gallery was made up.
    """

    encoder: str
    data: str
    protocol: Literal["in-subject", "leave-one-subject-out", "pooled"]
    gallery: str = ""
    simulated: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """Accuracy among a number of candidates: the right one and others drawn from the gallery.

    ``top5`` is None among 5 or fewer, where it would be 1 for everybody.
    """

    candidates: int
    top1: Measured
    top5: Measured | None


@dataclass(frozen=True, slots=True)
class Level:
    """Everything measured on averages of so many presentations.

    Parameters
    ----------
    repetitions : int
        Presentations an epoch averages; 1 is the single trial.
    n, n_concepts, n_people : int
        Averages judged, and how many concepts and people they are of.
    ways : tuple of Way
        The whole gallery is the last.
    two_way : Measured
        Share of the other shown candidates that the right one beats.
    bits : Measured
        Information in bits, a lower bound: :func:`saccade.models.evaluation.information.bits`.
    control : PermutationTest
        Top-1 when it is permuted which concept was which.
    people : tuple of (str, Measured)
        Top-1 of each person, where there are several; those with too few concepts for an
        interval are left out.
    intervals_over : str
        What was drawn anew for the intervals.
    """

    repetitions: int
    n: int
    n_concepts: int
    n_people: int
    ways: tuple[Way, ...]
    two_way: Measured
    bits: Measured
    control: PermutationTest
    people: tuple[tuple[str, Measured], ...]
    intervals_over: str


@dataclass(frozen=True, slots=True)
class Confusion:
    """What was answered for what, by category of concept.

    Parameters
    ----------
    repetitions : int
        Presentations an epoch averages.
    groups : tuple of str, length K
        Categories that were shown, or answered.
    counts : tuple of K tuples of K int
        Averages: shown in rows, answered (first place) in columns.
    right : tuple of (str, Measured)
        Share of each shown category's averages answered with that category; chance is its share
        of the candidates. Resampled over all its averages' concepts, or, with too few of these,
        left out.
    """

    repetitions: int
    groups: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    right: tuple[tuple[str, Measured], ...]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All that was measured, with all that is needed to judge it.

    Parameters
    ----------
    about : About
        What was judged.
    gallery_kind : str
        What a candidate stands for.
    gallery_size : int
        Number of candidates.
    levels : tuple of Level
        From the fewest repetitions to the most: the curve.
    confusion : Confusion or None
        At the most repetitions, where candidates have groups.
    windows, sensors : Ablation or None
        What hiding parts costs.
    ideal : tuple of IdealAccuracy
        What nobody can beat, where it is known: with simulated subjects.
    """

    about: About
    gallery_kind: str
    gallery_size: int
    levels: tuple[Level, ...]
    confusion: Confusion | None = None
    windows: Ablation | None = None
    sensors: Ablation | None = None
    ideal: tuple[IdealAccuracy, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as JSON has them."""
        ready: dict[str, Any] = json.loads(json.dumps(asdict(self), allow_nan=False))
        return ready
