"""Light against markers: what is put in is found again, and what must not be used is refused."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.calibration.timing_test import Timing, TimingSettings, measure, require
from saccade.cli.timing_test import _diode
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import StreamSpec

RATE_HZ, ON_S, N = 500.0, 0.1, 60


def flashes(n: int = N, seed: int = 0) -> np.ndarray:
    return 100.0 + np.cumsum(np.random.default_rng(seed).uniform(0.3, 0.5, n))


def lit(
    onsets_s: np.ndarray,
    rate_hz: float = RATE_HZ,
    on_s: float = ON_S,
    dark: float = 5.0,
    bright: float = 95.0,
    noise: float = 0.5,
    seed: int = 1,
) -> tuple[np.ndarray, np.ndarray]:
    """Return a diode's samples, light averaged around each, and their stamps."""
    stamps_s = np.arange(onsets_s[0] - 1.0, onsets_s[-1] + 1.5, 1 / rate_hz)
    share = np.zeros(len(stamps_s))
    for onset_s in onsets_s:
        overlap = np.minimum(stamps_s + 0.5 / rate_hz, onset_s + on_s) - np.maximum(
            stamps_s - 0.5 / rate_hz, onset_s
        )
        share += np.clip(overlap * rate_hz, 0.0, 1.0)
    values = dark + (bright - dark) * share
    values = values + noise * np.random.default_rng(seed).standard_normal(len(values))
    return values.astype(np.float32), stamps_s


def timing(**changes: Any) -> Timing:
    light, stamps_s = lit(flashes() + 0.02)
    return dataclasses.replace(measure(light, stamps_s, flashes(), ON_S), **changes)


@pytest.mark.parametrize("rate_hz", [250.0, 500.0, 2000.0])
@pytest.mark.parametrize("offset_ms", [-30.0, 0.0, 12.3, 80.0])
def test_a_constant_offset_is_found_to_a_tenth_of_a_sample(
    rate_hz: float, offset_ms: float
) -> None:
    light, stamps_s = lit(flashes() + offset_ms / 1e3, rate_hz)
    found = measure(light, stamps_s, flashes(), ON_S)
    sample_ms = 1e3 / rate_hz
    assert (found.found, found.missed, found.extra) == (N, 0, 0)
    assert found.offset_ms == pytest.approx(offset_ms, abs=0.1 * sample_ms)
    assert found.on_ms == pytest.approx(100.0, abs=0.1 * sample_ms)
    assert found.sample_ms == pytest.approx(sample_ms)
    assert found.spread_ms < sample_ms
    require(found, TimingSettings())


@given(st.floats(0.5, 6.0), st.integers(0, 20))
def test_jitter_is_found(jitter_ms: float, seed: int) -> None:
    delays_s = 0.02 + np.random.default_rng(seed).normal(0.0, jitter_ms / 1e3, N)
    light, stamps_s = lit(flashes() + delays_s)
    found = measure(light, stamps_s, flashes(), ON_S)
    assert found.sd_ms == pytest.approx(1e3 * delays_s.std(), abs=0.2)
    assert found.min_ms == pytest.approx(1e3 * delays_s.min(), abs=0.4)
    assert found.max_ms == pytest.approx(1e3 * delays_s.max(), abs=0.4)
    low, high = np.percentile(1e3 * delays_s, (5, 95))
    assert found.spread_ms == pytest.approx(high - low, abs=0.4)


def test_the_unit_and_the_sign_of_the_channel_do_not_matter() -> None:
    light, stamps_s = lit(flashes() + 0.02)
    upright = measure(light, stamps_s, flashes(), ON_S)
    for scale, shift in ((1e-6, 0.0), (-1.0, 0.0), (-3e4, 1e6)):
        other = measure((scale * light + shift).astype(np.float32), stamps_s, flashes(), ON_S)
        assert other.offset_ms == pytest.approx(upright.offset_ms, abs=0.05)
        assert other.found == N


def test_a_picture_that_is_on_for_another_number_of_frames_is_seen() -> None:
    light, stamps_s = lit(flashes() + 0.02, on_s=ON_S + 1 / 60)
    found = measure(light, stamps_s, flashes(), ON_S)
    assert (found.on_ms, found.asked_on_ms) == (pytest.approx(100 + 1e3 / 60, abs=0.2), 100.0)


