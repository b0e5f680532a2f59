"""Speed against accuracy: what other thresholds, or fixed numbers of epochs, would have given."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from scipy.stats import binomtest

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.information import mutual_bits, wolpaw_bits
from saccade.realtime.evidence.rehearsal import Notes
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import Decision

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)


@dataclass(frozen=True, slots=True)
class Point:
    """What one rule gave.

    Parameters
    ----------
    rule : {"threshold", "repetitions"}
        What ended the evidence, beside deadlines and the ends of trials.
    value : float
        The threshold, or the number of epochs.
    n : int
        Trials whose truth is known; all figures are of these.
    decided : float
        Share of them in which something was chosen.
    right : float or None
        Share of the decided that are right; None if there is none.
    ci95 : (float, float) or None
        Wilson's interval of it.
    mean_epochs, mean_s : float
        Epochs that counted, and seconds from the beginning of a trial to its end, abstained or not.
    wolpaw_bits_per_min : float
        :func:`~saccade.realtime.evidence.information.wolpaw_bits` of a decided trial, times the
        share decided, over the mean duration.
    mutual_bits_per_min : float
        :func:`~saccade.realtime.evidence.information.mutual_bits` over the mean duration.
    """

    rule: Literal["threshold", "repetitions"]
    value: float
    n: int
    decided: float
    right: float | None
    ci95: tuple[float, float] | None
    mean_epochs: float
    mean_s: float
    wolpaw_bits_per_min: float
    mutual_bits_per_min: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def speed_accuracy(
    notes: Notes,
    settings: EvidenceSettings,
    thresholds: Sequence[float] = THRESHOLDS,
    repetitions: Sequence[int] = (),
) -> list[Point]:
    """Return what other thresholds and fixed numbers of epochs would have given.

    A threshold replaces that of the settings and their worth of time; a number of epochs replaces
    every other end but the trial's own and the deadline. What is below ``floor`` is abstained, but
    no floor is above the threshold. Pauses between trials are not counted.

    Where trials have bounds, what was meant is read off all of their epochs, whichever of them a
    rule has looked at: else the trials whose truth is known would be chosen by what was decided.

    Raises
    ------
    ConfigError
        If no trial has a known truth.
    """
    n_alternatives = notes.n_alternatives(settings)
    plain = dataclasses.replace(settings, worth_per_s=None)
    meant = _meant(notes, settings)

    def decided(rule: EvidenceSettings) -> list[Decision]:
        return [
            dataclasses.replace(d, truth=meant.get((d.started_s, d.item), d.truth))
            for d in notes.decide(rule)
        ]

    points = []
    for value in thresholds:
        ruled = dataclasses.replace(plain, threshold=value, floor=min(settings.floor, value))
        points.append(point("threshold", value, decided(ruled), n_alternatives))
    for number in repetitions:
        fixed = dataclasses.replace(plain, threshold=None, min_epochs=number, max_epochs=number)
        points.append(point("repetitions", number, decided(fixed), n_alternatives))
    return points


def _meant(notes: Notes, settings: EvidenceSettings) -> dict[tuple[float, str | None], str | None]:
    """Return what each trial with bounds was about, by its beginning and item."""
    if not settings.bounded:
        return {}
    whole = dataclasses.replace(
        settings, threshold=None, min_epochs=1, max_epochs=None, deadline_s=None, worth_per_s=None
    )
    return {(d.started_s, d.item): d.truth for d in notes.decide(whole) if d.ending != "reset"}


def point(
    rule: Literal["threshold", "repetitions"],
    value: float,
    decisions: Sequence[Decision],
    n_alternatives: int,
) -> Point:
    """Return the figures of some decisions.

    Raises
    ------
    ConfigError
        If none of them has a known truth.
    """
    known = [d for d in decisions if d.truth is not None and d.ending != "reset"]
    if not known:
        raise ConfigError(
            f"not one of {len(decisions)} trials shows one known thing alone, so that nothing can "
            "be right or wrong: say how trials begin and end (decision.starts, ends, gap_s), and "
            "what markers stand for (--label)"
        )
    chosen = [d for d in known if d.choice is not None]
    hits = sum(d.choice == d.truth for d in chosen)
    mean_s = float(np.mean([d.elapsed_s for d in known]))
    share = hits / len(chosen) if chosen else None
    wolpaw = 0.0 if share is None else wolpaw_bits(share, n_alternatives)
    decided = len(chosen) / len(known)
    mutual = mutual_bits([str(d.truth) for d in known], [d.choice for d in known])
    interval = binomtest(hits, len(chosen)).proportion_ci(method="wilson") if chosen else None
    return Point(
        rule=rule,
        value=value,
        n=len(known),
        decided=decided,
        right=share,
        ci95=None if interval is None else (float(interval.low), float(interval.high)),
        mean_epochs=float(np.mean([d.n_epochs for d in known])),
        mean_s=mean_s,
        wolpaw_bits_per_min=60 * wolpaw * decided / mean_s,
        mutual_bits_per_min=60 * mutual / mean_s,
    )
