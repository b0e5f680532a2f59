"""Learning curves of a training: a table for other programs, a picture for people."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from saccade.realtime.errors import ConfigError

COLUMNS = ("number", "loss", "bits", "top1", "spent_core_s")
BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#5a606b"


def write_curves(
    history: Sequence[Mapping[str, float]], best: int, prefix: Path, *, title: str = ""
) -> tuple[Path, Path]:
    """Write ``PREFIX.csv`` and ``PREFIX.png``; files that are there are replaced.

    Parameters
    ----------
    history : sequence of mappings
        Fields of :class:`saccade.models.training.train.Pass`, one a pass.
    best : int
        Number of the pass that was kept.
    prefix : Path
        Where to; the folder must exist.
    title : str
        Above the picture.

    Returns
    -------
    csv, png : Path

    Raises
    ------
    ConfigError
        If a file can't be written.
    """
    table, picture = (prefix.with_name(f"{prefix.name}.{kind}") for kind in ("csv", "png"))
    try:
        with table.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            for done in history:
                row = {name: done[name] for name in COLUMNS}
                writer.writerow(row | {"number": int(done["number"])})
        _draw(history, best, picture, title)
    except OSError as error:
        raise ConfigError(f"the curves can't be written to {prefix}.*: {error}") from error
    return table, picture


def _draw(history: Sequence[Mapping[str, float]], best: int, path: Path, title: str) -> None:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 5.0), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    passes = [done["number"] for done in history]
    panels = figure.subplots(2, 1, sharex=True)
    for axes, key, colour, label in zip(
        panels,
        ("loss", "bits"),
        (BLUE, ORANGE),
        ("training loss", "validation, bits a trial"),
        strict=True,
    ):
        axes.plot(passes, [done[key] for done in history], color=colour, marker=".", linewidth=1.2)
        axes.axvline(best, color=GREY, linestyle=":", linewidth=1)
        axes.set_ylabel(label)
        axes.spines[["top", "right"]].set_visible(False)
    panels[1].axhline(0.0, color=GREY, linewidth=0.8)  # what noise tells
    panels[1].set_xlabel(f"pass (dotted: number {best}, which was kept)")
    figure.suptitle(title)
    figure.savefig(path)
