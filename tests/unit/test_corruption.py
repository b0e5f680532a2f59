"""Corrupted pictures against slow, obvious references; what is no level or no picture."""

from __future__ import annotations

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from PIL import Image

from saccade.models.targets.corruption import (
    Level,
    corrupt,
    corrupt_image,
    fovea,
    in_words,
    own_noise,
    parse_level,
    sigma_px,
)
from saccade.realtime.errors import ConfigError

LEVELS = ("sharp", "foveal-9", "gauss-7", "noise-25", "lowres-0.1", "mosaic-5")


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(3, 3, 23, 31, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def square():
    pixels = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def slow_blur(picture, kernel):
    """Return one plane, (H, W), with every output pixel summed by hand; edges mirrored."""
    half = kernel // 2
    sigma = 0.3 * ((kernel - 1) * 0.5 - 1) + 0.8
    weights = np.exp(-np.square(np.arange(-half, half + 1)) / (2 * sigma**2))
    weights = np.outer(weights, weights) / weights.sum() ** 2
    padded = np.pad(picture, half, mode="reflect")
    out = np.empty_like(picture)
    for row, column in np.ndindex(picture.shape):
        out[row, column] = (weights * padded[row : row + kernel, column : column + kernel]).sum()
    return out


class TestNames:
    @pytest.mark.parametrize(
        ("name", "level"),
        [
            ("sharp", Level("sharp", 0.0)),
            ("foveal-45", Level("foveal", 45.0)),
            ("gauss-15", Level("gauss", 15.0)),
            ("noise-25", Level("noise", 25.0)),
            ("lowres-0.1", Level("lowres", 0.1)),
            ("mosaic-5", Level("mosaic", 5.0)),
        ],
    )
    def test_are_parsed(self, name, level):
        assert parse_level(name) == level

    @pytest.mark.parametrize("name", ["", "blurry", "Sharp", "sharp-3", "blur-15", "-15"])
    def test_unknown_kinds_are_refused(self, name):
        with pytest.raises(ConfigError, match=f"as in gauss-15, not {name!r}"):
            parse_level(name)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("gauss", "an odd kernel of 3 to 447 pixels"),
            ("gauss-", "an odd kernel"),
            ("gauss-1", "an odd kernel"),
            ("gauss-16", "an odd kernel"),
            ("gauss-15.5", "an odd kernel"),
            ("gauss-449", "an odd kernel"),
            ("gauss-inf", "an odd kernel"),
            ("foveal-50", "an odd kernel"),
            ("noise-0", "a finite standard deviation above 0"),
            ("noise-inf", "a finite standard deviation above 0"),
            ("noise-nan", "a finite standard deviation above 0"),
            ("lowres-1", "the share of the width to keep"),
            ("lowres-0", "the share of the width to keep"),
            ("mosaic-1", "a block of at least 2 pixels"),
            ("mosaic-2.5", "a block of at least 2 pixels"),
            ("mosaic-inf", "a block of at least 2 pixels"),
        ],
    )
    def test_strengths_out_of_range_are_refused(self, name, words):
        with pytest.raises(ConfigError, match=f"the level {name!r} must name {words}"):
            parse_level(name)

    @hypothesis.given(st.text(max_size=9) | st.from_regex(r"[a-z]{4,6}-[0-9.]{1,4}"))
    @hypothesis.settings(max_examples=30)
    def test_any_text_is_a_level_or_refused(self, name):
        try:
            parse_level(name)
        except ConfigError:
            return
        assert name == "sharp" or "-" in name


