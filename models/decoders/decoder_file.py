"""A decoder is one file: everything needed to run it, and to refuse a stream it does not fit.

A ``*.saccade`` file is a :mod:`sealed zip <saccade.models.decoders.sealed_zip>` of::

    manifest.json        what the decoder is, in words and numbers, and the SHA-256 of the others
    concepts.json        names and groups of the gallery's rows
    arrays.safetensors   gallery, gallery_centre, signal_mean, signal_whitening, temperature,
                         and, where there are any, alignment_mean, alignment_matrix, online_mean
    encoder.ts           the encoder as TorchScript

There is no pickle in it. The digests protect against accidents, not against malice: TorchScript
is a program, so run only decoders whose origin you trust.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from saccade.models.alignment.affine import Alignment
from saccade.models.decoders import sealed_zip
from saccade.models.decoders.decoder_parts import (
    DecoderFile,
    describe,
    gallery_signature,
    require_fit,
    signature_problems,
)
from saccade.models.decoders.manifest import (
    Concepts,
    EncoderSignature,
    InputSignature,
    Manifest,
    OnlineAlignment,
    RunningAlignment,
    read_json,
    read_manifest,
    write_json,
)
from saccade.models.decoders.whole_file import write_whole
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError, DecoderFileError, GalleryError
from saccade.realtime.types import Float32

__all__ = [
    "DecoderFile",
    "EncoderSignature",
    "InputSignature",
    "OnlineAlignment",
    "RunningAlignment",
    "from_bytes",
    "load",
    "require_fit",
    "save",
    "signature_problems",
    "to_bytes",
]

LARGEST_MEMBER = {  # bytes; the archive has them in this order
    "manifest.json": 2**24,
    "concepts.json": 2**26,
    "arrays.safetensors": 2**31,
    "encoder.ts": 2**31,
}
ARRAYS = {
    "gallery": np.float32,
    "gallery_centre": np.float32,
    "signal_mean": np.float64,
    "signal_whitening": np.float64,
    "temperature": np.float64,
}
ALIGNMENT_ARRAYS = {"alignment_mean": np.float32, "alignment_matrix": np.float32}


def save(decoder: DecoderFile, path: Path, *, overwrite: bool = False) -> None:
    """Write a decoder, whole or not at all; the same decoder gives the same bytes.

    Parameters
    ----------
    decoder : DecoderFile
        What to write.
    path : Path
        Where to.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    DecoderFileError
        If the file exists, can't be written, or a field is not ready for JSON.
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise DecoderFileError(f"{path} exists: choose another name, or ask to overwrite it")
    content = to_bytes(decoder)
    try:
        write_whole(path, content)
    except OSError as error:
        raise DecoderFileError(f"{path} can't be written: {error}") from error


def load(path: Path) -> DecoderFile:
    """Read a decoder and verify every part of it.

    Parameters
    ----------
    path : Path
        A ``*.saccade`` file.

    Raises
    ------
    DecoderFileError
        If the file can't be read, was damaged or altered, is of another version, or contradicts
        itself; the message names member and field.
    """
    path = Path(path)
    try:
        return from_bytes(sealed_zip.read(path, LARGEST_MEMBER))
    except DecoderFileError as error:
        raise DecoderFileError(f"no decoder can be read from {path}: {error}") from error


