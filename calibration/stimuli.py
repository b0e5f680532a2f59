"""What the stimulus window is told at its start: which screen, which pictures, which streams.

The window is a process of its own, so that nothing else competes for the thread that draws. It is
told all this once, in the first line that it reads, and is then given orders, one a line; see
:mod:`saccade.gui.stimuli`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock

Corner = Literal["top-left", "top-right", "bottom-left", "bottom-right"]
Surface = Literal["auto", "gl", "raster"]

SHARES = (0.05, 1.0)
REFRESH_HZ = (20.0, 1000.0)


@dataclass(frozen=True, slots=True)
class Photodiode:
    """The square that a photodiode looks at: white while a picture is on, black otherwise.

    Parameters
    ----------
    corner : {"top-left", "top-right", "bottom-left", "bottom-right"}
        Where it is.
    size_px : int
        Its side, in pixels of the screen, 8 to 500.
    """

    corner: Corner = "bottom-left"
    size_px: int = 80

    def __post_init__(self) -> None:
        """Refuse a square that is nowhere, or that a diode could not see."""
        if self.corner not in get_args(Corner):
            raise ConfigError(
                f"the photodiode's corner is one of {', '.join(get_args(Corner))}, "
                f"not {self.corner!r}"
            )
        if not 8 <= self.size_px <= 500:
            raise ConfigError(
                f"the photodiode's square should be 8 to 500 pixels wide, not {self.size_px}"
            )


@dataclass(frozen=True, slots=True)
class StimuliSettings:
    """Everything about the stimulus window that stays the same for a session.

    Parameters
    ----------
    stream : str
        Name of the marker stream: the concept of each picture, stamped at its flip, and nothing
        else.
    events_stream : str
        Name of the stream of everything else, as JSON.
    source_id : str
        Of both streams, to be found again under it; "" draws one.
    screen : int
        Which screen, from 0.
    full_screen : bool
        Whether the window covers it.
    size_px : (int, int)
        Width and height of the window where it does not.
    background : str
        Its colour, as "#rrggbb".
    picture_share : float
        Side of a picture as a share of the window's height, 0.05 to 1.
    photodiode : Photodiode or None
        The square for a photodiode.
    pictures : mapping of str to tuple of str
        The picture files of each concept; a concept without any is drawn.
    fixation_s, settle_s : float
        How long a sequence begins with the fixation mark alone, and how long it ends with it, so
        that neither the start nor the question is seen in the response to a picture.
    answer_s : float
        How long a question waits for its answer.
    speed, origin_s : float
        Of the :class:`~saccade.realtime.session_clock.SessionClock`.
    auto : bool
        Answer questions and go on without a person; texts and rests are over at once.
    auto_correct : float
        Share of the questions that are then answered correctly, 0 to 1.
    seed : int
        Of what is drawn for that.
    surface : {"auto", "gl", "raster"}
        What is drawn on: OpenGL, whose frames follow the screen's; an image, whose frames follow
        the clock; or the first if it does and the second otherwise.
    refresh_hz : float or None
        Frames a second where frames follow the clock, 20 to 1000; None takes the screen's own at
        speed 1 and 60 at any other.
    wait_s : float
        How long to wait for a receiver of the markers before each block, in seconds of life.
    """

    stream: str
    events_stream: str
    source_id: str = ""
    screen: int = 0
    full_screen: bool = True
    size_px: tuple[int, int] = (960, 720)
    background: str = "#808080"
    picture_share: float = 0.5
    photodiode: Photodiode | None = None
    pictures: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixation_s: float = 0.5
    settle_s: float = 1.0
    answer_s: float = 10.0
    speed: float = 1.0
    origin_s: float = 0.0
    auto: bool = False
    auto_correct: float = 0.95
    seed: int = 0
    surface: Surface = "auto"
    refresh_hz: float | None = None
    wait_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what no window can be made of."""
        SessionClock(self.speed, self.origin_s)
        if not self.stream or not self.events_stream or self.stream == self.events_stream:
            raise ConfigError(
                "the window's two streams need two names, not "
                f"{self.stream!r} and {self.events_stream!r}"
            )
        if self.surface not in get_args(Surface):
            raise ConfigError(
                f"the surface is one of {', '.join(get_args(Surface))}, not {self.surface!r}"
            )
        if self.surface == "gl" and self.speed != 1.0:
            raise ConfigError(
                f"frames that follow the screen can't run {self.speed:g} times as fast: leave the "
                "surface to 'auto', or the speed at 1"
            )
        if re.fullmatch("#[0-9a-fA-F]{6}", self.background) is None:
            raise ConfigError(
                f"'{self.background}' is no colour: write it as #rrggbb, as #808080 for grey"
            )
        if min(self.size_px) < 200:
            raise ConfigError(
                f"a window of {self.size_px[0]} × {self.size_px[1]} pixels is too small for "
                "pictures: make it at least 200 × 200"
            )
        _within("picture_share", self.picture_share, SHARES)
        _within("auto_correct", self.auto_correct, (0.0, 1.0))
        if self.refresh_hz is not None:
            _within("refresh_hz", self.refresh_hz, REFRESH_HZ)
        for name in ("fixation_s", "settle_s", "answer_s", "wait_s"):
            _within(name, getattr(self, name), (0.0, 600.0))

    def to_json(self) -> str:
        """Return it as the line that the window's process reads first."""
        return json.dumps(dataclasses.asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> StimuliSettings:
        """Return what `to_json` gave.

        Raises
        ------
        ConfigError
            If it is no JSON, lacks a name, or has one that is not known.
        """
        try:
            content: dict[str, Any] = dict(json.loads(text))
            content["size_px"] = tuple(content.get("size_px", (960, 720)))
            content["pictures"] = {
                concept: tuple(paths) for concept, paths in content.get("pictures", {}).items()
            }
            if content.get("photodiode") is not None:
                content["photodiode"] = Photodiode(**content["photodiode"])
            return cls(**content)
        except (ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"these are no settings of a stimulus window: {error}") from error


def _within(name: str, value: float, bounds: tuple[float, float]) -> None:
    low, high = bounds
    if not (math.isfinite(value) and low <= value <= high):
        raise ConfigError(f"{name} should be {low:g} to {high:g}, not {value:g}")
