"""Raw THINGS-EEG2, cut into epochs as they are asked for.

A session is a pickled dict of ``raw_eeg_data`` (channels, samples; volts, as MNE writes it),
``ch_names``, ``sfreq`` and ``ch_types``. Stimuli are in the channel of type ``stim``: an event is
where its value rises, and code k is the k-th image of the list; 99999 is a target, which the
person had to report, and left out.

Each epoch is processed by itself, as in the published pipeline: baseline, then resampling by a
zero-phase Fourier method. That is not what happens live: it looks ahead by up to a window. To
train a decoder for live use, send the recording through the pipeline of :mod:`saccade.realtime`.
Unlike there, all repetitions are kept (the published code draws 2 a training session, 20 a test
session), and windows are half open, 0.2 s before to 1.0 s after onset.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.containers import read_container
from saccade.models.data.images import ImageList
from saccade.models.data.table import Int64, Rows, TrialTable, checked_rows, count_within
from saccade.realtime.blocks.units import check_amplitude
from saccade.realtime.epoch_steps import columns, subtract_baseline
from saccade.realtime.errors import ConfigError, RecordingError, UnitError
from saccade.realtime.sampling import samples
from saccade.realtime.types import Float32, Float64, StreamSpec

logger = logging.getLogger(__name__)

TARGET = 99999
UV_PER_V = 1e6
JUDGED_S = 10.0  # from whose amplitude the unit is checked
PAD_S = 0.1  # on either side of an epoch, before it is resampled


@dataclass(frozen=True, slots=True)
class CutSettings:
    """How epochs are cut out of a raw recording.

    Parameters
    ----------
    tmin_s, tmax_s : float
        Window relative to onset in seconds; ``tmax_s`` itself is left out.
    baseline_s : (float, float) or None
        Span whose mean is subtracted from each channel.
    crop_s : (float, float)
        Span that is handed on, after baseline and resampling.
    sfreq : float
        Rate of the epochs in Hz; the recording's must be a whole multiple.
    """

    tmin_s: float = -0.2
    tmax_s: float = 1.0
    baseline_s: tuple[float, float] | None = (-0.2, 0.0)
    crop_s: tuple[float, float] = (0.0, 1.0)
    sfreq: float = 250.0


class RawSignals:
    """One session, as a :class:`~saccade.models.data.signals.SignalSet` in µV.

    Parameters
    ----------
    path : Path
        ``raw_eeg_training.npy`` or ``raw_eeg_test.npy``.
    subject : str
        Whose it is.
    images : ImageList
        Of this split.
    settings : CutSettings
        How to cut.
    trust_pickle : bool
        The file is a pickle.

    Raises
    ------
    RecordingError
        If the file is not such a session, or an event has no image.
    ConfigError
        If the settings do not fit the rate.
    """

    modality = "eeg"

    def __init__(
        self,
        path: Path,
        subject: str,
        images: ImageList,
        settings: CutSettings | None = None,
        *,
        trust_pickle: bool = False,
    ) -> None:
        s = settings or CutSettings()
        content = read_container(path, trust_pickle=trust_pickle)
        self._data, names, rate, types = _session(content, path)
        self._path, self._rate = path, rate
        self._rows = [row for row, kind in enumerate(types) if kind == "eeg"]
        self.ch_names = tuple(names[row] for row in self._rows)
        self._refuse_other_units()
        self._first = samples(s.tmin_s, rate, "tmin_s")
        self._n_cut = samples(s.tmax_s, rate, "tmax_s") - self._first
        self._step = round(rate / s.sfreq)
        whole = self._step >= 1 and abs(self._step * s.sfreq - rate) < 1e-6
        if not whole or self._n_cut % self._step or self._first % self._step:
            raise ConfigError(
                f"epochs of {self._n_cut} samples from {self._first} on at {rate:g} Hz can't be "
                f"resampled to {s.sfreq:g} Hz in whole steps: choose a rate that divides them"
            )
        span = (s.tmin_s, self._n_cut, rate)
        self._baseline = s.baseline_s and columns(s.baseline_s, *span, "baseline_s")
        self._crop = columns(s.crop_s, s.tmin_s, self._n_cut // self._step, s.sfreq, "crop_s")
        self.n_channels = len(self.ch_names)
        self.sfreq = s.sfreq
        self.tmin_s = s.tmin_s + self._crop.start / s.sfreq
        self.n_times = self._crop.stop - self._crop.start
        self._onsets, codes = self._events(np.asarray(self._data[types.index("stim")]))
        self.table = _table(codes, images, subject, path)

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times), in µV."""
        chosen = checked_rows(rows, len(self.table))
        epochs = np.empty((len(chosen), self.n_channels, self.n_times), np.float32)
        for place, row in enumerate(chosen):
            start = self._onsets[row] + self._first
            cut = np.asarray(self._data[self._rows, start : start + self._n_cut]) * UV_PER_V
            if not np.isfinite(cut).all():
                raise RecordingError(
                    f"{self._path}: epochs must be complete, but row {row} holds NaN or infinity: "
                    "leave such rows out with a Subset"
                )
            epoch = cut.astype(np.float32)
            if self._baseline is not None:
                epoch = subtract_baseline(epoch, self._baseline)
            epochs[place] = decimate(epoch, self._step, self._rate)[:, self._crop]
        return epochs

    def _refuse_other_units(self) -> None:
        """Refuse amplitudes that can't be volts."""
        n = len(self.ch_names)
        spec = StreamSpec(
            self._path.name, self._rate, self.ch_names, ("eeg",) * n, units=("V",) * n
        )
        head = np.asarray(self._data[self._rows, : round(JUDGED_S * self._rate)]) * UV_PER_V
        try:
            check_amplitude(head.T.astype(np.float32), spec)
        except UnitError as error:
            raise RecordingError(
                f"{self._path}: data in volts are expected, as MNE-Python writes them, but their "
                "amplitude can't be that of an EEG in volts: scale them"
            ) from error

    def _events(self, stim: NDArray[Any]) -> tuple[Int64, Int64]:
        """Return sample and code of each stimulus whose window lies in the recording."""
        values = stim.astype(np.int64)
        onsets = np.flatnonzero((values[1:] > values[:-1]) & (values[1:] > 0)) + 1
        onsets = onsets[values[onsets] != TARGET]
        begin = onsets + self._first
        inside = (begin >= 0) & (begin + self._n_cut <= len(values))
        if not inside.all():
            logger.warning(
                "%s: %d of %d stimuli are left out, whose windows reach beyond the recording",
                self._path,
                (~inside).sum(),
                len(inside),
            )
        return onsets[inside], values[onsets[inside]]


