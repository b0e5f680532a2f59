"""From measures to a state with its reason.

A channel's state is the worst that any measure gives it. It follows slowly: it worsens once every
report of half a second says so, and improves once every report of two seconds does, to the mildest
or the worst of them. So a blink changes nothing, and nothing flickers at a limit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.quality.layout import STATES
from saccade.realtime.quality.settings import BELOW, QualitySettings
from saccade.realtime.types import Float64, State

_Levels = NDArray[np.int8]
MOST_REASONS = 2
BAD = STATES.index("bad")


@dataclass(frozen=True, slots=True)
class Rule:
    """What a measure is held against, and how it is said when it does not hold."""

    measure: str
    limit: str
    words: str


RULES = (
    Rule("usable", "usable", "only {value:.0%} of the last 2 s is there"),
    Rule("full_scale", "full_scale", "reaches {value:.0%} of the amplifier's full scale"),
    Rule("flat_s", "flat_s", "has not changed for {value:.1f} s"),
    Rule("clipped", "clipped", "{value:.0%} of the last second at one extreme value: railed"),
    Rule("amplitude_uv", "low_uv", "{value:.2f} µV, hardly any signal"),
    Rule("amplitude_uv", "high_uv", "{value:.0f} µV, too large for an EEG"),
    Rule("deviation_z", "deviation_z", "{value:.1f} robust SD larger than the other channels"),
    Rule("line_ratio", "line_ratio", "{line_hz:g} Hz mains are {value:.1f} times the EEG"),
    Rule("hf_ratio", "hf_ratio", "above 30 Hz {value:.2f} of what is below: muscle or contact"),
    Rule("drift_uv", "drift_uv", "wandered {value:.0f} µV in 10 s"),
    Rule("impedance_kohm", "impedance_kohm", "impedance {value:.0f} kΩ"),
    Rule("correlation", "correlation", "correlates {value:.2f} with the others at best"),
    Rule(
        "predictability", "predictability", "correlates {value:.2f} with what its neighbours tell"
    ),
    Rule("ransac", "ransac", "disagreed with the others in {value:.0%} of the last minute"),
    Rule("bridge_uv", "bridge_uv", "differs by {value:.2f} µV from {other}: bridged?"),
)
"""In the order in which reasons are given: what explains the others comes first."""

RANSAC = [rule.measure for rule in RULES].index("ransac")


def levels(measures: Mapping[str, Float64], settings: QualitySettings) -> _Levels:
    """Return what each rule says of each channel.

    Parameters
    ----------
    measures : mapping of str to array of shape (n_channels,), float64
        By name; all that the rules name.
    settings : QualitySettings
        The limits.

    Returns
    -------
    array of shape (n_rules, n_channels), int8
        0 good, 1 doubtful, 2 bad; 0 where a measure is NaN.
    """
    rows = []
    for rule in RULES:
        values, (doubtful, bad) = measures[rule.measure], getattr(settings, rule.limit)
        if rule.limit in BELOW:
            rows.append((values < doubtful).astype(np.int8) + (values < bad))
        else:
            rows.append((values > doubtful).astype(np.int8) + (values > bad))
    return np.array(rows, np.int8)


class Verdict:
    """Keeps the state of each channel.

    Parameters
    ----------
    n_channels : int
        How many.
    settings : QualitySettings
        The limits.
    reports_per_s : float
        How often :meth:`step` is called, a second of signal.
    """

    def __init__(self, n_channels: int, settings: QualitySettings, reports_per_s: float) -> None:
        self._settings = settings
        self._n_worse = max(1, round(settings.worse_after_s * reports_per_s))
        self._n_better = max(1, round(settings.better_after_s * reports_per_s))
        self.levels = np.zeros(n_channels, np.int8)
        self._worse = np.zeros(n_channels, int)  # reports in a row
        self._better = np.zeros(n_channels, int)
        self._mildest = np.zeros(n_channels, np.int8)  # of the worse ones in a row
        self._worst = np.zeros(n_channels, np.int8)  # of the better ones in a row
        self._ransac_alone = np.zeros(n_channels, np.bool_)
        self._said = [[""] * n_channels for _ in STATES]  # newest reason, by level

    @property
    def states(self) -> tuple[State, ...]:
        """The state of each channel in words."""
        return tuple(STATES[level] for level in self.levels)

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why each channel is in its state; empty for a good one."""
        return tuple(self._said[level][i] for i, level in enumerate(self.levels))

    @property
    def bad(self) -> NDArray[np.bool_]:
        """Which channels are bad."""
        return np.asarray(self.levels == BAD)

    @property
    def bad_by_ransac_alone(self) -> NDArray[np.bool_]:
        """Which are, but would not be if it were not for RANSAC's newest word."""
        return np.asarray(self.bad & self._ransac_alone)

    def step(self, measures: Mapping[str, Float64], line_hz: float, others: Sequence[str]) -> None:
        """Take the measures of a report.

        Parameters
        ----------
        measures : mapping of str to array of shape (n_channels,), float64
            By name.
        line_hz : float
            Mains frequency that they were taken at.
        others : sequence of str
            Which channel each is most alike.
        """
        judged = levels(measures, self._settings)
        now = judged.max(axis=0)
        without = np.delete(judged, RANSAC, axis=0).max(axis=0)
        self._ransac_alone = (now == BAD) & (without < BAD)
        for i in np.flatnonzero(now).tolist():
            broken = [r for r, level in zip(RULES, judged[:, i], strict=True) if level == now[i]]
            self._said[now[i]][i] = "; ".join(
                rule.words.format(value=measures[rule.measure][i], line_hz=line_hz, other=others[i])
                for rule in broken[:MOST_REASONS]
            )
        worse, better = now > self.levels, now < self.levels
        self._mildest = np.where(self._worse > 0, np.minimum(self._mildest, now), now)
        self._worst = np.where(self._better > 0, np.maximum(self._worst, now), now)
        self._worse = np.where(worse, self._worse + 1, 0)
        self._better = np.where(better, self._better + 1, 0)
        fall, rise = self._worse >= self._n_worse, self._better >= self._n_better
        self.levels = np.where(fall, self._mildest, np.where(rise, self._worst, self.levels))
        self._worse[fall] = 0
        self._better[rise] = 0
