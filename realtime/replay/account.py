"""What a session told of itself when it was recorded: its settings, and all that it decoded."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.realtime.errors import RecordingError

# Types of streams, in a file as over LSL; a session that decides nothing has no decisions.
PREDICTIONS, DECISIONS, STATUS = "Predictions", "Decisions", "Status"

_TEXTS = "a list of texts"
_OBJECT = "an object"
_IS: dict[str, Callable[[Any], bool]] = {
    "a whole number": lambda v: isinstance(v, int),
    "a number or null": lambda v: v is None or isinstance(v, int | float),
    "a text or null": lambda v: v is None or isinstance(v, str),
    _TEXTS: lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v),
    _OBJECT: lambda v: isinstance(v, dict),
    "an object of texts": lambda v: (
        isinstance(v, dict) and all(isinstance(item, str) for item in v.values())
    ),
    "a list of concepts": lambda v: (
        isinstance(v, list)
        and len(v) > 0
        and all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in v)
    ),
}
# What is looked up in an account; of a session, what is not told is taken to be as it is now.
_SESSION = {
    "labels": "an object of texts",
    "ignore": _TEXTS,
    "decoder": _OBJECT,
    "versions": _OBJECT,
}
_EPOCH = {"epoch": "a whole number", "onset_s": "a number or null", "marker": "a text or null"}
_COMMAND = {"do": "a text or null"}
_MESSAGES = {
    "prediction": _EPOCH | {"top": "a list of concepts"},
    "rejected": _EPOCH | {"rejected": _TEXTS},
    "decision": {"number": "a whole number", "choice": "a text or null"},
}


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
    commands : tuple of mapping
        What the session was told to do, as :class:`~saccade.realtime.types.StreamEvent` has it.
    """

    name: str
    session: Mapping[str, Any]
    messages: tuple[Mapping[str, Any], ...]
    commands: tuple[Mapping[str, Any], ...] = ()


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
    return _account(path, messages[0].get("session"), tuple(messages[1:]), messages)


def _from_xdf(path: Path) -> Account:
    from saccade.realtime.sources.formats.xdf_stream import read_streams

    streams = read_streams(path)[0]
    found = [stream for stream in streams if stream.type == PREDICTIONS]
    if len(found) != 1:
        names = ", ".join(f"'{stream.name}'" for stream in found)
        raise RecordingError(
            f"{path.name} should have one stream of type '{PREDICTIONS}', as run --record writes "
            f"it, not {names or 'none'}: give the session's log with --against"
        )
    (stream,) = found
    decided = [other for other in streams if other.type == DECISIONS and other.is_text]
    lines: Iterable[Any] = (row[0] for told in (stream, *decided) for row in told.rows)
    messages = tuple(_json(path, number, line) for number, line in enumerate(lines, 1))
    told = (row[0] for s in streams if s.type == STATUS and s.is_text for row in s.rows)
    status = [_json(path, number, line) for number, line in enumerate(told, 1)]
    return _account(path, _json(path, 0, stream.own("session")), messages, status)


def _account(
    path: Path,
    session: Any,
    messages: tuple[Mapping[str, Any], ...],
    events: Iterable[Mapping[str, Any]],
) -> Account:
    """Return an account whose every value that will be looked up is what it should be."""
    _check(path, "the first message", {"session": _OBJECT}, {"session": session})
    told = {key: kind for key, kind in _SESSION.items() if key in session}
    _check(path, "the session", told, session)
    for number, message in enumerate(messages, 1):
        wanted = _MESSAGES.get(str(message.get("type")), {})
        if "shown" in message:
            wanted = wanted | {"shown": _OBJECT}
        _check(path, f"result {number}", wanted, message)
    commands = [event["command"] for event in events if "command" in event]
    for number, command in enumerate(commands, 1):
        _check(path, f"command {number}", {"command": _OBJECT}, {"command": command})
        _check(path, f"command {number}", _COMMAND, command)
    return Account(path.name, session, messages, tuple(commands))


def _check(path: Path, what: str, wanted: Mapping[str, str], found: Mapping[str, Any]) -> None:
    for key, kind in wanted.items():
        if key not in found or not _IS[kind](found[key]):
            came = f"{found[key]!r:.40}" if key in found else "nothing"
            raise RecordingError(
                f"{path.name}: {what} should have {kind} as '{key}', not {came}: was the file "
                "altered?"
            )


def _json(path: Path, number: int, line: bytes | str) -> Mapping[str, Any]:
    try:
        content = json.loads(line, parse_constant=_refuse)
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


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is none")
