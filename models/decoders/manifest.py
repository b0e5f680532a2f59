"""The manifest: what a decoder is, in words and numbers that a person can read.

Everything a stream must have and everything that was done to the signal is in it. Reading is
strict: a field that is missing, unknown or of another type is an error that names it.
"""

from __future__ import annotations

import importlib.metadata
import json
import platform
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from saccade.models.alignment.affine import AlignmentKind
from saccade.models.evaluation.confidence import Confidence
from saccade.models.galleries.gallery import Kind
from saccade.realtime.errors import CalibrationError, DecoderFileError

SCHEMA_VERSION = 3
OnlineKind = Literal["whitening", "euclidean"]
MEMORY_TRIALS = 200.0
RunningPart = Literal["signal", "mean"]
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
    """What the gallery is; fields as in :class:`saccade.models.galleries.gallery.Gallery`."""

    __pydantic_config__ = STRICT

    size: int
    dim: int
    kind: Kind
    backbone: str
    weights: str
    source: str
    simulated: bool
    preprocessing: str
    templates: tuple[str, ...]
    projection: str
    digest: str


@dataclass(frozen=True, slots=True)
class AlignmentSignature:
    """What aligns the vectors; fields as in :class:`saccade.models.alignment.affine.Alignment`."""

    __pydantic_config__ = STRICT

    kind: AlignmentKind
    n_trials: int
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class OnlineAlignment:
    """What a decoder learns of its user in each session, without labels.

    Parameters
    ----------
    kind : {"whitening", "euclidean"}
        Of the encoder's vectors (:func:`saccade.models.alignment.align.whitening`), or of the
        signal (:func:`saccade.models.alignment.whitening.mvnn`).
    n_trials : int
        The first so many good epochs are learned from; those after them are decoded with what was
        learned. At least 2.
    temperature : float or None
        Divides the scores from then on; above 0. None goes on with the decoder's.
    """

    __pydantic_config__ = STRICT

    kind: OnlineKind
    n_trials: int
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class RunningAlignment:
    """What of a decoder follows its user throughout each session, without labels.

    See :mod:`saccade.models.alignment.align_running`.

    Parameters
    ----------
    parts : tuple of {"signal", "mean"}
        What follows: the whitening of the signal, the mean of the encoder's vectors.
    memory_trials : float
        The weight of a good epoch falls to some 1/e after so many, in steps of 10; at least 10,
        with which it falls to nothing after 10.
    temperature : float or None
        Divides the cosines while epochs are decoded with what was followed; above 0. None goes on
        with the decoder's way to probabilities.
    """

    __pydantic_config__ = STRICT

    parts: tuple[RunningPart, ...]
    memory_trials: float = MEMORY_TRIALS
    temperature: float | None = None
    kind: Literal["running"] = "running"


Online = Annotated[OnlineAlignment | RunningAlignment, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole manifest; fields as in :class:`saccade.models.decoders.decoder_file.DecoderFile`.

    ``sha256`` has the digest of every other member of the file.
    """

    __pydantic_config__ = STRICT

    input: InputSignature
    working_sfreq: float
    pipeline: dict[str, Any]
    epochs: dict[str, Any]
    encoder: EncoderSignature
    gallery: GallerySignature
    alignment: AlignmentSignature | None
    online: Online | None
    confidence: Confidence | None
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

    Version 1 knew no alignment, and of a gallery neither preprocessing, templates nor projection;
    version 2 no confidence: there was none of them.

    Raises
    ------
    DecoderFileError
        If it is of another schema version, or a field is wrong.
    """
    try:
        found = json.loads(content)
        version = found.get("schema_version") if isinstance(found, dict) else None
    except (ValueError, RecursionError) as error:  # the latter of brackets within brackets
        raise DecoderFileError(
            f"manifest.json is not JSON ({error}): copy the file again"
        ) from error
    older = {1: _from_version_1, 2: _from_version_2}
    if type(version) is int and version in older:  # True would equal 1
        content = json.dumps(older[version](found)).encode()
    elif version != SCHEMA_VERSION:
        raise DecoderFileError(
            f"schema_version of manifest.json must be 1 to {SCHEMA_VERSION}, not {version!r}: use "
            "the saccade that wrote the file, or calibrate again"
        )
    return read_json(Manifest, content, "manifest.json")


def _from_version_1(found: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest of version 1 as the present version has it."""
    none: dict[str, Any] = {"preprocessing": "", "templates": [], "projection": ""}
    gallery = found.get("gallery")
    if isinstance(gallery, dict):
        found = found | {"gallery": gallery | none}
    return _from_version_2(found | {"alignment": None, "online": None})


def _from_version_2(found: dict[str, Any]) -> dict[str, Any]:
    """Return a manifest of version 2 as the present version has it."""
    return found | {"confidence": None, "schema_version": SCHEMA_VERSION}


def read_json(what: type[T], content: bytes, member: str) -> T:
    """Return a dataclass that some JSON holds, exactly.

    Raises
    ------
    DecoderFileError
        Naming member and field, what was expected and what came.
    """
    try:
        return TypeAdapter(what).validate_json(content)
    except CalibrationError as error:  # a field that is checked by what it makes
        raise DecoderFileError(f"{member} can't be used: {error}") from error
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
