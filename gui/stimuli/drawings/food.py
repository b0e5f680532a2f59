"""Fruit, vegetables, dishes and drinks."""

from __future__ import annotations

import math
from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def apple(p: Pen) -> None:
    """Draw an apple."""
    p.scene("table")
    p.shadow(50, 84, 50)
    p.blob("red", 50, 34, 66, 26, 80, 40, 76, 66, 60, 84, 50, 81, 40, 84, 24, 66, 20, 40, 34, 26)
    p.curve("umber", 2.6, 50, 36, 51, 26, 56, 18)
    p.blob("green", 54, 24, 66, 14, 76, 18, 66, 27)
    p.oval("#ea8078", 32, 44, 4, 8, 20)


def banana(p: Pen) -> None:
    """Draw a banana."""
    p.scene("table")
    p.shadow(50, 78, 64)
    p.blob("yellow", 20, 30, 30, 52, 50, 64, 76, 62, 90, 52, 90, 58, 74, 76, 46, 78, 24, 60, 14, 34)
    p.curve("gold", 1.4, 20, 40, 34, 60, 56, 70, 82, 62)
    p.line("umber", 4, 17, 31, 15, 26)
    p.dot("umber", 90, 55, 3)


def orange(p: Pen) -> None:
    """Draw an orange and a half of one."""
    p.scene("table")
    p.shadow(52, 80, 70)
    p.oval("orange", 38, 54, 26, 26)
    p.dot("forest", 38, 30, 2.4)
    p.oval("orange", 70, 64, 19, 19)
    p.oval("cream", 70, 64, 16.5, 16.5)
    for turn in range(0, 360, 60):
        with p.turned(turn, 70, 64):
            p.shape("amber", 70, 62, 65, 50, 75, 50)


def lemon(p: Pen) -> None:
    """Draw a lemon."""
    p.scene("table")
    p.shadow(50, 76, 56)
    p.blob("yellow", 14, 54, 24, 46, 40, 34, 62, 34, 78, 46, 88, 54, 78, 62, 62, 74, 38, 74, 24, 62)
    p.oval("#fbe98a", 40, 44, 8, 3, -20)


def strawberry(p: Pen) -> None:
    """Draw a strawberry."""
    p.scene("mint")
    p.blob("red", 50, 90, 28, 70, 20, 44, 34, 32, 50, 36, 66, 32, 80, 44, 72, 70)
    for x, y in ((36, 46), (50, 48), (64, 46), (42, 58), (58, 58), (50, 68), (34, 56), (66, 57)):
        p.oval("yellow", x, y, 1.2, 2)
    for turn in (-56, -28, 0, 28, 56):
        with p.turned(turn, 50, 34):
            p.shape("green", 46, 36, 50, 16, 54, 36)


def grape(p: Pen) -> None:
    """Draw a bunch of grapes."""
    p.scene("table")
    p.line("umber", 2.6, 50, 28, 52, 12)
    p.blob("green", 52, 20, 64, 10, 78, 18, 70, 28, 58, 28)
    for row, n in enumerate((4, 5, 4, 3, 2, 1)):
        for i in range(n):
            x = 50 + 13 * (i - (n - 1) / 2)
            p.oval("violet", x, 32 + 10.5 * row, 7.4, 7.4)
            p.dot("#b295d6", x - 2, 30 + 10.5 * row, 1.6)


def watermelon(p: Pen) -> None:
    """Draw a slice of watermelon."""
    p.scene("table")
    arc = [(50 + 42 * math.cos(a / 10), 34 + 42 * math.sin(a / 10)) for a in range(32)]
    for colour, share in (("forest", 1.0), ("cream", 0.9), ("red", 0.83)):
        flat = [v for x, y in arc for v in (50 + share * (x - 50), 34 + share * (y - 34))]
        p.shape(colour, *flat)
    for x, y in ((32, 44), (44, 42), (56, 42), (68, 44), (38, 54), (50, 56), (62, 54), (50, 66)):
        p.oval("black", x, y, 1.6, 2.6)


