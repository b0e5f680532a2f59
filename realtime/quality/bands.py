"""The monitor's own copy of the signal, slower and filtered, however the decoder's is processed.

A hop is brought to 240 to 480 Hz (a stream slower than that stays as it is) and high-passed at
1 Hz, which is what spectra are taken of; below 40 Hz it is what amplitudes and correlations are
taken of. The edge of that low-pass spares the EEG and has 40 dB at 48 Hz, so that mains of either
kind are left to their own measure. All is causal; nothing here reaches a decoder.
"""

from __future__ import annotations

import numpy as np
from scipy.signal import butter, cheby2, firwin, sosfilt

from saccade.realtime.types import Float32, Float64

WORKING_HZ = 240.0
HIGH_PASS_HZ = 1.0
STOP_HZ, STOP_DB = 48.0, 40.0
USABLE_SHARE = 0.8  # of the working rate's Nyquist frequency; above it the decimation filter falls
TAPS_PER_FACTOR = 18  # 60 dB, with a transition of 0.4 of that frequency


def decimation(sfreq: float) -> int:
    """Return how many samples become one."""
    return max(1, int(sfreq / WORKING_HZ))


class Bands:
    """Filters hop after hop.

    Parameters
    ----------
    n_samples, n_channels : int
        Shape of a hop; ``n_samples`` is a multiple of the decimation.
    sfreq : float
        Rate of the stream in Hz.

    Attributes
    ----------
    sfreq : float
        Working rate in Hz.
    highest_hz : float
        Up to where the spectrum can be believed.
    """

    def __init__(self, n_samples: int, n_channels: int, sfreq: float) -> None:
        factor = decimation(sfreq)
        self.sfreq = sfreq / factor
        self.highest_hz = min(100.0, USABLE_SHARE * self.sfreq / 2)
        self._decimate = _decimating_matrix(n_samples, factor) if factor > 1 else None
        self._n_before = TAPS_PER_FACTOR * factor  # samples that the filter looks back
        self._high_pass = butter(2, HIGH_PASS_HZ, "highpass", fs=self.sfreq, output="sos")
        self._low_pass = (
            cheby2(8, STOP_DB, STOP_HZ, fs=self.sfreq, output="sos")
            if USABLE_SHARE * self.sfreq / 2 > STOP_HZ
            else None  # the stream is below it by itself
        )
        self._offset: Float64 = np.zeros(n_channels)
        self._joined: Float64 = np.zeros((self._n_before + n_samples, n_channels))
        self._high_state: Float64 = np.zeros((len(self._high_pass), n_channels, 2))
        n_sections = 0 if self._low_pass is None else len(self._low_pass)
        self._low_state: Float64 = np.zeros((n_sections, n_channels, 2))

    def step(self, data: Float32, *, first: bool) -> tuple[Float32, Float32]:
        """Return a hop above 1 Hz, and the same below 40 Hz.

        Parameters
        ----------
        data : array of shape (n_samples, n_channels), float32
            In µV, finite.
        first : bool
            Nothing comes before: the filters begin anew, as if the first sample had always been.

        Returns
        -------
        two arrays of shape (n_channels, n_samples / decimation), float32
            In µV.
        """
        if first:
            self._offset = data[0].astype(np.float64)
            for state in (self._joined, self._high_state, self._low_state):
                state[:] = 0.0
        # In float64, so that a large offset costs no precision.
        if self._decimate is None:
            signal = data - self._offset
        else:
            self._joined[: self._n_before] = self._joined[len(data) :]
            np.subtract(data, self._offset, out=self._joined[self._n_before :])
            signal = self._decimate @ self._joined
        above, self._high_state = sosfilt(self._high_pass, signal.T, zi=self._high_state)
        below = above
        if self._low_pass is not None:
            below, self._low_state = sosfilt(self._low_pass, above, zi=self._low_state)
        return above.astype(np.float32), below.astype(np.float32)


def _decimating_matrix(n_samples: int, factor: int) -> Float64:
    """Return the low-pass filter and the choice of every ``factor``-th sample as one matrix.

    A hop has a fixed length, so this is one product of a fixed shape a hop.
    """
    n_taps = TAPS_PER_FACTOR * factor + 1
    taps = firwin(n_taps, 1 / factor, window=("kaiser", 0.1102 * (60 - 8.7)))
    n_out = n_samples // factor
    matrix = np.zeros((n_out, n_taps - 1 + n_samples))
    for row in range(n_out):
        last = n_taps - 1 + (row + 1) * factor
        matrix[row, last - n_taps : last] = taps
    return matrix
