"""The recent past of a stream, addressed by sample number or by time.

Every sample is written twice, one buffer length apart, so that any window lies in one piece: it
is handed out as a view, and nothing is ever shifted or joined.

Time is looked up on an axis that never falls back within a segment: the running maximum of the
stamps, because a jittered stream steps back now and then. A segment begins at every sample
flagged GAP; across that, the clock may have jumped back by days or the stream have paused.
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterator

import numpy as np

from saccade.realtime.errors import ConfigError, SaccadeError, SourceError
from saccade.realtime.types import Chunk, Flag, FlagArray, Float32, Float64, frozen

_GAP = np.uint16(Flag.GAP)
BEFORE, TWICE, NOWHERE = -1, -2, -3
"""What :meth:`RingBuffer.index_at` returns for a time before the oldest sample held, for one that
two samples have, because the clock was set back, and for one that lies in a hole."""


class RingBuffer:
    """The last samples of a stream.

    Parameters
    ----------
    n_channels : int
        Number of channels, at least 1.
    capacity : int
        Number of samples held, at least 1.
    tie_s : float
        How much nearer the later of two samples must be to a time to be the nearest, in seconds.
        What falls in the middle between two samples, as triggers do when every other sample is
        left out, is then not tossed about by the last microseconds of a clock's measurement.
    reach_s : float
        How far into the hole between two segments a sample's time goes, in seconds; without
        limit by default.

    Raises
    ------
    ConfigError
        If either is below 1.
    """

    def __init__(
        self, n_channels: int, capacity: int, tie_s: float = 0.0, reach_s: float = math.inf
    ) -> None:
        if n_channels < 1 or capacity < 1:
            raise ConfigError(
                "a ring buffer needs at least 1 channel and 1 sample, "
                f"not {n_channels} channels and {capacity} samples"
            )
        self._capacity = capacity
        self._tie_s = tie_s
        self._reach_s = reach_s
        # One sample more than is shown: whether the oldest shown is the nearest to a time can
        # only be told from the one before it.
        self._size = capacity + 1
        self._data = np.zeros((2 * self._size, n_channels), np.float32)
        self._stamps = np.zeros(2 * self._size)
        self._flags = np.zeros(2 * self._size, np.uint16)
        self._received = np.zeros(2 * self._size)
        self._axis = np.zeros(2 * self._size)
        self._views = tuple(
            frozen(array.view())
            for array in (self._data, self._stamps, self._flags, self._received)
        )
        self._segments: collections.deque[int] = collections.deque()  # first sample of each
        self._stop = 0

    @property
    def start(self) -> int:
        """Number of the oldest sample held."""
        return max(0, self._stop - self._capacity)

    @property
    def stop(self) -> int:
        """Number of the sample that comes next."""
        return self._stop

    def append(self, chunk: Chunk) -> None:
        """Take the next samples; of a chunk longer than the capacity the tail is kept.

        Raises
        ------
        SourceError
            If the chunk does not begin with the sample that comes next, or has another number
            of channels.
        """
        n_channels = self._data.shape[1]
        if chunk.index != self._stop or chunk.data.shape[1] != n_channels:
            raise SourceError(
                f"expected {n_channels} channels from sample {self._stop} on, but a chunk of "
                f"{chunk.data.shape[1]} channels begins with sample {chunk.index}: hand on "
                "every chunk once, in order"
            )
        if len(chunk) == 0:
            return
        axis = self._monotone(chunk)
        self._stop += len(chunk)
        n = min(len(chunk), self._size)
        skip = len(chunk) - n
        for to, of in _slots((self._stop - n) % self._size, n, self._size):
            tail = slice(of.start + skip, of.stop + skip)
            self._data[to] = chunk.data[tail]
            self._stamps[to] = chunk.stamps[tail]
            self._flags[to] = chunk.flags[tail]
            self._received[to] = chunk.received_s
            self._axis[to] = axis[tail]
        oldest = self._stop - self._size
        while len(self._segments) > 1 and self._segments[1] <= oldest:
            self._segments.popleft()

    def window(self, start: int, stop: int) -> tuple[Float32, Float64, FlagArray, Float64]:
        """Return the samples from ``start`` up to, not including, ``stop``.

        Returns
        -------
        data : array of shape (n_samples, n_channels), float32
            The signal.
        stamps, flags, received_s : arrays of shape (n_samples,), float64, uint16, float64
            Time stamp and flags of each sample, and when it came in.

        Notes
        -----
        All are read-only views that hold until the next append.

        Raises
        ------
        SaccadeError
            If not all these samples are held.
        """
        if not self.start <= start <= stop <= self._stop:
            raise SaccadeError(
                f"expected a window within samples {self.start} to {self._stop}, "
                f"not {start} to {stop}: make the buffer larger, or ask sooner or later"
            )
        at = start % self._size
        data, stamps, flags, received = (view[at : at + stop - start] for view in self._views)
        return data, stamps, flags, received

    def index_at(self, stamp: float) -> int | None:
        """Return the number of the sample nearest to a time; of two about as near, the earlier.

        Once decided, the answer does not change as further samples come, until it is
        overwritten. Within a segment it is the first sample whose running maximum reaches the
        time, or the one before it. A time in the hole between two segments belongs to the nearer
        of the samples at its edges, if that is within reach.

        Parameters
        ----------
        stamp : float
            Time on the clock of the stamps, in seconds.

        Returns
        -------
        int or None
            None while the time lies after the newest sample: it can't be decided yet, even if an
            older segment has it, for the newest may come to have it, too. :data:`BEFORE` (-1)
            if it lies before the oldest sample held, be it overwritten or before the stream's
            first. :data:`TWICE` (-2) if more than one segment has it. :data:`NOWHERE` (-3) if
            it lies in a hole, out of reach of both edges.
        """
        if not stamp <= self.newest_s:
            return None
        oldest = max(0, self._stop - self._size)
        stop = self._stop
        found: list[int] = []
        in_gap: int | None = None
        for segment in reversed(self._segments):
            first = max(segment, oldest)
            at = first % self._size
            axis = self._axis[at : at + stop - first]
            if axis[0] <= stamp <= axis[-1]:
                found.append(first + int(np.searchsorted(axis, stamp)))
            if in_gap is None and stop < self._stop and axis[-1] < stamp < self._time(stop):
                in_gap = stop
            stop = first
        if len(found) > 1:
            return TWICE
        if not found and in_gap is None:
            return BEFORE
        if found:
            return self._nearer(found[0], stamp)
        edge = self._nearer(in_gap or 0, stamp)
        return edge if edge == BEFORE or abs(self._time(edge) - stamp) <= self._reach_s else NOWHERE

    @property
    def newest_s(self) -> float:
        """Latest time of the newest segment, in seconds; minus infinity before any sample."""
        return self._time(self._stop - 1) if self._stop else -math.inf

    @property
    def oldest_s(self) -> float:
        """Earliest time of all that is held, in seconds; infinity before any sample."""
        oldest = max(0, self._stop - self._size)
        return min((self._time(max(first, oldest)) for first in self._segments), default=math.inf)

    def _time(self, index: int) -> float:
        return float(self._axis[index % self._size])

    def _nearer(self, index: int, stamp: float) -> int:
        """Return this sample, at or after the time, or the one before it, if that is held."""
        after_s, before_s = self._time(index) - stamp, stamp - self._time(index - 1)
        if after_s > 0 and before_s <= after_s + self._tie_s:
            index -= 1
        return index if index >= self.start else BEFORE

    def _monotone(self, chunk: Chunk) -> Float64:
        """Return the running maximum of the stamps by segment; note where segments begin."""
        gaps = set(np.flatnonzero(chunk.flags & _GAP).tolist())
        axis = np.empty(len(chunk))
        for start, stop in itertools.pairwise(sorted({0, len(chunk), *gaps})):
            part = axis[start:stop]
            np.fmax.accumulate(chunk.stamps[start:stop], out=part)
            if start in gaps or self._stop == 0 == start:
                self._segments.append(self._stop + start)
            else:
                np.fmax(part, self._time(self._stop - 1), out=part)
        return axis


def _slots(at: int, n: int, size: int) -> Iterator[tuple[slice, slice]]:
    """Yield where ``n`` new rows go in a buffer of twice ``size``, with the rows that go there."""
    yield slice(at, at + n), slice(0, n)
    n_before_end = min(n, size - at)
    yield slice(at + size, at + size + n_before_end), slice(0, n_before_end)
    if n > n_before_end:
        yield slice(0, n - n_before_end), slice(n_before_end, n)
