"""The simulated subject: what it promises about responses, background and refusals."""

from __future__ import annotations

import dataclasses

import mne
import numpy as np
import pytest
from scipy.signal import welch

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.montage import CH_NAMES, positions, smoothness
from saccade.realtime.simulation.noise import generator
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Float32, Float64

SMALL = SubjectSettings(n_components=4)


def embeddings(n: int = 12, dim: int = 8) -> Float32:
    return np.random.default_rng(3).standard_normal((n, dim)).astype(np.float32)


def subject(settings: SubjectSettings = SMALL, vectors: Float32 | None = None) -> SimulatedSubject:
    vectors = embeddings() if vectors is None else vectors
    return SimulatedSubject(settings, vectors, [f"c{i}" for i in range(len(vectors))])


def responses(of: SimulatedSubject) -> Float64:
    return np.stack([of.response(row) for row in range(len(of.names))]).astype(np.float64)


def background(seconds: float = 60.0, **changes: float) -> Float64:
    of = subject(dataclasses.replace(SMALL, **changes))
    return of.background().take(int(seconds * of.settings.sfreq))


def column(name: str) -> int:
    return CH_NAMES.index(name)


class TestMontage:
    def test_agrees_with_the_standard_positions(self) -> None:
        known = mne.channels.make_standard_montage("biosemi32").get_positions()["ch_pos"]
        assert set(known) == set(CH_NAMES)
        standard = np.stack([known[name] for name in CH_NAMES])
        standard /= np.linalg.norm(standard, axis=1, keepdims=True)
        np.testing.assert_allclose(positions(), standard, atol=1e-6)

    def test_smoothness_falls_with_the_angle(self) -> None:
        near = smoothness(0.5)
        np.testing.assert_array_equal(near, near.T)
        seen = near[column("Oz")]
        assert seen[column("Oz")] == 1 > seen[column("O1")] > seen[column("Cz")]
        assert smoothness(1.0)[column("Oz"), column("Cz")] > seen[column("Cz")]


class TestResponse:
    def test_spans_600_ms_and_is_silent_at_first(self) -> None:
        response = subject().response(0)
        assert response.shape == (150, 32)
        assert response.dtype == np.float32
        assert not response[:8].any()  # 28 ms
        assert np.abs(response[-1]).max() < 0.1

    def test_is_read_only_and_repeatable(self) -> None:
        response = subject().response(5)
        np.testing.assert_array_equal(response, subject().response(5))
        with pytest.raises(ValueError, match="read-only"):
            response[0, 0] = 1

    def test_another_seed_is_another_person(self) -> None:
        other = subject(dataclasses.replace(SMALL, seed=1))
        assert not np.array_equal(subject().response(0), other.response(0))

    def test_is_linear_in_the_embedding(self) -> None:
        vectors = embeddings(10).astype(np.float64)
        vectors -= vectors.mean(axis=0)
        both = vectors[0] + vectors[1]
        rows = responses(subject(vectors=np.vstack([vectors, both, -both]).astype(np.float32)))
        own = rows - rows.mean(axis=0)
        np.testing.assert_allclose(own[10], own[0] + own[1], atol=1e-4)

    def test_shift_and_scale_of_the_gallery_do_not_matter(self) -> None:
        moved = (3 * embeddings() + 1).astype(np.float32)
        np.testing.assert_allclose(
            responses(subject()), responses(subject(vectors=moved)), atol=1e-3
        )

    @pytest.mark.parametrize("effect", [0.1, 0.5])
    def test_effect_is_an_rms_relative_to_the_noise(self, effect: float) -> None:
        rows = responses(subject(dataclasses.replace(SMALL, effect=effect, noise_uv=8.0)))
        own = rows - rows.mean(axis=0)
        assert np.sqrt(np.square(own).mean()) == pytest.approx(effect * 8.0, rel=1e-4)

    def test_components_span_as_many_directions(self) -> None:
        rows = responses(subject(dataclasses.replace(SMALL, n_components=3)))
        own = (rows - rows.mean(axis=0)).reshape(len(rows), -1)
        assert np.linalg.matrix_rank(own, tol=1e-2) == 3

    def test_posterior_channels_carry_most(self) -> None:
        rows = responses(subject(dataclasses.replace(SMALL, common_uv=0.0)))
        power = np.square(rows).mean(axis=(0, 1))
        behind = positions()[:, 1] < -0.3
        in_front = positions()[:, 1] > 0.3
        assert power[behind].mean() > 10 * power[in_front].mean()

    def test_common_response_has_p1_n1_and_p2(self) -> None:
        of = subject(dataclasses.replace(SMALL, effect=0.0, common_uv=6.0))
        rows = responses(of)
        np.testing.assert_array_equal(rows, np.broadcast_to(rows[0], rows.shape))
        assert np.abs(rows[0]).max() == pytest.approx(6.0, rel=1e-5)
        oz, p8, fz = (rows[0][:, column(name)] for name in ("Oz", "P8", "Fz"))
        ms = np.arange(of.n_times) * 4
        assert ms[oz.argmin()] == pytest.approx(165, abs=8)
        assert ms[p8.argmin()] == pytest.approx(165, abs=8)
        assert ms[:33][oz[:33].argmax()] == pytest.approx(100, abs=8)
        assert ms[45:][oz[45:].argmax()] == pytest.approx(235, abs=12)
        assert np.abs(fz).max() < 0.1

    def test_another_rate_samples_the_same_response(self) -> None:
        fast = subject(dataclasses.replace(SMALL, sfreq=1000.0)).response(0)
        assert fast.shape == (600, 32)
        np.testing.assert_allclose(fast[::4], subject().response(0), atol=0.05)


