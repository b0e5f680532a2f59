"""Raw sessions: events from the stim channel, epochs as MNE-Python cuts and resamples them."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from saccade.models.data.images import ImageList
from saccade.models.data.raw import CutSettings, RawSignals, decimate
from saccade.models.data.signals import Joined
from saccade.realtime.errors import ConfigError, RecordingError

IMAGES = ImageList.of(["00001_a/a_01.jpg", "00001_a/a_02.jpg", "00002_b/b_01.jpg"])
ONSETS, CODES = (500, 1700, 2900, 4100, 5300), (2, 99999, 3, 2, 1)


def session(path, n_samples=7000, onsets=ONSETS, codes=CODES, width=20, **changes):
    """Write a session as Gifford's: np.save of a dict, volts, one stim channel."""
    rng = np.random.default_rng(0)
    signal = np.cumsum(rng.standard_normal((3, n_samples)), axis=1) * 1e-6
    stim = np.zeros((1, n_samples))
    for onset, code in zip(onsets, codes, strict=True):
        stim[0, onset : onset + width] = code
    content = {
        "raw_eeg_data": np.concatenate([signal[:2], stim, signal[2:]]),
        "ch_names": ["O1", "Oz", "stim", "O2"],
        "sfreq": 1000,
        "ch_types": ["eeg", "eeg", "stim", "eeg"],
        **changes,
    }
    np.save(path, content)
    return content


@pytest.fixture
def path(tmp_path):
    return tmp_path / "raw_eeg_training.npy"


def test_events_become_rows(path):
    session(path)
    source = RawSignals(path, "sub-01", IMAGES, trust_pickle=True)
    assert source.table.image.tolist() == [1, 2, 1, 0]
    assert source.table.concept.tolist() == [0, 1, 0, 0]
    assert source.table.repetition.tolist() == [0, 0, 1, 0]
    assert source.ch_names == ("O1", "Oz", "O2")
    assert (source.sfreq, source.tmin_s, source.n_times) == (250.0, 0.0, 250)
    assert source.signals([3, 0]).shape == (2, 3, 250)
    assert isinstance(source._data, np.memmap)


def test_epochs_without_resampling_are_slices_less_the_baseline(path):
    content = session(path)
    plain = CutSettings(sfreq=1000.0, crop_s=(-0.2, 1.0))
    source = RawSignals(path, "sub-01", IMAGES, plain, trust_pickle=True)
    cut = content["raw_eeg_data"][[0, 1, 3], 2700:3900] * 1e6
    cut -= cut[:, :200].mean(axis=1, keepdims=True)
    np.testing.assert_allclose(source.signals([1])[0], cut, atol=1e-4)
    assert source.tmin_s == -0.2


def test_each_setting_changes_the_epochs(path):
    session(path)
    shown = [
        RawSignals(path, "a", IMAGES, settings, trust_pickle=True).signals([0])
        for settings in (
            CutSettings(),
            CutSettings(baseline_s=None),
            CutSettings(tmin_s=-0.3, baseline_s=(-0.3, 0.0)),
            CutSettings(crop_s=(0.1, 0.9)),
            CutSettings(sfreq=125.0),
            CutSettings(tmax_s=1.2),
        )
    ]
    for i, one in enumerate(shown):
        for other in shown[:i]:
            assert one.shape != other.shape or not np.array_equal(one, other)


def test_events_are_those_of_mne(path):
    mne = pytest.importorskip("mne")
    content = session(path, onsets=(500, 520, 2900, 4100, 5300), codes=(2, 3, 3, 2, 1))
    info = mne.create_info(content["ch_names"], 1000.0, content["ch_types"])
    raw = mne.io.RawArray(content["raw_eeg_data"], info, verbose="error")
    events = mne.find_events(raw, stim_channel="stim", verbose="error")
    source = RawSignals(path, "sub-01", IMAGES, trust_pickle=True)
    assert events[:, 2].tolist() == (source.table.image + 1).tolist()
    assert events[:, 0].tolist() == source._onsets.tolist()


def test_decimation_is_that_of_mne():
    mne = pytest.importorskip("mne")
    epoch = np.cumsum(np.random.default_rng(0).standard_normal((3, 1200)), axis=1)
    expected = mne.filter.resample(epoch, down=4, verbose="error")
    np.testing.assert_allclose(decimate(epoch.astype(np.float32), 4, 1000.0), expected, atol=1e-4)


def test_a_slow_wave_survives_and_a_fast_one_does_not():
    t = np.arange(1200) / 1000
    slow, fast = np.sin(2 * np.pi * 10 * t), np.sin(2 * np.pi * 200 * t)
    both = decimate(np.array([slow + fast, slow], np.float32), 4, 1000.0)
    inner = slice(25, -25)
    np.testing.assert_allclose(both[1], slow[::4], atol=0.03)
    np.testing.assert_allclose(both[0, inner], slow[::4][inner], atol=0.02)


