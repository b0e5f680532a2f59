"""What is drawn on: a window, images made ready for it, and the flip that shows them.

A scene is the whole of what is seen: images and where they are, over the background. It is shown
by one call, :meth:`Screen.flip`, which returns when its frame has begun, with the time of that.
Two kinds of screen can do this, :mod:`saccade.gui.stimuli.gl_screen` and
:mod:`saccade.gui.stimuli.raster_screen`; nothing else knows which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import pylsl
from PySide6.QtCore import QCoreApplication, QEvent, QSize, Qt
from PySide6.QtGui import QCloseEvent, QGuiApplication, QImage, QKeyEvent, QSurface, QWindow

from saccade.calibration.stimuli import StimuliSettings
from saccade.realtime.errors import ConfigError

OPENS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True, eq=False)
class Texture:
    """An image that a screen has made ready; sizes in pixels."""

    handle: Any
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Placed:
    """An image and its top left corner, in pixels of the window."""

    texture: Texture
    left: int
    top: int

    @classmethod
    def centred(cls, texture: Texture, size: tuple[int, int]) -> Placed:
        """Return the image in the middle of a window of this size."""
        return cls(texture, (size[0] - texture.width) // 2, (size[1] - texture.height) // 2)


Scene = tuple[Placed, ...]


class Screen(Protocol):
    """A window that shows scenes; sizes in its own pixels, times on the session's clock."""

    size: tuple[int, int]
    refresh_hz: float
    vsync: bool
    surface: str

    def upload(self, image: QImage) -> Texture:
        """Make an image ready, so that showing it costs nothing but the flip."""
        ...

    def flip(self, scene: Scene) -> float:
        """Show a scene from the next frame on; return when that frame began, in seconds."""
        ...

    def pressed(self) -> list[int]:
        """Return the keys pressed since the last call, in order."""
        ...

    def close(self) -> None:
        """Close the window."""
        ...


class StimulusWindow(QWindow):
    """The window itself: it notes keys and does nothing by itself.

    Closing it by other means than the keyboard counts as pressing Escape twice.
    """

    def __init__(self, surface: QSurface.SurfaceType) -> None:
        super().__init__()
        self.setSurfaceType(surface)
        self.setTitle("saccade stimuli")
        self.setFlag(Qt.WindowType.FramelessWindowHint)
        self.setCursor(Qt.CursorShape.BlankCursor)
        self._keys: list[int] = []

    def take_keys(self) -> list[int]:
        """Return the keys pressed since the last call, in order."""
        keys, self._keys = self._keys, []
        return keys

    def open(self, settings: StimuliSettings) -> None:
        """Show it where the settings want it, and wait until it is there.

        Raises
        ------
        ConfigError
            If there is no such screen, or the window system does not show the window.
        """
        screens = QGuiApplication.screens()
        if not 0 <= settings.screen < len(screens):
            raise ConfigError(
                f"there is no screen {settings.screen}: {len(screens)} are there, counted from 0"
            )
        screen = screens[settings.screen]
        self.setScreen(screen)
        if settings.full_screen:
            self.setGeometry(screen.geometry())
            self.showFullScreen()
        else:
            ratio = screen.devicePixelRatio()
            self.resize(QSize(*(round(side / ratio) for side in settings.size_px)))
            self.setPosition(screen.geometry().topLeft())
            self.show()
        self.requestActivate()
        deadline_s = pylsl.local_clock() + OPENS_WITHIN_S
        while not self.isExposed():
            QCoreApplication.processEvents()
            if pylsl.local_clock() > deadline_s:
                raise ConfigError(
                    f"the window system did not show the window within {OPENS_WITHIN_S:g} s: is "
                    "the screen locked or switched off?"
                )

    @property
    def pixels(self) -> tuple[int, int]:
        """Its width and height in pixels of the screen."""
        ratio = self.devicePixelRatio()
        return round(self.width() * ratio), round(self.height() * ratio)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 (Qt's name)
        """Note a key; one that is held counts once."""
        if not event.isAutoRepeat():
            self._keys.append(event.key())

    def event(self, event: QEvent) -> bool:
        """Take a request to close for two presses of Escape."""
        if isinstance(event, QCloseEvent):
            event.ignore()
            self._keys += [Qt.Key.Key_Escape, Qt.Key.Key_Escape]
            return True
        return super().event(event)
