"""``saccade replay FILE --info``: what is in a recording, and whether it keeps time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import typer

from saccade.cli import common

if TYPE_CHECKING:
    from saccade.realtime.sources.file import FileSourceSettings

_COUNTS = {  # of a stream's facts, those that are told where they are not 0
    "gaps": ("gap", ""),
    "lost": ("sample", " lost"),
    "clock_resets": ("clock reset", ""),
    "steps_back": ("stamp", " before the one ahead"),
    "duplicates": ("sample", " sent twice"),
    "bursts": ("burst", ""),
    "untimed": ("sample", " without a time"),
    "not_finite": ("sample", " with a value that is no number"),
}


def info(settings: FileSourceSettings, *, as_json: bool) -> None:
    """Say what is in the file, and what a replay with these settings would take of it.

    Raises
    ------
    RecordingError
        If nothing can be read of the file.
    """
    from saccade.realtime.sources.survey import survey

    facts = survey(settings)
    if as_json:
        common.emit(facts)
        return
    for stream in facts["streams"]:
        for line in _of_stream(stream):
            typer.echo(line)
    for events in facts["markers"]:
        for line in _of_events(events):
            typer.echo(line)
    for note in facts["notes"]:
        typer.echo(f"note: {note}")
    typer.echo(
        f"can't be replayed as it is: {facts['refused']}"
        if facts["refused"]
        else "can be replayed as it is; what a replay takes is marked with *"
    )


def _of_stream(stream: Mapping[str, Any]) -> list[str]:
    """Return a stream's facts in words."""
    star = "*" if stream["taken"] else " "
    kind = f", {stream['type']}" if stream["type"] else ""
    lines = [f"{star} {stream['name']}{kind}, {_number(len(stream['channels']), 'channel')}"]
    rate = f"{stream['sfreq']:g} Hz" if stream["sfreq"] else "no rate stated"
    if stream.get("effective_sfreq"):
        rate += f", delivered {stream['effective_sfreq']:g} Hz"
    length = f" over {stream['duration_s']:g} s" if "duration_s" in stream else ""
    lines.append(f"    {rate}; {_number(stream['samples'], 'sample')}{length}")
    kinds: dict[str, list[str]] = {}
    for name, channel_kind in stream["channels"].items():
        kinds.setdefault(channel_kind or "no type", []).append(name)
    lines += [f"    {channel_kind}: {', '.join(names)}" for channel_kind, names in kinds.items()]
    lines.append(f"    unit: {stream['unit'] or 'not stated'}")
    counted = [
        f"{_number(stream[key], what)}{more}"
        for key, (what, more) in _COUNTS.items()
        if stream.get(key)
    ]
    if stream.get("longest_gap_s"):
        counted.append(f"the longest step is {stream['longest_gap_s']:g} s")
    if counted:
        lines.append(f"    {', '.join(counted)}")
    if stream["source_id"]:
        lines.append(f"    source id: {stream['source_id']}")
    if stream["id"]:
        lines.append(f"    stream {stream['id']} of the file")
    return lines + [f"    {note}" for note in stream["notes"]]


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _of_events(events: Mapping[str, Any]) -> list[str]:
    star = "*" if events["taken"] else " "
    kind = f", {events['type']}" if events["type"] else ""
    lines = [f"{star} {events['name']}{kind}, {_number(events['events'], 'event')}"]
    if events["values"]:
        lines.append(f"    {', '.join(f'{value} ×{n}' for value, n in events['values'].items())}")
    elif events["different"]:
        lines.append(f"    {events['different']} different values")
    return lines + [f"    {note}" for note in events["notes"]]
