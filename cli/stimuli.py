"""The stimulus window's settings, from the configuration's section and what a verb adds."""

from __future__ import annotations

from typing import Any

from saccade.calibration.stimuli import Photodiode, StimuliSettings
from saccade.cli.sections import Config
from saccade.realtime.session_clock import SessionClock


def window(settings: Config, stream: str, clock: SessionClock, **more: Any) -> StimuliSettings:
    """Return what the window is told at its start.

    Parameters
    ----------
    settings : Config
        Whose section ``stimuli`` counts.
    stream : str
        Name of the marker stream; the other one is called NAME-events.
    clock : SessionClock
        Of the session.
    more
        Other fields of :class:`~saccade.calibration.stimuli.StimuliSettings`; they override the
        section's.

    Raises
    ------
    ConfigError
        If no window can be made of it.
    """
    section = settings.stimuli.model_dump()
    corner, size_px = section.pop("photodiode"), section.pop("photodiode_px")
    return StimuliSettings(
        **{
            "stream": stream,
            "events_stream": f"{stream}-events",
            "speed": clock.speed,
            "origin_s": clock.origin_s,
            "photodiode": None if corner is None else Photodiode(corner, size_px),
            **section,
            **more,
        }
    )
