"""What is done to one epoch once it is cut: baseline and crop.

An epoch has a fixed shape, so none of this can depend on how the samples arrived.
"""

from __future__ import annotations

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.types import Float32


def columns(
    span_s: tuple[float, float], tmin_s: float, n_times: int, sfreq: float, what: str
) -> slice:
    """Return the columns of an epoch that a span of time covers.

    Parameters
    ----------
    span_s : (float, float)
        First and last time relative to onset, in seconds; the last sample is left out.
    tmin_s : float
        Time of the epoch's first column, in seconds.
    n_times : int
        Number of columns.
    sfreq : float
        Rate in Hz.
    what : str
        Name of the setting, for the message.

    Raises
    ------
    ConfigError
        If the span is empty or reaches outside the epoch.
    """
    first = samples(tmin_s, sfreq, what)
    start, stop = (samples(t, sfreq, what) - first for t in span_s)
    if not 0 <= start < stop <= n_times:
        end_s = (first + n_times) / sfreq
        raise ConfigError(
            f"{what} must be a span inside the epoch ({tmin_s:g} to {end_s:g} s), first time "
            f"before last, not {span_s[0]:g} to {span_s[1]:g} s: change one of the two"
        )
    return slice(start, stop)


def subtract_baseline(data: Float32, span: slice) -> Float32:
    """Return the epoch less each channel's mean over some columns (summed in float64).

    Parameters
    ----------
    data : array of shape (n_channels, n_times), float32
        The epoch.
    span : slice
        Columns to average.
    """
    mean = np.mean(data[:, span], axis=1, dtype=np.float64, keepdims=True)  # (n_channels, 1)
    return np.asarray(data - mean, np.float32)
