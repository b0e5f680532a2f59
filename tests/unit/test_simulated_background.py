"""The simulated background: as strong, as coloured and where it is said to be."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.signal import welch

from saccade.realtime.simulation.artifacts import Artifacts
from saccade.realtime.simulation.covariance import WindowCovariance
from saccade.realtime.simulation.generators import generator
from saccade.realtime.simulation.montage import CH_NAMES
from saccade.realtime.simulation.noise import alpha_autocovariance, one_over_f_autocovariance
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Float64

# The average person, whose levels are those of the settings.
SETTINGS = SubjectSettings(n_components=4, individuality=0.0)
PURE = {"alpha_uv": 0.0, "line_uv": 0.0, "sensor_uv": 0.0}


def subject(**changes: object) -> SimulatedSubject:
    vectors = np.random.default_rng(3).standard_normal((12, 8)).astype(np.float32)
    settings = dataclasses.replace(SETTINGS, **changes)  # type: ignore[arg-type]
    return SimulatedSubject(settings, vectors, [f"c{i}" for i in range(12)])


def background(seconds: float = 60.0, **changes: object) -> Float64:
    of = subject(**changes)
    return of.background().take(int(seconds * of.settings.sfreq))


def column(name: str) -> int:
    return CH_NAMES.index(name)


def test_is_the_same_for_the_same_seed_only() -> None:
    np.testing.assert_array_equal(background(2), background(2))
    assert not np.array_equal(background(2), background(2, seed=1))


def test_knows_nothing_of_the_stimuli() -> None:
    np.testing.assert_array_equal(background(2), background(2, effect=1.0, common_uv=50.0))


def test_goes_on_where_it_stopped() -> None:
    going = subject().background()
    parts = [going.take(n) for n in (0, 1, 249, 0, 251, 499)]
    np.testing.assert_array_equal(np.concatenate(parts), background(4))


def test_amplitude_is_plausible() -> None:
    rms = np.sqrt(np.square(background()).mean(axis=0))
    assert rms.min() > 6
    assert rms.max() < 18


@pytest.mark.parametrize("sfreq", [250.0, 500.0])
def test_falls_as_one_over_f(sfreq: float) -> None:
    signal = background(60, sfreq=sfreq, **PURE)
    assert np.sqrt(np.square(signal).mean()) == pytest.approx(10.0, rel=0.08)
    freqs, power = welch(signal, sfreq, nperseg=int(4 * sfreq), axis=0)
    band = (freqs >= 1) & (freqs <= 30)
    slope = np.polyfit(np.log(freqs[band]), np.log(power[band].mean(axis=1)), 1)[0]
    assert -1.3 < slope < -0.8


def test_neighbours_share_noise() -> None:
    r = np.corrcoef(background(**PURE).T)
    assert r[column("Cz"), column("CPz")] > 0.8
    assert abs(r[column("Fp1"), column("O2")]) < 0.4


def test_alpha_is_posterior_at_10_hz() -> None:
    alpha = background() - background(alpha_uv=0.0)
    rms = np.sqrt(np.square(alpha).mean(axis=0))
    assert rms.max() == pytest.approx(6.0, rel=0.15)
    assert rms[column("O1")] > 3 * rms[column("C3")]
    freqs, power = welch(alpha[:, column("O1")], 250.0, nperseg=1000)
    assert freqs[power.argmax()] == pytest.approx(10.0, abs=0.75)


@pytest.mark.parametrize("line_hz", [50.0, 60.0])
def test_line_is_where_it_is_set(line_hz: float) -> None:
    line = background(10, line_hz=line_hz, line_uv=3.0) - background(10, line_uv=0.0)
    spectrum = np.abs(np.fft.rfft(line, axis=0))
    assert set(spectrum.argmax(axis=0)) == {int(line_hz * 10)}
    assert np.sqrt(np.square(line).mean(axis=0)).mean() == pytest.approx(3.0, rel=0.2)


def test_sensors_add_white_noise() -> None:
    white = background(sensor_uv=2.0) - background(sensor_uv=0.0)
    assert white.std() == pytest.approx(2.0, rel=0.02)
    assert np.abs(np.corrcoef(white.T) - np.eye(64)).max() < 0.06


def test_levels_scale_their_own_part_only() -> None:
    once = background(2, noise_uv=10.0) - background(2, noise_uv=5.0)
    twice = background(2, noise_uv=15.0) - background(2, noise_uv=5.0)
    np.testing.assert_allclose(twice, 2 * once, atol=1e-9)


def test_artifacts_come_on_top() -> None:
    drift = background(4, artifacts=Artifacts(drift_uv=50.0)) - background(4)
    assert 20 < drift.std() < 80
    assert np.diff(drift, axis=0).std() < 3


def test_is_in_full_swing_from_the_first_sample() -> None:
    first = np.stack([background(0.1, seed=s)[[0, 24]] for s in range(60)])
    start, later = np.sqrt(np.square(first).mean(axis=(0, 2)))
    assert start == pytest.approx(later, rel=0.15)


def test_covariance_is_the_stated_one() -> None:
    n_times = 6
    of = subject(line_uv=0.0)
    covariance = sum(np.kron(a, b) for a, b in WindowCovariance(of.noise, n_times).terms())
    windows = of.background().take(120 * 250).reshape(-1, n_times, 64)
    windows = windows.transpose(0, 2, 1).reshape(len(windows), -1)
    white = np.linalg.solve(np.linalg.cholesky(covariance), windows.T)
    found = white @ white.T / len(windows)
    # The windows follow each other, so slow parts have fewer degrees of freedom than 5000.
    assert np.abs(np.diag(found) - 1).max() < 0.3
    assert np.abs(np.diag(found) - 1).mean() < 0.03
    assert np.abs(found - np.diag(np.diag(found))).max() < 0.2


@pytest.mark.parametrize("of", [one_over_f_autocovariance, alpha_autocovariance])
def test_an_autocovariance_is_one_at_lag_0_and_the_same_at_any_length(of) -> None:  # type: ignore[no-untyped-def]
    lags = of(500, 250.0)
    assert lags.shape == (500,)
    assert lags[0] == pytest.approx(1.0)
    assert np.abs(lags[1:]).max() < 1
    for n_lags in (1, 2, 3):
        np.testing.assert_array_equal(of(n_lags, 250.0), lags[:n_lags])


def test_purposes_of_a_seed_have_their_own_generators() -> None:
    drawn = {generator(0, p).integers(2**62) for p in ("1/f", "alpha", "sensor", "order")}
    drawn |= {generator(0, "trial", *numbers).integers(2**62) for numbers in ((0, 1), (1, 0))}
    assert len(drawn) == 6
    assert generator(0, "order").integers(2**62) == generator(0, "order").integers(2**62)
