"""A recorded file as one signal with its markers, in memory.

A file may hold many streams. Here the signal and the markers are chosen, refused where that is
not clear, and put on one axis: each marker gets the sample that it stands at.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from saccade.realtime.errors import AmbiguousStream, RecordingError, StreamNotFound
from saccade.realtime.sources.formats.contents import Arrival, Contents, Events, Samples
from saccade.realtime.sources.formats.formats import read_contents
from saccade.realtime.types import FlagArray, Float32, Float64, Marker, StreamSpec, frozen

RATE_TOLERANCE = 0.01  # between the rate that is said and that of the time stamps
PIECE_S = 1.0  # a step back of more is a clock that was set, and no late event


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """What is wanted of a file, and what it does not say itself.

    Parameters
    ----------
    sfreq : float, optional
        Rate in Hz, where the file does not say or imply it.
    ch_names : tuple of str, optional
        Names of the channels in order, where the file has none or wrong ones.
    stream, stream_type, source_id : str, optional
        Name, type and source id of the signal's stream; all that are given must hold. Without
        any it is the one stream of EEG (or MEG) in the file.
    markers : tuple of str
        Names of the streams, columns or channels to take markers from, ``annotations`` for those
        of an annotated file. Without any they are those whose type says so.
    """

    sfreq: float | None = None
    ch_names: tuple[str, ...] | None = None
    stream: str | None = None
    stream_type: str | None = None
    source_id: str | None = None
    markers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """A recording in memory, units as the file declares them ("" if it does not).

    Parameters
    ----------
    spec : StreamSpec
        What it carries.
    data : array of shape (n_samples, n_channels), float32
        The signal.
    stamps : array of shape (n_samples,), float64
        Time of each sample in seconds, on one clock for the whole file: the recorder's, where it
        says how far the sender's is from it.
    raw_stamps : array of shape (n_samples,), float64
        The same as the sender stamped them.
    flags : array of shape (n_samples,), uint16
        What the file alone knows: where it was paused, or the sender's clock was set.
    markers : tuple of Marker
        In the order of the samples they stand at, or in which a live session got them.
    marker_rows : tuple of int
        The sample each marker stands at; the number of samples for what came after the last.
    arrivals : tuple of Arrival, or None
        How a live session got each marker, where the file tells.
    is_session : bool
        Whether a session of saccade recorded it, which has judged its unit already.
    notes : tuple of str
        What a user should know of it, a sentence each.
    """

    spec: StreamSpec
    data: Float32
    stamps: Float64
    raw_stamps: Float64
    flags: FlagArray
    markers: tuple[Marker, ...]
    marker_rows: tuple[int, ...]
    arrivals: tuple[Arrival, ...] | None = None
    is_session: bool = False
    notes: tuple[str, ...] = ()


_NO_OPTIONS = RecordingOptions()


def read_recording(path: Path, options: RecordingOptions = _NO_OPTIONS) -> Recording:
    """Read a recording.

    Parameters
    ----------
    path : Path
        A file of a format that :mod:`saccade.realtime.sources.formats` knows.
    options : RecordingOptions
        What is wanted of it.

    Raises
    ------
    RecordingError
        If the file is missing, malformed, of another format, has no EEG, or does not say enough.
    StreamNotFound, AmbiguousStream
        If what is asked for is not one of its streams.
    """
    return recording_of(path, read_contents(path), options)


def recording_of(path: Path, contents: Contents, options: RecordingOptions) -> Recording:
    """Return the recording among the contents of a file; raises as :func:`read_recording`."""
    signal = chosen_samples(path, contents, options)
    n_samples, n_channels = signal.data.shape
    if n_samples < 2 or n_channels == 0:
        raise RecordingError(
            f"{path.name} should hold at least 2 samples of 1 channel, not {n_samples} of "
            f"{n_channels}: is it cut short?"
        )
    rate, stamps = _times(path, signal, contents, options.sfreq)
    spec = StreamSpec(
        name=signal.name,
        sfreq=rate,
        ch_names=_names(path, signal, options.ch_names),
        ch_types=signal.ch_types,
        units=signal.units,
        source_id=signal.source_id,
        simulated=signal.simulated,
        speed=signal.speed,
    )
    events = chosen_events(path, contents, options)
    placed = _Markers.of(events, stamps)
    raw_stamps = stamps if signal.raw_stamps is None else signal.raw_stamps
    flags = np.zeros(n_samples, np.uint16) if signal.flags is None else signal.flags
    streams: list[Samples | Events] = [signal, *events]
    said = [f"'{stream.name}' {note}" for stream in streams for note in stream.notes]
    return Recording(
        spec,
        frozen(signal.data),
        frozen(stamps),
        frozen(raw_stamps),
        frozen(flags),
        tuple(placed.markers),
        tuple(placed.rows),
        tuple(placed.arrivals) if placed.arrivals else None,
        signal.is_session,
        (*contents.notes, *said),
    )


def chosen_samples(path: Path, contents: Contents, options: RecordingOptions) -> Samples:
    """Return the stream that is asked for, or the one signal there is.

    Raises
    ------
    RecordingError
        If the file has no signal.
    StreamNotFound, AmbiguousStream
        If what is asked for is not one of its streams.
    """
    wanted = {"name": options.stream, "type": options.stream_type, "source_id": options.source_id}
    asked = {key: value for key, value in wanted.items() if value}
    listed = _listed(contents.samples) or "no stream of samples at all"
    if asked:
        found = [s for s in contents.samples if all(getattr(s, k) == v for k, v in asked.items())]
    else:
        found = [s for s in contents.samples if s.is_signal]
    held = [s for s in found if len(s.data)]
    if len(held) == 1:
        return held[0]
    said = " and ".join(f"{key.replace('_', ' ')} '{value}'" for key, value in asked.items())
    if len(held) > 1:
        more = "--stream-type or --source-id" if "name" in asked else "--stream NAME"
        raise AmbiguousStream(
            f"expected one stream {f'with {said}' if asked else 'of EEG'} in {path.name}, but "
            f"{len(held)} fit: {_listed(held)}: say which with {more}"
        )
    if found:
        raise RecordingError(f"{path.name} has no samples in {_listed(found)}: record it again")
    if asked:
        raise StreamNotFound(f"no stream in {path.name} has {said}; there is {listed}")
    way_out = "; --stream NAME takes another all the same" if contents.samples else ""
    raise RecordingError(f"{path.name} has no stream of EEG, but {listed}{way_out}")


def chosen_events(path: Path, contents: Contents, options: RecordingOptions) -> list[Events]:
    """Return the streams to take markers from.

    Raises
    ------
    StreamNotFound
        If one that is asked for is not there.
    """
    if not options.markers:
        return [events for events in contents.events if events.usual]
    names = {events.name for events in contents.events}
    for name in options.markers:
        if name not in names:
            raise StreamNotFound(
                f"{path.name} has no markers called '{name}'; there is "
                f"{_listed(contents.events) or 'nothing of the kind'}"
            )
    return [events for events in contents.events if events.name in options.markers]


def _listed(streams: Iterable[Samples | Events]) -> str:
    return ", ".join(str(stream) for stream in streams)


def _names(path: Path, signal: Samples, given: tuple[str, ...] | None) -> tuple[str, ...]:
    names, n_channels = given or signal.ch_names, signal.data.shape[1]
    if given is None and not names:
        raise RecordingError(
            f"{path.name} describes another number of channels than the {n_channels} that it has: "
            "name them in order with --ch-names"
        )
    if len(names) != n_channels:
        raise RecordingError(
            f"{path.name} has {n_channels} channels, but {len(names)} names were given: "
            "give one name a channel"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordingError(
            f"{path.name} should name each of its {n_channels} channels once, but has "
            f"{', '.join(twice)} more than once: name them in order with --ch-names"
        )
    return names


def _times(
    path: Path, signal: Samples, contents: Contents, given: float | None
) -> tuple[float, Float64]:
    """Return rate and stamps, and refuse a rate that the stamps of a table contradict.

    What a live sender states is taken as a live session takes it; how much it delivered is for
    ``replay --info`` to say. A file without stamps of its own contradicts a rate only if that is
    given beside it.
    """
    stamps = signal.stamps
    rate = given or signal.sfreq or _rate_of(path, stamps)
    if not (np.isfinite(rate) and rate > 0):
        raise RecordingError(f"{path.name} should have a rate above 0 Hz, not {rate}: correct it")
    if stamps is None:
        return float(rate), np.arange(len(signal.data)) / rate
    if not np.isfinite(stamps).all():
        raise RecordingError(
            f"{path.name} has {(~np.isfinite(stamps)).sum()} time stamps that are no numbers: "
            "repair the time column"
        )
    implied = implied_rate(stamps)
    independent = contents.is_table or given is not None
    if independent and abs(implied - rate) > RATE_TOLERANCE * rate:
        raise RecordingError(
            f"{path.name} is said to have {rate:g} Hz, but its time stamps have {implied:.3f}: "
            "correct --sfreq, or the file"
        )
    return float(rate), stamps


def _rate_of(path: Path, stamps: Float64 | None) -> float:
    """Return the rate that the stamps imply: samples over time, to the whole Hz it is near."""
    if stamps is None:
        raise RecordingError(
            f"{path.name} has neither time stamps nor a rate: say its rate with --sfreq"
        )
    mean = implied_rate(stamps)
    if not np.isfinite(mean) or round(mean) < 1 or abs(mean - round(mean)) > 0.005 * mean:
        raise RecordingError(
            f"{path.name} has time stamps at {mean:.3f} Hz, which is not near a whole number: "
            "say its rate with --sfreq"
        )
    return float(round(mean))


def implied_rate(stamps: Float64) -> float:
    """Return samples over time in Hz, gaps and clocks that were set left out; 0 without time.

    Left out are steps of more than twenty ordinary ones. The ordinary step is the mean of those
    below a second rather than the median, which is 0 where samples are stamped in bursts.
    """
    steps = np.diff(stamps[np.isfinite(stamps)])
    sizes = np.abs(steps)
    short = sizes[sizes < 1]
    ordinary_s = float(short.mean() if len(short) else np.median(sizes)) if len(steps) else 0.0
    steps = steps[sizes < 20 * ordinary_s]
    total_s = float(steps.sum())
    return len(steps) / total_s if total_s > 0 else 0.0


@dataclass(slots=True)
class _Markers:
    """Markers of several streams, in one order."""

    markers: list[Marker] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    @staticmethod
    def of(streams: list[Events], stamps: Float64) -> _Markers:
        """Put the events of some streams in order; what is "" is no marker.

        Parameters
        ----------
        streams : list of Events
        stamps : array of shape (n_samples,), float64
            Of the signal.
        """
        merged: list[tuple[Arrival, Marker, int]] = []
        tells = any(stream.arrivals is not None for stream in streams)
        for stream in streams:
            when = stamps[list(stream.rows or ())] if stream.stamps is None else stream.stamps
            rows = _rows_at(stamps, when) if stream.rows is None else stream.rows
            known = stream.arrivals or ()
            # What a file that was cut short does not tell came at the end.
            end = Arrival(len(merged) + 10**9, 10**9, len(stamps), 0)
            ends = (end,) * (len(when) - len(known))
            ways = (*known, *ends) if tells else [Arrival(row, 0, row, 0) for row in rows]
            for value, at_s, row, way in zip(stream.values, when, rows, ways, strict=False):
                if value:
                    merged.append((way, Marker(value, float(at_s), stream.name), int(row)))
        merged.sort(key=lambda entry: entry[0].place)
        return _Markers(
            [marker for _, marker, _ in merged],
            [row for _, _, row in merged],
            [way for way, _, _ in merged] if tells else [],
        )


def _rows_at(stamps: Float64, when: Float64) -> list[int]:
    """Return the first sample at or after each event, in the order in which both were recorded.

    Where a clock was set back and nothing in the file puts it right, the same time occurs twice.
    Then events are followed through the pieces: each belongs to the piece of the one before it,
    or to a later one that its time fits better.
    """
    cuts = [0, *(np.flatnonzero(np.diff(stamps) < -PIECE_S) + 1).tolist(), len(stamps)]
    pieces = [np.maximum.accumulate(stamps[a:b]) for a, b in itertools.pairwise(cuts)]
    rows, here = [], 0
    for at_s in when:
        fits = (
            k
            for k in range(here, len(pieces))
            if pieces[k][0] - PIECE_S <= at_s <= pieces[k][-1] + PIECE_S
        )
        here = next(fits, here)
        rows.append(cuts[here] + int(np.searchsorted(pieces[here], at_s)))
    return rows
