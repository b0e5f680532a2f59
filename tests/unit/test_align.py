"""Alignment of vectors: what each method finds, where it holds back, what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from saccade.models.alignment.affine import Alignment, unit_length
from saccade.models.alignment.align import linear, procrustes, whitening
from saccade.models.evaluation.probability import fit_temperature
from saccade.realtime.errors import CalibrationError, ConfigError

D = 12


def vectors(n: int, seed: int = 0, dim: int = D) -> np.ndarray:
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((dim, dim)) * np.linspace(0.2, 2, dim)
    return (rng.standard_normal((n, dim)) @ mixing + rng.standard_normal(dim)).astype(np.float32)


def targets(n: int, n_concepts: int, seed: int = 1, dim: int = D) -> np.ndarray:
    rng = np.random.default_rng(seed)
    concepts = unit_length(rng.standard_normal((n_concepts, dim)).astype(np.float32))
    return concepts[rng.permutation(np.arange(n) % n_concepts)]


def turned(rng: np.random.Generator, angle: float, dim: int = D) -> np.ndarray:
    """Return a rotation by an angle in every one of dim / 2 random planes."""
    axes = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    block = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return axes @ np.kron(np.eye(dim // 2), block) @ axes.T


def noisy(signal: np.ndarray, sd: float) -> np.ndarray:
    rng = np.random.default_rng(len(signal))
    return (signal + sd * rng.standard_normal(signal.shape)).astype(np.float32)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    return float((unit_length(one) * unit_length(other)).sum(axis=1).mean())


def kinds_of_things() -> np.ndarray:
    """Return a centred gallery (200, 64) of ten kinds of twenty concepts each."""
    rng = np.random.default_rng(2)
    kinds = np.repeat(rng.standard_normal((10, 64)), 20, axis=0)
    unit = unit_length((kinds + rng.standard_normal((200, 64))).astype(np.float32))
    return unit_length(unit - unit.mean(axis=0))


def places(predicted: np.ndarray, gallery: np.ndarray, rows: np.ndarray) -> np.ndarray:
    scores = unit_length(predicted) @ gallery.T
    return (scores >= scores[np.arange(len(rows)), rows][:, None]).sum(axis=1)


sizes = st.integers(0, 2**32 - 1), st.integers(2, 40), st.integers(2, 30)


class TestApply:
    @settings(max_examples=40)
    @given(*sizes)
    def test_alone_and_among_others_to_the_last_bit(self, seed, n, dim):
        v = vectors(n, seed, dim)
        alignment = whitening(v)
        together = alignment.apply(v)
        for row in range(n):
            np.testing.assert_array_equal(alignment.apply(v[row]), together[row])
            np.testing.assert_array_equal(alignment.apply(v[row:]), together[row:])
        np.testing.assert_array_equal(alignment.apply(np.asfortranarray(v)), together)

    def test_is_the_map_it_says(self):
        rng = np.random.default_rng(0)
        mean, matrix = (rng.standard_normal(shape).astype(np.float32) for shape in (D, (D, D)))
        v = vectors(7)
        slow = [matrix @ (row / np.linalg.norm(row) - mean) for row in v]
        made = Alignment("linear", mean, matrix, 9).apply(v)
        np.testing.assert_allclose(made, slow, rtol=1e-5, atol=1e-5)
        assert made.dtype == np.float32

    @given(st.integers(-60, 60))
    def test_the_length_of_a_vector_does_not_matter(self, exponent):
        alignment, v = whitening(vectors(20)), vectors(3, seed=4)
        scaled = alignment.apply(v * np.float32(2.0**exponent))
        np.testing.assert_array_equal(scaled, alignment.apply(v))

    def test_a_vector_that_says_nothing_goes_on_saying_nothing(self):
        alignment = whitening(vectors(20))
        assert not alignment.apply(np.zeros(D, np.float32)).any()
        assert not alignment.apply(np.zeros((2, D), np.float32)).any()

    def test_vectors_of_another_size_are_refused(self):
        with pytest.raises(CalibrationError, match=r"12 components takes .* not \(3, 11\)"):
            whitening(vectors(20)).apply(np.zeros((3, 11), np.float32))

    @pytest.mark.parametrize(
        ("mean", "matrix", "message"),
        [
            (np.zeros(3, np.float32), np.zeros((3, 4), np.float32), r"not \(3,\) and \(3, 4\)"),
            (np.zeros(3), np.eye(3, dtype=np.float32), "float64, float32 came"),
            (np.zeros(3, np.float32), np.full((3, 3), np.nan, np.float32), "with 9 NaN"),
        ],
    )
    def test_a_map_that_is_none_is_refused(self, mean, matrix, message):
        with pytest.raises(CalibrationError, match=message):
            Alignment("linear", mean, matrix, 5)

    def test_a_kind_that_is_none_is_refused(self):
        with pytest.raises(CalibrationError, match="whitening, procrustes, linear, not 'magic'"):
            Alignment("magic", np.zeros(3, np.float32), np.eye(3, dtype=np.float32), 5)

    def test_arrays_are_read_only(self):
        alignment = whitening(vectors(20))
        with pytest.raises(ValueError, match="read-only"):
            alignment.mean[0] = 1


class TestWhitening:
    @settings(max_examples=40)
    @given(*sizes)
    def test_against_the_definition(self, seed, n, dim):
        v = vectors(n, seed, dim)
        made = whitening(v)
        unit = v / np.linalg.norm(v, axis=1, keepdims=True)
        covariance = np.cov(unit.T.astype(np.float64), bias=True).reshape(dim, dim)
        m = np.trace(covariance) / dim
        share = made.settings["shrinkage"]
        values, axes = np.linalg.eigh((1 - share) * covariance / m + share * np.eye(dim))
        np.testing.assert_allclose(made.mean, unit.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(made.matrix, axes / np.sqrt(values) @ axes.T, atol=1e-4)
        assert 0 < share <= 1
        assert made.n_trials == n

    def test_many_trials_come_out_white(self):
        v = vectors(4000)
        out = whitening(v, shrinkage=1e-6).apply(v)
        assert whitening(v).settings["shrinkage"] < 0.01
        np.testing.assert_allclose(out.mean(axis=0), 0, atol=1e-4)
        covariance = np.cov(out.T)
        np.testing.assert_allclose(covariance / covariance[0, 0], np.eye(D), atol=0.05)

    def test_the_fewer_trials_the_nearer_to_the_identity(self):
        shares = [whitening(vectors(n)).settings["shrinkage"] for n in (2, 5, 20, 100, 1000)]
        assert shares == sorted(shares, reverse=True)
        assert shares[0] > 0.3

    def test_full_shrinkage_only_takes_off_the_mean(self):
        v = vectors(30)
        made = whitening(v, shrinkage=1.0)
        np.testing.assert_allclose(made.matrix, np.eye(D), atol=1e-7)
        assert np.abs(whitening(v, shrinkage=0.1).matrix - np.eye(D)).max() > 0.1
        np.testing.assert_array_equal(made.mean, whitening(v, shrinkage=0.1).mean)

    def test_zero_vectors_do_not_count(self):
        v = vectors(30)
        padded = np.concatenate([v, np.zeros((5, D), np.float32)])
        np.testing.assert_array_equal(whitening(padded).matrix, whitening(v).matrix)
        assert whitening(padded).n_trials == 30

    def test_two_trials_are_enough_to_stay_finite(self):
        made = whitening(vectors(2, dim=512))
        assert np.isfinite(made.matrix).all()
        assert np.abs(made.matrix).max() < 3

    def test_the_input_stays_as_it_was(self):
        v = vectors(30)
        before = v.copy()
        whitening(v)
        np.testing.assert_array_equal(v, before)

    @pytest.mark.parametrize("n", [0, 1])
    def test_too_few_trials_are_refused(self, n):
        v = np.concatenate([vectors(2)[:n], np.zeros((3, D), np.float32)])
        with pytest.raises(CalibrationError, match=f"at least 2 trials, but {n} of {n + 3}"):
            whitening(v)

    def test_trials_that_are_all_the_same_are_refused(self):
        with pytest.raises(CalibrationError, match="differ, but all 9 are the same"):
            whitening(np.repeat(vectors(1), 9, axis=0) * np.float32(3))

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_what_is_not_finite_is_refused(self, value):
        v = vectors(9)
        v[2, 3] = value
        with pytest.raises(CalibrationError, match=r"1 values of \(9, 12\) are NaN"):
            whitening(v)

    @pytest.mark.parametrize("share", [0.0, -1.0, 1.1, float("nan")])
    def test_a_share_that_is_none_is_refused(self, share):
        with pytest.raises(ConfigError, match="shrinkage must be above 0 and at most 1"):
            whitening(vectors(9), share)


class TestProcrustes:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(2, 30), st.floats(0.01, 100))
    def test_is_a_rotation_of_the_largest_trace(self, seed, n, strength):
        p, t = vectors(n, seed), targets(n, min(n, 9), seed)
        made = procrustes(p, t, strength)
        matrix = made.matrix.astype(np.float64)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(D), atol=1e-5)
        left = t.T.astype(np.float64) @ (unit_length(p) - made.mean)
        left += strength * n / D * np.eye(D)
        rng = np.random.default_rng(seed)
        best = np.trace(matrix.T @ left)
        for angle in (1e-3, 0.1, 2.0):
            assert np.trace((matrix @ turned(rng, angle)).T @ left) <= best + 1e-4

    def test_finds_the_rotation(self):
        t = targets(600, 60)
        rotation = turned(np.random.default_rng(3), 0.9)
        p = noisy(t @ rotation, 0.2)
        made = procrustes(p, t)
        assert made.settings["strength"] < 1
        before, after = cosine(unit_length(p) - made.mean, t), cosine(made.apply(p), t)
        assert before < 0.6 < 0.8 < after

    def test_noise_turns_nothing_to_speak_of(self):
        made = procrustes(vectors(60), targets(60, 30))
        assert made.settings["strength"] >= 10
        assert np.abs(made.matrix - np.eye(D)).max() < 0.2

    def test_where_no_trial_points_nothing_turns(self):
        p, t = vectors(3, dim=40), targets(3, 3, dim=40)
        made = procrustes(p, t, 0.1)
        mean = made.mean.astype(np.float64)
        spanned = np.linalg.qr(np.concatenate([unit_length(p) - mean, t]).T)[0]
        other = np.eye(40) - spanned @ spanned.T
        np.testing.assert_allclose(made.matrix @ other, other, atol=1e-6)
        assert np.abs(made.matrix - np.eye(40)).max() > 0.05

    def test_the_span_of_few_trials_gives_what_all_directions_give(self):
        p, t = vectors(5, dim=40), targets(5, 5, dim=40)
        made = procrustes(p, t, 0.7)
        unit = unit_length(p).astype(np.float64) - made.mean
        left, _, right = np.linalg.svd(t.T @ unit + 0.7 * 5 / 40 * np.eye(40))
        np.testing.assert_allclose(made.matrix, left @ right, atol=1e-5)

    def test_a_large_strength_is_the_identity(self):
        made = procrustes(vectors(60), targets(60, 30), strength=1e6)
        np.testing.assert_allclose(made.matrix, np.eye(D), atol=1e-5)

    @pytest.mark.parametrize("strength", [0.0, -1.0, float("inf")])
    def test_a_strength_that_is_none_is_refused(self, strength):
        with pytest.raises(ConfigError, match="strength must be above 0"):
            procrustes(vectors(9), targets(9, 3), strength)


class TestLinear:
    def test_finds_a_map_that_is_no_rotation(self):
        rng = np.random.default_rng(2)
        t = targets(600, 60)
        stretch = turned(rng, 0.5) @ np.diag(np.linspace(0.3, 3, D)) @ turned(rng, 0.5)
        p = (t @ stretch + 0.1 * rng.standard_normal(t.shape)).astype(np.float32)
        rotated, made = procrustes(p, t), linear(p, t)
        assert cosine(made.apply(p), t) > cosine(rotated.apply(p), t) + 0.03 > 0.8
        assert made.settings["penalty"] < 1

    def test_noise_leaves_the_frozen_map(self):
        t = targets(200, 40)
        made = linear(noisy(t, 2.0), t)
        assert made.settings["penalty"] >= 100

    @pytest.mark.parametrize("n_concepts", [5, 25])
    @pytest.mark.parametrize("n_others", [0, 30])
    def test_cross_validation_in_closed_form_is_refitting(self, n_concepts, n_others, monkeypatch):
        p, t = vectors(50), targets(50, n_concepts)
        p = (t + p / 3).astype(np.float32)
        seen = {}

        def note(candidates, score):
            seen.update({tried: score(tried) for tried in candidates})
            return candidates[0]

        monkeypatch.setattr("saccade.models.alignment.align._best", note)
        others = vectors(n_others, seed=9) if n_others else None
        linear(p, t, among=None if others is None else np.concatenate([t[::-1], others]))
        # As in the function, mean and scale are those of all trials.
        made = linear(p, t, 1.0)
        unit = unit_length(p).astype(np.float64) - made.mean
        t = unit_length(t).astype(np.float64)
        scale, energy = made.settings["scale"], np.square(unit).sum() / 50
        if n_concepts == 25:
            _, concept = np.unique(t, axis=0, return_inverse=True)
            fold = concept.reshape(-1) % 5
        else:
            fold = np.arange(50) // 10
        gallery = np.unique(t if others is None else np.r_[t, unit_length(others)], axis=0)
        shown = [int(np.flatnonzero((gallery == row).all(axis=1))[0]) for row in t]
        for penalty in (0.1, 10.0):
            scores = np.empty((50, len(gallery)))
            for k in range(5):
                x, y = unit[fold != k], (t - scale * unit)[fold != k]
                gram = x.T @ x + penalty * energy * np.eye(D)
                weights = scale * np.eye(D) + np.linalg.solve(gram, x.T @ y)
                scores[fold == k] = unit_length(unit[fold == k] @ weights) @ gallery.T
            log_p = log_softmax(scores / fit_temperature(scores, shown), axis=1)
            nearest = min(seen, key=lambda tried: abs(tried - penalty))
            assert seen[nearest] == pytest.approx(log_p[range(50), shown].mean(), abs=1e-5)

    def test_a_large_penalty_is_the_identity(self):
        made = linear(vectors(60), targets(60, 30), penalty=1e12)
        np.testing.assert_allclose(made.matrix, np.eye(D), atol=1e-5)

    def test_vectors_against_their_targets_stay_finite(self):
        t = targets(60, 30)
        made = linear(-t, t)
        assert made.settings["scale"] == 1e-3
        assert cosine(made.apply(-t), t) > 0.9

    def test_more_trials_than_dimensions_and_fewer_agree_with_the_normal_equations(self):
        for n in (5, 40):
            p, t = vectors(n), targets(n, 5)
            made = linear(p, t, penalty=0.3)
            unit = unit_length(p).astype(np.float64) - made.mean
            energy, scale = np.square(unit).sum() / n, made.settings["scale"]
            gram = unit.T @ unit + 0.3 * energy * np.eye(D)
            weights = np.linalg.solve(gram, unit.T @ (t - scale * unit))
            np.testing.assert_allclose(
                made.matrix, np.eye(D) + weights.T / scale, rtol=1e-3, atol=1e-3
            )

    @pytest.mark.parametrize("penalty", [0.0, -1.0, float("nan")])
    def test_a_penalty_that_is_none_is_refused(self, penalty):
        with pytest.raises(ConfigError, match="penalty must be above 0"):
            linear(vectors(9), targets(9, 3), penalty)


@pytest.mark.parametrize("learn", [procrustes, linear])
class TestLabelled:
    def test_concepts_shown_often_do_not_pull_the_mean(self, learn):
        p, t = vectors(12), targets(12, 3)
        often = np.concatenate([np.arange(12), *[np.flatnonzero((t == t[0]).all(axis=1))] * 5])
        level, same = learn(p[often], t[often], 1.0).mean, learn(p, t, 1.0).mean
        # More trials are surer of it, but it points where it did.
        assert cosine(level[None], same[None]) == pytest.approx(1, abs=1e-6)

    @pytest.mark.parametrize("shown", [np.arange(20), np.r_[0:20, 40:60], np.array([0, 100])])
    def test_what_the_shown_concepts_share_is_not_taken_for_the_persons_level(self, learn, shown):
        gallery, rng = kinds_of_things(), np.random.default_rng(3)
        rows = np.tile(shown, 300 // len(shown))
        frozen = noisy(gallery[rows], 0.12)
        aligned = learn(frozen, gallery[rows], 1e12).apply(frozen)
        agree = places(frozen, gallery, rows) == places(aligned, gallery, rows)
        assert agree.mean() > 0.95
        # A level of the person's own is taken off all the same, whichever concepts tell it.
        level = 0.5 * unit_length(rng.standard_normal(gallery.shape[1])[None].astype(np.float32))
        made = learn(unit_length(frozen) + level, gallery[rows], 1e12)
        assert cosine(made.mean[None], level) > 0.97

    def test_a_decoder_that_is_right_is_left_alone(self, learn):
        gallery, rng = kinds_of_things(), np.random.default_rng(4)
        everything = rng.integers(0, 200, 2000)
        trials = noisy(gallery[everything], 0.3)
        frozen = (places(trials, gallery, everything) == 1).mean()
        assert 0.3 < frozen < 0.9
        for n in (4, 30, 100):
            rows = rng.integers(0, 200, n)
            known = (gallery[rows] + 0.3 * rng.standard_normal((n, 64))).astype(np.float32)
            aligned = learn(known, gallery[rows], among=gallery).apply(trials)
            assert (places(aligned, gallery, everything) == 1).mean() > 0.8 * frozen

    def test_of_few_trials_that_say_nothing_hardly_any_level_is_left(self, learn):
        rng = np.random.default_rng(5)
        noise = rng.standard_normal((6, 200)).astype(np.float32)
        made = learn(noise, targets(6, 3, dim=200), 1.0)
        before = np.linalg.norm(unit_length(noise).mean(axis=0))
        assert np.linalg.norm(made.mean) < 0.5 * before

    def test_two_concepts_are_enough_and_the_input_stays(self, learn):
        p, t = vectors(8), targets(8, 2)
        before = p.copy(), t.copy()
        made = learn(p, t)
        assert np.isfinite(made.matrix).all()
        assert (made.n_trials, made.kind) == (8, learn.__name__)
        np.testing.assert_array_equal(p, before[0])
        np.testing.assert_array_equal(t, before[1])

    def test_one_trial_of_each_of_two_concepts_stays_finite(self, learn):
        assert np.isfinite(learn(vectors(2), targets(2, 2)).matrix).all()

    def test_other_sizes_are_refused(self, learn):
        with pytest.raises(CalibrationError, match=r"\(9, 12\) came with targets of shape \(8, 12"):
            learn(vectors(9), targets(8, 3))

    def test_one_concept_is_refused(self, learn):
        with pytest.raises(CalibrationError, match="at least 2 concepts, but all 9 show one"):
            learn(vectors(9), targets(9, 1))

    def test_zeros_are_refused(self, learn):
        p = vectors(9)
        p[3] = 0
        with pytest.raises(CalibrationError, match="1 vectors and 0 targets are zero"):
            learn(p, targets(9, 3))

    def test_nan_is_refused(self, learn):
        t = targets(9, 3)
        t[0, 0] = np.nan
        with pytest.raises(CalibrationError, match="NaN or infinite"):
            learn(vectors(9), t)
