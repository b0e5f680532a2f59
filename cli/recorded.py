"""From a session's settings to what is read of a recorded file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from saccade.cli.configuration import Loaded

if TYPE_CHECKING:
    from saccade.realtime.sources.file import FileSourceSettings


def file_settings(path: Path, loaded: Loaded) -> FileSourceSettings:
    """Return which file, which of its streams, and what it does not say itself.

    A configuration file names the streams of a live session. They are looked for in XDF, which
    holds such streams, and not in a table or an EDF, which is one recording by whatever name;
    there only what the command line asks for counts.
    """
    from saccade.realtime.sources.file import FileSourceSettings

    stream, markers = loaded.config.stream, loaded.config.markers
    of_streams = {
        "stream": ("stream.name", stream.name),
        "stream_type": ("stream.type", stream.type),
        "source_id": ("stream.source_id", stream.source_id),
        "markers": ("markers.names", markers.names),
    }
    is_xdf = path.suffix.lower() == ".xdf"
    counted: dict[str, Any] = {
        field: value
        for field, (key, value) in of_streams.items()
        if is_xdf or loaded.origins.get(key, "").startswith("--")
    }
    return FileSourceSettings(path, stream.unit, stream.sfreq, stream.ch_names, **counted)
