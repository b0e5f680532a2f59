"""A person, in parts."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def baby(p: Pen) -> None:
    """Draw a baby's face."""
    p.scene("warm")
    for x in (22, 78):
        p.oval("skin", x, 52, 6, 8)
    p.oval("skin", 50, 52, 29, 29)
    p.curve("brown", 2.4, 46, 26, 52, 20, 56, 26, 50, 29)
    for x in (39, 61):
        p.eye(x, 50, 3)
        p.dot("pink", x + (8 if x > 50 else -8), 60, 4)
    p.dot("#d99f78", 50, 57, 2)
    p.curve("crimson", 1.8, 42, 66, 50, 71, 58, 66)


def hand(p: Pen) -> None:
    """Draw a hand."""
    p.scene("plain")
    for x, top in ((33, 24), (44, 14), (55, 16), (66, 28)):
        p.box("skin", x, top, 9, 44, 4.5)
    p.blob("skin", 32, 54, 76, 54, 76, 76, 66, 94, 44, 94, 32, 80)
    p.blob("skin", 34, 66, 20, 52, 14, 56, 24, 76, 38, 86)


def eye(p: Pen) -> None:
    """Draw an eye."""
    p.scene("warm")
    p.blob("white", 8, 54, 28, 36, 50, 30, 72, 36, 92, 54, 72, 68, 50, 72, 28, 68)
    p.oval("blue", 50, 51, 19, 19)
    p.oval("black", 50, 51, 9, 9)
    p.dot("white", 56, 45, 4)
    p.curve("umber", 3, 8, 54, 28, 36, 50, 30, 72, 36, 92, 54)
    p.curve("umber", 5, 14, 26, 36, 14, 64, 13, 88, 26)


def foot(p: Pen) -> None:
    """Draw a foot."""
    p.scene("plain")
    p.blob("skin", 34, 4, 62, 4, 62, 40, 76, 60, 94, 74, 92, 88, 70, 90, 40, 88, 26, 80, 32, 50)
    for x, y, r in ((92, 76, 5.6), (86, 70, 4.2), (79, 66, 3.8)):
        p.oval("skin", x, y, r, r)
    p.curve("#c99a70", 1.2, 40, 66, 52, 74, 66, 74)
    p.oval("#d8a67c", 42, 52, 4, 5)


def mouth(p: Pen) -> None:
    """Draw a mouth."""
    p.scene("warm")
    p.blob("red", 8, 50, 30, 34, 42, 28, 50, 34, 58, 28, 70, 34, 92, 50, 72, 70, 50, 78, 28, 70)
    p.blob("crimson", 14, 50, 34, 42, 50, 42, 66, 42, 86, 50, 66, 62, 50, 65, 34, 62)
    p.blob("white", 20, 49, 36, 43, 50, 43, 64, 43, 80, 49, 66, 54, 50, 55, 34, 54)
    for x in (36, 43, 50, 57, 64):
        p.line("silver", 0.7, x, 44, x, 54)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    function.__name__: function for function in (baby, hand, eye, foot, mouth)
}
