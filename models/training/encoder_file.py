"""What training leaves, as one file: ``*.encoder``, from which decoders are made.

It is a :mod:`sealed zip <saccade.models.decoders.sealed_zip>` of::

    manifest.json        network, settings, epochs, targets, training; SHA-256 of the others
    weights.safetensors  tower.* and target_side.*
    arrays.safetensors   target_centre and, where there are any, signal_whitening, positions, and
                         levels_mean, levels_variances, levels_directions, levels_seed

There is no pickle and no program in it: the network is built by the entry point that the manifest
names, in ``saccade.encoders``, and filled with the weights.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
import torch
from numpy.typing import NDArray
from torch import nn

from saccade.models.decoders import sealed_zip
from saccade.models.decoders.manifest import read_json, write_json
from saccade.models.decoders.whole_file import check_new, write_whole
from saccade.models.targets.corruption_embedding import EmbeddingLevels
from saccade.models.training.encoder_parts import EncoderFile, EncoderManifest, fresh_modules
from saccade.realtime.errors import ConfigError, DecoderFileError, GalleryError

SUFFIX = ".encoder"
SCHEMA_VERSION = 1
LARGEST_MEMBER = {  # bytes; the archive has them in this order
    "manifest.json": 2**26,
    "weights.safetensors": 2**33,
    "arrays.safetensors": 2**31,
}
LEVELS = ("levels_mean", "levels_variances", "levels_directions", "levels_seed")
OPTIONAL = ({"signal_whitening"}, {"positions"}, set(LEVELS))


def check_target(path: Path, *, overwrite: bool) -> None:
    """Refuse, before hours of training, a place where the encoder could not be written.

    Raises
    ------
    DecoderFileError
        If its name ends otherwise, it is there already, or its folder is not.
    """
    try:
        check_new(path, SUFFIX, overwrite=overwrite)
    except GalleryError as error:
        raise DecoderFileError(str(error)) from error


def save(encoder: EncoderFile, path: Path, *, overwrite: bool = False) -> None:
    """Write an encoder, whole or not at all; the same encoder gives the same bytes.

    Raises
    ------
    DecoderFileError
        If the name does not end in ``.encoder``, the file exists, or can't be written.
    """
    path = Path(path)
    check_target(path, overwrite=overwrite)
    try:
        write_whole(path, to_bytes(encoder))
    except OSError as error:
        raise DecoderFileError(f"{path} can't be written: {error}") from error


def load(path: Path) -> EncoderFile:
    """Read an encoder and verify every part of it.

    Raises
    ------
    DecoderFileError
        If the file can't be read, was damaged or altered, is of another version, names a network
        that is not installed, or contradicts itself.
    """
    path = Path(path)
    try:
        return from_bytes(sealed_zip.read(path, LARGEST_MEMBER))
    except (DecoderFileError, ConfigError, GalleryError) as error:
        raise DecoderFileError(f"no encoder can be read from {path}: {error}") from error


def to_bytes(encoder: EncoderFile) -> bytes:
    """Return the content of an encoder's file; see :func:`save`."""
    state = {f"tower.{key}": value for key, value in encoder.tower.state_dict().items()}
    state |= {f"target_side.{k}": v for k, v in encoder.target_side.state_dict().items()}
    weights = {key: value.cpu().contiguous().numpy() for key, value in state.items()}
    arrays: dict[str, NDArray[Any]] = {"target_centre": encoder.centre}
    if encoder.whitening is not None:
        arrays["signal_whitening"] = encoder.whitening
    if encoder.positions is not None:
        arrays["positions"] = encoder.positions
    if encoder.levels is not None:
        made = encoder.levels
        values = (made.mean, made.variances, made.directions, np.array([made.seed]))
        arrays |= dict(zip(LEVELS, values, strict=True))
    others = {
        "weights.safetensors": safetensors.numpy.save(weights),
        "arrays.safetensors": safetensors.numpy.save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        ),
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    about = dataclasses.replace(encoder.about, sha256=digests)
    return sealed_zip.pack({"manifest.json": write_json(dataclasses.asdict(about))} | others)


