"""Where galleries come from: embeddings computed elsewhere, and the built-in everyday concepts.

CLIP vectors can't be shipped or computed here, so they are read from the files people publish
beside their name lists. The everyday gallery stands in for them in demos: rated properties of
common things, which is enough geometry to decode against, and labelled as simulated.
"""

from __future__ import annotations

import csv
import importlib.resources
import logging
from pathlib import Path

import numpy as np

from saccade.models.galleries.gallery import Gallery, Kind
from saccade.realtime.errors import GalleryError
from saccade.realtime.types import Float32, Float64

logger = logging.getLogger(__name__)

EVERYDAY_DIM = 512  # that of the smallest CLIP models, so that a demo has their shapes
EVERYDAY_SEED = 20240917


def load_arrays(
    vectors_npy: Path, names_txt: Path, *, backbone: str, weights: str, kind: Kind
) -> Gallery:
    """Read a gallery from embeddings somebody has computed.

    Every row stays where it is, so that row numbers mean the same in the file and in saccade. One
    that repeats an earlier row's name and vector (published lists have such) gets a number behind
    its name and is logged; the same name with another vector is refused.

    Parameters
    ----------
    vectors_npy : Path
        NumPy file of shape (G, D) or (G, 1, D), float16, float32 or float64.
    names_txt : Path
        UTF-8, one name a line, in row order.
    backbone, weights, kind
        As in :class:`Gallery`; a NumPy file does not say.

    Raises
    ------
    GalleryError
        If a file can't be read, holds pickled objects, or does not make a gallery.
    """
    vectors = _read_vectors(Path(vectors_npy))
    names = read_names(Path(names_txt))
    if len(names) != len(vectors):
        raise GalleryError(
            f"one name a row is expected, but {names_txt} has {len(names)} names and "
            f"{vectors_npy} has {len(vectors)} rows: use files that belong together"
        )
    first: dict[str, int] = {}
    repeated: list[str] = []
    for row, name in enumerate(names):
        if row != first.setdefault(name, row) and np.array_equal(
            vectors[row], vectors[first[name]]
        ):
            names[row] = f"{name} ({2 + repeated.count(name)})"
            repeated.append(name)
    if repeated:
        called = ", ".join(sorted(set(repeated)))
        logger.warning("%s has repeated rows, which get a number: %s", names_txt, called)
    return Gallery(
        names=tuple(names),
        vectors=vectors,
        backbone=backbone,
        weights=weights,
        kind=kind,
        source=f"{Path(vectors_npy).name}, {Path(names_txt).name}",
    )


def load_everyday() -> Gallery:
    """Return the built-in gallery of everyday concepts."""
    table = importlib.resources.files("saccade.models") / "data" / "everyday.csv"
    with importlib.resources.as_file(table) as path:
        return read_attributes(path)


def read_attributes(table_csv: Path) -> Gallery:
    """Read a gallery from a table of rated properties.

    Each property is centred, scaled to unit variance over the concepts, and the whole turned
    into 512 dimensions by a fixed orthogonal map, which keeps all distances.

    Parameters
    ----------
    table_csv : Path
        UTF-8 with columns ``concept``, ``group`` and at most 512 properties rated 0 to 1.

    Raises
    ------
    GalleryError
        If the table can't be read, or a rating is missing, out of range or the same for all.
    """
    try:
        with Path(table_csv).open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise GalleryError(f"no table of concepts can be read from {table_csv}: {error}") from error
    if header[:2] != ["concept", "group"] or not 3 <= len(header) <= EVERYDAY_DIM + 2:
        raise GalleryError(
            f"{table_csv} must have columns concept, group and 1 to {EVERYDAY_DIM} properties, "
            f"not {len(header)} columns beginning with {', '.join(header[:2])}"
        )
    if len(rows) < 2:
        raise GalleryError(f"{table_csv} must have at least 2 concepts, not {len(rows)}: add some")
    ratings = np.array([_ratings(row, header, table_csv) for row in rows])
    spread = ratings.std(axis=0)
    if not spread.all():
        constant = header[2 + int(np.argmin(spread))]
        raise GalleryError(
            f"a property must tell concepts apart, but {constant!r} is the same in all "
            f"{len(rows)} rows of {table_csv}: remove the column"
        )
    standard = (ratings - ratings.mean(axis=0)) / spread
    return Gallery(
        names=tuple(row[0] for row in rows),
        vectors=(standard @ _orthogonal_rows(standard.shape[1])).astype(np.float32),
        backbone="everyday-attributes (not CLIP)",
        weights="v1",
        kind="attributes",
        source=table_csv.name,
        groups=tuple(row[1] for row in rows),
        simulated=True,
    )


def read_names(path: Path) -> list[str]:
    """Return the names in a text file, one a line; empty lines at its end do not count.

    Raises
    ------
    GalleryError
        If the file can't be read as UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise GalleryError(f"names can't be read from {path} as UTF-8 text: {error}") from error
    return [line.strip() for line in text.rstrip().split("\n")]


def _ratings(row: list[str], header: list[str], path: Path) -> list[float]:
    """Return the ratings of one row of the table."""
    try:
        ratings = [float(cell) for cell in row[2:]]
        fit = len(row) == len(header) and all(0 <= rating <= 1 for rating in ratings)
    except ValueError:
        fit = False
    if not fit:
        raise GalleryError(
            f"every concept needs {len(header) - 2} ratings from 0 to 1, but the row of "
            f"{row[0] if row else 'nothing'!r} in {path} has others: correct it"
        )
    return ratings


def _orthogonal_rows(count: int) -> Float64:
    """Return orthonormal rows, array of shape (count, 512), the same ones every time."""
    noise = np.random.default_rng(EVERYDAY_SEED).standard_normal((EVERYDAY_DIM, count))
    columns, triangle = np.linalg.qr(noise)
    return np.asarray((columns * np.sign(np.diag(triangle))).T)  # LAPACKs differ in the signs


def _read_vectors(path: Path) -> Float32:
    """Return the vectors of a NumPy file, (G, D) float32."""
    try:
        array = np.load(path, allow_pickle=False)
    except OSError as error:
        raise GalleryError(f"vectors can't be read from {path}: {error}") from error
    except (ValueError, EOFError) as error:
        raise GalleryError(
            f"{path} must be a plain NumPy array, not a pickled object or anything else "
            f"({str(error).splitlines()[0]}): save it again with numpy.save(path, vectors)"
        ) from error
    if not isinstance(array, np.ndarray) or array.dtype not in (np.float16, np.float32, np.float64):
        found = array.dtype if isinstance(array, np.ndarray) else "an archive of arrays"
        raise GalleryError(f"{path} must hold one float16, float32 or float64 array, not {found}")
    if array.ndim == 3 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 2:
        raise GalleryError(f"{path} must be of shape (G, D) or (G, 1, D), not {array.shape}")
    return np.asarray(array, dtype=np.float32)
