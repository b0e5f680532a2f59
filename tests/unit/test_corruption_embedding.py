"""Corruption on embeddings: what each level leaves of a vector's components."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from saccade.models.targets.corruption import fovea, sigma_px
from saccade.models.targets.corruption_embedding import CONTRAST, FINEST_PX, EmbeddingLevels
from saccade.realtime.errors import ConfigError, GalleryError

LEVELS = ("sharp", "foveal-51", "gauss-15", "noise-25", "lowres-0.1", "mosaic-5")


def cone(n: int = 60, dim: int = 24, seed: int = 0):
    """Return vectors about a common mean, with a falling spectrum, of no special length."""
    rng = np.random.default_rng(seed)
    spread = 1 / np.sqrt(1 + np.arange(dim))
    vectors = 2 + rng.standard_normal((n, dim)) * spread
    return (vectors * rng.uniform(0.5, 12, (n, 1))).astype(np.float32)


def unit(vectors):
    vectors = np.asarray(vectors, np.float64)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def components(train):
    """Return mean, directions (rows, coarse to fine), deviations and sizes, by a plain SVD."""
    mean = unit(train).mean(axis=0)
    _, singular, directions = np.linalg.svd(unit(train) - mean)
    variances = singular**2 / len(train)
    fineness = (np.cumsum(variances) - variances) / variances.sum()
    fineness[0] = 1e-9  # the first is larger than any kernel, block or step
    return mean, directions, np.sqrt(variances), FINEST_PX / fineness


def scores(train, vectors):
    mean, directions, deviations, sizes = components(train)
    return (np.asarray(vectors, np.float64) - mean) @ directions.T, deviations, sizes


@pytest.fixture(scope="module")
def train():
    return cone()


class TestLevels:
    def test_sharp_is_the_vector_at_unit_length(self, train):
        bank = EmbeddingLevels(train).apply(train, ("sharp",))
        np.testing.assert_allclose(bank.vectors[:, 0], unit(train), atol=1e-6)

    @pytest.mark.parametrize("kernel", [15, 63])
    def test_gauss_attenuates_by_size(self, train, kernel):
        other = cone(seed=1)
        worse = EmbeddingLevels(train).apply(other, (f"gauss-{kernel}",)).vectors[:, 0]
        before, _, sizes = scores(train, unit(other))
        after, _, _ = scores(train, worse)
        gain = np.exp(-((sigma_px(kernel) / sizes) ** 2) / 2)
        np.testing.assert_allclose(after, before * gain, atol=1e-5)
        assert gain[0] == 1
        assert gain[-1] < 1 / 1.5

    def test_foveal_keeps_the_mean_of_its_mask_sharp(self, train):
        levels = EmbeddingLevels(train)
        bank = levels.apply(train, ("sharp", "gauss-51", "foveal-51")).vectors
        kept = float(fovea(224, 224).mean())
        expected = kept * bank[:, 0] + (1 - kept) * bank[:, 1]
        np.testing.assert_allclose(bank[:, 2], expected, atol=1e-6)

    def test_low_resolution_drops_what_is_smaller_than_a_pixel(self, train):
        worse = EmbeddingLevels(train).apply(train, ("lowres-0.2",)).vectors[:, 0]
        before, _, sizes = scores(train, unit(train))
        after, _, _ = scores(train, worse)
        assert 0 < (sizes >= 5).sum() < len(sizes)
        np.testing.assert_allclose(after, np.where(sizes >= 5, before, 0), atol=1e-5)

    def test_mosaic_rounds_finer_components_to_wider_steps(self, train):
        worse = EmbeddingLevels(train).apply(train, ("mosaic-5",)).vectors[:, 0]
        before, deviations, sizes = scores(train, unit(train))
        after, _, _ = scores(train, worse)
        step = 5 / sizes * deviations
        np.testing.assert_allclose(after / step, np.round(after / step), atol=1e-3)
        assert (np.abs(after - before) <= step / 2 + 1e-5).all()

    def test_noise_has_the_training_vectors_covariance(self):
        train = cone(200, 6)
        many = cone(20_000, 6, seed=3)
        bank = EmbeddingLevels(train).apply(many, ("sharp", "noise-25")).vectors
        noise = bank[:, 1] - bank[:, 0]
        expected = np.cov(unit(train).T, bias=True) * (25 / CONTRAST) ** 2
        np.testing.assert_allclose(np.cov(noise.T), expected, atol=0.03 * np.abs(expected).max())

    @pytest.mark.parametrize(
        "levels",
        [
            ("gauss-3", "gauss-15", "gauss-63"),
            ("foveal-45", "foveal-51", "foveal-57"),
            ("noise-5", "noise-25", "noise-80"),
            ("lowres-0.4", "lowres-0.1", "lowres-0.05"),
            ("mosaic-2", "mosaic-5", "mosaic-20"),
        ],
    )
    def test_more_is_worse(self, train, levels):
        bank = EmbeddingLevels(train).apply(train, ("sharp", *levels)).vectors
        lost = np.square(bank[:, 1:] - bank[:, :1]).mean(axis=(0, 2))
        assert list(lost) == sorted(lost)
        assert lost[0] < lost[-1]


class TestMap:
    def test_is_labelled(self, train):
        bank = EmbeddingLevels(train).apply(train, LEVELS)
        assert bank.on_embeddings
        assert bank.levels == LEVELS
        assert bank.vectors.shape == (60, 6, 24)
        assert bank.vectors.dtype == np.float32

    @hypothesis.given(order=st.permutations(range(8)), scale=st.sampled_from([0.5, 2.0, 3.0, 0.1]))
    @hypothesis.settings(max_examples=20)
    def test_a_vector_is_changed_alike_in_any_company(self, train, order, scale):
        levels, some = EmbeddingLevels(train), cone(8, seed=2)
        together = levels.apply(some, LEVELS).vectors
        shuffled = levels.apply(some[order], LEVELS[::-1]).vectors
        np.testing.assert_allclose(shuffled[:, ::-1], together[order], atol=1e-6)
        scaled = levels.apply(some * np.float32(scale), LEVELS).vectors
        np.testing.assert_allclose(scaled, together, atol=1e-6)
        normed = levels.apply(unit(some).astype(np.float32), LEVELS).vectors
        np.testing.assert_allclose(normed, together, atol=1e-6)

    def test_vectors_that_differ_have_different_noise(self, train):
        levels, near = EmbeddingLevels(train), unit(cone(2, seed=2))
        near[1] = unit(near[0] + 0.1 * near[1])
        noise = np.subtract(*np.moveaxis(levels.apply(near, ("noise-25", "sharp")).vectors, 1, 0))
        assert abs(np.corrcoef(noise)[0, 1]) < 0.9

    def test_seed_changes_the_noise_only(self, train):
        first, again, other = (
            EmbeddingLevels(train, seed).apply(train, LEVELS).vectors for seed in (1, 1, 2)
        )
        np.testing.assert_array_equal(first, again)
        differs = [not np.array_equal(first[:, i], other[:, i]) for i in range(len(LEVELS))]
        assert differs == [level == "noise-25" for level in LEVELS]

    @pytest.mark.parametrize("level", ["gauss-63", "lowres-0.01", "mosaic-50"])
    def test_two_opposite_vectors_can_still_be_told_apart(self, level):
        two = np.array([[1, 0, 0], [-1, 0, 0]], np.float32)
        bank = EmbeddingLevels(two).apply(two, (level,))
        np.testing.assert_allclose(bank.vectors[:, 0], two, atol=1e-6)

    def test_more_components_than_vectors(self):
        few = cone(5, 24)
        bank = EmbeddingLevels(few).apply(cone(9, 24, seed=1), LEVELS)
        assert np.isfinite(bank.vectors).all()

    def test_inputs_are_not_changed(self, train):
        some, before = cone(seed=4), train.copy()
        kept = some.copy()
        EmbeddingLevels(train).apply(some, LEVELS)
        np.testing.assert_array_equal(train, before)
        np.testing.assert_array_equal(some, kept)


class TestRefused:
    def test_vectors_all_the_same(self):
        with pytest.raises(GalleryError, match="all 4 are the same"):
            EmbeddingLevels(np.ones((4, 3), np.float32))

    def test_a_single_vector(self):
        with pytest.raises(GalleryError, match="all 1 are the same"):
            EmbeddingLevels(np.ones((1, 3), np.float32))

    @pytest.mark.parametrize("bad", [0.0, np.nan, np.inf])
    def test_vectors_without_direction(self, train, bad):
        vectors = train.copy()
        vectors[7] = bad
        with pytest.raises(GalleryError, match=r"1 of 60 are zero, .* \(first: row 7\)"):
            EmbeddingLevels(vectors)
        with pytest.raises(GalleryError, match="first: row 7"):
            EmbeddingLevels(train).apply(vectors, LEVELS)

    def test_vectors_of_another_size(self, train):
        with pytest.raises(GalleryError, match=r"shape \(n, 24\), n at least 1, not \(60, 7\)"):
            EmbeddingLevels(train).apply(cone(60, 7), LEVELS)

    def test_no_level(self, train):
        with pytest.raises(ConfigError, match="not 'blurred'"):
            EmbeddingLevels(train).apply(train, ("blurred",))
