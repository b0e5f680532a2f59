"""The control socket of a running session: commands in, answers out, and no way to hold it up.

Concurrent activities: one thread talks to all clients in turn (asyncio) and never touches the
engine; what a client asks for goes into a bounded queue, at which the loop looks between two steps
(:mod:`saccade.realtime.control.commands`). The loop waits for nobody here.

It listens on this computer only, obeys only who proves to know a token that only this user can
read (:mod:`saccade.realtime.control.sessions`), and is short with strangers: with their lines,
their number and their time. ``docs/control.md`` is the specification.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from saccade.realtime.control.commands import Commands
from saccade.realtime.control.requests import Prepare, Requests
from saccade.realtime.control.sessions import announce
from saccade.realtime.control.wire import (
    BUSY,
    HOST,
    LARGEST_LINE,
    NONCE,
    VERSION,
    decode,
    encode,
    new_secret,
    proof,
    proves,
)
from saccade.realtime.errors import ControlError

logger = logging.getLogger(__name__)

GREETING_S = 2.0  # for a stranger to prove to know the token
TAKE_S = 5.0  # for a client to take an answer
UNREAD = 65536  # bytes that the system keeps for who does not read: megabytes would hide it
LEAVE_S = 1.0  # for the last answers, at the end; and to take what was said before hanging up
END_S = 10.0  # for all of that; a session ends without its control socket rather than not at all
HEAR_OUT_S, HEAR_OUT_READS = 0.5, 16  # of one who is refused, that the sentence may arrive
ACCEPT_EVERY_S = 0.01  # a flood of strangers waits in the kernel, where it takes nobody's time
MOST_STRANGERS, MOST_CLIENTS = 8, 8  # at once
PER_S, BURST = 20.0, 20.0  # commands of one client


class ControlServer:
    """Lets a session be commanded, from ``with`` to the end of its block.

    Parameters
    ----------
    commands : Commands
        The way to the loop; closed at the end.
    prepare : callable or None
        What reads and verifies a decoder that is to take over; None refuses to swap.
    name : str or None
        What to call the session; None finds a name that no other has.
    port : int
        To listen on; 0 takes a free one.
    folder : Path or None
        Where sessions are found; None takes the user's own.

    Attributes
    ----------
    name : str
        By which the session is found.
    port : int
        Where it listens.

    Raises
    ------
    ControlError
        If name or port are taken, or the session can't be announced safely.
    """

    def __init__(
        self,
        commands: Commands,
        prepare: Prepare | None = None,
        name: str | None = None,
        port: int = 0,
        folder: Path | None = None,
    ) -> None:
        self._commands = commands
        self._requests = Requests(commands, prepare)
        self._token = new_secret()
        self._listener = _listening(port)
        self.port: int = self._listener.getsockname()[1]
        try:
            session, self._file = announce(name, self.port, self._token, folder)
        except BaseException:
            self._listener.close()
            raise
        self.name = session.name
        self._strangers: list[asyncio.Task[None]] = []  # who has waited longest is first
        self._clients: set[asyncio.Task[None]] = set()
        self._answering: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="saccade-control", daemon=True)

    def __enter__(self) -> Self:
        """Begin to answer."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Give the last answers, hang up, and leave nothing behind."""
        self._file.unlink(missing_ok=True)
        self._commands.close()
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(END_S)
        if self._thread.is_alive():
            logger.warning("the control socket has not closed within %g s", END_S)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._listener.close()
            self._loop.close()

    async def _serve(self) -> None:
        accepting = self._loop.create_task(self._accept())
        await self._ending.wait()
        if self._answering:
            await asyncio.wait(self._answering, timeout=LEAVE_S)
        tasks = (accepting, *self._strangers, *self._clients)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _accept(self) -> None:
        while True:
            try:
                caller, _ = await self._loop.sock_accept(self._listener)
            except OSError as error:  # too many open files, say
                logger.warning("the control socket can't be reached at present: %s", error)
                await asyncio.sleep(1.0)
                continue
            if len(self._strangers) >= MOST_STRANGERS:
                self._strangers.pop(0).cancel()
            task = self._loop.create_task(self._attend(caller))
            self._strangers.append(task)
            task.add_done_callback(self._gone)
            await asyncio.sleep(ACCEPT_EVERY_S)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._clients.discard(task)
        with contextlib.suppress(ValueError):
            self._strangers.remove(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("a conversation with a control client failed", exc_info=error)

    async def _attend(self, caller: socket.socket) -> None:
        """Talk to one caller to the end; whatever it does ends this conversation alone."""
        try:
            caller.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)
            reader, writer = await asyncio.open_connection(sock=caller, limit=LARGEST_LINE)
        except BaseException:
            caller.close()
            raise
        try:
            try:
                async with asyncio.timeout(GREETING_S):
                    await self._greet(reader, writer)
            except TimeoutError as error:
                raise ControlError(
                    f"a proof of the token is expected within {GREETING_S:g} s"
                ) from error
            await self._converse(reader, writer)
        except ControlError as error:
            with contextlib.suppress(OSError, TimeoutError):
                await _say(writer, {"error": str(error)})
                await _hear_out(reader)
        except asyncio.CancelledError:
            writer.write(encode({"error": BUSY}))
            raise
        except (OSError, TimeoutError) as error:
            logger.debug("a control client is gone: %s", error)
        finally:
            await _hang_up(writer)

    async def _greet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let the caller prove to know the token, and prove it in turn."""
        nonce = new_secret()
        await _say(writer, {"saccade": VERSION, "nonce": nonce})
        line = await _line(reader)
        said = {} if line is None else decode(line)
        nonces = nonce, str(said.get("nonce"))
        is_nonce = NONCE.fullmatch(nonces[1]) is not None
        if not (is_nonce and proves(said.get("proof"), self._token, "client", *nonces)):
            raise ControlError("the token of this session must be known to command it")
        admitted = self._admit()
        await _say(writer, {"proof": proof(self._token, "server", *nonces)})
        if not admitted:
            raise ControlError(f"{MOST_CLIENTS} clients are connected already: close one")

    def _admit(self) -> bool:
        """Count the caller among the clients, if there is room, and not among the strangers."""
        task = asyncio.current_task()
        if len(self._clients) >= MOST_CLIENTS or task not in self._strangers:
            return False
        self._strangers.remove(task)
        self._clients.add(task)
        return True

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request after the other until the client hangs up."""
        left, since_s = BURST, self._loop.time()
        while (line := await _line(reader)) is not None:
            now_s = self._loop.time()
            left, since_s = min(BURST, left + PER_S * (now_s - since_s)), now_s
            in_time = left >= 1
            left -= in_time
            answering = self._loop.create_task(self._answer(line, writer, in_time=in_time))
            self._answering.add(answering)
            answering.add_done_callback(self._answering.discard)
            await answering

    async def _answer(self, line: bytes, writer: asyncio.StreamWriter, *, in_time: bool) -> None:
        try:
            request = decode(line)
            if not in_time:
                raise ControlError(f"at most {PER_S:g} commands a second are taken: wait")
            answer = await self._requests.answer(request)
        except ControlError as error:
            answer = {"error": str(error)}
        await _say(writer, answer)


