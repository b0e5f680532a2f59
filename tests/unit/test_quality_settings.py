"""Limits that no signal could keep, or that judge in the wrong order, are refused in one line."""

from __future__ import annotations

import dataclasses
import math

import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.quality.presets import PRESETS, preset
from saccade.realtime.quality.settings import BELOW, RANGES, QualitySettings


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(QualitySettings)])
def test_limits_in_the_wrong_order_are_refused(name):
    if not isinstance(getattr(QualitySettings(), name), tuple):
        with pytest.raises(ConfigError, match=f"{name} must be above 0, not -1"):
            QualitySettings(**{name: -1.0})
        return
    order = (0.2, 0.4) if name in BELOW else (0.4, 0.2)
    direction = "falling" if name in BELOW else "rising"
    with pytest.raises(ConfigError, match=f"{name} must be two {direction} numbers"):
        QualitySettings(**{name: order})
    with pytest.raises(ConfigError, match="correct them"):
        QualitySettings(**{name: (math.nan, math.nan)})


@pytest.mark.parametrize("name", RANGES)
def test_limits_that_no_channel_could_keep_are_refused(name):
    beyond = (5.0, 2.0) if name in BELOW else (2.0, 5.0)
    least, most = RANGES[name]
    with pytest.raises(
        ConfigError, match=f"{name} must be .* of {least:g} to 1, .* not {beyond[0]:g}"
    ):
        QualitySettings(**{name: beyond})
    off = (least, least) if name in BELOW else (most, most)
    assert getattr(QualitySettings(**{name: off}), name) == off


def test_a_mains_frequency_that_is_none_is_refused():
    with pytest.raises(ConfigError, match="20 to 100 Hz, not 400"):
        QualitySettings(line_hz=400.0)


def test_presets_are_settings_and_an_unknown_one_is_refused():
    assert preset("generic") == QualitySettings()
    assert preset("muse").full_scale_uv == 1000
    assert len({dataclasses.astuple(p) for p in PRESETS.values()}) == len(PRESETS)
    with pytest.raises(ConfigError, match="no quality preset 'must': did you mean 'muse'"):
        preset("must")
    with pytest.raises(ConfigError, match="there are generic, muse"):
        preset("qqq")
