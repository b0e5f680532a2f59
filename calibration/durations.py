"""Durations on a screen, which shows nothing but whole frames: which can be shown, and as what.

What does not fit is refused, with what would: by a session before anybody sits down, and by the
stimulus window for whoever gives it orders.
"""

from __future__ import annotations

import math

from saccade.calibration.protocol import Protocol
from saccade.realtime.errors import ConfigError

TOLERANCE = 0.05  # of a duration; 100 ms at 144 Hz come out 2.8 % short, at 75 Hz 6.7 %


def whole_frames(duration_s: float, refresh_hz: float) -> int:
    """Return the number of frames nearest to a duration.

    Raises
    ------
    ConfigError
        If it is off by more than 5 %.
    """
    exact = duration_s * refresh_hz
    n_frames = max(1, round(exact))
    if abs(n_frames - exact) > TOLERANCE * exact:
        near = sorted({max(1, math.floor(exact)), math.ceil(exact)})
        lengths = " or ".join(f"{1e3 * n / refresh_hz:.1f}" for n in near)
        raise ConfigError(
            f"{1e3 * duration_s:g} ms are {exact:.2f} frames of a screen at {refresh_hz:.2f} Hz: "
            f"ask for {lengths} ms, or set the screen to a rate of which they are whole frames"
        )
    return n_frames


def check_durations(protocol: Protocol, refresh_hz: float) -> None:
    """Refuse a protocol with durations that a screen can't show, whatever will be drawn.

    A drawn interval is off by up to half a frame, so it must be long enough for that to be little.

    Raises
    ------
    ConfigError
        If a duration is off by more than 5 %, or an interval may be.
    """
    whole_frames(protocol.on_s, refresh_hz)
    if not protocol.jitter_s:
        whole_frames(protocol.soa_s, refresh_hz)
        return
    least_s = 0.5 / TOLERANCE / refresh_hz
    if protocol.soa_s < least_s:
        raise ConfigError(
            f"drawn intervals from {1e3 * protocol.soa_s:g} ms on may be half a frame off, more "
            f"than 5 % at {refresh_hz:.2f} Hz: let soa_s be {math.ceil(1e3 * least_s) / 1e3:g} or "
            "more, or leave jitter_s out"
        )
