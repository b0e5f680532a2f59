"""A stream over all its comings and goings.

A signal is stalled when no sample has come for a while, whether its sender is gone or only
silent; how long a while is depends on its pieces (:mod:`~saccade.realtime.sources.lsl.pace`). A
marker stream is silent by nature: it is stalled when its sender is known to be gone.
While a stream is stalled a :class:`~saccade.realtime.sources.lsl.comeback.Return` looks for the
same stream from another sender. Whichever comes first ends the stall: samples over the old
connection, or a new one. Before a new connection is used, the old one has been emptied.

While a stream is *not* stalled nobody looks: a second sender of the same name and source id
changes nothing for as long as the first one delivers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import pylsl
from pylsl.util import LostError

from saccade.realtime.sources.lsl.comeback import Return
from saccade.realtime.sources.lsl.inlet import Inlet, Rows
from saccade.realtime.sources.lsl.pace import Pace
from saccade.realtime.types import ClockMeasure, Float64, StreamEvent

LOOK_S = 0.1  # how long a wait for samples may last while a new connection may become ready
LAST_WORDS_S = 1.4  # liblsl itself connects anew no earlier; until then markers are the old ones


@dataclass(frozen=True, slots=True)
class Ways:
    """How one stream is looked for, joined and judged.

    Parameters
    ----------
    what : str
        What the messages call it, as in "marker stream".
    xpath : str
        What it answers to.
    predicate : str or None
        What else it was asked for by.
    join : callable
        Makes an inlet of a search result.
    differences : callable
        Says in words how a joined stream differs from what it was.
    timeout_s : float
        How long a sender may take to answer, in seconds.
    stall_s : float or None
        Seconds without a sample after which it is stalled, at the earliest; None for a stream
        whose silence says nothing.
    """

    what: str
    xpath: str
    predicate: str | None
    join: Callable[[pylsl.StreamInfo], Inlet]
    differences: Callable[[Inlet], Sequence[str]]
    timeout_s: float
    stall_s: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Pulled:
    """Samples of one sender.

    Parameters
    ----------
    rows : array of shape (n_samples, n_channels)
        As sent; of a signal, a view that the next pull writes over.
    raw_stamps : array of shape (n_samples,), float64
        The sender's.
    offsets_s : array of shape (n_samples,), float64
        Seconds to be added to them.
    renewed : bool
        Whether the first sample's clock is another one than the last's before: of a new sender,
        or set.
    """

    rows: Rows
    raw_stamps: Float64
    offsets_s: Float64
    renewed: bool

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.raw_stamps)


class Connection:
    """One stream, joined again whenever it comes back as it was.

    Parameters
    ----------
    inlet : Inlet
        The stream, joined.
    ways : Ways
        How it is joined again.

    Attributes
    ----------
    lost : str
        Why nothing will ever come again; "" as long as something may.
    """

    def __init__(self, inlet: Inlet, ways: Ways) -> None:
        self.name = inlet.name
        self.lost = ""
        self._inlet = inlet
        self._ways = ways
        self._pace = None if ways.stall_s is None else Pace(ways.stall_s)
        self._heard_s = 0.0  # when a sample came last
        self._stalled_s: float | None = None  # since when the stream is stalled
        self._return: Return | None = None  # at work while it is
        self._new_sender = self._new_clock = False  # of which no sample has come yet
        self._events: list[StreamEvent] = []
        self._clocks: list[ClockMeasure] = []

    @property
    def inlet(self) -> Inlet:
        """The present connection."""
        return self._inlet

    @property
    def untold(self) -> bool:
        """Whether something has happened since the last call of :meth:`news`."""
        return bool(self._events)

    def news(self) -> tuple[list[StreamEvent], list[ClockMeasure]]:
        """Return what has happened, and how the clock was measured, since the last call."""
        told = self._events, self._clocks
        self._events, self._clocks = [], []
        return told

    def pull(self, timeout_s: float, most: int, into: Rows | None = None) -> Pulled:
        """Return what has come, waiting at most ``timeout_s`` for the first sample.

        It may return earlier with nothing, where there may be something to be told.

        Parameters
        ----------
        timeout_s : float
            Longest wait in seconds.
        most : int
            Largest number of samples.
        into : array, optional
            Where to put numbers.
        """
        self._heard_s = self._heard_s or pylsl.local_clock()  # silence begins with the first pull
        wait_s = self._patience_s(timeout_s)
        if self._inlet.moved and self._return is not None:
            self._return.ready.wait(wait_s)
            wait_s = 0.0
        try:
            rows, stamps = self._inlet.pull(wait_s, most, into)
        except LostError:
            rows, stamps = self._inlet.nothing()
            self._lose()
        if not self._inlet.moved:
            measure, was_set = self._inlet.clock.news()
            if measure is not None:
                self._clocks.append(measure)
            self._new_clock = self._new_clock or was_set
        pulled = Pulled(rows, stamps, self._inlet.clock.offsets_s(stamps), self._new_clock)
        if len(pulled):
            self._hear()
        elif not self.lost:
            self._miss()
        return pulled

    def close(self) -> None:
        """Leave the stream."""
        if self._return is not None:
            self._return.cancel()
            self._return = None
        self._inlet.close()

    def _patience_s(self, timeout_s: float) -> float:
        if self._stalled_s is not None:
            return min(timeout_s, LOOK_S)
        if self._pace is None:
            return timeout_s
        return min(timeout_s, max(0.0, self._pace.patience_s - self._silence_s()))

    def _silence_s(self) -> float:
        return float(pylsl.local_clock()) - self._heard_s

    def _hear(self) -> None:
        """Take note of samples."""
        self._new_clock = False
        now_s = pylsl.local_clock()
        if self._stalled_s is not None and (
            self._pace is not None or now_s - self._stalled_s > LAST_WORDS_S
        ):
            self._resume()
        if self._pace is not None:
            self._pace.hear(now_s - self._heard_s)
        self._heard_s = now_s

    def _miss(self) -> None:
        """Take note that there is nothing: the stream may be stalled by now, or be back."""
        pace = self._pace
        if self._stalled_s is None:
            if self._inlet.moved or self._inlet.broken():
                self._stall("its sender is gone")
            elif pace is not None and self._silence_s() >= pace.patience_s:
                self._stall(f"no sample for {self._silence_s():.2f} s")
        if self._return is None:
            return
        for text in self._return.refusals():
            self._tell("refused", text)
        inlet = self._return.take()
        if inlet is not None:
            self._inlet.close()
            self._inlet = inlet
            self._new_sender = self._new_clock = True
            if pace is None:
                self._resume()
            else:  # stalled until its first sample, and until then another may come
                self._return = self._look()

    def _stall(self, why: str) -> None:
        self._stalled_s = pylsl.local_clock()
        self._return = self._look()
        self._tell("stalled", f"{self._ways.what} '{self.name}': {why}; waiting for its return")

    def _resume(self) -> None:
        if self._return is not None:
            self._return.cancel()
        since_s = self._stalled_s if self._pace is None else self._heard_s
        away_s = pylsl.local_clock() - (since_s or 0.0)
        how = f"is back on {self._inlet.info.hostname()}" if self._new_sender else "goes on"
        self._tell("resumed", f"{self._ways.what} '{self.name}' {how} after {away_s:.1f} s")
        self._return = self._stalled_s = None
        self._new_sender = False
        if self._inlet.broken():  # and liblsl has mended the connection, but not the second one
            self._inlet.unwatch()

    def _lose(self) -> None:
        # liblsl gives nothing more out, and has added one empty sample that wakes its readers.
        unread = self._inlet.waiting - 1
        rest = f", with {unread} samples that had come and were not read yet" if unread > 0 else ""
        self.lost = (
            f"{self._ways.what} '{self.name}' is gone{rest}, and without a source_id it can't be "
            "joined again"
        )
        self._tell("lost", self.lost)

    def _look(self) -> Return:
        ways = self._ways
        return Return(
            self.name,
            ways.xpath,
            ways.predicate,
            self._inlet.uid,
            ways.join,
            ways.differences,
            ways.timeout_s,
        )

    def _tell(self, kind: Literal["stalled", "resumed", "refused", "lost"], text: str) -> None:
        self._events.append(StreamEvent(kind, self.name, text, pylsl.local_clock()))
