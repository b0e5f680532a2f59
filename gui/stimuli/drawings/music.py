"""Instruments."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def piano(p: Pen) -> None:
    """Draw a piano."""
    p.scene("room")
    p.box("black", 10, 20, 80, 50, 2)
    p.box("dark", 6, 52, 88, 8, 2)
    p.box("white", 8, 58, 84, 12)
    for x in range(14, 92, 6):
        p.line("dark", 0.6, x, 58, x, 70)
    for x in (12, 18, 30, 36, 42, 54, 60, 72, 78, 84):
        p.box("black", x, 58, 3.4, 7)
    for x in (10, 84):
        p.box("black", x, 70, 6, 18)


def strings(p: Pen, body: str, waist: float, neck: float) -> None:
    """Draw an instrument with strings, leaning."""
    with p.turned(32, 50, 54):
        p.box("umber", 47, 8, 6, neck)
        p.box("black", 45, 3, 10, 12, 2)
        p.blob(body, 50, 42, 66, 50, 50 + waist, 60, 72, 78, 50, 92, 28, 78, 50 - waist, 60, 34, 50)
        p.oval("umber", 50, 62, 5, 5)
        p.box("umber", 42, 78, 16, 3)
        for x in (48, 50, 52):
            p.line("silver", 0.5, x, 10, x, 79)


def guitar(p: Pen) -> None:
    """Draw a guitar."""
    p.scene("warm")
    strings(p, "amber", 14, 54)


def violin(p: Pen) -> None:
    """Draw a violin with its bow."""
    p.scene("plain")
    strings(p, "brown", 10, 46)
    p.line("umber", 2, 84, 16, 94, 92)
    p.line("cream", 1, 81, 18, 91, 90)


def trumpet(p: Pen) -> None:
    """Draw a trumpet."""
    p.scene("warm")
    p.line("gold", 5, 10, 46, 70, 46)
    p.shape("gold", 64, 44, 90, 26, 90, 66, 64, 49)
    p.curve("gold", 4, 30, 46, 22, 56, 30, 66, 56, 66, 64, 56, 56, 47)
    for x in (38, 45, 52):
        p.box("amber", x, 32, 4.6, 30, 2)
    p.oval("silver", 9, 46, 3, 5)


def drum(p: Pen) -> None:
    """Draw a drum and its sticks."""
    p.scene("room")
    p.blob("red", 16, 44, 84, 44, 82, 78, 50, 86, 18, 78)
    p.oval("cream", 50, 44, 35, 11)
    for x in (22, 36, 50, 64):
        p.line("gold", 2, x, 54, x + 7, 80, x + 14, 54)
    p.line("wood", 3.4, 60, 42, 90, 12)
    p.line("wood", 3.4, 42, 42, 12, 12)


def flute(p: Pen) -> None:
    """Draw a flute."""
    p.scene("warm")
    with p.turned(-30):
        p.box("silver", 4, 46, 92, 7, 3)
        p.oval("grey", 18, 46, 5, 3.4)
        for x in (36, 45, 54, 63, 72, 81):
            p.oval("gold", x, 46, 3.4, 2.6)
        for x in (28, 68):
            p.box("gold", x, 45, 2, 9)


def harp(p: Pen) -> None:
    """Draw a harp."""
    p.scene("room")
    p.shadow(52, 90, 50)
    for k in range(9):
        p.line("cream", 0.9, 34 + 5 * k, 20 + 1.2 * k, 34 + 5 * k, 84 - 5 * k)
    p.curve("gold", 6, 28, 88, 28, 18)
    p.curve("gold", 6, 28, 16, 44, 12, 60, 26, 80, 22)
    p.curve("amber", 7, 82, 24, 66, 60, 32, 88)


def saxophone(p: Pen) -> None:
    """Draw a saxophone."""
    p.scene("night")
    p.curve("gold", 4, 22, 26, 34, 16, 44, 20)
    p.curve("gold", 8, 44, 20, 48, 50, 52, 76, 64, 86, 76, 78, 78, 60)
    p.shape("gold", 73, 62, 83, 62, 92, 40, 64, 42)
    p.oval("amber", 78, 41, 14, 5)
    for x, y in ((46, 34), (48, 46), (50, 58), (53, 70)):
        p.oval("cream", x, y, 3, 3)
    p.line("black", 4, 16, 28, 24, 25)


def accordion(p: Pen) -> None:
    """Draw an accordion."""
    p.scene("warm")
    for k in range(6):
        p.shape("crimson" if k % 2 else "red", 36 + 5 * k, 24, 41 + 5 * k, 22, 41 + 5 * k, 80,
                36 + 5 * k, 78)  # fmt: skip
    p.box("black", 10, 20, 26, 62, 3)
    p.box("black", 66, 20, 24, 62, 3)
    p.box("white", 13, 24, 11, 54)
    for y in range(30, 78, 6):
        p.line("dark", 0.8, 13, y, 24, y)
        p.box("black", 19, y - 1.6, 5, 3)
    for x in (73, 80):
        for y in range(28, 78, 8):
            p.dot("cream", x, y, 1.8)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        piano,
        guitar,
        violin,
        trumpet,
        drum,
        flute,
        harp,
        saxophone,
        accordion,
    )
}
