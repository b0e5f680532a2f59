"""THINGS-fMRI: one response a voxel and trial, from the voxels of visual areas.

Two layouts. The published single-trial tables (``betas_csv``) are ``sub-01_ResponseData.h5``
(pandas, "fixed" format) or ``.csv``: a row a voxel, the first column ``voxel_id``, then a column a
trial; ``sub-01_StimulusMetadata.csv`` with ``trial_type`` and ``stimulus`` of each trial; and
``sub-01_VoxelMetadata.csv`` with a 0/1 column for each area. BrainFLORA's are pickled arrays
``train_responses.pkl`` (concepts, 12 images, voxels) and ``test_responses.pkl`` (images, 12
repetitions, voxels), of the same areas, rows sorted by image.

A response has no time: it is one sample at 0 s. Persons differ in their voxels, so everyone's are
padded with zeros to the 7000 features of BrainFLORA's tower; the same feature number means
another voxel in another person.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.arrays import ArraySignals
from saccade.models.data.containers import read_container
from saccade.models.data.images import ImageList
from saccade.models.data.table import Int64, TrialTable, count_within
from saccade.realtime.errors import RecordingError
from saccade.realtime.types import Float32

N_FEATURES = 7000
SIDED = ("OFA", "FFA", "EBA", "PPA")
AREAS = ("V1", "V2", "V3", "hV4", *(f"{side}{area}" for area in SIDED for side in "lr"))
BLOCK_ROWS = 1024  # voxels that are read at a time


def read_betas(
    path: Path,
    subject: str,
    split: str,
    *,
    areas: Sequence[str] = AREAS,
    n_features: int = N_FEATURES,
) -> ArraySignals:
    """Read the published tables of one subject.

    Parameters
    ----------
    path : Path
        ``sub-XX_ResponseData.h5`` or ``.csv``, the other two tables beside it.
    subject : str
        Whose it is.
    split : {"train", "test"}
        Trials of this ``trial_type``.
    areas : sequence of str
        A voxel is used where it lies in one of them.
    n_features : int
        Zeros are added up to this number.

    Raises
    ------
    RecordingError
        If a table is missing or not of this form, or there are more voxels than features.
    """
    stem = path.name.partition("_ResponseData")[0]
    stimuli = _csv(path.with_name(f"{stem}_StimulusMetadata.csv"), ("trial_type", "stimulus"))
    voxels = _inside(path.with_name(f"{stem}_VoxelMetadata.csv"), areas)
    used = np.flatnonzero(voxels)
    trials = np.flatnonzero([trial["trial_type"] == split for trial in stimuli])
    if not len(used) or not len(trials):
        raise RecordingError(
            f"{path}: {len(used)} of {len(voxels)} voxels lie in {', '.join(areas)} and "
            f"{len(trials)} of {len(stimuli)} trials are for {split}: at least one of each is "
            "needed"
        )
    read = _hdf_rows if path.suffix == ".h5" else _csv_rows
    responses = read(path, used, (len(voxels), len(stimuli)))[:, trials]  # (n_voxels, n_trials)
    shown = [stimuli[trial]["stimulus"] for trial in trials]
    images = ImageList.of(sorted(set(shown)))
    place = {name: number for number, name in enumerate(sorted(set(shown)))}
    image = np.array([place[name] for name in shown], np.int64)
    table = TrialTable(
        subject=np.zeros(len(image), np.int64),
        concept=images.concept[image],
        image=image,
        repetition=count_within(image),
        subjects=(subject,),
        concept_names=images.concept_names,
        image_names=images.names,
    )
    return _padded(responses.T, table, n_features, path)


def read_responses(
    path: Path,
    subject: str,
    images: ImageList,
    *,
    trust_pickle: bool = False,
    n_features: int = N_FEATURES,
) -> ArraySignals:
    """Read BrainFLORA's array of one subject and split.

    Parameters
    ----------
    path : Path
        ``train_responses.pkl`` or ``test_responses.pkl``, or such an array as ``.npy``.
    subject : str
        Whose it is.
    images : ImageList
        Of this split, in sorted order: as many as concepts × 12, or as test images.
    trust_pickle : bool
        Read pickles too.
    n_features : int
        Zeros are added up to this number.

    Raises
    ------
    RecordingError
        If the array has another form, or does not fit the images.
    """
    data = read_container(path, trust_pickle=trust_pickle)
    if not isinstance(data, np.ndarray) or data.ndim != 3:
        came = data.shape if isinstance(data, np.ndarray) else type(data).__name__
        raise RecordingError(
            f"{path}: responses of shape (concepts, images, voxels) or (images, repetitions, "
            f"voxels) are expected, not {came}"
        )
    n_rows, n_each, n_voxels = data.shape
    lead = (n_rows, n_each, 1) if len(images) == n_rows * n_each else (n_rows, n_each)
    try:
        table = images.grid(lead, subject)
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from error
    return _padded(data.reshape(-1, n_voxels), table, n_features, path)


def _padded(
    responses: NDArray[Any], table: TrialTable, n_features: int, path: Path
) -> ArraySignals:
    """Return responses (n_trials, n_voxels) with zeros up to a number of features."""
    n_trials, n_voxels = responses.shape
    if n_voxels > n_features:
        raise RecordingError(
            f"{path} has {n_voxels} voxels for {n_features} features: allow more of them"
        )
    data: Float32 = np.zeros((n_trials, n_features, 1), np.float32)
    data[:, :n_voxels, 0] = responses
    names = [f"feature-{number}" for number in range(1, n_features + 1)]
    return ArraySignals(data, table, names, sfreq=1.0, tmin_s=0.0, modality="fmri")


def _inside(path: Path, areas: Sequence[str]) -> list[bool]:
    """Return of each voxel whether it lies in one of some areas."""
    voxels = _csv(path, areas)
    try:
        return [sum(float(voxel[area]) for area in areas) > 0 for voxel in voxels]
    except ValueError as error:
        raise RecordingError(f"{path} must have 0 or 1 for each area, but: {error}") from error


def _csv(path: Path, needed: Sequence[str]) -> list[dict[str, str]]:
    """Return the rows of a table that has these columns."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                raise RecordingError(
                    f"{path} must have the columns {', '.join(needed)}, but has no "
                    f"{', '.join(missing)}"
                )
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RecordingError(f"{path} can't be read as a table: {error}") from error
    short = [number for number, row in enumerate(rows, 1) if None in row.values()]
    if short:
        raise RecordingError(
            f"{path}: every row must have all columns, but row {short[0]} is cut short"
        )
    return rows


