"""One LSL stream that has been joined: its samples, its clock, and whether it is still there.

Time stamps are the sender's; the offset to our clock is liblsl's measurement and nothing else,
for liblsl's own smoothing is wrong by up to half a second after a gap.

An inlet that liblsl may not recover throws away what it holds when its sender goes. One that it
may recover keeps it, but joins the next stream of the same name, type, source id, format and
number of channels, of whatever rate and clock, and appends it to the rest without a word. So the
inlet here is of the second kind, is asked at every pull whether liblsl has moved it, and is left
when that has happened: what came from another sender is not handed out.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pylsl
from numpy.typing import NDArray
from pylsl.util import LostError
from pylsl.util import TimeoutError as NotInTime

from saccade.realtime.errors import SourceError
from saccade.realtime.sources.lsl.clock import SenderClock
from saccade.realtime.types import Float64

logger = logging.getLogger(__name__)

Rows = NDArray[Any]  # one a sample: numbers, or bytes of a text stream

# liblsl looks for at least a second before it moves, so that the stamps of a signal break by more
# than this where another sender begins, unless two computers' clocks are as close by chance.
BREAK_S = 0.5
MOVE_S = 0.05  # how long to wait for the description of a sender that liblsl has moved to


class Inlet:
    """A subscription to one stream of one sender.

    Parameters
    ----------
    info : pylsl.StreamInfo
        The stream, as the search found it.
    buffer_s : int
        How many seconds of signal it holds; of markers, a hundred times as many.
    timeout_s : float
        How long to wait for each answer, in seconds.
    watched : bool
        Keep a second connection, never read, that tells when the sender goes. For streams whose
        silence says nothing; a signal would be sent twice.

    Attributes
    ----------
    info : pylsl.StreamInfo
        The complete description.
    clock : SenderClock
        The offset of the sender's clock, whose measurement has begun.

    Raises
    ------
    SourceError
        If the stream can't be joined.
    """

    def __init__(
        self, info: pylsl.StreamInfo, buffer_s: int, timeout_s: float, *, watched: bool = False
    ) -> None:
        self.name = info.name()
        self.uid = info.uid()
        self._moved = False
        self._rest = 0  # samples that an inlet that has moved may still give out
        self._lsl = pylsl.StreamInlet(info, max_buflen=buffer_s)
        self._sentinel = pylsl.StreamInlet(info, max_buflen=1, recover=False) if watched else None
        self.clock = SenderClock(self._lsl, self.name)
        self._last = np.nan
        self.clock.start()
        try:
            self._lsl.open_stream(timeout_s)  # from here on nothing is lost
            # Also what keeps a pull from blocking: it asks for the complete info if it has none
            # yet, and while a sender is away that lasts until it is back.
            self.info = self._lsl.info(timeout_s)
            if self._sentinel is not None:
                self._sentinel.open_stream(timeout_s)
        except (NotInTime, LostError) as error:
            raise SourceError(
                f"stream '{self.name}' on {info.hostname()} answered the search, but not the "
                f"connection within {timeout_s:g} s: does a firewall block ports 16572 to 16604?"
            ) from error

    @property
    def dtype(self) -> Any:
        """Type of the numbers it brings; None for text."""
        return self._lsl.np_dtype

    @property
    def waiting(self) -> int:
        """Number of samples that have come and are not pulled yet."""
        return int(self._lsl.samples_available())

    @property
    def moved(self) -> bool:
        """Whether liblsl has joined another sender in this one's place."""
        # liblsl says once that it has, and does not count its first measurement of the clock.
        if not self._moved and self._lsl.was_clock_reset():
            self._moved = True
            self._rest = self.waiting
            try:
                self._lsl.info(MOVE_S)
            except (NotInTime, LostError):  # without it, a pull would block
                self._rest = 0
        return self._moved

    def pull(self, timeout_s: float, most: int, into: Rows | None = None) -> tuple[Rows, Float64]:
        """Return what has come from this sender, waiting for the first sample if need be.

        Parameters
        ----------
        timeout_s : float
            Longest wait in seconds.
        most : int
            Largest number of samples.
        into : array, optional
            Where to put numbers; what is returned is then a view of it.

        Returns
        -------
        tuple of array of shape (n_samples, n_channels) and array of shape (n_samples,), float64
            Samples, and the sender's stamps.

        Raises
        ------
        pylsl.util.LostError
            If the sender is gone for good, which only one without a source id is.
        """
        if self.moved:  # while nobody looked; what is there begins with the old sender's samples
            timeout_s, most = 0.0, min(most, self._rest)
            self._rest -= most
        if most == 0:
            return self.nothing()
        rows, stamps = self._lsl.pull_chunk(
            timeout_s, most, dest_obj=into, min_samples=1 if timeout_s else None, as_numpy=True
        )
        if self.moved and self.info.nominal_srate() > 0:
            rows, stamps = self._of_old_sender(rows, stamps)
        if len(stamps):
            self._last = float(stamps[-1])
        return rows, stamps

    def nothing(self) -> tuple[Rows, Float64]:
        """Return what a pull returns where there is nothing."""
        return np.empty((0, self._lsl.channel_count), self.dtype or object), np.empty(0)

    def broken(self) -> bool:
        """Return whether the sender is known to be gone, of a watched inlet."""
        if self._sentinel is None:
            return False
        try:
            self._sentinel.open_stream(0.0)
        except LostError:
            return True
        except NotInTime:
            logger.debug("the second connection to '%s' is not there yet", self.name)
        return False

    def unwatch(self) -> None:
        """Give up the second connection."""
        self._sentinel = None

    def close(self) -> None:
        """Leave the stream."""
        for inlet in (self._lsl, self._sentinel):
            if inlet is not None:
                inlet.close_stream()

    def _of_old_sender(self, rows: Rows, stamps: Float64) -> tuple[Rows, Float64]:
        """Return the samples before the first at which the stamps leave their pace."""
        steps = np.abs(np.diff(stamps, prepend=self._last))
        breaks = np.flatnonzero(steps > BREAK_S)
        if len(breaks) == 0:
            return rows, stamps
        self._rest = 0
        return rows[: breaks[0]], stamps[: breaks[0]]
