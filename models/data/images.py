"""The order of the pictures: which image, and which concept, each row of a data set shows.

THINGS keeps its pictures in folders of concepts, ``00001_aardvark/aardvark_01b.jpg``; rows follow
the sorted folders and, within one, the sorted files. The name that is kept has no number
(``aardvark/aardvark_01b.jpg``): numbers differ between THINGS-EEG2, THINGS-MEG and their splits,
and one picture shall have one name everywhere.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from saccade.models.data.table import Int64, TrialTable
from saccade.realtime.errors import RecordingError
from saccade.realtime.types import frozen

SUFFIXES = (".jpg", ".jpeg", ".png")
SPLIT_FOLDERS = {"train": ("training_images", "train_images"), "test": ("test_images",)}


@dataclass(frozen=True, slots=True, eq=False)
class ImageList:
    """Images in the order of a data set, with the concept of each.

    Parameters
    ----------
    names : tuple of str, length n_images
        ``concept/file``, unique.
    concept_names : tuple of str
        Unique, in the order in which they come first.
    concept : array of shape (n_images,), int64
        Index into ``concept_names``.
    """

    names: tuple[str, ...]
    concept_names: tuple[str, ...]
    concept: Int64

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.names)

    @classmethod
    def of(cls, paths: Sequence[str]) -> ImageList:
        """Return the list of images with these paths, file names or names of concepts.

        Of a path the last folder is the concept; of a file name alone, the name less what THINGS
        numbers a concept's pictures with (``dog_12s.jpg`` is a dog, ``hot_dog.jpg`` is not hot).
        A leading number is no part of either.

        Raises
        ------
        RecordingError
            If an entry is blank or an image comes twice.
        """
        names, concepts = [], []
        for number, path in enumerate(paths, start=1):
            concept, name = _concept_and_name(path.strip())
            if not concept:
                raise RecordingError(f"every image needs a name, but number {number} has none")
            names.append(name)
            concepts.append(concept)
        if len(set(names)) != len(names):
            repeated, count = Counter(names).most_common(1)[0]
            raise RecordingError(
                f"an image stands for one row, but {repeated!r} is listed {count} times: list "
                "every image once"
            )
        concept_names = tuple(dict.fromkeys(concepts))
        place = {name: index for index, name in enumerate(concept_names)}
        rows = np.array([place[concept] for concept in concepts], np.int64)
        return cls(tuple(names), concept_names, frozen(rows))

    def grid(self, shape: Sequence[int], subject: str) -> TrialTable:
        """Return the table of signals whose leading axes are images and repetitions.

        Parameters
        ----------
        shape : sequence of int
            (images,), (images, repetitions) or (concepts, images a concept, repetitions).
        subject : str
            Whose signals they are.

        Raises
        ------
        RecordingError
            If the list has another number of images, or images of one concept are not together.
        """
        n_images = int(np.prod(shape[:-1] if len(shape) > 1 else shape))
        n_repetitions = int(shape[-1]) if len(shape) > 1 else 1
        images = self if len(self) == n_images else self._spread(n_images)
        if len(shape) == 3:
            blocks = images.concept.reshape(shape[:2])
            if (blocks != blocks[:, :1]).any() or len(np.unique(blocks[:, 0])) != shape[0]:
                raise RecordingError(
                    f"signals are {shape[0]} concepts of {shape[1]} images, but the list has "
                    f"{len(images.concept_names)} concepts in another order: give the list of "
                    "this data set and split"
                )
        image = np.repeat(np.arange(n_images), n_repetitions)
        return TrialTable(
            subject=np.zeros(len(image), np.int64),
            concept=images.concept[image],
            image=image,
            repetition=np.tile(np.arange(n_repetitions), n_images),
            subjects=(subject,),
            concept_names=images.concept_names,
            image_names=images.names,
        )

    def _spread(self, n_images: int) -> ImageList:
        """Return several images a concept, where the list names concepts alone."""
        concepts_alone = self.names == self.concept_names
        if not concepts_alone or n_images % len(self):
            raise RecordingError(
                f"signals of {n_images} images came with a list of {len(self)} "
                f"{'concepts' if concepts_alone else 'images'}: give the list of this data set "
                "and split, in its order"
            )
        each = n_images // len(self)
        return ImageList(
            tuple(f"{name}/{number + 1:02d}" for name in self.names for number in range(each)),
            self.concept_names,
            frozen(np.repeat(self.concept, each)),
        )


def read_images(path: Path, split: str) -> ImageList:
    """Read the order of images from a folder of folders, or from a text file.

    Parameters
    ----------
    path : Path
        A folder with one folder a concept, or one that holds ``training_images`` (or
        ``train_images``) and ``test_images``; or a UTF-8 file with one image a line, or one
        concept a line where every concept has equally many images.
    split : {"train", "test"}
        Which of the two folders, where there are two.

    Raises
    ------
    RecordingError
        If there is neither, a folder of a concept is empty, a line is blank, or an image comes
        twice.
    """
    if path.is_dir():
        inner = [path / name for name in SPLIT_FOLDERS[split] if (path / name).is_dir()]
        return ImageList.of(_in_folder(inner[0] if inner else path))
    try:
        lines = path.read_text(encoding="utf-8-sig").rstrip("\n").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordingError(f"no list of images can be read from {path}: {error}") from error
    try:
        return ImageList.of(lines)
    except RecordingError as error:
        raise RecordingError(f"{path}: {error}") from error


def concept_of(name: str) -> str:
    """Return the concept in the name of a folder or list, without the number that orders it."""
    return re.sub(r"^\d+_(?=.)", "", name)


def concept_of_file(stem: str) -> str:
    """Return the concept in the name of a picture that lies in no folder of its concept."""
    return re.sub(r"(?<=.)_\d+[a-z]$", "", concept_of(stem))


def _in_folder(folder: Path) -> list[str]:
    paths = []
    for concept in sorted(entry for entry in folder.iterdir() if entry.is_dir()):
        files = sorted(f.name for f in concept.iterdir() if f.suffix.lower() in SUFFIXES)
        if not files:
            raise RecordingError(f"{concept} holds no {', '.join(SUFFIXES)}: remove or fill it")
        paths += [f"{concept.name}/{file}" for file in files]
    if not paths:
        raise RecordingError(f"{folder} holds no folder of a concept: name the folder of images")
    return paths


def _concept_and_name(path: str) -> tuple[str, str]:
    parts = PurePosixPath(path.replace("\\", "/")).parts
    if len(parts) > 1:
        concept = concept_of(parts[-2])
        return concept, f"{concept}/{parts[-1]}"
    file = PurePosixPath(path)
    if file.suffix.lower() in SUFFIXES:
        concept = concept_of_file(file.stem)
        return concept, f"{concept}/{file.name}"
    return concept_of(path), concept_of(path)
