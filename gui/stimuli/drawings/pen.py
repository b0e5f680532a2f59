"""A pen for small pictures: flat shapes with a thin edge, in units of a hundredth of the picture.

x goes right and y down from the top left corner, (0, 0) to (100, 100). Colours are names of
`COLOURS` or "#rrggbb". Points are given flat: x, y, x, y.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPainterPath, QPen, QPolygonF

COLOURS = {
    "black": "#26262b",
    "white": "#fafaf5",
    "cream": "#f4e6c8",
    "grey": "#9a9ea6",
    "silver": "#c9ced6",
    "dark": "#54575f",
    "red": "#d5392f",
    "crimson": "#a3202c",
    "orange": "#f08a24",
    "amber": "#e6a93a",
    "yellow": "#f6d13c",
    "lime": "#9ac93b",
    "green": "#4f9d3f",
    "forest": "#2f6b34",
    "teal": "#2f9c95",
    "sky": "#8ecbef",
    "blue": "#3d74c7",
    "navy": "#2a3f78",
    "violet": "#7b52ab",
    "pink": "#f0a3b5",
    "skin": "#f0c49c",
    "tan": "#d2a76c",
    "brown": "#8f5a2d",
    "umber": "#5d3a20",
    "wood": "#b67a3f",
    "gold": "#d9a520",
    "glass": "#c6e4ea",
}

# Top and bottom of the upper part, top and bottom of the lower one, and where they meet.
SCENES = {
    "meadow": ("#b8dff5", "#e9f5fa", "#8cc063", "#6ea74c", 68),
    "room": ("#f3e8d6", "#eaddc6", "#c9a57c", "#b8926a", 74),
    "table": ("#dfe8ea", "#eef2f0", "#c79a66", "#b48653", 62),
    "water": ("#bfe3f5", "#e6f4fa", "#4c94c4", "#2f6fa3", 58),
    "deep": ("#3f93c2", "#1f5a8c", "#1f5a8c", "#17456e", 88),
    "street": ("#cfe3ee", "#eef3f4", "#8f949b", "#777c84", 72),
    "air": ("#7fbfe8", "#d9eef9", "#d9eef9", "#eef8fd", 90),
    "sand": ("#cbe6f3", "#f3efe0", "#e3c98f", "#d3b473", 66),
    "night": ("#141b38", "#2b3766", "#1f2547", "#161b38", 82),
    "plain": ("#e9edf2", "#dfe5ec", "#dfe5ec", "#d3dae3", 96),
    "warm": ("#f7e3cf", "#f2d5bb", "#f2d5bb", "#e8c4a5", 96),
    "mint": ("#dcefe4", "#cbe6d8", "#cbe6d8", "#b9dac8", 96),
}
EDGE = 0.7  # width of the line around a shape
DARKER = 150  # percent


class Pen:
    """Draws on an image.

    Parameters
    ----------
    image : QImage
        Square; what is on it is covered by the scene.
    """

    def __init__(self, image: QImage) -> None:
        self._painter = QPainter(image)
        self._painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._painter.scale(image.width() / 100, image.height() / 100)

    def close(self) -> None:
        """Finish: the image can be used."""
        self._painter.end()

    def scene(self, name: str) -> None:
        """Fill the whole picture with one of `SCENES`."""
        top, middle, ground, bottom, meet = SCENES[name]
        for low, high, first, last in ((0, 100, top, middle), (meet, 100, ground, bottom)):
            fill = QLinearGradient(0, low, 0, meet if low == 0 else high)
            fill.setColorAt(0, QColor(first))
            fill.setColorAt(1, QColor(last))
            self._painter.fillRect(QRectF(0, low, 100, high - low), fill)

    def shadow(self, x: float, y: float, width: float) -> None:
        """Draw the shadow under something that stands at (x, y)."""
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(QColor(0, 0, 0, 50))
        self._painter.drawEllipse(QPointF(x, y), width / 2, width / 14)

    def oval(
        self, colour: str, x: float, y: float, across: float, down: float, turn: float = 0
    ) -> None:
        """Draw an ellipse around (x, y) by its two radii, turned by degrees."""
        with self.turned(turn, x, y):
            self._ready(colour)
            self._painter.drawEllipse(QPointF(x, y), across, down)

    def box(
        self, colour: str, x: float, y: float, width: float, height: float, corner: float = 0
    ) -> None:
        """Draw a rectangle by its top left corner, its own corners rounded."""
        self._ready(colour)
        self._painter.drawRoundedRect(QRectF(x, y, width, height), corner, corner)

    def shape(self, colour: str, *points: float) -> None:
        """Draw a polygon."""
        self._ready(colour)
        self._painter.drawPolygon(QPolygonF(_pairs(points)))

    def blob(self, colour: str, *points: float) -> None:
        """Draw a closed smooth curve through points."""
        self._ready(colour)
        self._painter.drawPath(_smooth(_pairs(points), closed=True))

    def line(self, colour: str, width: float, *points: float) -> None:
        """Draw a line through points, its ends round."""
        self._lined(colour, width)
        self._painter.drawPolyline(QPolygonF(_pairs(points)))

    def curve(self, colour: str, width: float, *points: float) -> None:
        """Draw a smooth line through points, its ends round."""
        self._lined(colour, width)
        self._painter.drawPath(_smooth(_pairs(points), closed=False))

    def dot(self, colour: str, x: float, y: float, radius: float) -> None:
        """Draw a disc without an edge."""
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(_colour(colour))
        self._painter.drawEllipse(QPointF(x, y), radius, radius)

    def ring(self, colour: str, width: float, x: float, y: float, radius: float) -> None:
        """Draw a circle as a line."""
        self._lined(colour, width)
        self._painter.drawEllipse(QPointF(x, y), radius, radius)

    def eye(self, x: float, y: float, radius: float = 1.6) -> None:
        """Draw a dark eye with a light in it."""
        self.dot("black", x, y, radius)
        self.dot("white", x + 0.3 * radius, y - 0.35 * radius, 0.35 * radius)

    @contextlib.contextmanager
    def turned(self, degrees: float, x: float = 50, y: float = 50) -> Iterator[None]:
        """Draw what follows turned clockwise around (x, y)."""
        self._painter.save()
        self._painter.translate(x, y)
        self._painter.rotate(degrees)
        self._painter.translate(-x, -y)
        yield
        self._painter.restore()

    def _ready(self, colour: str) -> None:
        fill = _colour(colour)
        self._painter.setPen(QPen(fill.darker(DARKER), EDGE))
        self._painter.setBrush(fill)

    def _lined(self, colour: str, width: float) -> None:
        pen = QPen(_colour(colour), width)
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        self._painter.setPen(pen)
        self._painter.setBrush(Qt.BrushStyle.NoBrush)


def _colour(name: str) -> QColor:
    return QColor(COLOURS.get(name, name))


def _pairs(points: tuple[float, ...]) -> list[QPointF]:
    return [QPointF(x, y) for x, y in zip(points[::2], points[1::2], strict=True)]


def _smooth(points: list[QPointF], *, closed: bool) -> QPainterPath:
    """Return a Catmull-Rom spline through the points, as cubic Bézier curves."""
    n = len(points)
    path = QPainterPath(points[0])
    for i in range(n if closed else n - 1):
        if closed:
            before, start, end, after = (points[(i + k) % n] for k in (-1, 0, 1, 2))
        else:
            before, start = points[max(i - 1, 0)], points[i]
            end, after = points[i + 1], points[min(i + 2, n - 1)]
        path.cubicTo(start + (end - before) / 6, end - (after - start) / 6, end)
    return path
