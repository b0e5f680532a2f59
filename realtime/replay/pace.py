"""When what stands at a playing time leaves, and with which time stamp.

Stamps keep the recording's structure: each is the recording's own, moved by a constant. At a speed
other than 1 only the waiting is shorter or longer, the stamps are not, so that they run ahead of
the clock or fall behind it. While it is paused the constant grows with the clock, as if an
amplifier had stalled. After a jump (a seek, the next round of a loop) the stamps go on with the
clock, and at least :data:`SEAM_S` after everything sent before: a receiver sees a gap, never the
same time twice.

No clock is read here; every method is told the time.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from saccade.realtime.types import Float64

SEAM_S = 1.0  # of playing time, between the last before a jump and the first after it


class Pace:
    """Ties playing time, stamps and the clock together; see the module.

    Parameters
    ----------
    speed : float
        Seconds of playing time per second of clock.

    Attributes
    ----------
    running : bool
        Whether :meth:`begin` has been called since the last jump.
    """

    def __init__(self, speed: float) -> None:
        self.speed = speed
        self.running = False
        self._clock_s, self._time_s = math.nan, 0.0  # they belong together
        self._sent_s, self._origin = 0.0, 0.0  # the stamp sent for the stamp of the recording
        self._newest_s = -math.inf  # of all stamps sent
        self._paused_s: float | None = None  # since when
        self._seam_s = 0.0

    @property
    def paused(self) -> bool:
        """Whether nothing leaves now."""
        return self._paused_s is not None

    def begin(self, time_s: float, stamp: float, now_s: float) -> None:
        """Send what stands at this time, with this stamp, now, or a seam later after a jump."""
        if self._paused_s is not None:
            self._paused_s = now_s
        self._clock_s, self._time_s = now_s + self._seam_s / self.speed, time_s
        self._sent_s, self._origin = max(self._clock_s, self._newest_s + self._seam_s), stamp
        self.running = True

    def jump(self) -> None:
        """Go on with something else, at which to begin anew."""
        self.running = False
        self._seam_s = SEAM_S if math.isfinite(self._newest_s) else 0.0

    def pause(self, now_s: float) -> None:
        """Let nothing leave from now on."""
        if self._paused_s is None:
            self._paused_s = now_s

    def resume(self, now_s: float) -> None:
        """Go on; what is sent is stamped later by as long as the pause was."""
        if self._paused_s is not None:
            waited_s = now_s - self._paused_s
            self._clock_s += waited_s
            self._sent_s += waited_s
            self._paused_s = None

    def set_speed(self, speed: float, now_s: float) -> None:
        """Wait less, or longer, from now on."""
        if self.running:
            at_s = now_s if self._paused_s is None else self._paused_s
            self._time_s += (at_s - self._clock_s) * self.speed
            self._clock_s = at_s
        self.speed = speed

    def due_s(self, time_s: float) -> float:
        """Return when what stands at a playing time leaves; never while paused."""
        if self.paused:
            return math.inf
        return self._clock_s + (time_s - self._time_s) / self.speed

    def stamped(self, stamps: Float64 | float) -> Any:
        """Return time stamps, or one, as they are sent."""
        sent = self._sent_s + (stamps - self._origin)
        self._newest_s = max(self._newest_s, float(np.max(sent)))
        return sent
