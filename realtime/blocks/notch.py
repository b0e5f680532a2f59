"""Takes out the mains and its harmonics, causally.

Every channel is filtered. A gap restarts the filters (see :mod:`~saccade.realtime.blocks.iir`);
the spec is unchanged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import signal

from saccade.realtime.blocks.iir import Cascade
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, StreamSpec


@dataclass(frozen=True, slots=True)
class NotchSettings:
    """What to take out.

    Parameters
    ----------
    line_hz : float
        Frequency of the mains, 50 or 60 Hz.
    n_harmonics : int or None
        How many multiples of it are taken out at most, itself included; None means all. Those
        whose notch would reach half the rate are left alone (:attr:`Notch.freqs_hz` says which
        are taken out).
    quality : float
        Frequency over width, 3 dB down, of each notch; 30 takes 1.7 Hz out at 50 Hz.
    """

    line_hz: float
    n_harmonics: int | None = None
    quality: float = 30.0


class Notch:
    """Takes out narrow lines.

    Attributes
    ----------
    freqs_hz : tuple of float
        Centres of the notches, in Hz.
    """

    settings: NotchSettings

    def __init__(self, settings: NotchSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Design the filters for a stream, which stays as it is.

        Raises
        ------
        ConfigError
            If a setting is not above 0, or not even the first notch lies below half the rate.
        """
        s = self.settings
        for name, value in (("line_hz", s.line_hz), ("quality", s.quality)):
            if not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{name} of a notch must be above 0, not {value}")
        if s.n_harmonics is not None and s.n_harmonics < 1:
            raise ConfigError(
                f"n_harmonics of a notch must be at least 1 (the line itself), not {s.n_harmonics}"
            )
        nyquist_hz = spec.sfreq / 2
        width = 1 + 1 / (2 * s.quality)  # upper edge of a notch over its centre
        n_below = math.ceil(nyquist_hz / (s.line_hz * width)) - 1
        n_notches = n_below if s.n_harmonics is None else min(n_below, s.n_harmonics)
        if n_notches < 1:
            raise ConfigError(
                f"a notch at {s.line_hz:g} Hz, up to {s.line_hz * width:.4g} Hz wide, must lie "
                f"below {nyquist_hz:g} Hz (half of {spec.sfreq:g} Hz): leave it out, or put it "
                "before resample"
            )
        self.freqs_hz = tuple(s.line_hz * k for k in range(1, n_notches + 1))
        designs = [signal.iirnotch(hz, s.quality, fs=spec.sfreq) for hz in self.freqs_hz]
        sos = np.array([np.concatenate(design) for design in designs])  # (n_notches, 6)
        self._cascade = Cascade(sos, spec.sfreq, spec.n_channels)
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the filtered samples."""
        return self._cascade.step(chunk)

    def delay_s(self, freq_hz: float) -> float:
        """Return the group delay at a frequency."""
        return self._cascade.delay_s(freq_hz)

    def settled_s(self, input_s: float) -> float:
        """Return when the output is settled, if the input is after ``input_s``, in seconds."""
        return max(input_s, self._cascade.settling_s)

    def recovered_s(self, input_s: float) -> float:
        """Return when no restart is seen, if none is in the input after ``input_s``, in seconds."""
        return input_s + self._cascade.recovery_s
