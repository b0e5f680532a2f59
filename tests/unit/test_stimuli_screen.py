"""The window itself, without a screen: what it shows, and when its frames come."""

from __future__ import annotations

import itertools
import statistics
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent, QColor, QImage
from PySide6.QtTest import QTest

from saccade.calibration.stimuli import StimuliSettings
from saccade.gui.stimuli import pages
from saccade.gui.stimuli.open_screen import open_screen
from saccade.gui.stimuli.raster_screen import RasterScreen
from saccade.gui.stimuli.screen import Placed
from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock

pytestmark = pytest.mark.usefixtures("qapp")


def settings(**changes: Any) -> StimuliSettings:
    made = {"full_screen": False, "size_px": (320, 240), "refresh_hz": 200.0, **changes}
    return StimuliSettings("pictures", "events", **made)


@pytest.fixture
def screen() -> Any:
    made = RasterScreen(settings(), SessionClock())
    yield made
    made.close()


def plain(colour: str, width: int = 40, height: int = 30) -> QImage:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    return image


def test_a_scene_is_shown_over_the_background_and_leaves_nothing_behind(screen: Any) -> None:
    red, blue = (screen.upload(plain(colour)) for colour in ("#ff0000", "#0000ff"))
    screen.flip((Placed(red, 10, 10), Placed(blue, 30, 20)))
    picture = screen.picture()
    assert (picture.width(), picture.height()) == screen.size == (320, 240)
    at = {point: picture.pixelColor(*point).name() for point in ((12, 12), (35, 25), (69, 49))}
    assert at == {(12, 12): "#ff0000", (35, 25): "#0000ff", (69, 49): "#0000ff"}
    assert picture.pixelColor(71, 51).name() == "#808080"
    screen.flip((Placed(red, 10, 10),))
    assert screen.picture().pixelColor(35, 25).name() == "#ff0000"
    assert screen.picture().pixelColor(60, 45).name() == "#808080"
    screen.flip(())
    assert {screen.picture().pixelColor(x, y).name() for x in (12, 60) for y in (12, 45)} == {
        "#808080"
    }


def test_what_is_drawn_step_by_step_is_what_is_drawn_at_once(screen: Any) -> None:
    """Only changes are drawn, so any order of scenes must end in the same picture."""
    mark = Placed.centred(screen.upload(pages.fixation(240)), screen.size)
    red = Placed.centred(screen.upload(plain("#ff0000", 120, 90)), screen.size)
    page = Placed(screen.upload(pages.page((320, 240), "#808080", "Rest", "0:10")), 0, 0)
    scenes = [(), (mark,), (red, mark), (page,), (page, mark), (red,)]
    for before, after in itertools.permutations(scenes, 2):
        screen.flip(before)
        screen.flip(after)
        step_by_step = screen.picture()
        other = RasterScreen(settings(), SessionClock())
        other.flip(after)
        assert other.picture() == step_by_step
        other.close()


@pytest.mark.parametrize("speed", [1.0, 4.0])
def test_frames_come_at_the_rate_of_the_sessions_clock(speed: float) -> None:
    clock = SessionClock(speed, 0.0)
    screen = RasterScreen(settings(refresh_hz=50.0, speed=speed), clock)
    stamps_s = [screen.flip(()) for _ in range(20)]
    screen.close()
    steps_s = [after - before for before, after in itertools.pairwise(stamps_s)]
    assert statistics.median(steps_s) == pytest.approx(0.02, abs=0.004)


def test_keys_are_told_once_and_closing_the_window_is_escape_twice(screen: Any) -> None:
    window = screen._window
    QTest.keyClick(window, Qt.Key.Key_Y)
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert screen.pressed() == [Qt.Key.Key_Y, Qt.Key.Key_Space]
    assert screen.pressed() == []
    event = QCloseEvent()
    window.event(event)
    assert not event.isAccepted()
    assert screen.pressed() == [Qt.Key.Key_Escape] * 2


def test_a_screen_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="there is no screen 7: 1 are there"):
        RasterScreen(settings(screen=7), SessionClock())


def test_without_opengl_auto_takes_the_clock_and_gl_says_so() -> None:
    made = open_screen(settings(surface="auto", refresh_hz=None), SessionClock())
    assert (made.surface, made.vsync) == ("raster", False)
    made.close()
    with pytest.raises(ConfigError, match="no OpenGL here: set the surface to 'raster' or 'auto'"):
        open_screen(settings(surface="gl"), SessionClock())


def test_the_rate_is_the_screens_own_sixty_when_faster_or_what_is_asked() -> None:
    def rate_hz(**changes: Any) -> float:
        screen = RasterScreen(settings(**changes), SessionClock())
        screen.close()
        return screen.refresh_hz

    assert rate_hz(refresh_hz=100.0) == 100.0
    assert rate_hz(refresh_hz=None, speed=4.0) == 60.0
    assert rate_hz(refresh_hz=None) > 0


def test_text_is_legible_on_any_background() -> None:
    for background in ("#808080", "#000000", "#ffffff"):
        contrast = abs(pages.ink(background).lightnessF() - QColor(background).lightnessF())
        assert contrast > 0.4
        image = pages.page((400, 300), background, "Rest your eyes", "0:10", "Space: go on")
        colours = {image.pixelColor(x, y).name() for x in range(0, 400, 2) for y in range(300)}
        assert background in colours
        assert len(colours) > 5


def test_every_part_of_a_page_is_drawn() -> None:
    whole = pages.page((400, 300), "#808080", "Title", "Text", "Foot")
    for parts in (("", "Text", "Foot"), ("Title", "", "Foot"), ("Title", "Text", "")):
        assert pages.page((400, 300), "#808080", *parts) != whole
