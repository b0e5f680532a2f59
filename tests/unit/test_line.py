"""The regression of stamp on sample number: exact where the clock is, near where stamps jitter."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.timing.line import MEMORY_S, Line

SFREQ = 250.0
EVEN = 1e5 + np.arange(60_000) / SFREQ


def line(tolerance_s: float = 0.03) -> Line:
    return Line(SFREQ, tolerance_s)


@pytest.mark.parametrize(("drift_ppm", "most_us"), [(0, 0.001), (50, 40), (-200, 160)])
def test_stamps_without_jitter_stay_what_they_are(drift_ppm: float, most_us: float) -> None:
    stamps = 1e5 + np.arange(60_000) / SFREQ * (1 + 1e-6 * drift_ppm)
    times = line().follow(stamps)
    assert 1e6 * np.abs(times - stamps).max() < most_us
    assert 1e6 * np.abs(times - stamps)[5000:].max() < most_us / 50


def test_jitter_is_left_an_error_of_its_own_over_the_root_of_the_samples_in_memory() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(8):
        fitted = line()
        times = fitted.follow(EVEN + rng.normal(0, 2e-3, len(EVEN)))
        errors.append((times - EVEN)[15_000:])
        assert fitted.jitter_s == pytest.approx(2e-3, rel=0.05)
    expected_s = 2e-3 * np.sqrt(1.25 / (MEMORY_S * SFREQ))
    assert np.std(errors) == pytest.approx(expected_s, rel=0.2)


def test_the_first_sample_of_a_level_keeps_its_stamp() -> None:
    fitted = line()
    stamps = EVEN + np.random.default_rng(1).normal(0, 2e-3, len(EVEN))
    fitted.follow(stamps[:1000])
    fitted.restart()
    assert fitted.follow(stamps[1000:])[0] == stamps[1000]


def test_a_new_level_keeps_the_rate_and_a_new_clock_does_not() -> None:
    stamps = EVEN * (1 + 3e-3)
    fitted = line()
    fitted.follow(stamps[:5000])
    period_s = fitted.period_s
    assert period_s * SFREQ - 1 == pytest.approx(3e-3, rel=2e-3)
    fitted.restart()
    assert fitted.period_s == pytest.approx(period_s, rel=1e-9)
    fitted.follow(stamps[6000:6001])
    assert fitted.expected_s == pytest.approx(stamps[6001], abs=1e-5)
    fitted.forget()
    assert fitted.period_s == 1 / SFREQ
    assert fitted.n_seen == 0


def test_a_stamp_too_far_from_the_line_begins_a_new_level() -> None:
    stamps = EVEN + 0.031 * (np.arange(len(EVEN)) >= 3000)
    times = line().follow(stamps)
    np.testing.assert_allclose(times, stamps, rtol=0, atol=1e-9)
    near = EVEN + 0.029 * (np.arange(len(EVEN)) == 3000)
    assert abs(line().follow(near) - EVEN).max() < 1e-4


def test_a_loss_within_the_jitter_is_seen_in_the_mean() -> None:
    rng = np.random.default_rng(2)
    stamps = np.delete(EVEN, slice(3000, 3003)) + rng.uniform(-5e-3, 5e-3, len(EVEN) - 3)
    fitted = line()
    times = fitted.follow(stamps)
    assert fitted.shifts == 1
    late = np.abs(times - np.delete(EVEN, slice(3000, 3003)))
    assert late.max() < 0.0125  # three samples, and what jitter leaves
    assert late[3750:].max() < 1e-3
    assert late[:3000].max() < 5e-3


def test_what_has_not_begun_expects_nothing() -> None:
    assert np.isnan(line().expected_s)
    assert np.isnan(line().jitter_s)
    assert len(line().follow(EVEN[:0])) == 0


def test_samples_that_tell_nothing_leave_the_line_where_it_is() -> None:
    fitted, whole = line(), line()
    fitted.follow(EVEN[:5000])
    fitted.pass_over(40)
    whole.follow(EVEN[:5040])
    assert fitted.expected_s == pytest.approx(whole.expected_s, abs=1e-9)
    assert fitted.n_seen == 5040


def test_a_copy_goes_its_own_way() -> None:
    fitted = line()
    fitted.follow(EVEN[:5000] + np.random.default_rng(0).normal(0, 1e-3, 5000))
    before = fitted.expected_s, fitted.jitter_s
    twin = fitted.copy()
    assert (twin.expected_s, twin.jitter_s) == before
    twin.follow(np.full(20, EVEN[5000]))
    assert (fitted.expected_s, fitted.jitter_s) == before
    assert twin.jitter_s != before[1]


def test_time_goes_on_even_where_stamps_do_not() -> None:
    fitted = line()
    fitted.follow(np.full(400, 5.0))
    assert 0.5 <= fitted.period_s * SFREQ <= 2
    fitted = line()
    fitted.follow(5 + np.arange(400) / 50)
    assert 0.5 <= fitted.period_s * SFREQ <= 2
