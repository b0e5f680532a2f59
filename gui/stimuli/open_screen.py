"""Which screen to draw on: frames of the display where it has any, of the clock otherwise."""

from __future__ import annotations

from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.stimuli.gl_screen import GLScreen
from saccade.gui.stimuli.raster_screen import RasterScreen
from saccade.gui.stimuli.screen import Screen
from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock


def open_screen(settings: StimuliSettings, clock: SessionClock) -> Screen:
    """Open the window that the settings ask for.

    "auto" keeps OpenGL if its flips are found to follow the display. A session that runs faster
    than life has no use for a display's frames.

    Parameters
    ----------
    settings : StimuliSettings
        Where, how large, and on what surface.
    clock : SessionClock
        The clock of the stamps.

    Raises
    ------
    ConfigError
        If it can't be opened.
    """
    if settings.surface == "raster" or settings.speed != 1.0:
        return RasterScreen(settings, clock)
    if settings.surface == "gl":
        return GLScreen(settings, clock)
    try:
        screen = GLScreen(settings, clock)
    except ConfigError:
        return RasterScreen(settings, clock)
    if screen.vsync and settings.refresh_hz is None:
        return screen
    screen.close()
    return RasterScreen(settings, clock)
