"""Animals on four legs, from one body with other proportions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from saccade.gui.stimuli.drawings.pen import Pen


@dataclass(frozen=True, slots=True)
class Body:
    """Proportions of an animal that looks to the right; lengths in hundredths of the picture.

    Parameters
    ----------
    coat, face : str
        Colours of the body and of the muzzle.
    length, depth, legs : float
        Half the length and half the depth of the trunk, and the length of the legs.
    leg : float
        Thickness of a leg.
    neck : float
        How far the head is above the trunk's upper end.
    head, muzzle : float
        Radius of the head, length of the muzzle.
    ears : {"round", "pointed", "hanging", "long", "small"}
        Their shape.
    tail : {"thin", "bushy", "short", "hair", "curled"}
        Its shape.
    """

    coat: str
    face: str = "cream"
    length: float = 22
    depth: float = 11
    legs: float = 20
    leg: float = 5
    neck: float = 10
    head: float = 9
    muzzle: float = 7
    ears: Literal["round", "pointed", "hanging", "long", "small"] = "pointed"
    tail: Literal["thin", "bushy", "short", "hair", "curled"] = "thin"


GROUND = 84


def quadruped(p: Pen, b: Body) -> tuple[float, float]:
    """Draw a body; return where the middle of its head is."""
    trunk_y = GROUND - b.legs - b.depth
    back_x, front_x = 46 - b.length, 46 + b.length
    head_x, head_y = front_x + 6, trunk_y - b.depth - b.neck
    p.shadow(48, GROUND, 2.4 * b.length + 10)
    _tail(p, b, back_x + 2, trunk_y - 0.4 * b.depth)
    for x in (back_x + 9, front_x - 4):  # the far side
        p.box(f"{_darker(b.coat)}", x, trunk_y, b.leg, GROUND - trunk_y - 1, b.leg / 3)
    p.blob(b.coat, front_x - 8, trunk_y, front_x + 3, trunk_y, head_x + 0.5 * b.head, head_y,
           head_x - 0.8 * b.head, head_y - 1, front_x - 14, trunk_y - 0.7 * b.depth)  # fmt: skip
    p.oval(b.coat, 46, trunk_y, b.length + 3, b.depth)
    for x in (back_x + 2, front_x - 9):
        p.box(b.coat, x, trunk_y + 2, b.leg, GROUND - trunk_y - 2, b.leg / 3)
    _ears(p, b, head_x, head_y, near=False)
    p.oval(b.coat, head_x, head_y, b.head, 0.9 * b.head)
    p.oval(b.face, head_x + 0.6 * b.head + b.muzzle / 2, head_y + 0.35 * b.head,
           b.muzzle * 0.75, 0.45 * b.head)  # fmt: skip
    p.dot("black", head_x + 0.6 * b.head + b.muzzle * 1.1, head_y + 0.2 * b.head, 1.5)
    p.eye(head_x + 0.3 * b.head, head_y - 0.2 * b.head, 1.5)
    _ears(p, b, head_x, head_y, near=True)
    return head_x, head_y


def _darker(coat: str) -> str:
    return {"white": "silver", "cream": "tan", "tan": "brown", "brown": "umber", "grey": "dark",
            "orange": "brown", "amber": "brown", "pink": "#d98496", "black": "#111114"}.get(
        coat, coat)  # fmt: skip


def _ears(p: Pen, b: Body, x: float, y: float, *, near: bool) -> None:
    x -= 0.45 * b.head if near else -0.15 * b.head
    top = y - 0.7 * b.head
    match b.ears:
        case "round":
            p.oval(b.coat, x, top - 1, 3.6, 3.6)
        case "small":
            p.oval(b.coat, x, top, 2.2, 2.6)
        case "pointed":
            p.shape(b.coat, x - 3, top + 2, x, top - 8, x + 3.5, top + 1)
        case "long":
            p.oval(b.coat, x, top - 9, 2.6, 11, -12)
        case "hanging":
            p.oval(_darker(b.coat), x - 1, y + 1, 3.2, 7, 12)


def _tail(p: Pen, b: Body, x: float, y: float) -> None:
    match b.tail:
        case "thin":
            p.curve(b.coat, 2.6, x, y, x - 8, y - 4, x - 10, y - 16)
        case "bushy":
            p.blob(b.coat, x + 3, y, x - 8, y + 2, x - 15, y - 10, x - 9, y - 16, x - 4, y - 7)
        case "short":
            p.oval(b.coat, x - 2, y - 1, 4, 3.4)
        case "hair":
            p.curve(_darker(b.coat), 4, x, y, x - 7, y + 6, x - 7, y + 22)
        case "curled":
            p.curve(b.coat, 1.8, x, y, x - 5, y - 4, x - 9, y, x - 6, y + 3, x - 5, y - 3)


def dog(p: Pen) -> None:
    """Draw a dog with a collar."""
    p.scene("meadow")
    x, y = quadruped(p, Body("tan", "cream", ears="hanging", muzzle=8, tail="thin"))
    p.line("red", 2.4, x - 8, y + 8, x + 3, y + 10)


def cat(p: Pen) -> None:
    """Draw a cat with stripes and whiskers."""
    p.scene("room")
    x, y = quadruped(p, Body("grey", "white", 18, 9, 16, 4.4, 8, 10, 3.5, "pointed", "thin"))
    for at in (38, 45, 52):
        p.curve("dark", 2, at, 51, at - 1, 56, at, 60)
    for dy in (1, 3.5, 6):
        p.line("black", 0.5, x + 6, y + 3, x + 20, y + dy)


def horse(p: Pen) -> None:
    """Draw a horse with a mane."""
    p.scene("meadow")
    x, y = quadruped(p, Body("brown", "brown", 22, 10, 28, 4.6, 14, 7.5, 11, "pointed", "hair"))
    p.curve("umber", 4, x - 3, y - 9, x - 10, y, x - 16, y + 14)


def cow(p: Pen) -> None:
    """Draw a cow with patches and horns."""
    p.scene("meadow")
    x, y = quadruped(p, Body("white", "pink", 25, 13, 19, 6, 3, 9, 7, "small", "thin"))
    for at_x, at_y, size in ((34, 50, 8), (52, 56, 7), (60, 47, 4)):
        p.blob("black", at_x - size, at_y, at_x, at_y - 0.7 * size, at_x + size, at_y, at_x,
               at_y + 0.8 * size)  # fmt: skip
    p.curve("cream", 2.2, x - 2, y - 7, x - 5, y - 12, x - 1, y - 15)
    p.curve("cream", 2.2, x + 3, y - 7, x + 7, y - 12, x + 4, y - 15)
    p.oval("pink", 38, 66, 5, 3)


def pig(p: Pen) -> None:
    """Draw a pig."""
    p.scene("meadow")
    x, y = quadruped(p, Body("pink", "#e58a9f", 23, 15, 12, 6, -7, 10, 6, "pointed", "curled"))
    p.dot("crimson", x + 12, y + 3, 0.9)


def sheep(p: Pen) -> None:
    """Draw a sheep: wool, and a dark face."""
    p.scene("meadow")
    x, y = quadruped(p, Body("black", "black", 20, 10, 17, 4, -1, 8, 5, "hanging", "short"))
    wool = [(28, 54), (36, 47), (46, 45), (56, 47), (63, 54), (58, 62), (47, 64), (36, 63)]
    for at_x, at_y in wool:
        p.oval("white", at_x, at_y, 8, 7.5)
    p.oval("white", 46, 55, 18, 9)
    p.oval("white", x - 2, y - 7, 6, 4)
    p.eye(x + 3, y - 1)


def rabbit(p: Pen) -> None:
    """Draw a rabbit."""
    p.scene("meadow")
    quadruped(p, Body("cream", "white", 14, 12, 10, 5, 2, 9, 3, "long", "short"))


def mouse(p: Pen) -> None:
    """Draw a mouse beside its cheese."""
    p.scene("table")
    p.curve("pink", 1.6, 30, 76, 18, 80, 12, 72, 6, 76)
    p.blob("grey", 26, 80, 30, 64, 46, 60, 62, 68, 74, 78, 60, 83, 40, 84)
    for x in (52, 60):
        p.oval("grey", x, 61, 6, 6)
        p.oval("pink", x, 61, 3.6, 3.6)
    p.eye(65, 71)
    p.dot("pink", 74, 78, 1.6)


def lion(p: Pen) -> None:
    """Draw a lion with its mane."""
    p.scene("sand")
    b = Body("amber", "cream", 22, 10, 20, 5.4, 4, 9, 5, "round", "thin")
    x, y = quadruped(p, b)
    for at_x, at_y in (
        (-9, -6),
        (-3, -11),
        (4, -11),
        (10, -7),
        (-12, 2),
        (-9, 9),
        (-3, 13),
        (4, 12),
    ):
        p.oval("brown", x + at_x, y + at_y, 5.4, 5.4)
    p.oval("amber", x + 1, y, 9, 9)
    p.oval("cream", x + 5, y + 4, 5, 4)
    p.shape("umber", x + 4, y + 1, x + 9, y + 1, x + 6.5, y + 4)
    p.eye(x - 2, y - 2)
    p.eye(x + 5, y - 2)
    p.oval("brown", 16, 38, 3.4, 4.4)


def elephant(p: Pen) -> None:
    """Draw an elephant."""
    p.scene("sand")
    p.shadow(46, 84, 66)
    p.curve("grey", 2, 15, 50, 11, 58, 12, 66)
    for x in (22, 52):
        p.box("dark", x + 8, 60, 8, 23, 2)
        p.box("grey", x, 60, 9, 24, 2)
    p.oval("grey", 40, 50, 27, 19)
    p.curve("grey", 7, 76, 48, 84, 56, 85, 68, 80, 76)
    p.oval("grey", 70, 43, 13, 13)
    p.blob("#868a93", 54, 30, 64, 32, 66, 46, 60, 58, 52, 52, 48, 40)
    p.curve("cream", 3, 76, 54, 82, 60, 88, 58)
    p.eye(74, 40)


def giraffe(p: Pen) -> None:
    """Draw a giraffe."""
    p.scene("sand")
    b = Body("amber", "cream", 17, 9, 27, 4, 30, 6, 7, "small", "thin")
    x, y = quadruped(p, b)
    spots = [(34, 46, 4), (43, 50, 4.6), (52, 45, 4), (58, 51, 3.4), (57, 38, 2.8), (62, 31, 2.6)]
    for at_x, at_y, size in (*spots, (64, 22, 2)):
        p.oval("brown", at_x, at_y, size, 0.8 * size, 20)
    for dx in (-3, 1):
        p.line("brown", 1.4, x + dx, y - 4, x + dx - 1, y - 10)
        p.dot("umber", x + dx - 1, y - 10, 1.4)


def bear(p: Pen) -> None:
    """Draw a bear."""
    p.scene("meadow")
    quadruped(p, Body("umber", "tan", 25, 15, 13, 8, -4, 11, 6, "round", "short"))


def wolf(p: Pen) -> None:
    """Draw a wolf at night."""
    p.scene("night")
    p.dot("cream", 22, 20, 9)
    quadruped(p, Body("grey", "silver", 22, 9, 21, 4.6, 7, 8.5, 10, "pointed", "bushy"))


def camel(p: Pen) -> None:
    """Draw a camel with two humps."""
    p.scene("sand")
    p.oval("tan", 36, 44, 9, 12)
    p.oval("tan", 54, 44, 9, 12)
    quadruped(p, Body("tan", "tan", 22, 10, 25, 4.4, 9, 7, 8, "small", "thin"))


def squirrel(p: Pen) -> None:
    """Draw a squirrel that holds a nut."""
    p.scene("meadow")
    p.shadow(50, 85, 44)
    p.blob("wood", 34, 82, 18, 72, 14, 48, 24, 28, 36, 32, 32, 44, 36, 60, 44, 76)
    p.blob("brown", 40, 84, 40, 58, 50, 44, 60, 50, 62, 70, 58, 84)
    p.oval("cream", 56, 68, 6, 11)
    p.shape("brown", 50, 30, 52, 22, 57, 29)
    p.oval("brown", 58, 38, 10, 9)
    p.oval("cream", 65, 42, 4, 3)
    p.dot("black", 69, 40, 1.3)
    p.eye(60, 36)
    p.oval("wood", 68, 60, 4, 5)
    p.curve("brown", 4, 54, 56, 62, 62, 68, 61)
    p.oval("brown", 52, 83, 9, 4)


def monkey(p: Pen) -> None:
    """Draw a monkey's face."""
    p.scene("mint")
    for x in (22, 78):
        p.oval("brown", x, 48, 12, 13)
        p.oval("skin", x, 48, 7, 8)
    p.oval("brown", 50, 46, 27, 28)
    p.blob("skin", 50, 34, 60, 28, 68, 38, 64, 50, 70, 62, 50, 74, 30, 62, 36, 50, 32, 38, 40, 28)
    p.eye(42, 42, 3.4)
    p.eye(58, 42, 3.4)
    p.dot("umber", 47, 55, 1.2)
    p.dot("umber", 53, 55, 1.2)
    p.curve("umber", 1.4, 40, 62, 50, 67, 60, 62)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "dog": dog,
    "cat": cat,
    "horse": horse,
    "cow": cow,
    "pig": pig,
    "sheep": sheep,
    "rabbit": rabbit,
    "mouse": mouse,
    "squirrel": squirrel,
    "lion": lion,
    "elephant": elephant,
    "giraffe": giraffe,
    "bear": bear,
    "monkey": monkey,
    "wolf": wolf,
    "camel": camel,
}