class TestBackground:
    def test_is_the_same_for_the_same_seed_only(self) -> None:
        np.testing.assert_array_equal(background(2), background(2))
        assert not np.array_equal(background(2), background(2, seed=1))

    def test_knows_nothing_of_the_stimuli(self) -> None:
        plain = background(2)
        np.testing.assert_array_equal(plain, background(2, effect=1.0, common_uv=50.0))
        other = subject(vectors=embeddings(30, 20)).background().take(500)
        np.testing.assert_array_equal(plain, other)

    def test_goes_on_where_it_stopped(self) -> None:
        going = subject().background()
        parts = [going.take(n) for n in (0, 1, 249, 0, 251, 499)]
        np.testing.assert_array_equal(np.concatenate(parts), background(4))

    def test_amplitude_is_plausible(self) -> None:
        rms = np.sqrt(np.square(background()).mean(axis=0))
        assert rms.min() > 8
        assert rms.max() < 16

    @pytest.mark.parametrize("sfreq", [250.0, 500.0])
    def test_falls_as_one_over_f(self, sfreq: float) -> None:
        signal = background(120, sfreq=sfreq, alpha_uv=0.0, line_uv=0.0, sensor_uv=0.0)
        assert np.sqrt(np.square(signal).mean()) == pytest.approx(10.0, rel=0.03)
        freqs, power = welch(signal, sfreq, nperseg=int(8 * sfreq), axis=0)
        band = (freqs >= 1) & (freqs <= 30)
        slope = np.polyfit(np.log(freqs[band]), np.log(power[band].mean(axis=1)), 1)[0]
        assert -1.3 < slope < -0.8

    def test_neighbours_share_noise(self) -> None:
        r = np.corrcoef(background(alpha_uv=0.0, line_uv=0.0).T)
        assert r[column("Cz"), column("CP1")] > 0.6
        assert abs(r[column("Fp1"), column("O2")]) < 0.2

    def test_alpha_is_posterior_at_10_hz(self) -> None:
        alpha = background() - background(alpha_uv=0.0)
        rms = np.sqrt(np.square(alpha).mean(axis=0))
        assert rms.max() == pytest.approx(6.0, rel=0.15)
        assert rms[column("O1")] > 5 * rms[column("F3")]
        freqs, power = welch(alpha[:, column("O1")], 250.0, nperseg=1000)
        assert freqs[power.argmax()] == pytest.approx(10.0, abs=0.75)

    @pytest.mark.parametrize("line_hz", [50.0, 60.0])
    def test_line_is_where_it_is_set(self, line_hz: float) -> None:
        line = background(10, line_hz=line_hz, line_uv=3.0) - background(10, line_uv=0.0)
        spectrum = np.abs(np.fft.rfft(line, axis=0))
        assert set(spectrum.argmax(axis=0)) == {int(line_hz * 10)}
        assert np.sqrt(np.square(line).mean(axis=0)).mean() == pytest.approx(3.0, rel=0.2)

    def test_sensors_add_white_noise(self) -> None:
        white = background(sensor_uv=2.0) - background(sensor_uv=0.0)
        assert white.std() == pytest.approx(2.0, rel=0.02)
        assert np.abs(np.corrcoef(white.T) - np.eye(32)).max() < 0.05

    def test_levels_scale_their_own_part_only(self) -> None:
        once = background(2, noise_uv=10.0) - background(2, noise_uv=5.0)
        twice = background(2, noise_uv=15.0) - background(2, noise_uv=5.0)
        np.testing.assert_allclose(twice, 2 * once, atol=1e-9)

    def test_purposes_of_a_seed_have_their_own_generators(self) -> None:
        drawn = {generator(0, p).integers(2**62) for p in ("1/f", "alpha", "sensor", "order")}
        assert len(drawn) == 4
        assert generator(0, "order").integers(2**62) == generator(0, "order").integers(2**62)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sfreq": 200.0}, "rates from 250 to 1000 Hz, not 200"),
        ({"sfreq": 1024.0}, "not 1024"),
        ({"sfreq": float("nan")}, "not nan"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"n_components": 0}, "n_components must be at least 1"),
        ({"n_components": 9}, "9 components need a gallery .* it has 8"),
        ({"noise_uv": 0.0}, "noise_uv must be above 0 µV, not 0"),
        ({"effect": -0.1}, "effect must be at least 0 and finite, not -0.1"),
        ({"common_uv": float("inf")}, "common_uv must be at least 0 and finite, not inf"),
        ({"alpha_uv": -1.0}, "alpha_uv"),
        ({"line_uv": -1.0}, "line_uv"),
        ({"sensor_uv": -1.0}, "sensor_uv"),
        ({"line_hz": 125.0}, r"line_hz .* \(125 Hz\), not 125"),
        ({"line_hz": 0.0}, "line_hz"),
    ],
)
def test_refuses_settings_out_of_range(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        subject(dataclasses.replace(SMALL, **changes))


def test_refuses_what_is_no_gallery() -> None:
    with pytest.raises(ConfigError, match=r"shape is \(12, 8\) for 2 names"):
        SimulatedSubject(SMALL, embeddings(), ["a", "b"])
    vectors = embeddings()
    vectors[3, 2] = np.nan
    with pytest.raises(ConfigError, match="finite"):
        subject(vectors=vectors)


@pytest.mark.parametrize("row", [-1, 12])
def test_refuses_unknown_rows(row: int) -> None:
    with pytest.raises(ConfigError, match=f"from 0 to 11, not {row}"):
        subject().response(row)