def to_bytes(decoder: DecoderFile) -> bytes:
    """Return the content of a decoder's file; see :func:`save`."""
    concepts = Concepts(decoder.gallery.names, decoder.gallery.groups)
    arrays = {
        "gallery": decoder.gallery.vectors,
        "gallery_centre": decoder.gallery_centre,
        "signal_mean": decoder.signal_mean,
        "signal_whitening": decoder.signal_whitening,
        "temperature": np.array([decoder.temperature]),
    }
    if decoder.alignment is not None:
        arrays["alignment_mean"] = decoder.alignment.mean
        arrays["alignment_matrix"] = decoder.alignment.matrix
    if decoder.online_mean is not None:
        arrays["online_mean"] = decoder.online_mean
    others = {
        "concepts.json": write_json(dataclasses.asdict(concepts)),
        "arrays.safetensors": safetensors.numpy.save(
            {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        ),
        "encoder.ts": decoder.script,
    }
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    return sealed_zip.pack({"manifest.json": write_json(describe(decoder, digests))} | others)


def from_bytes(content: bytes) -> DecoderFile:
    """Return the decoder in the content of a file; see :func:`load`."""
    members = sealed_zip.unpack(content, LARGEST_MEMBER)
    manifest = read_manifest(members["manifest.json"])
    for name in LARGEST_MEMBER.keys() - {"manifest.json"}:
        expected, came = manifest.sha256.get(name), hashlib.sha256(members[name]).hexdigest()
        if expected != came:
            raise DecoderFileError(
                f"{name} must have the SHA-256 {expected} of the manifest, not {came}: "
                "get the original file"
            )
    concepts = read_json(Concepts, members["concepts.json"], "concepts.json")
    arrays = _read_arrays(members["arrays.safetensors"], _arrays_of(manifest))
    return DecoderFile(
        input=manifest.input,
        working_sfreq=manifest.working_sfreq,
        pipeline=manifest.pipeline,
        epochs=manifest.epochs,
        encoder=manifest.encoder,
        script=members["encoder.ts"],
        gallery=_read_gallery(manifest, concepts, arrays["gallery"]),
        gallery_centre=arrays["gallery_centre"],
        signal_mean=arrays["signal_mean"],
        signal_whitening=arrays["signal_whitening"],
        temperature=float(arrays["temperature"][0]),
        alignment=_read_alignment(manifest, arrays),
        online=manifest.online,
        online_mean=arrays.get("online_mean"),
        confidence=manifest.confidence,
        labels=manifest.labels,
        calibration=manifest.calibration,
        simulated=manifest.simulated,
        versions=manifest.versions,
    )


def _read_gallery(manifest: Manifest, concepts: Concepts, vectors: Float32) -> Gallery:
    """Return the gallery of a file, which must be the one that the manifest tells of."""
    about = manifest.gallery
    try:
        gallery = Gallery(
            names=concepts.names,
            vectors=vectors,
            backbone=about.backbone,
            weights=about.weights,
            kind=about.kind,
            source=about.source,
            groups=concepts.groups,
            simulated=about.simulated,
            preprocessing=about.preprocessing,
            templates=about.templates,
            projection=about.projection,
        )
    except GalleryError as error:
        raise DecoderFileError(f"the gallery in the file is malformed: {error}") from error
    if gallery_signature(gallery) != about:
        raise DecoderFileError(
            f"gallery of manifest.json says {about}, but in the file is "
            f"{gallery_signature(gallery)}: get the original file"
        )
    return gallery


def _read_alignment(manifest: Manifest, arrays: dict[str, NDArray[Any]]) -> Alignment | None:
    """Return the alignment of a file, if it has one."""
    about = manifest.alignment
    if about is None:
        return None
    mean, matrix = arrays["alignment_mean"], arrays["alignment_matrix"]
    try:
        return Alignment(about.kind, mean, matrix, about.n_trials, about.settings)
    except CalibrationError as error:
        raise DecoderFileError(f"the alignment in the file is malformed: {error}") from error


def _arrays_of(manifest: Manifest) -> dict[str, Any]:
    """Return names and types of the arrays that a file must hold."""
    wanted: dict[str, Any] = dict(ARRAYS)
    if manifest.alignment is not None:
        wanted |= ALIGNMENT_ARRAYS
    if isinstance(manifest.online, RunningAlignment) and "mean" in manifest.online.parts:
        wanted["online_mean"] = np.float32
    return wanted


def _read_arrays(content: bytes, wanted: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays of a file, of the types they must have."""
    try:
        arrays = safetensors.numpy.load(content)
    except safetensors.SafetensorError as error:
        raise DecoderFileError(f"arrays.safetensors can't be read: {error}") from error
    came = {name: array.dtype.name for name, array in arrays.items()}
    expected = {name: np.dtype(dtype).name for name, dtype in wanted.items()}
    if came != expected:
        raise DecoderFileError(f"arrays.safetensors must hold {expected}, not {came}")
    if arrays["temperature"].shape != (1,):
        raise DecoderFileError(
            "temperature of arrays.safetensors must have shape (1,), not "
            f"{arrays['temperature'].shape}"
        )
    return arrays