def test_light_without_marker_and_marker_without_light_are_counted() -> None:
    onsets_s = flashes() + 0.02
    between_s = (onsets_s[10] + onsets_s[11]) / 2 + 0.03
    shown_s = np.sort(np.append(np.delete(onsets_s, [3, 4, 30]), between_s))
    light, stamps_s = lit(shown_s, on_s=0.05)
    found = measure(light, stamps_s, flashes(), 0.05)
    assert (found.found, found.missed, found.extra) == (N - 3, 3, 1)
    with pytest.raises(CalibrationError, match="missed 3 of 60 flashes and saw 1 that were none"):
        require(found, TimingSettings())
    require(found, TimingSettings(missed_share=0.05))


def test_noise_at_the_middle_makes_no_second_edge() -> None:
    """A slow diode, whose edge takes many samples, each with noise."""
    light, stamps_s = lit(flashes() + 0.02, 2000.0, noise=0.0)
    slow = np.convolve(light, np.ones(30) / 30, "same")
    slow += 1.5 * np.random.default_rng(3).standard_normal(len(slow))
    found = measure(slow.astype(np.float32), stamps_s, flashes(), ON_S)
    assert (found.found, found.extra) == (N, 0)
    assert found.offset_ms == pytest.approx(20.0, abs=0.5)


@pytest.mark.parametrize("values", ["constant", "noise", "missing"])
def test_a_channel_that_sees_no_flash_is_refused(values: str) -> None:
    _, stamps_s = lit(flashes())
    light = {
        "constant": np.zeros(len(stamps_s)),
        "noise": np.random.default_rng(0).standard_normal(len(stamps_s)),
        "missing": np.full(len(stamps_s), np.nan),
    }[values]
    with pytest.raises(CalibrationError, match=r"channel is flat: .* is this its channel"):
        measure(light.astype(np.float32), stamps_s, flashes(), ON_S)


@pytest.mark.parametrize("n", [0, 1])
def test_without_markers_there_is_nothing_to_compare(n: int) -> None:
    light, stamps_s = lit(flashes())
    with pytest.raises(CalibrationError, match=f"needs flashes, but {n} markers came"):
        measure(light, stamps_s, flashes()[:n], ON_S)


def test_a_spread_of_more_than_ten_milliseconds_is_refused() -> None:
    require(timing(p5_ms=15.0, p95_ms=25.0), TimingSettings())
    with pytest.raises(
        CalibrationError,
        match=r"15\.0 to 25\.1 ms after its marker, a spread of 10\.1 ms where 10 are allowed",
    ):
        require(timing(p5_ms=15.0, p95_ms=25.1), TimingSettings())
    require(timing(p5_ms=15.0, p95_ms=25.1), TimingSettings(spread_ms=11.0))


def test_too_few_flashes_are_refused() -> None:
    require(timing(found=20, flashes=20), TimingSettings())
    with pytest.raises(CalibrationError, match=r"needs 20 flashes .* there are 19 of 19"):
        require(timing(found=19, flashes=19), TimingSettings())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"spread_ms": 0.0}, "spread_ms must be above 0"),
        ({"missed_share": 1.0}, "missed_share must be 0 to below 1"),
        ({"least_flashes": 1}, "least_flashes must be at least 2"),
    ],
)
def test_limits_that_judge_nothing_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TimingSettings(**settings)


def test_figures_are_json_ready() -> None:
    content = timing().asdict()
    assert content["spread_ms"] == round(timing().spread_ms, 3)
    assert {type(value) for value in content.values()} == {int, float}


def stream(**channels: str) -> StreamSpec:
    return StreamSpec(
        "cap", 250.0, tuple(channels), tuple(channels.values()), ("uV",) * len(channels)
    )


def test_the_diodes_channel_is_found_by_its_name_or_as_asked() -> None:
    spec = stream(Oz="eeg", Photodiode="misc", Trigger="stim")
    assert _diode(spec, None) == 1
    assert _diode(spec, "Trigger") == 2


@pytest.mark.parametrize(
    ("spec", "asked", "message"),
    [
        (stream(Oz="eeg", Aux="misc"), "Diode", "has no channel 'Diode': it has Aux"),
        (stream(Oz="eeg"), "Diode", "it has no channel but EEG"),
        (stream(Oz="eeg", Aux="misc"), None, r"0 channels of 'cap' have 'diode' .* it has Aux"),
        (stream(diode1="misc", diode2="misc"), None, "2 channels .* diode1, diode2"),
    ],
)
def test_a_diode_that_can_not_be_told_is_asked_for(
    spec: StreamSpec, asked: str | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _diode(spec, asked)