def _csv_rows(path: Path, used: Int64, shape: tuple[int, int]) -> Float32:
    """Return some voxels' responses from a table with ``voxel_id`` first."""
    wanted, rows = set(used.tolist()), []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = csv.reader(file)
            header = next(lines, [])
            n_rows = 0
            for n_rows, line in enumerate(lines, start=1):
                if len(line) != len(header):
                    raise ValueError(f"row {n_rows} has {len(line)} of {len(header)} columns")
                if n_rows - 1 in wanted:
                    rows.append(np.array(line[1:], np.float32))
    except (OSError, ValueError, csv.Error) as error:
        raise RecordingError(f"{path} can't be read as a table of numbers: {error}") from error
    _check_shape(path, (n_rows, len(header) - 1), shape)
    return np.stack(rows)


def _hdf_rows(path: Path, used: Int64, shape: tuple[int, int]) -> Float32:
    """Return some voxels' responses from a table that pandas wrote.

    Its numbers lie in blocks, one for each type of column, in the order of the columns: whole
    ``voxel_id`` apart from the responses, or, as a fraction too, before them in the same block.
    """
    try:
        import h5py
    except ImportError as error:
        raise RecordingError(f"{path} is read by h5py: pip install h5py") from error
    try:
        with h5py.File(path, "r") as file:
            nodes = [node for node in file.values() if isinstance(node, h5py.Group)]
            blocks = [
                node[name]
                for node in nodes
                for name in node
                if re.fullmatch(r"block\d+_values", name)
            ]
            if not blocks:
                raise RecordingError(
                    f"{path} has no table of pandas' fixed format: write it with "
                    "DataFrame.to_hdf, or as .csv"
                )
            values = max(blocks, key=lambda block: block.shape[-1])
            with_id = values.shape[1] == shape[1] + 1
            _check_shape(path, (values.shape[0], values.shape[1] - with_id), shape)
            parts = [values[start:stop][rows] for start, stop, rows in _blocks(used, shape[0])]
            table = np.concatenate(parts)
            if with_id and (table[:, 0] != table[:, 0].round()).any():
                _check_shape(path, values.shape, shape)  # it is a trial, one too many
            return table[:, int(with_id) :].astype(np.float32)
    except OSError as error:
        raise RecordingError(f"{path} can't be read as HDF5: {error}") from error


def _blocks(used: Int64, n_rows: int) -> Iterator[tuple[int, int, Int64]]:
    """Yield spans of rows, with those used in each."""
    for start in range(0, n_rows, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, n_rows)
        rows = used[(used >= start) & (used < stop)] - start
        if len(rows):
            yield start, stop, rows


def _check_shape(path: Path, came: tuple[int, int], expected: tuple[int, int]) -> None:
    if came != expected:
        raise RecordingError(
            f"{path} must have {expected[0]} voxels and {expected[1]} trials, as the tables "
            f"beside it, but has {came[0]} and {came[1]}"
        )
