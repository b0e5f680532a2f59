"""When light came, measured by a photodiode beside the signal, against when markers say it did.

A marker is stamped when the program learns that a frame has begun; light comes later, by the
display's own delay, and the amplifier's samples have stamps with a delay of their own. A constant
offset does no harm as long as calibration and use share it. What does is jitter, which smears the
response, and pictures that are shown for other than the asked number of frames, which no
program's own stamps reveal. Both are seen here.

The diode's channel is cut at the middle between its dark and its light level. An edge counts once
the signal has come from the lower quarter to the upper one, so that noise at the middle makes none,
and its time is found between two samples by a straight line.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import Float32, Float64

LEVELS_PERCENT = (5.0, 95.0)  # of the samples around flashes: dark, light
QUARTERS = (0.25, 0.75)
CONTRAST = 10.0  # of the levels to the noise of the dark one
SPREAD_PERCENT = (5.0, 95.0)


@dataclass(frozen=True, slots=True)
class TimingSettings:
    """What a screen and an amplifier must achieve together.

    Parameters
    ----------
    spread_ms : float
        The most that the middle 90 % of the offsets may span, in ms. Ten is what BciPy tolerates,
        and less than a frame at 60 Hz.
    missed_share : float
        The largest share of flashes that may not be seen, or of others that may, 0 to 1.
    least_flashes : int
        How many must be seen at least.
    """

    spread_ms: float = 10.0
    missed_share: float = 0.02
    least_flashes: int = 20

    def __post_init__(self) -> None:
        """Refuse limits that nothing or anything meets."""
        if not (math.isfinite(self.spread_ms) and self.spread_ms > 0):
            raise ConfigError(f"spread_ms must be above 0, not {self.spread_ms:g}")
        if not 0 <= self.missed_share < 1:
            raise ConfigError(f"missed_share must be 0 to below 1, not {self.missed_share:g}")
        if self.least_flashes < 2:
            raise ConfigError(f"least_flashes must be at least 2, not {self.least_flashes}")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long after its marker the light of a flash came, over many flashes.

    Parameters
    ----------
    flashes, found : int
        How many markers there were, and how many had light of their own.
    missed, extra : int
        Markers without light, and light without a marker.
    offset_ms : float
        From marker to light, median; below 0 where the amplifier's stamps are late.
    sd_ms : float
        Standard deviation of that.
    p5_ms, p95_ms, min_ms, max_ms : float
        Its 5th and 95th percentile, and extremes.
    on_ms, on_p5_ms, on_p95_ms : float
        How long light stayed: median, 5th and 95th percentile.
    asked_on_ms : float
        How long it should have.
    sample_ms : float
        Distance of two samples of the diode's channel.
    """

    flashes: int
    found: int
    missed: int
    extra: int
    offset_ms: float
    sd_ms: float
    p5_ms: float
    p95_ms: float
    min_ms: float
    max_ms: float
    on_ms: float
    on_p5_ms: float
    on_p95_ms: float
    asked_on_ms: float
    sample_ms: float

    @property
    def spread_ms(self) -> float:
        """What the middle 90 % of the offsets span, in ms."""
        return self.p95_ms - self.p5_ms

    def asdict(self) -> dict[str, Any]:
        """Return it JSON-ready, rounded to a microsecond."""
        content = dataclasses.asdict(self) | {"spread_ms": self.spread_ms}
        return {
            key: round(value, 3) if isinstance(value, float) else value
            for key, value in content.items()
        }


