"""What rejects an epoch: too large, flat, unlike the others."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from saccade.calibration.artifacts import learn_potato
from saccade.calibration.recorded import epochs_to_spec
from saccade.realtime import registry
from saccade.realtime.epoch_gates import Gates, Potato, PotatoSettings, shrunk_covariance
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import StreamSpec

NAMES = ("Fz", "Cz", "Oz", "TRG")
SPEC = StreamSpec("amp", 100.0, NAMES, ("eeg", "eeg", "eeg", "stim"), ("µV",) * 4)
CENTRE = ((9.0, 1.0, 0.0), (1.0, 4.0, 0.5), (0.0, 0.5, 1.0))
POTATO = PotatoSettings(z=3.0, centre=CENTRE, mean=0.0, sd=0.1, shrinkage=0.1)


def epochs(n: int, n_channels: int = 3, n_times: int = 80, seed: int = 0) -> np.ndarray:
    """Return epochs of correlated channels, with an offset, in float32."""
    rng = np.random.default_rng(seed)
    mixer = rng.normal(size=(n_channels, n_channels)) + 2 * np.eye(n_channels)
    sizes = np.exp(0.2 * rng.normal(size=(n, 1, 1)))
    return (50 + sizes * (mixer @ rng.normal(size=(n, n_channels, n_times)))).astype(np.float32)


def judged(data: np.ndarray, *limits: Any) -> list[str]:
    return Gates(SPEC, *limits).judge(np.asarray(data, np.float32))


# -- amplitude


def test_each_amplitude_is_judged_on_its_worst_eeg_channel() -> None:
    data = np.zeros((4, 50))
    data[:, 10] = [120.0, 40.0, 0.4, 0.0]
    assert judged(data, 100.0, None, None) == ["peak to peak 120 µV on Fz (limit 100 µV)"]
    assert judged(data, None, 0.5, None) == ["flat: peak to peak 0.4 µV on Oz (at least 0.5 µV)"]
    assert len(judged(data, 100.0, 0.5, None)) == 2
    assert judged(data, 120.0, 0.4, None) == []
    assert judged(data, None, None, None) == []


@pytest.mark.parametrize("kind", ["eeg", "", "ieeg", "seeg", "ecog", "dbs"])
def test_voltages_in_the_head_are_judged_as_those_on_it(kind: str) -> None:
    spec = dataclasses.replace(SPEC, ch_types=(kind, "stim", "stim", "stim"))
    data = np.zeros((4, 50), np.float32)
    data[0, 10], data[1:, 10] = 5000.0, 1e6
    expected = ["peak to peak 5000 µV on Fz (limit 150 µV)"]
    assert Gates(spec, 150.0, None, None).judge(data) == expected


def test_where_nothing_can_be_judged_a_limit_is_refused() -> None:
    spec = dataclasses.replace(SPEC, ch_types=("mag", "grad", "grad", "stim"))
    assert Gates(spec, None, None, None).judge(1e6 * np.eye(4, 50, dtype=np.float32)) == []
    message = "reject_ptp_uv and reject_flat_uv can judge .* 'amp' has only grad, mag, stim: leave"
    with pytest.raises(ConfigError, match=message):
        Gates(spec, 1.0, 0.5, None)
    with pytest.raises(ConfigError, match=r"^potato can judge"):
        Gates(spec, None, None, POTATO)


def test_the_potato_is_not_learned_from_no_channel() -> None:
    with pytest.raises(CalibrationError, match="none of the epochs' channels is one"):
        learn_potato(epochs(40)[:, :0], 3.0)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ((0.0, None, None), "reject_ptp_uv must be above 0 µV, not 0"),
        ((None, -1.0, None), "reject_flat_uv must be above 0 µV, not -1"),
        ((10.0, 10.0, None), "reject_flat_uv must be below reject_ptp_uv, but they are 10 and 10"),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Gates(SPEC, *limits)


# -- the potato


def test_the_potato_is_that_of_pyriemann() -> None:
    detection = pytest.importorskip("pyriemann.artifact_detection")
    known, new = epochs(100), epochs(40, seed=1)
    known[[3, 50]] *= 8
    new[::5, 1] *= 30
    reference = detection.Potato(metric="riemann", threshold=2.5)
    reference.fit(np.stack([shrunk_covariance(epoch, 0.1) for epoch in known]))
    theirs = reference.transform(np.stack([shrunk_covariance(epoch, 0.1) for epoch in new]))
    potato = Potato(learn_potato(known, 2.5))
    ours = [potato.z(epoch) for epoch in new]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert (np.array(ours) > 2.5)[::5].all()


@pytest.mark.parametrize("n_channels", [1, 4, 64])
def test_an_unusual_epoch_is_told_from_the_usual(n_channels: int) -> None:
    known, new = epochs(80, n_channels), epochs(21, n_channels, seed=0)[1:]
    potato = Potato(learn_potato(known, 3.0))
    usual = [potato.z(epoch) for epoch in new]
    muscle = new + 200 * np.random.default_rng(5).normal(size=new.shape).astype(np.float32)
    unusual = [potato.z(epoch) for epoch in muscle]
    assert max(usual) < 3.0 < min(unusual)


def test_the_reason_is_given_in_words_and_the_limit_decides() -> None:
    data = np.random.default_rng(0).normal(0, 50, (4, 80))
    (reason,) = judged(data, None, None, POTATO)
    z = Potato(POTATO).z(data[:3].astype(np.float32))
    assert reason == f"unusual: potato z {z:.1f} (limit 3)"
    assert judged(data, None, None, dataclasses.replace(POTATO, z=z)) == []
    other = data.copy()
    other[3] *= 1e6  # a trigger channel
    assert judged(other, None, None, POTATO) == [reason]


def test_mean_and_deviation_are_those_of_the_logarithm_of_the_distance() -> None:
    eeg = np.random.default_rng(0).normal(0, 5, (3, 80)).astype(np.float32)
    plain = Potato(POTATO).z(eeg)
    moved = Potato(dataclasses.replace(POTATO, mean=1.0, sd=0.5)).z(eeg)
    assert moved == pytest.approx((0.1 * plain - 1.0) / 0.5)


def test_an_epoch_without_variance_is_unusual() -> None:
    assert Potato(POTATO).z(np.full((3, 80), 7.0, np.float32)) == np.inf
    (reason,) = judged(np.zeros((4, 80)), None, None, POTATO)
    assert "potato z inf" in reason


def test_shrinkage_keeps_the_mean_variance_and_lifts_the_small_eigenvalues() -> None:
    eeg = epochs(1, 64, 50)[0]  # fewer samples than channels
    plain, shrunk = shrunk_covariance(eeg, 0.0), shrunk_covariance(eeg, 0.1)
    np.testing.assert_allclose(plain, np.cov(eeg, bias=True), rtol=1e-4, atol=1e-4)
    assert np.trace(shrunk) == pytest.approx(np.trace(plain))
    assert np.linalg.eigvalsh(plain)[0] < 1e-6
    assert np.linalg.eigvalsh(shrunk)[0] == pytest.approx(0.1 * np.trace(plain) / 64, rel=1e-3)


def test_the_potato_comes_back_from_a_decoder_file_to_the_last_bit() -> None:
    cut = EpochSettings(reject_flat_uv=0.5, potato=learn_potato(epochs(40), 3.0))
    stored = json.loads(json.dumps(epochs_to_spec(cut)))
    assert registry.build_settings(EpochSettings, stored, "the epochs") == cut
    before = {k: v for k, v in stored.items() if k not in ("reject_flat_uv", "potato")}
    assert registry.build_settings(EpochSettings, before, "the epochs").potato is None
    with pytest.raises(ConfigError, match=r"potato of the epochs must be a table of settings"):
        registry.build_settings(EpochSettings, stored | {"potato": 3.0}, "the epochs")
    with pytest.raises(ConfigError, match=r"potato of the epochs has no setting 'zz'"):
        registry.build_settings(EpochSettings, stored | {"potato": {"zz": 3.0}}, "the epochs")


@pytest.mark.parametrize(
    "other",
    [
        {"z": 0.0},
        {"z": float("nan")},
        {"sd": 0.0},
        {"shrinkage": 0.0},
        {"shrinkage": 1.0},
        {"centre": ()},
        {"centre": ((1.0, 0.0), (0.0,))},
        {"mean": float("inf")},
    ],
)
def test_a_malformed_potato_is_refused(other: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="a potato needs a square, finite centre"):
        Potato(dataclasses.replace(POTATO, **other))


def test_a_potato_that_does_not_fit_is_refused() -> None:
    two = ((1.0, 0.0), (0.0, 1.0))
    with pytest.raises(ConfigError, match="of 2 channels, but the epochs have 3 EEG channels"):
        Gates(SPEC, None, None, dataclasses.replace(POTATO, centre=two))
    with pytest.raises(ConfigError, match="must be a covariance, but is not"):
        Potato(dataclasses.replace(POTATO, centre=((1.0, 2.0), (2.0, 1.0))))


def test_too_little_to_learn_from_is_refused() -> None:
    with pytest.raises(CalibrationError, match="at least 30 good epochs to learn, but 29 came"):
        learn_potato(epochs(29), 3.0)
    with pytest.raises(ConfigError, match="z of the potato must be above 0, not 0"):
        learn_potato(epochs(40), 0.0)
    with pytest.raises(CalibrationError, match=r"no epoch is usual by z 0\.001"):
        learn_potato(epochs(40), 0.001)
