"""From groups of trials to vectors: average the epochs, hide what is to be hidden, encode.

What is judged is a function, so that any encoder can be: a module in training, a decoder file, a
person's own for each test person. Epochs are read some hundred at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from saccade.models.data.signals import SignalSet
from saccade.models.data.table import Int64
from saccade.models.evaluation.trials import Groups
from saccade.models.training.sampling import means
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32

Encode = Callable[[Float32], Float32]
"""Epochs of shape (B, n_channels, n_times) to vectors of shape (B, D), of any length."""

ROWS_AT_ONCE = 1024


class Embed(Protocol):
    """What an evaluation asks of an encoder."""

    def __call__(self, groups: Groups) -> Float32:
        """Return one vector a group, (len(groups), D), from the group's averaged epochs."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Averaging:
    """Encodes the average epoch of each group.

    Parameters
    ----------
    signals : SignalSet
        Where epochs are read.
    encode : callable
        Maps float32 (B, n_channels, n_times) to (B, D).
    rest : array of shape (n_channels, n_times), or None
        What takes the place of hidden samples: the mean training epoch. None for zeros, which
        it is after whitening. Hiding happens on epochs as ``signals`` gives them: where these
        are not whitened yet, a sensor is hidden before it is mixed into the others.
    """

    signals: SignalSet
    encode: Encode
    rest: Float32 | None = None

    def __call__(self, groups: Groups) -> Float32:
        """Return one vector a group, (len(groups), D)."""
        return np.concatenate([self._encoded(epochs) for epochs in self._averages(groups)])

    def hiding(self, groups: Groups, masks: NDArray[np.bool_]) -> Float32:
        """Return the vectors when parts of the epoch are hidden.

        Parameters
        ----------
        groups : sequence of n int64 arrays
            Each is read and averaged once.
        masks : array of shape (M, n_channels, n_times), bool
            True where a sample is hidden; one after the other is applied.

        Returns
        -------
        array of shape (M, n, D), float32

        Raises
        ------
        CalibrationError
            If masks or ``rest`` do not fit the epochs.
        """
        parts = []
        for epochs in self._averages(groups):
            rest = np.zeros(epochs.shape[1:], np.float32) if self.rest is None else self.rest
            if masks.ndim != 3 or not masks.shape[1:] == rest.shape == epochs.shape[1:]:
                raise CalibrationError(
                    f"epochs of shape {epochs.shape[1:]} are hidden by masks and a resting epoch "
                    f"of that shape, but masks of {masks.shape} and a rest of {rest.shape} came"
                )
            parts.append([self._encoded(np.where(mask, rest, epochs)) for mask in masks])
        return np.concatenate(parts, axis=1)

    def _averages(self, groups: Groups) -> Iterator[Float32]:
        """Yield the average epochs of some groups at a time, (b, n_channels, n_times)."""
        batch: list[Int64] = []
        for group in groups:
            if batch and sum(map(len, batch)) + len(group) > ROWS_AT_ONCE:
                yield means(self.signals, batch)
                batch = []
            batch.append(group)
        if batch:
            yield means(self.signals, batch)

    def _encoded(self, epochs: Float32) -> Float32:
        vectors = np.asarray(self.encode(epochs), dtype=np.float32)
        if vectors.ndim != 2 or len(vectors) != len(epochs):
            raise CalibrationError(
                f"an encoder returns one vector an epoch, ({len(epochs)}, D), but "
                f"{vectors.shape} came"
            )
        return vectors


@dataclass(frozen=True, slots=True, eq=False)
class BySubject:
    """Sends each group to the encoder of its person: in-subject and leave-one-out evaluations.

    Parameters
    ----------
    subject : array of shape (n,), int64
        Person of each trial.
    encoders : mapping of int to Averaging
        One for each person who has trials; all read from the same rows.
    """

    subject: Int64
    encoders: Mapping[int, Averaging]

    def __call__(self, groups: Groups) -> Float32:
        """Return one vector a group, (len(groups), D)."""
        return self._each(groups, lambda encoder, mine: encoder(mine))

    def hiding(self, groups: Groups, masks: NDArray[np.bool_]) -> Float32:
        """Return the vectors when parts of the epoch are hidden, (M, len(groups), D)."""
        return self._each(groups, lambda encoder, mine: encoder.hiding(mine, masks))

    def _each(self, groups: Groups, embed: Callable[[Averaging, Groups], Float32]) -> Float32:
        person = np.array([self.subject[group[0]] for group in groups])
        parts, places = [], []
        for number in np.unique(person):
            if int(number) not in self.encoders:
                raise CalibrationError(
                    f"every person needs an encoder, but number {number} has none among those of "
                    f"{sorted(self.encoders)}: train one, or leave the person's trials out"
                )
            mine = np.flatnonzero(person == number)
            parts.append(embed(self.encoders[int(number)], [groups[int(i)] for i in mine]))
            places.append(mine)
        order = np.argsort(np.concatenate(places))
        return np.take(np.concatenate(parts, axis=-2), order, axis=-2)


def module_encoder(module: nn.Module, device: str = "cpu") -> Encode:
    """Return a torch module as a function of arrays, in evaluation mode and without gradients.

    Parameters
    ----------
    module : torch.nn.Module
        Maps float32 (B, n_channels, n_times) to (B, D); a loaded TorchScript will do.
    device : str
        Where it runs; the module is moved there.
    """
    placed: Callable[[torch.Tensor], Any] = module.eval().to(device)

    def encode(epochs: Float32) -> Float32:
        with torch.inference_mode():
            vectors = placed(torch.from_numpy(np.ascontiguousarray(epochs)).to(device))
        return np.asarray(vectors.float().cpu().numpy())

    return encode
