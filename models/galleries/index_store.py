"""An index as one file, ``*.index``: what it finds, and what faiss needs to find it.

It is a :mod:`sealed zip <saccade.models.decoders.sealed_zip>` of ``manifest.json`` (the facts),
``order.safetensors`` and ``searcher.faiss``. The vectors stay in the gallery's file. The seal shows
accidents, not malice, and faiss checks little of what it reads: load no index of unknown origin.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from saccade.models.decoders import sealed_zip
from saccade.models.decoders.manifest import read_json, write_json
from saccade.models.decoders.whole_file import check_new, write_whole
from saccade.models.galleries.index import Index, IndexFacts, digest, import_faiss
from saccade.realtime.errors import DecoderFileError, GalleryError
from saccade.realtime.types import Float32

SUFFIX = ".index"
LARGEST_MEMBER = {  # bytes; the archive has them in this order
    "manifest.json": 2**20,
    "order.safetensors": 2**31,
    "searcher.faiss": 2**34,
}


def save(index: Index, path: Path, *, overwrite: bool = False) -> None:
    """Write an index, whole or not at all.

    Parameters
    ----------
    index : Index
        What to write.
    path : Path
        Where to; its name ends in ``.index``.
    overwrite : bool
        Replace a file that is there.

    Raises
    ------
    GalleryError
        If the name ends otherwise, the file exists, or can't be written.
    """
    path = Path(path)
    check_new(path, SUFFIX, overwrite=overwrite)
    members = {
        "manifest.json": write_json(dataclasses.asdict(index.facts)),
        "order.safetensors": safetensors.numpy.save({"order": index.order}),
        "searcher.faiss": import_faiss().serialize_index(index.searcher).tobytes(),
    }
    try:
        write_whole(path, sealed_zip.pack(members))
    except OSError as error:
        raise GalleryError(f"{path} can't be written: {error}") from error


def load(path: Path, vectors: Float32) -> Index:
    """Read an index.

    Parameters
    ----------
    path : Path
        A ``*.index`` file.
    vectors : array of shape (G, D), float32
        Those it was built for.

    Raises
    ------
    GalleryError
        If the file can't be read, was damaged or altered, or is for other vectors, or faiss is
        not installed.
    """
    path, faiss = Path(path), import_faiss()
    try:
        members = sealed_zip.unpack(sealed_zip.read(path, LARGEST_MEMBER), LARGEST_MEMBER)
        facts = read_json(IndexFacts, members["manifest.json"], "manifest.json")
        order = safetensors.numpy.load(members["order.safetensors"])["order"]
    except (DecoderFileError, safetensors.SafetensorError, KeyError) as error:
        raise GalleryError(f"no index can be read from {path}: {error}") from error
    came = digest(vectors)
    if came != facts.digest:
        raise GalleryError(
            f"{path} is for {facts.size} vectors of SHA-256 {facts.digest[:12]}…, not for these "
            f"{len(vectors)} of {came[:12]}…: build it again with saccade gallery index"
        )
    try:
        searcher = faiss.deserialize_index(np.frombuffer(members["searcher.faiss"], np.uint8))
    except RuntimeError as error:
        raise GalleryError(
            f"no index can be read from {path}: faiss can't read its searcher.faiss, written by "
            "another version perhaps: build it again with saccade gallery index"
        ) from error
    if searcher.ntotal != len(vectors) or not _is_permutation(order, len(vectors)):
        raise GalleryError(
            f"no index can be read from {path}: each of {len(vectors)} vectors should be in it "
            f"once, but it finds {searcher.ntotal} by an order of {order.size}: build it again "
            "with saccade gallery index"
        )
    return Index(searcher, order, vectors, facts)


def _is_permutation(order: NDArray[np.int64], n: int) -> bool:
    return order.shape == (n,) and bool((np.sort(order) == np.arange(n)).all())
