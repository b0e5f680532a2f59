"""Which channels are bad, judged while the signal goes by and the same for every chunking.

Windows of 2 s, one every half second, hang on sample numbers: they begin with the first sample
after a start or gap that no filter's settling touches. In each, a channel is bad if

* it is flat: its peak-to-peak amplitude is below ``flat_uv``;
* it is loud: the logarithm of its robust amplitude is more than ``loud_z`` robust deviations
  above the median channel's (:func:`~saccade.realtime.quality.measures.outlier_z`);
* it is lonely: the 98th percentile of its correlations with the others is below ``lonely_r``
  (:func:`~saccade.realtime.quality.measures.correlation`).

The measures and limits of the latter two are those of the PREP pipeline (Bigdely-Shamlo et al.
2015, Front. Neuroinform. 9:16). A quiet channel is not bad: near the reference every channel is.

Ten bad windows in a row make a channel bad, or four if it is flat by then; twenty good ones make it
good again. So blinks, each of which lies in up to five windows, or a touch change nothing, and a
loose contact is not let in and out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import ConfigError
from saccade.realtime.quality.measures import correlation, covariance, outlier_z, robust_sd
from saccade.realtime.sampling import samples
from saccade.realtime.types import Flag, FlagArray, Float32

WINDOW_S, HOP_S = 2.0, 0.5
N_FLAT, N_BAD, N_GOOD = 4, 10, 20  # windows in a row: 3.5, 6.5 and 11.5 s of signal
_RESTART = np.uint16(Flag.GAP)
_UNSETTLED = np.uint16(Flag.SETTLING)

Verdict = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Limits:
    """From where on a channel is bad; see the module.

    Parameters
    ----------
    flat_uv : float
        Least peak-to-peak amplitude, in µV; at least 0.
    loud_z : float
        Most robust deviations above the median channel; above 0.
    lonely_r : float
        Least correlation with the others, 0 to 1.
    """

    flat_uv: float
    loud_z: float
    lonely_r: float

    def __post_init__(self) -> None:
        """Refuse limits that judge nothing, or everything."""
        if not (self.flat_uv >= 0 and self.loud_z > 0 and 0 <= self.lonely_r < 1):
            raise ConfigError(
                "limits of repair must be flat_uv at least 0 µV, loud_z above 0 and lonely_r "
                f"from 0 to below 1, not {self.flat_uv:g} µV, {self.loud_z:g} and "
                f"{self.lonely_r:g}: correct them"
            )


def bad_in_window(window: Float32, limits: Limits) -> tuple[Verdict, Verdict]:
    """Return which channels are bad in one window, and which of them because they are flat.

    Parameters
    ----------
    window : array of shape (n_samples, n_channels), float32
        Filtered signal in µV, at least two channels.
    limits : Limits
        Of the three measures.

    Returns
    -------
    bad, flat : arrays of shape (n_channels,), bool
    """
    signal = np.ascontiguousarray(window.T, np.float64)
    flat = np.ptp(signal, axis=1) < limits.flat_uv
    loud = outlier_z(robust_sd(signal)) > limits.loud_z
    lonely = correlation(covariance(signal)) < limits.lonely_r
    return np.asarray(flat | loud | lonely), flat


class BadChannels:
    """Keeps the verdict on each channel up to date.

    Parameters
    ----------
    limits : Limits
        Of the measures.
    sfreq : float
        Rate in Hz.
    n_channels : int
        Number of channels that are judged.
    """

    def __init__(self, limits: Limits, sfreq: float, n_channels: int) -> None:
        self._limits = limits
        self._hop = samples(HOP_S, sfreq, "hop")
        self._window = np.zeros((samples(WINDOW_S, sfreq, "window"), n_channels), np.float32)
        self._filled = 0
        self._bad = np.zeros(n_channels, bool)
        self._in_a_row = np.zeros(n_channels, np.int64)  # windows that contradict the verdict

    def step(self, data: Float32, flags: FlagArray) -> list[tuple[int, Verdict]]:
        """Take samples; return each new verdict, with how many of them it was made from.

        Parameters
        ----------
        data : array of shape (n_samples, n_channels), float32
            The next samples.
        flags : array of shape (n_samples,), uint16
            Theirs.
        """
        changes = []
        start, n = 0, len(data)
        restarts = np.flatnonzero(flags & (_RESTART | _UNSETTLED)).tolist()
        for restart in [*restarts, n]:
            while start < restart:
                stop = min(restart, start + len(self._window) - self._filled)
                self._window[self._filled : self._filled + stop - start] = data[start:stop]
                self._filled += stop - start
                start = stop
                if self._filled == len(self._window) and self._judge():
                    changes.append((stop, self._bad.copy()))
            self._filled = 0 if restart < n else self._filled
            if restart < n and flags[restart] & _UNSETTLED:
                start = restart + 1
        return changes

    def _judge(self) -> bool:
        """Judge the window, make room for the next; return whether a verdict has changed."""
        bad, flat = bad_in_window(self._window, self._limits)
        self._filled -= self._hop
        self._window[: self._filled] = self._window[self._hop :]
        self._in_a_row = np.where(bad != self._bad, self._in_a_row + 1, 0)
        needed = np.where(self._bad, N_GOOD, np.where(flat, N_FLAT, N_BAD))
        changed = self._in_a_row >= needed
        self._bad = self._bad ^ changed
        self._in_a_row[changed] = 0
        return bool(changed.any())
