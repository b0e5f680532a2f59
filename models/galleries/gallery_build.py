"""Encode a planned gallery with a CLIP model, and be able to stop and go on.

Rows are encoded in groups that depend on the plan alone, and each group is kept on disk when it
is done. So a build that was interrupted goes on where it stopped, and ends with the same bytes as
one that was not: the last bits of a vector depend on what else is in its batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_plan import Plan
from saccade.models.galleries.partial_rows import PartialRows
from saccade.models.targets.corruption import in_words
from saccade.realtime.types import Float32


class Encoder(Protocol):
    """What :class:`saccade.models.galleries.clip.Clip` offers here."""

    backbone: str
    weights: str
    weights_sha256: str
    preprocessing: str
    runs_on: str
    dim: int

    def texts(self, texts: Sequence[str]) -> Float32:
        """Return unit vectors of shape (n, D)."""
        ...

    def images(self, paths: Sequence[Path], level: str | None) -> Float32:
        """Return unit vectors of shape (n, D)."""
        ...


def build(
    plan: Plan,
    encoder: Encoder,
    part: Path,
    *,
    batch: int = 64,
    progress: Callable[[int], None] = lambda n_items: None,
    stop: Callable[[], bool] = lambda: False,
) -> Gallery | None:
    """Encode a plan, or what is left of it.

    Parameters
    ----------
    plan : Plan
        What to encode.
    encoder : Encoder
        The model.
    part : Path
        Finished rows are kept here. It stays when all are: remove it once the gallery is saved.
    batch : int
        Texts or images encoded at once, at least 1.
    progress : callable
        Told how many texts or images are done since it was last called; first, how many an
        earlier run had done.
    stop : callable
        Asked between groups; True ends the build, to be continued another time.

    Returns
    -------
    Gallery or None
        None if it was stopped.

    Raises
    ------
    GalleryError
        If ``part`` was begun for another plan, model or batch, an image can't be read, or the
        rows do not make a gallery.
    """
    about = {
        "plan": plan.digest,
        "level": plan.level,
        "backbone": encoder.backbone,
        "weights": encoder.weights_sha256,
        "preprocessing": encoder.preprocessing,
        "runs on": encoder.runs_on,
        "batch": batch,
    }
    rows = PartialRows(part, about, encoder.dim)
    sizes = [len(items) for items in plan.items]
    groups = list(_groups(sizes, batch))
    kept = len(rows.read())
    done = max((group.stop for group in groups if group.stop <= kept), default=0)
    rows.keep(done)
    progress(sum(sizes[:done]))
    for group in groups:
        if group.stop <= done:
            continue
        if stop():
            return None
        rows.append(_encode(plan, encoder, group, batch))
        progress(sum(sizes[group.start : group.stop]))
    preprocessing = "" if plan.kind == "text" else encoder.preprocessing
    if plan.level is not None:
        preprocessing = f"{in_words(plan.level)}, then {preprocessing}"
    return Gallery(
        names=plan.names,
        vectors=rows.read(),
        backbone=encoder.backbone,
        weights=encoder.weights,
        kind=plan.kind,
        source=f"{plan.source}; weights sha256 {encoder.weights_sha256}",
        groups=plan.groups,
        preprocessing=preprocessing,
        templates=plan.templates,
    )


def _encode(plan: Plan, encoder: Encoder, group: range, batch: int) -> Float32:
    """Return the rows of a group: means of unit vectors, at unit length again."""
    flat = [item for row in group for item in plan.items[row]]
    parts = [flat[start : start + batch] for start in range(0, len(flat), batch)]
    vectors = np.concatenate(
        [
            encoder.texts(part) if plan.kind == "text" else encoder.images(part, plan.level)  # type: ignore[arg-type]
            for part in parts
        ]
    ).astype(np.float64)
    ends = np.cumsum([len(plan.items[row]) for row in group])
    means = np.array([rows.mean(axis=0) for rows in np.split(vectors, ends[:-1])])
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(means / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def _groups(sizes: Sequence[int], batch: int) -> Iterator[range]:
    """Yield consecutive rows that together fill a batch, or one that fills several."""
    start = held = 0
    for row, size in enumerate(sizes):
        if held and held + size > batch:
            yield range(start, row)
            start, held = row, 0
        held += size
    yield range(start, len(sizes))
