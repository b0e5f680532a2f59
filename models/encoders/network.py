"""What all trained encoders share: a tower for the signal, a side for the targets, a recipe.

A family says what its network is; :mod:`saccade.models.training.train` trains it. A tower maps
epochs and the people they are of to vectors. A target side says what a tower must predict for a
picture: the picture's CLIP vector as it is, or something made of several versions of it, possibly
learned; then the gallery goes through the same side before a decoder uses it.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from saccade.models.data.signals import ArraySignals
from saccade.models.data.table import TrialTable, count_within
from saccade.models.encoders import FittedEncoder, check_training_data
from saccade.realtime.types import Float32

UNKNOWN_SUBJECT = -1
"""Stands for a person the tower has not been trained on."""
SHARP = "sharp"
"""The level at which a picture is as it was shown."""


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a network is built for.

    Parameters
    ----------
    n_channels, n_times : int
        Shape of an epoch.
    dim : int
        Components of a target.
    n_subjects : int
        People in the training data, numbered from 0.
    n_trials : int
        Rows of the training data.
    positions : array of shape (n_channels, 2), float32, or None
        Where the sensors are, seen from above, in the unit square with the nose at the top.
    """

    n_channels: int
    n_times: int
    dim: int
    n_subjects: int = 1
    n_trials: int = 0
    positions: Float32 | None = None


class TargetSide(nn.Module):
    """Targets as they are: what a tower must predict is the picture's vector.

    Others inherit from it. Levels are versions of a picture: sharp, blurred, corrupted.

    Attributes
    ----------
    levels : tuple of str
        Names of the versions it wants of each picture, in order.
    """

    levels: tuple[str, ...] = (SHARP,)

    def forward(self, bank: torch.Tensor, trial: torch.Tensor) -> torch.Tensor:
        """Return training targets.

        Parameters
        ----------
        bank : tensor of shape (B, n_levels, dim)
            Every version of each trial's picture, centred, of unit length.
        trial : tensor of shape (B,), int64
            Which row of the training data it is.

        Returns
        -------
        tensor of shape (B, out_dim)
        """
        del trial
        return self.project(bank)

    def project(self, bank: torch.Tensor) -> torch.Tensor:
        """Return what stands in the gallery, (G, out_dim), for versions (G, n_levels, dim)."""
        return bank[:, 0]  # (G, dim)

    def observe(self, trial: torch.Tensor, match: torch.Tensor) -> None:
        """Take note, after a step, of how well each trial (B,) matched its target, (B,)."""


class NetworkFamily(ABC):
    """A family of networks: called with settings, or none for the defaults.

    Attributes
    ----------
    settings : Recipe
        A frozen dataclass that inherits from it, whose fields are ready for JSON.
    projects : bool
        Whether a gallery must go through the target side before it is compared.
    needs_positions : bool
        Whether the tower asks where the sensors are.
    """

    settings: Any
    projects: bool = False
    needs_positions: bool = False

    @abstractmethod
    def __init__(self, settings: Any = None) -> None: ...

    def fit(self, X: Float32, Y: Float32, ch_names: Sequence[str] = ()) -> FittedEncoder:
        """Train on one person's trials, as calibration does; see :class:`EncoderFamily`.

        Versions of pictures that the target side wants are made from the vectors ``Y``, as there
        are no pictures here. All trials of a concept count as repetitions of one picture: with
        ``repetitions`` at "average" a single sample of each is left.

        Raises
        ------
        CalibrationError
            If there are too few trials, or the loss does not stay finite.
        """
        # Imported here, as they import this module.
        from saccade.models.targets.corruption_embedding import EmbeddingLevels
        from saccade.models.training.train import train

        check_training_data(X, Y, least_trials=4)
        vectors, concept = np.unique(Y, axis=0, return_inverse=True)
        versions, levels = EmbeddingLevels(vectors, self.settings.seed), self.levels()
        bank, centre = versions.apply(vectors, levels).centred()
        trained = train(
            self,
            _signals(X, concept.reshape(-1), len(vectors)),
            bank,
            positions=_positions(ch_names) if self.needs_positions else None,
        )
        module = ForSubject(trained.tower, 0)
        if not self.projects:
            return FittedEncoder(module)

        def project(gallery: Float32) -> Float32:
            return trained.project(versions.apply(gallery, levels).centred(centre)[0])

        weights = b"".join(p.detach().numpy().tobytes() for p in trained.target_side.parameters())
        mark = hashlib.sha256(weights + vectors.tobytes()).hexdigest()[:12]
        said = f"{type(self).__name__} {mark}, levels on embeddings"
        return FittedEncoder(module, said, project)

    @abstractmethod
    def tower(self, shape: Shape) -> nn.Module:
        """Return a fresh network; its weights come from torch's current random state.

        ``forward(x, subject)`` takes float32 (B, n_channels, n_times) and int64 (B,) with
        :data:`UNKNOWN_SUBJECT` for strangers, and returns float32 (B, out_dim), un-normalised; it
        can be scripted.

        Raises
        ------
        ConfigError
            If epochs of this shape are too small for it.
        """

    def target_side(self, shape: Shape) -> TargetSide:
        """Return a fresh target side."""
        del shape
        return TargetSide()

    def augment(self, x: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Return epochs (B, n_channels, n_times) as training should see them."""
        del generator
        return x

    @classmethod
    def levels(cls) -> tuple[str, ...]:
        """Return the versions of each picture that the target side wants."""
        return (SHARP,)


class ForSubject(nn.Module):
    """A tower as it leaves training: for one person, or for strangers.

    Parameters
    ----------
    tower : torch.nn.Module
        As from :meth:`NetworkFamily.tower`.
    subject : int
        Whom it is for; :data:`UNKNOWN_SUBJECT` for anybody.
    """

    def __init__(self, tower: nn.Module, subject: int = UNKNOWN_SUBJECT) -> None:
        super().__init__()
        self.tower = tower
        self.subject = subject

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return vectors (B, out_dim) for epochs (B, n_channels, n_times)."""
        subjects = torch.full((x.shape[0],), self.subject, dtype=torch.long, device=x.device)
        vectors: torch.Tensor = self.tower(x, subjects)  # (B, out_dim)
        return vectors


def _positions(ch_names: Sequence[str]) -> Float32:
    from saccade.models.encoders.positions import unit_square  # brings MNE, which few need

    return unit_square(ch_names)


def _signals(X: Float32, concept: NDArray[np.int64], n_concepts: int) -> ArraySignals:
    """Return one person's trials as a data set in which each concept has one picture."""
    one = np.zeros_like(concept)
    names = tuple(f"concept {number}" for number in range(n_concepts))
    table = TrialTable(
        subject=one,
        concept=concept,
        image=concept,
        repetition=count_within(concept),
        subjects=("the person",),
        concept_names=names,
        image_names=names,
    )
    ch_names = tuple(f"channel {number}" for number in range(X.shape[1]))
    return ArraySignals(X, table, ch_names, sfreq=1.0, tmin_s=0.0)  # no network asks for a rate
