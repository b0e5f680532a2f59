"""The drawings of an evaluation's page, each an SVG image as a data address.

As images, not inline, so that the names inside one drawing can't clash with those of another.
Letters are outlines: the page looks the same where a font is missing.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from saccade.models.evaluation.ablation import Ablation
from saccade.models.evaluation.bootstrap import Measured
from saccade.models.evaluation.result import Confusion, Evaluation

BLUE, ORANGE, GREY, INK = "#0072B2", "#D55E00", "#8a8f98", "#22262e"  # Okabe and Ito's, and greys
STYLE: dict[Any, Any] = {  # matplotlib's type lists all 300 names
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "text.parse_math": False,  # a "$" in a name is a dollar
    "svg.hashsalt": "saccade",  # the same page for the same numbers
}
MOST_SENSORS = 80  # that can be told apart side by side
MOST_WRITTEN = 12  # categories whose shares fit into their squares as numbers


@mpl.rc_context(STYLE)
def curve(evaluation: Evaluation) -> str:
    """Draw accuracy against repetitions, with intervals, chance and, where known, the limit."""
    levels = evaluation.levels
    repetitions = [level.repetitions for level in levels]
    figure = Figure(figsize=(4.6, 2.7), layout="constrained")
    axes = figure.subplots()
    series = [(1, BLUE, [level.ways[-1].top1 for level in levels])]
    top5 = [level.ways[-1].top5 for level in levels]
    series += [(5, ORANGE, [found for found in top5 if found is not None])]
    for k, colour, found in series:
        if not found:  # among 5 candidates or fewer there is no top-5
            continue
        low, high = np.transpose([point.ci95 for point in found])
        axes.fill_between(repetitions, low, high, color=colour, alpha=0.2, linewidth=0)
        values = [point.value for point in found]
        axes.plot(repetitions, values, "o-", color=colour, ms=3.5, lw=1.3, label=f"top-{k}")
        axes.axhline(found[0].chance, color=colour, ls=":", lw=1, label=f"chance top-{k}")
        ideal = [(i.repetitions, i.top1 if k == 1 else i.top5) for i in evaluation.ideal]
        if ideal:
            axes.plot(*zip(*ideal, strict=True), "--", color=colour, lw=1, label=f"ideal top-{k}")
    axes.set_xscale("log", base=2)
    axes.set_xticks(repetitions, [str(count) for count in repetitions])
    axes.minorticks_off()
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("presentations averaged before encoding")
    axes.set_ylabel(f"accuracy of {evaluation.gallery_size}")
    axes.grid(axis="y", color=GREY, alpha=0.2, lw=0.6)
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize=7)
    return _address(figure)


@mpl.rc_context(STYLE)
def confusion(found: Confusion) -> str:
    """Draw which category was answered for which, as shares of each shown category."""
    counts = np.array(found.counts, dtype=np.float64)
    n = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, n, out=np.full_like(counts, np.nan), where=n > 0)
    figure = Figure(figsize=(4.6, 2.7), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=max(float(np.nanmax(shares)), 1e-9))
    size = 7 if len(found.groups) <= MOST_WRITTEN else 5
    labels = [f"{g} ({int(k)})" for g, k in zip(found.groups, n[:, 0], strict=True)]
    axes.set_xticks(range(len(labels)), found.groups, rotation=90, fontsize=size)
    axes.set_yticks(range(len(labels)), labels, fontsize=size)
    axes.set_xlabel("answered")
    axes.set_ylabel("shown (n)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if len(labels) <= MOST_WRITTEN:
        for (row, column), share in np.ndenumerate(shares):
            if np.isfinite(share):
                dark = share > 0.6 * np.nanmax(shares)
                text = f"{share:.2f}".removeprefix("0")
                axes.text(
                    column, row, text, ha="center", va="center", fontsize=6.5,
                    color="white" if dark else INK,
                )  # fmt: skip
    figure.colorbar(image, ax=axes, shrink=0.8, label="share of the shown").outline.set_visible(
        False
    )
    return _address(figure)


@mpl.rc_context(STYLE)
def windows(ablation: Ablation) -> str:
    """Draw what hiding each time window costs."""
    figure = Figure(figsize=(4.6, 2.0), layout="constrained")
    axes = figure.subplots()
    drops = [drop.top1_drop for drop in ablation.drops]
    places = np.arange(len(drops))
    axes.bar(places, [drop.value for drop in drops], color=BLUE, alpha=0.35, width=0.9)
    _whiskers(axes, drops)
    axes.set_xticks(places, [d.part.removesuffix(" ms") for d in ablation.drops], rotation=90)
    axes.set_xlabel("hidden window (ms after onset)")
    _dress(axes)
    return _address(figure)


@mpl.rc_context(STYLE)
def sensors(ablation: Ablation) -> str:
    """Draw what hiding a sensor costs, the costliest first; of very many, only these."""
    figure = Figure(figsize=(9.6, 1.55), layout="constrained")
    axes = figure.subplots()
    order = sorted(ablation.drops, key=lambda drop: -drop.top1_drop.value)[:MOST_SENSORS]
    drops = [drop.top1_drop for drop in order]
    _whiskers(axes, drops)
    axes.set_xticks(range(len(order)), [d.part for d in order], rotation=90, fontsize=7)
    axes.set_xlim(-0.8, len(order) - 0.2)
    _dress(axes)
    return _address(figure)


@mpl.rc_context(STYLE)
def people(evaluation: Evaluation) -> str:
    """Draw each person's top-1 at the fewest and at the most repetitions."""
    figure = Figure(figsize=(4.6, 1.45), layout="constrained")
    axes = figure.subplots()
    ends = dict.fromkeys((evaluation.levels[0], evaluation.levels[-1]))
    place = {name: number for number, (name, _) in enumerate(evaluation.levels[0].people)}
    for level, colour, shift in zip(ends, (BLUE, ORANGE), (-0.12, 0.12), strict=False):
        if not level.people:  # nobody has enough averages for an interval
            continue
        names, found = zip(*level.people, strict=True)
        places = np.array([place[name] for name in names]) + shift
        axes.vlines(places, *np.transpose([person.ci95 for person in found]), color=colour, lw=1.2)
        label = f"{level.repetitions} averaged" if level.repetitions > 1 else "single trials"
        axes.plot(places, [person.value for person in found], "o", color=colour, ms=3, label=label)
    axes.set_xticks(range(len(place)), list(place), rotation=90)
    axes.axhline(evaluation.levels[0].people[0][1].chance, color=GREY, ls=":", lw=1, label="chance")
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("top-1")
    axes.grid(axis="y", color=GREY, alpha=0.2, lw=0.6)
    figure.legend(loc="outside upper center", ncols=3, frameon=False, fontsize=7)
    return _address(figure)


def _whiskers(axes: Axes, drops: Sequence[Measured]) -> None:
    """Draw values with their intervals; those that exclude 0 in full colour."""
    values = np.array([drop.value for drop in drops])
    low, high = np.transpose([drop.ci95 for drop in drops])
    places, unsure = np.arange(len(drops)), (low <= 0) & (high >= 0)
    for which, colour in ((unsure, GREY), (~unsure, BLUE)):
        axes.vlines(places[which], low[which], high[which], color=colour, lw=1.2)
        axes.plot(places[which], values[which], "o", color=colour, ms=3)


def _dress(axes: Axes) -> None:
    axes.axhline(0, color=INK, lw=0.8)
    axes.set_ylabel("drop in top-1")
    axes.grid(axis="y", color=GREY, alpha=0.2, lw=0.6)


def _address(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None}, transparent=True)
    return f"data:image/svg+xml;base64,{base64.b64encode(buffer.getvalue()).decode()}"
