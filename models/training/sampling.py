"""What one pass of training looks at: single trials, averages over repetitions, or random ones.

Averaged epochs are clean, and a network trained on them alone expects clean ones; what it meets
live is a single trial. Means over a random number of repetitions lie in between.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.signals import SignalSet
from saccade.models.data.table import TrialTable
from saccade.models.training.recipe import Repetitions
from saccade.realtime.types import Float32

Rows = NDArray[np.int64]


def samples_of(
    table: TrialTable, rows: Rows, repetitions: Repetitions, rng: np.random.Generator
) -> list[Rows]:
    """Return the rows that make up each sample of a pass, in a fresh order.

    Parameters
    ----------
    table : TrialTable
        What each row is; repetitions are trials of one subject with one image.
    rows : array of int
        The rows to use, each once.
    repetitions : {"single", "average", "random"}
        What is one sample. "random" splits the repetitions of a picture anew into groups of
        random sizes from one to all.
    rng : numpy.random.Generator
        Draws order and groups.
    """
    shuffled = rng.permutation(rows)
    if repetitions == "single":
        return [shuffled[i : i + 1] for i in range(len(shuffled))]
    key = table.subject[shuffled] * len(table.image_names) + table.image[shuffled]
    together = np.argsort(key, kind="stable")  # within a picture the order stays shuffled
    edges = np.flatnonzero(np.diff(key[together])) + 1
    groups = np.split(shuffled[together], edges)
    if repetitions == "random":
        groups = [part for group in groups for part in _random_parts(group, rng)]
    return [groups[i] for i in rng.permutation(len(groups))]


def batches_of(samples: list[Rows], batch_size: int) -> list[list[Rows]]:
    """Return the samples in batches of even size; a last one of a single sample teaches nothing."""
    n_batches = max(1, -(-len(samples) // batch_size))
    edges = np.linspace(0, len(samples), n_batches + 1).round().astype(int)
    return [samples[a:b] for a, b in itertools.pairwise(edges)]


def means(signals: SignalSet, samples: list[Rows]) -> Float32:
    """Return the mean epoch of each sample, (len(samples), n_channels, n_times), float32."""
    data = signals.signals(np.concatenate(samples))
    if len(data) == len(samples):
        return data
    averaged = np.empty((len(samples), *data.shape[1:]), np.float32)
    start = 0
    for mean, rows in zip(averaged, samples, strict=True):  # many times faster than one reduceat
        np.mean(data[start : start + len(rows)], axis=0, out=mean)
        start += len(rows)
    return averaged


def _random_parts(group: Rows, rng: np.random.Generator) -> list[Rows]:
    parts, start = [], 0
    while start < len(group):
        size = int(rng.integers(1, len(group) + 1))
        parts.append(group[start : start + size])
        start += size
    return parts
