"""From a session's settings to what is read of a recorded file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.cli.configuration import Loaded

if TYPE_CHECKING:
    from saccade.realtime.sources.file import FileSourceSettings


def file_settings(path: Path, loaded: Loaded, stream_id: int | None = None) -> FileSourceSettings:
    """Return which file, which of its streams, and what it does not say itself.

    A configuration file tells of the streams of a live session. Their names are looked for in XDF,
    which holds such streams, and not in a table or an EDF, which is one recording by whatever name;
    there only what the command line asks for counts. In a recording of saccade's own nothing of
    the configuration file does, for that is what came of it.
    """
    from saccade.realtime.sources.file import FileSourceSettings

    stream, markers = loaded.config.stream, loaded.config.markers
    told: dict[str, tuple[str, Any]] = {
        "unit": ("stream.unit", stream.unit),
        "sfreq": ("stream.sfreq", stream.sfreq),
        "ch_names": ("stream.ch_names", stream.ch_names),
        "stream": ("stream.name", stream.name),
        "stream_type": ("stream.type", stream.type),
        "source_id": ("stream.source_id", stream.source_id),
        "markers": ("markers.names", markers.names),
    }
    of_live = {
        field
        for field, (key, _) in told.items()
        if not loaded.origins.get(key, "").startswith("--")
    }
    names = {"stream", "stream_type", "source_id", "markers"} & of_live
    ignored = set() if path.suffix.lower() == ".xdf" else names
    counted = {field: value for field, (_, value) in told.items() if field not in ignored}
    return FileSourceSettings(path, **counted, stream_id=stream_id, of_live=frozenset(of_live))
