"""Where the stream is torn: missing samples and clock steps, seen in the time stamps.

``gap_s`` is the largest step from one stamp to the next that the stream's own jitter explains. An
ordinary amplifier stamps its samples without jitter, so one and a half sample periods tell a lost
sample; a Bluetooth one may jitter by 30 ms. Calibration therefore measures the threshold
(:func:`measured_gap_s`) and the decoder file stores it.

gap
    A step forward of more than ``gap_s``. As many samples are lost as the stamp is late by whole
    periods, on the line of those before (:mod:`~saccade.realtime.timing.line`). After one second
    the line behind the gap is compared instead, in which the jitter of that one stamp is gone.
burst
    A gap after which, within a second, the stamps are back where they would be had nothing been
    lost, or part of the way. The samples were late: ``lost`` is put right, the flag is out already.
step back
    A stamp earlier than the one before. Up to ``gap_s`` it is jitter; beyond, it is flagged.
clock reset
    A step back of more than 0.1 s (and ``gap_s``), a step forward of more than a minute of which
    the source does not say that samples are missing, or what the source says is one. How many
    samples are missing can't be told, so none are counted; save where the source says so and the
    step is forward and of less than a minute, for then it has measured the new clock, and both
    stamps are by ours.
shift
    For half a second, the stamps are off the line by a quarter of ``gap_s`` on average. Samples
    may be missing, too few to stand out from the jitter; as neither place nor number can be told,
    this is only counted.
duplicate
    The same stamp and the same values as the sample before, and no flag: it is taken out. The
    same stamp with other values is jitter.
untimed
    A stamp that is no number. The sample goes on a period after the one before, flagged.

The sample after a tear carries ``Flag.GAP``, and ``Flag.CLOCK`` beside it after a clock reset;
every filter downstream starts afresh from it. The spec is unchanged.
"""

from __future__ import annotations

import collections
import itertools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.timing.line import Line
from saccade.realtime.types import Chunk, Flag, FlagArray, Float32, Float64, StreamSpec

GAP_PERIODS = 1.5
LONGEST_LOSS_S = 60.0  # a longer step is a pause, or another clock: a gap, but no count of samples
CLOCK_BACK_S = 0.1  # no amplifier's jitter steps back further
STEADY_PERIODS = 1 / 16  # of jitter at most, for what is missing to be told by one stamp
MARKS = 9  # seconds of samples over which they are counted
LATE_S = 1.0  # of signal after a gap, in which late samples may catch up
_GAP = np.uint16(Flag.GAP)
_CLOCK = np.uint16(Flag.CLOCK)


@dataclass(frozen=True, slots=True)
class ContinuitySettings:
    """What counts as a gap, and which stamps go on.

    Parameters
    ----------
    gap_s : float or None
        Largest step between two stamps, forward or backward, that is none, in seconds; at least
        one sample period. None means one and a half sample periods.
    dejitter : bool
        Stamp each sample with the time that the regression line has for it, which never steps
        back between two tears; otherwise stamps go on as they come. Those that were made from
        the count of samples always do (``counted`` of the spec).
    """

    gap_s: float | None = None
    dejitter: bool = False


@dataclass(slots=True)
class Counts:
    """How often each rule has struck.

    Parameters
    ----------
    gaps : int
        Samples that carry GAP, those that the source flagged included.
    lost : int
        Samples estimated to be missing.
    steps_back, clock_resets, duplicates, bursts, shifts, untimed : int
        As the module's rules have them.
    """

    gaps: int = 0
    lost: int = 0
    steps_back: int = 0
    clock_resets: int = 0
    duplicates: int = 0
    bursts: int = 0
    shifts: int = 0
    untimed: int = 0


@dataclass(slots=True)
class _Pending:
    """A gap of which it is not settled yet how many samples it took."""

    line: Line  # as it was before the gap
    lost: int  # by the first stamp after it
    age: int = 0  # samples since, that one included


