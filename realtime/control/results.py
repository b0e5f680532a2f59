"""What a running session publishes, for the experiment's own code: one call brings one message.

Concurrent activities: liblsl receives in threads of its own, and holds what nobody has asked for
yet; :meth:`Results.wait` blocks the caller for as long as it says.
"""

from __future__ import annotations

import json
import time
from types import TracebackType
from typing import Any, Literal, Self

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as NotInTime

from saccade.realtime.errors import SourceError, StreamLost
from saccade.realtime.sources.lsl.resolve import StreamQuery, resolve

Kind = Literal["predictions", "decisions", "status", "health"]

BUFFER_S = 360  # how long liblsl holds messages; irregular streams: how many, in hundreds
PIECE_S = 0.2  # after which a caller who waits can be interrupted


class Results:
    """Messages of one of a session's LSL streams, in order, from now on.

    Parameters
    ----------
    kind : {"predictions", "decisions", "status", "health"}
        Which stream; its messages are described in :mod:`saccade.realtime.sinks.messages`.
    prefix : str
        First part of its name, as the session has it (``run --prefix``).
    timeout_s : float
        How long to look for it, in s.

    Raises
    ------
    StreamNotFound, AmbiguousStream
        If no such stream answers, or several do.
    SourceError
        If it does not answer in time.
    """

    def __init__(
        self, kind: Kind = "predictions", prefix: str = "saccade", timeout_s: float = 10.0
    ) -> None:
        self.name = f"{prefix}-{kind}"
        info = resolve(StreamQuery(name=self.name), timeout_s, f"stream of {kind}", regular=False)
        self._inlet = pylsl.StreamInlet(info, max_buflen=BUFFER_S, recover=False)
        try:
            self._inlet.open_stream(timeout_s)
        except (NotInTime, LostError) as error:
            raise SourceError(
                f"'{self.name}' answered the search, but not the connection within {timeout_s:g} s:"
                " does a firewall block ports 16572 to 16604?"
            ) from error

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        """Leave the stream."""
        self._inlet.close_stream()

    def wait(self, timeout_s: float) -> dict[str, Any] | None:
        """Return the next message, None if none has come within ``timeout_s``.

        Raises
        ------
        StreamLost
            If the session has ended, and all it said has been returned.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            left_s = max(0.0, deadline_s - time.monotonic())
            try:
                row, _ = self._inlet.pull_sample(min(left_s, PIECE_S))
            except LostError as error:
                raise StreamLost(f"'{self.name}' is gone: has the session ended?") from error
            if row is not None:
                message: dict[str, Any] = json.loads(row[0])
                return message
            if left_s <= PIECE_S:
                return None
