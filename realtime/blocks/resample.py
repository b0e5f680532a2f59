"""Changes the rate by a ratio of whole numbers, behind a linear-phase anti-alias filter.

The filter is a Kaiser-windowed FIR, at least 80 dB down from the lower of the two Nyquist
frequencies on, within 0.001 dB below ``passband`` times that. Each phase of it passes a constant
exactly, so that an electrode offset leaves no pattern at the phases' rate.

Sharpness is paid for in delay, the same at all frequencies: 104 ms from 1000 to 250 Hz with the
default pass band, half of that with a pass band of 0.6 (:meth:`Resample.delay_s`). An output is
stamped with the instant it stands for, interpolated between the input's stamps, hence earlier
than the newest sample it was made from.

A gap restarts the filter: history is filled with the sample after it, whose stamp is extrapolated
backward at the nominal rate. Outputs that lean on such history carry ``Flag.SETTLING``, the first
of them ``Flag.GAP``; the stream's start does the same, without GAP. Other flags are those of all
samples under the filter. In the spec, the rate changes; samples are counted anew, from 0.

Each output is a sum of fixed shape, made alone, so its bits can't depend on the chunking.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import signal

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, Flag, FlagArray, Float32, Float64, StreamSpec

MAX_FACTOR = 1000
PASSBANDS = (0.1, 0.95)
# The formula for the length of a Kaiser window is off by up to 1.4 dB; 80 dB are kept.
DESIGN_DB = 82.0
PIECE = 256
_GAP = np.uint16(Flag.GAP)


@dataclass(frozen=True, slots=True)
class ResampleSettings:
    """The rate to go to.

    Parameters
    ----------
    sfreq : float
        Output rate in Hz: the input rate times a ratio of whole numbers up to 1000.
    passband : float
        Part of the band below the lower Nyquist frequency that is kept, 0.1 to 0.95. The delay
        is proportional to 1 / (1 - passband).
    """

    sfreq: float
    passband: float = 0.6


class Resample:
    """Brings a stream to another rate."""

    settings: ResampleSettings

    def __init__(self, settings: ResampleSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Design the filter for a stream; return it at the new rate.

        Raises
        ------
        ConfigError
            If the ratio of the rates, or the pass band, is out of reach.
        """
        s = self.settings
        if not (math.isfinite(s.sfreq) and s.sfreq > 0):
            raise ConfigError(f"sfreq of resample must be above 0 Hz, not {s.sfreq}")
        if not PASSBANDS[0] <= s.passband <= PASSBANDS[1]:
            raise ConfigError(
                f"passband of resample must be {PASSBANDS[0]} to {PASSBANDS[1]} of the Nyquist "
                f"frequency, not {s.passband}"
            )
        self._sfreq = spec.sfreq
        self._up, self._down = _factors(spec.sfreq, s.sfreq)
        self._taps, self._half = _design(self._up, self._down, s.passband)
        self._span: int = self._taps.shape[1]  # samples under the filter
        # The last ``span - 1`` samples are history; new ones are written behind them, and when
        # the rows are full the history moves to the front.
        n_rows = 2 * self._span + PIECE
        self._rows = np.zeros((n_rows, spec.n_channels))
        self._stamps = np.zeros(n_rows)
        self._flags = np.zeros(n_rows, np.uint16)
        self._n_in = self._n_out = 0
        self._base = 0  # number of the input sample that row 0 holds
        self._gap_due = False
        return dataclasses.replace(spec, sfreq=s.sfreq)

    def step(self, chunk: Chunk) -> Chunk:
        """Return the outputs that these samples complete, perhaps none."""
        if self._up == self._down:
            return chunk
        n, index = len(chunk), self._n_out
        n_out = -(-(self._n_in + n) * self._up // self._down) - index
        data = np.empty((n_out, chunk.data.shape[1]), np.float32)
        stamps = np.empty(n_out)
        flags = np.empty(n_out, np.uint16)
        gaps = set(np.flatnonzero(chunk.flags & _GAP).tolist())
        cuts = sorted({0, n, *gaps})
        for start, stop in itertools.pairwise(cuts):
            if start in gaps or self._n_in == 0:
                self._restart(chunk.data[start], chunk.stamps[start])
                self._gap_due |= start in gaps
            for first in range(start, stop, PIECE):
                part = slice(first, min(first + PIECE, stop))
                self._write(chunk.data[part], chunk.stamps[part], chunk.flags[part])
                while self._n_out * self._down < self._n_in * self._up:
                    at = self._n_out - index
                    data[at], stamps[at], flags[at] = self._output(self._n_out * self._down)
                    self._n_out += 1
        return Chunk(data, stamps, flags, index, chunk.received_s)

    @property
    def look_ahead_s(self) -> float:
        """By how much an output sample's stamp lies before the newest input it needs, in s."""
        return self._half / (self._up * self._sfreq)

    def delay_s(self, freq_hz: float) -> float:
        """Return the delay, the same at every frequency."""
        return self.look_ahead_s

    def settled_s(self, input_s: float) -> float:
        """Return when the output is settled, if the input is after ``input_s``, in seconds."""
        return input_s + (self._span - 1) / self._sfreq

    def recovered_s(self, input_s: float) -> float:
        """Return when no restart is seen, if none is in the input after ``input_s``, in seconds."""
        return self.settled_s(input_s)  # what has left the history is forgotten

    def _restart(self, sample: Float32, stamp: float) -> None:
        """Fill the history with the sample about to come."""
        history = self._span - 1
        self._base = self._n_in - history
        self._rows[:history] = sample
        self._stamps[:history] = stamp - np.arange(history, 0, -1) / self._sfreq
        self._flags[:history] = Flag.SETTLING

    def _write(self, data: Float32, stamps: Float64, flags: FlagArray) -> None:
        """Put samples behind the history."""
        row = self._n_in - self._base
        if row + len(data) > len(self._rows):
            history = self._span - 1
            for array in (self._rows, self._stamps, self._flags):
                array[:history] = array[row - history : row]
            self._base += row - history
            row = history
        rows = slice(row, row + len(data))
        self._rows[rows] = data
        self._stamps[rows] = stamps
        self._flags[rows] = flags & ~_GAP
        self._n_in += len(data)

    def _output(self, position: int) -> tuple[Float64, float, int]:
        """Return value, stamp and flags of an output, made at a position in steps of 1/up."""
        newest, phase = divmod(position, self._up)
        stop = newest - self._base + 1
        rows = slice(stop - self._span, stop)
        value = np.einsum("k,kc->c", self._taps[phase], self._rows[rows])
        before, part = divmod(position - self._half, self._up)
        left, right = self._stamps[before - self._base : before - self._base + 2]
        stamp = left + part / self._up * (right - left)
        flags = int(np.bitwise_or.reduce(self._flags[rows]))
        if self._gap_due:
            flags |= Flag.GAP
            self._gap_due = False
        return value, stamp, flags


def _factors(sfreq_in: float, sfreq_out: float) -> tuple[int, int]:
    """Return the whole numbers to multiply and divide the rate by."""
    ratio = Fraction(sfreq_out) / Fraction(sfreq_in)
    smaller = min(ratio, 1 / ratio)
    near = max(smaller.limit_denominator(MAX_FACTOR), Fraction(1, MAX_FACTOR))
    if ratio > 1:
        near = 1 / near
    if abs(near / ratio - 1) > 1e-9:  # rates such as 333.333… Hz are rounded when written down
        raise ConfigError(
            f"resample changes a rate by a ratio of whole numbers up to {MAX_FACTOR}, which "
            f"{sfreq_in:g} to {sfreq_out:g} Hz is not: use {float(sfreq_in * near):.9g} Hz"
        )
    return near.numerator, near.denominator


def _design(up: int, down: int, passband: float) -> tuple[Float64, int]:
    """Return the filter's phases, (up, span), oldest sample first, and half its length."""
    if up == down:
        return np.ones((1, 1)), 0
    nyquist = 1 / max(up, down)  # of the lower rate, over that at which the filter runs
    length, beta = signal.kaiserord(DESIGN_DB, (1 - passband) * nyquist)
    half = length // 2
    taps = signal.firwin(2 * half + 1, (1 + passband) / 2 * nyquist, window=("kaiser", beta))
    span = -(-len(taps) // up)
    phases = np.zeros(span * up)
    phases[: len(taps)] = taps
    phases = phases.reshape(span, up).T[:, ::-1]
    return np.ascontiguousarray(phases / phases.sum(axis=1, keepdims=True)), half