def pineapple(p: Pen) -> None:
    """Draw a pineapple."""
    p.scene("table")
    p.shadow(50, 90, 40)
    for turn in (-40, -20, 0, 20, 40):
        with p.turned(turn, 50, 40):
            p.shape("green", 45, 42, 50, 8, 55, 42)
    p.oval("amber", 50, 64, 20, 26)
    for near, far, y in ((36, 64, 48), (32, 67, 58), (32, 68, 68), (36, 64, 78)):
        for k in range(4):
            step = (far - near) / 4
            x = near + k * step
            p.line("brown", 1, x, y + 4, x + step / 2, y - 3, x + step, y + 4)


def tomato(p: Pen) -> None:
    """Draw a tomato."""
    p.scene("table")
    p.shadow(50, 80, 54)
    p.blob("red", 50, 32, 76, 34, 84, 56, 68, 78, 50, 80, 32, 78, 16, 56, 24, 34)
    for turn in range(0, 360, 72):
        with p.turned(turn, 50, 34):
            p.shape("green", 48, 34, 50, 20, 52, 34)


def carrot(p: Pen) -> None:
    """Draw a carrot."""
    p.scene("table")
    with p.turned(40, 50, 54):
        for turn in (-24, -8, 8, 24):
            with p.turned(turn, 50, 30):
                p.oval("green", 50, 17, 3.4, 14)
        p.blob("orange", 38, 34, 50, 26, 62, 34, 56, 66, 50, 96, 44, 66)
        for y in (42, 52, 62):
            p.line("#c9661a", 1, 43, y, 50, y + 1)


def broccoli(p: Pen) -> None:
    """Draw broccoli."""
    p.scene("table")
    p.shadow(50, 88, 36)
    p.blob("lime", 42, 48, 58, 48, 60, 84, 50, 88, 40, 84)
    p.line("lime", 7, 48, 66, 34, 50)
    p.line("lime", 7, 52, 66, 68, 50)
    for x, y, r in ((30, 42, 13), (70, 42, 13), (40, 30, 14), (60, 30, 14), (50, 44, 14)):
        p.oval("forest", x, y, r, r)
    for x, y in ((32, 38), (46, 26), (62, 28), (52, 42), (70, 40)):
        p.dot("green", x, y, 4)


def pumpkin(p: Pen) -> None:
    """Draw a pumpkin."""
    p.scene("meadow")
    p.shadow(50, 84, 74)
    p.box("forest", 46, 22, 7, 16, 2)
    for dx in (-26, 26, -14, 14, 0):
        p.oval("orange", 50 + dx, 60, 15, 24)


def mushroom(p: Pen) -> None:
    """Draw a toadstool."""
    p.scene("meadow")
    p.shadow(50, 86, 40)
    p.blob("cream", 42, 52, 58, 52, 62, 84, 50, 87, 38, 84)
    p.blob("red", 50, 16, 80, 34, 84, 54, 50, 58, 16, 54, 20, 34)
    for x, y, r in ((36, 34, 5), (56, 28, 6), (70, 44, 4), (44, 48, 4), (26, 48, 3)):
        p.dot("white", x, y, r)


def bread(p: Pen) -> None:
    """Draw a loaf with a slice cut off."""
    p.scene("table")
    p.shadow(50, 78, 78)
    p.blob("wood", 16, 74, 12, 46, 34, 36, 66, 36, 88, 46, 86, 74, 50, 77)
    for x in (34, 50, 66):
        p.curve("cream", 2.6, x - 5, 42, x, 50, x + 1, 60)
    p.blob("cream", 62, 82, 60, 62, 76, 54, 92, 62, 90, 82)


def cheese(p: Pen) -> None:
    """Draw a wedge of cheese."""
    p.scene("table")
    p.shape("yellow", 12, 52, 70, 28, 90, 46)
    p.shape("amber", 12, 52, 90, 46, 90, 74, 12, 80)
    for x, y, r in ((30, 64, 6), (54, 60, 7), (74, 64, 5), (42, 74, 3), (84, 54, 3)):
        p.oval("gold", x, y, r, 0.9 * r)


def fried_egg(p: Pen) -> None:
    """Draw a fried egg."""
    p.scene("plain")
    p.blob("white", 18, 50, 30, 26, 52, 22, 74, 30, 86, 50, 74, 66, 66, 82, 44, 78, 26, 74)
    p.oval("amber", 50, 50, 16, 16)
    p.oval("#fbe08a", 45, 45, 4, 3)


