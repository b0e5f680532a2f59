"""One LSL stream that has been joined, and its clock.

Time stamps are the sender's, plus liblsl's measurement of how far its clock is from ours, and
nothing else: liblsl's own smoothing is wrong by up to half a second after a gap.
"""

from __future__ import annotations

import logging
import math

import pylsl
from pylsl.util import LostError
from pylsl.util import TimeoutError as NotInTime

from saccade.realtime.errors import SourceError
from saccade.realtime.types import Float64

logger = logging.getLogger(__name__)


class Inlet:
    """A subscription to one stream.

    Parameters
    ----------
    info : pylsl.StreamInfo
        The stream, as the search found it.
    buffer_s : int
        How many seconds of signal it holds; of markers, a hundred times as many.
    timeout_s : float
        How long to wait for an answer, in seconds.

    Attributes
    ----------
    lsl : pylsl.StreamInlet
        What to pull from, with a time out.
    info : pylsl.StreamInfo
        The complete description.
    offset_s : float
        Seconds last added to the time stamps; NaN before the first measurement.

    Raises
    ------
    SourceError
        If the stream can't be joined.
    """

    def __init__(self, info: pylsl.StreamInfo, buffer_s: int, timeout_s: float) -> None:
        self.name = info.name()
        self.lsl = pylsl.StreamInlet(info, max_buflen=buffer_s)
        self.offset_s = math.nan
        self._timeout_s = timeout_s
        try:
            # Also what keeps pull_chunk from blocking: it asks for the complete info if it has
            # none yet, and while a sender is away that lasts until it is back.
            self.info = self.lsl.info(timeout_s)
            self.lsl.open_stream(timeout_s)
        except (NotInTime, LostError) as error:
            raise SourceError(
                f"stream '{self.name}' on {info.hostname()} answered the search, but not the "
                f"connection within {timeout_s:g} s: does a firewall block ports 16572 to 16604?"
            ) from error

    def start_clock(self) -> None:
        """Have liblsl begin to measure, without waiting for it."""
        try:
            self.offset_s = self.lsl.time_correction(0.0)
        except (NotInTime, LostError):
            logger.debug("the clock of '%s' is being measured", self.name)

    def measure_clock(self) -> None:
        """Wait for the first measurement."""
        try:
            self.offset_s = self.lsl.time_correction(self._timeout_s)
        except (NotInTime, LostError) as error:
            raise SourceError(
                f"the clock of stream '{self.name}' can't be measured within "
                f"{self._timeout_s:g} s, so that its stamps mean nothing here: does a firewall "
                "block UDP?"
            ) from error

    def clock_is_known(self) -> bool:
        """Return whether time stamps can be corrected now, without waiting.

        Not so for a second or two after a sender was lost and has come back.
        """
        try:
            self.lsl.time_correction(0.0)
        except NotInTime:
            return False
        except LostError:
            logger.debug("'%s' is gone: its last samples have the last offset", self.name)
        return True

    def corrected(self, stamps: Float64) -> Float64:
        """Return time stamps on the local clock, shape and order unchanged."""
        try:
            self.offset_s = self.lsl.time_correction(0.0)
        except NotInTime:  # the sender was lost and is back, maybe with another clock
            logger.warning("stream '%s' is back: measuring its clock anew", self.name)
            self.measure_clock()
        except LostError:
            logger.debug("'%s' is gone: its last samples have the last offset", self.name)
        return stamps + self.offset_s
