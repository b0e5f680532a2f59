"""How far the clock of a sender is from ours, as liblsl measures it in the background.

liblsl exchanges a handful of packets with the sender every two seconds and keeps the exchange
with the shortest round trip (as NTP does; half a round trip bounds the error). pylsl tells the
offset only; liblsl's own function also tells when it was measured and how long the round trip
took, which is what shows a new measurement, and how far to trust it.

Over Wi-Fi a measurement may be off by a millisecond, which is a sample period or several. Stamps
that leapt with each would show gaps that are none, so the offset that is added follows the
measurements at no more than 500 ppm of the sender's time, as network time turns a clock. Only
where the clock was set does it leap.
"""

from __future__ import annotations

import ctypes
import math

import numpy as np
import pylsl
from pylsl.lib import lib
from pylsl.util import LostError, handle_error
from pylsl.util import TimeoutError as NotInTime

from saccade.realtime.errors import SourceError
from saccade.realtime.timing.clocks import jumped
from saccade.realtime.types import ClockMeasure, Float64

SLEW = 500e-6  # of the sender's time; crystals differ by a tenth of it at most

_double_p = ctypes.POINTER(ctypes.c_double)
_prototype = ctypes.CFUNCTYPE(
    ctypes.c_double,
    *(ctypes.c_void_p, _double_p, _double_p, ctypes.c_double, ctypes.POINTER(ctypes.c_int)),
)
# A function object of our own: the one that all users of pylsl share stays as it is.
_time_correction_ex = _prototype(("lsl_time_correction_ex", lib))


def measured(inlet: pylsl.StreamInlet, timeout_s: float) -> tuple[float, float, float]:
    """Return the newest measurement of a sender's clock.

    Parameters
    ----------
    inlet : pylsl.StreamInlet
        The connection to the sender.
    timeout_s : float
        How long to wait for the first measurement, in seconds; later ones are there at once.

    Returns
    -------
    tuple of float
        Offset to be added to the sender's stamps, local time of the measurement, and its round
        trip, all in seconds.

    Raises
    ------
    pylsl.util.TimeoutError
        If there is none within the time.
    pylsl.util.LostError
        If the sender is gone for good.
    """
    remote_s, round_trip_s, error = ctypes.c_double(), ctypes.c_double(), ctypes.c_int()
    offset_s = _time_correction_ex(inlet.obj, remote_s, round_trip_s, timeout_s, error)
    handle_error(error)
    return offset_s, remote_s.value + offset_s, round_trip_s.value


class SenderClock:
    """The offset of one connection.

    Attributes
    ----------
    offset_s : float
        Seconds last added to the sender's stamps; NaN before the first measurement.
    """

    def __init__(self, inlet: pylsl.StreamInlet, stream: str) -> None:
        self._inlet = inlet
        self._stream = stream
        self._told: ClockMeasure | None = None
        self.offset_s = self._measured_s = math.nan
        self._stamp_s = math.nan  # the last that was asked for

    def start(self) -> None:
        """Have liblsl begin to measure, which takes it two thirds of a second."""
        self._measure(0.0)

    def wait(self, timeout_s: float) -> None:
        """Wait for the first measurement.

        Raises
        ------
        SourceError
            If there is none in time.
        """
        if self._measure(timeout_s) is None:
            raise SourceError(
                f"the clock of stream '{self._stream}' can't be measured within {timeout_s:g} s, "
                "so that its stamps mean nothing here: does a firewall block UDP?"
            )

    def news(self) -> tuple[ClockMeasure | None, bool]:
        """Return a measurement that has not been told yet, and whether the clock was set."""
        measure = self._measure(0.0)
        if measure is None or (self._told is not None and measure.at_s == self._told.at_s):
            return None, False
        before, self._told = self._told, measure
        self._measured_s = measure.offset_s
        was_set = before is not None and jumped(before, measure)
        if before is None or was_set:
            self.offset_s = measure.offset_s
        return measure, was_set

    def offsets_s(self, raw_stamps: Float64) -> Float64:
        """Return what is to be added to each of the sender's next stamps, in seconds.

        Parameters
        ----------
        raw_stamps : array of shape (n_samples,), float64
            The sender's stamps; what is no number is passed over.
        """
        if len(raw_stamps) == 0:
            return np.empty(0)
        reached_s = np.fmax.accumulate(raw_stamps) - self._stamp_s
        most_s = SLEW * np.fmax(reached_s, 0.0)  # 0 for what is no number, as the first
        offsets_s: Float64 = self.offset_s + np.clip(
            self._measured_s - self.offset_s, -most_s, most_s
        )
        self.offset_s = float(offsets_s[-1])
        if math.isfinite(raw_stamps[-1]):
            self._stamp_s = float(raw_stamps[-1])
        return offsets_s

    def _measure(self, timeout_s: float) -> ClockMeasure | None:
        try:
            offset_s, at_s, round_trip_s = measured(self._inlet, timeout_s)
        except (NotInTime, LostError):
            return None
        if math.isnan(self.offset_s):
            self.offset_s = self._measured_s = offset_s
        return ClockMeasure(self._stream, at_s, offset_s, round_trip_s)