def from_bytes(content: bytes) -> EncoderFile:
    """Return the encoder in the content of a file; see :func:`load`."""
    members = sealed_zip.unpack(content, LARGEST_MEMBER)
    about = read_json(EncoderManifest, members["manifest.json"], "manifest.json")
    if about.schema_version != SCHEMA_VERSION:
        raise DecoderFileError(
            f"schema_version of manifest.json must be {SCHEMA_VERSION}, not "
            f"{about.schema_version}: use the saccade that wrote the file, or train again"
        )
    for name in LARGEST_MEMBER.keys() - {"manifest.json"}:
        expected, came = about.sha256.get(name), hashlib.sha256(members[name]).hexdigest()
        if expected != came:
            raise DecoderFileError(
                f"{name} must have the SHA-256 {expected} of the manifest, not {came}: "
                "get the original file"
            )
    arrays = _read_arrays(about, _tensors(members, "arrays.safetensors"))
    positions = arrays.get("positions")
    tower, target_side = fresh_modules(about, positions)
    weights = _tensors(members, "weights.safetensors")
    parts = {"tower": tower, "target_side": target_side}
    _fill(nn.ModuleDict(parts), weights)
    levels = None
    if "levels_mean" in arrays:
        mean, variances, directions, seed = (arrays[name] for name in LEVELS)
        levels = EmbeddingLevels.of(mean, variances, directions, int(seed[0]))
    return EncoderFile(
        about=about,
        tower=tower.eval(),
        target_side=target_side.eval(),
        whitening=arrays.get("signal_whitening"),
        centre=arrays["target_centre"],
        levels=levels,
        positions=positions,
    )


def _tensors(members: dict[str, bytes], name: str) -> dict[str, NDArray[Any]]:
    try:
        return safetensors.numpy.load(members[name])
    except safetensors.SafetensorError as error:
        raise DecoderFileError(f"{name} can't be read: {error}") from error


def _read_arrays(about: EncoderManifest, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    """Return the arrays of a file, of the types and shapes they must have."""
    n_channels, dim = len(about.signals.ch_names), about.targets.dim
    square = (len(about.signals.subjects), n_channels, n_channels)
    possible: dict[str, tuple[type, tuple[int, ...]]] = {
        "target_centre": (np.float32, (len(about.targets.levels), dim)),
        "signal_whitening": (np.float64, square),
        "positions": (np.float32, (n_channels, 2)),
        "levels_mean": (np.float64, (dim,)),
        "levels_variances": (np.float64, (dim,)),
        "levels_directions": (np.float64, (dim, dim)),
        "levels_seed": (np.int64, (1,)),
    }
    present = {"target_centre"}.union(*(part for part in OPTIONAL if part & arrays.keys()))
    expected = {n: (np.dtype(possible[n][0]).name, possible[n][1]) for n in sorted(present)}
    came = {name: (arrays[name].dtype.name, arrays[name].shape) for name in sorted(arrays)}
    if came != expected:
        raise DecoderFileError(f"arrays.safetensors must hold {expected}, not {came}")
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise DecoderFileError(f"{', '.join(sorted(bad))} must be finite: get the original file")
    return arrays


def _fill(modules: nn.Module, weights: dict[str, NDArray[Any]]) -> None:
    """Put weights into networks, which must ask for exactly these."""
    asked = {k: (str(v.dtype)[6:], tuple(v.shape)) for k, v in modules.state_dict().items()}
    came = {name: (array.dtype.name, array.shape) for name, array in weights.items()}
    differing = sorted(
        name for name in asked.keys() | came.keys() if asked.get(name) != came.get(name)
    )
    if differing:
        first = differing[0]
        raise DecoderFileError(
            f"the weights do not fit the network: {len(differing)} differ, first {first}: "
            f"{asked.get(first, 'nothing')} expected, {came.get(first, 'nothing')} came: use the "
            "saccade (or plug-in) that wrote the file"
        )
    if not all(np.isfinite(array).all() for array in weights.values()):
        raise DecoderFileError("weights must be finite, but NaN or infinity came: train again")
    modules.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
