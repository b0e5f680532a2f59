"""The simulated subject: what it promises about responses, people, trials and refusals."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.covariance import WindowCovariance
from saccade.realtime.simulation.montage import CH_NAMES, positions
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.simulation.ventral import AREAS, Person, carriers
from saccade.realtime.types import Float32, Float64

SMALL = SubjectSettings(n_components=4)
AVERAGE = dataclasses.replace(SMALL, individuality=0.0)
NOISELESS = {"noise_uv": 1e-4, "alpha_uv": 0.0, "sensor_uv": 0.0}


def embeddings(n: int = 12, dim: int = 8) -> Float32:
    return np.random.default_rng(3).standard_normal((n, dim)).astype(np.float32)


def subject(settings: SubjectSettings = SMALL, vectors: Float32 | None = None) -> SimulatedSubject:
    vectors = embeddings() if vectors is None else vectors
    return SimulatedSubject(settings, vectors, [f"c{i}" for i in range(len(vectors))])


def with_(settings: SubjectSettings = SMALL, **changes: float) -> SimulatedSubject:
    return subject(dataclasses.replace(settings, **changes))


def responses(of: SimulatedSubject) -> Float64:
    return np.stack([of.response(row) for row in range(len(of.names))]).astype(np.float64)


def own(of: SimulatedSubject) -> Float64:
    rows = responses(of)
    return np.asarray(rows - rows.mean(axis=0))


def column(name: str) -> int:
    return CH_NAMES.index(name)


def likeness(a: Float64, b: Float64) -> float:
    return float((a * b).sum() / np.sqrt(np.square(a).sum() * np.square(b).sum()))


class TestResponse:
    def test_spans_800_ms_and_is_silent_at_first(self) -> None:
        response = subject().response(0)
        assert response.shape == (200, 64)
        assert response.dtype == np.float32
        assert not response[:8].any()  # 28 ms
        assert np.abs(response[-1]).max() < 0.01

    def test_is_read_only_and_repeatable(self) -> None:
        response = subject().response(5)
        np.testing.assert_array_equal(response, subject().response(5))
        with pytest.raises(ValueError, match="read-only"):
            response[0, 0] = 1

    def test_is_linear_in_the_direction_of_the_embedding(self) -> None:
        base = np.linalg.qr(np.random.default_rng(0).standard_normal((8, 8)))[0]
        first, second = base[0], base[1]
        rows = np.vstack([base, -base, (first + second) / np.sqrt(2), -(first + second)])
        found = own(subject(vectors=rows.astype(np.float32)))
        np.testing.assert_allclose(found[16], (found[0] + found[1]) / np.sqrt(2), atol=1e-4)

    def test_length_and_shift_of_the_embeddings_do_not_matter(self) -> None:
        lengths = np.random.default_rng(1).uniform(1, 9, (12, 1))
        stretched = (lengths * embeddings()).astype(np.float32)
        np.testing.assert_allclose(
            responses(subject()), responses(subject(vectors=stretched)), atol=1e-3
        )

    @pytest.mark.parametrize("effect", [0.1, 0.5])
    def test_effect_is_an_rms_relative_to_the_noise(self, effect: float) -> None:
        found = own(with_(AVERAGE, effect=effect, noise_uv=8.0))
        assert np.sqrt(np.square(found).mean()) == pytest.approx(effect * 8.0, rel=1e-4)

    def test_components_span_as_many_directions(self) -> None:
        found = own(with_(n_components=3)).reshape(12, -1)
        assert np.linalg.matrix_rank(found, tol=1e-2) == 3

    def test_scores_are_white_unless_they_are_to_follow_the_gallery(self) -> None:
        white, as_is = subject().scores, with_(score_power=1.0).scores
        np.testing.assert_allclose(white.T @ white / 12, np.eye(4), atol=1e-9)
        spread = np.square(as_is).mean(axis=0)
        assert spread.mean() == pytest.approx(1.0)
        assert (np.diff(spread) < 0).all()
        unit = embeddings() / np.linalg.norm(embeddings(), axis=1, keepdims=True)
        strength = np.linalg.svd(unit - unit.mean(axis=0))[1][:4]
        np.testing.assert_allclose(spread / spread[0], (strength / strength[0]) ** 2, rtol=1e-4)

    def test_another_rate_samples_the_same_response(self) -> None:
        fast = with_(sfreq=1000.0).response(0)
        assert fast.shape == (800, 64)
        np.testing.assert_allclose(fast[::4], subject().response(0), atol=0.05)

    def test_common_response_has_p1_n1_and_p2(self) -> None:
        of = with_(AVERAGE, effect=0.0, common_uv=6.0)
        rows = responses(of)
        np.testing.assert_array_equal(rows, np.broadcast_to(rows[0], rows.shape))
        assert np.abs(rows[0]).max() == pytest.approx(6.0, rel=1e-5)
        o2, po8, oz, fz = (rows[0][:, column(name)] for name in ("O2", "PO8", "Oz", "Fz"))
        ms = np.arange(of.n_times) * 4
        assert ms[:33][o2[:33].argmax()] == pytest.approx(100, abs=8)
        assert ms[po8.argmin()] == pytest.approx(165, abs=8)
        assert ms[45:][oz[45:].argmax()] == pytest.approx(235, abs=12)
        assert np.abs(fz).max() < 0.5 * np.abs(oz).max()
        late = slice(90, 170)  # 360 to 680 ms: the steady state alone
        turn = np.exp(-2j * np.pi * 5 * ms[late] / 1e3)
        assert abs(turn @ oz[late]) ** 2 > 0.9 * np.square(oz[late]).sum() * len(turn) / 2


class TestVentralStream:
    TIME_S = np.arange(200) / 250.0

    def test_latencies_rise_along_the_hierarchy(self) -> None:
        ranges = [area.latency_s for area in AREAS.values()]
        assert ranges == sorted(ranges)
        assert (ranges[0][0], ranges[-1][1]) == (0.07, 0.45)
        forward = [area.at_mm[1] for area in AREAS.values()]
        assert forward == sorted(forward)

    def test_the_first_components_do_not_depend_on_how_many_there_are(self) -> None:
        few, many = (carriers(self.TIME_S, n, 0, Person(0, 1.0)) for n in (2, 5))
        np.testing.assert_array_equal(few, many[:2])
        np.testing.assert_allclose(np.square(many).mean(axis=(1, 2)), 1)

    def test_activity_moves_forward(self) -> None:
        power = np.square(carriers(self.TIME_S, 60, 0, Person(0, 0.0))).mean(axis=0)
        weight = positions()[:, 1] @ power.T / power.sum(axis=1).clip(1e-9)
        early, late = weight[20:30].mean(), weight[70:110].mean()  # 80-120, 280-440 ms
        assert early < late - 0.05

    def test_most_of_it_comes_between_70_and_500_ms(self) -> None:
        power = np.square(carriers(self.TIME_S, 60, 0, Person(0, 0.0))).mean(axis=(0, 2))
        assert power[:8].sum() == 0
        assert power[-1] < 1e-12
        assert power[17:125].sum() > 0.9 * power.sum()


class TestPeople:
    def test_without_individuality_all_respond_alike(self) -> None:
        one, other = with_(AVERAGE, seed=0), with_(AVERAGE, seed=1)
        np.testing.assert_array_equal(responses(one), responses(other))
        np.testing.assert_array_equal(one.noise.one_over_f, other.noise.one_over_f)
        assert not np.array_equal(one.background().take(9), other.background().take(9))

    def test_the_more_individuality_the_less_alike(self) -> None:
        def alike(individuality: float) -> float:
            people = [
                with_(n_components=8, seed=s, individuality=individuality).carriers
                for s in range(4)
            ]
            return float(np.mean([likeness(people[0], p) for p in people[1:]]))

        falling = [alike(i) for i in (0.0, 0.3, 1.0, 2.0)]
        assert falling[0] == pytest.approx(1.0)
        assert (np.diff(falling) < -0.02).all()
        assert 0.4 < falling[2] < 0.95  # transfer is real, but below that within a person

    def test_people_differ_in_gain_noise_and_alpha(self) -> None:
        people = [with_(seed=s) for s in range(5)]
        for measure in (
            lambda p: np.square(p.carriers).sum(),
            lambda p: np.square(p.noise.one_over_f).sum(),
            lambda p: np.square(p.noise.alpha).sum(),
            lambda p: np.square(p.noise.one_over_f[0]).sum() / np.square(p.noise.one_over_f).sum(),
        ):
            assert len({round(float(measure(p)), 9) for p in people}) == 5

    def test_another_population_has_other_components(self) -> None:
        one, other = with_(AVERAGE).carriers, with_(AVERAGE, population=1).carriers
        assert abs(likeness(one, other)) < 0.3
        np.testing.assert_array_equal(with_(AVERAGE).common, with_(AVERAGE, population=1).common)


class TestEpochs:
    def test_are_responses_on_noise(self) -> None:
        of = with_(effect=2000.0, **NOISELESS)
        rows = [3, 0, 3]
        epochs = of.epochs(rows, 0)
        assert (epochs.shape, epochs.dtype) == ((3, 64, 250), np.float32)
        assert rows == [3, 0, 3]
        for epoch, row in zip(epochs, rows, strict=True):
            np.testing.assert_allclose(epoch[:, :200], of.response(row).T, atol=0.01)
            assert np.abs(epoch[:, 200:]).max() < 0.01

    @pytest.mark.parametrize(
        ("tmin_s", "tmax_s"), [(-0.2, 1.0), (0.1, 0.3), (0.5, 1.2), (1.0, 1.1)]
    )
    def test_window_is_counted_from_the_onset(self, tmin_s: float, tmax_s: float) -> None:
        of = with_(effect=2000.0, **NOISELESS)
        (epoch,) = of.epochs([5], 0, tmin_s, tmax_s)
        whole = np.zeros((64, 1000))
        whole[:, 500:700] = of.response(5).T
        first = 500 + round(tmin_s * 250)
        expected = whole[:, first : first + round((tmax_s - tmin_s) * 250)]
        np.testing.assert_allclose(epoch, expected, atol=0.01)

    def test_a_trial_is_the_same_in_any_company(self) -> None:
        of = subject()
        rows = [n % 12 for n in range(150)]
        whole = of.epochs(rows, 7, 0.0, 0.2)
        np.testing.assert_array_equal(of.epochs(rows[:70], 7, 0.0, 0.2), whole[:70])
        some = [149, 3, 64, 3]
        again = of.epochs([rows[n] for n in some], 7, 0.0, 0.2, positions=some)
        np.testing.assert_array_equal(again, whole[some])

    def test_seed_person_and_position_draw_the_noise(self) -> None:
        def noise(of: SimulatedSubject, seed: int, position: int) -> Float32:
            return of.epochs([0], seed, 0.0, 0.1, positions=[position])[0]

        drawn = [
            noise(with_(AVERAGE, seed=s), e, p) for s in (0, 1) for e in (0, 1) for p in (0, 1)
        ]
        cosines = np.corrcoef([d.ravel() for d in drawn]) - np.eye(8)
        assert np.abs(cosines).max() < 0.7  # smooth in space and time, so few degrees of freedom

    def test_covariance_is_the_stated_one(self) -> None:
        of = with_(effect=0.0, common_uv=0.0)
        n_times = 8
        covariance = sum(np.kron(a, b) for a, b in WindowCovariance(of.noise, n_times).terms())
        epochs = of.epochs([0] * 4000, 1, 0.0, n_times / 250).reshape(4000, -1)
        white = np.linalg.solve(np.linalg.cholesky(covariance), epochs.T)
        found = white @ white.T / 4000
        # 512 variances of 4000 trials each have an error of 0.022, 130 000 covariances of 0.016.
        assert np.abs(np.diag(found) - 1).max() < 0.11
        assert np.abs(found - np.diag(np.diag(found))).max() < 0.09

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"rows": [12]}, "from 0 to 11, not 12"),
            ({"rows": [0], "seed": -1}, "seed must be at least 0, not -1"),
            ({"rows": [0], "tmin_s": 0.5, "tmax_s": 0.5}, "0.5 to 0.5 s holds 0: raise tmax_s"),
            ({"rows": [0, 1], "positions": [4]}, "1 positions came for 2 rows"),
            ({"rows": [0], "positions": [-1]}, "positions must be at least 0, not -1"),
        ],
    )
    def test_refuses_what_is_no_trial(self, arguments: dict[str, object], message: str) -> None:
        with pytest.raises(ConfigError, match=message):
            subject().epochs(**{"seed": 0, **arguments})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sfreq": 200.0}, "rates from 250 to 1000 Hz, not 200"),
        ({"sfreq": 1024.0}, "not 1024"),
        ({"sfreq": float("nan")}, "not nan"),
        ({"seed": -1}, "seed must be at least 0, not -1"),
        ({"population": -1}, "population must be at least 0, not -1"),
        ({"n_components": 0}, "n_components must be at least 1"),
        ({"n_components": 9}, "9 components need a gallery .* it has 8"),
        ({"noise_uv": 0.0}, "noise_uv must be above 0 µV, not 0"),
        ({"effect": -0.1}, "effect must be at least 0 and finite, not -0.1"),
        ({"individuality": -1.0}, "individuality must be at least 0"),
        ({"score_power": -1.0}, "score_power must be at least 0"),
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
        with_(**changes)


def test_refuses_what_is_no_gallery() -> None:
    with pytest.raises(ConfigError, match=r"shape is \(12, 8\) for 2 names"):
        SimulatedSubject(SMALL, embeddings(), ["a", "b"])
    vectors = embeddings()
    vectors[3, 2] = np.nan
    with pytest.raises(ConfigError, match="finite"):
        subject(vectors=vectors)
    vectors[3] = 0
    with pytest.raises(ConfigError, match="some are zero"):
        subject(vectors=vectors)


def test_does_not_touch_its_gallery() -> None:
    vectors = embeddings()
    subject(vectors=vectors)
    np.testing.assert_array_equal(vectors, embeddings())


@pytest.mark.parametrize("row", [-1, 12])
def test_refuses_unknown_rows(row: int) -> None:
    with pytest.raises(ConfigError, match=f"from 0 to 11, not {row}"):
        subject().response(row)
