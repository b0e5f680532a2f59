"""Markers, or the passing of samples, become epochs.

Alignment rule: a marker belongs to the sample whose time stamp is nearest to its own, and within
a tenth of a sample period of the middle between two, to the earlier one, so that the noise of a
clock's measurement decides nothing (:meth:`~saccade.realtime.ring.RingBuffer.index_at`). The
window is half open: ``tmin_s`` is in, ``tmax_s`` is out, so that 0 to 1 s at 250 Hz is 250
samples. A marker may come before its samples (it waits) or after them (the samples are kept
for ``late_s``); epochs may overlap. Every marker with a label yields exactly one epoch, whole or
rejected with a reason. It is rejected if no sample has its time, within one and a half periods,
because it lies in a hole; and if two samples have it, because the clock was set back. Then, a
marker that came before the step means the sample before it. One that came in the same reading
counts as having come after all of that reading's samples: which came first, nobody knows.

Epochs come out in the order in which their windows end, so the order, too, is the same for
every chunking, unless a marker comes after the end of its own window.
"""

from __future__ import annotations

import collections
import heapq
import itertools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from saccade.realtime.epoch_gates import Gates, PotatoSettings
from saccade.realtime.epoch_steps import columns, subtract_baseline
from saccade.realtime.errors import ConfigError
from saccade.realtime.marker_value import matcher
from saccade.realtime.ring import BEFORE, NOWHERE, TWICE, RingBuffer
from saccade.realtime.sampling import samples
from saccade.realtime.types import NOT_MEASURED, Chunk, Epoch, Flag, Marker, StreamSpec

TIE_PERIODS = 0.1  # a marker this near to the middle between two samples goes to the earlier
REACH_PERIODS = 1.5  # a marker in a hole this near to its edge belongs to the sample there
NO_SAMPLE = {
    TWICE: "two samples have its time: clock set back",
    NOWHERE: "no sample has its time: samples are missing there",
}
MOST_VALUES, OTHER_VALUES = 50, "(other values)"  # that are told apart among the unlabelled


@dataclass(frozen=True, slots=True)
class EpochSettings:
    """How epochs are cut and judged.

    Parameters
    ----------
    tmin_s, tmax_s : float
        Window relative to the marker, in seconds; ``tmax_s`` itself is left out.
    baseline_s : (float, float) or None
        Span whose mean is subtracted from each channel; None leaves the level as it is.
    crop_s : (float, float) or None
        Span that is handed on, after baseline and judgement; None hands on all.
    reject_ptp_uv : float or None
        Largest peak-to-peak amplitude of an EEG channel in the whole window, in µV.
    reject_flat_uv : float or None
        Smallest, in µV: a channel that stands still makes the epoch worthless.
    potato : PotatoSettings or None
        What the covariance of an epoch must be like (:mod:`~saccade.realtime.epoch_gates`).
    keep_flagged : tuple of str
        Flags (as in :class:`~saccade.realtime.types.Flag`, lower case) that do not reject an
        epoch; "gap" keeps one over a clock step, too. Missing samples always reject, samples
        filled in over a short gap never do.
    labels : mapping of str to str, or None
        Marker value → concept. Markers that are not in it make no epoch and are counted. None
        takes every marker, its value being the label.
    ignore : tuple of str
        Marker values that mean nothing here (button presses, say): neither epoch nor complaint.
        ``*`` stands for anything.
    hop_s : float or None
        None cuts at markers; a number cuts a window of ``tmax_s - tmin_s`` every ``hop_s``
        seconds, from the first sample on, and markers are only counted.
    late_s : float
        How long after a window's end its marker may still come, in seconds.
    """

    tmin_s: float = -0.2
    tmax_s: float = 0.8
    baseline_s: tuple[float, float] | None = (-0.2, 0.0)
    crop_s: tuple[float, float] | None = None
    reject_ptp_uv: float | None = None
    reject_flat_uv: float | None = None
    potato: PotatoSettings | None = None
    keep_flagged: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    ignore: tuple[str, ...] = ()
    hop_s: float | None = None
    late_s: float = 5.0


