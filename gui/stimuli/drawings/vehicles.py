"""What carries people and loads, on land, water and through the air."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def wheel(p: Pen, x: float, y: float, radius: float) -> None:
    """Draw a wheel with a tyre."""
    p.oval("black", x, y, radius, radius)
    p.oval("silver", x, y, 0.5 * radius, 0.5 * radius)


def car(p: Pen) -> None:
    """Draw a car."""
    p.scene("street")
    p.shadow(50, 82, 88)
    p.blob("red", 24, 56, 36, 36, 64, 36, 78, 56, 50, 60)
    p.shape("glass", 32, 54, 39, 41, 49, 41, 49, 54)
    p.shape("glass", 52, 54, 52, 41, 62, 41, 71, 54)
    p.box("red", 8, 53, 84, 22, 8)
    p.box("yellow", 86, 58, 6, 6, 2)
    for x in (27, 73):
        wheel(p, x, 75, 9)


def bus(p: Pen) -> None:
    """Draw a bus."""
    p.scene("street")
    p.shadow(50, 86, 92)
    p.box("yellow", 6, 28, 88, 50, 5)
    for x in (10, 26, 42, 58):
        p.box("glass", x, 35, 13, 16, 2)
    p.box("glass", 75, 35, 17, 34, 2)
    p.box("black", 6, 56, 66, 3)
    for x in (24, 66):
        wheel(p, x, 79, 8)


def lorry(p: Pen) -> None:
    """Draw a lorry."""
    p.scene("street")
    p.shadow(50, 84, 92)
    p.box("silver", 4, 26, 60, 46, 2)
    p.box("blue", 66, 38, 28, 36, 4)
    p.shape("glass", 76, 42, 90, 42, 92, 55, 76, 55)
    for x in (16, 30, 78):
        wheel(p, x, 77, 8)


def fire_engine(p: Pen) -> None:
    """Draw a fire engine with its ladder."""
    p.scene("street")
    p.shadow(50, 84, 92)
    p.box("red", 4, 40, 92, 34, 3)
    p.box("glass", 74, 44, 18, 14, 2)
    p.box("silver", 8, 48, 60, 10, 1)
    for y in (26, 36):
        p.line("grey", 2.2, 6, y, 82, y)
    for x in range(10, 82, 9):
        p.line("grey", 2, x, 26, x, 36)
    p.box("blue", 82, 32, 8, 8, 3)
    p.box("white", 4, 64, 92, 4)
    for x in (22, 78):
        wheel(p, x, 77, 9)


def tractor(p: Pen) -> None:
    """Draw a tractor."""
    p.scene("meadow")
    p.shadow(50, 86, 80)
    p.box("green", 46, 46, 40, 22, 4)
    p.box("dark", 72, 30, 4, 16)
    p.shape("glass", 24, 24, 50, 24, 54, 52, 22, 52)
    p.box("green", 20, 20, 36, 6, 2)
    wheel(p, 32, 66, 20)
    wheel(p, 78, 75, 11)


def bicycle(p: Pen) -> None:
    """Draw a bicycle."""
    p.scene("street")
    for x in (25, 75):
        p.ring("black", 2.4, x, 65, 17)
        for turn in range(0, 180, 45):
            with p.turned(turn, x, 65):
                p.line("grey", 0.5, x, 49, x, 81)
    p.line("red", 3, 25, 65, 38, 40, 64, 40, 48, 66, 25, 65)
    p.line("red", 3, 48, 66, 36, 34)
    p.line("red", 3, 75, 65, 63, 32)
    p.line("black", 3.4, 30, 33, 42, 33)
    p.curve("black", 2.6, 58, 30, 66, 30, 72, 34)
    p.oval("dark", 48, 66, 4, 4)


def motorcycle(p: Pen) -> None:
    """Draw a motorcycle."""
    p.scene("street")
    p.shadow(50, 85, 90)
    for x in (22, 78):
        p.oval("black", x, 70, 15, 15)
        p.oval("silver", x, 70, 9, 9)
    p.line("dark", 4, 78, 70, 66, 38)
    p.blob("crimson", 36, 46, 56, 38, 68, 46, 58, 58, 40, 56)
    p.blob("black", 12, 44, 26, 46, 44, 50, 38, 56, 20, 52)
    p.box("grey", 40, 58, 18, 16, 4)
    p.line("silver", 4, 42, 74, 14, 78)
    p.line("black", 3, 60, 32, 70, 36)
    p.oval("yellow", 72, 42, 4, 4)


def train(p: Pen) -> None:
    """Draw a steam engine."""
    p.scene("meadow")
    p.line("dark", 2, 2, 86, 98, 86)
    p.box("black", 26, 44, 60, 24, 8)
    p.box("crimson", 8, 24, 28, 46, 2)
    p.box("glass", 13, 32, 17, 14, 1)
    p.box("black", 72, 24, 9, 22, 2)
    p.oval("gold", 54, 44, 6, 6)
    p.shape("crimson", 84, 68, 98, 84, 80, 84)
    for x, y, r in ((82, 16, 6), (72, 10, 7), (60, 8, 5)):
        p.oval("white", x, y, r, r)
    for x, r in ((20, 12), (46, 10), (68, 10)):
        p.oval("red", x, 86 - r, r, r)
        p.oval("silver", x, 86 - r, 0.4 * r, 0.4 * r)


def aeroplane(p: Pen) -> None:
    """Draw an airliner."""
    p.scene("air")
    p.shape("blue", 12, 50, 4, 24, 16, 24, 30, 48)
    p.blob("white", 8, 52, 30, 44, 74, 44, 94, 54, 74, 62, 30, 62)
    p.shape("silver", 40, 56, 28, 86, 40, 86, 62, 57)
    p.shape("silver", 46, 46, 40, 26, 48, 26, 62, 46)
    for x in range(34, 78, 6):
        p.dot("navy", x, 50, 1.5)
    p.shape("navy", 82, 48, 89, 51, 82, 52)


def helicopter(p: Pen) -> None:
    """Draw a helicopter."""
    p.scene("air")
    p.line("dark", 2.6, 18, 24, 94, 24)
    p.line("dark", 3, 56, 24, 56, 36)
    p.shape("orange", 36, 46, 6, 40, 4, 28, 12, 36, 40, 38)
    p.oval("orange", 58, 54, 27, 20)
    p.blob("glass", 60, 38, 78, 42, 84, 56, 62, 56)
    p.line("dark", 2.4, 46, 72, 44, 84)
    p.line("dark", 2.4, 68, 72, 70, 84)
    p.line("dark", 3, 32, 85, 84, 85)


def balloon_ride(p: Pen) -> None:
    """Draw a hot-air balloon."""
    p.scene("air")
    p.blob("red", 50, 6, 78, 18, 82, 42, 62, 66, 38, 66, 18, 42, 22, 18)
    p.blob("yellow", 50, 6, 64, 20, 64, 46, 56, 66, 44, 66, 36, 46, 36, 20)
    p.blob("blue", 50, 6, 56, 24, 55, 48, 52, 66, 48, 66, 45, 48, 44, 24)
    p.line("umber", 1, 40, 66, 44, 82)
    p.line("umber", 1, 60, 66, 56, 82)
    p.box("wood", 42, 81, 16, 12, 2)


def rocket(p: Pen) -> None:
    """Draw a rocket that starts."""
    p.scene("night")
    for x, y in ((14, 20), (84, 14), (78, 54), (20, 60), (88, 34), (30, 12)):
        p.dot("white", x, y, 1)
    p.blob("orange", 40, 72, 60, 72, 56, 88, 50, 98, 44, 88)
    p.blob("yellow", 45, 72, 55, 72, 50, 90)
    p.shape("red", 38, 52, 24, 76, 40, 72)
    p.shape("red", 62, 52, 76, 76, 60, 72)
    p.blob("white", 50, 6, 62, 26, 64, 52, 60, 74, 40, 74, 36, 52, 38, 26)
    p.blob("red", 50, 6, 58, 18, 59, 24, 41, 24, 42, 18)
    p.oval("sky", 50, 42, 7, 7)


def sailing_boat(p: Pen) -> None:
    """Draw a sailing boat."""
    p.scene("water")
    p.line("umber", 2.4, 50, 10, 50, 68)
    p.shape("white", 53, 12, 53, 62, 86, 62)
    p.shape("red", 47, 18, 47, 62, 20, 62)
    p.shape("wood", 12, 68, 90, 68, 76, 84, 26, 84)


def cargo_ship(p: Pen) -> None:
    """Draw a ship with containers."""
    p.scene("water")
    for x, y, colour in ((20, 44, "red"), (36, 44, "green"), (52, 44, "blue"), (20, 54, "orange"),
                         (36, 54, "blue"), (52, 54, "yellow"), (28, 34, "teal")):  # fmt: skip
        p.box(colour, x, y, 15, 10)
    p.box("white", 70, 32, 18, 32)
    p.box("glass", 72, 36, 14, 5)
    p.box("red", 76, 20, 7, 12)
    p.shape("navy", 6, 64, 96, 64, 88, 82, 16, 82)
    p.shape("crimson", 14, 78, 90, 78, 88, 84, 18, 84)


def canoe(p: Pen) -> None:
    """Draw a canoe with its paddle."""
    p.scene("water")
    p.line("wood", 2.4, 28, 30, 68, 80)
    p.oval("wood", 72, 84, 4, 9, -40)
    p.blob("brown", 4, 52, 20, 62, 50, 64, 80, 62, 96, 52, 86, 74, 50, 80, 14, 74)
    for x in (32, 66):
        p.line("tan", 3, x, 64, x, 70)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    "hot-air balloon": balloon_ride,
    **{
        function.__name__.replace("_", " "): function
        for function in (
            *(car, bus, lorry, fire_engine, tractor, bicycle, motorcycle, train, aeroplane),
            *(helicopter, rocket, sailing_boat, cargo_ship, canoe),
        )
    },
}