def decimate(epoch: Float32, step: int, sfreq: float) -> Float32:
    """Return an epoch at a lower rate, by leaving out the high part of its spectrum.

    The epoch is continued on both sides by its own odd reflection, so that its ends do not ring
    (as MNE-Python's ``mne.filter.resample`` does); no sample outside the epoch is used.

    Parameters
    ----------
    epoch : array of shape (n_channels, n_times)
        n_times a multiple of ``step``.
    step : int
        How many samples become one.
    sfreq : float
        Rate of the epoch in Hz.

    Returns
    -------
    array of shape (n_channels, n_times // step), float32
    """
    if step == 1:
        return epoch
    n = epoch.shape[1]
    pad = min(round(PAD_S * sfreq / step) * step, (n - 1) // step * step)
    padded: Float64 = np.pad(
        epoch.astype(np.float64), ((0, 0), (pad, pad)), mode="reflect", reflect_type="odd"
    )
    spectrum = np.fft.rfft(padded)  # (n_channels, (n + 2·pad) // 2 + 1)
    length = padded.shape[1] // step
    kept = spectrum[:, : length // 2 + 1].copy()
    if length % 2 == 0:
        kept[:, -1] = kept[:, -1].real * 2  # both signs of the highest frequency
    low = np.fft.irfft(kept, length) / step
    return np.asarray(low[:, pad // step : (pad + n) // step], np.float32)


def _session(content: Any, path: Path) -> tuple[NDArray[Any], list[str], float, list[str]]:
    """Return data, channel names, rate and channel types of a session's dict."""
    needed = ("raw_eeg_data", "ch_names", "sfreq", "ch_types")
    keys = list(content) if isinstance(content, dict) else []
    if any(key not in keys for key in needed):
        came = ", ".join(map(repr, keys)) or type(content).__name__
        raise RecordingError(f"{path}: a dict of {', '.join(needed)} is expected, not {came}")
    data = np.asarray(content["raw_eeg_data"])
    names = [str(name) for name in content["ch_names"]]
    types = [str(kind) for kind in content["ch_types"]]
    if data.ndim != 2 or not len(data) == len(names) == len(types):
        raise RecordingError(
            f"{path}: each channel needs a name and a type, but {data.shape} samples came with "
            f"{len(names)} names and {len(types)} types"
        )
    if types.count("stim") != 1 or "eeg" not in types:
        raise RecordingError(
            f"{path}: one channel of type stim and at least one of type eeg are expected, not "
            f"{types.count('stim')} and {types.count('eeg')}"
        )
    return content["raw_eeg_data"], names, float(content["sfreq"]), types


def _table(codes: Int64, images: ImageList, subject: str, path: Path) -> TrialTable:
    if not len(codes):
        raise RecordingError(f"{path}: there is no stimulus in the stim channel")
    if codes.max() > len(images):
        raise RecordingError(
            f"{path}: code k shows the k-th of {len(images)} images, but code {codes.max()} came: "
            "give the list of this split"
        )
    image = codes - 1
    return TrialTable(
        subject=np.zeros(len(image), np.int64),
        concept=images.concept[image],
        image=image,
        repetition=count_within(image),
        subjects=(subject,),
        concept_names=images.concept_names,
        image_names=images.names,
    )
