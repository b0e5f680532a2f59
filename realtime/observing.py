"""Those who look at a stream as it comes in and decide nothing, so that none may end a session."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

from saccade.realtime.protocols import Clock, Monitor, Watch
from saccade.realtime.sinks.group import SinkGroup
from saccade.realtime.types import QualityReport, Reading, StreamSpec


class Observers:
    """Monitor and watch of a session; one that raises is dropped and reported, like a sink.

    Parameters
    ----------
    monitor : Monitor or None
        What judges the channels.
    watch : Watch or None
        What keeps an eye on the stream.
    sinks : SinkGroup
        Who is told.
    clock : callable
        Present time in s.
    """

    def __init__(
        self, monitor: Monitor | None, watch: Watch | None, sinks: SinkGroup, clock: Clock
    ) -> None:
        self._monitor = monitor
        self._watch = watch
        self._sinks = sinks
        self._clock = clock

    def reset(self, spec: StreamSpec) -> None:
        """Prepare for a stream."""
        for observer in (self._monitor, self._watch):
            if observer is not None:
                observer.reset(spec)

    def step(self, reading: Reading) -> None:
        """Tell how good the channels are and how the stream does, where it is time to."""
        reports: Sequence[QualityReport] = ()
        health: dict[str, Any] | None = None
        if self._monitor is not None:
            try:
                reports = self._monitor.step(reading.chunk)
            except Exception as error:
                self._sinks.note(self._monitor, error, "judges no more")
                self._monitor = None
        for report in reports:
            self._sinks.each(operator.methodcaller("quality", report))
        if self._watch is not None:
            try:
                health = self._watch.step(reading, self._clock())
            except Exception as error:
                self._sinks.note(self._watch, error, "watches no more")
                self._watch = None
        if health is not None:
            self._sinks.each(operator.methodcaller("health", health))
