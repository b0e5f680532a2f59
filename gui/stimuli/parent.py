"""The line to the process that gives the orders: its end is the end of the window.

Concurrent activities: a thread waits for lines on standard input and queues them, and ends with
the input; everything else is called from the thread that draws, and never waits but where it says
so. Writing blocks if the reader leaves 64 kB unread; the client reads all the time.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import IO, Any

from saccade.gui.stimuli.orders import End, Order, Stop, read_order
from saccade.realtime.errors import SaccadeError

ALIVE_EVERY_S = 1.0  # of life


class Gone(Exception):
    """Whoever gave the orders is gone; no error, but one way to close."""


class Parent:
    """Reads orders and tells what happens.

    Parameters
    ----------
    lines : iterable of bytes
        Where orders come from; reading it may block.
    out : binary file
        Where messages go.
    """

    def __init__(self, lines: Iterable[bytes], out: IO[bytes]) -> None:
        self._out = out
        self._read: queue.SimpleQueue[Order | SaccadeError] = queue.SimpleQueue()
        self._waiting: deque[Order | SaccadeError] = deque()
        self._told_s = time.monotonic()
        threading.Thread(
            target=self._listen, args=(lines,), name="saccade-stimuli-orders", daemon=True
        ).start()

    def tell(self, content: dict[str, Any]) -> None:
        """Send a message.

        Raises
        ------
        Gone
            If nobody is there to read it.
        """
        try:
            self._out.write(json.dumps(content, ensure_ascii=False).encode() + b"\n")
            self._out.flush()
        except (BrokenPipeError, ValueError) as error:
            raise Gone from error
        self._told_s = time.monotonic()

    def alive(self) -> None:
        """Say that frames are shown, if nothing was said for a second; call it at every frame."""
        if time.monotonic() - self._told_s >= ALIVE_EVERY_S:
            self.tell({"at": "alive"})

    def order(self) -> Order | SaccadeError | None:
        """Return the next order, why a line is none, or None if there is nothing now."""
        self._take()
        return self._waiting.popleft() if self._waiting else None

    def breaks_off(self) -> bool:
        """Whether an order has come that ends what is being shown; older ones are forgotten."""
        self._take()
        for place, order in enumerate(self._waiting):
            if isinstance(order, Stop | End):
                for _ in range(place):
                    self._waiting.popleft()
                return True
        return False

    def _take(self) -> None:
        while not self._read.empty():
            self._waiting.append(self._read.get())

    def _listen(self, lines: Iterable[bytes]) -> None:
        try:
            for line in lines:
                if line.strip():
                    try:
                        self._read.put(read_order(line))
                    except SaccadeError as error:
                        self._read.put(error)
        finally:
            self._read.put(End())
