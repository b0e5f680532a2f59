"""The folder of a session: what was asked for, the journal, the recordings, and a lock.

::

    session.json      what was asked for; written once
    journal.jsonl     what happened (:mod:`saccade.calibration.journal`)
    run-01.xdf …      a recording for each block that was begun; only those that count
    set-aside/        the others: without a finished trial, or done again
    lock              held by the process that is at it; free again when that ends, however it ends

Nothing is overwritten, and nothing but a recording that counts is called ``run-….xdf``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from saccade.calibration.journal import Journal
from saccade.calibration.session_events import Event
from saccade.calibration.session_summary import SessionSummary, summarise
from saccade.realtime import registry
from saccade.realtime.errors import ConfigError, SessionError

VERSION = 1
FILE, JOURNAL, LOCK, ASIDE = "session.json", "journal.jsonl", "lock", "set-aside"
PART = f".{FILE}.part"  # of the file, while it is written


@dataclass(frozen=True, slots=True)
class About:
    """What was asked for when a session began, JSON-ready.

    Parameters
    ----------
    protocol : mapping
        As from :meth:`~saccade.calibration.protocol.Protocol.asdict`.
    plan : str
        Digest of the plan.
    gallery : str
        Digest of the gallery.
    settings : mapping
        Everything else that decides what is recorded and fitted.
    speed : float
        Seconds of the session per second of clock.
    versions : mapping of str to str
        Of the libraries.
    given : mapping
        What else the command said: every setting that is not a default, by dotted key, and where
        the decoder and the window go. This and the versions are all that may differ when a session
        goes on; what is not said again then counts as it stands here.
    """

    protocol: Mapping[str, Any]
    plan: str
    gallery: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    speed: float = 1.0
    versions: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)


class SessionFolder:
    """A folder that this process, and no other, works in.

    Use :meth:`create` or :meth:`open`. It is a context manager that lets go at its end.

    Attributes
    ----------
    path : Path
        The folder.
    about : About
        What was asked for.
    """

    def __init__(self, path: Path, about: About, lock: BinaryIO) -> None:
        self.path = path
        self.about = about
        self._lock = lock
        try:
            self._journal = Journal(path / JOURNAL)
        except BaseException:
            lock.close()
            raise

    @staticmethod
    def create(path: Path, about: About) -> SessionFolder:
        """Begin a session in a folder that is empty, or not there yet.

        What a crash at this very moment left there counts as nothing.

        Raises
        ------
        SessionError
            If something is in it, or it can't be made.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
            lock = _locked(path)
            if {entry.name for entry in path.iterdir()} - {LOCK, PART}:
                lock.close()
                raise SessionError(
                    f"a new session needs an empty folder, but there is something in {path}: name "
                    "another, or resume the session that is in it"
                )
            content = {"version": VERSION, **dataclasses.asdict(about)}
            _write_whole(path / FILE, json.dumps(content, indent=1, ensure_ascii=False))
        except OSError as error:
            raise SessionError(f"no session can begin in {path}: {error.strerror}") from error
        return SessionFolder(path, about, lock)

    @staticmethod
    def open(path: Path) -> SessionFolder:
        """Go on with the session of a folder.

        Raises
        ------
        SessionError
            If there is none, another process works on it, or a file is damaged.
        """
        about = read_about(path)
        return SessionFolder(path, about, _locked(path))

    @property
    def events(self) -> list[Event]:
        """What is in the journal."""
        return self._journal.events

    def __enter__(self) -> SessionFolder:
        """Return the folder itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go of it."""
        self.close()

    def close(self) -> None:
        """Let go of journal and lock; may be called twice."""
        self._journal.close()
        self._lock.close()

    def discard(self) -> None:
        """Take away the folder of a session in which nothing has happened, and let go of it."""
        self.close()
        if not self.events and not self.recordings():
            for name in (FILE, JOURNAL, LOCK, PART):
                (self.path / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # somebody else has put something there
                self.path.rmdir()

    def append(self, events: Sequence[Event]) -> None:
        """Write events to the journal."""
        self._journal.append(events)

    def run_path(self, number: int) -> Path:
        """Return the file of a recording."""
        return self.path / f"run-{number:02d}.xdf"

    def recordings(self) -> list[Path]:
        """Return the recordings that count, in the order in which they were made."""
        return sorted(self.path.glob("run-*.xdf"), key=lambda path: (len(path.name), path.name))

    def summary(self) -> SessionSummary:
        """Return what the session came to so far."""
        counted = {int(path.stem.removeprefix("run-")) for path in self.recordings()}
        return summarise(self.events, counted)

    def set_aside(self, number: int) -> None:
        """Move a recording out of those that count; it stays on the disk."""
        source = self.run_path(number)
        if source.exists():
            (self.path / ASIDE).mkdir(exist_ok=True)
            source.rename(self.path / ASIDE / source.name)

    def require(self, about: About) -> None:
        """Refuse to go on with other settings than the session was begun with.

        Raises
        ------
        SessionError
            Naming what differs.
        """
        for name in ("protocol", "gallery", "speed", "settings", "plan"):
            asked, there = getattr(about, name), getattr(self.about, name)
            if asked != there:
                raise SessionError(
                    f"the session in {self.path} was begun with another {name} "
                    f"({_difference(there, asked)}): go on with what it was begun with, or begin "
                    "another in another folder"
                )


def read_about(path: Path) -> About:
    """Return what the session of a folder was asked for.

    Raises
    ------
    SessionError
        If there is no session, or the file is damaged or of another version.
    """
    file = path / FILE
    try:
        content = json.loads(file.read_bytes())
    except OSError as error:
        raise SessionError(f"there is no session in {path}: {error.strerror} ({FILE})") from error
    except ValueError as error:
        raise SessionError(f"{file} is damaged ({error}): begin another session") from error
    if not isinstance(content, dict) or content.pop("version", None) != VERSION:
        raise SessionError(f"{file} is not of version {VERSION}: begin another session")
    try:
        about: About = registry.build_settings(About, content, str(file))
    except ConfigError as error:
        raise SessionError(str(error)) from error
    return about


def _difference(there: object, asked: object) -> str:
    """Return how two settings differ, the first field of it if they have fields."""
    if isinstance(there, Mapping) and isinstance(asked, Mapping):
        keys = [k for k in {**there, **asked} if there.get(k) != asked.get(k)]
        return f"{keys[0]} {_difference(there.get(keys[0]), asked.get(keys[0]))}"
    return f"was {_short(there)}, is {_short(asked)}"


def _short(value: object) -> str:
    text = "not given" if value is None else json.dumps(value, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole, or not at all."""
    beside = path.with_name(PART)
    with beside.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _locked(path: Path) -> BinaryIO:
    """Return the folder's lock, held as long as it is open."""
    try:
        lock = (path / LOCK).open("a+b")
    except OSError as error:
        raise SessionError(f"no session can be held in {path}: {error.strerror}") from error
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise SessionError(f"another process is at the session in {path}: end it first") from error
    return lock
