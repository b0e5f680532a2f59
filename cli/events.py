"""What happens to a stream, a line each on stderr, where there is no live table to show it."""

from __future__ import annotations

from saccade.cli import common
from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import StreamEvent


class EventLines(QuietSink):
    """Says each event as it comes, with nothing on standard output."""

    def event(self, event: StreamEvent) -> None:
        """Say one."""
        common.say(f"saccade: {event.kind}: {event.text}")
