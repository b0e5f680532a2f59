"""THINGS-MEG: epochs in MNE's FIF format, read from disk as they are asked for.

``preprocessed_P1-epo.fif`` (OpenNeuro ds004212, derivatives) holds the 271 magnetometers at
200 Hz from -0.1 to 1.3 s, z-scored by each epoch's baseline. Event k shows the k-th image of
THINGS's list of images (``image_paths.csv`` of its metadata: 26,107 lines); 999999 is a catch
trial. The 200 test images are shown 12 times, all others once. A file from which epochs were
rejected may have fewer of some: whatever comes more than once is a test image, and its concept is
left out of training, which leaves 1654 concepts × 12 images.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.images import ImageList
from saccade.models.data.table import Int64, Rows, TrialTable, checked_rows, count_within
from saccade.realtime.errors import RecordingError
from saccade.realtime.types import Float32

CATCH = 999999
TEST_REPETITIONS = 12


class EpochsFif:
    """One split of a subject's file, as a :class:`~saccade.models.data.signals.SignalSet`.

    Parameters
    ----------
    path : Path
        ``*-epo.fif``; parts of a divided file are found by MNE.
    subject : str
        Whose it is.
    images : ImageList
        All of THINGS: the k-th is that of event k.
    split : {"train", "test"}
        Images shown more than once, or those of other concepts.

    Raises
    ------
    RecordingError
        If MNE is not installed, the file is no file of epochs, it has no magnetometers, an event
        has no image or an image more than 12, or the split is empty.
    """

    modality = "meg"

    def __init__(self, path: Path, subject: str, images: ImageList, split: str) -> None:
        self._path = path
        self._epochs, self._picks = _opened(path)
        self.ch_names = tuple(self._epochs.ch_names[pick] for pick in self._picks)
        self.n_channels = len(self.ch_names)
        self.sfreq = float(self._epochs.info["sfreq"])
        self.n_times = len(self._epochs.times)
        self.tmin_s = float(self._epochs.tmin)
        codes = self._epochs.events[:, 2].astype(np.int64)
        shown = np.flatnonzero(codes != CATCH)
        outside = codes[shown][(codes[shown] < 1) | (codes[shown] > len(images))]
        if len(outside):
            raise RecordingError(
                f"{path}: event k shows the k-th of {len(images)} images, but event {outside[0]} "
                "came: give THINGS's whole list of images, in its order"
            )
        counts = np.bincount(codes[shown] - 1, minlength=len(images))
        if counts.max() > TEST_REPETITIONS:
            raise RecordingError(
                f"{path}: an image is shown {TEST_REPETITIONS} times at most, but "
                f"{images.names[counts.argmax()]} is {counts.max()} times: give one person's file "
                "as it was published"
            )
        self._places = shown[_of_split(codes[shown] - 1, counts > 1, images, split)]
        if not len(self._places):
            raise RecordingError(
                f"{path}: none of {len(shown)} epochs is for {split}: test images are shown "
                "more than once, and their concepts are not trained on"
            )
        image = codes[self._places] - 1
        self.table = TrialTable(
            subject=np.zeros(len(image), np.int64),
            concept=images.concept[image],
            image=image,
            repetition=count_within(image),
            subjects=(subject,),
            concept_names=images.concept_names,
            image_names=images.names,
        )

    def signals(self, rows: Rows) -> Float32:
        """Return the rows asked for, (len(rows), n_channels, n_times)."""
        chosen = checked_rows(rows, len(self.table))
        places, back = np.unique(self._places[chosen], return_inverse=True)
        read = self._epochs.get_data(picks=self._picks, item=places).astype(np.float32)
        bad = np.flatnonzero(~np.isfinite(read).all(axis=(1, 2)))
        if len(bad):
            raise RecordingError(
                f"{self._path}: epochs must be complete, but row {chosen[back == bad[0]][0]} holds "
                "NaN or infinity: leave such rows out with a Subset"
            )
        return np.asarray(read[back])


def _opened(path: Path) -> tuple[Any, list[int]]:
    """Return MNE's epochs, not yet read, and which channels are magnetometers."""
    try:
        import mne
    except ImportError as error:
        raise RecordingError(f"{path} is read by MNE-Python: pip install mne") from error
    try:
        epochs = mne.read_epochs(path, preload=False, verbose="error")
    except (OSError, ValueError) as error:
        first = str(error).partition("\n")[0]
        raise RecordingError(f"{path} can't be read as epochs in a FIF file: {first}") from error
    picks = [pick for pick, kind in enumerate(epochs.get_channel_types()) if kind == "mag"]
    if not picks:
        kinds = ", ".join(sorted(set(epochs.get_channel_types())))
        raise RecordingError(f"{path}: magnetometers are expected, but its channels are {kinds}")
    return epochs, picks


def _of_split(image: Int64, tested: NDArray[np.bool_], images: ImageList, split: str) -> Int64:
    """Return which trials belong to a split."""
    if split == "test":
        return np.flatnonzero(tested[image])
    held_out = np.zeros(len(images.concept_names), bool)
    held_out[images.concept[tested]] = True
    return np.flatnonzero(~held_out[images.concept[image]])
