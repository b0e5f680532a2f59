"""The manifest: what a decoder is, in words and numbers that a person can read.

Everything a stream must have and everything that was done to the signal is in it. Reading is
strict: a field that is missing, unknown or of another type is an error that names it.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError

from saccade.models.gallery import Kind
from saccade.realtime.errors import DecoderFileError

SCHEMA_VERSION = 1
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class InputSignature:
    """What a stream must bring.

    Parameters
    ----------
    ch_names, ch_types, units : tuple of str, length n_channels
        The channels that are used; a stream may have others, in any order.
    reference : str
        What the amplifier refers to, for a person to read.
    sfreq : float
        Nominal rate in Hz.
    """

    __pydantic_config__ = STRICT

    ch_names: tuple[str, ...]
    ch_types: tuple[str, ...]
    units: tuple[str, ...]
    reference: str
    sfreq: float


@dataclass(frozen=True, slots=True)
class EncoderSignature:
    """What the encoder is.

    Parameters
    ----------
    architecture : str
        Its family, by the name of the entry point in ``saccade.encoders``.
    arguments : dict
        The family's settings, ready for JSON.
    n_channels, n_times : int
        Shape of an epoch.
    dim : int
        Components of a predicted vector.
    """

    __pydantic_config__ = STRICT

    architecture: str
    arguments: dict[str, Any]
    n_channels: int
    n_times: int
    dim: int


@dataclass(frozen=True, slots=True)
class GallerySignature:
    """What the gallery is; fields as in :class:`saccade.models.gallery.Gallery`."""

    __pydantic_config__ = STRICT

    size: int
    dim: int
    kind: Kind
    backbone: str
    weights: str
    source: str
    simulated: bool
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole manifest; fields as in :class:`saccade.models.decoder_file.DecoderFile`.

    ``sha256`` has the digest of every other member of the file.
    """

    __pydantic_config__ = STRICT

    input: InputSignature
    working_sfreq: float
    pipeline: dict[str, Any]
    epochs: dict[str, Any]
    encoder: EncoderSignature
    gallery: GallerySignature
    labels: dict[str, str]
    calibration: dict[str, Any]
    simulated: bool
    versions: dict[str, str]
    sha256: dict[str, str]
    schema_version: int = SCHEMA_VERSION


@dataclass(frozen=True, slots=True)
class Concepts:
    """Names and groups of the gallery's rows."""

    __pydantic_config__ = STRICT

    names: tuple[str, ...]
    groups: tuple[str, ...] | None


def library_versions() -> dict[str, str]:
    """Return the versions of what a decoder's numbers depend on."""
    packages = ("saccade", "numpy", "scipy", "torch")
    versions = {package: importlib.metadata.version(package) for package in packages}
    return {"python": platform.python_version()} | versions


def read_manifest(content: bytes) -> Manifest:
    """Return the manifest that some JSON holds.

    Raises
    ------
    DecoderFileError
        If it is of another schema version, or a field is wrong.
    """
    try:
        found = json.loads(content)
        version = found.get("schema_version") if isinstance(found, dict) else None
    except ValueError as error:
        raise DecoderFileError(
            f"manifest.json is not JSON ({error}): copy the file again"
        ) from error
    if version != SCHEMA_VERSION:
        raise DecoderFileError(
            f"schema_version of manifest.json must be {SCHEMA_VERSION}, not {version!r}: use the "
            "saccade that wrote the file, or calibrate again"
        )
    return read_json(Manifest, content, "manifest.json")


def read_json(what: type[T], content: bytes, member: str) -> T:
    """Return a dataclass that some JSON holds, exactly.

    Raises
    ------
    DecoderFileError
        Naming member and field, what was expected and what came.
    """
    try:
        return TypeAdapter(what).validate_json(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        came = "nothing" if first["type"] == "missing" else repr(first["input"])[:60]
        raise DecoderFileError(
            f"{where} of {member} can't be read: {first['msg']}, but {came} came"
        ) from error


def write_json(value: Any) -> bytes:
    """Return a value as JSON, in the order it has.

    Raises
    ------
    DecoderFileError
        If it holds something JSON does not have, such as NaN or an array.
    """
    try:
        return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise DecoderFileError(f"the decoder's description must be plain JSON: {error}") from error
