"""Which groups of concepts are taken for which.

Groups are those of the gallery, if it has some; a few concepts stand for themselves; others are put
together by their vectors, and named after the two at the middle of each group.
"""

from __future__ import annotations

import collections

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

from saccade.calibration.report.measures import Rows
from saccade.models.evaluation.accuracy import wilson
from saccade.models.evaluation.bootstrap import Measured
from saccade.models.evaluation.result import Confusion
from saccade.models.galleries.gallery import Gallery

MOST_ALONE = 12  # concepts that stand for themselves
N_CLUSTERS = 8
LEAST_SHOWN = 5  # trials of a group, for a share with an interval
MOST_GROUPS = 20  # that can stand beside each other; those that are shown least become one
OTHERS = "others"


def confusion(gallery: Gallery, shown: Rows, said: Rows) -> Confusion | None:
    """Return which groups were answered for which, single trial by single trial.

    Parameters
    ----------
    gallery : Gallery
        As it is compared.
    shown, said : arrays of shape (n,), int
        Rows of what each trial showed, and of what came first.

    Returns
    -------
    Confusion or None
        None where all belongs to one group.
    """
    rows = np.unique(np.concatenate([shown, said]))
    of_row = dict(zip(rows.tolist(), _groups(gallery, rows), strict=True))
    often = collections.Counter(of_row[row] for row in shown.tolist()).most_common(MOST_GROUPS)
    if len(set(of_row.values())) > MOST_GROUPS:
        kept = {name for name, _ in often[: MOST_GROUPS - 1]}
        of_row = {row: name if name in kept else OTHERS for row, name in of_row.items()}
    names = sorted(set(of_row.values()))
    if len(names) < 2:
        return None
    number = {name: place for place, name in enumerate(names)}
    of_shown = np.array([number[of_row[row]] for row in shown.tolist()])
    of_said = np.array([number[of_row[row]] for row in said.tolist()])
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, (of_shown, of_said), 1)
    right = []
    for place, name in enumerate(names):
        n, hits = int(counts[place].sum()), int(counts[place, place])
        if n >= LEAST_SHOWN:
            chance = float(np.mean([of_row[row] == name for row in rows.tolist()]))
            right.append((name, Measured(hits / n, n, chance, wilson(hits, n))))
    return Confusion(1, tuple(names), tuple(map(tuple, counts.tolist())), tuple(right))


def _groups(gallery: Gallery, rows: Rows) -> list[str]:
    """Return the group of each row."""
    if gallery.groups is not None and len({gallery.groups[row] for row in rows}) > 1:
        return [gallery.groups[row] for row in rows]
    if len(rows) <= MOST_ALONE:
        return [gallery.names[row] for row in rows]
    vectors = gallery.centred()[rows].astype(np.float64)
    cluster = fcluster(linkage(vectors, "ward"), N_CLUSTERS, "maxclust")
    names = {}
    for number in np.unique(cluster).tolist():
        own = np.flatnonzero(cluster == number)
        near = own[np.argsort(-(vectors[own] @ vectors[own].mean(axis=0)), kind="stable")]
        told = ", ".join(gallery.names[rows[place]] for place in near[:2])
        names[number] = f"{told} …" if len(own) > 2 else told
    return [names[number] for number in cluster.tolist()]
