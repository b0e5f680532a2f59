r"""Which sessions run on this computer: a small file for each, that only its owner can read.

A file holds port and token of a session, so whoever can read it may command the session. It lies
in a folder of this user alone: ``$XDG_RUNTIME_DIR/saccade`` where the system has that, otherwise
``saccade-UID`` in the folder for temporary files; on Windows ``%LOCALAPPDATA%\saccade\sessions``,
where nobody else can look either. A session that was killed leaves its file, and another program
may have its port by now. Who finds that nobody listens there, or somebody else, removes the file;
and so where whoever listens says nothing, but the session's process is gone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import secrets
import stat
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from saccade.realtime.control.connection import Connection, NotTheSession
from saccade.realtime.control.wire import VERSION
from saccade.realtime.errors import ControlError

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,63}")
ALIVE_S = 2.0  # how long a session may take to prove that it runs


@dataclass(frozen=True, slots=True)
class RunningSession:
    """A session that can be commanded: its name, process, port and, to be kept secret, token."""

    name: str
    pid: int
    port: int
    started_unix_s: float
    token: str = field(repr=False)


def check_name(name: str) -> None:
    """Refuse a name that is not fit for a file.

    Raises
    ------
    ControlError
        Saying what is.
    """
    if not NAME.fullmatch(name):
        raise ControlError(
            "a session's name has 1 to 64 letters, digits, '.', '_' and '-', and begins with "
            f"neither of the last: not '{name:.80}'"
        )


def announce(
    name: str | None, port: int, token: str, folder: Path | None = None
) -> tuple[RunningSession, Path]:
    """Let a session be found; return it and its file.

    Parameters
    ----------
    name : str or None
        What to call it; None finds a name that no other has.
    port : int
        Where it listens already.
    token : str
        Its secret.
    folder : Path or None
        Where sessions are found; None takes the user's own.

    Raises
    ------
    ControlError
        If the name is no name, or a running session has it, or there is no safe place for the file.
    """
    folder = own_folder() if folder is None else folder
    session = RunningSession("", os.getpid(), port, round(time.time(), 3), token)
    for candidate in (name,) if name is not None else _names():
        check_name(candidate)
        path = folder / f"{candidate}.json"
        session = dataclasses.replace(session, name=candidate)
        if _written(session, path):
            return session, path
        other = _read(path)
        if other is None or not _runs(other):
            _remove(path, other)
            if _written(session, path):
                return session, path
        if name is not None:
            pid = "" if other is None else f" (process {other.pid})"
            raise ControlError(f"a session called '{name}' runs already{pid}: choose another name")
    raise ControlError(f"no name for a session is free in {folder}: name it yourself")


def running(folder: Path | None = None) -> tuple[RunningSession, ...]:
    """Return the sessions of this user that run on this computer, oldest first.

    The files of those that have ended without removing theirs are removed.

    Raises
    ------
    ControlError
        If the folder is not this user's alone.
    """
    folder = own_folder() if folder is None else folder
    found = []
    for path in sorted(folder.glob("*.json")):
        session = _read(path)
        if session is not None and _runs(session):
            found.append(session)
        else:
            _remove(path, session)
    return tuple(sorted(found, key=lambda session: session.started_unix_s))


def find(name: str | None, folder: Path | None = None) -> RunningSession:
    """Return the session of a name, or the only one there is.

    Raises
    ------
    ControlError
        If there is none, or it is not clear which; the message lists those that run.
    """
    sessions = running(folder)
    names = ", ".join(session.name for session in sessions)
    if name is not None:
        for session in sessions:
            if session.name == name:
                return session
        raise ControlError(f"no session called '{name}' runs here; there is {names or 'none'}")
    if not sessions:
        raise ControlError("no session runs here that could be commanded: start one (saccade run)")
    if len(sessions) > 1:
        raise ControlError(f"{len(sessions)} sessions run here: say which of {names} is meant")
    return sessions[0]


def own_folder() -> Path:
    """Return the folder in which this user's sessions are found, made if need be.

    Raises
    ------
    ControlError
        If it can't be made, or belongs to another user.
    """
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or tempfile.gettempdir()
        folder = Path(base) / "saccade" / "sessions"
    else:
        runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or "/nowhere")
        if runtime.is_absolute() and runtime.is_dir() and runtime.stat().st_uid == os.getuid():
            folder = runtime / "saccade"
        else:
            folder = Path(tempfile.gettempdir()) / f"saccade-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
        if sys.platform != "win32":
            if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
                raise ControlError(
                    f"sessions are announced in {folder}, but that is a link or another user's: "
                    "remove it, or set XDG_RUNTIME_DIR to a folder of your own"
                )
            folder.chmod(0o700)
    except OSError as error:
        raise ControlError(
            f"sessions are announced in {folder}, but it can't be used: {error.strerror}"
        ) from error
    return folder


def _names() -> Iterator[str]:
    first = f"run-{os.getpid()}"
    yield first
    for number in range(2, 100):
        yield f"{first}-{number}"


def _written(session: RunningSession, path: Path) -> bool:
    """Write a session's file, whole or not at all; return False where there is one."""
    content = json.dumps({"saccade": VERSION, **dataclasses.asdict(session)}).encode()
    draft = path.with_name(f".{session.name}-{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.link(draft, path)  # unlike a renaming, it replaces nothing
    except FileExistsError:
        return False
    except OSError as error:
        raise ControlError(f"a session can't be announced at {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    return True


def _read(path: Path) -> RunningSession | None:
    """Return the session of a file, None if it is gone or no such file."""
    try:
        content = json.loads(path.read_bytes())
        if content.pop("saccade") != VERSION:
            return None
        session = RunningSession(**content)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    told = (session.name, session.pid, session.port, session.token)
    fits = (
        tuple(map(type, told)) == (str, int, int, str)
        and 0 < session.port < 65536
        and session.pid > 0
    )
    own = fits and session.name.casefold() == path.stem.casefold()  # some file systems ignore case
    return session if own else None


def _runs(session: RunningSession) -> bool:
    """Return whether who listens at a session's port knows its token, or may yet prove to."""
    try:
        Connection(session.port, session.token, ALIVE_S).close()
    except NotTheSession:
        return False
    except ControlError:
        return _is_process(session.pid)  # silent, or hung up: busy if it is the session
    return True


def _is_process(pid: int) -> bool:
    """Return whether this user has a process of a number; True on Windows, which can't be asked."""
    if sys.platform == "win32":
        return True  # there os.kill would end it
    try:
        os.kill(pid, 0)
    except (OSError, OverflowError):  # none, or another user's
        return False
    return True


def _remove(path: Path, session: RunningSession | None) -> None:
    """Remove a file, unless another session has put its own there since it was read."""
    with contextlib.suppress(OSError):
        if _read(path) == session:
            path.unlink()
