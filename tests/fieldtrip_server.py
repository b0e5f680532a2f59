"""A FieldTrip buffer in Python, for tests: the reading side of the protocol, and rings that forget.

After the description of the protocol (fieldtriptoolbox.org, "Low-level FieldTrip buffer TCP network
protocol", version 1). The test is the amplifier: it writes by calling methods.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

import numpy as np

GET_HDR, GET_DAT, GET_EVT, WAIT_DAT = 0x201, 0x202, 0x203, 0x402
GET_OK, GET_ERR, WAIT_OK, WAIT_ERR = 0x204, 0x205, 0x404, 0x405
NAMES, RESOLUTIONS, NIFTI, CTF, NEUROMAG = 1, 3, 5, 7, 8
TYPES = {"uint8": 1, "uint16": 2, "uint32": 3, "uint64": 4, "int8": 5, "int16": 6, "int32": 7}
TYPES |= {"int64": 8, "float32": 9, "float64": 10}


class FieldTripBuffer:
    """The server; it listens from the start, at ``port``."""

    def __init__(self, port: int = 0, ring: int = 100_000, event_ring: int = 100) -> None:
        self.ring, self.event_ring = ring, event_ring
        self.header: tuple[int, float, str, bytes] | None = None
        self.requests: list[int] = []
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port = self._listener.getsockname()[1]
        self._closed = False
        self._clear()
        threading.Thread(target=self._listen, daemon=True).start()

    def put_header(self, sfreq, names, dtype="float32", chunks=(), n_channels=None):
        content = [(NAMES, b"".join(name.encode() + b"\0" for name in names))] if names else []
        packed = b"".join(
            struct.pack("II", kind, len(data)) + data for kind, data in [*content, *chunks]
        )
        with self._changed:
            self.header = (n_channels or len(names), sfreq, dtype, packed)
            self._clear()
            self._changed.notify_all()

    def put_data(self, data):
        _, _, dtype, _ = self.header
        with self._changed:
            self._samples = np.concatenate([self._samples, np.asarray(data, dtype)])
            self.n_samples += len(data)
            self._samples = self._samples[-self.ring :]
            self._changed.notify_all()

    def put_event(self, sample, kind, value):
        fields = []
        for content in (kind, value):
            array = np.atleast_1d(content) if not isinstance(content, str) else None
            raw = content.encode() if array is None else array.tobytes()
            number = 0 if array is None else TYPES[array.dtype.name]
            fields.append((number, len(raw) if array is None else array.size, raw))
        (t, t_n, t_raw), (v, v_n, v_raw) = fields
        event = struct.pack("IIIIiiiI", t, t_n, v, v_n, sample, 0, 0, len(t_raw + v_raw))
        with self._changed:
            self._events = [*self._events, event + t_raw + v_raw][-self.event_ring :]
            self.n_events += 1
            self._changed.notify_all()

    def take_header_away(self):
        with self._changed:
            self.header = None
            self._clear()
            self._changed.notify_all()

    def hang_up(self):
        """Close all connections, as a network does; new ones are accepted."""
        with self._changed:
            connections, self._connections = self._connections, set()
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def _clear(self) -> None:
        n_channels, dtype = (self.header or (0, 0.0, "float32", b""))[0::2]
        self.n_samples = self.n_events = 0
        self._samples = np.empty((0, n_channels), dtype)
        self._events: list[bytes] = []

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._changed:
                    self._connections.add(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ValueError):
            stream = connection.makefile("rb")
            while len(prefix := stream.read(8)) == 8:
                _, command, size = struct.unpack("HHI", prefix)
                self.requests.append(command)
                status, answer = self._answer(command, stream.read(size))
                connection.sendall(struct.pack("HHI", 1, status, len(answer)) + answer)

    def _answer(self, command: int, question: bytes) -> tuple[int, bytes]:
        with self._changed:
            if command == WAIT_DAT:
                n_samples, n_events, wait_ms = struct.unpack("III", question)
                self._changed.wait_for(
                    lambda: (
                        self.n_samples > n_samples
                        or self.n_events > n_events
                        or self.header is None
                        or self._closed
                    ),
                    wait_ms / 1e3,
                )
                if self.header is None:
                    return WAIT_ERR, b""
                return WAIT_OK, struct.pack("II", self.n_samples, self.n_events)
            if self.header is None:
                return GET_ERR, b""
            n_channels, sfreq, dtype, chunks = self.header
            if command == GET_HDR:
                fixed = (n_channels, self.n_samples, self.n_events, sfreq, TYPES[dtype])
                return GET_OK, struct.pack("IIIfII", *fixed, len(chunks)) + chunks
            begin, end = struct.unpack("II", question)
            if command == GET_DAT:
                oldest = self.n_samples - len(self._samples)
                if not oldest <= begin <= end < self.n_samples:
                    return GET_ERR, b""
                raw = self._samples[begin - oldest : end - oldest + 1].tobytes()
                count = end - begin + 1
                return GET_OK, struct.pack("IIII", n_channels, count, TYPES[dtype], len(raw)) + raw
            oldest = self.n_events - len(self._events)
            if not oldest <= begin <= end < self.n_events:
                return GET_ERR, b""
            return GET_OK, b"".join(self._events[begin - oldest : end - oldest + 1])
