"""CLIP itself: text and images to vectors, by any model that open_clip knows.

Needed to build a gallery and to search one by text; decoding needs none of it. What decides a
vector is pinned down here and kept with the gallery: model, weights, and what is done to an image
before the model sees it.

A model's name does not say all. OpenAI's weights and some others were trained with a rougher
activation function (QuickGELU) than the model of the same name is built with; open_clip 3.3 warns
and computes other vectors. Here the weights' tag decides.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
import torch

from saccade.models.galleries.clip_weights import (
    fetched,
    file_sha256,
    first_line,
    known_model,
    known_tag,
)
from saccade.models.targets.corruption import corrupt_image
from saccade.realtime.errors import ConfigError, GalleryError
from saccade.realtime.types import Float32

Resize = Literal["shortest", "longest", "squash"]
"""Scale the shorter side and crop, the longer side and pad, or both sides whatever the shape."""


@dataclass(frozen=True, slots=True)
class ClipSettings:
    """Which model, on what.

    Parameters
    ----------
    backbone : str
        A model of open_clip, as ``ViT-B-32``; ``/`` counts as ``-``.
    weights : str or None
        Tag of its weights, as ``laion2b_s34b_b79k``; None where only a file is known.
    weights_file : Path or None
        The weights as a file, which need not be downloaded then. With a tag, image preprocessing
        and activation function are the tag's; without, the model's own.
    resize : {"shortest", "longest", "squash"} or None
        How an image is brought to the model's size; None as the tag says.
    device : str or None
        Of torch, as ``cpu`` or ``cuda:1``; None for a GPU if there is one.

    Raises
    ------
    ConfigError
        If neither tag nor file is given, or there is no such way to resize.
    """

    backbone: str
    weights: str | None = None
    weights_file: Path | None = None
    resize: Resize | None = None
    device: str | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be run."""
        if self.weights is None and self.weights_file is None:
            raise ConfigError(
                f"the weights of {self.backbone} are needed: name their tag with --weights, or a "
                "file with --weights-file"
            )
        if self.resize not in (None, *get_args(Resize)):
            raise ConfigError(
                f"images are resized by {', '.join(get_args(Resize))}, not {self.resize!r}"
            )