@pytest.mark.parametrize("n", [8, 1200, 1204])
def test_decimation_is_linear_and_keeps_constants(n):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 2, n)).astype(np.float32)
    kept = decimate(np.full((1, n), 3, np.float32), 4, 1000.0)
    np.testing.assert_allclose(kept, np.full((1, n // 4), 3), rtol=1e-6)
    summed = decimate(a + b, 4, 1000.0)
    np.testing.assert_allclose(summed, decimate(a, 4, 1000) + decimate(b, 4, 1000), atol=1e-5)


def test_rows_do_not_depend_on_each_other(path):
    session(path)
    source = RawSignals(path, "sub-01", IMAGES, trust_pickle=True)
    together = source.signals([0, 1, 2, 3, 1])
    np.testing.assert_array_equal(together[4], together[1])
    np.testing.assert_array_equal(source.signals([2])[0], together[2])


def test_a_window_beyond_the_recording_is_left_out_and_said(path, caplog):
    session(path, onsets=(100, 2000, 6500), codes=(1, 2, 3))
    with caplog.at_level(logging.WARNING):
        source = RawSignals(path, "sub-01", IMAGES, trust_pickle=True)
    assert source.table.image.tolist() == [1]
    assert "2 of 3 stimuli are left out" in caplog.text


def test_sessions_of_a_subject_are_joined(path, tmp_path):
    session(path)
    session(tmp_path / "second.npy", codes=(2, 2, 2, 1, 3))
    files = (path, tmp_path / "second.npy")
    both = Joined([RawSignals(file, "sub-01", IMAGES, trust_pickle=True) for file in files])
    assert both.table.repetition[both.table.image == 1].tolist() == [0, 1, 2, 3, 4]
    assert both.signals([8]).shape == (1, 3, 250)


def test_nan_is_refused_with_its_row(path):
    content = session(path)
    content["raw_eeg_data"][1, 3000] = np.nan
    np.save(path, content)
    source = RawSignals(path, "sub-01", IMAGES, trust_pickle=True)
    assert len(source.signals([0, 2, 3])) == 3
    with pytest.raises(RecordingError, match="row 1 holds NaN"):
        source.signals([0, 1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"codes": (2, 3, 4, 1, 1)}, "k-th of 3 images, but code 4 came"),
        ({"codes": (0, 0, 0, 0, 0)}, "no stimulus in the stim channel"),
        ({"ch_types": ["eeg"] * 4}, "stim and at least one of type eeg are expected, not 0 and 4"),
        ({"ch_types": ["misc", "misc", "stim", "misc"]}, "not 1 and 0"),
        ({"ch_names": ["O1"]}, "1 names and 4 types"),
        ({"raw_eeg_data": np.zeros(5)}, r"\(5,\) samples came with 4 names"),
    ],
)
def test_other_sessions_are_refused(path, changes, message):
    session(path, **changes)
    with pytest.raises(RecordingError, match=message):
        RawSignals(path, "sub-01", IMAGES, trust_pickle=True)


def test_other_dicts_are_refused(path):
    np.save(path, {"preprocessed_eeg_data": np.zeros(3)})
    with pytest.raises(RecordingError, match="is expected, not 'preprocessed_eeg_data'"):
        RawSignals(path, "sub-01", IMAGES, trust_pickle=True)
    np.save(path, np.zeros(3))
    with pytest.raises(RecordingError, match="is expected, not memmap"):
        RawSignals(path, "sub-01", IMAGES, trust_pickle=True)


@pytest.mark.parametrize(
    "changes", [{"sfreq": 300.0}, {"sfreq": 2000.0}, {"tmin_s": -0.198}, {"tmax_s": 1.001}]
)
def test_a_rate_that_does_not_divide_is_refused(path, changes):
    session(path)
    settings = CutSettings(baseline_s=None, crop_s=(0.0, 0.8), **changes)
    with pytest.raises(ConfigError, match=r"at 1000 Hz can't be resampled to \d+ Hz in whole"):
        RawSignals(path, "sub-01", IMAGES, settings, trust_pickle=True)


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_other_units_are_refused(path, factor):
    content = session(path)
    content["raw_eeg_data"][[0, 1, 3]] *= factor
    np.save(path, content)
    with pytest.raises(RecordingError, match="data in volts are expected"):
        RawSignals(path, "sub-01", IMAGES, trust_pickle=True)


def test_a_pickle_is_not_trusted_by_itself(path):
    session(path)
    with pytest.raises(RecordingError, match="--trust-pickle"):
        RawSignals(path, "sub-01", IMAGES)