KEEPABLE = Flag.GAP | Flag.NONFINITE | Flag.CLIPPED | Flag.SETTLING


def rejecting(keep_flagged: Iterable[str]) -> Flag:
    """Return the flags that reject an epoch, where some are to be kept.

    Raises
    ------
    ConfigError
        If one of these is none that could be kept.
    """
    unknown = set(keep_flagged) - set(KEEPABLE.words())
    if unknown:
        raise ConfigError(
            f"keep_flagged may hold {', '.join(KEEPABLE.words())}, not {', '.join(sorted(unknown))}"
        )
    flags = KEEPABLE | Flag.CLOCK
    for name in keep_flagged:
        flags &= ~Flag[name.upper()]
    return flags & ~Flag.CLOCK if "gap" in keep_flagged else flags


class _Awaited(NamedTuple):
    """A marker whose sample has not come; sorted by time, then as they came."""

    stamp: float
    number: int
    marker: Marker
    label: str


class _Doubled(NamedTuple):
    """A span of time that two runs of samples have, and the row at which the second begins."""

    row: int
    start_s: float
    stop_s: float


class Epocher:
    """Cuts epochs out of the processed stream.

    Attributes
    ----------
    n_epochs, n_rejected, n_markers, n_unmatched : int
        Epochs made and rejected; markers received, and those without a label or without a
        single sample in their window.
    unlabelled : collections.Counter
        How often each marker value without a label came; of text that is never the same twice,
        the first :data:`MOST_VALUES`, the rest together.
    """

    def __init__(self, settings: EpochSettings) -> None:
        self.settings = settings

    def reset(self, spec: StreamSpec) -> None:
        """Prepare for a stream.

        Parameters
        ----------
        spec : StreamSpec
            The stream as the pipeline hands it on.

        Raises
        ------
        ConfigError
            If a window, span, limit or flag makes no sense at this rate; with the numbers.
        """
        s = self.settings
        self._spec = spec
        self._first = samples(s.tmin_s, spec.sfreq, "tmin_s")
        self._n_times = samples(s.tmax_s, spec.sfreq, "tmax_s") - self._first
        if self._n_times < 1:
            raise ConfigError(
                f"an epoch must hold at least one sample, but {s.tmin_s:g} to {s.tmax_s:g} s at "
                f"{spec.sfreq:g} Hz holds {self._n_times}: raise tmax_s"
            )
        tmin_s = self._first / spec.sfreq
        args = (tmin_s, self._n_times, spec.sfreq)
        self._baseline = s.baseline_s and columns(s.baseline_s, *args, "baseline_s")
        self._crop = (s.crop_s and columns(s.crop_s, *args, "crop_s")) or slice(0, self._n_times)
        self._tmin_s = tmin_s + float(self._crop.start) / spec.sfreq
        self._gates = Gates(spec, s.reject_ptp_uv, s.reject_flat_uv, s.potato)
        self._rejecting = rejecting(s.keep_flagged)
        self._hop = None if s.hop_s is None else samples(s.hop_s, spec.sfreq, "hop_s")
        if self._hop is not None and self._hop < 1:
            raise ConfigError(
                f"hop_s must be at least one sample ({1 / spec.sfreq:g} s), not {s.hop_s}"
            )
        late = samples(s.late_s, spec.sfreq, "late_s")
        # Room for what a late marker reaches back to, and as much again so that a long chunk
        # can be taken in pieces.
        self._piece = max(self._n_times, samples(1.0, spec.sfreq))
        self._ring = RingBuffer(
            spec.n_channels,
            abs(self._first) + self._n_times + max(late, 0) + 2 * self._piece,
            tie_s=2
            * TIE_PERIODS
            / spec.sfreq,  # the earlier is as much nearer as the later farther
            reach_s=REACH_PERIODS / spec.sfreq,
        )
        self._ignored = matcher(s.ignore)
        self._doubled: list[_Doubled] = []  # as far back as the ring
        self._undecided: list[_Awaited] = []  # a heap: their samples have not come
        self._decided: list[tuple[int, Marker, str]] = []  # sample known, window not complete
        self._next_window = 0
        self.n_epochs = self.n_rejected = self.n_markers = self.n_unmatched = 0
        self.unlabelled: collections.Counter[str] = collections.Counter()

    @property
    def n_times(self) -> int:
        """Number of columns of an epoch as it is handed on."""
        return int(self._crop.stop - self._crop.start)

    @property
    def tmin_s(self) -> float:
        """Time of the first column handed on, relative to onset, in seconds."""
        return self._tmin_s

    @property
    def reach_s(self) -> float:
        """Seconds by which the last sample of an epoch follows its onset, at most."""
        first = 0 if self._hop is not None else self._first
        return max(0, first + self._n_times) / self._spec.sfreq

    def step(self, chunk: Chunk, markers: Iterable[Marker] = ()) -> list[Epoch]:
        """Take samples and markers; return the epochs that are complete now.

        Parameters
        ----------
        chunk : Chunk
            The next samples, of any length; they are taken piece by piece, so that a whole
            recording in one chunk gives what small chunks give.
        markers : iterable of Marker
            In the order of arrival.

        Returns
        -------
        list of Epoch
            In the order in which their windows end.
        """
        self._doubled = [d for d in self._doubled if d.row >= self._ring.start]
        self._doubled += self._set_back(chunk)
        for marker in markers:
            self._expect(marker)
        if len(chunk) == 0:
            return self._complete()
        epochs: list[Epoch] = []
        # Before a gap, markers are looked up once more: after it, the clock may be another.
        gaps = np.flatnonzero(chunk.flags & np.uint16(Flag.GAP)).tolist()
        bounds = sorted({*range(0, len(chunk), self._piece), *gaps, len(chunk)})
        for start, stop in itertools.pairwise(bounds):
            self._ring.append(
                Chunk(
                    chunk.data[start:stop],
                    chunk.stamps[start:stop],
                    chunk.flags[start:stop],
                    chunk.index + start,
                    chunk.received_s,
                )
            )
            epochs += self._complete()
        return epochs

    def _set_back(self, chunk: Chunk) -> list[_Doubled]:
        """Return the spans of time that come again, because the clock is set back in a chunk."""
        found = []
        newest_s, oldest_s = self._ring.newest_s, self._ring.oldest_s
        gaps = np.flatnonzero(chunk.flags & np.uint16(Flag.GAP)).tolist()
        for start, stop in itertools.pairwise(sorted({0, *gaps, len(chunk)}) if gaps else []):
            first_s = float(chunk.stamps[start])
            if start in gaps:
                if first_s <= newest_s:
                    span = max(first_s, oldest_s), newest_s
                    found.append(_Doubled(chunk.index + start, *span))
                newest_s = first_s
            oldest_s = min(oldest_s, first_s)
            newest_s = max(newest_s, float(chunk.stamps[start:stop].max()))
        return found

    def finish(self) -> list[Epoch]:
        """Return the epochs of all markers still waiting, rejected: the stream has ended."""
        waiting = [(index, marker, label) for index, marker, label in self._decided]
        waiting += [(self._beyond(a.marker), a.marker, a.label) for a in self._undecided]
        self._decided, self._undecided = [], []
        waiting.sort(key=lambda w: (w[1].stamp, w[1].value))
        return [self._around(*one) for one in waiting]

    @property
    def n_waiting(self) -> int:
        """Number of markers whose epoch is not out yet."""
        return len(self._undecided) + len(self._decided)

    def _beyond(self, marker: Marker) -> int:
        """Return the sample that a marker after the last one would have been aligned to."""
        if self._ring.stop == 0:
            return BEFORE
        after_s = marker.stamp - self._ring.newest_s
        return self._ring.stop - 1 + max(1, samples(after_s, self._spec.sfreq, "marker"))

    def _expect(self, marker: Marker) -> None:
        self.n_markers += 1
        if self._ignored.fullmatch(marker.value):
            return
        labels = self.settings.labels
        label = marker.value if labels is None else labels.get(marker.value)
        if label is None:
            new = marker.value not in self.unlabelled
            known = len(self.unlabelled) < MOST_VALUES or not new
            self.unlabelled[marker.value if known else OTHER_VALUES] += 1
            self.n_unmatched += 1
        elif self._hop is not None:
            return
        elif any(d.start_s <= marker.stamp <= d.stop_s for d in self._doubled):
            self._decided.append((TWICE, marker, label))
        elif math.isfinite(marker.stamp):
            awaited = _Awaited(marker.stamp, self.n_markers, marker, label)
            heapq.heappush(self._undecided, awaited)
        else:
            self._decided.append((BEFORE, marker, label))  # no sample has such a time

    def _complete(self) -> list[Epoch]:
        if self._hop is not None:
            return self._complete_windows(self._hop)
        while self._undecided and self._undecided[0].stamp <= self._ring.newest_s:
            awaited = heapq.heappop(self._undecided)
            index = self._ring.index_at(awaited.stamp)
            self._decided.append((BEFORE if index is None else index, *awaited[2:]))
        last = self._ring.stop - self._first - self._n_times  # onset of the last whole window
        due = [one for one in self._decided if one[0] <= last]
        self._decided = [one for one in self._decided if one[0] > last]
        due.sort(key=lambda d: (d[0], d[1].stamp, d[1].stream, d[1].value))
        return [self._around(*one) for one in due]

    def _complete_windows(self, hop: int) -> list[Epoch]:
        epochs = []
        while self._next_window + self._n_times <= self._ring.stop:
            epochs.append(self._cut(self._next_window, self._next_window, None, None))
            self._next_window += hop
        return epochs

    def _around(self, onset: int, marker: Marker, label: str) -> Epoch:
        """Cut the window around a sample, or what stands for one that is not to be had."""
        if onset in NO_SAMPLE:
            return self._cut(None, -1, marker, label, NO_SAMPLE[onset])
        start = None if onset == BEFORE else onset + self._first
        return self._cut(start, onset, marker, label)

    def _cut(
        self, start: int | None, onset: int, marker: Marker | None, label: str | None, why: str = ""
    ) -> Epoch:
        """Cut, judge and crop the window from a sample on; None: its samples are not to be had."""
        wanted = (start or 0, (start or 0) + self._n_times)
        held = max(wanted[0], self._ring.start), min(wanted[1], self._ring.stop)
        n_held = 0 if start is None else max(0, held[1] - held[0])
        data = np.full((self._spec.n_channels, self._n_times), np.nan, np.float32)
        flags, last_stamp_s, received_s = Flag.NONE, NOT_MEASURED, NOT_MEASURED
        onset_s = marker.stamp if marker else NOT_MEASURED
        if n_held:
            signal, stamps, sample_flags, received = self._ring.window(*held)
            offset = held[0] - wanted[0]
            data[:, offset : offset + n_held] = signal.T
            flags = Flag(int(np.bitwise_or.reduce(sample_flags)))
            last_stamp_s, received_s = float(stamps[-1]), float(received[-1])
            if marker is None:
                onset_s = float(stamps[0])
        complete_s = received_s
        if marker is not None:
            complete_s = float(np.fmax(received_s, marker.received_s))
        n_missing = self._n_times - n_held
        rejected = (flags & self._rejecting).words()
        if n_missing:
            flags |= Flag.MISSING
            rejected.append(why or f"missing {n_missing} of {self._n_times} samples")
        else:
            if self._baseline is not None:
                data = subtract_baseline(data, self._baseline)
            rejected += self._gates.judge(data)
        epoch = Epoch(
            number=self.n_epochs,
            data=np.ascontiguousarray(data[:, self._crop]),
            sfreq=self._spec.sfreq,
            tmin_s=self._tmin_s,
            onset_s=onset_s,
            onset_index=onset,
            marker=marker.value if marker else None,
            label=label,
            flags=flags,
            n_missing=n_missing,
            rejected=tuple(rejected),
            last_stamp_s=last_stamp_s,
            received_s=received_s,
            complete_s=complete_s,
            last_index=held[1] - 1 if n_held else -1,
        )
        self.n_epochs += 1
        self.n_rejected += bool(rejected)
        self.n_unmatched += marker is not None and n_held == 0
        return epoch
