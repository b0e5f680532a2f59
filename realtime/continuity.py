"""Where the stream is torn: missing samples and clock steps, seen in the time stamps.

An ordinary amplifier stamps its samples without jitter, so one and a half sample periods tell a
lost sample; a Bluetooth one may jitter by 30 ms. Calibration therefore measures the threshold
(:func:`measured_gap_s`) and the decoder file stores it.

The sample after a tear carries ``Flag.GAP``; every filter downstream starts afresh from it. The
spec is unchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.types import Chunk, Flag, Float64, StreamSpec

GAP_PERIODS = 1.5
LONGEST_LOSS_S = 60.0  # a longer step is a pause, or another clock: a gap, but no count of samples
_GAP = np.uint16(Flag.GAP)


@dataclass(frozen=True, slots=True)
class ContinuitySettings:
    """What counts as a gap.

    Parameters
    ----------
    gap_s : float or None
        Largest step between two stamps, forward or backward, that is none, in seconds; at least
        one sample period. None means one and a half sample periods.
    """

    gap_s: float | None = None


class Continuity:
    """Flags the sample after each gap or clock step.

    Attributes
    ----------
    gaps : int
        Samples so far that carry GAP, those that the source flagged included.
    lost : int
        Samples estimated to be missing, from the length of the forward gaps of up to a minute.
    """

    settings: ContinuitySettings

    def __init__(self, settings: ContinuitySettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Prepare for a stream, which stays as it is.

        Raises
        ------
        ConfigError
            If ``gap_s`` is shorter than a sample period: every sample would be a gap.
        """
        gap_s = self.settings.gap_s
        if gap_s is not None and not (math.isfinite(gap_s) and gap_s * spec.sfreq >= 1):
            raise ConfigError(
                f"gap_s must be at least one sample period ({1 / spec.sfreq:.6g} s at "
                f"{spec.sfreq:g} Hz), not {gap_s}: raise it, or leave it out for "
                f"{GAP_PERIODS:g} periods"
            )
        self._gap_s = GAP_PERIODS / spec.sfreq if gap_s is None else gap_s
        self._sfreq = spec.sfreq
        self._last = math.nan
        self.gaps = self.lost = 0
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples, those after a gap flagged."""
        if len(chunk) == 0:
            return chunk
        stamps, torn = chunk.stamps, np.zeros(len(chunk), bool)
        if not np.isfinite(stamps).all():
            stamps, torn = self._repaired(stamps)
        # The first sample of a stream follows NaN, which is no gap.
        steps = np.diff(stamps, prepend=self._last)
        self._last = float(stamps[-1])
        torn |= np.abs(steps) > self._gap_s
        if torn.any():
            for step_s in steps[torn]:
                # A clock that was set back, or forward by minutes, tells nothing.
                if 0 < step_s <= LONGEST_LOSS_S:
                    self.lost += max(samples(float(step_s), self._sfreq) - 1, 0)
            flags = chunk.flags | torn * _GAP
            chunk = Chunk(chunk.data, stamps, flags, chunk.index, chunk.received_s)
        self.gaps += int(np.count_nonzero(chunk.flags & _GAP))
        return chunk

    def _repaired(self, stamps: Float64) -> tuple[Float64, NDArray[np.bool_]]:
        """Return stamps in which what is no time goes on from the one before, and where it is."""
        stamps, bad = stamps.copy(), ~np.isfinite(stamps)
        before_s = 0.0 if math.isnan(self._last) else self._last
        for i in range(len(stamps)):
            if bad[i]:
                stamps[i] = before_s + 1 / self._sfreq
            before_s = float(stamps[i])
        return stamps, bad

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0


def measured_gap_s(stamps: Float64, sfreq: float) -> float:
    """Return the ``gap_s`` that suits a stream's own jitter.

    It is 1.5 sample periods, and twice what the 99.9th percentile of the steps between stamps
    (forward and backward) has over one period: without jitter, one lost sample is a gap; with
    it, only what is well beyond the ordinary. The percentile is an observed step, never one
    interpolated towards the largest, so that a few true gaps in the recording do not raise it.

    Parameters
    ----------
    stamps : array of shape (n_samples,), float64
        Time stamps as received, in seconds; a minute of them gives a steady figure.
    sfreq : float
        Nominal rate in Hz.

    Raises
    ------
    CalibrationError
        If there are fewer than two stamps.
    """
    if len(stamps) < 2:
        raise CalibrationError(
            f"expected at least 2 time stamps to measure jitter, not {len(stamps)}: record more"
        )
    steps = np.abs(np.diff(stamps))
    jitter_s = float(np.percentile(steps, 99.9, method="lower"))
    return GAP_PERIODS / sfreq + 2 * max(0.0, jitter_s - 1 / sfreq)
