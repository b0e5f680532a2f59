"""Commands on their way from other threads to the loop, and the answers on their way back.

Concurrent activities: any thread may :meth:`Commands.submit`, which never waits; the loop takes up
what there is between two steps (:meth:`Commands.obey`) and never waits either.
"""

from __future__ import annotations

import logging
import os
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from saccade.realtime.engine import Engine
from saccade.realtime.errors import ControlError, SaccadeError

logger = logging.getLogger(__name__)

Action = Callable[[Engine], dict[str, Any]]
"""Does something to an engine between two steps, and returns what to answer, JSON-ready."""

ROOM = 64
AT_ONCE = 8  # that are taken up between two steps, so that the next one is not late


class Commands:
    """A bounded queue of actions.

    Parameters
    ----------
    room : int
        How many may wait; the next is refused.
    """

    def __init__(self, room: int = ROOM) -> None:
        self._waiting: queue.Queue[tuple[Action, Future[dict[str, Any]]]] = queue.Queue(room)
        self._closing = threading.Lock()
        self._closed = False

    def submit(self, action: Action) -> Future[dict[str, Any]]:
        """Queue an action; it can be cancelled as long as the loop has not taken it up.

        Raises
        ------
        ControlError
            If too many wait, or the session has ended.
        """
        answer: Future[dict[str, Any]] = Future()
        with self._closing:
            if self._closed:
                raise ControlError("the session has ended")
            try:
                self._waiting.put_nowait((action, answer))
            except queue.Full:
                raise ControlError(
                    f"{self._waiting.maxsize} commands wait already: is the session held up?"
                ) from None
        return answer

    def obey(self, engine: Engine) -> None:
        """Take up what waits, a few at most; for the loop, between two steps."""
        for _ in range(AT_ONCE):
            try:
                action, answer = self._waiting.get_nowait()
            except queue.Empty:
                return
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(action(engine))
            except SaccadeError as error:
                answer.set_exception(error)
            except Exception as error:  # no command may end a session
                logger.exception("a command failed")
                answer.set_exception(ControlError(f"it failed: {type(error).__name__}: {error}"))

    def close(self) -> None:
        """Refuse what waits, and all that comes: the loop has ended."""
        with self._closing:
            self._closed = True
        while True:
            try:
                _, answer = self._waiting.get_nowait()
            except queue.Empty:
                return
            if answer.set_running_or_notify_cancel():
                answer.set_exception(ControlError("the session has ended"))


def status(engine: Engine) -> dict[str, Any]:
    """Return how the session does: process, stream, ``paused``, and the summary so far."""
    about = {"pid": os.getpid(), "stream": engine.spec.name, "paused": engine.paused}
    if "decoder_sha256" in engine.session:
        about["decoder_sha256"] = engine.session["decoder_sha256"]
    return engine.summary() | about


def pause(engine: Engine) -> dict[str, Any]:
    """Pause predictions and decisions."""
    engine.pause()
    return {}


def resume(engine: Engine) -> dict[str, Any]:
    """Go on with them."""
    engine.resume()
    return {}


def reset(engine: Engine) -> dict[str, Any]:
    """Forget the evidence so far."""
    return {"decisions": len(engine.clear())}


def mark(value: str) -> Action:
    """Return what puts a marker at the newest sample; the answer has its ``stamp_s``."""
    return lambda engine: {"stamp_s": engine.mark(value).stamp}


def end(engine: Engine) -> dict[str, Any]:
    """End the session."""
    engine.end()
    return {}
