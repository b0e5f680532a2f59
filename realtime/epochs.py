"""Markers, or the passing of samples, become epochs.

Alignment rule: a marker belongs to the sample whose time stamp is nearest to its own, and within
a tenth of a sample period of the middle between two, to the earlier one, so that the noise of a
clock's measurement decides nothing (:meth:`~saccade.realtime.ring.RingBuffer.index_at`). The
window is half open: ``tmin_s`` is in, ``tmax_s`` is out, so that 0 to 1 s at 250 Hz is 250
samples. A marker may come before its samples (it waits) or after them (the samples are kept
for ``late_s``); epochs may overlap. Every marker with a label yields exactly one epoch, whole or
rejected with a reason.

Epochs come out in the order in which their windows end, so the order, too, is the same for
every chunking, unless a marker comes after the end of its own window.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from saccade.realtime.epoch_steps import columns, subtract_baseline, worst_peak_to_peak
from saccade.realtime.errors import ConfigError
from saccade.realtime.ring import RingBuffer
from saccade.realtime.sampling import samples
from saccade.realtime.types import NOT_MEASURED, Chunk, Epoch, Flag, Marker, StreamSpec

# Types whose amplitude is judged; others (triggers, auxiliary inputs) have no µV limits.
JUDGED_TYPES = ("eeg", "")
TIE_PERIODS = 0.1  # a marker this near to the middle between two samples goes to the earlier


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
    keep_flagged : tuple of str
        Flags (as in :class:`~saccade.realtime.types.Flag`, lower case) that do not reject an
        epoch. Missing samples always do.
    labels : mapping of str to str, or None
        Marker value → concept. Markers that are not in it make no epoch and are counted. None
        takes every marker, its value being the label.
    ignore : tuple of str
        Marker values that mean nothing here (button presses, say): neither epoch nor complaint.
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
    keep_flagged: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None
    ignore: tuple[str, ...] = ()
    hop_s: float | None = None
    late_s: float = 5.0


@dataclass(slots=True)
class _Awaited:
    """A marker whose epoch is not out yet; ``index`` is its sample, once known."""

    marker: Marker
    label: str
    index: int | None = None


class Epocher:
    """Cuts epochs out of the processed stream.

    Attributes
    ----------
    n_epochs, n_rejected, n_markers, n_unmatched : int
        Epochs made and rejected; markers received, and those without a label or without a
        single sample in their window.
    unlabelled : collections.Counter
        How often each marker value without a label came.
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
        if s.reject_ptp_uv is not None and not s.reject_ptp_uv > 0:
            raise ConfigError(
                f"reject_ptp_uv must be above 0 µV, not {s.reject_ptp_uv}: leave it out to "
                "judge no amplitude"
            )
        rejecting = Flag.GAP | Flag.NONFINITE | Flag.CLIPPED | Flag.SETTLING
        unknown = set(s.keep_flagged) - set(rejecting.words())
        if unknown:
            raise ConfigError(
                f"keep_flagged may hold {', '.join(rejecting.words())}, "
                f"not {', '.join(sorted(unknown))}"
            )
        for name in s.keep_flagged:
            rejecting &= ~Flag[name.upper()]
        self._rejecting = rejecting
        self._judged = tuple(i for i, t in enumerate(spec.ch_types) if t in JUDGED_TYPES)
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
        )
        self._awaited: list[_Awaited] = []
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
        for marker in markers:
            self._expect(marker)
        if len(chunk) == 0:
            return self._complete()
        epochs: list[Epoch] = []
        for start in range(0, len(chunk), self._piece):
            part = slice(start, start + self._piece)
            self._ring.append(
                Chunk(
                    chunk.data[part],
                    chunk.stamps[part],
                    chunk.flags[part],
                    chunk.index + start,
                    chunk.received_s,
                )
            )
            epochs += self._complete()
        return epochs

    def finish(self) -> list[Epoch]:
        """Return the epochs of all markers still waiting, rejected: the stream has ended."""
        waiting = sorted(self._awaited, key=lambda a: (a.marker.stamp, a.marker.value))
        self._awaited = []
        return [
            self._cut(self._beyond(a.marker) if a.index is None else a.index, a.marker, a.label)
            for a in waiting
        ]

    def _beyond(self, marker: Marker) -> int:
        """Return the sample that a marker after the last one would have been aligned to."""
        if self._ring.stop == 0:
            return -1
        _, stamps, _, _ = self._ring.window(self._ring.stop - 1, self._ring.stop)
        after_s = marker.stamp - float(stamps[0])
        return self._ring.stop - 1 + max(1, samples(after_s, self._spec.sfreq, "marker"))

    def _expect(self, marker: Marker) -> None:
        self.n_markers += 1
        if marker.value in self.settings.ignore:
            return
        labels = self.settings.labels
        label = marker.value if labels is None else labels.get(marker.value)
        if label is None:
            self.unlabelled[marker.value] += 1
            self.n_unmatched += 1
        elif self._hop is None:
            self._awaited.append(_Awaited(marker, label))

    def _complete(self) -> list[Epoch]:
        if self._hop is not None:
            return self._complete_windows(self._hop)
        due: list[tuple[int, _Awaited]] = []
        waiting: list[_Awaited] = []
        for awaited in self._awaited:
            if awaited.index is None:
                awaited.index = self._ring.index_at(awaited.marker.stamp)
            if awaited.index is not None and (
                awaited.index < 0 or awaited.index + self._first + self._n_times <= self._ring.stop
            ):
                due.append((awaited.index, awaited))
            else:
                waiting.append(awaited)
        self._awaited = waiting
        due.sort(key=lambda d: (d[0], d[1].marker.stamp, d[1].marker.stream, d[1].marker.value))
        return [self._cut(index, a.marker, a.label) for index, a in due]

    def _complete_windows(self, hop: int) -> list[Epoch]:
        epochs = []
        while self._next_window + self._n_times <= self._ring.stop:
            # The window begins at the sample that a marker would have to name.
            epochs.append(self._cut(self._next_window - self._first, None, None))
            self._next_window += hop
        return epochs

    def _cut(self, onset: int, marker: Marker | None, label: str | None) -> Epoch:
        """Cut, judge and crop the window around a sample (-1: the sample is not to be had)."""
        wanted = (onset + self._first, onset + self._first + self._n_times)
        held = (
            (max(wanted[0], self._ring.start), min(wanted[1], self._ring.stop))
            if onset >= 0
            else (0, 0)
        )
        n_held = max(0, held[1] - held[0])
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
            rejected.append(f"missing {n_missing} of {self._n_times} samples")
        else:
            if self._baseline is not None:
                data = subtract_baseline(data, self._baseline)
            rejected += self._judge(data)
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
        )
        self.n_epochs += 1
        self.n_rejected += bool(rejected)
        self.n_unmatched += marker is not None and n_held == 0
        return epoch

    def _judge(self, data: np.ndarray) -> list[str]:
        limit = self.settings.reject_ptp_uv
        if limit is None or not self._judged:
            return []
        row, amplitude = worst_peak_to_peak(data, self._judged)
        if amplitude <= limit:
            return []
        return [
            f"peak to peak {amplitude:.0f} µV on {self._spec.ch_names[row]} (limit {limit:g} µV)"
        ]
