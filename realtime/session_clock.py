"""The clock of a session that may run faster than life, shared by processes that never speak.

A simulated session need not take twenty minutes: the stimulus window and the simulated amplifier
both run ``speed`` times as fast, and both stamp what they send by this clock. Everything that a
stamp says, distances above all, is then as in a session at the speed of life; only the waiting is
shorter. Two numbers make two processes agree, and at speed 1 it is the LSL clock itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import pylsl

from saccade.realtime.errors import ConfigError
from saccade.realtime.replay.settings import check_speed


@dataclass(frozen=True, slots=True)
class SessionClock:
    """Seconds of session, told from the LSL clock of this computer.

    Parameters
    ----------
    speed : float
        Seconds of session per second of the LSL clock, 0.01 to 1000.
    origin_s : float
        Where both clocks show the same time, in s of the LSL clock; best the start of the
        session, for far from it a session's time has little to do with the time there is. At
        speed 1 it changes nothing.

    Raises
    ------
    ConfigError
        If the speed is out of range, or the origin is no time.
    """

    speed: float = 1.0
    origin_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse numbers that make no clock."""
        check_speed(self.speed)
        if not math.isfinite(self.origin_s):
            raise ConfigError(f"origin_s must be a time on the LSL clock, not {self.origin_s}")

    def now(self) -> float:
        """Return the present time of the session, in seconds."""
        return self.session_s(pylsl.local_clock())

    def session_s(self, clock_s: float) -> float:
        """Return the session's time at a time of the LSL clock, both in seconds."""
        if self.speed == 1.0:
            return clock_s  # to the last bit
        return self.origin_s + self.speed * (clock_s - self.origin_s)

    def real_s(self, session_s: float) -> float:
        """Return the LSL clock's time at a time of the session, both in seconds."""
        if self.speed == 1.0:
            return session_s
        return self.origin_s + (session_s - self.origin_s) / self.speed
