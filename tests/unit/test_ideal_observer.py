"""The ideal observer: brute force agrees, and what must grow grows."""

from __future__ import annotations

import dataclasses
import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.covariance import WindowCovariance
from saccade.realtime.simulation.observer import IdealAccuracy, IdealObserver
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.sources.simulated import Phase, SimulatedSource, SimulatedSourceSettings
from saccade.realtime.types import Float32, Float64

SMALL = SubjectSettings(n_components=4, effect=0.04)
WINDOW = (0.12, 0.168)  # 12 samples
CANDIDATES = tuple(range(10))


def subject(**changes: float) -> SimulatedSubject:
    vectors = np.random.default_rng(3).standard_normal((12, 8)).astype(np.float32)
    settings = dataclasses.replace(SMALL, **changes)
    return SimulatedSubject(settings, vectors, [f"c{i}" for i in range(12)])


def observer(**changes: float) -> IdealObserver:
    return IdealObserver(subject(**changes), *WINDOW)


def dense(of: SimulatedSubject, n_times: int) -> Float64:
    """Return the covariance of a window with all its rows."""
    return np.asarray(sum(np.kron(a, b) for a, b in WindowCovariance(of.noise, n_times).terms()))


@dataclass(frozen=True)
class BruteForce:
    """Gaussian log-likelihoods of simulated averages, with the covariance as a dense matrix."""

    epochs: Float32
    log_likelihood: Float64
    shown: np.ndarray  # type: ignore[type-arg]


def brute_force(of: SimulatedSubject, repetitions: int, n: int) -> BruteForce:
    shown = np.arange(n) % len(CANDIDATES)
    single = of.epochs(np.repeat(shown, repetitions).tolist(), 5, *WINDOW)
    epochs = single.reshape(n, repetitions, *single.shape[1:]).mean(axis=1)
    first = round(WINDOW[0] * 250)
    means = [of.response(row)[first : first + 12].T.ravel() for row in CANDIDATES]
    root = np.linalg.cholesky(dense(of, 12) / repetitions)
    seen = np.linalg.solve(root, epochs.reshape(n, -1).T.astype(np.float64))
    expected = np.linalg.solve(root, np.stack(means).T.astype(np.float64))
    distance = np.square(seen[:, :, None] - expected[:, None, :]).sum(axis=0)
    return BruteForce(epochs, -0.5 * distance, shown)


@pytest.mark.parametrize(("repetitions", "n"), [(1, 2000), (4, 700)])
def test_brute_force_agrees(repetitions: int, n: int) -> None:
    of = subject()
    brute = brute_force(of, repetitions, n)
    scores = brute.log_likelihood
    ideal = IdealObserver(of, *WINDOW)

    formula = repetitions * ideal.scores(brute.epochs, CANDIDATES)
    np.testing.assert_allclose(
        formula - formula[:, :1], scores - scores[:, :1], atol=2e-3 * np.abs(scores).std()
    )
    place = (scores > scores[np.arange(n), brute.shown][:, None]).sum(axis=1)
    posterior = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
    bits = np.log2(10) + posterior[np.arange(n), brute.shown] / np.log(2)

    expected = ideal.accuracy(CANDIDATES, repetitions, n_draws=100_000)
    for hits, share in ((place == 0, expected.top1), (place < 5, expected.top5)):
        error = np.sqrt(share * (1 - share) / n)
        assert 0.15 < share < 0.9999
        assert hits.mean() == pytest.approx(share, abs=4 * error)
    assert bits.mean() == pytest.approx(expected.bits, abs=4 * bits.std() / np.sqrt(n))


def test_the_stream_is_as_good_as_the_epochs() -> None:
    of = subject(line_uv=0.0)
    show = SimulatedSourceSettings((Phase(CANDIDATES, 600),), soa_s=0.8, chunk_s=600.0)
    source = SimulatedSource(of, show)
    source.open()
    reading = source.read(0.0)
    assert reading is not None
    onsets = np.array([trial.onset_index for trial in source.trials])
    windows = onsets[:, None] + np.arange(30, 42)
    epochs = reading.chunk.data[windows].transpose(0, 2, 1)
    ideal = IdealObserver(of, *WINDOW)
    hits = ideal.scores(epochs, CANDIDATES).argmax(axis=1) == [trial.row for trial in source.trials]
    share = ideal.accuracy(CANDIDATES).top1
    assert hits.mean() == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 600))


def test_the_covariance_is_inverted_to_eight_digits() -> None:
    of = subject()
    signals = np.random.default_rng(0).standard_normal((3, 64, 12))
    solved = WindowCovariance(of.noise, 12).solve(signals)
    exact = np.linalg.solve(dense(of, 12), signals.reshape(3, -1).T).T.reshape(3, 64, 12)
    assert np.linalg.norm(solved - exact) < 1e-8 * np.linalg.norm(exact)
    assert not WindowCovariance(of.noise, 12).solve(np.zeros((1, 64, 12))).any()


def test_information_without_alpha_and_sensors_has_a_closed_form() -> None:
    of = subject(alpha_uv=0.0, sensor_uv=1e-3)
    carriers = of.in_window(of.carriers, 30, 12)
    flat = carriers.reshape(4, -1)
    np.testing.assert_allclose(
        observer(alpha_uv=0.0, sensor_uv=1e-3).fisher,
        flat @ np.linalg.solve(dense(of, 12), flat.T),
        rtol=1e-5,
    )