class TestPictures:
    @pytest.mark.parametrize("level", LEVELS)
    def test_stay_pictures_and_are_not_changed_in_place(self, pictures, level):
        before = pictures.clone()
        worse = corrupt(pictures, level)
        assert worse.shape == pictures.shape
        assert worse.dtype == pictures.dtype
        assert 0 <= worse.min() <= worse.max() <= 1
        assert torch.equal(pictures, before)
        assert worse.data_ptr() != pictures.data_ptr()
        assert torch.equal(worse, pictures) == (level == "sharp")

    @pytest.mark.parametrize("level", LEVELS)
    def test_are_the_same_in_any_batch(self, pictures, level):
        alone = torch.cat([corrupt(picture[None], level) for picture in pictures])
        torch.testing.assert_close(corrupt(pictures, level), alone, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("level", [k for k in LEVELS if k != "noise-25"])
    @pytest.mark.parametrize("grey", [0.0, 0.37, 1.0])
    def test_of_one_grey_stay_so(self, level, grey):
        plain = torch.full((1, 3, 20, 20), grey)
        torch.testing.assert_close(corrupt(plain, level), plain, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("kernel", [3, 7, 15])
    def test_gauss_is_the_weighted_mean_of_the_neighbours(self, pictures, kernel):
        expected = slow_blur(pictures[1, 2].double().numpy(), kernel)
        worse = corrupt(pictures, f"gauss-{kernel}")[1, 2]
        np.testing.assert_allclose(worse.numpy(), expected, atol=1e-6)

    def test_foveal_keeps_half_at_the_centre_and_a_fortieth_in_the_corners(self, pictures):
        kept = fovea(23, 31)
        assert float(kept[11, 15]) == pytest.approx(0.5)
        assert float(kept[0, 0]) == pytest.approx(0.5 * np.exp(-3))
        assert float(kept[22, 30]) == pytest.approx(0.5 * np.exp(-3))
        blurred = corrupt(pictures, "gauss-9")
        expected = kept * pictures + (1 - kept) * blurred
        torch.testing.assert_close(corrupt(pictures, "foveal-9"), expected)

    def test_noise_has_the_deviation_named(self):
        grey = torch.full((2, 3, 64, 64), 0.5)
        noise = corrupt(grey, "noise-25") - grey
        assert float(noise.std()) * 255 == pytest.approx(25, rel=0.03)
        assert float(noise.mean()) * 255 == pytest.approx(0, abs=0.5)

    def test_noise_belongs_to_picture_and_seed(self, pictures):
        first = corrupt(pictures, "noise-25", seed=1)
        assert torch.equal(first, corrupt(pictures, "noise-25", seed=1))
        assert torch.equal(first.flip(0), corrupt(pictures.flip(0), "noise-25", seed=1))
        assert not torch.equal(first, corrupt(pictures, "noise-25", seed=2))
        values = pictures[0].numpy()
        assert not np.array_equal(own_noise(values, 0), own_noise(1 - values, 0))

    def test_low_resolution_forgets_what_is_finer_than_its_pixels(self):
        fine = torch.zeros(1, 3, 40, 40)
        fine[..., ::2] = 1  # stripes of one pixel
        middle = corrupt(fine, "lowres-0.1")[..., 8:32]
        torch.testing.assert_close(middle, torch.full_like(middle, 0.5), rtol=0, atol=0.02)
        halves = torch.zeros(1, 3, 40, 40)
        halves[..., 20:] = 1
        assert float((corrupt(halves, "lowres-0.1") - halves).abs()[..., :8].max()) < 0.05

    def test_mosaic_is_the_mean_of_each_block(self, pictures):
        worse = corrupt(pictures, "mosaic-5")
        for row, column in np.ndindex(5, 7):
            block = (..., slice(5 * row, 5 * row + 5), slice(5 * column, 5 * column + 5))
            mean = pictures[block].mean(dim=(2, 3), keepdim=True)
            torch.testing.assert_close(worse[block], mean.expand_as(worse[block]))

    @pytest.mark.parametrize("block", [31, 50, 10**12])
    def test_a_block_larger_than_the_picture_is_its_mean(self, pictures, block):
        mean = pictures.mean(dim=(2, 3), keepdim=True)
        torch.testing.assert_close(corrupt(pictures, f"mosaic-{block}"), mean.expand_as(pictures))

    @pytest.mark.parametrize(
        "levels",
        [
            ("gauss-3", "gauss-9", "gauss-15"),
            ("foveal-3", "foveal-9", "foveal-15"),
            ("noise-5", "noise-25", "noise-80"),
            ("lowres-0.9", "lowres-0.4", "lowres-0.1"),
            ("mosaic-2", "mosaic-5", "mosaic-10"),
        ],
    )
    def test_more_is_worse(self, pictures, levels):
        lost = [float((corrupt(pictures, level) - pictures).square().mean()) for level in levels]
        assert lost == sorted(lost)
        assert lost[0] < 0.9 * lost[-1]

    def test_no_pictures_at_all_are_none(self):
        for level in LEVELS:
            assert corrupt(torch.zeros(0, 3, 20, 20), level).shape == (0, 3, 20, 20)

    def test_sigma_grows_with_the_kernel(self):
        assert sigma_px(15) == pytest.approx(2.6)
        assert sigma_px(51) == pytest.approx(8.0)


class TestImages:
    """What is shown to a model in place of an image file."""

    @pytest.mark.parametrize("level", [*LEVELS, "foveal-57", "gauss-447"])
    def test_are_corrupted_to_within_half_a_grey_level(self, square, level):
        before = np.asarray(square).copy()
        pixels = torch.from_numpy(before.astype(np.float32) / 255).permute(2, 0, 1)[None]
        expected = 255 * corrupt(pixels, level)[0].permute(1, 2, 0).numpy()
        worse = np.asarray(corrupt_image(square, level))
        assert worse.dtype == np.uint8
        assert np.abs(worse - expected).max() <= 0.5 + 1e-4
        np.testing.assert_array_equal(np.asarray(square), before)

    def test_are_squashed_and_not_cropped(self):
        wide = Image.new("RGB", (400, 100), (255, 0, 0))
        wide.paste((0, 0, 255), (200, 0, 400, 100))
        shown = np.asarray(corrupt_image(wide, "sharp"))
        assert shown.shape == (224, 224, 3)
        assert (shown[:, :100] == (255, 0, 0)).all()
        assert (shown[:, 124:] == (0, 0, 255)).all()

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK"])
    def test_of_any_mode_have_three_colours(self, mode):
        assert corrupt_image(Image.new(mode, (9, 9)), "gauss-15").mode == "RGB"

    def test_are_described(self):
        said = [in_words(level) for level in LEVELS]
        assert len(set(said)) == len(LEVELS)
        assert said[0] == "squashed to 224×224, sharp (no corruption)"
        assert said[1] == "squashed to 224×224, foveal-9 (foveal blur, kernel of 9 pixels)"
        with pytest.raises(ConfigError, match="not 'dull'"):
            in_words("dull")


class TestRefused:
    @pytest.mark.parametrize(
        ("shape", "dtype"),
        [
            ((3, 20, 20), torch.float32),
            ((2, 1, 20, 20), torch.float32),
            ((2, 3, 9, 9), torch.uint8),
        ],
    )
    def test_what_is_no_picture(self, shape, dtype):
        with pytest.raises(ConfigError, match=r"floating point of shape \(n, 3, height, width\)"):
            corrupt(torch.zeros(shape, dtype=dtype), "sharp")

    @pytest.mark.parametrize(("low", "high"), [(-2.0, 1.0), (0.0, 255.0), (0.0, float("nan"))])
    def test_values_beyond_0_to_1(self, low, high):
        pictures = torch.full((1, 3, 8, 8), low)
        pictures[0, 0, 0, 0] = high
        with pytest.raises(ConfigError, match="before CLIP's normalisation"):
            corrupt(pictures, "mosaic-5")

    @pytest.mark.parametrize("level", ["gauss-51", "foveal-51"])
    def test_pictures_smaller_than_the_blur(self, level):
        small = torch.zeros(1, 3, 25, 40)
        with pytest.raises(ConfigError, match=f"{level} needs .* at least 26 .* not 25 x 40"):
            corrupt(small, level)
        corrupt(torch.zeros(1, 3, 26, 40), level)
