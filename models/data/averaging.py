"""Averages of repetitions, made as they are read, and a set brought into memory.

The benchmark's figures rest on 80 repetitions, a live decoder has one. Training on averages,
on single trials or on averages of a random few are different things, and a set says which it is
in ``table.averaged``.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from saccade.models.data.arrays import ArraySignals, SignalSet
from saccade.models.data.table import Int64, Rows, TrialTable, checked_rows, count_within
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32

BLOCK_BYTES = 64 * 2**20  # of signals that are read at a time


class _Averaged:
    """Rows that are means of rows of another set."""

    def __init__(self, source: SignalSet, members: Int64, starts: Int64, table: TrialTable) -> None:
        self.source = source
        self.table = table
        self.ch_names = source.ch_names
        self.sfreq = source.sfreq
        self.tmin_s = source.tmin_s
        self.modality = source.modality
        self.n_channels = source.n_channels
        self.n_times = source.n_times
        self._members, self._starts = members, starts

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        chosen = checked_rows(rows, len(self.table))
        means = np.empty((len(chosen), self.n_channels, self.n_times), np.float32)
        for place, row in enumerate(chosen):
            members = self._members[self._starts[row] : self._starts[row + 1]]
            # Row by row, so that a mean has the same last bits whatever else is asked for.
            means[place] = self.source.signals(members).mean(axis=0, dtype=np.float64)
        return means


def averaged(source: SignalSet, k: int | None = None, seed: int = 0) -> SignalSet:
    """Average repetitions: rows of the same subject and image.

    Parameters
    ----------
    source : SignalSet
        Single trials, or averages already.
    k : int or None
        None averages all repetitions of an image. A number makes disjoint groups of k, drawn
        by ``seed``; up to k - 1 repetitions of each image are left over and out.
    seed : int
        Of the draw; another seed makes other groups.

    Returns
    -------
    SignalSet
        A row a group, ordered by the first row of its subject and image. Means are taken in
        float64 as rows are read. ``table.averaged`` is the smallest group's size times that of
        the source.

    Raises
    ------
    ConfigError
        If the set is empty, k is below 1, or an image has fewer than k repetitions.
    """
    table = source.table
    if not len(table) or (k is not None and k < 1):
        raise ConfigError(
            f"averages need rows and at least 1 repetition each, not {k} of {len(table)} rows"
        )
    first_of_pair = np.flatnonzero(count_within(table.subject, table.image) == 0)
    rank = np.empty((len(table.subjects), len(table.image_names)), np.int64)
    rank[table.subject[first_of_pair], table.image[first_of_pair]] = np.arange(len(first_of_pair))
    pair = rank[table.subject, table.image]
    sizes = np.bincount(pair)
    if k is None:
        order = np.argsort(pair, kind="stable")
        lengths = sizes
    else:
        if sizes.min() < k:
            worst = first_of_pair[np.argmin(sizes)]
            raise ConfigError(
                f"averages of {k} need {k} repetitions of every image, but subject "
                f"{table.subjects[table.subject[worst]]} saw "
                f"{table.image_names[table.image[worst]]!r} {sizes.min()} times: average fewer"
            )
        shuffled = np.random.default_rng(seed).permutation(len(table))
        order = shuffled[np.argsort(pair[shuffled], kind="stable")]
        kept = count_within(pair[order]) < (sizes // k * k)[pair[order]]
        order = order[kept]
        lengths = np.full(len(order) // k, k)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    first = table.take(order[starts[:-1]])
    means = replace(
        first,
        repetition=count_within(first.subject, first.image),
        averaged=table.averaged * int(lengths.min()),
    )
    return _Averaged(source, order, starts, means)


def loaded(source: SignalSet) -> ArraySignals:
    """Read a set into memory once, some 64 MiB at a time; what it computes is computed once.

    Takes ``len(source.table) · n_channels · n_times · 4`` bytes.
    """
    n_rows = len(source.table)
    data = np.empty((n_rows, source.n_channels, source.n_times), np.float32)
    step = max(1, BLOCK_BYTES // (4 * source.n_channels * source.n_times))
    for start in range(0, n_rows, step):
        rows = np.arange(start, min(start + step, n_rows))
        data[rows] = source.signals(rows)
    return ArraySignals(
        data, source.table, source.ch_names, source.sfreq, source.tmin_s, source.modality
    )