class Clip:
    """A CLIP model with its weights.

    Parameters
    ----------
    settings : ClipSettings
        Which one.

    Attributes
    ----------
    backbone, weights : str
        As a gallery keeps them; for a file without a tag, the first half of its SHA-256.
    preprocessing : str
        What is done to an image, in words and numbers.
    weights_sha256 : str
        Of the weights' file.
    runs_on : str
        What else the last bits of a vector depend on: kind of device, versions.
    dim : int
        Number of components of a vector.

    Raises
    ------
    GalleryError
        If model, tag or file are unknown, can't be had or do not fit each other; the message says
        what there is, and which file would do.
    ConfigError
        If there is no such device.
    """

    def __init__(self, settings: ClipSettings) -> None:
        open_clip = import_open_clip()
        self.settings = settings
        self.backbone = known_model(open_clip, settings.backbone)
        self._device = _device(settings.device)
        self.runs_on = (
            f"{self._device.type}, torch {torch.__version__}, open_clip {open_clip.__version__}"
        )
        tag, about = known_tag(open_clip, self.backbone, settings.weights)
        path = settings.weights_file or fetched(open_clip, self.backbone, tag, about)
        self.weights_sha256 = file_sha256(path)
        self.weights = tag or f"sha256:{self.weights_sha256[:32]}"
        try:
            self._model, self._image = open_clip.create_model_from_pretrained(
                self.backbone,
                pretrained=str(path),
                device=self._device,
                force_quick_gelu=bool(about.get("quick_gelu", False)),
                image_mean=about.get("mean"),
                image_std=about.get("std"),
                image_interpolation=about.get("interpolation"),
                image_resize_mode=settings.resize or about.get("resize_mode"),
            )
        except Exception as error:  # a foreign file can make torch and open_clip raise anything
            raise GalleryError(
                f"{path} must hold weights of {self.backbone} that torch loads without pickled "
                f"code, but: {first_line(error)}: get open_clip's file for --weights "
                f"{tag or 'TAG'}"
            ) from error
        self._model.eval()
        self._tokenizer = _tokenizer(open_clip, self.backbone)
        self.dim = int(open_clip.get_model_config(self.backbone)["embed_dim"])
        config = self._model.visual.preprocess_cfg
        self.preprocessing = ", ".join(f"{key} {_plain(config[key])}" for key in sorted(config))

    def texts(self, texts: Sequence[str]) -> Float32:
        """Return the vector of each text.

        Parameters
        ----------
        texts : sequence of str, length n
            Each shorter than the model's context, 77 tokens as a rule.

        Returns
        -------
        array of shape (n, D), float32
            Of unit length.

        Raises
        ------
        GalleryError
            If a text is too long, so that its end would be ignored.
        """
        tokens = self._tokenizer(list(texts))
        most = tokens.shape[1]
        # A text that fits is only padded where there is room for one token more.
        wider = self._tokenizer([*texts, ""], context_length=most + 1)
        cut = (wider[:-1, :most] != tokens).any(dim=1) | (wider[:-1, -1] != wider[-1, -1])
        if cut.any():
            longest = texts[int(cut.int().argmax())]
            raise GalleryError(
                f"{self.backbone} reads at most {most} tokens, but {longest[:60]!r} has more: "
                "shorten it"
            )
        return self._encode(self._model.encode_text, tokens)

    def images(self, paths: Sequence[Path], level: str | None = None) -> Float32:
        """Return the vector of each image.

        Parameters
        ----------
        paths : sequence of Path, length n
            The images' files.
        level : str or None
            How each is made worse first (:func:`saccade.models.targets.corruption.corrupt_image`);
            None for the image as it is.

        Returns
        -------
        array of shape (n, D), float32
            Of unit length.

        Raises
        ------
        GalleryError
            If a file is no image, or a damaged one.
        ConfigError
            If there is no such level.
        """
        with ThreadPoolExecutor() as pool:
            pixels = torch.stack(list(pool.map(lambda path: self._read_image(path, level), paths)))
        return self._encode(self._model.encode_image, pixels)

    def _read_image(self, path: Path, level: str | None) -> torch.Tensor:
        from PIL import Image

        try:
            with Image.open(path) as image:
                shown = image if level is None else corrupt_image(image, level)
                return torch.as_tensor(self._image(shown))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise GalleryError(
                f"{path} can't be read as an image ({first_line(error)}): replace or remove it"
            ) from error

    def _encode(self, tower: Any, batch: torch.Tensor) -> Float32:
        with torch.inference_mode():
            vectors = tower(batch.to(self._device), normalize=True)
        return np.asarray(vectors.float().cpu().numpy(), dtype=np.float32)


@functools.cache
def import_open_clip() -> ModuleType:
    """Return open_clip, also where torchvision's compiled operators do not load.

    A torch for CPUs and a torchvision from another registry do not fit: importing torchvision
    ends with "operator torchvision::nms does not exist", because it describes operators that its
    library would have declared. open_clip uses none of them, only image transforms in Python, so
    declaring their names is enough.

    Raises
    ------
    GalleryError
        If open_clip is not installed, or can't be imported even so.
    """
    try:
        try:
            import torchvision  # noqa: F401
        except RuntimeError as error:
            if "torchvision::nms" not in str(error):
                raise
            _declare_operators()
        import open_clip
    except (ImportError, RuntimeError) as error:
        raise GalleryError(
            f"open_clip can't be imported ({first_line(error)}): install torch and torchvision "
            "of matching versions from one registry, and open_clip_torch"
        ) from error
    return open_clip  # type: ignore[no-any-return]


_DECLARED: list[torch.library.Library] = []  # a library that is collected takes its names along


def _declare_operators() -> None:
    library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for name in ("nms", "qnms"):
        library.define(  # type: ignore[no-untyped-call]
            f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
    _DECLARED.append(library)


def _tokenizer(open_clip: ModuleType, backbone: str) -> Any:
    """Return what turns text into tokens."""
    try:
        return open_clip.get_tokenizer(backbone)
    except Exception as error:  # needs transformers, and then a download of its own
        raise GalleryError(
            f"the text model of {backbone} can't be prepared ({first_line(error)}): it needs the "
            "package transformers and, once, a network; other models need neither"
        ) from error


def _device(name: str | None) -> torch.device:
    """Return the device that is meant, having made sure that it is there."""
    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ConfigError(
            f"torch can't use the device {name!r} ({first_line(error)}): it has "
            f"{torch.cuda.device_count()} CUDA devices here, and cpu"
        ) from error
    return device


def _plain(value: Any) -> str:
    """Return a setting of the preprocessing as text, the same for list and tuple."""
    return "×".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
