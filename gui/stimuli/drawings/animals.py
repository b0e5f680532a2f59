"""Animals that fly, swim or creep."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def chicken(p: Pen) -> None:
    """Draw a hen."""
    p.scene("meadow")
    p.shadow(50, 86, 46)
    for x in (46, 55):
        p.line("amber", 1.8, x, 72, x, 85, x + 5, 86)
    p.blob("white", 18, 42, 30, 52, 48, 50, 62, 30, 74, 32, 74, 54, 64, 72, 40, 74, 24, 62)
    p.blob("silver", 34, 58, 50, 54, 60, 62, 48, 68, 36, 66)
    for x in (62, 67, 72):
        p.oval("red", x, 27, 3.4, 4)
    p.oval("white", 68, 35, 9, 9)
    p.shape("amber", 76, 33, 84, 37, 76, 40)
    p.oval("red", 74, 44, 2.4, 4)
    p.eye(70, 33)


def duck(p: Pen) -> None:
    """Draw a duck on the water."""
    p.scene("water")
    p.blob("yellow", 14, 54, 30, 58, 54, 56, 62, 42, 74, 48, 72, 70, 54, 80, 30, 78)
    p.blob("amber", 28, 64, 46, 60, 56, 66, 44, 74, 32, 72)
    p.oval("yellow", 68, 38, 12, 12)
    p.blob("orange", 78, 38, 92, 40, 92, 44, 78, 45)
    p.eye(71, 35, 2)


def owl(p: Pen) -> None:
    """Draw an owl at night."""
    p.scene("night")
    p.box("umber", 10, 80, 80, 6, 3)
    p.blob("brown", 50, 20, 72, 34, 74, 62, 62, 82, 38, 82, 26, 62, 28, 34)
    p.shape("brown", 30, 34, 30, 14, 46, 26)
    p.shape("brown", 70, 34, 70, 14, 54, 26)
    p.oval("tan", 50, 66, 14, 14)
    for x in (40, 60):
        p.oval("cream", x, 40, 10, 10)
        p.oval("amber", x, 40, 6, 6)
        p.eye(x, 40, 3.6)
    p.shape("gold", 46, 47, 54, 47, 50, 55)


def eagle(p: Pen) -> None:
    """Draw an eagle in flight."""
    p.scene("air")
    p.blob("umber", 50, 48, 30, 30, 6, 24, 16, 36, 12, 42, 24, 46, 22, 52, 46, 58)
    p.blob("umber", 50, 48, 70, 30, 94, 24, 84, 36, 88, 42, 76, 46, 78, 52, 54, 58)
    p.shape("white", 44, 72, 56, 72, 60, 86, 40, 86)
    p.oval("umber", 50, 58, 8, 16)
    p.oval("white", 50, 40, 7, 8)
    p.shape("yellow", 50, 40, 58, 44, 50, 48)
    p.eye(50, 38, 1.4)


def penguin(p: Pen) -> None:
    """Draw a penguin on ice."""
    p.scene("plain")
    p.shadow(50, 88, 40)
    p.oval("orange", 42, 87, 8, 3.4)
    p.oval("orange", 58, 87, 8, 3.4)
    p.oval("black", 28, 56, 5, 18, 18)
    p.oval("black", 72, 56, 5, 18, -18)
    p.oval("black", 50, 56, 21, 31)
    p.oval("white", 50, 62, 14, 23)
    p.oval("black", 50, 26, 14, 13)
    p.oval("white", 45, 28, 5, 6)
    p.oval("white", 55, 28, 5, 6)
    p.eye(46, 27)
    p.eye(54, 27)
    p.shape("orange", 46, 31, 54, 31, 50, 37)


def parrot(p: Pen) -> None:
    """Draw a parrot on a branch."""
    p.scene("mint")
    p.shape("blue", 40, 66, 52, 66, 42, 96, 34, 94)
    p.blob("red", 56, 14, 70, 26, 66, 56, 50, 74, 36, 64, 40, 36, 44, 20)
    p.blob("yellow", 40, 38, 50, 44, 50, 62, 40, 72, 34, 58)
    p.blob("blue", 38, 52, 48, 56, 46, 70, 36, 78, 32, 64)
    p.oval("white", 59, 26, 6, 5)
    p.eye(60, 26, 2)
    p.blob("cream", 68, 22, 78, 28, 74, 38, 66, 34)
    p.line("brown", 5, 8, 74, 92, 70)


def swan(p: Pen) -> None:
    """Draw a swan."""
    p.scene("water")
    p.blob("white", 10, 52, 26, 58, 48, 50, 70, 62, 64, 78, 36, 82, 18, 74)
    p.curve("white", 8, 64, 68, 76, 52, 66, 34, 76, 22)
    p.oval("white", 78, 22, 7, 6)
    p.shape("orange", 83, 20, 94, 25, 83, 26)
    p.eye(80, 20)
    p.blob("silver", 22, 62, 40, 58, 54, 64, 40, 74, 26, 72)


def sparrow(p: Pen) -> None:
    """Draw a small brown bird."""
    p.scene("air")
    p.line("umber", 4, 4, 82, 96, 76)
    for x in (48, 56):
        p.line("amber", 1.4, x, 68, x, 79)
    p.blob("tan", 16, 62, 32, 58, 44, 42, 60, 34, 72, 42, 70, 60, 56, 72, 38, 70)
    p.blob("brown", 14, 66, 34, 50, 54, 50, 50, 62, 34, 66)
    p.oval("brown", 66, 38, 11, 10)
    p.oval("cream", 68, 42, 6, 5)
    p.shape("amber", 76, 36, 85, 39, 76, 42)
    p.eye(69, 36)


def dolphin(p: Pen) -> None:
    """Draw a dolphin that jumps."""
    p.scene("water")
    p.shape("#5f86a5", 46, 30, 54, 14, 62, 32)
    p.blob("#7ea6c4", 12, 72, 22, 46, 48, 28, 76, 36, 94, 54, 86, 58, 70, 54, 46, 52, 26, 68)
    p.blob("white", 40, 52, 62, 46, 82, 57, 66, 57, 50, 56)
    p.shape("#5f86a5", 16, 66, 4, 66, 8, 82, 22, 78)
    p.shape("#5f86a5", 52, 50, 46, 66, 60, 54)
    p.eye(76, 46)


def whale(p: Pen) -> None:
    """Draw a whale that blows."""
    p.scene("water")
    p.curve("white", 3, 64, 34, 62, 20, 54, 14)
    p.curve("white", 3, 64, 34, 66, 20, 74, 14)
    p.shape("navy", 12, 56, 4, 34, 18, 44, 26, 32, 24, 56)
    p.blob("navy", 14, 56, 28, 58, 46, 38, 72, 34, 92, 50, 90, 70, 66, 80, 36, 76, 18, 66)
    p.blob("silver", 44, 76, 66, 64, 91, 62, 86, 73, 66, 80)
    p.eye(78, 56, 2)


def shark(p: Pen) -> None:
    """Draw a shark."""
    p.scene("deep")
    p.shape("#77828f", 40, 36, 52, 12, 60, 38)
    p.shape("#77828f", 8, 50, 2, 26, 22, 46)
    p.shape("#77828f", 8, 50, 4, 70, 22, 54)
    p.blob("#8b96a3", 8, 50, 34, 38, 66, 34, 94, 46, 78, 60, 50, 64, 26, 56)
    p.blob("white", 34, 58, 60, 54, 88, 52, 74, 62, 52, 64)
    p.shape("#77828f", 52, 60, 42, 80, 64, 62)
    p.curve("black", 1.4, 74, 57, 82, 54, 88, 52)
    for x in (66, 69, 72):
        p.line("dark", 0.9, x, 44, x - 2, 52)
    p.eye(80, 45, 1.8)


def goldfish(p: Pen) -> None:
    """Draw a goldfish."""
    p.scene("deep")
    p.blob("amber", 30, 52, 8, 32, 16, 50, 8, 74)
    p.shape("amber", 44, 36, 56, 20, 66, 36)
    p.oval("orange", 56, 52, 28, 18)
    p.shape("amber", 52, 58, 44, 74, 62, 66)
    p.curve("amber", 1.6, 70, 40, 66, 52, 70, 64)
    p.eye(76, 48, 3)
    for x, y, r in ((88, 30, 2), (92, 22, 3), (86, 14, 2)):
        p.oval("glass", x, y, r, r)


def octopus(p: Pen) -> None:
    """Draw an octopus."""
    p.scene("deep")
    for dx in (-30, -20, -9, 9, 20, 30):
        p.curve("violet", 6, 50 + dx / 3, 54, 50 + 0.8 * dx, 70, 50 + 1.3 * dx, 80, 50 + dx, 88)
    p.oval("violet", 50, 38, 23, 26)
    for x in (42, 58):
        p.oval("white", x, 44, 6, 7)
        p.eye(x, 45, 3)


def jellyfish(p: Pen) -> None:
    """Draw a jellyfish."""
    p.scene("deep")
    for x in (32, 41, 50, 59, 68):
        p.curve("pink", 2.4, x, 46, x + 5, 58, x - 4, 72, x + 3, 88)
    p.blob("#f5c3d2", 50, 14, 78, 32, 80, 50, 50, 46, 20, 50, 22, 32)
    p.curve("white", 1.6, 32, 30, 40, 22, 50, 20)


def crab(p: Pen) -> None:
    """Draw a crab."""
    p.scene("sand")
    for side in (-1, 1):
        for dy in (0, 7, 14):
            p.line("crimson", 3, 50 + 22 * side, 58 + dy, 50 + 36 * side, 62 + dy,
                   50 + 40 * side, 74 + dy)  # fmt: skip
        p.curve("red", 5, 50 + 20 * side, 52, 50 + 34 * side, 46, 50 + 34 * side, 34)
        p.oval("red", 50 + 34 * side, 28, 9, 11, 20 * side)
        p.shape("#f3efe0", 50 + 34 * side, 28, 50 + 29 * side, 14, 50 + 39 * side, 14)
        p.line("red", 2, 50 + 7 * side, 48, 50 + 8 * side, 38)
        p.oval("white", 50 + 8 * side, 36, 4, 4)
        p.eye(50 + 8 * side, 36, 2)
    p.oval("red", 50, 60, 25, 16)
    p.curve("crimson", 1.6, 42, 66, 50, 70, 58, 66)


def starfish(p: Pen) -> None:
    """Draw a starfish on sand."""
    p.scene("sand")
    for turn in range(0, 360, 72):
        with p.turned(turn, 50, 55):
            p.blob("orange", 50, 16, 56, 36, 62, 52, 50, 60, 38, 52, 44, 36)
    p.dot("orange", 50, 55, 11)
    for turn in range(0, 360, 72):
        with p.turned(turn, 50, 55):
            for y in (26, 34, 42):
                p.dot("cream", 50, y, 1.5)


def turtle(p: Pen) -> None:
    """Draw a tortoise."""
    p.scene("meadow")
    p.shadow(48, 84, 66)
    for x in (26, 58):
        p.box("lime", x, 68, 11, 16, 4)
    p.oval("lime", 82, 60, 10, 8)
    p.eye(85, 57)
    p.blob("forest", 14, 72, 22, 46, 46, 34, 68, 46, 78, 72, 46, 76)
    for x, y in ((32, 54), (46, 46), (60, 54), (46, 64)):
        p.oval("green", x, y, 6, 5)


def crocodile(p: Pen) -> None:
    """Draw a crocodile."""
    p.scene("water")
    p.blob("green", 2, 60, 20, 56, 44, 52, 64, 54, 96, 60, 96, 66, 64, 70, 40, 74, 16, 70)
    for x in range(10, 58, 7):
        p.shape("forest", x, 57, x + 4, 49, x + 8, 56)
    for x in range(70, 94, 5):
        p.shape("white", x, 64, x + 2, 69, x + 4, 64)
    p.line("forest", 1, 66, 63, 95, 63)
    for x in (26, 52):
        p.box("green", x, 68, 8, 12, 3)
    p.oval("green", 64, 53, 5, 5)
    p.eye(65, 52, 2)


def snake(p: Pen) -> None:
    """Draw a snake."""
    p.scene("sand")
    p.curve("green", 9, 10, 78, 28, 66, 44, 80, 62, 66, 50, 46, 62, 32, 74, 34)
    p.curve("yellow", 2, 10, 78, 28, 66, 44, 80, 62, 66, 50, 46, 62, 32, 74, 34)
    p.oval("green", 78, 35, 9, 6, 10)
    p.line("red", 1.2, 86, 37, 95, 40)
    p.eye(80, 33)


def frog(p: Pen) -> None:
    """Draw a frog."""
    p.scene("water")
    p.oval("forest", 50, 84, 40, 9)
    for side in (-1, 1):
        p.oval("green", 50 + 26 * side, 74, 13, 9, 30 * side)
        p.oval("green", 50 + 30 * side, 84, 9, 3.4)
    p.oval("lime", 50, 64, 25, 20)
    p.oval("cream", 50, 72, 15, 11)
    p.oval("lime", 50, 46, 24, 15)
    for x in (36, 64):
        p.oval("lime", x, 32, 9, 9)
        p.oval("white", x, 31, 6, 6)
        p.eye(x, 31, 3.4)
    p.curve("forest", 1.6, 32, 48, 50, 55, 68, 48)


def snail(p: Pen) -> None:
    """Draw a snail."""
    p.scene("meadow")
    p.blob("tan", 10, 82, 30, 72, 66, 74, 76, 50, 86, 46, 86, 66, 78, 82, 40, 84)
    for x in (80, 86):
        p.line("tan", 2, x, 50, x + 3, 34)
        p.dot("black", x + 3, 33, 2)
    p.oval("brown", 44, 56, 24, 23)
    p.curve("cream", 2.4, 60, 62, 46, 74, 28, 60, 34, 42, 50, 40, 56, 54, 46, 62, 38, 54, 46, 50)


def spider(p: Pen) -> None:
    """Draw a spider on its web."""
    p.scene("plain")
    for turn in range(0, 180, 30):
        with p.turned(turn):
            p.line("silver", 0.8, 0, 50, 100, 50)
    for r in (18, 32, 46):
        p.ring("silver", 0.8, 50, 50, r)
    for side in (-1, 1):
        for dy in (-14, -5, 4, 13):
            p.line("black", 2, 50, 54, 50 + 24 * side, 50 + dy, 50 + 34 * side, 58 + 1.5 * dy)
    p.oval("black", 50, 60, 14, 16)
    p.oval("dark", 50, 42, 9, 8)
    p.eye(47, 39, 1.6)
    p.eye(53, 39, 1.6)


def butterfly(p: Pen) -> None:
    """Draw a butterfly."""
    p.scene("air")
    for side in (-1, 1):
        p.blob("orange", 50, 50, 50 + 12 * side, 22, 50 + 38 * side, 16, 50 + 40 * side, 42)
        p.blob("amber", 50, 52, 50 + 34 * side, 52, 50 + 32 * side, 78, 50 + 12 * side, 76)
        p.oval("white", 50 + 28 * side, 30, 5, 5)
        p.oval("red", 50 + 22 * side, 64, 4, 4)
        p.curve("black", 1.2, 50, 32, 50 + 6 * side, 20, 50 + 12 * side, 18)
    p.oval("umber", 50, 52, 3.6, 22)


def bee(p: Pen) -> None:
    """Draw a bee."""
    p.scene("mint")
    p.oval("glass", 42, 32, 9, 18, -24)
    p.oval("glass", 60, 32, 9, 18, 20)
    p.oval("yellow", 48, 58, 28, 19)
    for x, half in ((34, 16), (46, 19), (58, 17)):
        p.box("black", x, 58 - half, 6, 2 * half, 2)
    p.oval("black", 74, 54, 11, 11)
    p.dot("white", 78, 51, 2.4)
    p.curve("black", 1.4, 78, 44, 84, 36, 90, 36)
    p.shape("black", 21, 56, 12, 58, 21, 61)


def ant(p: Pen) -> None:
    """Draw an ant."""
    p.scene("sand")
    for x in (40, 50, 60):
        p.line("umber", 2, 50, 60, x, 70, x + (x - 50), 84)
        p.line("umber", 2, 50, 56, x, 46, x + (x - 50), 78)
    p.oval("crimson", 26, 56, 17, 13)
    p.oval("crimson", 50, 58, 10, 8)
    p.oval("crimson", 72, 52, 12, 11)
    p.eye(76, 49, 2)
    p.curve("umber", 1.6, 76, 42, 82, 30, 92, 30)


def lizard(p: Pen) -> None:
    """Draw a lizard on a stone."""
    p.scene("sand")
    p.blob("grey", 6, 90, 20, 70, 56, 62, 88, 72, 96, 90)
    for x, y, dx in ((38, 60, -10), (62, 56, 4), (42, 68, -4), (66, 62, 10)):
        p.line("lime", 4, x, y, x + dx, y + 9, x + dx + 6, y + 11)
    p.curve("lime", 6, 36, 62, 22, 66, 12, 56, 18, 44, 26, 46)
    p.blob("lime", 32, 62, 48, 54, 66, 50, 78, 40, 92, 40, 94, 46, 82, 52, 70, 60, 50, 68)
    p.eye(86, 42, 1.8)
    for x, y in ((44, 60), (54, 57), (64, 54), (73, 48)):
        p.dot("forest", x, y, 1.8)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    function.__name__: function
    for function in (
        *(chicken, duck, owl, eagle, penguin, parrot, swan, sparrow, dolphin, whale, shark),
        *(goldfish, octopus, jellyfish, crab, starfish, turtle, crocodile, snake, frog, snail),
        *(spider, butterfly, bee, ant, lizard),
    )
}
