"""mne-realtime's client of the FieldTrip buffer, made fit for a live loop.

The client asks and waits for the answer. Two things keep it from being used as it is: when the
server closes the connection it reads on for ever, and waiting for samples can't be given up and
taken up again. Both are mended here; the protocol itself (version 1) is the client's. What it has
no words for in Python 3, writing, is not used.

This module is imported only when a FieldTrip source is opened: mne-realtime brings all of MNE.
"""

from __future__ import annotations

import socket
import struct
import time
import warnings
from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

with warnings.catch_warnings():
    # All of it but this client is; see docs/mne-realtime.md.
    warnings.filterwarnings("ignore", "MNE-realtime is discontinued", FutureWarning)
    from mne_realtime.externals import FieldTrip

ANSWER_S = 2.0  # within which a server has to answer, beyond the time it was told to wait
WAIT_S = 0.25  # for which it is told to wait; its answer is also a sign of life
LARGEST_ANSWER = 1 << 30  # bytes; a header that promises more is no header


class BufferClient(FieldTrip.Client):  # type: ignore[misc]
    """A connection to a FieldTrip buffer.

    Every method may raise OSError: the connection is then of no use any more.

    Parameters
    ----------
    host : str
        Name or address of the server.
    port : int
        Its port.
    timeout_s : float
        How long to try, in seconds.
    """

    def __init__(self, host: str, port: int, timeout_s: float) -> None:
        super().__init__()
        self.sock = socket.create_connection((host, port), timeout_s)
        self.sock.settimeout(ANSWER_S)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.isConnected = True
        self._asked_s: float | None = None  # when a question was put that has no answer yet

    def counts(self, n_samples: int, n_events: int, timeout_s: float) -> tuple[int, int] | None:
        """Wait until the server has more samples or events than these.

        Parameters
        ----------
        n_samples, n_events : int
            How many of each are known of.
        timeout_s : float
            For how long to wait, in seconds; the question stays open beyond it.

        Returns
        -------
        (int, int) or None
            Samples and events written so far, maybe no more than were known; None if there is
            no answer yet.
        """
        if self._asked_s is None:
            question = struct.pack("III", n_samples, n_events, round(1e3 * WAIT_S))
            self.sendRequest(FieldTrip.WAIT_DAT, question)
            self._asked_s = time.monotonic()
        self.sock.settimeout(timeout_s)
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, TimeoutError):
            if time.monotonic() - self._asked_s > WAIT_S + ANSWER_S:
                raise TimeoutError(f"no answer for {WAIT_S + ANSWER_S:g} s") from None
            return None
        finally:
            self.sock.settimeout(ANSWER_S)
        self._asked_s = None
        status, _, answer = self.receiveResponse()
        if status != FieldTrip.WAIT_OK or answer is None:
            raise ConnectionError("its header was taken away")
        n_samples, n_events = struct.unpack("II", answer[:8])
        return n_samples, n_events

    def samples(self, start: int, stop: int) -> NDArray[Any] | None:
        """Return samples, shape (stop - start, n_channels), or None if not all are there."""
        data: NDArray[Any] | None = self.getData((start, stop - 1))
        return data

    def events(self, start: int, stop: int) -> list[FieldTrip.Event]:
        """Return events, or none if not all are there."""
        found: list[FieldTrip.Event] = self.getEvents((start, stop - 1))
        return found

    def oldest_sample(self, start: int, stop: int) -> int:
        """Return the first sample from ``start`` on that is still there; ``stop`` if none is."""
        return _oldest(lambda number: self.samples(number, number + 1) is not None, start, stop)

    def oldest_event(self, start: int, stop: int) -> int:
        """Return the first event from ``start`` on that is still there; ``stop`` if none is."""
        return _oldest(lambda number: bool(self.events(number, number + 1)), start, stop)

    def receiveResponse(self, minBytes: int = 0) -> tuple[int, int, bytes | None]:  # noqa: N802, N803
        """Return the server's answer: status, size and content."""
        del minBytes  # nor does the client look at it
        version, status, size = struct.unpack("HHI", self._receive(8))
        if version != FieldTrip.VERSION or size > LARGEST_ANSWER:
            raise ConnectionError("what answers there is no FieldTrip buffer")
        return status, size, self._receive(size) if size else None

    def _receive(self, size: int) -> bytes:
        parts, left = [], size
        while left:
            part = self.sock.recv(min(left, 1 << 20))
            if not part:
                raise ConnectionError("the server closed the connection")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


def _oldest(there: Callable[[int], bool], start: int, stop: int) -> int:
    """Return the first number that is there: the protocol has no question for it.

    What a ring holds ends with ``stop - 1`` and has no holes, so that halving finds it.
    """
    while start < stop:
        middle = (start + stop) // 2
        if there(middle):
            stop = middle
        else:
            start = middle + 1
    return stop
