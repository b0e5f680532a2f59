"""What the person sees besides the pictures: the fixation mark, texts, questions, the square.

All are images of fixed size, made before they are needed and shown like any picture.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QImage, QPainter, QPen

INK_ON_LIGHT, INK_ON_DARK = QColor("#101418"), QColor("#f2f2f2")
WIDTH = 0.7  # of the window, that lines of text may fill


def ink(background: str) -> QColor:
    """Return the colour in which text can be read on a background."""
    return INK_ON_LIGHT if QColor(background).lightnessF() > 0.45 else INK_ON_DARK


def fixation(height: int) -> QImage:
    """Return the fixation mark for a window of this height: a bull's eye with a cross.

    Of the marks compared by Thaler, Schütz, Goodale and Gegenfurtner (2013), doi:10.1016/
    j.visres.2012.10.012, the one on which eyes move least.
    """
    side = max(16, round(0.03 * height)) // 2 * 2
    image = _transparent(side, side)
    painter = _painter(image)
    centre, outer, inner = QPointF(side / 2, side / 2), side / 2 - 1, side / 8
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#101418"))
    painter.drawEllipse(centre, outer, outer)
    painter.setPen(QPen(QColor("#f2f2f2"), inner * 1.2))
    painter.drawLine(QPointF(side / 2, 0), QPointF(side / 2, side))
    painter.drawLine(QPointF(0, side / 2), QPointF(side, side / 2))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor("#101418"))
    painter.drawEllipse(centre, inner, inner)
    painter.end()
    return image


def square(side: int, *, white: bool) -> QImage:
    """Return the photodiode's square."""
    image = QImage(side, side, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.white if white else Qt.GlobalColor.black)
    return image


def page(
    size: tuple[int, int],
    background: str,
    title: str,
    text: str = "",
    footer: str = "",
) -> QImage:
    """Return a text as large as the window: a title, a paragraph, a line at the foot."""
    width, height = size
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(background))
    painter = _painter(image)
    painter.setPen(ink(background))
    left, wide = width * (1 - WIDTH) / 2, width * WIDTH
    parts = [
        (title, 0.060, QRectF(left, 0, wide, 0.46 * height), Qt.AlignmentFlag.AlignBottom),
        (text, 0.034, QRectF(left, 0.50 * height, wide, 0.34 * height), Qt.AlignmentFlag.AlignTop),
        (footer, 0.026, QRectF(left, 0, wide, 0.94 * height), Qt.AlignmentFlag.AlignBottom),
    ]
    for words, share, box, align in parts:
        painter.setFont(_font(share * height, bold=words is title))
        flags = align | Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(box, int(flags), words)
    painter.end()
    return image


def _font(pixels: float, *, bold: bool) -> QFont:
    font = QFont()
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setPixelSize(max(10, round(pixels)))
    font.setBold(bold)
    return font


def _transparent(width: int, height: int) -> QImage:
    image = QImage(width, height, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(Qt.GlobalColor.transparent)
    return image


def _painter(image: QImage) -> QPainter:
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    return painter
