"""All that is seen on the stimulus window, each made ready once, as a scene to be flipped."""

from __future__ import annotations

from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.stimuli import pages
from saccade.gui.stimuli.pictures import Pictures
from saccade.gui.stimuli.screen import Placed, Scene, Screen


class Scenes:
    """Makes scenes for a screen.

    Parameters
    ----------
    settings : StimuliSettings
        Colours, sizes, pictures.
    screen : Screen
        Where they will be shown.

    Attributes
    ----------
    dark : Scene
        Nothing, but for the square of the photodiode where there is one.
    mark : Scene
        The fixation mark alone.
    """

    def __init__(self, settings: StimuliSettings, screen: Screen) -> None:
        self._settings = settings
        self._screen = screen
        self._pictures = Pictures(
            settings.pictures, round(settings.picture_share * min(screen.size))
        )
        fixation = Placed.centred(screen.upload(pages.fixation(screen.size[1])), screen.size)
        self.dark, light = (self._square(white=white) for white in (False, True))
        self.mark: Scene = (fixation, *self.dark)
        self._over_pictures: Scene = (fixation, *light)

    def picture(self, concept: str, number: int) -> Scene:
        """Return a picture with the mark over it.

        Raises
        ------
        ConfigError
            If its file can't be read.
        """
        texture = self._screen.upload(self._pictures.image(concept, number))
        return (Placed.centred(texture, self._screen.size), *self._over_pictures)

    def page(self, title: str, text: str = "", footer: str = "") -> Scene:
        """Return a page of text."""
        image = pages.page(self._screen.size, self._settings.background, title, text, footer)
        return (Placed(self._screen.upload(image), 0, 0), *self.dark)

    def _square(self, *, white: bool) -> Scene:
        diode = self._settings.photodiode
        if diode is None:
            return ()
        width, height = self._screen.size
        left = 0 if diode.corner.endswith("left") else width - diode.size_px
        top = 0 if diode.corner.startswith("top") else height - diode.size_px
        return (Placed(self._screen.upload(pages.square(diode.size_px, white=white)), left, top),)
