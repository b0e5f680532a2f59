"""Takes blinks, muscle bursts and pops out of the signal: artifact subspace reconstruction.

From clean data, calibration learns how the channels belong together (the mixing matrix, the
square root of their covariance) and how strong each direction may get (the threshold matrix). Live,
the principal components of a sliding window that are stronger than that are told from the others,
by the mixing matrix (Mullen et al. 2015, IEEE Trans. Biomed. Eng. 62, 2553-2567; Kothe and Jung
2016, US patent application 14/895,440). The covariance is that of a copy of the signal, filtered
so that blinks and muscle count more and alpha less. Calibration is meegkit's
(:mod:`saccade.calibration.artifacts`); all that it finds is in the settings, so that the same
numbers are at work live, whatever version of meegkit is there, or none.

Every 125 ms, at sample numbers that are whole multiples of that, the matrix is renewed from a
window that reaches ``ahead_s`` beyond, and faded into by a raised cosine. Samples keep their
stamps, and come out up to ``ahead_s`` and one such step later (:attr:`Artifact.look_ahead_s`).

A gap restarts everything: what was held back is passed on with the last matrix, and what comes
carries ``Flag.SETTLING`` until its windows lie after the gap. The block belongs after a high-pass,
and before repair and an average reference, which take from the data the rank it was calibrated
with. Channels that are not in the settings pass unchanged. The spec is unchanged.

Every window and every step has its place by sample number, so the bits do not depend on chunks.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import linalg, signal

from saccade.realtime.errors import ConfigError, SignatureMismatch
from saccade.realtime.sampling import samples
from saccade.realtime.types import Chunk, Flag, FlagArray, Float32, Float64, StreamSpec

HOP_S = 0.125
MOST_REMOVED = 0.66  # of the components
LEFT = 2.0**-24  # of a transient is below what float32 resolves
_GAP = np.uint16(Flag.GAP)
_SETTLING = np.uint16(Flag.SETTLING)

Matrix = tuple[tuple[float, ...], ...]
Samples = tuple[Float32, Float64, FlagArray]  # their values, stamps and flags


@dataclass(frozen=True, slots=True)
class ArtifactSettings:
    """What calibration learned.

    Parameters
    ----------
    ch_names : tuple of str, length n_channels
        The channels, in the order of the matrices.
    sfreq : float
        Rate in Hz at which it was learned.
    mixing : n_channels × n_channels
        Square root of the clean covariance of the shaped signal, in µV.
    thresholds : n_channels × n_channels
        Each row a direction, as long as the signal may get in it, in µV.
    shaping_b, shaping_a : tuple of float
        Filter that shapes the copy, numerator and denominator as ``scipy.signal.lfilter`` has them.
    window_s : float
        Length of the window, in seconds.
    ahead_s : float
        How far it reaches beyond the samples that its matrix is for, in seconds: half the window
        puts them in its middle; less makes the output earlier and sees an artifact later.
    """

    ch_names: tuple[str, ...]
    sfreq: float
    mixing: Matrix
    thresholds: Matrix
    shaping_b: tuple[float, ...]
    shaping_a: tuple[float, ...]
    window_s: float = 0.5
    ahead_s: float = 0.25


class Artifact:
    """Replaces components of the EEG that are stronger than clean data has them."""

    settings: ArtifactSettings

    def __init__(self, settings: ArtifactSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Prepare for a stream, which stays as it is.

        Raises
        ------
        ConfigError
            If the matrices or the filter are malformed, or the times do not fit each other.
        SignatureMismatch
            If the stream has another rate, or lacks a channel.
        """
        s = self.settings
        n = len(s.ch_names)
        self._mixing, self._thresholds = (
            _square(rows, n, what)
            for rows, what in ((s.mixing, "mixing"), (s.thresholds, "thresholds"))
        )
        self._shaping = np.array(s.shaping_b), np.array(s.shaping_a)
        if not all(len(part) and np.isfinite(part).all() for part in self._shaping):
            raise ConfigError("the shaping filter of artifact must be finite: calibrate again")
        if np.abs(np.roots(self._shaping[1])).max(initial=0.0) >= 1:
            raise ConfigError("the shaping filter of artifact is not stable: calibrate again")
        if not math.isclose(s.sfreq, spec.sfreq, rel_tol=1e-9):
            raise SignatureMismatch(
                f"artifact was calibrated at {s.sfreq:g} Hz, but {spec.sfreq:g} Hz reach it: "
                "calibrate again"
            )
        missing = [name for name in s.ch_names if name not in spec.ch_names]
        if missing:
            raise SignatureMismatch(
                f"stream {spec.name!r} lacks channels that artifact was calibrated on: "
                f"{', '.join(missing)}; it has {', '.join(spec.ch_names)}"
            )
        self._hop = samples(HOP_S, spec.sfreq, "hop")
        self._length = samples(s.window_s, spec.sfreq, "window_s")
        self._ahead = samples(s.ahead_s, spec.sfreq, "ahead_s")
        if not 0 <= self._ahead <= self._length - self._hop or self._hop < 1:
            raise ConfigError(
                f"ahead_s of artifact must be from 0 to {HOP_S:g} s less than window_s, but they "
                f"are {s.ahead_s:g} and {s.window_s:g} s"
            )
        self._columns = np.array([spec.ch_names.index(name) for name in s.ch_names], np.intp)
        self._rest = signal.lfilter_zi(*self._shaping)[:, None]  # state for an input of 1
        steps = np.arange(1, self._hop + 1) / self._hop
        self._fade = (0.5 - 0.5 * np.cos(np.pi * steps))[:, None]
        self._reach = self._length - self._ahead + self._hop  # of a matrix, into the past
        self._sfreq = spec.sfreq
        n_rows = self._length + self._hop
        self._rows = np.zeros((n_rows, spec.n_channels), np.float32)
        self._shaped = np.zeros((n_rows, n))
        self._stamps = np.zeros(n_rows)
        self._flags = np.zeros(n_rows, np.uint16)
        self._n_cleaned = 0
        self._restart(0)
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples whose windows these complete, perhaps none."""
        index = chunk.index - (self._filled - self._out)
        if len(chunk) and not self._started:
            self._restart(chunk.index)
        parts = [self._taken(self._out, self._matrix)]  # nothing yet
        gaps = set(np.flatnonzero(chunk.flags & _GAP).tolist())
        start = 0
        for edge in sorted({*gaps, len(chunk)}):
            while start < edge:
                stop = min(edge, start + self._due - self._filled)
                part = slice(start, stop)
                self._write(chunk.data[part], chunk.stamps[part], chunk.flags[part])
                start = stop
                if self._filled == self._due:
                    parts.append(self._renewed())
            if edge in gaps:
                parts.append(self._taken(self._filled, self._matrix))
                self._restart(chunk.index + edge)
        data, stamps, flags = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Chunk(data, stamps, flags, index, chunk.received_s)

    @property
    def look_ahead_s(self) -> float:
        """By how much an output sample's stamp lies before the newest input it needs, at most."""
        return (self._ahead + self._hop - 1) / self._sfreq

    def delay_s(self, freq_hz: float) -> float:
        """Return how late samples come out at most, the same at every frequency."""
        return self.look_ahead_s

    def settled_s(self, input_s: float) -> float:
        """Return when the output is settled, if the input is after ``input_s``, in seconds."""
        return input_s + self._reach / self._sfreq

    def recovered_s(self, input_s: float) -> float:
        """Return when a restart can no longer be seen, in s; not between one matrix and another."""
        slowest = float(np.abs(np.roots(self._shaping[1])).max(initial=0.0))
        shaped_s = math.log(LEFT) / math.log(slowest) / self._sfreq if slowest else 0.0
        return input_s + shaped_s + self._reach / self._sfreq

    def report(self) -> dict[str, Any]:
        """Return for how many seconds so far something was taken out, ready for JSON."""
        return {"cleaned_s": round(self._n_cleaned / self._sfreq, 3)}

    def _restart(self, index: int) -> None:
        """Begin anew with the sample of this number."""
        self._base = index  # number of the sample in row 0
        self._filled = self._out = 0  # rows in use; the first that was not handed out
        self._due = self._length + (-(index + self._length)) % self._hop
        self._settled = index + self._reach  # number of the first sample that is
        self._matrix: Float64 | None = None  # None: nothing is to be taken out
        self._started = False

    def _write(self, data: Float32, stamps: Float64, flags: FlagArray) -> None:
        """Put samples into the rows, and their shaped copy beside them."""
        rows = slice(self._filled, self._filled + len(data))
        eeg = data[:, self._columns].astype(np.float64)
        if not self._started:
            self._state = self._rest * eeg[0]
            self._started = self._fresh = True
        shaped, self._state = signal.lfilter(*self._shaping, eeg, axis=0, zi=self._state)
        self._rows[rows], self._shaped[rows] = data, shaped
        self._stamps[rows], self._flags[rows] = stamps, flags
        unsettled = np.flatnonzero(flags & _SETTLING)
        if len(unsettled):
            self._settled = self._base + self._filled + int(unsettled[-1]) + 1 + self._reach
        self._filled = rows.stop

    def _renewed(self) -> Samples:
        """Renew the matrix from the window that is complete; return what it was waited for."""
        window = self._shaped[self._due - self._length : self._due]
        before, first = self._matrix, self._fresh
        self._matrix = self._matrix_of(window.T @ window / self._length)
        self._fresh = False
        taken = self._taken(self._due - self._ahead, self._matrix if first else before)
        keep = slice(self._due - self._length + self._hop, self._due)
        for rows in (self._rows, self._shaped, self._stamps, self._flags):
            rows[: self._length - self._hop] = rows[keep]
        self._base += keep.start
        self._out -= keep.start
        self._filled, self._due = self._length - self._hop, self._length
        return taken

    def _taken(self, stop: int, before: Float64 | None) -> Samples:
        """Return the rows not handed out up to one, faded from the matrix before to the present."""
        rows = slice(self._out, stop)
        data, flags = self._rows[rows].copy(), self._flags[rows].copy()
        after = self._matrix
        if before is not None or after is not None:
            eeg = data[:, self._columns].astype(np.float64)
            clean = _applied(after, eeg)
            if before is not after:
                old = _applied(before, eeg)
                clean = old + self._fade * (clean - old)
            data[:, self._columns] = clean
            self._n_cleaned += len(data)
        flags[: max(0, self._settled - self._base - self._out)] |= _SETTLING
        self._out = stop
        return data, self._stamps[rows].copy(), flags

    def _matrix_of(self, covariance: Float64) -> Float64 | None:
        """Return what takes the components out that are too strong; None if none is.

        Strongest first, at most two thirds of the components are taken out.
        """
        powers, components = linalg.eigh(covariance)  # weakest first
        allowed = np.square(self._thresholds @ components).sum(axis=0)
        n = len(powers)
        spared = np.arange(n) < n - math.floor(MOST_REMOVED * n + 0.5) - 1
        kept = (powers < allowed) | spared
        if kept.all():
            return None
        seen = (components.T @ self._mixing) * kept[:, None]
        return np.asarray(self._mixing @ linalg.pinv(seen) @ components.T)


def _applied(matrix: Float64 | None, eeg: Float64) -> Float64:
    return eeg if matrix is None else np.asarray(eeg @ matrix.T)


def _square(rows: Matrix, n: int, what: str) -> Float64:
    """Return a matrix of the settings, which must be square and finite."""
    sizes = {len(row) for row in rows}
    if len(rows) != n or sizes != {n}:
        raise ConfigError(
            f"{what} of artifact must be {n} × {n}, for as many channels, but has {len(rows)} rows "
            f"of {' or '.join(map(str, sorted(sizes))) or 'no'} numbers: calibrate again"
        )
    matrix = np.array(rows)
    if not np.isfinite(matrix).all():
        raise ConfigError(f"{what} of artifact must be finite, but some is not: calibrate again")
    return matrix
