"""A recorded file as one signal with its markers, in memory.

A file may hold many streams. Here the signal and the markers are chosen, refused where that is
not clear, and put on one axis: each marker gets the sample that it stands at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from saccade.realtime.errors import AmbiguousStream, RecordingError, StreamNotFound
from saccade.realtime.sources.formats.contents import Arrival, Contents, Events, Samples
from saccade.realtime.sources.formats.formats import read_contents
from saccade.realtime.sources.marker_rows import PlacedMarkers
from saccade.realtime.sources.sample_times import sample_times
from saccade.realtime.types import FlagArray, Float32, Float64, Marker, StreamSpec, frozen


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
    stream_id : int, optional
        Its number in the file, where several streams are alike in all these.
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
    stream_id: int | None = None


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
    session : mapping
        What a session of saccade said of itself when it began.
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
    session: Mapping[str, Any] = field(default_factory=dict)


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
    rate, stamps = sample_times(path, signal, options.sfreq, is_table=contents.is_table)
    spec = StreamSpec(
        name=signal.name,
        sfreq=rate,
        ch_names=_names(path, signal, options.ch_names),
        ch_types=signal.ch_types,
        units=signal.units,
        source_id=signal.source_id,
        simulated=signal.simulated,
        speed=signal.speed,
        counted=signal.counted,
    )
    events = chosen_events(path, contents, options)
    placed = PlacedMarkers.of(events, stamps)
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
        contents.session,
    )


# By which streams are told apart.
_FLAGS = {
    "name": "--stream NAME",
    "type": "--stream-type",
    "source_id": "--source-id",
    "id": "--stream-id NUMBER",
}


def chosen_samples(path: Path, contents: Contents, options: RecordingOptions) -> Samples:
    """Return the stream that is asked for, or the one signal there is.

    Raises
    ------
    RecordingError
        If the file has no signal.
    StreamNotFound, AmbiguousStream
        If what is asked for is not one of its streams.
    """
    wanted = {
        "name": options.stream,
        "type": options.stream_type,
        "source_id": options.source_id,
        "id": options.stream_id,
    }
    asked = {key: value for key, value in wanted.items() if value not in (None, "")}
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
        more = next(
            flag
            for key, flag in _FLAGS.items()
            if key == "id" or len({getattr(stream, key) for stream in held}) == len(held)
        )
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
