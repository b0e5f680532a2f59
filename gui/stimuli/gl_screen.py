"""A screen whose frames are the display's own: OpenGL, two buffers, swapped at the retrace.

Swapping only asks for the exchange; on most systems the wait for the retrace comes with the next
call that needs the result. So each swap is followed by glFinish, and the time is taken after that.
Whether this really waits is measured, not believed: drivers, compositors and remote screens may
ignore the swap interval. Even where it waits, light comes later, by the display's own delay and by
whatever a compositor adds; only a photodiode tells (docs/stimuli.md).
"""

from __future__ import annotations

import itertools
import statistics

from PySide6.QtCore import QCoreApplication, QRect, QRectF
from PySide6.QtGui import QColor, QImage, QOpenGLContext, QSurface, QSurfaceFormat
from PySide6.QtOpenGL import QOpenGLTexture, QOpenGLTextureBlitter

from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.stimuli.screen import Scene, StimulusWindow, Texture
from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock

N_WARM_UP, N_MEASURED = 20, 60  # the first swaps after a window appears follow no retrace
AGREES = 0.05  # with the rate that the display says it has

# The numbers that OpenGL gives these; PySide6 has no names for them.
_COLOR_BUFFER, _BLEND, _SOURCE_ALPHA, _ONE_MINUS_SOURCE_ALPHA = 0x4000, 0x0BE2, 0x0302, 0x0303


class GLScreen:
    """Shows scenes at the display's retrace.

    Parameters
    ----------
    settings : StimuliSettings
        Where and how large.
    clock : SessionClock
        What stamps are told by.

    Raises
    ------
    ConfigError
        If there is no OpenGL here.
    """

    surface = "gl"

    def __init__(self, settings: StimuliSettings, clock: SessionClock) -> None:
        wanted = QSurfaceFormat()
        wanted.setSwapBehavior(QSurfaceFormat.SwapBehavior.DoubleBuffer)
        wanted.setSwapInterval(1)
        self._window = StimulusWindow(QSurface.SurfaceType.OpenGLSurface)
        self._window.setFormat(wanted)
        self._context = QOpenGLContext(self._window)
        self._context.setFormat(wanted)
        if not self._context.create():
            raise ConfigError("there is no OpenGL here: set the surface to 'raster' or 'auto'")
        self._window.open(settings)
        if not self._context.makeCurrent(self._window):
            self.close()
            raise ConfigError("OpenGL can't draw here: set the surface to 'raster' or 'auto'")
        self._gl = self._context.functions()
        self._blitter = QOpenGLTextureBlitter()
        self._blitter.create()
        self._clock = clock
        self.size = self._window.pixels
        self._background = QColor(settings.background)
        self.refresh_hz, self.vsync = self._measured()

    def upload(self, image: QImage) -> Texture:
        """Return the image as a texture in the graphics card's memory."""
        texture = QOpenGLTexture(
            image.convertToFormat(QImage.Format.Format_RGBA8888),
            QOpenGLTexture.MipMapGeneration.DontGenerateMipMaps,
        )
        texture.setMinMagFilters(QOpenGLTexture.Filter.Nearest, QOpenGLTexture.Filter.Nearest)
        return Texture(texture, image.width(), image.height())

    def flip(self, scene: Scene) -> float:
        """Draw the scene, swap, wait for the retrace."""
        gl, colour = self._gl, self._background
        box = QRect(0, 0, *self.size)
        gl.glViewport(0, 0, *self.size)
        gl.glClearColor(colour.redF(), colour.greenF(), colour.blueF(), 1.0)
        gl.glClear(_COLOR_BUFFER)
        gl.glEnable(_BLEND)
        gl.glBlendFunc(_SOURCE_ALPHA, _ONE_MINUS_SOURCE_ALPHA)
        self._blitter.bind()
        for placed in scene:
            texture = placed.texture
            target = QRectF(placed.left, placed.top, texture.width, texture.height)
            self._blitter.blit(
                texture.handle.textureId(),
                QOpenGLTextureBlitter.targetTransform(target, box),
                QOpenGLTextureBlitter.Origin.OriginTopLeft,
            )
        self._blitter.release()
        self._context.swapBuffers(self._window)
        gl.glFinish()
        stamp_s = self._clock.now()
        QCoreApplication.processEvents()
        return stamp_s

    def pressed(self) -> list[int]:
        """Return the keys pressed since the last call, in order."""
        return self._window.take_keys()

    def close(self) -> None:
        """Close the window."""
        self._context.doneCurrent()
        self._window.destroy()

    def _measured(self) -> tuple[float, bool]:
        """Return the rate of the flips in Hz, and whether it is the display's."""
        stamps_s = [self.flip(()) for _ in range(N_WARM_UP + N_MEASURED)][N_WARM_UP:]
        steps_s = [after - before for before, after in itertools.pairwise(stamps_s)]
        rate_hz = 1.0 / statistics.median(steps_s)
        said_hz = self._window.screen().refreshRate()  # 0 where it does not know
        return rate_hz, abs(rate_hz - said_hz) <= AGREES * said_hz
