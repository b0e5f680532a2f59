"""The configuration's section ``stimuli``: every key reaches the window."""

from __future__ import annotations

from typing import Any

import pytest

from saccade.calibration.stimuli import Photodiode, StimuliSettings
from saccade.cli import configuration
from saccade.cli.stimuli import window
from saccade.realtime.errors import ConfigError
from saccade.realtime.session_clock import SessionClock


def made(*texts: str, **more: Any) -> StimuliSettings:
    return window(configuration.load(None, {}, texts).config, "pictures", SessionClock(), **more)


def test_without_a_word_the_window_is_as_its_settings_are() -> None:
    assert made() == StimuliSettings("pictures", "pictures-events")


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("background=#000000", "background", "#000000"),
        ("picture_share=0.7", "picture_share", 0.7),
        ("photodiode=top-left", "photodiode", Photodiode("top-left", 80)),
        ("fixation_s=1.5", "fixation_s", 1.5),
        ("settle_s=0.4", "settle_s", 0.4),
        ("answer_s=3", "answer_s", 3.0),
        ("surface=raster", "surface", "raster"),
        ("refresh_hz=75", "refresh_hz", 75.0),
    ],
)
def test_every_key_reaches_the_window(text: str, field: str, value: Any) -> None:
    assert getattr(made(f"stimuli.{text}"), field) == value


def test_the_squares_size_goes_with_its_corner() -> None:
    both = made("stimuli.photodiode=bottom-right", "stimuli.photodiode_px=50")
    assert both.photodiode == Photodiode("bottom-right", 50)
    assert made("stimuli.photodiode_px=50").photodiode is None


def test_what_a_verb_adds_comes_last() -> None:
    assert made("stimuli.settle_s=2", settle_s=0.1, screen=1).settle_s == 0.1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("photodiode=middle", "corner is one of"),
        ("surface=paper", "surface is one of"),
        ("colour=red", r"there is no setting 'stimuli\.colour'"),
    ],
)
def test_what_no_window_can_do_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        made(f"stimuli.{text}")