class Continuity:
    """Flags the sample after each gap or clock step, and takes duplicates out.

    Attributes
    ----------
    counts : Counts
        What has been seen so far.
    line : Line
        The regression of the stamps.
    missing : dict
        How many samples are missing before a sample of the last chunk, by its number, as far as
        the stamps jitter so little that this can be told.
    """

    settings: ContinuitySettings

    def __init__(self, settings: ContinuitySettings) -> None:
        self.settings = settings
        self.missing: dict[int, int] = {}

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
        self._second = max(1, samples(1.0, spec.sfreq))
        self._counted = spec.counted
        self._late = max(1, samples(LATE_S, spec.sfreq))
        # Stamps made from counts are moved by who makes them, and not shifted by a loss.
        self.line = Line(spec.sfreq, math.inf if spec.counted else self._gap_s)
        self.counts = Counts()
        self.missing.clear()
        self._pending: _Pending | None = None
        self._last_stamp = self._last_time = math.nan
        self._marks: collections.deque[tuple[int, float, int]] = collections.deque(maxlen=MARKS + 1)
        self._last_row = np.full(spec.n_channels, np.nan, np.float32)
        return spec

    def step(self, chunk: Chunk) -> Chunk:
        """Return the samples without duplicates, those after a tear flagged."""
        data, stamps, flags = chunk.data, chunk.stamps, chunk.flags
        self.missing.clear()
        index = chunk.index - self.counts.duplicates
        untimed = ~np.isfinite(stamps)
        if untimed.any():
            stamps = self._repaired(stamps, untimed)
        # The first sample of a stream follows NaN, from which nothing is a step.
        steps = np.empty(len(stamps))
        steps[:1] = stamps[:1] - self._last_stamp
        np.subtract(stamps[1:], stamps[:-1], out=steps[1:])
        if (steps == 0).any():
            new = ~self._duplicates(data, steps, flags)
            self.counts.duplicates += int(np.count_nonzero(~new))
            data, stamps, flags = data[new], stamps[new], flags[new]
            steps, untimed = steps[new], untimed[new]
        if len(stamps) == 0:
            return Chunk(data, stamps, flags, index, chunk.received_s)
        self._last_stamp, self._last_row = float(stamps[-1]), data[-1].copy()
        self.counts.untimed += int(np.count_nonzero(untimed))
        self.counts.steps_back += int(np.count_nonzero(steps < 0))
        torn = (np.abs(steps) > self._gap_s) | untimed | (flags & (_GAP | _CLOCK) != 0)
        if not torn.any():
            times = self._unbroken(stamps)
        else:
            told, flags = flags, flags | torn * _GAP
            times = np.empty(len(stamps))
            tears = np.flatnonzero(torn).tolist()
            for start, stop in itertools.pairwise(sorted({0, *tears, len(stamps)})):
                if torn[start] and self._tear(
                    index + start,
                    float(stamps[start]),
                    float(steps[start]),
                    Flag(int(told[start])),
                ):
                    flags[start] |= _CLOCK
                times[start:stop] = self._unbroken(stamps[start:stop])
        self._mark(index, stamps, torn)
        self.counts.shifts = self.line.shifts
        out = times if self.settings.dejitter and not self._counted else stamps
        return Chunk(data, out, flags, index, chunk.received_s)

    @property
    def counted_sfreq(self) -> tuple[float, float]:
        """What came in the last nine seconds: samples per second, and the part that were gaps.

        Both are NaN until so much has come since the clock was last set.
        """
        if len(self._marks) <= MARKS:
            return math.nan, math.nan
        (first, start_s, gaps), (last, stop_s, more_gaps) = self._marks[0], self._marks[-1]
        n = last - first
        return n / (stop_s - start_s) if stop_s > start_s else math.nan, (more_gaps - gaps) / n

    def delay_s(self, freq_hz: float) -> float:
        """Return 0: nothing is delayed."""
        return 0.0

    def _tear(self, number: int, stamp: float, step_s: float, told: Flag) -> bool:
        """Begin a new segment with a sample; return whether its clock was set.

        ``told`` is what the source says of it.
        """
        self.counts.gaps += 1
        self._last_time = math.nan
        late = self._pending
        if (
            late is not None
            and self._is_back(stamp, late.age, late.line)
            and Flag.CLOCK not in told
        ):
            return False  # from a stamp that was late; the line before it goes on
        self._settle()
        back = step_s < -max(CLOCK_BACK_S, self._gap_s)
        if Flag.CLOCK in told or back or (step_s > LONGEST_LOSS_S and Flag.GAP not in told):
            self.counts.clock_resets += 1
            self.counts.steps_back -= step_s < 0
            if Flag.CLOCK in told and self._gap_s < step_s <= LONGEST_LOSS_S and self.line.n_seen:
                self.counts.lost += self._whole_periods(stamp - self.line.expected_s)
            self.line.forget()
            self._marks.clear()
            return True
        if self._counted and step_s > 0:
            self.missing[number] = max(0, samples(step_s, self._sfreq) - 1)
            self.counts.lost += self.missing[number]
        elif step_s > self._gap_s:
            lost = self._whole_periods(stamp - self.line.expected_s)
            if self.line.jitter_s <= STEADY_PERIODS * self.line.period_s:
                self.missing[number] = lost
            self._pending = _Pending(self.line.copy(), lost)
            self.counts.lost += lost
        self.line.restart()
        return False

    def _mark(self, index: int, stamps: Float64, torn: NDArray[np.bool_]) -> None:
        """Note the stamp of one sample a second of them, and the gaps up to there."""
        first = -index % self._second
        if first < len(stamps):
            gaps = self.counts.gaps - int(np.count_nonzero(torn)) + np.cumsum(torn)
            for i in range(first, len(stamps), self._second):
                self._marks.append((index + i, float(stamps[i]), int(gaps[i])))

    def _unbroken(self, stamps: Float64) -> Float64:
        """Return the line's times of samples that follow each other, none before the last."""
        if self._pending is None:
            times = self.line.follow(stamps)
        else:
            times = self._after_gap(self._pending, stamps)
        np.fmax(times[:1], self._last_time, out=times[:1])
        np.maximum.accumulate(times, out=times)
        self._last_time = float(times[-1])
        return times

    def _after_gap(self, gap: _Pending, stamps: Float64) -> Float64:
        """Follow samples after a gap, and see whether they were late rather than missing."""
        n = min(len(stamps), self._late - gap.age)
        back = self._is_back(stamps[:n], gap.age + np.arange(n), gap.line)
        if back.any():
            n = int(back.argmax())
            before = self.line.follow(stamps[:n])
            gap.line.pass_over(gap.age + n)
            self.line, self._pending = gap.line, None
            self.counts.lost -= gap.lost
            self.counts.bursts += gap.lost > 0
        else:
            before = self.line.follow(stamps[:n])
            gap.age += n
            if gap.age == self._late:
                self._settle()
        return np.concatenate([before, self.line.follow(stamps[n:])])

    def _is_back(self, stamp: Any, age: Any, line: Line) -> Any:
        """Return whether a stamp is where it would be had nothing been lost before."""
        lag_s = stamp - (line.expected_s + age * line.period_s)
        return (lag_s <= line.period_s / 2) & (lag_s >= -self._gap_s)

    def _settle(self) -> None:
        """Count what the last gap took by the lines before and after it."""
        gap, self._pending = self._pending, None
        if gap is None:
            return
        as_if_none_s = gap.line.expected_s + gap.age * self.line.period_s
        lost = self._whole_periods(self.line.expected_s - as_if_none_s)
        self.counts.lost += lost - gap.lost
        self.counts.bursts += (gap.lost - lost) * self.line.period_s > self._gap_s

    def _whole_periods(self, late_s: float) -> int:
        return max(0, samples(late_s, 1 / self.line.period_s))

    def _duplicates(self, data: Float32, steps: Float64, flags: FlagArray) -> NDArray[np.bool_]:
        """Return which samples repeat the one before them."""
        before = np.concatenate([self._last_row[None], data[:-1]])
        same = (data == before) | (np.isnan(data) & np.isnan(before))
        return np.asarray((steps == 0) & (flags == 0) & same.all(axis=1))

    def _repaired(self, stamps: Float64, bad: NDArray[np.bool_]) -> Float64:
        """Return stamps in which what is no time goes on from the one before."""
        stamps = stamps.copy()
        before_s = 0.0 if math.isnan(self._last_stamp) else self._last_stamp
        for i in range(len(stamps)):
            if bad[i]:
                stamps[i] = before_s + 1 / self._sfreq
            before_s = float(stamps[i])
        return stamps


def measured_gap_s(stamps: Float64, sfreq: float) -> float:
    """Return the ``gap_s`` that suits a stream's own jitter.

    It is 1.5 sample periods, and twice what the 99.9th percentile of the steps between stamps
    (forward and backward) has over one period: without jitter, one lost sample is a gap; with
    it, only what is well beyond the ordinary. The percentile is an observed step, never one
    interpolated towards the largest.

    Samples that are missing from the recording do not raise it where they can be told from
    jitter: where 99.9 % of the steps are whole periods to within a quarter of one, the jitter is
    what they are off by.

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
    period_s = 1 / sfreq
    off_s = np.abs(steps - period_s * np.maximum(1, np.round(steps * sfreq)))
    jitter_s = float(np.percentile(off_s, 99.9, method="lower"))
    if jitter_s > period_s / 4:
        jitter_s = float(np.percentile(steps, 99.9, method="lower")) - period_s
    return GAP_PERIODS * period_s + 2 * max(0.0, jitter_s)