def pizza(p: Pen) -> None:
    """Draw a pizza."""
    p.scene("table")
    p.oval("wood", 50, 54, 40, 36)
    p.oval("yellow", 50, 54, 34, 30)
    for x, y in ((36, 42), (60, 38), (68, 58), (46, 62), (30, 58), (56, 72)):
        p.oval("crimson", x, y, 6, 5.4)
    for x, y in ((48, 48), (40, 72), (74, 46), (26, 48)):
        p.oval("green", x, y, 3, 2)
    for turn in (0, 60, 120):
        with p.turned(turn, 50, 54):
            p.line("gold", 1, 12, 54, 88, 54)


def hamburger(p: Pen) -> None:
    """Draw a hamburger."""
    p.scene("table")
    p.shadow(50, 84, 66)
    p.box("wood", 18, 70, 64, 14, 7)
    p.box("umber", 16, 61, 68, 10, 5)
    p.shape("yellow", 16, 60, 84, 60, 70, 67, 60, 61, 44, 67, 30, 61)
    p.curve("green", 5, 16, 58, 28, 61, 40, 57, 52, 61, 64, 57, 76, 61, 84, 58)
    p.box("red", 18, 50, 64, 6, 3)
    p.blob("wood", 16, 50, 20, 30, 50, 22, 80, 30, 84, 50)
    for x, y in ((36, 34), (50, 30), (64, 34), (44, 40), (58, 40)):
        p.oval("cream", x, y, 2, 1.2)


def cake(p: Pen) -> None:
    """Draw a cake with candles."""
    p.scene("warm")
    p.oval("white", 50, 82, 42, 7)
    p.box("umber", 18, 50, 64, 30, 4)
    p.box("cream", 18, 62, 64, 5)
    p.curve("pink", 8, 20, 52, 28, 58, 36, 52, 44, 58, 52, 52, 60, 58, 68, 52, 80, 55)
    for x in (32, 44, 56, 68):
        p.box("blue", x - 1.5, 32, 3, 18, 1)
        p.oval("yellow", x, 28, 2, 4)


def ice_cream(p: Pen) -> None:
    """Draw an ice cream cone."""
    p.scene("air")
    p.shape("wood", 32, 50, 68, 50, 50, 94)
    for a, b in ((38, 56), (46, 62)):
        p.line("brown", 0.8, a, 52, b, 76)
        p.line("brown", 0.8, 100 - a, 52, 100 - b, 76)
    p.oval("pink", 40, 42, 13, 12)
    p.oval("cream", 60, 42, 13, 12)
    p.oval("umber", 50, 28, 14, 13)
    p.dot("red", 54, 14, 4)


def cup_of_coffee(p: Pen) -> None:
    """Draw a cup of coffee on its saucer."""
    p.scene("table")
    p.oval("white", 46, 80, 38, 7)
    p.curve("white", 4, 70, 52, 86, 52, 84, 66, 68, 68)
    p.blob("white", 20, 46, 46, 46, 72, 46, 66, 74, 46, 80, 26, 74)
    p.oval("umber", 46, 47, 24, 5)
    for x in (38, 52):
        p.curve("silver", 2, x, 38, x + 4, 30, x - 2, 22, x + 3, 14)


def glass_of_milk(p: Pen) -> None:
    """Draw a glass of milk."""
    p.scene("mint")
    p.shadow(50, 88, 36)
    p.shape("glass", 30, 14, 70, 14, 64, 88, 36, 88)
    p.shape("white", 31, 30, 69, 30, 64, 87, 36, 87)
    p.oval("cream", 50, 30, 19, 3.4)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "loaf of bread": bread,
    **{
        function.__name__.replace("_", " "): function
        for function in (
            *(apple, banana, orange, lemon, strawberry, grape, watermelon, pineapple, tomato),
            *(carrot, broccoli, pumpkin, mushroom, cheese, fried_egg, pizza, hamburger, cake),
            *(ice_cream, cup_of_coffee, glass_of_milk),
        )
    },
}
