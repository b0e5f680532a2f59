"""All outputs of a session: none of them may stop it, and all must be there when it begins."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from saccade.realtime.errors import SaccadeError
from saccade.realtime.protocols import Sink
from saccade.realtime.types import StreamSpec

logger = logging.getLogger(__name__)


class SinkGroup:
    """Sinks in order; one that raises is closed, dropped and reported.

    Parameters
    ----------
    sinks : sequence of Sink
        In the order in which they are told.
    summary : callable
        Returns the session's summary so far, for a sink that is closed before its end.

    Attributes
    ----------
    dropped : list of str
        What has failed so far, each with the reason.
    """

    def __init__(self, sinks: Sequence[Sink], summary: Callable[[], dict[str, Any]]) -> None:
        self._sinks = list(sinks)
        self._summary = summary
        self.dropped: list[str] = []

    @property
    def undelivered(self) -> dict[str, int]:
        """How many results each sink that has lost some could not deliver (its ``n_lost``)."""
        lost: Counter[str] = Counter()
        for sink in self._sinks:
            lost[type(sink).__name__] += getattr(sink, "n_lost", 0)
        return {name: n for name, n in lost.items() if n}

    def __iter__(self) -> Iterator[Sink]:
        """Yield those that are at work; each may be dropped meanwhile."""
        return iter(tuple(self._sinks))

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Open all, or none: a session whose log can't be opened must not begin."""
        opened: list[Sink] = []
        try:
            for sink in self._sinks:
                sink.open(spec, session)
                opened.append(sink)
        except BaseException:
            for sink in reversed(opened):
                try:
                    sink.abandon()
                except Exception:  # the first error is the one to be told
                    logger.debug("%s can't be abandoned", type(sink).__name__, exc_info=True)
            raise

    def each(self, action: Callable[[Sink], None]) -> None:
        """Let all act."""
        for sink in self:
            self.use(sink, action)

    def use(self, sink: Sink, action: Callable[[Sink], None]) -> None:
        """Let one act; drop and close it if it fails, for no output may stop a session."""
        try:
            action(sink)
        except Exception as error:
            self._drop(sink, error)
            try:
                sink.close(self._summary())
            except Exception:  # it has failed already, and that is told
                logger.debug("%s can't be closed", type(sink).__name__, exc_info=True)

    def close(self, summary: dict[str, Any]) -> None:
        """Close all."""
        for sink in self:
            try:
                sink.close(summary)
            except Exception as error:
                self._drop(sink, error)

    def note(self, what: object, error: Exception, end: str) -> None:
        """Say what has failed and how that ends, once; what nobody foresaw with its traceback."""
        name = type(what).__name__
        self.dropped.append(f"{name}: {error}")
        foreseen = isinstance(error, SaccadeError | OSError)
        logger.error("%s %s: %s", name, end, error, exc_info=not foreseen)

    def _drop(self, sink: Sink, error: Exception) -> None:
        self._sinks.remove(sink)
        self.note(sink, error, "gets no more results")
