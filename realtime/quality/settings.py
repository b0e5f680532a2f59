"""What counts as a good channel: every threshold of the quality monitor, in one frozen value.

A limit is a pair: beyond its first number a channel is doubtful, beyond its second it is bad.
"Beyond" is above for most measures and below for those of which there should be much. What no
measure can reach switches a limit off: the end of its range, or where it has none a large number,
such as 1e9.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

from saccade.realtime.errors import ConfigError

Limit = tuple[float, float]

BELOW = frozenset({"usable", "low_uv", "correlation", "predictability", "bridge_uv"})
"""Limits that a measure should stay above."""

RANGES = {
    "usable": (0.0, 1.0),
    "clipped": (0.0, 1.0),
    "correlation": (0.0, 1.0),
    "predictability": (-1.0, 1.0),
    "ransac": (0.0, 1.0),
}
"""What a limit may be; the others are at least 0."""


@dataclass(frozen=True, slots=True)
class QualitySettings:
    """Thresholds of the monitor; the defaults suit gel or saline electrodes on any amplifier.

    Parameters
    ----------
    full_scale_uv : float or None
        Largest value that the amplifier can give, in µV; None if it is not known.
    line_hz : float or None
        Mains frequency in Hz, 20 to 100; None for 50 or 60, whichever is stronger.
    gap_s : float
        A longer step between two time stamps, forward or backward, begins the windows anew, in s,
        unless the stamps are only late (:mod:`~saccade.realtime.quality.tears`).
    worse_after_s, better_after_s : float
        A state changes for the worse, or the better, once every report of that time says so.
    usable : pair of float, 0 to 1
        Share of the last 2 s that arrived and is a number. Ours.
    full_scale : pair of float
        Largest magnitude in the last second, of full scale. OpenBCI GUI: 0.75 and 0.90.
    clipped : pair of float, 0 to 1
        Share of the last second at its own very largest or smallest value. Ours: a sine has a
        tenth of its time within 1.2 % of an extreme, a signal has next to nothing exactly there.
    flat_s : pair of float
        Time without a change, in s. clean_rawdata: 5; a second is doubtful already.
    low_uv, high_uv : pairs of float
        Amplitude (robust SD, 1 to 40 Hz), in µV. EEG-ExPy waits for 1 to 9, 15 or 18 by device
        before it lets a session begin (the presets do so); these hold for any.
    deviation_z : pair of float
        Amplitude above that of the other channels, in robust SD of its logarithm. PREP: 5 of the
        amplitude itself. A quiet channel is none the worse: near the reference every channel is.
    line_ratio : pair of float
        Mains against the EEG between 1 and 40 Hz. No standard is known; a notch filter removes
        what is doubtful here, and a good electrode seldom picks up what is bad.
    hf_ratio : pair of float
        Density above 30 Hz against that below; 1 is white noise. Ours.
    drift_uv : pair of float
        How far the one-second mean has wandered within 10 s, in µV. Ours.
    correlation : pair of float, 0 to 1
        98th percentile of the correlation with the other channels. PREP: 0.4.
    predictability : pair of float, -1 to 1
        Correlation with the spline through the other channels. Ours; see ``ransac``.
    ransac : pair of float, 0 to 1
        Share of the last minute in which the median of 50 random splines correlates with the
        channel below 0.75. PREP and clean_rawdata: 0.4.
    bridge_uv : pair of float
        SD of the difference to the nearest other channel, in µV: the bridged pair's own noise.
        Never bad, for what both show is still the scalp.
    impedance_kohm : pair of float
        Where the stream carries it, in kΩ.

    Raises
    ------
    ConfigError
        If a number is out of range, or the two of a pair are in the wrong order.
    """

    full_scale_uv: float | None = None
    line_hz: float | None = None
    gap_s: float = 0.1
    worse_after_s: float = 0.5
    better_after_s: float = 2.0
    usable: Limit = (0.95, 0.5)
    full_scale: Limit = (0.75, 0.90)
    clipped: Limit = (0.10, 0.25)
    flat_s: Limit = (1.0, 5.0)
    low_uv: Limit = (0.8, 0.3)
    high_uv: Limit = (40.0, 100.0)
    deviation_z: Limit = (5.0, 10.0)
    line_ratio: Limit = (2.0, 10.0)
    hf_ratio: Limit = (0.8, 1.2)
    drift_uv: Limit = (300.0, 3000.0)
    correlation: Limit = (0.4, 0.2)
    predictability: Limit = (0.5, 0.2)
    ransac: Limit = (0.3, 0.4)
    bridge_uv: Limit = (0.7, 0.0)
    impedance_kohm: Limit = (25.0, 100.0)

    def __post_init__(self) -> None:
        """Refuse what no signal could meet, or what would judge in the wrong order."""
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if isinstance(value, tuple):
                doubtful, bad = value
                if field.name in BELOW:
                    doubtful, bad = bad, doubtful
                least, most = RANGES.get(field.name, (0.0, math.inf))
                if not least <= doubtful <= bad <= most:  # false for NaN, too
                    order = "falling" if field.name in BELOW else "rising"
                    span = f"of {least:g} to {most:g}" if most < math.inf else "of at least 0"
                    raise ConfigError(
                        f"{field.name} must be two {order} numbers {span}, doubtful and "
                        f"bad, not {value[0]:g} and {value[1]:g}: correct them"
                    )
            elif value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{field.name} must be above 0, not {value:g}: correct it")
        if self.line_hz is not None and not 20 <= self.line_hz <= 100:
            raise ConfigError(
                f"line_hz must be a mains frequency of 20 to 100 Hz, not {self.line_hz:g}: "
                "correct it, or leave it out for 50 or 60, whichever is there"
            )
