"""A recording that can be wound, or part of one, as a source.

All readings are held, as views of what the source holds anyway; nothing is copied. What lies in
a span is told by playing time (:mod:`~saccade.realtime.replay.timeline`); readings keep their
bounds and order, so that samples and markers arrive as they did.
"""

from __future__ import annotations

import collections
import dataclasses
import math

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.protocols import Source
from saccade.realtime.replay.timeline import Timed, Timeline
from saccade.realtime.types import Chunk, Reading, StreamSpec

ROUNDING_S = 1e-6  # a sample that is nearer to a bound is at it, however its stamp was rounded


class Tape:
    """Samples and markers of a source from ``start_s`` up to, not including, ``stop_s``.

    Markers before the first sample belong to a tape that starts at 0, those after the last to
    one without a stop. Filters, which know nothing of what is left out, start at ``start_s``.

    Parameters
    ----------
    source : Source
        A recording: it is read to its end when the tape is opened.
    start_s, stop_s : float, float or None
        Playing times, in seconds from the first sample; ``stop_s`` None is the end.

    Attributes
    ----------
    length_s : float
        Playing time of the whole recording, once open: to one sample period after its last sample.
    """

    def __init__(self, source: Source, start_s: float = 0.0, stop_s: float | None = None) -> None:
        if not (math.isfinite(start_s) and start_s >= 0):
            raise ConfigError(
                f"a recording can be played from 0 s on, not from {start_s:g} s: correct the start"
            )
        if stop_s is not None and not stop_s > start_s:
            raise ConfigError(
                f"a recording played from {start_s:g} s on must stop after that, not at "
                f"{stop_s:g} s: correct start or stop"
            )
        self.start_s, self.stop_s = start_s, stop_s
        self._source = source

    def open(self) -> StreamSpec:
        """Read the whole source and wind to the start.

        Raises
        ------
        ConfigError
            If start or stop lie beyond the end, or there is no sample between them.
        SaccadeError
            Whatever the source raises.
        """
        self._spec = self._source.open()
        try:
            self._readings = self._read_all()
        finally:
            self._source.close()
        newest_s = [timed.times_s[-1] for timed in self._readings if len(timed.times_s)]
        self.length_s = float(newest_s[-1]) + 1 / self._spec.sfreq if newest_s else 0.0
        for what, at_s in (("start", self.start_s), ("stop", self.stop_s)):
            if at_s is not None and at_s > self.length_s:
                raise ConfigError(
                    f"the recording lasts {self.length_s:.2f} s, but its {what} is to be at "
                    f"{at_s:g} s: choose an earlier {what}"
                )
        self.seek(self.start_s)
        if not any(len(timed.times_s) for timed in self._left):
            raise ConfigError(
                f"the recording has no sample from {self.start_s:g} to "
                f"{self.length_s if self.stop_s is None else self.stop_s:g} s: choose a longer part"
            )
        return self._spec

    def seek(self, time_s: float) -> None:
        """Go on from this playing time; samples are numbered from 0 again.

        Raises
        ------
        ConfigError
            If the time lies outside of the part that is played.
        """
        end_s = self.length_s if self.stop_s is None else self.stop_s
        if not self.start_s <= time_s < end_s:
            raise ConfigError(
                f"there is something to play from {self.start_s:g} to {end_s:.2f} s, but not at "
                f"{time_s:g} s: choose a time between"
            )
        self._left = collections.deque(self._cut(time_s))

    def read(self, timeout_s: float) -> Reading | None:
        """Return the next reading at once, or None after the last."""
        del timeout_s  # a recording never keeps anyone waiting
        timed = self.read_timed()
        return None if timed is None else timed.reading

    def read_timed(self) -> Timed | None:
        """Return the next reading with its playing times, or None after the last."""
        return self._left.popleft() if self._left else None

    def close(self) -> None:
        """Do nothing: the source was closed when it had been read."""

    def _read_all(self) -> list[Timed]:
        readings = []
        while (reading := self._source.read(0.0)) is not None:
            readings.append(reading)
        firsts = (float(reading.chunk.stamps[0]) for reading in readings if len(reading.chunk))
        timeline = Timeline(next(firsts, None))
        return [timeline.timed(reading) for reading in readings]

    def _cut(self, start_s: float) -> list[Timed]:
        """Return what lies from a time up to the stop, its samples numbered from 0."""
        start_s = start_s - ROUNDING_S if start_s > 0 else -math.inf
        stop_s = math.inf if self.stop_s is None else self.stop_s - ROUNDING_S
        cut, index = [], 0
        for timed in self._readings:
            first, last = np.searchsorted(timed.times_s, (start_s, stop_s)).tolist()
            pairs = zip(timed.reading.markers, timed.marker_times_s, strict=True)
            inside = [(marker, at_s) for marker, at_s in pairs if start_s <= at_s < stop_s]
            if first == last and not inside:
                continue
            reading = dataclasses.replace(
                timed.reading,
                chunk=_part(timed.reading.chunk, first, last, index),
                markers=tuple(marker for marker, _ in inside),
            )
            marker_times_s = tuple(at_s for _, at_s in inside)
            cut.append(Timed(reading, timed.times_s[first:last], marker_times_s))
            index += last - first
        return cut


def _part(chunk: Chunk, first: int, last: int, index: int) -> Chunk:
    """Return some samples of a chunk under another number."""
    part = slice(first, last)
    return dataclasses.replace(
        chunk,
        data=chunk.data[part],
        stamps=chunk.stamps[part],
        flags=chunk.flags[part],
        index=index,
        raw_stamps=None if chunk.raw_stamps is None else chunk.raw_stamps[part],
    )
