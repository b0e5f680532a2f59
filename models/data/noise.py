"""Every person's own noise, taken to unit covariance: whitening of a whole data set.

Caps are put on anew, and no two heads are alike, so each person has a matrix of their own. It is
estimated on training trials alone; without labels, because it is the same for all concepts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saccade.models.alignment.whitening import mvnn, whiten
from saccade.models.data.signals import ArraySignals, SignalSet, loaded
from saccade.models.data.table import Int64, Rows, checked_rows
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64

MOST_TRIALS = 2048
"""So many of a person's trials tell the noise; more would only take longer."""
MEMORY_BYTES = 4 * 2**30
"""Whitened epochs are kept in memory up to here, and computed again in each pass beyond."""


def noise_by_subject(signals: SignalSet, rows: Int64) -> Float64:
    """Return the matrix that whitens each person's epochs.

    Parameters
    ----------
    signals : SignalSet
        Epochs as they were recorded.
    rows : array of int
        Training trials; of each person, up to 2048 are taken, evenly spread.

    Returns
    -------
    array of shape (n_subjects, n_channels, n_channels), float64

    Raises
    ------
    CalibrationError
        If a person has no training trial, or the noise can't be estimated.
    """
    subject = signals.table.subject[rows]
    matrices = []
    for number, name in enumerate(signals.table.subjects):
        mine = rows[subject == number]
        if not len(mine):
            raise CalibrationError(
                f"the noise of {name} can't be told without a training trial: leave the person out"
            )
        spread = np.linspace(0, len(mine) - 1, min(len(mine), MOST_TRIALS)).round().astype(int)
        try:
            matrices.append(mvnn(signals.signals(mine[spread])))
        except CalibrationError as error:
            raise CalibrationError(f"{name}: {error}") from error
    return np.stack(matrices)


class WhitenedBySubject:
    """A set whose every row is whitened with its person's matrix.

    Parameters
    ----------
    source : SignalSet
        What to whiten.
    matrices : sequence of arrays of shape (n_channels, n_channels)
        One for each of the table's subjects, in their order.
    """

    def __init__(self, source: SignalSet, matrices: Sequence[Float64] | Float64) -> None:
        self.table = source.table
        self.ch_names = source.ch_names
        self.sfreq = source.sfreq
        self.tmin_s = source.tmin_s
        self.modality = source.modality
        self.n_channels = source.n_channels
        self.n_times = source.n_times
        self._source, self._matrices = source, matrices
        self._rest = np.zeros(source.n_channels)  # the filters have taken the level away

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        chosen = checked_rows(rows, len(self.table))
        data = self._source.signals(chosen)
        subject = self.table.subject[chosen]
        for number in np.unique(subject):
            mine = subject == number
            data[mine] = whiten(data[mine], self._rest, self._matrices[number])
        return data


def kept_in_memory(signals: SignalSet) -> SignalSet:
    """Return the set in memory if it fits there, else as it is."""
    n_bytes = 4 * len(signals.table) * signals.n_channels * signals.n_times
    if isinstance(signals, ArraySignals) or n_bytes > MEMORY_BYTES:
        return signals
    return loaded(signals)
