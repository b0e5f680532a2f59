"""What a session told of itself when it was recorded: its settings, and all that it decoded."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.realtime.errors import RecordingError

PREDICTIONS = "Predictions"  # type of the stream, in an XDF file as over LSL


@dataclass(frozen=True, slots=True)
class Account:
    """Settings and results of a session.

    Parameters
    ----------
    name : str
        The file they are from.
    session : mapping
        Decoder and settings, as :class:`~saccade.realtime.engine.Engine` was given them.
    messages : tuple of mapping
        As in :mod:`saccade.realtime.sinks.messages`, in order.
    """

    name: str
    session: Mapping[str, Any]
    messages: tuple[Mapping[str, Any], ...]


def read_account(path: Path) -> Account:
    """Return the account in a JSONL log, or in a recording of ``run --record``.

    Raises
    ------
    RecordingError
        If the file is missing, malformed, or has no account, or more than one.
    """
    if not path.is_file():
        raise RecordingError(f"no log or recording at {path}: check the path")
    if path.suffix.lower() == ".xdf":
        return _from_xdf(path)
    if path.suffix.lower() == ".jsonl":
        return _from_log(path)
    raise RecordingError(
        f"{path.name} should be an .xdf of run --record or a .jsonl log, for only these tell what "
        "was decoded: give the session's log with --against"
    )


def _from_log(path: Path) -> Account:
    *lines, torn = path.read_bytes().split(b"\n")  # of a session that was killed, the last is torn
    messages = [_json(path, number, line) for number, line in enumerate(lines, 1)]
    if not messages or messages[0].get("type") != "session":
        what = f"'{messages[0].get('type')}'" if messages else f"{len(torn)} bytes without an end"
        raise RecordingError(
            f"{path.name} should begin with a line of type 'session', not with {what}: is it a log "
            "of run or replay?"
        )
    return Account(path.name, messages[0]["session"], tuple(messages[1:]))


def _from_xdf(path: Path) -> Account:
    from saccade.realtime.sources.formats.xdf import read_streams

    found = [stream for stream in read_streams(path)[0] if stream.type == PREDICTIONS]
    if len(found) != 1:
        names = ", ".join(f"'{stream.name}'" for stream in found)
        raise RecordingError(
            f"{path.name} should have one stream of type '{PREDICTIONS}', as run --record writes "
            f"it, not {names or 'none'}: give the session's log with --against"
        )
    (stream,) = found
    lines: Iterable[Any] = (row[0] for row in stream.rows)
    messages = tuple(_json(path, number, line) for number, line in enumerate(lines, 1))
    return Account(path.name, _json(path, 0, stream.own("session")), messages)


def _json(path: Path, number: int, line: bytes | str) -> Mapping[str, Any]:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise RecordingError(
            f"{path.name}: message {number} should be JSON, but: {error}; was the file altered?"
        ) from error
    if not isinstance(content, dict):
        raise RecordingError(
            f"{path.name}: message {number} should be a JSON object, not {content!r:.40}: was the "
            "file altered?"
        )
    return content
