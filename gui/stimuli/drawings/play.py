"""Sport, play, and what has a screen."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def football(p: Pen) -> None:
    """Draw a football."""
    p.scene("meadow")
    p.shadow(50, 84, 60)
    p.oval("white", 50, 52, 32, 32)
    p.shape("black", 50, 40, 61, 48, 57, 61, 43, 61, 39, 48)
    for turn in range(0, 360, 72):
        with p.turned(turn, 50, 52):
            p.line("black", 1.2, 50, 40, 50, 28)
            p.shape("black", 50, 29, 58, 24, 54, 20, 46, 20, 42, 24)


def basketball(p: Pen) -> None:
    """Draw a basketball."""
    p.scene("room")
    p.shadow(50, 86, 60)
    p.oval("orange", 50, 52, 33, 33)
    p.line("black", 1.8, 50, 19, 50, 85)
    p.line("black", 1.8, 17, 52, 83, 52)
    p.curve("black", 1.8, 28, 28, 40, 52, 28, 76)
    p.curve("black", 1.8, 72, 28, 60, 52, 72, 76)


def tennis_racket(p: Pen) -> None:
    """Draw a tennis racket."""
    p.scene("mint")
    with p.turned(35, 50, 50):
        for k in range(-3, 4):
            p.line("white", 0.8, 50 + 6 * k, 12, 50 + 6 * k, 54)
            p.line("white", 0.8, 30, 33 + 6 * k, 70, 33 + 6 * k)
        p.ring("red", 4, 50, 33, 22)
        p.line("red", 4, 42, 53, 50, 66, 58, 53)
        p.box("black", 46, 66, 8, 26, 3)
    p.oval("lime", 78, 76, 8, 8)


def kite(p: Pen) -> None:
    """Draw a kite."""
    p.scene("air")
    p.shape("red", 58, 8, 84, 32, 58, 36)
    p.shape("yellow", 58, 8, 32, 32, 58, 36)
    p.shape("blue", 84, 32, 58, 72, 58, 36)
    p.shape("green", 32, 32, 58, 72, 58, 36)
    p.curve("umber", 1.2, 58, 72, 48, 80, 56, 88, 40, 98)
    for x, y in ((49, 80), (54, 87)):
        p.shape("pink", x - 5, y - 3, x + 5, y + 3, x + 5, y - 3, x - 5, y + 3)


def balloon(p: Pen) -> None:
    """Draw balloons."""
    p.scene("air")
    for x, y, colour in ((32, 34, "yellow"), (68, 32, "blue"), (50, 44, "red")):
        p.curve("grey", 0.8, x, y + 20, x + 3, y + 36, 50, 96)
        p.oval(colour, x, y, 17, 21)
        p.shape(colour, x - 3, y + 24, x + 3, y + 24, x, y + 19)
        p.oval("white", x - 6, y - 8, 2.4, 4.4, 24)


def teddy_bear(p: Pen) -> None:
    """Draw a teddy bear."""
    p.scene("warm")
    for side in (-1, 1):
        p.oval("wood", 50 + 24 * side, 58, 8, 12, 30 * side)
        p.oval("wood", 50 + 18 * side, 84, 11, 9)
        p.oval("cream", 50 + 18 * side, 85, 6, 5)
        p.oval("wood", 50 + 18 * side, 16, 8, 8)
    p.oval("wood", 50, 66, 21, 23)
    p.oval("cream", 50, 68, 12, 14)
    p.oval("wood", 50, 32, 22, 20)
    p.oval("cream", 50, 38, 9, 8)
    p.dot("black", 50, 35, 2.6)
    p.eye(42, 28, 2.2)
    p.eye(58, 28, 2.2)


def chessboard(p: Pen) -> None:
    """Draw a chessboard."""
    p.scene("table")
    p.box("umber", 14, 14, 72, 72, 2)
    for row in range(8):
        for column in range(8):
            colour = "cream" if (row + column) % 2 == 0 else "brown"
            p.box(colour, 18 + 8 * column, 18 + 8 * row, 8, 8)


def laptop(p: Pen) -> None:
    """Draw a laptop."""
    p.scene("table")
    p.box("dark", 20, 18, 60, 44, 3)
    p.box("sky", 23, 21, 54, 38, 1)
    p.shape("green", 23, 59, 40, 40, 52, 52, 62, 44, 77, 59)
    p.shape("silver", 20, 62, 80, 62, 94, 80, 6, 80)
    for y in (65, 69, 73):
        p.line("dark", 1.6, 22 - (y - 65), y, 78 + (y - 65), y)


def television(p: Pen) -> None:
    """Draw a television."""
    p.scene("room")
    p.box("black", 8, 20, 84, 54, 3)
    p.box("blue", 12, 24, 76, 46, 1)
    p.dot("yellow", 68, 38, 7)
    p.shape("green", 12, 70, 34, 44, 52, 60, 64, 50, 88, 70)
    p.box("black", 34, 78, 32, 5, 2)
    p.box("black", 46, 73, 8, 7)


def mobile_phone(p: Pen) -> None:
    """Draw a mobile phone."""
    p.scene("plain")
    p.box("black", 30, 6, 40, 88, 6)
    p.box("navy", 33, 12, 34, 74, 2)
    for row in range(4):
        for column, colour in enumerate(("red", "green", "amber")):
            shown = (colour, "sky", "violet", "lime")[(row + column) % 4]
            p.box(shown, 36 + 10 * column, 18 + 13 * row, 8, 8, 2)
    p.ring("silver", 1.4, 50, 90, 2)


def camera(p: Pen) -> None:
    """Draw a camera."""
    p.scene("warm")
    p.box("dark", 34, 20, 30, 14, 3)
    p.box("black", 10, 30, 80, 50, 6)
    p.box("silver", 10, 36, 80, 10)
    p.oval("dark", 50, 56, 22, 22)
    p.oval("navy", 50, 56, 15, 15)
    p.oval("sky", 45, 50, 4, 4)
    p.box("red", 74, 24, 10, 7, 2)


def headphones(p: Pen) -> None:
    """Draw headphones."""
    p.scene("mint")
    p.curve("black", 5, 20, 60, 22, 32, 50, 14, 78, 32, 80, 60)
    for x in (12, 70):
        p.box("crimson", x, 52, 18, 30, 8)


def bowling_ball(p: Pen) -> None:
    """Draw a bowling ball and a pin."""
    p.scene("room")
    p.shadow(48, 86, 80)
    p.blob("white", 76, 20, 82, 28, 79, 42, 87, 62, 83, 86, 69, 86, 65, 62, 73, 42, 70, 28)
    p.line("red", 2, 73, 41, 79, 41)
    p.oval("navy", 38, 60, 27, 27)
    for x, y in ((32, 48), (40, 46), (38, 54)):
        p.dot("black", x, y, 2.6)


def skateboard(p: Pen) -> None:
    """Draw a skateboard."""
    p.scene("street")
    p.shadow(50, 78, 84)
    p.curve("violet", 6, 6, 50, 18, 60, 50, 61, 82, 60, 94, 50)
    for x in (26, 74):
        p.box("silver", x - 5, 63, 10, 5)
        for dx in (-6, 6):
            p.oval("yellow", x + dx, 71, 5, 5)


def surfboard(p: Pen) -> None:
    """Draw a surfboard in the sand."""
    p.scene("sand")
    p.dot("yellow", 18, 18, 8)
    with p.turned(10):
        p.blob("white", 50, 4, 62, 28, 64, 58, 54, 90, 46, 90, 36, 58, 38, 28)
        p.blob("red", 50, 5, 54, 30, 54, 62, 51, 88, 49, 88, 46, 62, 46, 30)
    p.oval("#d3b473", 50, 90, 22, 6)


def ski(p: Pen) -> None:
    """Draw skis and their poles in the snow."""
    p.scene("plain")
    p.shape("silver", 0, 70, 30, 26, 52, 56, 70, 34, 100, 66, 100, 70)
    p.box("white", -2, 68, 104, 40)
    for x, colour in ((40, "red"), (54, "red")):
        p.blob(colour, x, 10, x + 4, 6, x + 7, 14, x + 7, 88, x, 88)
        p.box("black", x, 48, 7, 10, 1)
    for x in (26, 74):
        p.line("dark", 2, x, 24, x, 88)
        p.ring("dark", 1.4, x, 80, 4)
        p.line("black", 4, x, 20, x, 28)


def doll(p: Pen) -> None:
    """Draw a doll."""
    p.scene("warm")
    for side in (-1, 1):
        p.line("skin", 6, 50 + 8 * side, 52, 50 + 26 * side, 66)
        p.line("skin", 6, 50 + 7 * side, 80, 50 + 8 * side, 92)
        p.oval("amber", 50 + 21 * side, 34, 6, 12)
        p.dot("red", 50 + 20 * side, 22, 3.4)
    p.shape("violet", 42, 46, 58, 46, 76, 82, 24, 82)
    p.oval("amber", 50, 26, 21, 19)
    p.oval("skin", 50, 30, 17, 17)
    p.blob("amber", 33, 26, 42, 14, 58, 14, 67, 26, 50, 21)
    p.eye(43, 31, 2)
    p.eye(57, 31, 2)
    p.dot("pink", 39, 37, 2.4)
    p.dot("pink", 61, 37, 2.4)
    p.curve("crimson", 1.4, 45, 39, 50, 42, 55, 39)


def jigsaw_puzzle(p: Pen) -> None:
    """Draw four pieces of a jigsaw puzzle."""
    p.scene("table")
    for x, y, colour in ((18, 18, "red"), (50, 18, "yellow"), (18, 50, "blue")):
        p.box(colour, x, y, 32, 32)
    with p.turned(12, 72, 74):
        p.box("green", 56, 58, 32, 32)
        p.oval("green", 72, 56, 5.4, 5.4)
        p.oval("green", 54, 74, 5.4, 5.4)
    p.oval("red", 51, 34, 5.4, 5.4)
    p.oval("yellow", 66, 51, 5.4, 5.4)
    p.oval("blue", 34, 49, 5.4, 5.4)
    p.oval("#c0925f", 51, 66, 5.4, 5.4)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "pair of headphones": headphones,
    **{
        function.__name__.replace("_", " "): function
        for function in (
            football,
            basketball,
            tennis_racket,
            kite,
            balloon,
            teddy_bear,
            chessboard,
            laptop,
            television,
            mobile_phone,
            camera,
            bowling_ball,
            skateboard,
            surfboard,
            ski,
            doll,
            jigsaw_puzzle,
        )
    },
}