def _listening(port: int) -> socket.socket:
    """Return a socket that listens on this computer only."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind((HOST, port))
        listener.listen(16)
        listener.setblocking(False)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ControlError(
            f"commands can't be taken at {HOST}:{port}: {error}; leave the port out, and a free "
            "one is found"
        ) from error
    return listener


async def _line(reader: asyncio.StreamReader) -> bytes | None:
    """Return the next line, None where the caller has hung up before its end."""
    try:
        line = await reader.readline()
    except ValueError as error:
        raise ControlError(f"a line must have at most {LARGEST_LINE} bytes") from error
    return line if line.endswith(b"\n") else None


async def _say(writer: asyncio.StreamWriter, content: dict[str, Any]) -> None:
    writer.write(encode(content))
    async with asyncio.timeout(TAKE_S):
        await writer.drain()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    """Close a conversation; who does not take what was said loses it, and holds up nobody."""
    writer.close()
    try:
        async with asyncio.timeout(LEAVE_S):
            await writer.wait_closed()
    except (OSError, TimeoutError):
        pass
    finally:
        writer.transport.abort()


async def _hear_out(reader: asyncio.StreamReader) -> None:
    """Drop some of what still comes: else the system may drop our last sentence instead."""
    async with asyncio.timeout(HEAR_OUT_S):
        for _ in range(HEAR_OUT_READS):
            if not await reader.read(LARGEST_LINE):
                return
