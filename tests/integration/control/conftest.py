"""An engine that runs without a stream, and its control socket."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.realtime.control.commands import Commands
from saccade.realtime.control.server import ControlServer
from saccade.realtime.control.sessions import find
from saccade.realtime.control.wire import proof
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import Chunk, Epoch, Ranking, Reading, StreamEvent, StreamSpec

SPEC = StreamSpec("amp", 100.0, ("Cz",), ("eeg",), ("uV",))


class Endless:
    """A source that gives ten samples whenever it is asked, until it is closed."""

    def __init__(self) -> None:
        self._next = 0
        self._pace = threading.Event()

    def open(self) -> StreamSpec:
        return SPEC

    def read(self, timeout_s: float) -> Reading:
        self._pace.wait(0.002)
        start, self._next = self._next, self._next + 10
        stamps = np.arange(start, self._next) / 100.0
        signal = np.sin(stamps)[:, None].astype(np.float32)
        return Reading(Chunk(signal, stamps, np.zeros(10, np.uint16), start))

    def close(self) -> None:
        self._pace.set()


class Fixed:
    """A decoder that always says the same."""

    names = ("House", "Face")

    def decode(self, epoch: Epoch) -> Ranking:
        scores = np.zeros(2, np.float32)
        return Ranking((), scores, scores)


class Events(QuietSink):
    """Keeps the commands that were told."""

    def __init__(self) -> None:
        self.commands: list[Any] = []

    def event(self, event: StreamEvent) -> None:
        self.commands.append(event.command)


@dataclass
class Running:
    """A session at work in a thread, and who talks to it."""

    engine: Engine
    server: ControlServer
    folder: Path
    told: Events
    token: str
    held: threading.Event = field(default_factory=threading.Event)

    def socket(self, timeout_s: float = 20.0) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), timeout_s)

    @contextlib.contextmanager
    def client(self, token: str | None = None) -> Iterator[Raw]:
        """Connect by hand, and prove to know a token; the session's own without one."""
        with self.socket() as line:
            raw = Raw(line)
            server_nonce = raw.receive()["nonce"]
            said = proof(token or self.token, "client", server_nonce, "c" * 64)
            raw.answer = raw.ask({"nonce": "c" * 64, "proof": said})
            yield raw


class Raw:
    """A client with no manners."""

    def __init__(self, line: socket.socket) -> None:
        self.socket = line
        self.file = line.makefile("rb")
        self.answer: dict[str, Any] = {}

    def send(self, content: bytes) -> None:
        self.socket.sendall(content)

    def receive(self) -> Any:
        """Return the next line, None at the end."""
        line = self.file.readline()
        return json.loads(line) if line else None

    def ask(self, request: Any) -> Any:
        self.send(json.dumps(request).encode() + b"\n")
        return self.receive()


@pytest.fixture
def session(tmp_path: Path) -> Callable[..., AbstractContextManager[Running]]:
    """Return what lets an engine run in a thread, with its control socket open."""

    @contextlib.contextmanager
    def run(prepare: Any = None, **about: Any) -> Iterator[Running]:
        told, commands, over = Events(), Commands(), threading.Event()
        epochs = EpochSettings(tmin_s=0.0, tmax_s=0.1, baseline_s=None, hop_s=0.1)
        engine = Engine(
            Endless(),
            Pipeline(PipelineSettings()),
            Epocher(epochs),
            lambda: 0.0,
            Fixed(),
            (told,),
            session=about,
        )
        engine.start()
        with ControlServer(commands, prepare, name="test", folder=tmp_path) as server:
            token = find(server.name, tmp_path).token
            running = Running(engine, server, tmp_path, told, token)

            def loop() -> None:
                def obey(_: object) -> bool:
                    if not running.held.is_set():
                        commands.obey(engine)
                    return over.is_set()

                engine.run(obey)

            thread = threading.Thread(target=loop)
            thread.start()
            try:
                yield running
            finally:
                over.set()
                thread.join(20)
                assert not thread.is_alive()
                engine.stop()

    return run
