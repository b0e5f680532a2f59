"""Each measure against a slow, obvious calculation, and against signals whose value is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import sosfreqz

from saccade.realtime.quality import measures
from saccade.realtime.quality.bands import Bands, decimation
from saccade.realtime.quality.extremes import Extremes

SFREQ, N = 250.0, 500
FREQS = np.fft.rfftfreq(N, 1 / SFREQ)
TIME = np.arange(N) / SFREQ


@pytest.fixture
def window():
    rng = np.random.default_rng(0)
    mixed = rng.normal(size=(9, 9)) @ rng.normal(size=(9, N))
    return (3 * mixed).astype(np.float32)


def test_robust_sd_is_that_of_the_quartiles(window):
    low, high = np.percentile(window.astype(np.float64), [25, 75], axis=1)
    assert measures.robust_sd(window) == pytest.approx(0.7413 * (high - low), rel=1e-6)


def test_a_blink_does_not_move_the_amplitude():
    window = np.random.default_rng(1).normal(0, 10, (1, 50_000)).astype(np.float32)
    assert measures.robust_sd(window)[0] == pytest.approx(10, rel=0.02)
    window[0, :5000] += 200
    assert window.std() > 50
    assert measures.robust_sd(window)[0] < 12


def test_outliers_are_told_from_the_logarithm_and_never_among_channels_that_are_alike():
    amplitudes = np.array([8.0, 9, 10, 11, 12, 10, 9.5, 10.5, 100, 0, np.nan])
    z = measures.outlier_z(amplitudes)
    logs = np.log(amplitudes[:9])
    low, middle, high = np.percentile(logs, [25, 50, 75])
    assert z[:9] == pytest.approx((logs - middle) / max(0.7413 * (high - low), 0.15))
    assert np.isnan(z[9:]).all()
    assert z[8] > 5 > np.abs(z[:8]).max()
    assert np.abs(measures.outlier_z(10 + np.linspace(0, 0.1, 8))).max() < 0.1
    assert np.isnan(measures.outlier_z(np.zeros(3))).all()


def test_the_line_ratio_is_that_of_the_rms_values():
    rng = np.random.default_rng(2)
    eeg = rng.normal(0, 1, (20, N))
    eeg = np.fft.irfft(np.where((FREQS >= 1) & (FREQS < 40), np.fft.rfft(eeg), 0), N)
    eeg /= eeg.std(axis=1, keepdims=True)
    hum = 3 * np.sqrt(2) * np.sin(2 * np.pi * 50 * TIME + 0.3)
    spectra = measures.power((eeg + hum).astype(np.float32))
    assert measures.line_ratio(spectra, FREQS, 50.0) == pytest.approx(3, rel=0.25)
    assert measures.line_ratio(spectra, FREQS, 60.0).max() < 0.1
    assert np.isnan(measures.line_ratio(np.zeros((1, len(FREQS))), FREQS, 50.0)).all()


def test_white_noise_has_a_high_frequency_ratio_of_one_whatever_the_mains():
    noise = np.random.default_rng(3).normal(0, 5, (200, N))
    noise += 100 * np.sin(2 * np.pi * 50 * TIME) + 30 * np.sin(2 * np.pi * 100 * TIME)
    spectra = measures.power(noise.astype(np.float32))
    ratio = measures.hf_ratio(spectra, FREQS, 50.0, 110.0)
    assert np.median(ratio) == pytest.approx(1, abs=0.05)
    assert measures.hf_ratio(spectra, FREQS, 60.0, 110.0).min() > 3


def test_correlation_is_the_98th_percentile_of_those_with_the_others(window):
    window[4] = 0
    cov = measures.covariance(window)
    centred = window - window.mean(axis=1, keepdims=True)
    assert cov == pytest.approx(np.cov(centred.astype(np.float64), bias=True), rel=1e-3, abs=1e-3)
    found = measures.correlation(cov)
    moving = np.delete(window, 4, axis=0).astype(np.float64)
    r = np.abs(np.corrcoef(moving))
    for row, value in enumerate(np.delete(found, 4)):
        others = [*np.delete(r[row], row), 0.0]  # the channel that stands still is like none
        assert value == pytest.approx(np.percentile(others, 98), abs=1e-5)
    assert found[4] == 0


def test_the_nearest_channel_is_the_one_that_differs_least(window):
    window[7] = window[2] + 0.25 * np.random.default_rng(4).normal(size=N)
    distance, other = measures.nearest(measures.covariance(window))
    assert (other[2], other[7]) == (7, 2)
    for i in range(9):
        differences = [np.std(window[i] - window[j]) if i != j else np.inf for j in range(9)]
        assert distance[i] == pytest.approx(min(differences), rel=0.02)


def test_predictability_is_the_correlation_with_the_weighted_sum(window):
    weights = np.random.default_rng(5).normal(size=(9, 9))
    np.fill_diagonal(weights, 0)
    found = measures.predictability(measures.covariance(window), weights)
    predicted = weights @ window
    slow = [np.corrcoef(*pair)[0, 1] for pair in zip(window, predicted, strict=True)]
    assert found == pytest.approx(slow, abs=1e-4)
    assert measures.predictability(np.zeros((9, 9)), weights) == pytest.approx(np.zeros(9))


def test_rows_correlate_one_by_one(window):
    slow = [np.corrcoef(*pair)[0, 1] for pair in zip(window, window[::-1], strict=True)]
    found = measures.correlation_rows(window, window[::-1])
    assert found == pytest.approx(slow, abs=1e-5)
    assert (measures.correlation_rows(window, np.zeros_like(window)) == 0).all()


@pytest.mark.parametrize(("sfreq", "factor"), [(128, 1), (300, 1), (500, 2), (1000, 4), (5000, 20)])
def test_the_working_rate_is_240_to_480_hz_or_the_streams_own(sfreq, factor):
    assert decimation(sfreq) == factor
    assert Bands(10 * factor, 2, sfreq).sfreq == sfreq / factor


@pytest.mark.parametrize(
    ("sfreq", "freq_hz", "above", "below"),
    [
        (1000.0, 10.0, 1.0, 1.0),
        (1000.0, 80.0, 1.0, 0.0),
        (1000.0, 200.0, 0.0, 0.0),  # would fold to 50 Hz
        (1000.0, 0.1, 0.0, 0.0),
        (250.0, 35.0, 1.0, 1.0),
        (250.0, 50.0, 1.0, 0.0),
        (100.0, 35.0, 1.0, 1.0),
    ],
)
def test_bands_pass_what_they_should(sfreq, freq_hz, above, below):
    n = decimation(sfreq) * 20
    bands = Bands(n, 1, sfreq)
    time_s = np.arange(100 * n) / sfreq
    signal = (1e5 + np.sqrt(2) * np.sin(2 * np.pi * freq_hz * time_s)).astype(np.float32)[:, None]
    hops = [bands.step(signal[i : i + n], first=i == 0) for i in range(0, len(signal), n)]
    for kind, gain in enumerate((above, below)):
        late = np.concatenate([hop[kind][0] for hop in hops[60:]])
        assert late.std() == pytest.approx(gain, abs=0.05)
        assert len(hops[0][kind][0]) == 20


def test_filters_begin_as_if_the_first_sample_had_always_been():
    bands = Bands(100, 1, 250.0)
    for offset_uv in (0.0, 2e5):
        above, below = bands.step(np.full((100, 1), offset_uv, np.float32), first=True)
        assert np.abs(above).max() == np.abs(below).max() == 0


def test_the_low_pass_has_40_db_at_the_mains():
    sos = Bands(10, 1, 250.0)._low_pass
    gain = np.abs(sosfreqz(sos, [10, 35, 50, 60], fs=250.0)[1])
    assert gain[:2] == pytest.approx([1, 1], abs=0.1)
    assert (gain[2:] < 0.0101).all()


def test_extremes_add_up_over_hops():
    rng = np.random.default_rng(6)
    data = rng.integers(-3, 4, (200, 5)).astype(np.float32)
    data[130:, 1] = 2
    data[:, 2] = np.minimum(data[:, 2], 1)
    extremes = Extremes(5, 4)
    for i in range(0, 200, 20):
        extremes.step(data[i : i + 20], first=i == 0)
    last = data[120:]
    slow = np.maximum((last == last.max(0)).mean(0), (last == last.min(0)).mean(0))
    assert extremes.clipped == pytest.approx(slow)
    assert extremes.peak_uv == pytest.approx(np.abs(last).max(0))
    for channel in range(5):
        changes = np.flatnonzero(np.diff(data[:, channel]))
        assert extremes.still[channel] == 199 - (changes[-1] + 1)
    extremes.step(data[:20], first=True)  # after a tear, nothing of before counts
    assert extremes.peak_uv == pytest.approx(np.abs(data[:20]).max(0))
    assert extremes.still[1] < 20
