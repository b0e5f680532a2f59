"""Seconds to samples, in the one place that does it."""

from __future__ import annotations

import math

from saccade.realtime.errors import ConfigError


def samples(duration_s: float, sfreq: float, what: str = "duration", *, exact: bool = False) -> int:
    """Return a duration as a number of samples, rounded to the nearest (half away from zero).

    Truncating a float product loses samples (0.29 s at 100 Hz is 28.999…, hence 28); rounding
    does not. The rounded value is up to half a sample from the request; ``exact`` refuses that.

    Parameters
    ----------
    duration_s : float
        Duration in seconds; may be negative (a time before an event).
    sfreq : float
        Sampling rate in Hz, above 0.
    what : str
        Name of the setting, for the error message.
    exact : bool
        Refuse a duration further than a thousandth of a sample from a whole number.

    Returns
    -------
    int
        Number of samples.

    Raises
    ------
    ConfigError
        If either number is not finite, the rate is not above 0, or ``exact`` is not met.
    """
    if not (math.isfinite(duration_s) and math.isfinite(sfreq) and sfreq > 0):
        raise ConfigError(
            f"{what} must be a finite time at a rate above 0 Hz, "
            f"not {duration_s} s at {sfreq} Hz: correct one of the two"
        )
    wanted = duration_s * sfreq
    count = math.floor(abs(wanted) + 0.5)
    if exact and abs(abs(wanted) - count) > 1e-3:
        raise ConfigError(
            f"{what} must be a whole number of samples, but {duration_s} s at {sfreq} Hz is "
            f"{wanted:.3f}: use {count / sfreq:.6g} s"
        )
    return count if wanted >= 0 else -count
