"""What is in a recorded file: every stream, whether it keeps time, and what a replay would say.

Time is judged as live: by the rules of :mod:`saccade.realtime.timing.continuity`, with the gap
threshold that calibration would measure on the stream.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import numpy as np

from saccade.realtime.errors import SaccadeError
from saccade.realtime.sources.file import FileSourceSettings, load
from saccade.realtime.sources.formats.contents import Contents, Events, Samples
from saccade.realtime.sources.formats.formats import read_contents
from saccade.realtime.sources.recording import chosen_events, chosen_samples
from saccade.realtime.sources.sample_times import implied_rate
from saccade.realtime.timing.continuity import Continuity, ContinuitySettings, measured_gap_s
from saccade.realtime.types import Chunk, Flag, Float64, StreamSpec

PAUSE_S = 1.0  # a longer step is no part of the time that the rate is taken over
MOST_VALUES = 20  # different markers that are counted by value; more are only numbered


def survey(settings: FileSourceSettings) -> dict[str, Any]:
    """Return what is in a file, JSON-ready.

    Parameters
    ----------
    settings : FileSourceSettings
        The file, and what a replay would be told beside it.

    Returns
    -------
    dict
        ``file``; ``streams``, a list with the facts of each stream of samples
        (:func:`stream_facts`); ``markers``, the same of events; ``notes``; and ``refused``, why a
        replay with these settings would not begin, or None. In both lists ``taken`` tells what
        the replay would use.

    Raises
    ------
    RecordingError
        If nothing can be read of the file.
    """
    contents = read_contents(settings.path)
    settings = settings.counting_in(contents)
    signal, events = _taken(contents, settings)
    try:
        load(settings, contents)
        refused = None
    except SaccadeError as error:
        refused = str(error)
    return {
        "file": settings.path.name,
        "streams": [
            stream_facts(stream, settings.sfreq if stream is signal else None)
            | {"taken": stream is signal}
            for stream in contents.samples
        ],
        "markers": [_event_facts(e) | {"taken": e in events} for e in contents.events],
        "notes": list(contents.notes),
        "refused": refused,
    }


def stream_facts(stream: Samples, sfreq: float | None = None) -> dict[str, Any]:
    """Return the facts of a stream of samples, JSON-ready.

    Parameters
    ----------
    stream : Samples
    sfreq : float, optional
        Its rate in Hz, where the file states none or a wrong one.

    Returns
    -------
    dict
        ``name``, ``type``, ``source_id``, ``id``; ``channels``, name → type; ``unit``, None where
        there is none, several joined by ", "; ``samples``; ``sfreq``, as stated, or None;
        ``effective_sfreq``, samples over the time they took, without pauses, which are longer
        than a second or told by the file; ``duration_s``, from the first stamp to the last, with
        pauses; ``gap_ms``, the longest step that is no gap; the counts of
        :class:`~saccade.realtime.timing.continuity.Counts`; ``longest_gap_s``; ``not_finite``,
        samples with a value that is no number; ``notes``.
    """
    names = stream.ch_names or tuple(f"({place + 1})" for place in range(stream.data.shape[1]))
    units = dict.fromkeys(unit for unit in stream.units if unit)
    rate = sfreq or stream.sfreq
    if not rate and stream.stamps is not None:
        rate = implied_rate(stream.stamps)
    n_samples = len(stream.data)
    facts: dict[str, Any] = {
        "name": stream.name,
        "type": stream.type,
        "source_id": stream.source_id,
        "id": stream.id,
        "channels": dict(zip(_numbered(names), stream.ch_types, strict=True)),
        "unit": ", ".join(units) or None,
        "samples": n_samples,
        "sfreq": stream.sfreq or None,
    }
    stamps = stream.stamps
    if stamps is None and rate:
        stamps = np.arange(n_samples) / rate
    if stamps is not None and n_samples > 1 and rate and np.isfinite(rate):
        with np.errstate(over="ignore", invalid="ignore"):  # of stamps that no clock shows
            facts |= _time_facts(stream, stamps, rate, names)
    return facts | {
        "not_finite": int(np.count_nonzero(~np.isfinite(stream.data).all(axis=1))),
        "notes": list(stream.notes),
    }


def _time_facts(
    stream: Samples, stamps: Float64, rate: float, names: tuple[str, ...]
) -> dict[str, Any]:
    gap_s = measured_gap_s(stamps[np.isfinite(stamps)], rate)
    rule = Continuity(ContinuitySettings(gap_s))
    rule.reset(StreamSpec(stream.name, rate, names, stream.ch_types, stream.units))
    flags = np.zeros(len(stamps), np.uint16) if stream.flags is None else stream.flags
    judged = rule.step(Chunk(stream.data, stamps, flags, 0))
    gaps = np.diff(judged.stamps)[(judged.flags[1:] & np.uint16(Flag.GAP)) != 0]
    gaps = gaps[gaps > 0]
    steps = np.diff(stamps)
    running = (np.abs(steps) <= PAUSE_S) & (flags[1:] == 0)
    total_s = float(steps[running].sum())
    return {
        "effective_sfreq": round(int(running.sum()) / total_s, 3) if total_s > 0 else None,
        "duration_s": round(float(judged.stamps[-1] - judged.stamps[0]), 3),
        "gap_ms": round(1e3 * gap_s, 3),
        **asdict(rule.counts),
        "longest_gap_s": round(float(gaps.max()), 3) if len(gaps) else None,
    }


def _event_facts(events: Events) -> dict[str, Any]:
    values = Counter(value for value in events.values if value)
    few = len(values) <= MOST_VALUES
    return {
        "name": events.name,
        "type": events.type,
        "source_id": events.source_id,
        "events": sum(values.values()),
        "values": dict(sorted(values.items())) if few else None,
        "different": len(values),
        "notes": list(events.notes),
    }


def _taken(contents: Contents, settings: FileSourceSettings) -> tuple[Samples | None, list[Events]]:
    """Return what a replay would use, as far as that is clear."""
    try:
        signal = chosen_samples(settings.path, contents, settings.options)
    except SaccadeError:
        return None, []
    try:
        return signal, chosen_events(settings.path, contents, settings.options)
    except SaccadeError:
        return signal, []


def _numbered(names: tuple[str, ...]) -> list[str]:
    """Return names of which no two are alike, as keys must be."""
    return [
        f"{name} ({names[: place + 1].count(name)})" if names.count(name) > 1 else name
        for place, name in enumerate(names)
    ]
