"""Own recordings and calibration sessions, as files that training reads like any data set.

A session is a ``.npz`` without pickles: ``data`` (n, channels, times) float32 in µV, ``labels``
(the concept of each trial), ``images`` (what was shown), ``ch_names``, ``sfreq``, ``tmin_s``,
``subject``, ``modality``. The epochs are those that the live pipeline cut, so what is trained on
is what a decoder will get.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.arrays import ArraySignals
from saccade.models.data.containers import mapped_npy, stored_member
from saccade.models.data.table import TrialTable, count_within
from saccade.models.decoders.whole_file import drafted
from saccade.realtime.errors import RecordingError
from saccade.realtime.types import Float32

FIELDS = ("data", "labels", "images", "ch_names", "sfreq", "tmin_s", "subject", "modality")


def save_trials(
    path: Path,
    data: Float32,
    labels: Sequence[str],
    ch_names: Sequence[str],
    sfreq: float,
    tmin_s: float,
    subject: str,
    *,
    images: Sequence[str] | None = None,
    modality: str = "eeg",
) -> None:
    """Write a session, whole or not at all.

    Parameters
    ----------
    path : Path
        Of the file; ``.npz``.
    data : array of shape (n_trials, n_channels, n_times), float32
        Epochs in µV.
    labels : sequence of str, length n_trials
        Concept of each trial.
    ch_names : sequence of str, length n_channels
        Channels in order.
    sfreq, tmin_s : float
        Rate in Hz; time of the first sample after onset in seconds.
    subject : str
        The person.
    images : sequence of str, length n_trials, or None
        What was shown in each trial; None where each concept has one picture.
    modality : {"eeg", "meg", "fmri"}
        What was recorded.

    Raises
    ------
    RecordingError
        If the parts contradict each other, a value is not finite, or the file can't be written.
    """
    shown = labels if images is None else images
    table = _table(list(labels), list(shown), subject)
    signals = ArraySignals(data, table, ch_names, sfreq, tmin_s, modality)
    signals.signals(range(len(table)))  # refuses NaN before it is on disk
    fields: dict[str, Any] = {
        "data": np.asarray(data, np.float32),
        "labels": np.array(labels, np.str_),
        "images": np.array(shown, np.str_),
        "ch_names": np.array(ch_names, np.str_),
        "sfreq": np.float64(sfreq),
        "tmin_s": np.float64(tmin_s),
        "subject": np.array(subject),
        "modality": np.array(modality),
    }
    try:
        with drafted(path) as draft, draft.open("wb") as file:
            np.savez(file, allow_pickle=False, **fields)
    except OSError as error:
        raise RecordingError(f"{path} can't be written: {error}") from error


def load_trials(path: Path) -> ArraySignals:
    """Open a session that :func:`save_trials` wrote; its signals are mapped.

    Raises
    ------
    RecordingError
        If the file is damaged, lacks a part, or its parts contradict each other.
    """
    fields = _members(path)
    try:
        labels, images = fields["labels"].tolist(), fields["images"].tolist()
        table = _table(labels, images, str(fields["subject"]))
        return ArraySignals(
            fields["data"],
            table,
            fields["ch_names"].tolist(),
            float(fields["sfreq"]),
            float(fields["tmin_s"]),
            str(fields["modality"]),
        )
    except (RecordingError, TypeError, ValueError) as error:
        raise RecordingError(f"{path}: {error}") from error


def _members(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with zipfile.ZipFile(path) as archive:
            infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise RecordingError(f"{path} can't be read as a session: {error}") from error
    missing = [name for name in FIELDS if name not in infos]
    if missing:
        raise RecordingError(
            f"{path}: a session has {', '.join(FIELDS)}, but {', '.join(missing)} came not: write "
            "it with save_trials"
        )
    return {name: mapped_npy(path, stored_member(path, infos[name]).start) for name in FIELDS}


def _table(labels: list[str], images: list[str], subject: str) -> TrialTable:
    concept_names, image_names = tuple(dict.fromkeys(labels)), tuple(dict.fromkeys(images))
    concepts = {name: number for number, name in enumerate(concept_names)}
    places = {name: number for number, name in enumerate(image_names)}
    image = np.array([places[name] for name in images], np.int64)
    return TrialTable(
        subject=np.zeros(len(labels), np.int64),
        concept=np.array([concepts[name] for name in labels], np.int64),
        image=image,
        repetition=count_within(image),
        subjects=(subject,),
        concept_names=concept_names,
        image_names=image_names,
    )
