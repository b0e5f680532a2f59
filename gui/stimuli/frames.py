"""Durations in frames: on which frame of a sequence what changes, and which frames were missed.

A screen shows nothing but whole frames, so a picture is on for a number of them. They are counted,
not timed: a picture that should be on for six frames is on for six, whatever the clock says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from saccade.calibration.durations import whole_frames
from saccade.gui.stimuli.orders import Trial

WORTH_TELLING_S = 1e-3
LATE_FRAMES = 1.5  # between two flips: so late, and the screen showed a frame again


@dataclass(frozen=True, slots=True)
class Change:
    """From this frame of the sequence on, this picture is seen, or none."""

    frame: int
    trial: Trial | None


@dataclass(frozen=True, slots=True)
class Schedule:
    """A sequence in frames.

    Parameters
    ----------
    changes : tuple of Change
        In the order of their frames; the first is the first picture's, on frame 0.
    n_frames : int
        Length of the sequence, to the end of its last picture's ``soa_s``.
    rounded_s : float
        The largest difference between a duration asked for and its frames, in seconds.
    """

    changes: tuple[Change, ...]
    n_frames: int
    rounded_s: float


def schedule(trials: Sequence[Trial], refresh_hz: float) -> Schedule:
    """Return when the pictures of a sequence come and go.

    Parameters
    ----------
    trials : sequence of Trial
        In the order in which they are shown.
    refresh_hz : float
        Frames a second.

    Raises
    ------
    ConfigError
        If a duration is not close to whole frames.
    """
    changes: list[Change] = []
    start, rounded_s = 0, 0.0
    for trial in trials:
        on, soa = (whole_frames(s, refresh_hz) for s in (trial.on_s, trial.soa_s))
        off = start + min(on, soa)
        changes.append(Change(start, trial))
        start += soa
        if off < start:
            changes.append(Change(off, None))
        differences = (on / refresh_hz - trial.on_s, soa / refresh_hz - trial.soa_s)
        rounded_s = max(rounded_s, *map(abs, differences))
    return Schedule(tuple(changes), start, rounded_s)


class FrameWatch:
    """Tells from the stamps of the flips how many frames were missed.

    Parameters
    ----------
    refresh_hz : float
        Frames a second of the stamps' clock.
    """

    def __init__(self, refresh_hz: float) -> None:
        self._refresh_hz = refresh_hz
        self._last_s: float | None = None

    def reset(self) -> None:
        """Forget the last flip: what comes next follows nothing."""
        self._last_s = None

    def step(self, stamp_s: float) -> int:
        """Take the stamp of a flip; return how many frames were missed before it."""
        last_s, self._last_s = self._last_s, stamp_s
        if last_s is None:
            return 0
        frames = (stamp_s - last_s) * self._refresh_hz
        return max(1, round(frames)) - 1 if frames > LATE_FRAMES else 0


class FramePace:
    """The frames of a screen that does not tell them: a grid on the clock.

    Parameters
    ----------
    refresh_hz : float
        Frames a second of that clock.
    """

    def __init__(self, refresh_hz: float) -> None:
        self._refresh_hz = refresh_hz
        self._origin_s: float | None = None
        self._frame = 0

    def next_s(self, now_s: float) -> float:
        """Return when the next frame is: the one after the last, or after now if that is past."""
        if self._origin_s is None:
            self._origin_s = now_s
        passed = int((now_s - self._origin_s) * self._refresh_hz)
        self._frame = max(self._frame, passed) + 1
        return self._origin_s + self._frame / self._refresh_hz
