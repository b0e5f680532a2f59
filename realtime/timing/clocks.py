"""Whether a sender's clock was set, as two measurements of its offset have it."""

from __future__ import annotations

import math

from saccade.realtime.types import ClockMeasure

JUMP_S = 0.1  # between two measurements; drift of 200 ppm is 0.4 ms in two seconds


def jumped(before: ClockMeasure, after: ClockMeasure) -> bool:
    """Return whether a sender's clock was set between two measurements.

    It was if the offset moved by more than 0.1 s, and by more than the errors of both
    measurements, of at most half a round trip each, can explain. LSL's clock is the uptime of
    the computer, which nobody sets; but it may stand still while a computer sleeps.
    """
    round_trips_s = [m.uncertainty_s for m in (before, after) if not math.isnan(m.uncertainty_s)]
    return abs(after.offset_s - before.offset_s) > JUMP_S + sum(round_trips_s) / 2
