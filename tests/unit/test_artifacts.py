"""Simulated artifacts: as often, as strong and where they are set, each kind on its own."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.signal import welch

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.artifacts import Artifacts, ArtifactStream, usual
from saccade.realtime.simulation.montage import CH_NAMES
from saccade.realtime.types import Float64

SFREQ, BLOCK = 250.0, 250


def recorded(seconds: int = 120, seed: int = 0, **settings: object) -> Float64:
    stream = ArtifactStream(Artifacts(**settings), SFREQ, BLOCK, seed)  # type: ignore[arg-type]
    return np.concatenate([stream.next_block() for _ in range(seconds)])


def column(name: str) -> int:
    return CH_NAMES.index(name)


def events(course: Float64) -> int:
    """Return how many runs of samples differ from zero."""
    return int(np.count_nonzero(np.diff((course != 0).astype(int)) == 1))


def test_there_is_none_by_default() -> None:
    assert not recorded(10).any()
    assert not recorded(10, seed=3, blink_uv=500.0, muscle_uv=500.0, pop_uv=500.0).any()
    assert usual(0.0) == Artifacts()


def test_blinks_are_frontal_as_many_and_as_strong_as_set() -> None:
    signal = recorded(200, blinks_per_min=18.0, blink_uv=100.0)
    assert 40 <= events(signal[:, column("Fp1")]) <= 80
    peaks = signal.max(axis=0)
    assert CH_NAMES[peaks.argmax()] in {"Fp1", "Fp2"}
    assert 70 < peaks.max() < 400  # some may fall together
    assert peaks[column("Oz")] < 1e-3 * peaks.max()
    assert signal.min() >= 0
    np.testing.assert_allclose(recorded(200, blinks_per_min=18.0, blink_uv=200.0), 2 * signal)


def test_muscle_is_fast_and_temporal() -> None:
    signal = recorded(200, muscle_per_min=20.0, muscle_uv=30.0)
    rms = np.sqrt(np.square(signal).mean(axis=0))
    loudest = {CH_NAMES[i] for i in np.argsort(-rms)[:4]}
    assert loudest == {"FT9", "FT10", "TP9", "TP10"}
    assert rms[column("Cz")] < 0.1 * rms.max()
    freqs, power = welch(signal[:, column("TP9")], SFREQ, nperseg=250)
    assert power[freqs < 15].mean() < 0.1 * power[(freqs > 30) & (freqs < 100)].mean()
    assert 30 < np.abs(signal).max() < 200
    np.testing.assert_allclose(recorded(200, muscle_per_min=20.0, muscle_uv=15.0), signal / 2)


def test_a_pop_jumps_on_one_electrode_and_creeps_back() -> None:
    signal = recorded(200, pops_per_min=6.0, pop_uv=100.0)
    hit = signal.any(axis=0)
    assert 5 < hit.sum() <= 30
    first = int(np.argmax(signal.any(axis=1)))
    (electrode,) = np.flatnonzero(signal[first])
    course = signal[first : first + 250, electrode]
    assert 50 <= abs(course[0]) <= 150
    assert abs(course[100]) == pytest.approx(abs(course[0]) / np.e, rel=0.02)
    assert {int(s) for s in np.sign(signal).ravel()} == {-1, 0, 1}


def test_drift_is_slow_and_of_the_set_rms_from_the_start() -> None:
    started = np.stack([recorded(1, seed=s, drift_uv=20.0)[0] for s in range(60)])
    assert started.std() == pytest.approx(20.0, rel=0.1)
    signal = recorded(200, drift_uv=20.0)
    assert signal.std() == pytest.approx(20.0, rel=0.2)
    assert np.diff(signal, axis=0).std() < 1


def test_a_bad_channel_is_noisy_alone() -> None:
    signal = recorded(20, bad_channel="P7", bad_uv=80.0)
    assert signal[:, column("P7")].std() == pytest.approx(80.0, rel=0.05)
    assert not np.delete(signal, column("P7"), axis=1).any()


def test_kinds_do_not_move_each_other() -> None:
    every = {"blinks_per_min": 9.0, "muscle_per_min": 9.0, "pops_per_min": 9.0, "drift_uv": 5.0}
    every["bad_channel"] = "Cz"  # type: ignore[assignment]
    alone = sum(recorded(60, **{name: value}) for name, value in every.items())
    np.testing.assert_allclose(recorded(60, **every), alone, atol=1e-9)


def test_the_seed_decides() -> None:
    settings = dataclasses.asdict(usual(3.0))
    np.testing.assert_array_equal(recorded(30, **settings), recorded(30, **settings))
    assert not np.array_equal(recorded(30, **settings), recorded(30, seed=1, **settings))


def test_usual_grows_with_its_share() -> None:
    assert usual(1.0).blinks_per_min == 12
    assert usual(0.5).drift_uv == usual(1.0).drift_uv / 2
    assert np.abs(recorded(30, **dataclasses.asdict(usual(2.0)))).max() > 50


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"blinks_per_min": -1.0}, "blinks_per_min must be at least 0 and finite, not -1"),
        ({"muscle_uv": float("nan")}, "muscle_uv .* not nan"),
        ({"drift_uv": float("inf")}, "drift_uv .* not inf"),
        ({"bad_channel": "X1"}, r"one of the cap's 64 \(Fp1, Fp2, AF7, …\), not 'X1'"),
    ],
)
def test_refuses_what_is_no_artifact(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Artifacts(**changes)  # type: ignore[arg-type]