def measure(
    light: Float32,
    stamps_s: Float64,
    flashes_s: Float64,
    on_s: float,
) -> Timing:
    """Compare the light that a photodiode saw with the markers of the flashes.

    Light belongs to the marker nearest to it, if that is not further than half the shortest
    distance of two markers.

    Parameters
    ----------
    light : array of shape (n,), float32
        The diode's channel, in any unit, bright up or bright down.
    stamps_s : array of shape (n,), float64
        Its samples' times, in seconds, not falling.
    flashes_s : array of shape (m,), float64
        The markers' times on the same clock, rising.
    on_s : float
        How long each flash was to last, in seconds.

    Returns
    -------
    Timing
        The figures; :func:`require` judges them.

    Raises
    ------
    CalibrationError
        If there are fewer than two flashes, or the diode saw nothing.
    """
    if len(flashes_s) < 2:
        raise CalibrationError(
            f"the timing test needs flashes, but {len(flashes_s)} markers came: does the recording "
            "have the stimulus window's marker stream?"
        )
    reach_s = float(np.diff(flashes_s).min()) / 2
    around = (stamps_s >= flashes_s[0] - reach_s) & (stamps_s <= flashes_s[-1] + on_s + reach_s)
    times_s, level = stamps_s[around], _level(light[around])
    onsets_s = _edges(level, times_s)
    ends_s = _edges(1.0 - level, times_s)
    offsets_s = np.full(len(flashes_s), np.nan)
    lasted_s = []
    for onset_s in onsets_s:
        flash = int(np.abs(flashes_s - onset_s).argmin())
        offset_s = onset_s - flashes_s[flash]
        if abs(offset_s) > reach_s or not math.isnan(offsets_s[flash]):
            continue
        offsets_s[flash] = offset_s
        after = ends_s[ends_s > onset_s]
        if len(after):
            lasted_s.append(after[0] - onset_s)
    found_ms = 1e3 * offsets_s[~np.isnan(offsets_s)]
    if not len(found_ms) or not lasted_s:
        raise CalibrationError(
            f"none of {len(flashes_s)} flashes was seen by the photodiode within "
            f"{1e3 * reach_s:.0f} ms of its marker: does it look at the window's square?"
        )
    low, high = np.percentile(found_ms, SPREAD_PERCENT)
    on_ms = 1e3 * np.array(lasted_s)
    on_low, on_high = np.percentile(on_ms, SPREAD_PERCENT)
    return Timing(
        flashes=len(flashes_s),
        found=len(found_ms),
        missed=len(flashes_s) - len(found_ms),
        extra=len(onsets_s) - len(found_ms),
        offset_ms=float(np.median(found_ms)),
        sd_ms=float(found_ms.std()),
        p5_ms=float(low),
        p95_ms=float(high),
        min_ms=float(found_ms.min()),
        max_ms=float(found_ms.max()),
        on_ms=float(np.median(on_ms)),
        on_p5_ms=float(on_low),
        on_p95_ms=float(on_high),
        asked_on_ms=1e3 * on_s,
        sample_ms=1e3 * float(np.median(np.diff(times_s))),
    )


def require(timing: Timing, settings: TimingSettings) -> None:
    """Refuse a screen that decoding can't be built on.

    Raises
    ------
    CalibrationError
        If too few flashes were seen, too many missed or made up, or their offsets spread too
        widely.
    """
    if timing.found < settings.least_flashes:
        raise CalibrationError(
            f"the timing test needs {settings.least_flashes} flashes that the photodiode saw, but "
            f"there are {timing.found} of {timing.flashes}: ask for more, or move the diode onto "
            "the square"
        )
    most = settings.missed_share * timing.flashes
    if timing.missed > most or timing.extra > most:
        raise CalibrationError(
            f"the photodiode missed {timing.missed} of {timing.flashes} flashes and saw "
            f"{timing.extra} that were none, and at most {most:.0f} of each are allowed: shield it "
            "from other light, and let nothing else draw while pictures are shown"
        )
    if timing.spread_ms > settings.spread_ms:
        raise CalibrationError(
            f"light comes {timing.p5_ms:.1f} to {timing.p95_ms:.1f} ms after its marker, a spread "
            f"of {timing.spread_ms:.1f} ms where {settings.spread_ms:g} are allowed: use a screen "
            "with a fixed rate, full screen, without a compositor, and close what else draws"
        )


def _level(light: Float32) -> Float64:
    """Return the light from 0 (dark) to 1, refusing a diode that sees no difference."""
    values = np.asarray(light, np.float64)
    low, high = np.percentile(values, LEVELS_PERCENT) if len(values) else (0.0, 0.0)
    steps = np.abs(np.diff(values))
    noise = float(np.median(steps)) / 0.954 if len(steps) else 0.0  # of a normal difference
    if not (math.isfinite(high - low) and high - low > CONTRAST * noise and high > low):
        raise CalibrationError(
            f"the photodiode's channel is flat: dark {low:.4g}, light {high:.4g}, noise "
            f"{noise:.2g}; does it look at the window's square, and is this its channel?"
        )
    level: NDArray[np.float64] = (values - low) / (high - low)
    if np.median(level) > 0.5:  # between flashes it is dark for longer
        level = 1.0 - level
    return level


def _edges(level: Float64, times_s: Float64) -> Float64:
    """Return when the level rises through the middle, (n_edges,), in seconds."""
    low, high = QUARTERS
    middle = (low + high) / 2
    where = np.where(level > high, 1, np.where(level < low, -1, 0))
    decided = np.flatnonzero(where)
    risen = decided[1:][np.diff(where[decided]) == 2]
    edges = []
    for index in risen:
        above = index
        while level[above - 1] >= middle:
            above -= 1
        share = (middle - level[above - 1]) / (level[above] - level[above - 1])
        edges.append(times_s[above - 1] + share * (times_s[above] - times_s[above - 1]))
    return np.array(edges, dtype=np.float64)
