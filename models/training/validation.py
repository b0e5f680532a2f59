"""Which trials decide when training ends, and how they decide.

The measure is the information a trial gives about its concept: as sensitive as a loss and as
honest as an accuracy, on a scale of its own (bits), whatever scale a network's scores are on.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from saccade.models.data.signals import SignalSet
from saccade.models.data.table import TrialTable
from saccade.models.evaluation.probability import fit_temperature, softmax
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.recipe import Recipe
from saccade.models.training.sampling import Rows, batches_of, means, samples_of
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from saccade.models.training.train import Pair

MANY_CONCEPTS = 20
"""From so many on, whole concepts are held out; with fewer, each one's last trials."""
LARGEST_BATCH = 256


def held_out_rows(table: TrialTable, rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """Return the rows to train on and those that decide when to end.

    Parameters
    ----------
    table : TrialTable
        What each row is.
    rows : array of int
        To be split; their order is that of time.
    share : float
        Of the concepts, or, if there are few, of each person's trials of each concept; above 0
        and below 1.
    seed : int
        Draws the concepts.

    Raises
    ------
    CalibrationError
        If one of the two would hold fewer than two trials or concepts.
    """
    concepts = np.unique(table.concept[rows])
    if len(concepts) >= MANY_CONCEPTS:
        count = max(2, round(share * len(concepts)))
        drawn = np.random.default_rng([seed, 1]).permutation(concepts)[:count]
        out = np.isin(table.concept[rows], drawn)
    else:
        out = _last_of_each(table, rows, share)
    train, validation = rows[~out], rows[out]
    for name, part in (("training", train), ("validation", validation)):
        shown = len(np.unique(table.concept[part]))
        if len(part) < 2 or shown < 2:
            raise CalibrationError(
                f"{name} needs at least 2 trials of different concepts, but would have "
                f"{len(part)} of {shown}: record more, or change held_out from {share:g}"
            )
    return train, validation


def _last_of_each(table: TrialTable, rows: Rows, share: float) -> NDArray[np.bool_]:
    """Return which rows are the last of a person and concept; one trial alone is not."""
    out = np.zeros(len(rows), dtype=bool)
    group = table.subject[rows] * len(table.concept_names) + table.concept[rows]
    for which in np.unique(group):
        own = np.flatnonzero(group == which)
        if len(own) > 1:
            out[own[len(own) - min(len(own) - 1, math.ceil(share * len(own))) :]] = True
    return out


class Validation:
    """Single trials that are ranked after each pass, among the concepts that they show.

    Parameters
    ----------
    signals : SignalSet
        Whitened epochs.
    bank : TargetBank
        With the levels that the target side wants.
    rows : array of int
        The validation trials, of at least two concepts.
    recipe : Recipe
        Its seed is used.
    """

    def __init__(self, signals: SignalSet, bank: TargetBank, rows: Rows, recipe: Recipe) -> None:
        table = signals.table
        # Single trials are what live use brings; averages of a few concepts soon tell all there is.
        rng = np.random.default_rng([recipe.seed, 2])
        samples = samples_of(table, rows, "single", rng)
        first = np.array([group[0] for group in samples])
        concepts, self._shown = np.unique(table.concept[first], return_inverse=True)
        if len(concepts) < 2:
            raise CalibrationError(
                f"validation trials must show at least 2 concepts, not {len(concepts)}: name others"
            )
        images, own = np.unique(table.image[first], return_inverse=True)
        self._bank = torch.tensor(bank.vectors[images])
        # A concept stands where the mean of its pictures does.
        belongs = np.zeros((len(concepts), len(images)), np.float32)
        belongs[self._shown, own] = 1
        self._mean = torch.from_numpy(belongs / belongs.sum(axis=1, keepdims=True))
        self._signals, self._batches = signals, batches_of(samples, LARGEST_BATCH)
        self._subject = table.subject

    def of(self, pair: Pair, fabric: Fabric) -> tuple[float, float]:
        """Return bits a trial and top-1 of the network as it is."""
        was_training = pair.training
        pair.eval()
        with torch.inference_mode(), fabric.autocast():
            wanted = self._mean.to(fabric.device) @ pair.target_side.project(
                self._bank.to(fabric.device)
            )
            parts = []
            for batch in self._batches:
                x = torch.from_numpy(means(self._signals, batch)).to(fabric.device)
                subject = torch.from_numpy(self._subject[[rows[0] for rows in batch]])
                parts.append(pair.tower(x, subject.to(fabric.device)).float().cpu())
        pair.train(was_training)
        predicted = torch.cat(parts).double().numpy()
        if not np.isfinite(predicted).all():
            return math.nan, 0.0
        scores = _cosines(predicted, wanted.float().cpu().double().numpy())
        return information(scores, self._shown), float((scores.argmax(1) == self._shown).mean())


def information(scores: Float64, shown: Rows) -> float:
    """Return the bits a trial gives about its concept, at the temperature that suits it best.

    Parameters
    ----------
    scores : array of shape (n_trials, n_concepts)
        Cosines.
    shown : array of shape (n_trials,)
        Column of the concept that was shown.
    """
    p = softmax(scores, fit_temperature(scores, shown.tolist()))[np.arange(len(shown)), shown]
    return math.log2(scores.shape[1]) + float(np.log2(np.maximum(p, 1e-300)).mean())


def _cosines(predicted: Float64, wanted: Float64) -> Float64:
    def unit(vectors: Float64) -> Float64:
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.maximum(lengths, 1e-30))

    return np.asarray(unit(predicted) @ unit(wanted).T)
