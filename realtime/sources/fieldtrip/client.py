"""mne-realtime's client of the FieldTrip buffer, made fit for a live loop.

The client asks and waits for the answer. Three things keep it from being used as it is: when the
server closes the connection, or is slow, it reads on for ever; waiting for samples can't be given
up and taken up again; and an answer that makes no sense raises whatever comes of it. All are mended
here; the protocol itself (version 1) is the client's. What it has no words for in Python 3,
writing, is not used.

This module is imported only when a FieldTrip source is opened: mne-realtime brings all of MNE.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from numpy.typing import NDArray

with warnings.catch_warnings():
    # All of it but this client is; see docs/mne-realtime.md.
    warnings.filterwarnings("ignore", "MNE-realtime is discontinued", FutureWarning)
    from mne_realtime.externals import FieldTrip

ANSWER_S = 2.0  # within which a server has to answer, beyond what a caller has time for
SLOW = f"it has not answered in full within {ANSWER_S:g} s"
WAIT_S = 0.25  # for which it is told to wait; its answer is also a sign of life
LARGEST_ANSWER = 1 << 30  # bytes; a header that promises more is no header


class BufferClient(FieldTrip.Client):  # type: ignore[misc]
    """A connection to a FieldTrip buffer.

    Every method may raise OSError, and none anything else: the connection is then of no use any
    more.

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
        self.answer_within(0.0)
        self._asked_s: float | None = None  # when a question was put that has no answer yet

    def header(self) -> FieldTrip.Header | None:
        """Return what the buffer carries, or None if it has no header.

        Names are UTF-8, or else Latin-1, as older software of Windows has it.
        """
        status, answer = self._ask(FieldTrip.GET_HDR)
        if status == FieldTrip.GET_ERR:
            return None
        header = FieldTrip.Header()
        with _only_connection_errors("header"):
            n_channels, *counts, sfreq, data_type, size = struct.unpack_from("IIIfII", answer)
            chunks = answer[24 : 24 + size]
            while len(chunks) >= 8:
                kind, length = struct.unpack_from("II", chunks)
                header.chunks[kind] = chunks[8 : 8 + length]
                chunks = chunks[8 + length :]
        header.nChannels, header.fSample, header.dataType = n_channels, sfreq, data_type
        header.nSamples, header.nEvents = counts
        labels = header.chunks.get(FieldTrip.CHUNK_CHANNEL_NAMES, b"").split(b"\0")
        if len(labels) >= n_channels:
            header.labels = [_decoded(label) for label in labels[:n_channels]]
        return header

    def answer_within(self, timeout_s: float) -> None:
        """Give up if what is asked from now on is not answered within this time and 2 s."""
        self._due_s = time.monotonic() + timeout_s + ANSWER_S

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
        self._asked_s = None
        status, _, answer = self.receiveResponse()
        if status != FieldTrip.WAIT_OK or answer is None or len(answer) < 8:
            raise ConnectionError("its header was taken away")
        n_samples, n_events = struct.unpack_from("II", answer)
        return n_samples, n_events

    def more(self, n_samples: float, timeout_s: float) -> int:
        """Wait for at most so long until there are more samples than this; return how many."""
        most = 0xFFFFFFFF
        question = struct.pack("III", min(int(n_samples), most), most, round(1e3 * timeout_s))
        _, answer = self._ask(FieldTrip.WAIT_DAT, question)
        if len(answer) < 8:
            raise ConnectionError("its header was taken away")
        return int(struct.unpack_from("I", answer)[0])

    def samples(self, start: int, stop: int) -> NDArray[Any] | None:
        """Return samples, shape (stop - start, n_channels), or None if not all are there."""
        with _only_connection_errors("samples"):
            data: NDArray[Any] | None = self.getData((start, stop - 1))
        return data

    def events(self, start: int, stop: int) -> list[FieldTrip.Event | None]:
        """Return events, None for each that can't be read; none if not all are there.

        They are asked for at once; if one of them makes no sense, one by one.
        """
        status, answer = self._ask(FieldTrip.GET_EVT, struct.pack("II", start, stop - 1))
        if status == FieldTrip.GET_ERR:
            return []
        found = _events(answer)
        if len(found) == stop - start:
            return [*found]
        if stop - start == 1:
            return [None]
        return [(self.events(n, n + 1) or [None])[0] for n in range(start, stop)]

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

    def _ask(self, command: int, question: bytes | None = None) -> tuple[int, bytes]:
        """Return status and content of an answer."""
        self.sendRequest(command, question)
        status, _, answer = self.receiveResponse()
        if status not in (FieldTrip.GET_OK, FieldTrip.GET_ERR, FieldTrip.WAIT_OK):
            raise ConnectionError(f"it answered with status {status:#x}")
        return status, answer or b""

    def _receive(self, size: int) -> bytes:
        parts, left = [], size
        while left:
            left_s = self._due_s - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(SLOW)
            self.sock.settimeout(left_s)
            try:
                part = self.sock.recv(min(left, 1 << 20))
            except TimeoutError:
                raise TimeoutError(SLOW) from None
            if not part:
                raise ConnectionError("the server closed the connection")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)


_NONSENSE = (IndexError, TypeError, ValueError, OverflowError, struct.error)


@contextlib.contextmanager
def _only_connection_errors(what: str) -> Iterator[None]:
    """Let an answer that makes no sense be an error of the connection."""
    try:
        yield
    except _NONSENSE as error:
        raise ConnectionError(f"its {what}: no sense in it ({error})") from error


def _events(answer: bytes) -> list[FieldTrip.Event]:
    """Return the events in an answer; none if there is anything in it that is no event."""
    found = []
    while answer:
        event = FieldTrip.Event()
        try:
            size = event.deserialize(answer)
        except (OSError, *_NONSENSE):
            size = 0
        if size == 0:
            return []
        found.append(event)
        answer = answer[size:]
    return found


def _decoded(name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        return name.decode("latin-1")


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
