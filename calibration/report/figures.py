"""The drawings of a calibration's page: accuracy, growth, probabilities and confusions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from saccade.calibration.report.contents import Growth, Repeated
from saccade.calibration.report.svg import (
    LETTER,
    Plot,
    drawing,
    nice_top,
    rectangle,
    text,
)
from saccade.calibration.verdict_facts import Figure
from saccade.calibration.wording import interval, percent, written
from saccade.models.evaluation.reliability import Reliability
from saccade.models.evaluation.result import Confusion
from saccade.realtime.simulation.observer import IdealAccuracy

COLOURS = ("a", "b")
MOST_LETTERS = 16  # of a category's name


def repeated_curve(repeated: Sequence[Repeated], ideal: IdealAccuracy | None) -> str:
    """Draw accuracy against the number of presentations whose evidence is added up."""
    numbers = [r.k for r in repeated]
    highest = max(f.high for r in repeated for f in r.figures)
    plot = Plot((0.9, numbers[-1] * 1.12), (0, nice_top(1.08 * highest)), x_log=True)
    names = [figure.name for figure in repeated[0].figures]
    for place, (name, kind) in enumerate(zip(names, COLOURS, strict=False)):
        found = [(r.k, f) for r in repeated for f in r.figures if f.name == name]
        lows, highs = [f.low for _, f in found], [f.high for _, f in found]
        plot.band([k for k, _ in found], lows, highs, kind)
        plot.line([(k, f.value) for k, f in found], f"line {kind}")
        for k, f in found:
            plot.dot(k, f.value, kind, f"{k} presentations, {told(f)}")
        plot.level(found[0][1].chance, f"chance {kind}", f"chance {name}", above=place == 0)
        best = None if ideal is None else ideal_share(ideal, name)
        if best is not None:
            plot.put(_diamond(*plot.at(1, min(best, nice_top(highest))), kind, f"ideal {name}"))
    _legend(plot, names)
    words = "; ".join(f"{r.k}: {', '.join(told(f) for f in r.figures)}" for r in repeated)
    return plot.draw(
        f"Accuracy against the number of presentations. {words}",
        "presentations whose evidence is added up (1 = live, single trial)",
        "accuracy",
        x_ticks=numbers,
        y_text=lambda share: f"{100 * share:g} %",
    )


def growth_curve(growth: Growth) -> str:
    """Draw accuracy against trials learned from, and how it may go on."""
    last = growth.line[-1][0]
    highest = max(
        [f.high for _, f in growth.points]
        + [i.high for _, i in growth.line]
        + ([growth.more.target] if growth.more else [])
    )
    bottom = 0.4 if growth.measure == "AUC" else 0.0  # no area lies far below its chance of .5
    plot = Plot((0, last), (bottom, nice_top(highest)))
    numbers = [n for n, _ in growth.line]
    lows, highs = [i.low for _, i in growth.line], [i.high for _, i in growth.line]
    plot.band(numbers, lows, highs, "a")
    known = [(n, i.expected) for n, i in growth.line if n <= growth.n_trials]
    plot.line(known, "line a")
    plot.line(
        [known[-1], *((n, i.expected) for n, i in growth.line if n > growth.n_trials)], "beyond a"
    )
    for n, figure in growth.points:
        plot.whisker(n, figure.low, figure.high, "a")
        plot.dot(n, figure.value, "a", f"after {n} trials: {told(figure)}")
    plot.upright(growth.n_trials, "now", f"{growth.n_trials} trials: now")
    plot.level(growth.chance, "chance", "chance")
    if growth.more is not None:
        aim = written(growth.measure, growth.more.target)
        plot.level(growth.more.target, "chance", f"target {aim}", early=True)
    words = "; ".join(f"after {n} trials {told(f)}" for n, f in growth.points)
    return plot.draw(
        f"Learning curve of {growth.measure}. {words}",
        "trials learned from",
        growth.measure,
        y_text=lambda share: written(growth.measure, share),
    )


def reliability_diagram(found: Reliability) -> str:
    """Draw how often predictions of a stated probability were right."""
    most = max(b.n for b in found.bins)
    top = nice_top(1.1 * max(max(b.confidence, b.right) for b in found.bins))
    plot = Plot((0, top), (0, top))
    plot.line([(0, 0), (top, top)], "chance")
    for b in found.bins:
        low, high = b.ci95_right
        plot.whisker(b.confidence, low, min(high, top), "a")
        tip = f"said {percent(b.confidence)}, right {percent(b.right)}, n {b.n}"
        plot.dot(b.confidence, b.right, "a", tip, 2.5 + 5 * (b.n / most) ** 0.5)
    words = "; ".join(
        f"said {percent(b.confidence)}, right {percent(b.right)} of {b.n}" for b in found.bins
    )
    return plot.draw(
        f"Reliability diagram. {words}",
        "probability of the first place",
        "share that was right",
        x_text=lambda share: f"{100 * share:g} %",
        y_text=lambda share: f"{100 * share:g} %",
    )


def confusion_matrix(found: Confusion) -> str:
    """Draw which category was answered for which, as shares of each shown one."""
    counts = np.array(found.counts, dtype=np.float64)
    shown = np.flatnonzero(counts.sum(axis=1))
    n = counts[shown].sum(axis=1, keepdims=True)
    shares = counts[shown] / n
    names = [_short(name) for name in found.groups]
    side = LETTER * max(len(f"{name} (000)") for name in names) + 6
    cell = min(34.0, (460 - side) / len(names))
    foot = LETTER * max(map(len, names)) * 0.75 + 24
    height = 8 + cell * len(shown)
    largest = float(shares.max()) or 1.0
    parts = []
    for row, group in enumerate(shown.tolist()):
        y = 8 + cell * row
        label = f"{names[group]} ({int(n[row, 0])})"
        parts.append(text(side - 6, y + cell / 2 + 4, label, "tick", "end"))
        for column, share in enumerate(shares[row].tolist()):
            tip = f"{found.groups[group]} answered {found.groups[column]}: {percent(share)}"
            x = side + cell * column
            parts.append(rectangle(x, y, cell - 1, cell - 1, "q--", tip))
            if share > 0:
                area = (cell - 1) * (share / largest) ** 0.5
                inset = (cell - 1 - area) / 2
                parts.append(rectangle(x + inset, y + inset, area, area, "cell", tip))
    for column, name in enumerate(names):
        x = side + cell * (column + 0.5)
        parts.append(
            f'<text transform="translate({x + 3:.1f} {height + 8:.1f}) rotate(-50)" class="tick" '
            f'text-anchor="end">{_escaped(name)}</text>'
        )
    width = side + cell * len(names) + 8
    parts.append(text(side + 4, height + foot, "answered →", "label"))
    told_ = "; ".join(f"{name} right {told_of(m.value, m.n)}" for name, m in found.right)
    return drawing(
        max(width, 460), height + foot + 8, f"Confusion between categories. {told_}", parts
    )


def ideal_share(ideal: IdealAccuracy, name: str) -> float | None:
    """Return what nobody can beat in a measure, where it is among the same candidates."""
    tops = {f"top-1 of {ideal.gallery}": ideal.top1, f"top-5 of {ideal.gallery}": ideal.top5}
    return tops.get(name)


def told(figure: Figure) -> str:
    """Return a figure in words, with all that belongs to it."""
    chance = written(figure.name, figure.chance)
    return f"{figure.name} {interval(figure)}, n {figure.n}, chance {chance}"


def told_of(share: float, n: int) -> str:
    """Return a share and of how many."""
    return f"{percent(share)} of {n}"


def _legend(plot: Plot, names: Sequence[str]) -> None:
    x = 60.0
    for name, kind in zip(names, COLOURS, strict=False):
        plot.put(f'<circle cx="{x}" cy="16" r="4" class="dot {kind}"/>')
        plot.put(text(x + 8, 20, name))
        x += 24 + LETTER * len(name)


def _diamond(x: float, y: float, kind: str, words: str) -> str:
    return (
        f'<path d="M{x:.1f} {y - 6:.1f}l6 6l-6 6l-6 -6Z" class="whisker {kind}">'
        f"<title>{words}</title></path>"
    )


def _short(name: str) -> str:
    return name if len(name) <= MOST_LETTERS else name[: MOST_LETTERS - 1] + "…"


def _escaped(name: str) -> str:
    return name.replace("&", "&amp;").replace("<", "&lt;")
