"""How the rows of a gallery may be called, and how what was shown is found among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from saccade.realtime.errors import GalleryError


def check_names(names: Sequence[str]) -> None:
    """Refuse names that a gallery can't have.

    Raises
    ------
    GalleryError
        If one is empty, or comes twice (capitals do not tell names apart).
    """
    blank = [row for row, name in enumerate(names) if not name.strip()]
    if blank:
        raise GalleryError(f"every concept needs a name, but row {blank[0]} has none: name it")
    repeated = [n for n, k in Counter(n.casefold() for n in names).items() if k > 1]
    if repeated:
        raise GalleryError(
            f"a name must stand for one row, but {len(repeated)} stand for several "
            f"({', '.join(sorted(repeated)[:5])}): rename or remove the repeated rows"
        )


def rows_by_name(known: Sequence[str], ways: Sequence[Sequence[str]]) -> list[int]:
    """Return the row of each of some pictures.

    Parameters
    ----------
    known : sequence of str
        Names of the rows.
    ways : sequence of sequences of str, each of length n
        What the pictures are called: by themselves, then by their concepts. The first way of
        which every name is known is taken. Capitals do not matter.

    Returns
    -------
    list of int, length n

    Raises
    ------
    GalleryError
        If no way is known throughout.
    """
    rows = {name.casefold(): row for row, name in enumerate(known)}
    for way in ways:
        wanted = [name.casefold() for name in way]
        if rows.keys() >= set(wanted):
            return [rows[name] for name in wanted]
    last = dict.fromkeys(ways[-1])
    missing = [name for name in last if name.casefold() not in rows]
    raise GalleryError(
        f"every picture needs a vector, its own or its concept's, but {len(missing)} of "
        f"{len(last)} concepts are not among the {len(rows)} of the gallery (first: "
        f"{missing[0]!r}): use the gallery of this data set, or leave those concepts out"
    )
