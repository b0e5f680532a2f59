"""Furniture and clothes."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def chair(p: Pen) -> None:
    """Draw a chair."""
    p.scene("room")
    p.shadow(50, 90, 50)
    for x in (30, 64):
        p.box("brown", x, 56, 6, 34, 1)
    p.box("brown", 30, 12, 6, 46, 1)
    p.box("wood", 28, 14, 10, 34, 3)
    p.blob("wood", 28, 52, 66, 50, 74, 56, 70, 62, 30, 62)


def table(p: Pen) -> None:
    """Draw a table."""
    p.scene("room")
    p.shadow(50, 88, 80)
    for x in (16, 78):
        p.box("brown", x, 52, 6, 36, 1)
    for x in (28, 68):
        p.box("umber", x, 52, 5, 26, 1)
    p.shape("wood", 18, 40, 82, 40, 94, 52, 6, 52)
    p.box("brown", 6, 52, 88, 5)


def sofa(p: Pen) -> None:
    """Draw a sofa."""
    p.scene("room")
    p.shadow(50, 86, 90)
    p.box("teal", 14, 34, 72, 40, 8)
    p.box("#38ada5", 22, 54, 28, 20, 4)
    p.box("#38ada5", 50, 54, 28, 20, 4)
    for x in (6, 78):
        p.box("teal", x, 48, 16, 34, 7)
    for x in (14, 80):
        p.box("umber", x, 82, 5, 5)


def bed(p: Pen) -> None:
    """Draw a bed."""
    p.scene("room")
    p.box("brown", 6, 30, 7, 56, 2)
    p.box("brown", 88, 50, 6, 36, 2)
    p.box("white", 12, 56, 78, 18, 3)
    p.box("white", 15, 46, 24, 14, 5)
    p.blob("blue", 40, 52, 66, 50, 90, 54, 90, 76, 40, 76)


def bookshelf(p: Pen) -> None:
    """Draw a bookshelf."""
    p.scene("room")
    p.box("brown", 18, 8, 64, 80, 2)
    colours = ("red", "blue", "green", "amber", "violet", "teal", "cream", "crimson")
    for row in range(3):
        p.box("umber", 22, 12 + 25 * row, 56, 22)
        for i in range(8):
            height = 16 + (5 * i + 3 * row) % 5
            p.box(colours[(i + 3 * row) % 8], 23 + 6.8 * i, 34 + 25 * row - height, 6, height)


def lamp(p: Pen) -> None:
    """Draw a lamp."""
    p.scene("night")
    p.shape("#4a5590", 34, 44, 66, 44, 92, 96, 8, 96)
    p.line("gold", 3, 50, 44, 50, 86)
    p.oval("gold", 50, 88, 16, 4)
    p.shape("yellow", 38, 14, 62, 14, 74, 46, 26, 46)


def candle(p: Pen) -> None:
    """Draw a candle."""
    p.scene("night")
    p.dot("#4a5590", 50, 28, 26)
    p.oval("gold", 50, 88, 24, 5)
    p.box("cream", 40, 46, 20, 42, 2)
    p.line("black", 1.4, 50, 46, 50, 38)
    p.blob("orange", 50, 10, 58, 28, 50, 41, 42, 28)
    p.blob("yellow", 50, 22, 54, 32, 50, 40, 46, 32)


def book(p: Pen) -> None:
    """Draw an open book."""
    p.scene("table")
    p.shape("crimson", 6, 34, 50, 40, 94, 34, 94, 78, 50, 84, 6, 78)
    for side in (-1, 1):
        p.shape("white", 50, 38, 50 + 40 * side, 30, 50 + 40 * side, 72, 50, 80)
        for y in (42, 50, 58, 66):
            p.line("grey", 1, 50 + 8 * side, y - 1, 50 + 34 * side, y - 6)


def shirt(p: Pen) -> None:
    """Draw a T-shirt."""
    p.scene("plain")
    p.shape("blue", 34, 18, 66, 18, 92, 36, 82, 50, 72, 44, 72, 88, 28, 88, 28, 44, 18, 50, 8, 36)
    p.blob("#d9dfe8", 40, 17, 60, 17, 50, 27)


def dress(p: Pen) -> None:
    """Draw a dress."""
    p.scene("warm")
    p.shape("pink", 38, 12, 44, 24, 56, 24, 62, 12, 68, 30, 62, 46, 82, 90, 18, 90, 38, 46, 32, 30)
    p.box("crimson", 37, 44, 26, 5, 1)


def trousers(p: Pen) -> None:
    """Draw trousers."""
    p.scene("plain")
    p.shape("navy", 30, 12, 70, 12, 78, 90, 56, 90, 50, 38, 44, 90, 22, 90)
    p.box("brown", 29, 11, 42, 6, 1)
    p.box("gold", 46, 11, 8, 6, 1)


def sock(p: Pen) -> None:
    """Draw a sock."""
    p.scene("mint")
    p.blob("red", 36, 14, 60, 14, 60, 54, 80, 70, 82, 84, 62, 88, 38, 74, 36, 50)
    p.box("white", 34, 12, 28, 11, 2)
    for y in (34, 46):
        p.line("white", 3, 37, y, 59, y)


def shoe(p: Pen) -> None:
    """Draw a trainer."""
    p.scene("street")
    p.shadow(50, 80, 84)
    p.blob("blue", 10, 36, 26, 44, 42, 34, 62, 54, 88, 60, 92, 72, 12, 72)
    p.box("white", 8, 70, 86, 8, 4)
    for x, y in ((44, 40), (51, 46), (58, 52)):
        p.line("white", 2.4, x, y, x + 7, y - 6)


def boot(p: Pen) -> None:
    """Draw a boot."""
    p.scene("street")
    p.blob("brown", 28, 12, 58, 12, 58, 54, 84, 64, 88, 80, 28, 80, 30, 48)
    p.box("umber", 26, 79, 64, 7, 2)
    for y in (24, 34, 44):
        p.line("cream", 2, 46, y, 58, y + 2)


def hat(p: Pen) -> None:
    """Draw a straw hat."""
    p.scene("mint")
    p.oval("amber", 50, 66, 44, 12)
    p.blob("amber", 26, 64, 28, 36, 50, 26, 72, 36, 74, 64, 50, 69)
    p.curve("crimson", 6, 27, 58, 50, 64, 73, 58)


def glasses(p: Pen) -> None:
    """Draw spectacles."""
    p.scene("table")
    for x in (28, 72):
        p.oval("glass", x, 52, 18, 15)
        p.ring("black", 3, x, 52, 16)
    p.curve("black", 3, 43, 48, 50, 44, 57, 48)
    p.line("black", 3, 12, 48, 4, 38)
    p.line("black", 3, 88, 48, 96, 38)


def wristwatch(p: Pen) -> None:
    """Draw a watch."""
    p.scene("warm")
    p.box("umber", 38, 4, 24, 92, 4)
    p.oval("gold", 50, 50, 26, 26)
    p.oval("white", 50, 50, 21, 21)
    for turn in range(0, 360, 30):
        with p.turned(turn):
            p.line("black", 1.4, 50, 32, 50, 35)
    p.line("black", 2.4, 50, 50, 50, 38)
    p.line("black", 1.8, 50, 50, 62, 54)


def backpack(p: Pen) -> None:
    """Draw a rucksack."""
    p.scene("mint")
    p.curve("dark", 4, 40, 20, 50, 8, 60, 20)
    p.blob("green", 50, 14, 74, 26, 78, 60, 74, 88, 26, 88, 22, 60, 26, 26)
    p.box("forest", 32, 54, 36, 28, 5)
    p.line("amber", 2, 34, 60, 66, 60)
    p.box("amber", 46, 34, 8, 6, 1)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "pair of trousers": trousers,
    "pair of glasses": glasses,
    **{
        function.__name__.replace("_", " "): function
        for function in (
            *(chair, table, sofa, bed, bookshelf, lamp, candle, book, shirt, dress, sock, shoe),
            *(boot, hat, wristwatch, backpack),
        )
    },
}
