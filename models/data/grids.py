"""Preprocessed THINGS-EEG2 and THINGS-MEG as published: one array over images and repetitions.

Three kinds of file hold the same thing, one subject and one split each:

- Gifford's release, NICE and ATM: a pickled dict of ``preprocessed_eeg_data`` (images,
  repetitions, channels, times), ``ch_names`` and ``times``; BrainFLORA has ``meg_data`` for MEG.
- UBP: a torch file of ``eeg`` (the same shape; MEG too), ``img``, ``label``, ``ch_names``,
  ``times``. It names its images; the other kinds need a list of them.
- NeuroBridge and SAMGA: a plain array (concepts, images of one, repetitions, channels, times),
  with ``info.json`` beside it or one folder up.

``times`` may be longer than the data, because the baseline was cut off after it was noted: the
last ones count. What is open and therefore assumed, and refused where it can't be: without
``times`` or ``sfreq``, EEG is 250 samples at 250 Hz and MEG 200 or 201 at 200 Hz, from 0 s;
without ``ch_names``, EEG has the 63 channels of THINGS-EEG2 in their order, and MEG sensors are
numbered. ``info.json`` may give ``ch_names``, ``sfreq``, ``times``. The unit is that of the file:
these data are whitened or z-scored.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from saccade.models.data.arrays import ArraySignals
from saccade.models.data.containers import read_container
from saccade.models.data.images import ImageList
from saccade.realtime.errors import RecordingError
from saccade.realtime.simulation.montage import CH_NAMES

DATA_KEYS = ("preprocessed_eeg_data", "eeg", "meg_data")
ASSUMED = {"eeg": (250.0, (250,)), "meg": (200.0, (200, 201))}  # rate in Hz, samples
THINGS_EEG2 = tuple(name for name in CH_NAMES if name != "Fz")  # the simulated cap adds Fz
UNEVEN = 0.01  # of a sample period, that a step of ``times`` may be off


def read_grid(
    path: Path,
    subject: str,
    images: ImageList | None = None,
    *,
    modality: str = "eeg",
    trust_pickle: bool = False,
) -> ArraySignals:
    """Open a file of preprocessed epochs; they are mapped, and read as they are asked for.

    Parameters
    ----------
    path : Path
        ``.npy``, ``.pkl`` or ``.pt``.
    subject : str
        Whose it is.
    images : ImageList or None
        In the order of the rows. A file that names its images must agree with it, or do alone.
    modality : {"eeg", "meg"}
        What was recorded.
    trust_pickle : bool
        Read pickles too.

    Raises
    ------
    RecordingError
        If the file is not of these kinds, or contradicts itself or the images.
    """
    content = read_container(path, trust_pickle=trust_pickle)
    fields = content if isinstance(content, dict) else {"eeg": content, **_info(path)}
    try:
        return _signals(fields, subject, images, modality)
    except (RecordingError, TypeError, ValueError) as error:
        raise RecordingError(f"{path}: {error}") from error


def _signals(
    fields: dict[str, Any], subject: str, images: ImageList | None, modality: str
) -> ArraySignals:
    keys = [key for key in DATA_KEYS if key in fields]
    if len(keys) != 1 or not isinstance(fields[keys[0]], np.ndarray):
        raise RecordingError(
            f"one array named {', '.join(DATA_KEYS)} is expected, but the file has "
            f"{', '.join(map(repr, fields)) or 'nothing'}"
        )
    data = fields[keys[0]]
    if not 3 <= data.ndim <= 5:
        raise RecordingError(
            "signals have the shape (images[, repetitions], channels, times) or (concepts, images "
            f"of one, repetitions, channels, times), not {data.shape}"
        )
    *lead, n_channels, n_times = data.shape
    sfreq, tmin_s = _times(fields, n_times, modality)
    named = _named_images(fields, lead) if "img" in fields else None
    if named is not None and images is not None:
        _check_same(named, images)
    listed = named or images
    if listed is None:
        raise RecordingError(
            "the file does not name its images: give their order with a folder of images or a "
            "text file with one a line"
        )
    table = listed.grid(lead, subject)
    return ArraySignals(
        data, table, _channels(fields, n_channels, modality), sfreq, tmin_s, modality
    )


def _times(fields: dict[str, Any], n_times: int, modality: str) -> tuple[float, float]:
    """Return rate and time of the first sample."""
    if "times" in fields:
        times = np.asarray(fields["times"], np.float64)
        steps = np.diff(times)
        if times.ndim != 1 or len(times) < max(n_times, 2) or not (steps > 0).all():
            raise RecordingError(
                f"epochs of {n_times} samples need at least as many rising times, not {times.shape}"
            )
        if np.ptp(steps) > 2 * UNEVEN * steps.mean():
            raise RecordingError(
                f"times must be evenly spaced, but steps of {steps.min():.6g} to "
                f"{steps.max():.6g} s came"
            )
        sfreq = round((len(times) - 1) / (times[-1] - times[0]), 4)
        return sfreq, round(times[-n_times] * sfreq) / sfreq
    if "sfreq" in fields:
        return float(fields["sfreq"]), 0.0
    sfreq, expected = ASSUMED[modality]
    if n_times not in expected:
        raise RecordingError(
            f"without times, {modality} epochs are {' or '.join(map(str, expected))} samples at "
            f"{sfreq:g} Hz from 0 s, not {n_times}: write times or sfreq into info.json"
        )
    return sfreq, 0.0


def _channels(fields: dict[str, Any], n_channels: int, modality: str) -> tuple[str, ...]:
    if "ch_names" in fields:
        return tuple(str(name) for name in fields["ch_names"])
    if modality == "meg":
        return tuple(f"MEG{number:03d}" for number in range(1, n_channels + 1))
    if n_channels != len(THINGS_EEG2):
        raise RecordingError(
            f"without ch_names the {len(THINGS_EEG2)} channels of THINGS-EEG2 are expected, "
            f"not {n_channels}: write ch_names into info.json"
        )
    return THINGS_EEG2


def _named_images(fields: dict[str, Any], lead: list[int]) -> ImageList:
    """Return the images that the file names, one name an image or one a trial."""
    paths = np.asarray(fields["img"]).astype(str)
    n_images = int(np.prod(lead[:-1] if len(lead) > 1 else lead))
    if paths.size == np.prod(lead):
        paths = paths.reshape(n_images, -1)
        mixed = np.flatnonzero((paths != paths[:, :1]).any(axis=1))
        if len(mixed):
            raise RecordingError(
                f"all repetitions of an image show it, but those of row {mixed[0]} are named "
                f"{', '.join(sorted(set(paths[mixed[0]]))[:3])}"
            )
        paths = paths[:, 0]
    if paths.shape != (n_images,):
        raise RecordingError(
            f"{n_images} images need a name each, but img has the shape {paths.shape}"
        )
    images = ImageList.of(paths.tolist())
    if "label" in fields:
        labels = np.asarray(fields["label"]).reshape(n_images, -1)[:, 0]
        pairs = {(int(a), int(b)) for a, b in zip(labels, images.concept, strict=True)}
        if not len(pairs) == len(set(labels.tolist())) == len(images.concept_names):
            raise RecordingError(
                f"each label stands for one concept, but {len(set(labels.tolist()))} labels and "
                f"{len(images.concept_names)} concepts make {len(pairs)} pairs"
            )
    return images


def _check_same(named: ImageList, images: ImageList) -> None:
    for row, (own, given) in enumerate(zip(named.names, images.names, strict=False)):
        if own != given:
            raise RecordingError(
                f"row {row} shows {own!r} by the file and {given!r} by the list of images: give "
                "the list of this data set and split, or none"
            )
    if len(named) != len(images):
        raise RecordingError(
            f"the file names {len(named)} images and the list {len(images)}: give the list of "
            "this data set and split, or none"
        )


def _info(path: Path) -> dict[str, Any]:
    """Return what ``info.json`` says, beside the file or one folder up."""
    for file in (path.parent / "info.json", path.parent.parent / "info.json"):
        if file.is_file():
            try:
                info = json.loads(file.read_text(encoding="utf-8"))
            except ValueError as error:
                raise RecordingError(f"{file} is not JSON: {error}") from error
            known = info if isinstance(info, dict) else {}
            return {key: known[key] for key in ("ch_names", "sfreq", "times") if key in known}
    return {}
