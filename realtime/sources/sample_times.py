"""When the samples of a file were taken, by its stamps, its rate, or both."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.formats.contents import Samples
from saccade.realtime.sources.formats.xdf_clock import MOST_S
from saccade.realtime.types import Float64

SLOWEST_HZ, FASTEST_HZ = 16.0, 50e3  # of what is decoded
_UNITS = {"ms": 1e3, "µs": 1e6, "ns": 1e9}  # that stamps may be in by mistake, in a second
RATE_TOLERANCE = 0.01  # between the rate that is said and that of the time stamps


def sample_times(
    path: Path, signal: Samples, given: float | None, *, is_table: bool
) -> tuple[float, Float64]:
    """Return rate in Hz and stamps, and refuse a rate that the stamps of a table contradict.

    What a live sender states is taken as a live session takes it; how much it delivered is for
    ``replay --info`` to say. A file without stamps of its own contradicts a rate only if that is
    given beside it.

    Raises
    ------
    RecordingError
        If stamps and rate do not say when each sample was taken.
    """
    stamps = signal.stamps
    rate = given or signal.sfreq or _rate_of(path, stamps)
    if not (np.isfinite(rate) and rate > 0):
        raise RecordingError(f"{path.name} should have a rate above 0 Hz, not {rate}: correct it")
    if stamps is None:
        return float(rate), np.arange(len(signal.data)) / rate
    no_times = ~(np.abs(stamps) < MOST_S)
    if no_times.any():
        raise RecordingError(
            f"{path.name} has {np.count_nonzero(no_times)} time stamps that are no time in "
            "seconds: repair them"
        )
    implied = implied_rate(stamps)
    independent = is_table or given is not None
    if independent and abs(implied - rate) > RATE_TOLERANCE * rate:
        units = (u for u, n in _UNITS.items() if abs(n * implied - rate) <= RATE_TOLERANCE * rate)
        unit = next(units, None)
        advice = (
            f"they look like {unit}, write them in s" if unit else "correct --sfreq, or the file"
        )
        raise RecordingError(
            f"{path.name} is said to have {rate:g} Hz, but its time stamps have {implied:.3f}: "
            f"{advice}"
        )
    return float(rate), stamps


def _rate_of(path: Path, stamps: Float64 | None) -> float:
    """Return the rate that the stamps imply: samples over time, to the whole Hz it is near."""
    if stamps is None:
        raise RecordingError(
            f"{path.name} has neither time stamps nor a rate: say its rate with --sfreq"
        )
    mean = implied_rate(stamps)
    if not np.isfinite(mean) or round(mean) < 1 or abs(mean - round(mean)) > 0.005 * mean:
        rates = (u for u, n in _UNITS.items() if SLOWEST_HZ <= n * mean <= FASTEST_HZ)
        unit = next(rates, None) if mean < 1 else None
        advice = f"they look like {unit}, write them in s" if unit else "say its rate with --sfreq"
        raise RecordingError(
            f"{path.name} has time stamps at {mean:.4g} Hz, which is not near a whole number: "
            f"{advice}"
        )
    return float(round(mean))


def implied_rate(stamps: Float64) -> float:
    """Return samples over time in Hz, gaps and clocks that were set left out; 0 without time.

    Left out are steps of more than twenty ordinary ones. The ordinary step is the mean of those
    below a second rather than the median, which is 0 where samples are stamped in bursts.
    """
    steps = np.diff(stamps[np.isfinite(stamps)])
    sizes = np.abs(steps)
    short = sizes[sizes < 1]
    ordinary_s = float(short.mean() if len(short) else np.median(sizes)) if len(steps) else 0.0
    steps = steps[sizes < 20 * ordinary_s]
    total_s = float(steps.sum())
    return len(steps) / total_s if total_s > 0 else 0.0
