"""What stands on a table, and what is put on it."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def potato(p: Pen) -> None:
    """Draw potatoes."""
    p.scene("table")
    p.shadow(50, 82, 78)
    p.blob("tan", 14, 62, 24, 42, 46, 36, 62, 48, 60, 70, 40, 82, 20, 78)
    p.blob("#c1955c", 48, 70, 62, 56, 82, 56, 92, 68, 84, 82, 60, 84)
    for x, y in ((28, 54), (44, 48), (40, 68), (66, 66), (80, 72), (24, 68)):
        p.oval("brown", x, y, 1.6, 0.9)


def onion(p: Pen) -> None:
    """Draw an onion."""
    p.scene("table")
    p.shadow(50, 84, 48)
    p.blob("wood", 50, 16, 53, 30, 74, 42, 80, 62, 64, 82, 50, 84, 36, 82, 20, 62, 26, 42, 47, 30)
    for x in (32, 42, 58, 68):
        p.curve("brown", 1, 50, 30, x, 52, 50 + 0.4 * (x - 50), 82)
    for x in (46, 50, 54):
        p.line("cream", 0.9, 50, 84, x, 91)


def cucumber(p: Pen) -> None:
    """Draw a cucumber and slices of it."""
    p.scene("table")
    with p.turned(-25, 50, 50):
        p.box("forest", 8, 36, 76, 22, 11)
        for y in (41, 47, 53):
            p.line("green", 1, 16, y, 76, y)
    for x, y in ((58, 78), (78, 72)):
        p.oval("forest", x, y, 11, 10)
        p.oval("#d5eab5", x, y, 9, 8)
        for dx, dy in ((-3, -2), (3, -2), (0, 3)):
            p.oval("cream", x + dx, y + dy, 1.2, 2)


def sandwich(p: Pen) -> None:
    """Draw a sandwich, cut across."""
    p.scene("table")
    p.shadow(50, 82, 80)
    p.shape("cream", 10, 80, 50, 22, 90, 80)
    for colour, low, high in (("green", 0.50, 0.58), ("red", 0.58, 0.66), ("yellow", 0.66, 0.73)):
        y, below = 22 + 58 * low, 22 + 58 * high
        p.shape(colour, 50 - 40 * low, y, 50 + 40 * low, y, 50 + 40 * high, below,
                50 - 40 * high, below)  # fmt: skip
    p.line("wood", 3, 10, 80, 50, 22, 90, 80, 10, 80)


def _bowl(p: Pen, colour: str, inside: str) -> None:
    p.shadow(50, 86, 56)
    p.blob(colour, 12, 48, 50, 50, 88, 48, 76, 76, 50, 86, 24, 76)
    p.oval(colour, 50, 48, 38, 11)
    p.oval(inside, 50, 48, 33, 8)


def bowl(p: Pen) -> None:
    """Draw an empty bowl."""
    p.scene("table")
    _bowl(p, "teal", "#24756f")


def soup(p: Pen) -> None:
    """Draw a bowl of soup with its spoon."""
    p.scene("table")
    for x in (36, 50, 64):
        p.curve("silver", 2, x, 32, x + 4, 25, x - 2, 18, x + 3, 11)
    _bowl(p, "white", "orange")
    for x, y in ((36, 47), (50, 50), (62, 46), (46, 45)):
        p.oval("green", x, y, 2, 1)
    p.line("silver", 3, 66, 46, 94, 22)


def rice(p: Pen) -> None:
    """Draw a bowl of rice with chopsticks."""
    p.scene("table")
    p.blob("white", 18, 50, 28, 32, 50, 24, 72, 32, 82, 50, 50, 56)
    for x, y, turn in ((36, 38, 20), (48, 32, -30), (60, 36, 50), (44, 44, 80), (56, 46, 0),
                       (68, 44, 30), (30, 46, -20)):  # fmt: skip
        p.oval("cream", x, y, 2.6, 1.1, turn)
    p.blob("navy", 12, 48, 30, 54, 50, 56, 70, 54, 88, 48, 76, 76, 50, 86, 24, 76)
    p.line("umber", 2, 50, 36, 92, 10)
    p.line("umber", 2, 54, 40, 96, 18)


def spaghetti(p: Pen) -> None:
    """Draw a plate of spaghetti."""
    p.scene("table")
    p.oval("white", 50, 56, 42, 30)
    p.oval("silver", 50, 56, 31, 21)
    for k in range(6):
        p.ring("amber", 2, 46 + 2 * (k % 4), 54 + 2 * (k % 3), 9 + 2 * k)
    p.blob("red", 36, 50, 50, 42, 64, 50, 60, 60, 44, 62)
    for x, y in ((44, 52), (54, 50), (52, 57)):
        p.oval("crimson", x, y, 3.4, 3)
    p.oval("green", 58, 46, 4, 2, 30)


def plate(p: Pen) -> None:
    """Draw an empty plate."""
    p.scene("table")
    p.oval("white", 50, 52, 41, 36)
    p.ring("blue", 1.6, 50, 52, 31)
    p.oval("silver", 50, 52, 25, 22)


def chocolate_bar(p: Pen) -> None:
    """Draw a bar of chocolate, half unwrapped."""
    p.scene("warm")
    with p.turned(-18):
        p.box("umber", 14, 30, 72, 42, 2)
        for row in range(2):
            for column in range(4):
                p.box("brown", 16.5 + 17.5 * column, 32.5 + 19.5 * row, 14.5, 17, 2)
        p.shape("silver", 52, 26, 58, 34, 53, 42, 58, 50, 53, 58, 58, 66, 52, 76, 62, 76, 62, 26)
        p.box("crimson", 60, 27, 30, 48, 1)


def biscuit(p: Pen) -> None:
    """Draw a biscuit with pieces of chocolate."""
    p.scene("plain")
    p.oval("tan", 50, 52, 34, 33)
    p.oval("#dfba84", 50, 51, 30, 29)
    for x, y, r in ((38, 40, 4), (58, 36, 5), (66, 54, 4), (48, 58, 5), (34, 62, 4), (56, 72, 4)):
        p.oval("umber", x, y, r, 0.85 * r)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "bowl of soup": soup,
    "bowl of rice": rice,
    "plate of spaghetti": spaghetti,
    **{
        function.__name__.replace("_", " "): function
        for function in (*(potato, onion, cucumber, sandwich, bowl, plate, chocolate_bar, biscuit),)
    },
}
