"""The stimulus window, seen from the session that gives it orders: a process and its messages.

Concurrent activities: the window is a process of its own (:mod:`saccade.gui.stimuli`); one thread
here tells it its settings, one reads its messages, and one what it says on standard error, the
latter two until it ends. Nothing but :meth:`StimulusProcess.poll` and :meth:`StimulusProcess.start`
waits, and those only as long as they are told to; orders go into the pipe, which a thread of the
window empties.

The window answers when it can, and what it says of one order may arrive when the next is given. So
orders are numbered, messages say which they are about, and what is about an earlier one is
forgotten: what a stopped block still had to say is no news of the next.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import queue
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self

from saccade.calibration.stimuli import StimuliSettings
from saccade.realtime.errors import SessionError

logger = logging.getLogger(__name__)

PROGRAM = (sys.executable, "-P", "-m", "saccade.gui.stimuli")
LEAVES_WITHIN_S = 5.0
SILENT_S = 15.0  # of life; it says something every second in which a frame is shown
GRACE_S = 3.0  # for a window that has only slept as long as we have
N_LAST_WORDS = 20  # lines
LIBLSL_LOG = re.compile(r"\.(cpp|h|hpp):\d+ +\w+\|")  # what it says of the network ends no window


class StimulusProcess:
    """Starts the stimulus window, gives it orders, and returns its messages in order.

    Parameters
    ----------
    settings : StimuliSettings
        Which screen, pictures and streams.
    program : sequence of str
        What to start; the first line it reads are the settings.
    """

    def __init__(self, settings: StimuliSettings, program: Sequence[str] = PROGRAM) -> None:
        self._settings = settings
        self._program = tuple(program)
        self._messages: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._last_words: deque[str] = deque(maxlen=N_LAST_WORDS)
        self._process: subprocess.Popen[bytes] | None = None
        self._threads: list[threading.Thread] = []
        self._order_number = 0  # of the newest
        self._heard_s = 0.0

    def start(self, timeout_s: float = 60.0) -> dict[str, Any]:
        """Start it and wait until the window is there; return what it says about it.

        Raises
        ------
        SessionError
            If it refuses, ends, or says nothing in that time.
        """
        try:
            process = self._process = subprocess.Popen(
                self._program,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
                bufsize=0,
            )
        except OSError as error:
            raise SessionError(f"the stimulus window could not be started: {error}") from error
        self._threads = [
            threading.Thread(target=target, args=(pipe,), name=f"saccade-{what}", daemon=True)
            for target, pipe, what in (
                (self._tell_settings, process.stdin, "stimuli-settings"),
                (self._hear, process.stdout, "stimuli-messages"),
                (self._overhear, process.stderr, "stimuli-errors"),
            )
        ]
        for thread in self._threads:
            thread.start()
        try:
            return self._ready(timeout_s)
        except SessionError:
            self.close()
            raise

    def block(
        self, number: int, of: int, sequences: Sequence[Mapping[str, Any]], lead_in_s: float
    ) -> None:
        """Have a block shown."""
        self._order(
            {
                "do": "block",
                "number": number,
                "of": of,
                "sequences": [dict(sequence) for sequence in sequences],
                "lead_in_s": lead_in_s,
            }
        )

    def rest(self, seconds: float, title: str, text: str) -> None:
        """Have it count down."""
        self._order({"do": "rest", "seconds": seconds, "title": title, "text": text})

    def text(self, title: str, text: str) -> None:
        """Have a text shown until the next order."""
        self._order({"do": "text", "title": title, "text": text})

    def stop(self) -> None:
        """Break off what is being shown; that it has ended is told, as at any end."""
        self._send({"do": "stop"})

    def poll(self, timeout_s: float) -> list[dict[str, Any]]:
        """Return the messages about the newest order since the last call, or wait for one.

        Parameters
        ----------
        timeout_s : float
            How long to wait if there is none, in seconds of life.

        Raises
        ------
        SessionError
            If the window is gone, once its last message has been returned, or shows no frames.
        """
        messages = self._taken(timeout_s)
        if not messages and self._silent_s() > SILENT_S:
            messages = self._taken(GRACE_S)
            if not messages and self._silent_s() > SILENT_S:
                raise SessionError(
                    f"the stimulus window has shown nothing for {self._silent_s():.0f} s: is the "
                    "screen locked or asleep? Start again; what was recorded is kept"
                )
        newest = self._order_number
        return [message for message in messages if message.get("order", newest) == newest]

    def close(self) -> None:
        """Have the window closed, by force if it does not; may be called twice."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            if process.stdin is not None:
                process.stdin.close()  # the end of the input is the end of the window
        try:
            process.wait(LEAVES_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for thread in self._threads:
            thread.join(LEAVES_WITHIN_S)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        """Start it."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()

    def _ready(self, timeout_s: float) -> dict[str, Any]:
        end_s = time.monotonic() + timeout_s
        while (left_s := end_s - time.monotonic()) > 0:
            for message in self._taken(left_s):
                if message["at"] == "refused":
                    raise SessionError(message["text"])
                if message["at"] == "ready":
                    return message
        raise SessionError(
            f"the stimulus window should be ready within {timeout_s:g} s, but it says nothing: is "
            "the screen locked, or the computer very busy?"
        )

    def _order(self, content: Mapping[str, Any]) -> None:
        self._order_number += 1
        self._send({**content, "order": self._order_number})

    def _send(self, content: Mapping[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            raise SessionError("the stimulus window is not open: start it first")
        try:
            _write(self._process.stdin, json.dumps(content, ensure_ascii=False))
        except OSError as error:
            raise self._gone() from error

    def _taken(self, timeout_s: float) -> list[dict[str, Any]]:
        """Return the messages that have come, or wait for one."""
        messages: list[dict[str, Any]] = []
        try:
            messages.append(self._checked(self._messages.get(timeout=max(0.0, timeout_s))))
            while True:
                messages.append(self._checked(self._messages.get_nowait()))
        except queue.Empty:
            return messages
        except SessionError:
            if not messages:
                raise
            return messages

    def _silent_s(self) -> float:
        """Return for how long it has said nothing, in seconds of life."""
        return time.monotonic() - self._heard_s

    def _checked(self, message: dict[str, Any] | None) -> dict[str, Any]:
        if message is None:
            self._messages.put(None)  # for the next call
            raise self._gone()
        return message

    def _gone(self) -> SessionError:
        """Return that it has ended: with the last line of a traceback, or the first of an abort."""
        code = None
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(1.0)
        for thread in self._threads:
            thread.join(1.0)
        lines = [line for line in self._last_words if line]
        said = "" if not lines else lines[0] if code is not None and code < 0 else lines[-1]
        return SessionError(
            "the stimulus window has ended"
            + (f" with exit code {code}" if code is not None else "")
            + (f"; its last words: {said}" if said else "")
            + ": start again; what was recorded is kept"
        )

    def _tell_settings(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):  # who waits for it to be ready will be told
            _write(pipe, self._settings.to_json())

    def _hear(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            self._heard_s = time.monotonic()
            try:
                message = json.loads(line)
            except ValueError:
                message = None
            if isinstance(message, dict) and "at" in message:
                if message["at"] != "alive":
                    self._messages.put(message)
            else:
                logger.debug("the stimulus window printed %r", line)
        self._messages.put(None)

    def _overhear(self, pipe: IO[bytes]) -> None:
        for line in pipe:
            words = line.decode(errors="replace").strip()
            if not LIBLSL_LOG.search(words):
                self._last_words.append(words)


def _write(pipe: IO[bytes], line: str) -> None:
    left = memoryview(line.encode() + b"\n")
    while left:  # a raw pipe may take a part
        left = left[pipe.write(left) :]
