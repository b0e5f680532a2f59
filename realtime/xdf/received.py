"""A reading as rows of the recorded streams, with all that its replay needs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from saccade.realtime.protocols import Clock
from saccade.realtime.types import Chunk, ClockMeasure, Marker, Reading
from saccade.realtime.xdf.background import Rows
from saccade.realtime.xdf.streams import Streams


class Received:
    """Turns readings into rows, and counts what has been recorded.

    Beside the signal and the markers there are

    raw stamps
        The sender's own, exactly, where the source tells them: one for each sample from the row
        of the signal on that the header calls ``first_sample``.
    flags
        Of the samples to which the source gave any, by row of the signal.
    arrivals
        For each marker, in the order in which the engine got them: the number of its reading, the
        row of the signal at which the reading begins, its number of samples, and the number of the
        marker's stream.
    clock
        The measurements of each sender's clock.

    Parameters
    ----------
    streams : Streams
        Of the recording.
    clock : callable
        Present time in seconds.

    Attributes
    ----------
    n_rows : int
        Samples recorded so far.
    next_index : int
        Number of the next sample that the engine will get.
    """

    def __init__(self, streams: Streams, clock: Clock) -> None:
        self._streams = streams
        self._clock = clock
        self._signal = streams.signal()
        self._has_raw_stamps = False
        self._n_readings = 0
        self.n_rows = self.next_index = 0

    def rows(self, reading: Reading) -> list[Rows]:
        """Return a reading as rows, as if it were recorded next."""
        return [
            *self._of_samples(reading.chunk),
            *self._of_markers(reading.markers, len(reading.chunk)),
            *map(self._of_clock, reading.clocks),
        ]

    def count(self, reading: Reading, *, recorded: bool) -> None:
        """Go on to the next reading."""
        self._n_readings += 1
        self.next_index += len(reading.chunk)
        if recorded:
            self.n_rows += len(reading.chunk)

    def _of_samples(self, chunk: Chunk) -> list[Rows]:
        if len(chunk) == 0:
            return []
        rows = [Rows(self._signal, chunk.stamps, chunk.data)]
        if chunk.raw_stamps is not None or self._has_raw_stamps:
            self._has_raw_stamps = True  # from now on for every sample, so that they can be counted
            raw = chunk.stamps if chunk.raw_stamps is None else chunk.raw_stamps
            stream = self._streams.own("raw-stamps", first_sample=str(self.n_rows))
            rows.append(Rows(stream, chunk.stamps, raw[:, np.newaxis]))
        flagged = np.flatnonzero(chunk.flags)
        if len(flagged):
            values = np.column_stack([self.n_rows + flagged, chunk.flags[flagged].astype(np.int64)])
            rows.append(Rows(self._streams.own("flags"), chunk.stamps[flagged], values))
        return rows

    def _of_markers(self, markers: Sequence[Marker], n_samples: int) -> list[Rows]:
        if not markers:
            return []
        now_s = self._clock()
        streams = [self._streams.markers(marker.stream) for marker in markers]
        came_s = [now_s if math.isnan(m.received_s) else m.received_s for m in markers]
        order = [(self._n_readings, self.n_rows, n_samples, stream) for stream in streams]
        rows = [
            Rows(stream, np.array([marker.stamp]), [marker.value])
            for stream, marker in zip(streams, markers, strict=True)
        ]
        arrivals = self._streams.own("arrivals")
        return [*rows, Rows(arrivals, np.array(came_s), np.array(order, np.int64))]

    def _of_clock(self, measure: ClockMeasure) -> Rows:
        values = np.array([[measure.at_s, measure.offset_s, measure.uncertainty_s]])
        stream = self._streams.own("clock", of=measure.stream)
        return Rows(stream, np.array([measure.at_s]), values)
