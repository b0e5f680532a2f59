"""What recursive filters share: carried state, restarts, settling and delay.

The state starts from the first *sample*, as if the channel had stood at that value for ever
(``scipy.signal.sosfilt_zi``), so that an electrode offset of 20 mV makes no step. It starts
afresh at every sample flagged GAP: what came before is not what came directly before. For the
settling time after a start, samples carry ``Flag.SETTLING``; it is the time in which the slowest
pole decays to 1 %. In the recovery time it decays to 2^-24, half the last bit of a float32: from
then on the output is, to rounding, that of a filter that was never restarted.

State and arithmetic are float64. ``scipy.signal.sosfilt`` with carried state computes sample by
sample, so the output is the same to the last bit however the samples are cut into chunks.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
from scipy import signal

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, Flag, FlagArray, Float32, Float64

SETTLED = 0.01
RECOVERED = 2.0**-24
_GAP = np.uint16(Flag.GAP)
_SETTLING = np.uint16(Flag.SETTLING)
_FILLED = np.uint16(Flag.FILLED)
_BRIDGED = np.uint16(Flag.FILLED | Flag.NONFINITE | Flag.CLIPPED)


class Cascade:
    """Second-order sections in a row, on every channel.

    Parameters
    ----------
    sos : array of shape (n_sections, 6), float64
        Sections as scipy has them, poles inside the unit circle, zeros on it.
    sfreq : float
        Rate in Hz.
    n_channels : int
        Number of channels.

    Raises
    ------
    ConfigError
        If a pole does not lie inside the unit circle, so that the filter would never settle.
    """

    def __init__(self, sos: Float64, sfreq: float, n_channels: int) -> None:
        self.sos = sos
        self._sfreq = sfreq
        slowest = max(float(np.abs(np.roots(section[3:])).max(initial=0.0)) for section in sos)
        if slowest >= 1:
            raise ConfigError(
                f"expected a filter whose poles lie inside the unit circle, but one has radius "
                f"{slowest:.17g} at {sfreq:g} Hz: raise its lowest frequency or lower its order"
            )
        self._slowest = slowest
        self._n_settling = self._decay(SETTLED)
        self._rest = signal.sosfilt_zi(sos)[:, :, None]  # (n_sections, 2, 1), for an input of 1
        self._state = np.zeros((len(sos), 2, n_channels))
        self._started = False
        self._settling_left = self._bridged_left = 0

    @property
    def settling_s(self) -> float:
        """Settling time in seconds."""
        return self._n_settling / self._sfreq

    @property
    def recovery_s(self) -> float:
        """Recovery time in seconds."""
        return self._decay(RECOVERED) / self._sfreq

    def step(self, chunk: Chunk) -> Chunk:
        """Return the filtered samples."""
        n = len(chunk)
        if n == 0:
            return chunk
        fresh = not self._started
        if not (chunk.flags.any() or fresh or self._settling_left or self._bridged_left):
            data = self._filter(chunk.data)
            return Chunk(data, chunk.stamps, chunk.flags, chunk.index, chunk.received_s)
        starts = np.flatnonzero(chunk.flags & _GAP)
        data = np.empty(chunk.data.shape, np.float32)
        flags = chunk.flags.copy()
        restarts = {*starts.tolist(), *([0] if fresh else [])}
        edges = [*sorted(restarts | {0}), n]
        for start, stop in itertools.pairwise(edges):
            if start in restarts:
                self._state = self._rest * chunk.data[start].astype(np.float64)
                self._settling_left = self._n_settling
                self._bridged_left = 0
            data[start:stop] = self._filter(chunk.data[start:stop])
            settling = min(self._settling_left, stop - start)
            flags[start : start + settling] |= _SETTLING
            self._settling_left -= settling
            flags[start:stop] |= self._bridged(chunk.flags[start:stop])
        self._started = True
        return Chunk(data, chunk.stamps, flags, chunk.index, chunk.received_s)

    def delay_s(self, freq_hz: float) -> float:
        """Return the group delay at a frequency, in seconds.

        The zeros lie on the unit circle, so each numerator alone delays all frequencies by half
        its degree, and only the poles have to be evaluated.
        """
        turn = np.exp(-2j * np.pi * freq_hz / self._sfreq * np.arange(3))
        n_samples = 0.0
        for section in self.sos:
            numerator, denominator = section[:3], section[3:]
            n_samples += float(np.flatnonzero(numerator).sum()) / np.count_nonzero(numerator)
            slope = (np.arange(3) * denominator) @ turn
            n_samples -= float((slope / (denominator @ turn)).real)
        return n_samples / self._sfreq

    def _bridged(self, flags: FlagArray) -> FlagArray:
        """Return FILLED where what was held or filled in less than the settling time ago is left.

        Parameters
        ----------
        flags : array of shape (n_samples,), uint16
            Of samples between two restarts, as they come in.
        """
        rows = np.arange(len(flags))
        # Where the newest such sample is; one before these counts from where it ceases to matter.
        newest = np.where(flags & _BRIDGED, rows, self._bridged_left - self._n_settling - 1)
        newest = np.maximum.accumulate(newest)
        left = newest + self._n_settling - rows
        self._bridged_left = max(0, int(left[-1]))
        return np.where(left >= 0, _FILLED, np.uint16(0))

    def _decay(self, part: float) -> int:
        """Return in how many samples the slowest pole decays to a part."""
        # A pole at the origin forgets at once.
        return math.ceil(math.log(part) / math.log(self._slowest)) if self._slowest else 0

    def _filter(self, data: Float32) -> Float32:
        out: Float64
        out, self._state = signal.sosfilt(self.sos, data.astype(np.float64), axis=0, zi=self._state)
        return out.astype(np.float32)
