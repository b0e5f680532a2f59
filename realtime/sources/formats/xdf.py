"""XDF: the streams that LabRecorder, or saccade, wrote from LSL.

pyxdf reads the file (:mod:`.xdf_load`); the clocks are put right here (:mod:`.xdf_clock`). What a
sender sent before and after it was started again are two streams in a file of LabRecorder's, and
one here, as they are to a live session.

Files of saccade's own recorder say more than others (:mod:`.xdf_session`).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from saccade.realtime.marker_value import marker_value
from saccade.realtime.sources.formats.contents import Arrival, Contents, Events, Samples
from saccade.realtime.sources.formats.xdf_session import SessionExtras
from saccade.realtime.sources.formats.xdf_stream import XDFStream, read_streams
from saccade.realtime.types import Flag

EVENT_TYPES = ("marker", "event", "trigger", "stim")  # one of these is in a marker stream's type


def read_xdf(path: Path) -> Contents:
    """Read all streams of a file.

    Raises
    ------
    RecordingError
        If it is no XDF, or damaged beyond reading.
    """
    streams, notes = read_streams(path)
    extras = SessionExtras(stream for stream in streams if stream.role)
    sampled = [s for s in streams if s.is_samples and s.role in ("", "signal")]
    events = tuple(
        _events(stream, extras.arrivals.get(stream.id, ()) if extras else None)
        for stream in streams
        if not stream.is_samples and stream.role in ("", "markers")
    )
    samples = _joined((stream, _samples(stream, extras)) for stream in sampled)
    notes += extras.notes
    if extras.lost:
        notes.append(
            f"the recorder could not keep up and lost {extras.lost} samples: a replay is not the "
            "session"
        )
    return Contents(samples, events, notes=tuple(notes), session=extras.session)


def _samples(stream: XDFStream, extras: SessionExtras) -> Samples:
    """Return a stream as a signal, with what a session's other streams say of it."""
    names, types, units = stream.channels()
    is_session = stream.role == "signal"
    flags, raw_stamps = stream.flags(), stream.raw_stamps
    if is_session:
        flags |= extras.flags(len(flags))
        raw_stamps = extras.raw_stamps(raw_stamps)
    return Samples(
        name=stream.name,
        type=stream.type,
        source_id=stream.source_id,
        sfreq=stream.sfreq,
        ch_names=names,
        ch_types=types,
        units=units,
        data=stream.data(),
        stamps=stream.stamps,
        raw_stamps=raw_stamps,
        flags=flags,
        is_session=is_session,
        simulated=stream.own("simulated") == "true",
        speed=stream.speed(),
        counted=stream.own("counted") == "true",
        notes=stream.notes(),
        id=stream.id,
    )


def _events(stream: XDFStream, arrivals: tuple[Arrival, ...] | None) -> Events:
    """Return a stream as markers, with how each came in, if that is known."""
    usual = stream.role == "markers" or any(word in stream.type.lower() for word in EVENT_TYPES)
    return Events(
        stream.name,
        stream.type,
        stream.source_id,
        tuple(marker_value(row) for row in stream.rows),
        stream.stamps,
        arrivals=arrivals,
        usual=usual,
        notes=stream.notes(),
    )


def _joined(streams: Iterable[tuple[XDFStream, Samples]]) -> tuple[Samples, ...]:
    """Join the streams of each sender that was started again while it was recorded.

    They have one source id and one description, and follow each other on the recorder's clock.
    """
    by_sender: dict[object, list[Samples]] = {}
    order: dict[int, int] = {}
    for stream, samples in streams:
        order[stream.id] = len(order)
        s = samples
        sender: object = (s.name, s.type, s.source_id, s.sfreq, s.ch_names, s.ch_types, s.units)
        if not (s.source_id and stream.has_offsets and len(s.data)):
            sender = stream.id
        by_sender.setdefault(sender, []).append(samples)
    joined: list[Samples] = []
    for parts in by_sender.values():
        parts = sorted(parts, key=_first_stamp)
        follow = all(_follows(one, other) for one, other in itertools.pairwise(parts))
        joined += [_one(parts)] if len(parts) > 1 and follow else parts
    return tuple(sorted(joined, key=lambda samples: order[samples.id]))


def _first_stamp(samples: Samples) -> float:
    return float(samples.stamps[0]) if samples.stamps is not None and len(samples.stamps) else 0.0


def _follows(one: Samples, other: Samples) -> bool:
    return one.stamps is not None and bool(one.stamps.max() < _first_stamp(other))


def _one(parts: list[Samples]) -> Samples:
    starts = list(itertools.accumulate(len(part.data) for part in parts[:-1]))
    flags = np.concatenate([part.flags for part in parts if part.flags is not None])
    flags[starts] |= np.uint16(Flag.GAP | Flag.CLOCK)
    rows = ", ".join(str(start) for start in starts)
    note = f"was started again before sample {rows}: {len(parts)} streams of the file are joined"
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return dataclasses.replace(
        parts[0],
        data=np.concatenate([part.data for part in parts]),
        stamps=np.concatenate([p.stamps for p in parts if p.stamps is not None]),
        raw_stamps=np.concatenate([p.raw_stamps for p in parts if p.raw_stamps is not None]),
        flags=flags,
        notes=(note, *notes),
    )
