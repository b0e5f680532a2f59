"""Tools of the kitchen, the workshop and the house."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def knife(p: Pen) -> None:
    """Draw a kitchen knife."""
    p.scene("table")
    with p.turned(35):
        p.blob("silver", 45, 6, 58, 20, 58, 60, 46, 60)
        p.box("black", 45, 60, 11, 34, 3)


def fork(p: Pen) -> None:
    """Draw a fork."""
    p.scene("table")
    with p.turned(20):
        for x in (40, 46.5, 53, 59.5):
            p.line("silver", 2.6, x, 10, x, 32)
        p.blob("silver", 39, 30, 61, 30, 58, 46, 53, 52, 53, 92, 47, 92, 47, 52, 42, 46)


def spoon(p: Pen) -> None:
    """Draw a spoon."""
    p.scene("table")
    with p.turned(-20):
        p.box("silver", 47, 40, 6, 54, 3)
        p.oval("silver", 50, 26, 13, 19)
        p.oval("grey", 50, 27, 9, 14)


def mug(p: Pen) -> None:
    """Draw a mug."""
    p.scene("table")
    p.shadow(46, 86, 52)
    p.ring("blue", 5, 72, 56, 13)
    p.box("blue", 22, 30, 48, 55, 5)
    p.oval("navy", 46, 31, 24, 5)
    p.oval("white", 46, 60, 10, 10)


def wine_glass(p: Pen) -> None:
    """Draw a glass of wine."""
    p.scene("warm")
    p.blob("glass", 32, 10, 68, 10, 68, 38, 50, 54, 32, 38)
    p.blob("crimson", 32, 28, 68, 28, 66, 42, 50, 54, 34, 42)
    p.line("silver", 3, 50, 54, 50, 86)
    p.oval("silver", 50, 88, 18, 4)


def bottle(p: Pen) -> None:
    """Draw a bottle."""
    p.scene("table")
    p.shadow(50, 90, 34)
    p.blob("forest", 44, 8, 56, 8, 56, 32, 64, 44, 64, 88, 36, 88, 36, 44, 44, 32)
    p.box("cream", 37, 52, 26, 22, 1)
    p.box("umber", 44, 4, 12, 8, 1)


def frying_pan(p: Pen) -> None:
    """Draw a frying pan."""
    p.scene("plain")
    with p.turned(-35):
        p.box("brown", 46, 54, 9, 42, 4)
        p.oval("black", 50, 36, 29, 29)
        p.oval("dark", 50, 36, 24, 24)


def kettle(p: Pen) -> None:
    """Draw a kettle."""
    p.scene("table")
    p.curve("black", 4, 28, 44, 34, 20, 66, 20, 72, 44)
    p.shape("teal", 72, 60, 94, 36, 96, 42, 78, 72)
    p.blob("teal", 26, 46, 50, 38, 74, 46, 80, 80, 50, 85, 20, 80)
    p.oval("black", 50, 37, 5, 4)


def toaster(p: Pen) -> None:
    """Draw a toaster."""
    p.scene("table")
    for x in (32, 54):
        p.box("wood", x, 22, 16, 24, 4)
    p.box("silver", 16, 38, 66, 44, 9)
    p.box("dark", 26, 40, 46, 4, 2)
    p.box("black", 82, 50, 8, 6, 2)


def hammer(p: Pen) -> None:
    """Draw a hammer."""
    p.scene("plain")
    with p.turned(30):
        p.box("wood", 46, 28, 8, 66, 3)
        p.box("dark", 28, 14, 34, 18, 2)
        p.shape("dark", 62, 15, 80, 22, 62, 31)


def screwdriver(p: Pen) -> None:
    """Draw a screwdriver."""
    p.scene("plain")
    with p.turned(35):
        p.box("silver", 47.5, 6, 5, 50)
        p.box("orange", 42, 54, 16, 40, 6)
        for x in (46, 50, 54):
            p.line("#b8631a", 1, x, 62, x, 88)


def saw(p: Pen) -> None:
    """Draw a saw."""
    p.scene("plain")
    p.shape("silver", 28, 38, 96, 44, 96, 54, 28, 66)
    for x in range(30, 94, 6):
        y = 66 - (x - 28) * 0.176
        p.shape("grey", x, y, x + 3, y + 5, x + 6, y - 1)
    p.blob("wood", 4, 36, 30, 32, 32, 70, 10, 74)
    p.oval("#e3e8ee", 17, 54, 6, 10)


def axe(p: Pen) -> None:
    """Draw an axe."""
    p.scene("meadow")
    with p.turned(25):
        p.box("wood", 46, 10, 7, 84, 3)
        p.blob("silver", 52, 14, 66, 6, 78, 24, 66, 42, 52, 32)
        p.box("grey", 42, 15, 14, 16, 2)


def ladder(p: Pen) -> None:
    """Draw a ladder."""
    p.scene("meadow")
    for y in range(16, 90, 12):
        p.line("amber", 3, 35, y, 65, y)
    for x in (34, 66):
        p.line("wood", 4.4, x, 6, x, 92)


def scissors(p: Pen) -> None:
    """Draw scissors."""
    p.scene("mint")
    for turn in (-18, 18):
        with p.turned(turn, 50, 52):
            p.shape("silver", 47, 54, 50, 6, 54, 54)
            side = -1 if turn > 0 else 1
            p.line("red", 5, 50, 54, 50 + 4 * side, 66)
            p.ring("red", 5, 50 + 5 * side, 79, 11)
    p.dot("dark", 50, 52, 2.4)


def spade(p: Pen) -> None:
    """Draw a spade."""
    p.scene("meadow")
    with p.turned(20):
        p.box("wood", 47, 14, 6, 46)
        p.box("wood", 38, 6, 24, 7, 3)
        p.blob("grey", 34, 58, 66, 58, 66, 78, 50, 96, 34, 78)


def paintbrush(p: Pen) -> None:
    """Draw a paintbrush."""
    p.scene("warm")
    p.curve("blue", 12, 10, 88, 34, 80, 50, 90, 70, 82)
    with p.turned(-32):
        p.box("red", 45, 6, 10, 40, 4)
        p.box("silver", 42, 44, 16, 12)
        p.blob("blue", 42, 56, 58, 56, 58, 70, 50, 88, 42, 70)


def broom(p: Pen) -> None:
    """Draw a broom."""
    p.scene("room")
    with p.turned(20):
        p.box("wood", 48, 2, 5, 62)
        p.shape("amber", 42, 62, 58, 62, 68, 94, 32, 94)
        for x in (40, 45, 50, 55, 60):
            p.line("brown", 0.8, 50 + (x - 50) * 0.6, 66, x, 92)
        p.box("red", 41, 60, 18, 5)


def bucket(p: Pen) -> None:
    """Draw a bucket."""
    p.scene("meadow")
    p.curve("dark", 2.4, 24, 42, 36, 14, 64, 14, 76, 42)
    p.shape("red", 22, 40, 78, 40, 68, 88, 32, 88)
    p.oval("crimson", 50, 40, 28, 7)


def pencil(p: Pen) -> None:
    """Draw a pencil."""
    p.scene("plain")
    with p.turned(40):
        p.shape("cream", 42, 74, 58, 74, 50, 95)
        p.shape("black", 47, 87, 53, 87, 50, 95)
        p.box("yellow", 42, 18, 16, 56)
        p.line("gold", 1, 50, 20, 50, 73)
        p.box("silver", 42, 13, 16, 6)
        p.box("pink", 42, 4, 16, 10, 3)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "kitchen knife": knife,
    "pair of scissors": scissors,
    **{
        function.__name__.replace("_", " "): function
        for function in (
            *(fork, spoon, mug, wine_glass, bottle, frying_pan, kettle, toaster, hammer),
            *(screwdriver, saw, axe, ladder, spade, paintbrush, broom, bucket, pencil),
        )
    },
}
