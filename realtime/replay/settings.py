"""How a source is sent over LSL, and what became of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from saccade.realtime.errors import ConfigError

SPEEDS = (0.01, 1000.0)


@dataclass(frozen=True, slots=True)
class PlayerSettings:
    """How a source is published.

    Parameters
    ----------
    name : str
        Name of the signal's stream.
    marker_name : str
        Name of the markers' stream, of type "Markers"; all of the source's marker streams go
        into this one.
    speed : float
        Seconds of the source sent per second of clock, 0.01 to 1000.
    wait_for_consumers_s : float or None
        How long to wait for a receiver of both streams before the first sample, in s; None does
        not wait.
    chunk_s : float
        Samples that are due within this time, in s, above 0, are sent together, when the last
        of them is due.
    stream_type : str
        Type of the signal's stream.
    linger_s : float
        How long the streams stay after the last sample, in s, for receivers to take it.
    rounds : int or None
        How often a :class:`~saccade.realtime.replay.tape.Tape` is played, at least 1; None
        plays until told to stop.
    variable_speed : bool
        Allow :meth:`Player.set_speed`. The streams then say that their stamps are not in step
        with the clock, so that no receiver takes the difference for latency.
    """

    name: str
    marker_name: str
    speed: float = 1.0
    wait_for_consumers_s: float | None = None
    chunk_s: float = 0.02
    stream_type: str = "EEG"
    linger_s: float = 1.0
    rounds: int | None = 1
    variable_speed: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        check_speed(self.speed)
        if not (math.isfinite(self.chunk_s) and self.chunk_s > 0):
            raise ConfigError(f"chunk_s must be a number above 0, not {self.chunk_s}: correct it")
        if not (math.isfinite(self.linger_s) and self.linger_s >= 0):
            raise ConfigError(f"linger_s must be at least 0 s, not {self.linger_s}: correct it")
        if self.rounds is not None and self.rounds < 1:
            raise ConfigError(f"rounds must be at least 1, not {self.rounds}: correct it")


@dataclass(frozen=True, slots=True)
class PlayerReport:
    """How many samples and markers were sent, and how long it took from the first, in seconds."""

    samples: int
    markers: int
    duration_s: float


def check_speed(speed: float) -> None:
    """Refuse a speed that is out of range."""
    low, high = SPEEDS
    if not low <= speed <= high:  # not a number is neither
        raise ConfigError(f"speed must be {low:g} to {high:g}, not {speed:g}: correct it")
