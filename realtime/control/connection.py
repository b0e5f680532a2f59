"""The client's end of a conversation with a running session."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import Any

from saccade.realtime.control.wire import (
    BUSY,
    HOST,
    LARGEST_ANSWER,
    LARGEST_LINE,
    VERSION,
    decode,
    encode,
    new_secret,
    proof,
    proves,
)
from saccade.realtime.errors import ControlError


class NotTheSession(ControlError):
    """Who listens there is not the session that left the token, which so has ended."""


class Connection:
    """An open conversation, in which both sides have proved to know the token.

    Parameters
    ----------
    port : int
        Where the session listens on this computer.
    token : str
        Its secret.
    timeout_s : float
        How long to wait for it to answer.

    Raises
    ------
    NotTheSession
        If nobody listens there, or somebody who does not speak like a session, or does not know
        the token.
    ControlError
        If who listens does not answer in time, hangs up, or refuses.
    """

    def __init__(self, port: int, token: str, timeout_s: float) -> None:
        deadline_s = time.monotonic() + timeout_s
        try:
            self._socket = socket.create_connection((HOST, port), timeout_s)
        except TimeoutError as error:
            raise ControlError(_silent(timeout_s)) from error
        except OSError as error:
            raise NotTheSession(f"nobody listens at {HOST}:{port}: {error.strerror}") from error
        self._buffer = b""
        self._limit = LARGEST_LINE
        try:
            self._greet(token, deadline_s)
        except BaseException:
            self.close()
            raise

    def ask(self, request: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        """Send a request and return the answer.

        Raises
        ------
        ControlError
            What the session refuses with; or if it has ended, or does not answer in time.
        """
        answer = self._exchange(request, time.monotonic() + timeout_s)
        if "error" in answer:
            raise ControlError(str(answer["error"]))
        return answer

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def _greet(self, token: str, deadline_s: float) -> None:
        greeting = self._receive(deadline_s)
        if "error" in greeting:
            raise ControlError(str(greeting["error"]))
        if greeting.get("saccade") != VERSION:
            raise NotTheSession(
                f"a session that speaks version {VERSION} is expected, not {greeting!r:.60}"
            )
        nonces = str(greeting.get("nonce")), new_secret()
        mine = {"nonce": nonces[1], "proof": proof(token, "client", *nonces)}
        answer = self._exchange(mine, deadline_s)
        if answer.get("error") == BUSY:
            raise ControlError(BUSY)
        if not proves(answer.get("proof"), token, "server", *nonces):
            raise NotTheSession(str(answer.get("error", "it does not prove to know the token")))
        self._limit = LARGEST_ANSWER

    def _exchange(self, message: dict[str, Any], deadline_s: float) -> dict[str, Any]:
        try:
            self._socket.settimeout(_left(deadline_s))
            self._socket.sendall(encode(message))
        except TimeoutError as error:
            self.close()
            raise ControlError(_silent(0.0)) from error
        except OSError:
            pass  # it has hung up; what it said before that says why
        return self._receive(deadline_s)

    def _receive(self, deadline_s: float) -> dict[str, Any]:
        """Return the next line; after a failure the conversation is out of step, and over."""
        started_s = time.monotonic()
        try:
            while b"\n" not in self._buffer:
                if len(self._buffer) > self._limit:
                    raise NotTheSession(f"a line of at most {self._limit} bytes is expected")
                self._socket.settimeout(_left(deadline_s))
                came = self._socket.recv(65536)
                if not came:
                    raise ControlError("the session has hung up: did it end?")
                self._buffer += came
        except TimeoutError as error:
            self.close()
            raise ControlError(_silent(time.monotonic() - started_s)) from error
        except OSError as error:
            self.close()
            raise ControlError("the session has hung up: did it end?") from error
        except ControlError:
            self.close()
            raise
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            return decode(line)
        except ControlError as error:
            self.close()
            raise NotTheSession(f"who listens there is no session: {error}") from error


def _left(deadline_s: float) -> float:
    return max(1e-3, deadline_s - time.monotonic())


def _silent(waited_s: float) -> str:
    return f"the session has not answered for {waited_s:.1f} s: is it held up?"
