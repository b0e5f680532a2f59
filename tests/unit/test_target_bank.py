"""Banks of several versions of each picture: made from files, picked, centred, refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from saccade.models.corruption import corrupt
from saccade.models.target_bank import TargetBank, bank_of_files
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


class TestFiles:
    @pytest.fixture
    def files(self, tmp_path):
        rng = np.random.default_rng(0)
        paths = []
        for name, size in (("a.png", (40, 30)), ("b.png", (224, 224)), ("c.jpg", (300, 90))):
            pixels = rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / name)
            paths.append(tmp_path / name)
        return paths

    @staticmethod
    def encode(pictures):
        assert pictures.shape[1:] == (3, 224, 224)
        assert pictures.dtype == torch.float32
        return torch.cat([pictures.mean(dim=(2, 3)), pictures.std(dim=(2, 3))], dim=1).numpy()

    def test_every_version_of_every_picture_is_encoded(self, files):
        b = bank_of_files(files, self.encode, LEVELS, batch_size=2)
        assert b.vectors.shape == (3, 3, 6)
        assert not b.on_embeddings
        with Image.open(files[1]) as image:
            pixels = torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)
        for column, level in enumerate(LEVELS):
            expected = self.encode(corrupt(pixels[None], level))
            np.testing.assert_allclose(b.vectors[1, column], expected[0], atol=1e-6)

    def test_batches_do_not_matter_and_the_seed_only_for_noise(self, files):
        levels = ("gauss-3", "noise-25")
        whole = bank_of_files(files, self.encode, levels)
        single = bank_of_files(files, self.encode, levels, batch_size=1)
        np.testing.assert_allclose(whole.vectors, single.vectors, atol=1e-6)
        other = bank_of_files(files, self.encode, levels, seed=1)
        np.testing.assert_array_equal(whole.vectors[:, 0], other.vectors[:, 0])
        assert not np.array_equal(whole.vectors[:, 1], other.vectors[:, 1])

    def test_grey_and_transparent_pictures_have_three_colours(self, tmp_path):
        for mode in ("L", "RGBA", "P"):
            Image.new(mode, (9, 9), 200).save(tmp_path / f"{mode}.png")
        paths = [tmp_path / f"{mode}.png" for mode in ("L", "RGBA", "P")]
        assert len(bank_of_files(paths[:1], self.encode_means, ("sharp",))) == 1
        bank_of_files(paths, lambda p: 1 + p.mean(dim=(2, 3)).numpy(), ("sharp",))

    @staticmethod
    def encode_means(pictures):
        return pictures.mean(dim=(2, 3)).numpy()

    def test_a_model_that_does_not_return_one_vector_a_picture_is_refused(self, files):
        with pytest.raises(GalleryError, match=r"return \(3, dim\) for 3 .* not \[\(2, 6\)\]"):
            bank_of_files(files, lambda p: self.encode(p)[:2], ("sharp",))
        with pytest.raises(GalleryError, match=r"not \[\(3,\)\]"):
            bank_of_files(files, lambda p: self.encode(p)[:, 0], ("sharp",))

    def test_what_is_no_picture_is_refused(self, tmp_path):
        (tmp_path / "notes.txt").write_text("a red car")
        Image.new("RGB", (64, 64)).save(tmp_path / "whole.png")
        half = (tmp_path / "whole.png").read_bytes()[:-30]
        (tmp_path / "damaged.png").write_bytes(half)
        for name in ("notes.txt", "absent.png", "damaged.png"):
            with pytest.raises(GalleryError, match=f"{name} must be a picture, but: "):
                bank_of_files([tmp_path / name], self.encode, ("sharp",))
        with pytest.raises(GalleryError, match="no file came"):
            bank_of_files([], self.encode, ("sharp",))
