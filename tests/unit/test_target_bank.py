"""Banks of several versions of each picture: picked, centred, refused."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.models.targets.target_bank import TargetBank
from saccade.realtime.errors import ConfigError, GalleryError

LEVELS = ("sharp", "gauss-15", "mosaic-5")


def vectors(n: int = 7, n_levels: int = 3, dim: int = 5, seed: int = 0):
    rng = np.random.default_rng(seed)
    return (3 + rng.standard_normal((n, n_levels, dim))).astype(np.float32)


def bank(n: int = 7, seed: int = 0):
    return TargetBank(vectors(n, seed=seed), LEVELS, on_embeddings=True)


class TestBank:
    def test_its_array_is_read_only(self):
        b = bank()
        assert len(b) == 7
        with pytest.raises(ValueError, match="read-only"):
            b.vectors[0, 0, 0] = 1

    def test_pick_gives_the_levels_asked_for_in_order(self):
        picked = bank().pick(("mosaic-5", "sharp"))
        assert picked.levels == ("mosaic-5", "sharp")
        assert picked.on_embeddings
        np.testing.assert_array_equal(picked.vectors, bank().vectors[:, [2, 0]])

    def test_centred_is_unit_length_minus_mean_unit_length(self):
        raw = vectors().astype(np.float64)
        units = raw / np.linalg.norm(raw, axis=2, keepdims=True)
        for level in range(3):
            mean = units[:, level].mean(axis=0)
            moved = units[:, level] - mean
            expected = moved / np.linalg.norm(moved, axis=1, keepdims=True)
            centred, centre = bank().centred()
            np.testing.assert_allclose(centred.vectors[:, level], expected, atol=1e-5)
            np.testing.assert_allclose(centre[level], mean, atol=1e-6)
        assert centred.levels == LEVELS
        assert centred.on_embeddings

    def test_a_gallery_takes_the_centre_of_training(self):
        train, gallery = bank(), bank(4, seed=1)
        _, centre = train.centred()
        both = TargetBank(np.concatenate([train.vectors, gallery.vectors]), LEVELS, True)
        of_gallery, same = gallery.centred(centre)
        np.testing.assert_array_equal(same, centre)
        np.testing.assert_allclose(of_gallery.vectors, both.centred(centre)[0].vectors[7:])
        assert not np.allclose(of_gallery.vectors, gallery.centred()[0].vectors)

    def test_picking_and_centring_commute(self):
        first = bank().pick(("mosaic-5",)).centred()[0].vectors
        np.testing.assert_allclose(first, bank().centred()[0].pick(("mosaic-5",)).vectors)


class TestRefused:
    @pytest.mark.parametrize(
        ("shape", "dtype"), [((7, 5), "f4"), ((7, 2, 5), "f4"), ((7, 3, 5), "f8")]
    )
    def test_other_shapes(self, shape, dtype):
        with pytest.raises(GalleryError, match=r"3 levels must be float32 of shape \(n_images, 3,"):
            TargetBank(np.ones(shape, dtype), LEVELS, True)

    def test_a_level_twice_or_unknown(self):
        with pytest.raises(GalleryError, match="in a bank once, but sharp, sharp, noise-25 came"):
            TargetBank(vectors(), ("sharp", "sharp", "noise-25"), True)
        with pytest.raises(ConfigError, match="not 'dull'"):
            TargetBank(vectors(), ("sharp", "dull", "noise-25"), True)

    @pytest.mark.parametrize("bad", [0.0, np.nan])
    def test_vectors_without_direction(self, bad):
        raw = vectors()
        raw[2, 1] = bad
        with pytest.raises(GalleryError, match=r"1 of 7 at gauss-15 .*first: row 2"):
            TargetBank(raw, LEVELS, True)

    def test_no_pictures(self):
        with pytest.raises(GalleryError, match="n at least 1"):
            TargetBank(vectors(0), LEVELS, True)

    def test_levels_that_are_not_there(self):
        with pytest.raises(GalleryError, match=r"hold noise-25, lowres-0\.1, but has sharp, ga"):
            bank().pick(("sharp", "noise-25", "lowres-0.1"))

    def test_a_centre_of_another_shape(self):
        with pytest.raises(GalleryError, match=r"has shape \(3, 5\), not \(5,\)"):
            bank().centred(np.ones(5, np.float32))

    def test_vectors_at_the_centre(self):
        with pytest.raises(GalleryError, match=r"3 vectors equal .*picture 0 at sharp"):
            bank(1).centred()
