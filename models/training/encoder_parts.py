"""A trained encoder, in memory: its network, what it was trained to predict, and how well it did.

A decoder (:mod:`saccade.models.decoders.decoder_parts`) is for one person, one gallery and one
stream. What training leaves is still for everybody it was trained on, for any gallery of the model
that made its targets, and says whose trials of which concepts it has seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from saccade.models.data.recorded_epochs import RecordedEpochs
from saccade.models.decoders.manifest import STRICT, library_versions
from saccade.models.encoders.network import (
    UNKNOWN_SUBJECT,
    ForSubject,
    NetworkFamily,
    Shape,
    TargetSide,
)
from saccade.models.galleries.gallery import UNKNOWN, Gallery, Kind
from saccade.models.targets.corruption_embedding import EmbeddingLevels
from saccade.models.targets.target_bank import TargetBank
from saccade.realtime import registry
from saccade.realtime.errors import ConfigError, GalleryError
from saccade.realtime.types import Float32, Float64

PICTURES = ("image", "prototype")  # the kinds that may stand in for each other


@dataclass(frozen=True, slots=True)
class SignalSignature:
    """The epochs that were trained on.

    Parameters
    ----------
    ch_names : tuple of str
        Channels in order.
    n_times : int
        Samples of an epoch.
    sfreq, tmin_s : float
        Rate in Hz; time of the first sample after onset in seconds.
    modality : str
        What was recorded.
    subjects : tuple of str
        The people, in the order in which the network numbers them.
    n_trials : int
        Rows of the training data, validation included.
    """

    __pydantic_config__ = STRICT

    ch_names: tuple[str, ...]
    n_times: int
    sfreq: float
    tmin_s: float
    modality: str
    subjects: tuple[str, ...]
    n_trials: int


@dataclass(frozen=True, slots=True)
class TargetSignature:
    """What was to be predicted; fields as in :class:`saccade.models.galleries.gallery.Gallery`.

    Parameters
    ----------
    dim : int
        Components of a vector.
    levels : tuple of str
        Versions of each picture.
    on_embeddings : bool
        True where the vectors, not the pictures, were made worse.
    """

    __pydantic_config__ = STRICT

    backbone: str
    weights: str
    kind: Kind
    preprocessing: str
    projection: str
    source: str
    digest: str
    simulated: bool
    dim: int
    levels: tuple[str, ...]
    on_embeddings: bool


@dataclass(frozen=True, slots=True)
class TrainingSignature:
    """How training went.

    Parameters
    ----------
    date : str
        ISO 8601, UTC.
    sources : tuple of dict
        Where the trials came from: ``name``, and ``sha256`` where it was a file.
    concepts, validation_concepts : tuple of str
        What was trained on, and what decided when to end.
    history : tuple of dict
        Fields of each :class:`saccade.models.training.train.Pass`; empty for a closed form.
    best : int
        Number of the pass that was kept.
    figures : dict
        Single-trial accuracy of the validation trials, and how they were split off.
    temperature : float
        That makes their probabilities mean what they say.
    simulation : dict or None
        Plan of the simulated session, where there was no person.
    """

    __pydantic_config__ = STRICT

    date: str
    sources: tuple[dict[str, str], ...]
    concepts: tuple[str, ...]
    validation_concepts: tuple[str, ...]
    history: tuple[dict[str, float], ...]
    best: int
    figures: dict[str, Any]
    temperature: float
    simulation: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class EncoderManifest:
    """The whole of what an encoder's file says in words and numbers.

    ``architecture`` and ``settings`` are entry point and settings of the family, ``recorded`` how
    the epochs came about where they went through our pipeline, ``sha256`` the digests of the other
    members.
    """

    __pydantic_config__ = STRICT

    architecture: str
    settings: dict[str, Any]
    signals: SignalSignature
    targets: TargetSignature
    training: TrainingSignature
    recorded: RecordedEpochs | None
    simulated: bool
    versions: dict[str, str] = field(default_factory=library_versions)
    sha256: dict[str, str] = field(default_factory=dict)
    schema_version: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class EncoderFile:
    """A trained encoder.

    Parameters
    ----------
    about : EncoderManifest
        What it is.
    tower : torch.nn.Module
        Maps whitened epochs (B, n_channels, n_times) and subjects (B,) to (B, out_dim).
    target_side : TargetSide
        What the gallery goes through, if the family says so.
    whitening : array of shape (n_subjects, n_channels, n_channels), float64, or None
        Takes each person's noise to unit covariance; None where nothing was whitened.
    centre : array of shape (n_levels, dim), float32
        Mean of the training targets at unit length, level by level.
    levels : EmbeddingLevels or None
        Makes versions of vectors, where the versions in training were not of pictures.
    positions : array of shape (n_channels, 2), float32, or None
        Where the sensors are, for networks that ask.
    """

    about: EncoderManifest
    tower: nn.Module
    target_side: TargetSide
    whitening: Float64 | None
    centre: Float32
    levels: EmbeddingLevels | None = None
    positions: Float32 | None = None

    @property
    def shape(self) -> Shape:
        """What the network was built for."""
        return shape_of(self.about, self.positions)

    @property
    def projects(self) -> bool:
        """Whether a gallery must go through the target side."""
        return isinstance(family := family_of(self.about), NetworkFamily) and family.projects

    @property
    def n_parameters(self) -> int:
        """Trained numbers of the tower."""
        return sum(parameter.numel() for parameter in self.tower.parameters())

    def subject(self, name: str | None) -> int:
        """Return the number of a person; a stranger's for None, unless there is but one.

        Raises
        ------
        ConfigError
            If nobody of that name was trained on.
        """
        people = self.about.signals.subjects
        if name is None:
            return 0 if len(people) == 1 else UNKNOWN_SUBJECT
        if name not in people:
            raise ConfigError(
                f"the encoder was trained on {', '.join(people)}, not {name!r}: name one of them, "
                "or none for a stranger"
            )
        return people.index(name)

    def module(self, subject: int) -> nn.Module:
        """Return the tower for one person, or for strangers: (B, C, T) to (B, out_dim)."""
        return ForSubject(self.tower, subject).eval()

    def noise_of(self, subject: int) -> Float64 | None:
        """Return what whitens a person's epochs, (n_channels, n_channels); None if nothing does.

        A stranger's noise is taken to be the mean of all that were trained on.
        """
        if self.whitening is None:
            return None
        if subject != UNKNOWN_SUBJECT:
            return np.asarray(self.whitening[subject])
        inverses = np.linalg.inv(self.whitening)  # (n_subjects, C, C), roots of covariances
        variances, directions = np.linalg.eigh(np.mean(inverses @ inverses, axis=0))
        return np.asarray(directions / np.sqrt(variances) @ directions.T)

    def compared(
        self, gallery: Gallery, versions: TargetBank | None = None
    ) -> tuple[Gallery, Float32]:
        """Return the gallery that the encoder's vectors are compared with, and its centre.

        Parameters
        ----------
        gallery : Gallery
            Of the model that made the training targets.
        versions : TargetBank or None
            Versions of its pictures, where the encoder wants them and they are not made on
            embeddings.

        Returns
        -------
        gallery : Gallery
            The same concepts, projected where the encoder wants it.
        centre : array of shape (out_dim,), float32
            To be taken off it; zeros where it is projected, which includes the centring.

        Raises
        ------
        GalleryError
            If the gallery does not fit the targets, or versions are missing.
        """
        check_gallery(self.about.targets, gallery)
        if not self.projects:
            return gallery, self.centre[0]
        wanted = self.about.targets.levels
        if versions is None:
            if self.levels is None and wanted != ("sharp",):
                raise GalleryError(
                    f"this encoder was trained on pictures at the levels {', '.join(wanted)}: give "
                    "the gallery's vectors at each of them too, with --level"
                )
            versions = (
                TargetBank(gallery.vectors[:, None].copy(), wanted, on_embeddings=False)
                if self.levels is None
                else self.levels.apply(gallery.vectors, wanted)
            )
        moved, _ = versions.pick(wanted).centred(self.centre)
        with torch.inference_mode():
            vectors = self.target_side.project(torch.tensor(moved.vectors)).numpy()
        kind = "levels on embeddings" if self.about.targets.on_embeddings else "levels of pictures"
        mark = f"{self.about.architecture}, {kind}, {self.about.training.date}"
        return gallery.projected(np.asarray(vectors), mark), np.zeros(vectors.shape[1], np.float32)


class LinearTower(nn.Module):
    """What a closed form leaves: one linear map of the flattened epoch, whoever's it is."""

    def __init__(self, n_features: int, dim: int) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, dim)

    def forward(self, x: torch.Tensor, subject: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, dim) for epochs (B, n_channels, n_times)."""
        vectors: torch.Tensor = self.linear(x.flatten(1))  # (B, C·T) → (B, dim)
        return vectors


def shape_of(about: EncoderManifest, positions: Float32 | None) -> Shape:
    """Return what a network must be built for."""
    signals = about.signals
    return Shape(
        n_channels=len(signals.ch_names),
        n_times=signals.n_times,
        dim=about.targets.dim,
        n_subjects=len(signals.subjects),
        n_trials=signals.n_trials,
        positions=positions,
    )


def family_of(about: EncoderManifest) -> Any:
    """Return the family with its settings, by its entry point.

    Raises
    ------
    ConfigError
        If there is no such family here, or it has no such settings.
    """
    made = registry.load("saccade.encoders", about.architecture)
    where = f"the settings of {about.architecture}"
    return made(registry.build_settings(type(made().settings), about.settings, where))


def fresh_modules(
    about: EncoderManifest, positions: Float32 | None
) -> tuple[nn.Module, TargetSide]:
    """Return tower and target side with any weights, to be filled.

    A file that training started from (the setting ``weights``) is not looked for: what was in it
    has been trained further, and it may not be here.
    """
    if "weights" in about.settings:
        about = replace(about, settings=about.settings | {"weights": None})
    family, shape = family_of(about), shape_of(about, positions)
    if not isinstance(family, NetworkFamily):
        return LinearTower(shape.n_channels * shape.n_times, shape.dim), TargetSide()
    with torch.random.fork_rng(devices=[]):
        return family.tower(shape), family.target_side(shape)


def check_gallery(targets: TargetSignature, gallery: Gallery) -> None:
    """Refuse a gallery that is not in the space of the training targets.

    Pictures and prototypes made of several fit each other; texts are somewhere else in CLIP's
    space and fit texts alone.

    Raises
    ------
    GalleryError
        Naming every field that differs.
    """
    fields = ["backbone", "weights", "dim", "projection"]
    if targets.preprocessing and gallery.preprocessing:  # arrays from elsewhere do not say
        fields.append("preprocessing")
    differing = [
        f"{name} {getattr(targets, name)!r} expected, {getattr(gallery, name)!r} came"
        for name in fields
        if getattr(targets, name) != getattr(gallery, name)
    ]
    if targets.kind != gallery.kind and not {targets.kind, gallery.kind} <= {*PICTURES}:
        differing.append(f"kind {targets.kind!r} expected, {gallery.kind!r} came")
    if differing:
        raise GalleryError(
            f"the gallery does not fit the encoder: {'; '.join(differing)}: build it with the "
            "model that made the training targets"
        )
    if UNKNOWN in (gallery.backbone, gallery.weights) and targets.digest != gallery.digest:
        raise GalleryError(
            "one model must have made targets and gallery, but nobody knows which made either: "
            "say it with --backbone and --weights, when training too"
        )
