"""A small way to draw: axes, lines, bands and dots as SVG that takes its colours from the page.

Inline, so that one drawing serves light and dark screens and paper; colours are names of classes
(``a``, ``b``, ``chance``, …) that the page's style defines. Every drawing says in words what it
shows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from html import escape

from saccade.realtime.types import Float64

Points = Sequence[tuple[float, float]] | Float64
LETTER = 6.8  # width of one of the axes, on average


def drawing(width: float, height: float, told: str, parts: Sequence[str]) -> str:
    """Return a whole drawing.

    Parameters
    ----------
    width, height : float
        Of its coordinates; on the page it is as wide as there is room.
    told : str
        What it shows, for those who can't see it.
    parts : sequence of str
        Its elements.
    """
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(told)}">'
        f"<title>{escape(told)}</title>{''.join(parts)}</svg>"
    )


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    """Return words; their line stands on y."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}'
        "</text>"
    )


def rectangle(x: float, y: float, width: float, height: float, kind: str, told: str = "") -> str:
    """Return a rectangle; ``told`` shows where the mouse rests on it."""
    tip = f"<title>{escape(told)}</title>" if told else ""
    return (
        f'<rect x="{x:.2f}" y="{y:.2f}" width="{max(width, 0):.2f}" height="{max(height, 0):.2f}" '
        f'class="{kind}">{tip}</rect>'
    )


def path(points: Points, kind: str, *, closed: bool = False) -> str:
    """Return a line through points of the drawing."""
    along = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path d="M{along}{"Z" if closed else ""}" class="{kind}"/>'


class Plot:
    """A pair of axes, and what is drawn between them.

    Parameters
    ----------
    x, y : tuple of float
        Range of each axis.
    size : tuple of float
        Width and height of the drawing.
    left : float
        Room for the numbers of the upright axis.
    x_log : bool
        Draw x on a logarithmic axis.
    """

    def __init__(
        self,
        x: tuple[float, float],
        y: tuple[float, float],
        size: tuple[float, float] = (460, 260),
        *,
        left: float = 58,
        x_log: bool = False,
    ) -> None:
        self.size = size
        self._x, self._y, self._log = x, y, x_log
        self._box = (left, 10.0, size[0] - 22, size[1] - 38)
        self._under: list[str] = []
        self._over: list[str] = []

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a pair of values in the drawing."""
        left, top, right, bottom = self._box
        return (
            left + (right - left) * self._share(x),
            bottom - (bottom - top) * (y - self._y[0]) / (self._y[1] - self._y[0]),
        )

    def _share(self, x: float) -> float:
        low, high = self._x
        if self._log:
            return math.log(x / low) / math.log(high / low)
        return (x - low) / (high - low)

    def line(self, points: Points, kind: str) -> None:
        """Draw a line through pairs of values."""
        self._over.append(path([self.at(x, y) for x, y in points], kind))

    def band(self, x: Sequence[float], low: Sequence[float], high: Sequence[float], c: str) -> None:
        """Fill what lies between two lines."""
        around = [*zip(x, low, strict=True), *zip(reversed(x), reversed(high), strict=True)]
        self._under.append(path([self.at(*xy) for xy in around], f"band {c}", closed=True))

    def whisker(self, x: float, low: float, high: float, kind: str) -> None:
        """Draw an upright interval."""
        self._over.append(path([self.at(x, low), self.at(x, high)], f"whisker {kind}"))

    def dot(self, x: float, y: float, kind: str, told: str, radius: float = 4) -> None:
        """Draw a value; ``told`` shows where the mouse rests on it."""
        cx, cy = self.at(x, y)
        self._over.append(
            f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="{radius:g}" class="dot {kind}">'
            f"<title>{escape(told)}</title></circle>"
        )

    def level(
        self, y: float, kind: str, words: str = "", *, above: bool = True, early: bool = False
    ) -> None:
        """Draw a line across, with words at its right end, or at its left."""
        left, _, right, _ = self._box
        height = self.at(self._x[0], y)[1]
        self._under.append(path([(left, height), (right, height)], kind))
        if words:
            place, end = (left + 4, "start") if early else (right, "end")
            self._over.append(text(place, height + (-4 if above else 11), words, "small", end))

    def upright(self, x: float, kind: str, words: str = "") -> None:
        """Draw a line from bottom to top, with words at its upper end."""
        _, top, right, bottom = self._box
        place = self.at(x, self._y[0])[0]
        self._under.append(path([(place, bottom), (place, top)], kind))
        if words:
            near = place + 4 + LETTER * len(words) > right
            end = "end" if near else "start"
            self._over.append(text(place + (-4 if near else 4), top + 9, words, "small", end))

    def bars(self, x: Sequence[float], low: float, high: Sequence[float], kind: str) -> None:
        """Draw bars side by side: the i-th from x[i] to x[i + 1], and from ``low`` up."""
        for start, stop, top in zip(x[:-1], x[1:], high, strict=True):
            (left, upper), (right, lower) = self.at(start, top), self.at(stop, low)
            self._under.append(rectangle(left + 0.5, upper, right - left - 1, lower - upper, kind))

    def put(self, element: str) -> None:
        """Draw any element on top."""
        self._over.append(element)

    def draw(
        self,
        told: str,
        x_label: str,
        y_label: str,
        *,
        x_ticks: Sequence[float] | None = None,
        x_text: Callable[[float], str] = "{:g}".format,
        y_text: Callable[[float], str] = "{:g}".format,
    ) -> str:
        """Return the drawing with its axes.

        Parameters
        ----------
        told : str
            What it shows, in words.
        x_label, y_label : str
            What the axes are of, with units.
        x_ticks : sequence of float, optional
            Where numbers stand; chosen if not given.
        x_text, y_text : callable
            How they are written.
        """
        left, top, right, bottom = self._box
        axes = [path([(left, bottom), (right, bottom)], "axis")]
        taken = -math.inf
        for value in x_ticks if x_ticks is not None else ticks(*self._x):
            place, words = self.at(value, self._y[0])[0], x_text(value)
            if place - LETTER * len(words) / 2 < taken:
                continue
            taken = place + LETTER * len(words) / 2 + 4
            axes += [
                path([(place, bottom), (place, bottom + 4)], "axis"),
                text(place, bottom + 16, words, "tick", "middle"),
            ]
        for value in ticks(*self._y, 5):
            height = self.at(self._x[0], value)[1]
            axes += [
                path([(left, height), (right, height)], "grid"),
                text(left - 6, height + 4, y_text(value), "tick", "end"),
            ]
        axes += [
            text((left + right) / 2, bottom + 32, x_label, "label", "middle"),
            f'<text transform="translate(11 {(top + bottom) / 2:.1f}) rotate(-90)" class="label" '
            f'text-anchor="middle">{escape(y_label)}</text>',
        ]
        return drawing(*self.size, told, [*axes, *self._under, *self._over])


def ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Return round numbers between two others."""
    rough = (high - low) / most
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(s * unit for s in (1, 2, 5, 10) if s * unit >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 10) for k in range(first, last + 1)]


def nice_top(value: float) -> float:
    """Return a round number at or above a share, for the end of its axis."""
    return next((top for top in (0.05, 0.1, 0.2, 0.4, 0.6, 0.8) if value <= top), 1.0)
