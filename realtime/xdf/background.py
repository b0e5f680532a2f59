"""Writing in the background: a bounded queue, and a thread that empties it into a file.

Concurrent activities: whoever calls :meth:`BackgroundWriter.offer` only appends to the queue and
waits for nobody, however slow the disk is. The thread "xdf-recorder" takes what has gathered, at
least every quarter of a second, makes chunks of it and writes them; it alone touches the file and
it alone may wait for the disk. The lock between the two is held for moments without input or
output. :meth:`BackgroundWriter.close` waits for the thread to finish.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Float64
from saccade.realtime.xdf.writer import XDFWriter

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 0.25
WRITE_AT_BYTES = 4 << 20  # so much is written at once, without waiting longer
CLOSE_WITHIN_S = 60.0
_ENTRY_BYTES = 200  # what an entry takes beside its values, roughly


@dataclass(frozen=True, slots=True)
class Header:
    """A stream to be announced."""

    stream_id: int
    sfreq: float
    xml: str

    @property
    def n_bytes(self) -> int:
        """Room that it takes in the queue."""
        return _ENTRY_BYTES + len(self.xml)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Samples of a stream: numbers of shape (n_samples, n_channels), or texts."""

    stream_id: int
    stamps: Float64
    values: NDArray[Any] | Sequence[str]

    @property
    def n_bytes(self) -> int:
        """Room that they take in the queue."""
        if isinstance(self.values, np.ndarray):
            return _ENTRY_BYTES + self.stamps.nbytes + self.values.nbytes
        return _ENTRY_BYTES + self.stamps.nbytes + sum(map(len, self.values))


Entry = Header | Rows


class BackgroundWriter:
    """Writes behind a queue.

    Parameters
    ----------
    writer : XDFWriter
        What to write with; from now on the thread's alone.
    limit_bytes : int
        How much may wait, what is being written included.
    clock : callable
        Present time in seconds.

    Attributes
    ----------
    error : Exception or None
        Why the thread has given up, if it has.
    """

    def __init__(self, writer: XDFWriter, limit_bytes: int, clock: Callable[[], float]) -> None:
        self.error: Exception | None = None
        self._writer = writer
        self._limit_bytes = limit_bytes
        self._clock = clock
        self._queue: deque[Entry] = deque()
        self._waiting_bytes = 0
        self._full = self._closing = False
        self._changed = threading.Condition()
        # A daemon, so that a disk that never answers can't keep the process alive.
        self._thread = threading.Thread(target=self._run, name="xdf-recorder", daemon=True)
        self._thread.start()

    def offer(self, entries: Sequence[Entry], *, must: bool = False) -> bool:
        """Put entries in the queue, all or none; return whether they were taken.

        Once it has refused some, it refuses all until half of the queue is free: one long loss
        is better than many short ones.

        Parameters
        ----------
        entries : sequence of Header or Rows
            What to write, in this order within each stream.
        must : bool
            Take them however full the queue is; for what is small and rare.
        """
        n_bytes = sum(entry.n_bytes for entry in entries)
        with self._changed:
            self._full &= self._waiting_bytes > self._limit_bytes / 2
            self._full |= self._waiting_bytes + n_bytes > self._limit_bytes
            if self._full and not must:
                return False
            self._queue.extend(entries)
            self._waiting_bytes += n_bytes
            if self._waiting_bytes >= WRITE_AT_BYTES:
                self._changed.notify()
        return True

    def close(self) -> None:
        """Write all that waits and the footers; return when done, or when the disk won't."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(CLOSE_WITHIN_S)
        if self._thread.is_alive():
            self.error = TimeoutError(
                f"the disk did not take the last {self._waiting_bytes / 1e6:.1f} MB within "
                f"{CLOSE_WITHIN_S:g} s"
            )

    def _run(self) -> None:
        try:
            while True:
                entries, n_bytes, last = self._take()
                self._write(entries)
                with self._changed:
                    self._waiting_bytes -= n_bytes
                if last:
                    self._writer.close(self._clock())
                    return
        except Exception as error:  # whatever it is, the session hears of it and goes on
            foreseen = isinstance(error, OSError)  # which the sink tells in a sentence
            logger.log(
                logging.DEBUG if foreseen else logging.ERROR,
                "the recorder's thread has ended",
                exc_info=True,
            )
            with contextlib.suppress(Exception):  # the footers may still find room
                self._writer.close(self._clock())
            with self._changed:
                self._queue.clear()
            self.error = error

    def _take(self) -> tuple[list[Entry], int, bool]:
        """Wait; return the next entries, their size, and whether they are the last."""
        entries: list[Entry] = []
        n_bytes = 0
        with self._changed:
            self._changed.wait_for(
                lambda: self._closing or self._waiting_bytes >= WRITE_AT_BYTES, WRITE_EVERY_S
            )
            while self._queue and n_bytes < WRITE_AT_BYTES:
                entry = self._queue.popleft()
                entries.append(entry)
                n_bytes += entry.n_bytes
            return entries, n_bytes, self._closing and not self._queue

    def _write(self, entries: Sequence[Entry]) -> None:
        """Write entries, the samples of each stream as one chunk."""
        now_s = self._clock()
        rows_of: dict[int, list[Rows]] = {}
        for entry in entries:
            if isinstance(entry, Header):
                self._writer.add_stream(entry.stream_id, entry.sfreq, entry.xml, now_s)
            else:
                rows_of.setdefault(entry.stream_id, []).append(entry)
        for stream_id, rows in rows_of.items():
            self._writer.add_samples(
                stream_id,
                np.concatenate([part.stamps for part in rows]),
                _joined([part.values for part in rows]),
            )
        self._writer.write(now_s)


def _joined(parts: list[NDArray[Any] | Sequence[str]]) -> NDArray[Any] | Sequence[str]:
    """Return the parts of one stream, which are all arrays or all texts, as one."""
    arrays = [part for part in parts if isinstance(part, np.ndarray)]
    return np.concatenate(arrays) if arrays else [text for part in parts for text in part]
