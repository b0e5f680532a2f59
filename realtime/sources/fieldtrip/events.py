"""Events of a FieldTrip buffer, on hold until the samples that they stand at have been handed out.

An event names a sample, and only that sample's own time stamp puts the marker exactly on it. So
one that comes before its sample waits for it; one that comes after has the stamp that its sample
was given.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

from saccade.realtime.sources.fieldtrip.time import CounterClock
from saccade.realtime.types import Marker, marker_text

if TYPE_CHECKING:
    from saccade.realtime.sources.fieldtrip.client import BufferClient

logger = logging.getLogger(__name__)

AHEAD_S = 60.0  # an event that is further ahead of the newest sample is not held
MOST_EVENTS = 1024  # that are asked for at once; the rest waits for the next look
EventText = Literal["value", "type", "both"]


class EventQueue:
    """Fetches each event once, and hands it out as a marker in the order of the samples.

    Parameters
    ----------
    types : tuple of str
        Types to take; empty: all.
    text : {"value", "type", "both"}
        What is the marker's text.
    start : int
        How many events are old.

    Attributes
    ----------
    lost : int
        Events that the ring had dropped before they were asked for, or that can't be read.
    """

    def __init__(self, types: tuple[str, ...], text: EventText, start: int) -> None:
        self._types = types
        self._text = text
        self._held: list[tuple[int, str, str]] = []  # sample, text and type
        self.next = start
        self.lost = 0

    def fetch(self, client: BufferClient, n_events: int) -> None:
        """Take those up to this number from the server, as many as go into one look at it."""
        start = self.next
        if start == n_events:
            return
        found = client.events(start, min(n_events, start + MOST_EVENTS))
        if not found:
            start = client.oldest_event(start, n_events)
            logger.warning("the buffer dropped %d events before they were read", start - self.next)
            self.lost += start - self.next
            stop = min(n_events, start + MOST_EVENTS)
            found = client.events(start, stop) if start < stop else []
        self.next = start + len(found)
        unreadable = found.count(None)
        if unreadable:
            logger.warning("%d events of the buffer make no sense, and are left out", unreadable)
            self.lost += unreadable
        for event in filter(None, found):
            kind, value = _in_words(event.type), _in_words(event.value)
            if not self._types or kind in self._types:
                number = event.sample - (1 << 32 if event.sample >= 1 << 31 else 0)  # is signed
                texts = {"value": value or kind, "type": kind, "both": f"{kind}:{value}"}
                self._held.append((number, texts[self._text], kind))

    def due(self, next_sample: int, sfreq: float, line: CounterClock, now_s: float) -> list[Marker]:
        """Return those whose sample came before this one, and those too far ahead to be held."""
        latest = next_sample + AHEAD_S * sfreq
        due = [event for event in self._held if not next_sample <= event[0] <= latest]
        self._held = [event for event in self._held if next_sample <= event[0] <= latest]
        return [Marker(text, line.stamp_of(sample), kind, now_s) for sample, text, kind in due]

    def restart(self, line: CounterClock, now_s: float) -> list[Marker]:
        """Begin with event 0 of a new count; return what is held, whose samples never came."""
        due, self._held, self.next = self._held, [], 0
        return [Marker(text, line.stamp_of(sample), kind, now_s) for sample, text, kind in due]


def _in_words(value: bytes | str | NDArray[Any]) -> str:
    """Return an event's type or value as text."""
    if isinstance(value, bytes | str):
        text = value if isinstance(value, str) else value.decode("utf-8", "backslashreplace")
        return text.strip(" \t\r\n\0")
    return ",".join(marker_text(float(number)) for number in value)
