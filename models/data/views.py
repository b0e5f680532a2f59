"""A set of signals seen differently: some rows, some channels, a part of the window, whitened.

A view wraps a set without copying its signals, reads only the rows it is asked for, and may be
wrapped again.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saccade.models.alignment.whitening import whiten
from saccade.models.data.arrays import SignalSet
from saccade.models.data.table import Int64, Rows, TrialTable, checked_rows, count_within
from saccade.realtime.epoch_steps import columns
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32, Float64


class _View:
    """What a view has from the set it shows; a view replaces what it changes."""

    def __init__(self, source: SignalSet) -> None:
        self.source = source
        self.table = source.table
        self.ch_names = source.ch_names
        self.sfreq = source.sfreq
        self.tmin_s = source.tmin_s
        self.modality = source.modality
        self.n_channels = source.n_channels
        self.n_times = source.n_times


class Subset(_View):
    """Some rows of a set, in the order given; a row may come more than once."""

    def __init__(self, source: SignalSet, rows: Rows) -> None:
        super().__init__(source)
        self.rows = checked_rows(rows, len(source.table))
        self.table = source.table.take(self.rows)

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        return self.source.signals(self.rows[checked_rows(rows, len(self.rows))])


class Picked(_View):
    """Some channels of a set, by name, in the order given.

    Raises
    ------
    ConfigError
        If a name is unknown or comes twice, or none is given.
    """

    def __init__(self, source: SignalSet, ch_names: Sequence[str]) -> None:
        super().__init__(source)
        unknown = [name for name in ch_names if name not in source.ch_names]
        if unknown or not ch_names or len(set(ch_names)) != len(ch_names):
            raise ConfigError(
                f"channels are picked once each among the {source.n_channels} of the data set "
                f"({', '.join(source.ch_names[:5])}, …), but {len(ch_names)} were asked for, "
                f"{len(set(ch_names))} of them different, unknown: "
                f"{', '.join(unknown[:5]) or 'none'}: name channels the data set has"
            )
        self.ch_names = tuple(ch_names)
        self.n_channels = len(ch_names)
        self._places = [source.ch_names.index(name) for name in ch_names]

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        return self.source.signals(rows)[:, self._places]


class Cropped(_View):
    """A span of the epoch: ``tmin_s`` is in, ``tmax_s`` is out, both in seconds after onset.

    Raises
    ------
    ConfigError
        If the span is empty or reaches outside the epoch.
    """

    def __init__(self, source: SignalSet, tmin_s: float, tmax_s: float) -> None:
        super().__init__(source)
        window = (tmin_s, tmax_s)
        self._span = columns(window, source.tmin_s, source.n_times, source.sfreq, "the crop")
        self.tmin_s = source.tmin_s + self._span.start / source.sfreq
        self.n_times = int(self._span.stop - self._span.start)

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        return self.source.signals(rows)[:, :, self._span].copy()


class Whitened(_View):
    """A set less the mean, times the whitening matrix of :mod:`saccade.models.alignment.whitening`.

    Parameters
    ----------
    source : SignalSet
        What to whiten.
    mean : array of shape (n_channels,)
        Taken off each channel.
    whitening : array of shape (n_channels, n_channels)
        Estimated on training rows only.

    Raises
    ------
    ConfigError
        If the shapes do not fit the channels.
    """

    def __init__(self, source: SignalSet, mean: Float64, whitening: Float64) -> None:
        super().__init__(source)
        n = source.n_channels
        if mean.shape != (n,) or whitening.shape != (n, n):
            raise ConfigError(
                f"whitening {n} channels takes a mean of shape ({n},) and a matrix of shape "
                f"({n}, {n}), not {mean.shape} and {whitening.shape}: estimate it on these channels"
            )
        self._mean, self._whitening = mean.copy(), whitening.copy()

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        return whiten(self.source.signals(rows), self._mean, self._whitening)


class Joined(_View):
    """Several sets as one, their rows one set after the other.

    Concepts, images and subjects of the same name are the same ones: give persons of different
    studies different names. Where a subject occurs in several sets (its sessions, say), the
    repetitions are numbered anew, in row order.

    Parameters
    ----------
    sources : sequence of SignalSet
        At least one; the same channels in the same order, rate, window and modality, and the
        same number of averaged repetitions.

    Raises
    ------
    ConfigError
        If two sets differ, naming in what.
    RecordingError
        If they give one image to two concepts.
    """

    def __init__(self, sources: Sequence[SignalSet]) -> None:
        if not sources:
            raise ConfigError("at least one data set is needed to join, but none came: name one")
        super().__init__(sources[0])
        for number, source in enumerate(sources[1:], start=1):
            _check_alike(sources[0], source, number)
        self.sources = tuple(sources)
        self.table = _merged([source.table for source in sources])
        self._starts = np.cumsum([0, *(len(source.table) for source in sources)])

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        chosen = checked_rows(rows, len(self.table))
        joined = np.empty((len(chosen), self.n_channels, self.n_times), np.float32)
        owner = np.searchsorted(self._starts, chosen, side="right") - 1
        for number in np.unique(owner):
            places = np.flatnonzero(owner == number)
            local = chosen[places] - self._starts[number]
            joined[places] = self.sources[number].signals(local)
        return joined


def _check_alike(first: SignalSet, other: SignalSet, number: int) -> None:
    """Refuse a set whose epochs do not fit the first one's."""
    fields = ("sfreq", "tmin_s", "n_times", "modality", "n_channels")
    differing = [
        f"{field} {getattr(first, field)!r} and {getattr(other, field)!r}"
        for field in fields
        if getattr(first, field) != getattr(other, field)
    ]
    pairs = zip(first.ch_names, other.ch_names, strict=False)
    places = [place for place, (a, b) in enumerate(pairs) if a != b]
    if places:
        a, b = first.ch_names[places[0]], other.ch_names[places[0]]
        differing.append(f"{len(places)} channel names that differ, first {a!r} and {b!r}")
    if first.table.averaged != other.table.averaged:
        differing.append(f"repetitions averaged {first.table.averaged} and {other.table.averaged}")
    if differing:
        raise ConfigError(
            f"data sets must be alike to be joined, but number 0 and {number} have "
            f"{'; '.join(differing)}: pick channels, crop or average them alike first"
        )


def _merged(tables: Sequence[TrialTable]) -> TrialTable:
    """Return one table for the rows of several, with the names of all."""
    subjects = tuple(dict.fromkeys(name for table in tables for name in table.subjects))
    concepts = tuple(dict.fromkeys(name for table in tables for name in table.concept_names))
    images = tuple(dict.fromkeys(name for table in tables for name in table.image_names))
    subject = np.concatenate([_moved(t.subject, t.subjects, subjects) for t in tables])
    concept = np.concatenate([_moved(t.concept, t.concept_names, concepts) for t in tables])
    image = np.concatenate([_moved(t.image, t.image_names, images) for t in tables])
    repetition = np.concatenate([table.repetition for table in tables])
    if len(subjects) < sum(len(table.subjects) for table in tables):
        repetition = count_within(subject, image)
    return TrialTable(
        subject, concept, image, repetition, subjects, concepts, images, tables[0].averaged
    )


def _moved(column: Int64, names: tuple[str, ...], merged: tuple[str, ...]) -> Int64:
    """Return indices into the merged names for indices into a table's own."""
    place = {name: index for index, name in enumerate(merged)}
    return np.array([place[name] for name in names], np.int64)[column]
