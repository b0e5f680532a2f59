"""Pictures made worse on purpose: blurred, noisy, coarse.

What a brain response tells about a picture is less than what CLIP sees in it. Encoders whose
targets are vectors of corrupted pictures (UBP, NeuroBridge, the perceptual-blur bank) do better for
it: nothing is asked of them that the signal does not hold. Each way and strength is named by a
level, such as ``gauss-15``, so that features, galleries and decoder files can say what they are of.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import torch
from torch.nn import functional

from saccade.models.encoders.network import SHARP
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32

if TYPE_CHECKING:
    from PIL.Image import Image

PICTURE_PX = 224
"""Height and width of the pictures that strengths in pixels are meant for."""
FOVEA_SHARE = 0.5  # of the sharp picture at the point looked at (UBP)
FOVEA_DECAY = 3.0  # what it falls by towards the corners, as a power of e (UBP)

Kind = Literal["sharp", "foveal", "gauss", "noise", "lowres", "mosaic"]


@dataclass(frozen=True, slots=True)
class Level:
    """A way of making a picture worse, and how much.

    Parameters
    ----------
    kind : {"sharp", "foveal", "gauss", "noise", "lowres", "mosaic"}
        ``sharp`` leaves the picture as it is.
    strength : float
        ``foveal`` and ``gauss``: width of the blur kernel in pixels, odd, 3 to 447. ``noise``:
        standard deviation in grey levels of 255. ``lowres``: share of the width that is kept, above
        0 and below 1. ``mosaic``: width of a block in pixels, at least 2. ``sharp``: 0.
    """

    kind: Kind
    strength: float = 0.0


def _odd(strength: float) -> bool:
    return 3 <= strength < 2 * PICTURE_PX and strength % 2 == 1  # edges are mirrored only once


_STRENGTHS: dict[str, tuple[str, Callable[[float], bool]]] = {
    "foveal": ("an odd kernel of 3 to 447 pixels, as in foveal-51", _odd),
    "gauss": ("an odd kernel of 3 to 447 pixels, as in gauss-15", _odd),
    "noise": ("a finite standard deviation above 0, as in noise-25", lambda s: 0 < s < math.inf),
    "lowres": ("the share of the width to keep, between 0 and 1", lambda s: 0 < s < 1),
    "mosaic": ("a block of at least 2 pixels, as in mosaic-5", lambda s: s >= 2 and s % 1 == 0),
}
_IN_WORDS = {
    "sharp": "no corruption",
    "foveal": "foveal blur, kernel of {:g} pixels",
    "gauss": "Gaussian blur, kernel of {:g} pixels",
    "noise": "Gaussian noise of {:g} grey levels",
    "lowres": "{:g} of the width kept",
    "mosaic": "blocks of {:g} pixels",
}


def parse_level(name: str) -> Level:
    """Return what a level's name stands for.

    Parameters
    ----------
    name : str
        ``sharp``, or a kind, a hyphen and a strength: ``foveal-45``, ``gauss-15``, ``noise-25``,
        ``lowres-0.1``, ``mosaic-5``.

    Raises
    ------
    ConfigError
        If there is no such kind, or none of this strength.
    """
    if name == SHARP:
        return Level("sharp")
    kind, _, text = name.partition("-")
    if kind not in _STRENGTHS:
        raise ConfigError(
            f"a level of a picture is {SHARP} or one of {', '.join(_STRENGTHS)} with a strength, "
            f"as in gauss-15, not {name!r}"
        )
    words, fits = _STRENGTHS[kind]
    try:
        strength = float(text)
    except ValueError:
        strength = math.nan
    if not fits(strength):
        raise ConfigError(f"the level {name!r} must name {words}")
    return Level(cast("Kind", kind), strength)


def corrupt(pictures: torch.Tensor, level: str, seed: int = 0) -> torch.Tensor:
    """Return pictures at a level.

    Parameters
    ----------
    pictures : tensor of shape (B, 3, H, W), floating point, 0 to 1
        224 x 224, for strengths to mean what they mean in the papers. Not changed.
    level : str
        As for :func:`parse_level`.
    seed : int
        Of the noise. It belongs to the picture: the same in any batch and at any place.

    Returns
    -------
    tensor of shape (B, 3, H, W), 0 to 1

    Raises
    ------
    ConfigError
        If there is no such level, these are no pictures, or they are too small for the blur.
    """
    parsed = parse_level(level)
    kind, strength = parsed.kind, parsed.strength
    if pictures.ndim != 4 or pictures.shape[1] != 3 or not pictures.is_floating_point():
        raise ConfigError(
            "pictures must be floating point of shape (n, 3, height, width), not "
            f"{pictures.dtype} of shape {tuple(pictures.shape)}"
        )
    if len(pictures) and not 0 <= float(pictures.min()) <= float(pictures.max()) <= 1:
        raise ConfigError(
            f"pictures must be between 0 and 1, not {float(pictures.min()):.3g} to "
            f"{float(pictures.max()):.3g}: corrupt them before CLIP's normalisation"
        )
    if kind == "sharp":
        return pictures.clone()
    if kind == "gauss":
        return _blurred(pictures, int(strength), level)
    if kind == "foveal":
        sharp = fovea(*pictures.shape[2:]).to(pictures)  # (H, W)
        return sharp * pictures + (1 - sharp) * _blurred(pictures, int(strength), level)
    if kind == "noise":
        noise = [own_noise(picture.numpy(force=True), seed) for picture in pictures]
        stacked = torch.from_numpy(np.reshape(noise, pictures.shape)).to(pictures)
        return (pictures + strength / 255 * stacked).clamp(0, 1)
    if kind == "lowres":
        return _low_resolution(pictures, strength)
    return _mosaic(pictures, int(strength))


def corrupt_image(image: Image, level: str) -> Image:
    """Return an image file's content as a square picture at a level, to be shown to any model.

    Parameters
    ----------
    image : PIL.Image.Image
        Of any shape and mode. Not changed.
    level : str
        As for :func:`parse_level`. ``sharp`` too brings it to 224 x 224, so that all levels of a
        picture show the same part of it.

    Returns
    -------
    PIL.Image.Image
        RGB, 224 x 224, 8 bits: squashed whatever its shape, as UBP and NeuroBridge do.

    Raises
    ------
    ConfigError
        If there is no such level.
    """
    from PIL import Image

    size = (PICTURE_PX, PICTURE_PX)
    square = image.convert("RGB").resize(size, Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.asarray(square, dtype=np.float32) / 255)  # (224, 224, 3)
    worse = corrupt(pixels.permute(2, 0, 1)[None], level)[0].permute(1, 2, 0)  # (224, 224, 3)
    return Image.fromarray((255 * worse).round().to(torch.uint8).numpy())


def in_words(level: str) -> str:
    """Return what :func:`corrupt_image` does at a level, for people and for files.

    Raises
    ------
    ConfigError
        If there is no such level.
    """
    parsed = parse_level(level)
    size = f"{PICTURE_PX}×{PICTURE_PX}"
    return f"squashed to {size}, {level} ({_IN_WORDS[parsed.kind].format(parsed.strength)})"


def sigma_px(kernel: int) -> float:
    """Return the standard deviation in pixels of a Gaussian blur of a kernel of this width.

    The papers name kernels only; this is the rule by which image libraries complete them.
    """
    return 0.3 * ((kernel - 1) / 2 - 1) + 0.8


def fovea(height: int, width: int) -> torch.Tensor:
    """Return the share of the sharp picture, (height, width), in UBP's foveal blur.

    Half at the centre, which is taken to be looked at, falling exponentially to 2.5 % in the
    corners: even the fovea is half blurred.
    """
    rows = torch.linspace(-height / 2, height / 2, height)
    columns = torch.linspace(-width / 2, width / 2, width)
    distance = torch.hypot(rows[:, None], columns[None, :])  # (H, W)
    return FOVEA_SHARE * torch.exp(-FOVEA_DECAY * distance / distance.max().clamp(min=1))


def own_noise(values: Float32, seed: int) -> Float32:
    """Return standard normal noise that depends on nothing but the values and the seed."""
    content = hashlib.sha256(np.ascontiguousarray(values, dtype="<f4").tobytes()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(content[:16], "little")])
    return rng.standard_normal(values.shape, dtype=np.float32)


def _blurred(pictures: torch.Tensor, kernel: int, level: str) -> torch.Tensor:
    """Return pictures blurred by a Gaussian, one direction after the other."""
    batch, colours, height, width = pictures.shape
    half = kernel // 2
    if min(height, width) <= half:
        raise ConfigError(
            f"{level} needs pictures of at least {half + 1} pixels a side, not {height} x {width}: "
            f"resize them to {PICTURE_PX} x {PICTURE_PX}"
        )
    offsets = torch.arange(-half, half + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma_px(kernel)) ** 2)
    weights = (weights / weights.sum()).to(pictures)  # (kernel,)
    planes = pictures.reshape(batch * colours, 1, height, width)
    planes = functional.pad(planes, (half, half, half, half), mode="reflect")
    planes = functional.conv2d(planes, weights.view(1, 1, 1, -1))  # (B·3, 1, H + 2·half, W)
    planes = functional.conv2d(planes, weights.view(1, 1, -1, 1))  # (B·3, 1, H, W)
    return planes.reshape(pictures.shape).clamp(0, 1)


def _low_resolution(pictures: torch.Tensor, share: float) -> torch.Tensor:
    """Return pictures made small and large again."""
    height, width = pictures.shape[2:]
    small = functional.interpolate(
        pictures,
        (max(1, round(height * share)), max(1, round(width * share))),
        mode="bilinear",
        antialias=True,  # without, a tenth of the width would be a hundredth of the pixels
    )
    return functional.interpolate(small, (height, width), mode="bilinear").clamp(0, 1)


def _mosaic(pictures: torch.Tensor, block: int) -> torch.Tensor:
    """Return pictures of square blocks of one colour each, their mean."""
    height, width = pictures.shape[2:]
    block = min(block, max(height, width))  # a larger one holds the whole picture, too
    means = functional.avg_pool2d(pictures, block, ceil_mode=True)  # cut blocks: mean of the rest
    tiles = means.repeat_interleave(block, dim=2).repeat_interleave(block, dim=3)
    return tiles[:, :, :height, :width]
