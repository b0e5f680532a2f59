"""The layouts that can be opened, and how their files are found.

A data set is a folder with one folder or file a subject, or one such file. Which layout it is, is
said and not guessed: several use the same file names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from saccade.models.data.arrays import SignalSet
from saccade.models.data.fmri import read_betas, read_responses
from saccade.models.data.grids import read_grid
from saccade.models.data.images import ImageList, read_images
from saccade.models.data.meg import EpochsFif
from saccade.models.data.raw import RawSignals
from saccade.models.data.trials_file import load_trials
from saccade.models.data.views import Joined
from saccade.realtime.errors import ConfigError, RecordingError

SUBJECT = re.compile(r"sub-[A-Za-z0-9]+|(?<![A-Za-z])P\d+")


@dataclass(frozen=True, slots=True)
class Request:
    """What a reader is asked for: whose file, which split, and with what."""

    subject: str
    split: str
    images: ImageList | None
    trust_pickle: bool

    def listed(self, path: Path) -> ImageList:
        """Return the list of images, or refuse to do without."""
        if self.images is None:
            raise ConfigError(
                f"{path} does not name its images: give their order with --images, a folder of "
                "images or a text file with one a line"
            )
        return self.images


@dataclass(frozen=True, slots=True)
class Layout:
    """How a data set lies on disk.

    Parameters
    ----------
    what : str
        For a person to read.
    files : dict of str to tuple of str
        Patterns of each split's files, relative to the data set's folder; of a subject, those
        of the first pattern that finds any.
    read : callable
        Opens one file.
    """

    what: str
    files: dict[str, tuple[str, ...]]
    read: Callable[[Path, Request], SignalSet]


def _grid(modality: str) -> Callable[[Path, Request], SignalSet]:
    return lambda path, asked: read_grid(
        path,
        asked.subject,
        asked.images,
        modality=modality,
        trust_pickle=asked.trust_pickle,
    )


def _raw(path: Path, asked: Request) -> SignalSet:
    return RawSignals(path, asked.subject, asked.listed(path), trust_pickle=asked.trust_pickle)


def _fif(path: Path, asked: Request) -> SignalSet:
    return EpochsFif(path, asked.subject, asked.listed(path), asked.split)


def _betas(path: Path, asked: Request) -> SignalSet:
    return read_betas(path, asked.subject, asked.split)


def _responses(path: Path, asked: Request) -> SignalSet:
    return read_responses(path, asked.subject, asked.listed(path), trust_pickle=asked.trust_pickle)


LAYOUTS = {
    "gifford-raw": Layout(
        "THINGS-EEG2, raw sessions (OSF 3jk45)",
        {
            "train": ("sub-*/ses-*/raw_eeg_training.npy",),
            "test": ("sub-*/ses-*/raw_eeg_test.npy",),
        },
        _raw,
    ),
    "gifford": Layout(
        "THINGS-EEG2, preprocessed as by Gifford (17 channels, 100 Hz), NICE or ATM (63, 250 Hz)",
        {
            "train": ("sub-*/preprocessed_eeg_training.npy",),
            "test": ("sub-*/preprocessed_eeg_test.npy",),
        },
        _grid("eeg"),
    ),
    "ubp": Layout(
        "THINGS-EEG2 as UBP's torch files",
        {"train": ("sub-*/train.pt",), "test": ("sub-*/test.pt",)},
        _grid("eeg"),
    ),
    "neurobridge": Layout(
        "THINGS-EEG2 as NeuroBridge's and SAMGA's plain arrays",
        {"train": ("sub-*/train.npy",), "test": ("sub-*/test.npy",)},
        _grid("eeg"),
    ),
    "things-meg": Layout(
        "THINGS-MEG, preprocessed epochs as FIF (OpenNeuro ds004212)",
        dict.fromkeys(("train", "test"), ("preprocessed_P*-epo.fif", "sub-*/*-epo.fif")),
        _fif,
    ),
    "meg-arrays": Layout(
        "THINGS-MEG as UBP's, NeuroBridge's or BrainFLORA's arrays",
        {
            "train": ("sub-*/train.pt", "sub-*/train.npy", "sub-*/preprocessed_meg_training.pkl"),
            "test": ("sub-*/test.pt", "sub-*/test.npy", "sub-*/preprocessed_meg_test.pkl"),
        },
        _grid("meg"),
    ),
    "things-fmri": Layout(
        "THINGS-fMRI, single-trial tables (betas_csv)",
        dict.fromkeys(("train", "test"), ("sub-*_ResponseData.h5", "sub-*_ResponseData.csv")),
        _betas,
    ),
    "fmri-arrays": Layout(
        "THINGS-fMRI as BrainFLORA's arrays",
        {
            "train": ("sub-*/train_responses.pkl", "sub-*/train_responses.npy"),
            "test": ("sub-*/test_responses.pkl", "sub-*/test_responses.npy"),
        },
        _responses,
    ),
    "trials": Layout(
        "own sessions, as saccade writes them (no test split: hold concepts or time out)",
        {"train": ("*.npz",)},
        lambda path, _: load_trials(path),
    ),
}
LAYOUTS["nice"] = LAYOUTS["gifford"]


def open_dataset(
    path: Path,
    layout: str,
    *,
    split: str = "train",
    subjects: Sequence[str] | None = None,
    images: Path | None = None,
    trust_pickle: bool = False,
) -> SignalSet:
    """Open a data set; its signals are read as they are asked for.

    Parameters
    ----------
    path : Path
        The data set's folder, or one file of it.
    layout : str
        A key of :data:`LAYOUTS`.
    split : {"train", "test"}
        Which of the layout's parts.
    subjects : sequence of str, or None
        Names as folders or files have them (``sub-01``, ``P1``; where there is no such name, the
        file's without its suffix); None for all.
    images : Path or None
        The order of the images, where the layout does not name them: a folder or a text file
        (:func:`~saccade.models.data.images.read_images`).
    trust_pickle : bool
        Read pickles too.

    Returns
    -------
    SignalSet
        All subjects' rows, one subject after the other.

    Raises
    ------
    ConfigError
        If the layout, split or a subject is unknown, images are needed, or subjects differ in
        channels or window.
    RecordingError
        If a file is not of the layout.
    """
    if layout not in LAYOUTS:
        raise ConfigError(f"the layout is one of {', '.join(sorted(LAYOUTS))}, not {layout!r}")
    patterns = LAYOUTS[layout].files.get(split)
    if patterns is None:
        raise ConfigError(
            f"the layout {layout} has {' and '.join(LAYOUTS[layout].files)}, not {split!r}: hold "
            "out concepts or sessions yourself"
        )
    listed = None if images is None else read_images(images, split)
    files = _files(path, layout, patterns)
    sets = [
        LAYOUTS[layout].read(file, Request(subject, split, listed, trust_pickle))
        for file, subject in _chosen(files, subjects)
    ]
    return sets[0] if len(sets) == 1 else Joined(sets)


def _files(path: Path, layout: str, patterns: Sequence[str]) -> list[tuple[Path, str]]:
    """Return each file and whose it is."""
    if path.is_file():
        return [(path, _subject(path, path.parts[-3:]))]
    found: list[tuple[Path, str]] = []
    for pattern in patterns:
        there = {subject for _, subject in found}  # the same in another format counts once
        matches = path.glob(pattern)
        files = [(file, _subject(file, file.relative_to(path).parts)) for file in matches]
        found += sorted(pair for pair in files if pair[1] not in there)
    if not found:
        raise RecordingError(
            f"{path} holds none of the files of layout {layout} ({', '.join(patterns)}): "
            "name the folder above them, or another layout"
        )
    return found


def _subject(file: Path, parts: Sequence[str]) -> str:
    names = [match[0] for part in parts if (match := SUBJECT.search(part))]
    return names[0] if names else file.stem


def _chosen(
    files: list[tuple[Path, str]], subjects: Sequence[str] | None
) -> list[tuple[Path, str]]:
    there = list(dict.fromkeys(subject for _, subject in files))
    unknown = [name for name in subjects or () if name not in there]
    if unknown or subjects == []:
        raise ConfigError(
            f"the subjects are {', '.join(there)}, but {', '.join(unknown) or 'none'} was asked for"
        )
    return files if subjects is None else [pair for pair in files if pair[1] in subjects]
