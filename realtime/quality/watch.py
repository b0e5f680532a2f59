"""How the stream itself does: its rate, losses, jitter, clock, and how old its news is.

Concurrent activities: none; the caller's thread does it all. Unlike everything about the signal,
this reads the clock that it is given: a stream that says nothing must still be seen to say
nothing. What the stamps say is what the pipeline has made of them, by the decoder's own rules. What
the watch finds is for people and decides nothing.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.sources.lsl.pace import Pace
from saccade.realtime.timing.clocks import jumped
from saccade.realtime.types import ClockMeasure, Reading, StreamSpec

TELL_EVERY_S = 0.25
CLOCK_HISTORY_S = 300.0
CLOCK_SPAN_S, CLOCK_LEAST = 30.0, 5  # a drift is told from no less than that
STALL_PERIODS = 3  # at least; so long may a slow stream be silent


@dataclass(frozen=True, slots=True)
class WatchSettings:
    """What is remarkable about a stream.

    Parameters
    ----------
    stalled_s : float
        A stream from which nothing has come for so long is stalled, in s, above 0; but never one
        whose pieces usually come half as far apart
        (:class:`~saccade.realtime.sources.lsl.pace.Pace`).
    """

    stalled_s: float = 0.4

    def __post_init__(self) -> None:
        """Refuse a stall of no time."""
        if not (math.isfinite(self.stalled_s) and self.stalled_s > 0):
            raise ConfigError(f"stalled_s must be above 0 s, not {self.stalled_s:g}: raise it")


class StreamWatch:
    """Tells the health of a stream; see :class:`~saccade.realtime.protocols.Watch`.

    Parameters
    ----------
    settings : WatchSettings
        What is remarkable.
    timing : callable
        Returns what the stamps say; :meth:`~saccade.realtime.pipeline.Pipeline.timing_report` of
        the pipeline through which the same readings go.
    """

    def __init__(self, settings: WatchSettings, timing: Callable[[], dict[str, Any]]) -> None:
        self.settings = settings
        self._timing = timing

    def reset(self, spec: StreamSpec) -> None:
        """Prepare for a stream."""
        self._spec = spec
        self._pace = Pace(max(self.settings.stalled_s, STALL_PERIODS / spec.sfreq))
        self._clocks: dict[str, collections.deque[ClockMeasure]] = {}
        self._newest_stamp_s = math.nan
        self._came_s: float | None = None
        self._told_s = -math.inf

    def step(self, reading: Reading, now_s: float) -> dict[str, Any] | None:
        """Take a reading; return the health four times a second of the clock, else None.

        Parameters
        ----------
        reading : Reading
            As the source gave it.
        now_s : float
            Present time on the clock of the stamps, in s.

        Returns
        -------
        dict or None
            ``stream``, ``at_s``, ``nominal_sfreq``; all of
            :func:`~saccade.realtime.timing.stream_timing.timing_report`; ``age_ms``, how
            old the newest sample is (None before the first, and where stamps are not in step with
            the clock); ``silent_s``, for how long nothing has come, and ``stalled``; ``clocks``,
            by stream, with ``offset_ms``, ``uncertainty_ms`` and ``drift_ppm`` of the sender's.
        """
        chunk = reading.chunk
        if self._came_s is None:
            self._came_s = now_s
        if len(chunk):
            self._pace.hear(now_s - self._came_s)
            self._came_s, self._newest_stamp_s = now_s, float(chunk.stamps[-1])
        for measure in reading.clocks:
            self._remember(measure)
        if now_s - self._told_s < TELL_EVERY_S:
            return None
        self._told_s = now_s
        silent_s = now_s - self._came_s
        age_s = now_s - self._newest_stamp_s
        told = self._spec.speed == 1.0 and math.isfinite(age_s)
        return {
            "stream": self._spec.name,
            "at_s": now_s,
            "nominal_sfreq": self._spec.sfreq,
            **self._timing(),
            "age_ms": round(1e3 * age_s, 3) if told else None,
            "silent_s": round(silent_s, 3),
            "stalled": silent_s >= self._pace.patience_s,
            "clocks": {name: _clock(measures) for name, measures in self._clocks.items()},
        }

    def _remember(self, measure: ClockMeasure) -> None:
        known = self._clocks.setdefault(measure.stream, collections.deque())
        if known and jumped(known[-1], measure):
            known.clear()  # the sender's clock was set, or its sender replaced
        known.append(measure)
        while measure.at_s - known[0].at_s > CLOCK_HISTORY_S:
            known.popleft()


def _clock(measures: collections.deque[ClockMeasure]) -> dict[str, float | None]:
    """Return the newest offset, and by how much it has been growing over the last minutes."""
    newest = measures[-1]
    drift_ppm = None
    if len(measures) >= CLOCK_LEAST and newest.at_s - measures[0].at_s >= CLOCK_SPAN_S:
        at = np.array([m.at_s for m in measures]) - newest.at_s
        offset = np.array([m.offset_s for m in measures]) - newest.offset_s
        drift_ppm = round(1e6 * float(np.polyfit(at, offset, 1)[0]), 3)
    known = math.isfinite(newest.uncertainty_s)
    return {
        "offset_ms": round(1e3 * newest.offset_s, 6),
        "uncertainty_ms": round(1e3 * newest.uncertainty_s, 6) if known else None,
        "drift_ppm": drift_ppm,
    }
