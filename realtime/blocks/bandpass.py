"""A causal Butterworth band-pass, high-pass or low-pass.

Every channel is filtered, so triggers are to be left out first (select). A gap restarts the
filter (see :mod:`~saccade.realtime.blocks.iir`); the spec is unchanged.
"""

from __future__ import annotations

from dataclasses import dataclass

from scipy import signal

from saccade.realtime.blocks.iir import Cascade
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, StreamSpec

MAX_ORDER = 10


@dataclass(frozen=True, slots=True)
class BandpassSettings:
    """The band to keep.

    Parameters
    ----------
    low_hz, high_hz : float or None
        Edges of the pass band, each 3 dB down, in Hz; None leaves that side open.
    order : int
        Poles of each edge, 1 to 10, each giving 6 dB per octave there. A band-pass thus has twice
        this order in all, which is what ``scipy.signal.butter`` and MNE mean, too.
    """

    low_hz: float | None = None
    high_hz: float | None = None
    order: int = 4


class Bandpass:
    """Keeps a band of frequencies."""

    settings: BandpassSettings

    def __init__(self, settings: BandpassSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Design the filter for a stream, which stays as it is.

        Raises
        ------
        ConfigError
            If there is no edge, the edges are not in order between 0 and half the rate, the
            order is out of range, or the filter can't be realised.
        """
        s = self.settings
        nyquist_hz = spec.sfreq / 2
        edges = [hz for hz in (s.low_hz, s.high_hz) if hz is not None]
        if not edges:
            raise ConfigError("a bandpass needs low_hz, high_hz or both, but neither is given")
        if not all(0 < hz < nyquist_hz for hz in edges):
            raise ConfigError(
                f"bandpass edges must lie between 0 and {nyquist_hz:g} Hz (half of "
                f"{spec.sfreq:g} Hz), not {' and '.join(f'{hz:g}' for hz in edges)} Hz: "
                "move the edge, or leave it out"
            )
        if edges != sorted(set(edges)):
            raise ConfigError(
                f"low_hz must be below high_hz, but they are {edges[0]:g} and {edges[1]:g} Hz"
            )
        if not 1 <= s.order <= MAX_ORDER:
            raise ConfigError(f"order of a bandpass must be 1 to {MAX_ORDER}, not {s.order}")
        kind = "highpass" if s.high_hz is None else "lowpass" if s.low_hz is None else "bandpass"
        edge = edges if kind == "bandpass" else edges[0]
        sos = signal.butter(s.order, edge, kind, fs=spec.sfreq, output="sos")
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