def test_a_projection_of_the_window_holds_no_more_information() -> None:
    of = subject()
    whole = observer().fisher
    rng = np.random.default_rng(0)
    flat = of.in_window(of.carriers, 30, 12).reshape(4, -1)
    for rows in (5, 100, 700):
        projection = rng.standard_normal((rows, 768))
        seen = projection @ flat.T
        inside = np.linalg.solve(projection @ dense(of, 12) @ projection.T, seen)
        assert np.linalg.eigvalsh(whole - seen.T @ inside).min() > -1e-6 * np.trace(whole)


def test_a_longer_window_holds_more_and_one_without_a_response_nothing() -> None:
    of = subject()
    windows = ((0.12, 0.168), (0.1, 0.2), (0.0, 0.3))
    fishers = [IdealObserver(of, *window).fisher for window in windows]
    for shorter, longer in itertools.pairwise(fishers):
        assert np.linalg.eigvalsh(longer - shorter).min() > -1e-9
        assert np.trace(longer) > np.trace(shorter)
    assert not IdealObserver(of, -0.3, 0.0).fisher.any()


def test_grows_with_effect_and_repetitions() -> None:
    by_effect = [observer(effect=e).accuracy(CANDIDATES) for e in (0.0, 0.02, 0.04, 0.08, 2.0)]
    by_repetitions = [observer().accuracy(CANDIDATES, n) for n in (1, 2, 8, 40)]
    for rising in (by_effect, by_repetitions):
        for figure in ("top1", "top5", "bits"):
            assert (np.diff([getattr(a, figure) for a in rising]) >= 0).all()
            assert getattr(rising[-1], figure) > getattr(rising[0], figure)
    assert (by_effect[-1].top1, by_effect[-1].top5) == (1.0, 1.0)
    assert by_effect[-1].bits == pytest.approx(np.log2(10))


def test_repetitions_and_squared_effect_are_the_same_information() -> None:
    np.testing.assert_allclose(observer(effect=0.08).fisher, 4 * observer().fisher)
    once = observer(effect=0.08).accuracy(CANDIDATES)
    four = observer().accuracy(CANDIDATES, 4)
    assert (once.top1, once.bits) == pytest.approx((four.top1, four.bits), abs=1e-9)


def test_without_effect_it_guesses() -> None:
    result = observer(effect=0.0).accuracy(CANDIDATES)
    assert result.top1 == pytest.approx(result.chance_top1) == pytest.approx(0.1)
    assert result.top5 == pytest.approx(result.chance_top5) == pytest.approx(0.5)
    assert result.bits == pytest.approx(0.0, abs=1e-12)


def test_says_all_that_belongs_to_a_number() -> None:
    result = observer().accuracy((2, 5, 7), 2, n_draws=1000, seed=3)
    assert result == observer().accuracy((2, 5, 7), 2, n_draws=1000, seed=3)
    assert result != observer().accuracy((2, 5, 7), 2, n_draws=1000, seed=4)
    assert (result.n, result.gallery, result.repetitions) == (1002, 3, 2)
    assert (result.chance_top1, result.chance_top5, result.top5) == (1 / 3, 1.0, 1.0)
    low, high = result.ci95_top1
    assert low < result.top1 < high < low + 0.07
    assert IdealAccuracy(**result.to_dict()) == result


def test_inputs_stay_as_they_are() -> None:
    ideal = observer()
    epochs = ideal.subject.epochs([0, 1], 0, *WINDOW)
    before = epochs.copy()
    ideal.scores(epochs, CANDIDATES)
    np.testing.assert_array_equal(epochs, before)
    with pytest.raises(ValueError, match="read-only"):
        ideal.fisher[0, 0] = 1.0


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ((3,), "at least 2 rows, none twice, but 1 came"),
        ((3, 4, 3), "3 came, of which 2 differ"),
        ((3, 12), "from 0 to 11, not 12"),
    ],
)
def test_refuses_what_is_no_choice(candidates: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        observer().accuracy(candidates)
    with pytest.raises(ConfigError, match=message):
        observer().scores(np.zeros((1, 64, 12), np.float32), candidates)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"repetitions": 0}, "repetitions must be at least 1, not 0"),
        ({"n_draws": 0}, "n_draws must be at least 1, not 0"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
    ],
)
def test_refuses_numbers_that_are_too_small(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        observer().accuracy(CANDIDATES, **arguments)  # type: ignore[arg-type]


def test_refuses_epochs_of_another_window() -> None:
    with pytest.raises(ConfigError, match=r"shape \(n, 64, 12\), not \(2, 64, 13\)"):
        observer().scores(np.zeros((2, 64, 13), np.float32), CANDIDATES)
    with pytest.raises(ConfigError, match=r"not \(64, 12\)"):
        observer().scores(np.zeros((64, 12), np.float32), CANDIDATES)
    with pytest.raises(ConfigError, match="NaN or infinity"):
        observer().scores(np.full((2, 64, 12), np.nan, np.float32), CANDIDATES)
    with pytest.raises(ConfigError, match="holds 0: raise tmax_s"):
        IdealObserver(subject(), 0.2, 0.2)


def test_refuses_noise_that_can_not_be_inverted() -> None:
    with pytest.raises(ConfigError, match="sensor_uv at 0: raise it"):
        IdealObserver(subject(sensor_uv=0.0, noise_uv=1e-9, alpha_uv=100.0), 0.0, 0.2)
