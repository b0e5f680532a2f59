"""What a set of signals is, and the plain one: an array in memory or mapped from a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.table import Rows, TrialTable, checked_rows
from saccade.realtime.errors import RecordingError
from saccade.realtime.types import Float32

MODALITIES = ("eeg", "meg", "fmri")


class SignalSet(Protocol):
    """Epochs that can be read in any order, with what each one is."""

    @property
    def table(self) -> TrialTable:
        """What each row is."""
        ...

    @property
    def ch_names(self) -> tuple[str, ...]:
        """Channels in order; for fMRI, voxels."""
        ...

    @property
    def sfreq(self) -> float:
        """Rate in Hz; 1 for fMRI, which has one sample."""
        ...

    @property
    def tmin_s(self) -> float:
        """Time of the first sample after onset in seconds."""
        ...

    @property
    def modality(self) -> str:
        """What was recorded: eeg, meg or fmri."""
        ...

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        ...

    @property
    def n_times(self) -> int:
        """Number of samples of an epoch."""
        ...

    def signals(self, rows: Rows) -> Float32:
        """Return a fresh array of shape (len(rows), n_channels, n_times).

        Rows may come in any order and more than once.
        """
        ...


class ArraySignals:
    """Signals of one array, in memory or mapped from a file.

    Parameters
    ----------
    data : array of shape (..., n_channels, n_times)
        Any real type; only what is asked for is read and becomes float32. Leading axes (image,
        repetition, say) count as rows, the last of them fastest.
    table : TrialTable
        What each row is.
    ch_names : sequence of str, length n_channels
        Unique.
    sfreq, tmin_s : float
        Rate in Hz, above 0; time of the first sample after onset in seconds.
    modality : {"eeg", "meg", "fmri"}
        What was recorded.

    Raises
    ------
    RecordingError
        If shapes, names and table contradict each other; from :meth:`signals`, if a value is
        not finite.
    """

    def __init__(
        self,
        data: NDArray[Any],
        table: TrialTable,
        ch_names: Sequence[str],
        sfreq: float,
        tmin_s: float,
        modality: str = "eeg",
    ) -> None:
        if data.ndim < 3 or data.dtype.kind not in "fiu" or min(data.shape[-2:]) < 1:
            raise RecordingError(
                "signals are real numbers of shape (..., channels, times), at least one of "
                f"each, not {data.dtype} of shape {data.shape}"
            )
        n_rows = int(np.prod(data.shape[:-2]))
        if n_rows != len(table):
            raise RecordingError(
                f"signals of shape {data.shape} are {n_rows} rows, but the table has "
                f"{len(table)}: describe every row once"
            )
        if len(ch_names) != data.shape[-2] or len(set(ch_names)) != len(ch_names):
            raise RecordingError(
                f"signals of shape {data.shape} need {data.shape[-2]} different channel names, "
                f"but {len(ch_names)} came, {len(set(ch_names))} of them different"
            )
        if not (np.isfinite(sfreq) and sfreq > 0 and np.isfinite(tmin_s)):
            raise RecordingError(
                f"signals need a rate above 0 Hz and a first time, not {sfreq} Hz and {tmin_s} s"
            )
        if modality not in MODALITIES:
            raise RecordingError(f"the modality is {', '.join(MODALITIES)}, not {modality!r}")
        self.table = table
        self.ch_names = tuple(ch_names)
        self.sfreq = float(sfreq)
        self.tmin_s = float(tmin_s)
        self.modality = modality
        self._data = data

    @property
    def n_channels(self) -> int:
        """Number of channels."""
        return len(self.ch_names)

    @property
    def n_times(self) -> int:
        """Number of samples of an epoch."""
        return int(self._data.shape[-1])

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        chosen = checked_rows(rows, len(self.table))
        place = np.unravel_index(chosen, self._data.shape[:-2])
        picked = np.asarray(self._data[place], dtype=np.float32)  # indexing by arrays copies
        bad = np.flatnonzero(~np.isfinite(picked).all(axis=(1, 2)))
        if len(bad):
            raise RecordingError(
                f"signals must be complete, but row {chosen[bad[0]]} holds NaN or infinity (and "
                f"{len(bad) - 1} more of {len(chosen)} rows): leave such rows out with a Subset"
            )
        return picked
