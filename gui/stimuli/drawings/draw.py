"""The picture of a concept: its drawing, or else a sign of its own.

Every concept of the built-in gallery has a drawing. Any other gets a sign made from its name:
colours, number of arms and their shape come from the SHA-256 of the name, which stands below in
large letters. It is the same on every computer and unlike that of any other name, but it is no
picture of the thing: it shows how a session runs, and a response to it is one to a word and a
shape. Use pictures for an experiment.
"""

from __future__ import annotations

import hashlib

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter

from saccade.gui.stimuli.drawings import (
    animals,
    dishes,
    food,
    household,
    mammals,
    music,
    people,
    places,
    play,
    things,
    tools,
    vehicles,
)
from saccade.gui.stimuli.drawings.pen import Pen

DRAWINGS = {
    name: drawing
    for module in (
        *(mammals, animals, food, dishes, vehicles, places, things, household, music, people),
        *(play, tools),
    )
    for name, drawing in module.DRAWINGS.items()
}

NAME_BOX = (4, 68, 92, 28)  # left, top, width, height in hundredths of the picture
NAME_LINES = 2


def draw(concept: str, side_px: int) -> QImage:
    """Return a square picture of a concept.

    Parameters
    ----------
    concept : str
        Its name.
    side_px : int
        Side of the picture in pixels.
    """
    image = QImage(side_px, side_px, QImage.Format.Format_RGB32)
    pen = Pen(image)
    if concept in DRAWINGS:
        DRAWINGS[concept](pen)
    else:
        _sign(pen, hashlib.sha256(concept.encode()).digest())
    pen.close()
    if concept not in DRAWINGS:
        _write(image, concept)
    return image


def _sign(pen: Pen, digest: bytes) -> None:
    """Draw arms around a disc, all of them taken from the digest."""
    hue = 360 * digest[0] // 256
    ground = QColor.fromHsl(hue, 110, 222).name()
    ink = QColor.fromHsl((hue + 120 + digest[1] % 120) % 360, 150, 95).name()
    light = QColor.fromHsl((hue + 60) % 360, 190, 165).name()
    arms, pointed, long = 3 + digest[2] % 7, digest[3] % 2, 20 + digest[4] % 8
    pen.box(ground, -2, -2, 104, 104)
    for arm in range(arms):
        with pen.turned(360 * arm / arms + digest[5] % 90, 50, 36):
            if pointed:
                pen.shape(ink, 43, 36, 50, 36 - long, 57, 36)
            else:
                pen.oval(ink, 50, 36 - 0.6 * long, 4.5 + digest[6] % 3, 0.5 * long)
    pen.oval(light, 50, 36, 7 + digest[7] % 6, 7 + digest[7] % 6)


def _write(image: QImage, name: str) -> None:
    """Write a name as large as its box holds it, in at most two lines."""
    unit = image.width() / 100
    box = QRectF(*(unit * value for value in NAME_BOX))
    flags = int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap)
    font = QFont()
    font.setStyleHint(QFont.StyleHint.SansSerif)
    font.setBold(True)
    for pixels in range(max(4, round(13 * unit)), 3, -1):
        font.setPixelSize(pixels)
        metrics = QFontMetricsF(font)
        needed = metrics.boundingRect(box, flags, name)
        if box.contains(needed) and needed.height() <= NAME_LINES * metrics.lineSpacing() + 1:
            break
    painter = QPainter(image)
    painter.setFont(font)
    painter.setPen(QColor("#26262b"))
    painter.drawText(box, flags, name)
    painter.end()
