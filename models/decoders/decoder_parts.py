"""What makes a decoder, in memory, and whether a stream fits it.

The parts are checked against each other when they are put together, by calibration as well as by
reading a file, so that whoever holds a :class:`DecoderFile` holds one that can run.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np

from saccade.models.alignment.affine import Alignment
from saccade.models.decoders.manifest import (
    AlignmentSignature,
    EncoderSignature,
    GallerySignature,
    InputSignature,
    Manifest,
    OnlineAlignment,
    OnlineKind,
    RunningAlignment,
    RunningPart,
    library_versions,
    write_json,
)
from saccade.models.evaluation.confidence import Confidence, bias_problems
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import DecoderFileError, SignatureMismatch
from saccade.realtime.types import Float32, Float64, StreamSpec, frozen


@dataclass(frozen=True, slots=True, eq=False)
class DecoderFile:
    """A decoder, as it is written and read.

    Parameters
    ----------
    input : InputSignature
        What a stream must bring.
    working_sfreq : float
        Rate of the epochs in Hz.
    pipeline, epochs : dict
        Specifications of pipeline and epochs, ready for JSON.
    encoder : EncoderSignature
        What the encoder is.
    script : bytes
        The encoder: TorchScript, float32 (B, n_channels, n_times) → (B, dim), predicting in the
        space of the centred gallery.
    gallery : Gallery
        What is chosen from.
    gallery_centre : array of shape (dim,), float32
        Mean of the unit-length gallery vectors that the encoder was trained against; zeros where
        the gallery was projected, and is compared as it is.
    signal_mean, signal_whitening : arrays of shape (n_channels,) and (n_channels,) * 2, float64
        Applied to each epoch by :func:`saccade.models.alignment.whitening.whiten`.
    temperature : float
        Divides the cosines on the way to probabilities; above 0.
    alignment : Alignment or None
        Applied to the encoder's vectors before they are compared.
    online : OnlineAlignment, RunningAlignment or None
        What is learned of the user in each session: once, instead of ``alignment``, or throughout,
        beside it.
    online_mean : array of shape (dim,), float32, or None
        Where vectors are followed throughout: their mean in calibration, aligned, each of unit
        length.
    confidence : Confidence or None
        How scores become probabilities as long as nothing was learned online; None for cosines
        and the temperature alone.
    labels : dict of str to str
        Marker value → concept.
    calibration : dict
        When, on what and how well it was calibrated, ready for JSON.
    simulated : bool
        True if it was calibrated on a simulated signal.
    versions : dict of str to str
        Libraries it was made with.

    Raises
    ------
    DecoderFileError
        If the parts do not fit each other; all that differs is named.
    """

    input: InputSignature
    working_sfreq: float
    pipeline: dict[str, Any]
    epochs: dict[str, Any]
    encoder: EncoderSignature
    script: bytes
    gallery: Gallery
    gallery_centre: Float32
    signal_mean: Float64
    signal_whitening: Float64
    temperature: float
    alignment: Alignment | None = None
    online: OnlineAlignment | RunningAlignment | None = None
    online_mean: Float32 | None = None
    confidence: Confidence | None = None
    labels: dict[str, str] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    simulated: bool = False
    versions: dict[str, str] = field(default_factory=library_versions)

    def __post_init__(self) -> None:
        """Refuse parts that do not fit; make the arrays read-only."""
        problems = _misfits(self)
        if problems:
            raise DecoderFileError(f"the parts of the decoder contradict: {'; '.join(problems)}")
        for array in (self.gallery_centre, self.signal_mean, self.signal_whitening):
            frozen(array)
        if self.online_mean is not None:
            frozen(self.online_mean)

    @property
    def manifest(self) -> dict[str, Any]:
        """What the decoder is, without arrays and encoder, as plain JSON values."""
        manifest: dict[str, Any] = json.loads(write_json(describe(self, sha256={})))
        del manifest["sha256"]
        return manifest


def signature_problems(decoder: DecoderFile, spec: StreamSpec) -> list[str]:
    """Return all that keeps a decoder from running on a stream; empty if it fits.

    Parameters
    ----------
    decoder : DecoderFile
        The decoder.
    spec : StreamSpec
        The stream as the source gives it. Channels the decoder does not use do not matter.
    """
    wanted = decoder.input
    problems = []
    if not math.isclose(wanted.sfreq, spec.sfreq, rel_tol=1e-9):
        problems.append(f"rate {wanted.sfreq:g} Hz expected, {spec.sfreq:g} Hz came")
    there = Counter(spec.ch_names)
    missing = [name for name in wanted.ch_names if not there[name]]
    if missing:
        problems.append(
            f"{len(missing)} of {len(wanted.ch_names)} channels missing: {', '.join(missing)} "
            f"(the stream has {', '.join(spec.ch_names)})"
        )
    twice = [name for name in wanted.ch_names if there[name] > 1]
    if twice:
        problems.append(f"channels that come more than once: {', '.join(twice)}")
    for field_name, expected, came in (
        ("type", wanted.ch_types, spec.ch_types),
        ("unit", wanted.units, spec.units),
    ):
        found = dict(zip(spec.ch_names, came, strict=True))
        for name, value in zip(wanted.ch_names, expected, strict=True):
            if name in found and found[name] != value:
                problems.append(f"{field_name} of {name} {value!r} expected, {found[name]!r} came")
    return problems


def require_fit(decoder: DecoderFile, spec: StreamSpec) -> None:
    """Refuse a stream the decoder was not calibrated for.

    Raises
    ------
    SignatureMismatch
        Naming every field that differs.
    """
    problems = signature_problems(decoder, spec)
    if problems:
        raise SignatureMismatch(
            f"the decoder does not fit the stream {spec.name!r}: {'; '.join(problems)}: "
            "choose another stream, or calibrate on this one"
        )


def describe(decoder: DecoderFile, sha256: dict[str, str]) -> dict[str, Any]:
    """Return the content of the manifest; ``sha256`` has the digests of the other members."""
    manifest = Manifest(
        input=decoder.input,
        working_sfreq=decoder.working_sfreq,
        pipeline=decoder.pipeline,
        epochs=decoder.epochs,
        encoder=decoder.encoder,
        gallery=gallery_signature(decoder.gallery),
        alignment=_alignment_signature(decoder.alignment),
        online=decoder.online,
        confidence=decoder.confidence,
        labels=decoder.labels,
        calibration=decoder.calibration,
        simulated=decoder.simulated,
        versions=decoder.versions,
        sha256=sha256,
    )
    return dataclasses.asdict(manifest)


def gallery_signature(gallery: Gallery) -> GallerySignature:
    """Return what the manifest says of a gallery."""
    return GallerySignature(
        size=len(gallery),
        dim=gallery.dim,
        kind=gallery.kind,
        backbone=gallery.backbone,
        weights=gallery.weights,
        source=gallery.source,
        simulated=gallery.simulated,
        preprocessing=gallery.preprocessing,
        templates=gallery.templates,
        projection=gallery.projection,
        digest=gallery.digest,
    )


def _alignment_signature(alignment: Alignment | None) -> AlignmentSignature | None:
    """Return what the manifest says of an alignment."""
    if alignment is None:
        return None
    return AlignmentSignature(alignment.kind, alignment.n_trials, alignment.settings)


def _misfits(decoder: DecoderFile) -> list[str]:
    """Return what contradicts among the parts of a decoder."""
    encoder, n_inputs = decoder.encoder, len(decoder.input.ch_names)
    pairs: list[tuple[str, Any, Any]] = [
        ("number of input.ch_types", n_inputs, len(decoder.input.ch_types)),
        ("number of input.units", n_inputs, len(decoder.input.units)),
        ("dim of the gallery", encoder.dim, decoder.gallery.dim),
        ("shape of gallery_centre", (encoder.dim,), decoder.gallery_centre.shape),
        ("shape of signal_mean", (encoder.n_channels,), decoder.signal_mean.shape),
        ("shape of signal_whitening", (encoder.n_channels,) * 2, decoder.signal_whitening.shape),
        ("type of gallery_centre", "float32", decoder.gallery_centre.dtype.name),
        ("type of signal_mean", "float64", decoder.signal_mean.dtype.name),
        ("type of signal_whitening", "float64", decoder.signal_whitening.dtype.name),
    ]
    if decoder.alignment is not None:
        came = decoder.alignment.mean.shape
        pairs.append(("shape of the alignment's mean", (encoder.dim,), came))
    problems = [f"{what} {a} expected, {b} came" for what, a, b in pairs if a != b]
    problems += [
        f"{name} must be finite, but NaN or infinity came"
        for name in ("gallery_centre", "signal_mean", "signal_whitening")
        if not np.isfinite(getattr(decoder, name)).all()
    ]
    positive = {
        "input.sfreq": decoder.input.sfreq,
        "working_sfreq": decoder.working_sfreq,
        "temperature": decoder.temperature,
    }
    if decoder.online is not None and decoder.online.temperature is not None:
        positive["online.temperature"] = decoder.online.temperature
    for what, number in positive.items():
        if not (math.isfinite(number) and number > 0):
            problems.append(f"{what} must be above 0, not {number}")
    problems += _online_misfits(decoder)
    known = {name.casefold() for name in decoder.gallery.names}
    strange = [concept for concept in decoder.labels.values() if concept.casefold() not in known]
    if strange:
        problems.append(f"labels {strange} are not in the gallery of {len(known)} concepts")
    if decoder.confidence is not None:
        strange = bias_problems(decoder.confidence.bias, decoder.gallery.names)
        if strange:
            problems.append(f"concepts {strange} have a bias, but are not in the gallery")
    return problems


def _online_misfits(decoder: DecoderFile) -> list[str]:
    """Return what contradicts in what a decoder learns of its user while it runs."""
    online, fixed, mean = decoder.online, decoder.alignment, decoder.online_mean
    problems = []
    follows_vectors = isinstance(online, RunningAlignment) and "mean" in online.parts
    if follows_vectors != (mean is not None):
        need = "to be followed" if follows_vectors else "of a decoder that follows none"
        problems.append(f"{'no' if mean is None else 'an'} online_mean of vectors {need} came")
    if mean is not None and (mean.dtype != np.float32 or mean.shape != (decoder.encoder.dim,)):
        problems.append(
            f"online_mean must be float32 of shape {(decoder.encoder.dim,)}, not "
            f"{mean.dtype.name} of {mean.shape}"
        )
    if mean is not None and not np.linalg.norm(mean) <= 1 + 1e-6:
        problems.append(f"online_mean must be at most 1 long, not {np.linalg.norm(mean):g}")
    if isinstance(online, OnlineAlignment):
        if online.kind not in get_args(OnlineKind):
            kinds = " or ".join(get_args(OnlineKind))
            problems.append(f"online.kind must be {kinds}, not {online.kind!r}")
        if online.n_trials < 2:
            problems.append(f"online.n_trials must be at least 2, not {online.n_trials}")
        if fixed is not None:
            problems.append(
                f"one alignment at most expected, {fixed.kind} in the file and "
                f"{online.kind} online came"
            )
    if isinstance(online, RunningAlignment):
        known, parts = get_args(RunningPart), online.parts
        if not parts or len(set(parts)) < len(parts) or set(parts) - set(known):
            problems.append(
                f"online.parts must be some of {', '.join(known)}, each once, not {list(parts)}"
            )
        if not 10 <= online.memory_trials < math.inf:
            problems.append(
                f"online.memory_trials must be at least 10, not {online.memory_trials:g}"
            )
    return problems
