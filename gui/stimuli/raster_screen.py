"""A screen without a graphics card: an image, put on the window at frames told by the clock.

Xvfb, remote screens and the offscreen platform have no frames of their own to wait for, and a
session that runs faster than life has none that could be waited for. Only what changes from one
scene to the next is drawn, so that most frames cost nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

import pylsl
from PySide6.QtCore import QCoreApplication, QPoint, QRect, QRectF
from PySide6.QtGui import QBackingStore, QColor, QImage, QPainter, QRegion, QSurface

from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.stimuli.frames import FramePace
from saccade.gui.stimuli.screen import Placed, Scene, StimulusWindow, Texture
from saccade.realtime.session_clock import SessionClock

USUAL_HZ = 60.0


class RasterScreen:
    """Shows scenes through the window system, at frames of the session's clock.

    Parameters
    ----------
    settings : StimuliSettings
        Where and how large.
    clock : SessionClock
        What frames are told by.
    """

    vsync = False
    surface = "raster"

    def __init__(self, settings: StimuliSettings, clock: SessionClock) -> None:
        self._window = StimulusWindow(QSurface.SurfaceType.RasterSurface)
        self._window.open(settings)
        self._store = QBackingStore(self._window)
        self._store.resize(self._window.size())
        self._clock = clock
        own_hz = self._window.screen().refreshRate() or USUAL_HZ
        self.refresh_hz = settings.refresh_hz or (own_hz if settings.speed == 1.0 else USUAL_HZ)
        self._pace = FramePace(self.refresh_hz)
        self.size = self._window.pixels
        self._background = QColor(settings.background)
        self._canvas = QImage(*self.size, QImage.Format.Format_RGB32)
        self._canvas.fill(self._background)
        self._scene: Scene | None = None

    def upload(self, image: QImage) -> Texture:
        """Return the image in the format that is drawn fastest."""
        ready = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
        return Texture(ready, ready.width(), ready.height())

    def flip(self, scene: Scene) -> float:
        """Draw what changes, wait for the frame, put it on the window."""
        region = self._draw(scene)
        QCoreApplication.processEvents()
        wait_s = self._clock.real_s(self._pace.next_s(self._clock.now())) - pylsl.local_clock()
        if wait_s > 0:
            time.sleep(wait_s)
        if not region.isEmpty():
            self._store.flush(region)
            QCoreApplication.processEvents()  # sends what the window system's library has queued
        return self._clock.now()

    def pressed(self) -> list[int]:
        """Return the keys pressed since the last call, in order."""
        return self._window.take_keys()

    def picture(self) -> QImage:
        """Return what the window shows, pixel for pixel."""
        return self._canvas.copy()

    def close(self) -> None:
        """Close the window."""
        self._window.destroy()

    def _draw(self, scene: Scene) -> QRegion:
        """Draw a scene on the canvas and in the store; return what changed, in the window's units.

        All that lies within the rectangle of an image that comes, goes or moves is drawn again.
        """
        if scene == self._scene:
            return QRegion()
        before, self._scene = self._scene, scene
        if before is None:
            changed = [self._canvas.rect()]
        else:
            changed = [_rectangle(placed) for placed in {*before} ^ {*scene}]
        painter = QPainter(self._canvas)
        painter.setClipRegion(_region(changed))
        painter.fillRect(self._canvas.rect(), self._background)
        for placed in scene:
            painter.drawImage(placed.left, placed.top, placed.texture.handle)
        painter.end()
        return self._store_again(changed)

    def _store_again(self, changed: Iterable[QRect]) -> QRegion:
        """Copy rectangles of the canvas to the window's store, whose units may be larger."""
        ratio = self._window.devicePixelRatio()
        region = _region(
            QRectF(box.x() / ratio, box.y() / ratio, box.width() / ratio, box.height() / ratio)
            .toAlignedRect()
            .intersected(QRect(QPoint(0, 0), self._window.size()))
            for box in changed
        )
        self._store.beginPaint(region)
        painter = QPainter(self._store.paintDevice())
        painter.setClipRegion(region)
        painter.scale(1 / ratio, 1 / ratio)
        painter.drawImage(0, 0, self._canvas)
        painter.end()
        self._store.endPaint()
        return region


def _region(boxes: Iterable[QRect]) -> QRegion:
    region = QRegion()
    for box in boxes:
        region += box
    return region


def _rectangle(placed: Placed) -> QRect:
    return QRect(placed.left, placed.top, placed.texture.width, placed.texture.height)
