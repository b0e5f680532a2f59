"""Machines of a household, and what else is at home."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def refrigerator(p: Pen) -> None:
    """Draw a refrigerator."""
    p.scene("room")
    p.shadow(50, 92, 54)
    p.box("silver", 26, 8, 48, 82, 4)
    p.line("dark", 1, 26, 36, 74, 36)
    for y, height in ((20, 12), (42, 18)):
        p.box("dark", 31, y, 3, height, 1)


def washing_machine(p: Pen) -> None:
    """Draw a washing machine."""
    p.scene("room")
    p.shadow(50, 90, 72)
    p.box("white", 18, 14, 64, 74, 4)
    p.box("silver", 18, 14, 64, 14, 3)
    p.oval("red", 72, 21, 4, 4)
    p.box("dark", 24, 18, 20, 6, 1)
    p.oval("silver", 50, 58, 24, 24)
    p.oval("navy", 50, 58, 18, 18)
    p.blob("sky", 33, 60, 42, 56, 52, 62, 67, 58, 62, 71, 50, 76, 38, 71)


def vacuum_cleaner(p: Pen) -> None:
    """Draw a vacuum cleaner."""
    p.scene("room")
    p.shadow(40, 84, 66)
    p.curve("dark", 4, 30, 56, 30, 30, 56, 18, 72, 30)
    p.line("silver", 3.4, 72, 30, 88, 80)
    p.shape("dark", 76, 84, 96, 84, 94, 77, 82, 77)
    p.blob("crimson", 12, 76, 14, 58, 32, 50, 54, 58, 58, 78, 34, 82)
    p.oval("black", 22, 78, 8, 8)
    p.oval("black", 52, 80, 5, 5)


def electric_fan(p: Pen) -> None:
    """Draw an electric fan."""
    p.scene("mint")
    p.oval("dark", 50, 90, 22, 5)
    p.box("dark", 47, 62, 6, 28)
    for turn in (10, 130, 250):
        with p.turned(turn, 50, 38):
            p.blob("sky", 50, 38, 38, 26, 44, 12, 58, 14, 60, 28)
    p.ring("grey", 2.4, 50, 38, 32)
    for radius in (12, 22):
        p.ring("grey", 0.8, 50, 38, radius)
    p.oval("dark", 50, 38, 5, 5)


def loudspeaker(p: Pen) -> None:
    """Draw a loudspeaker."""
    p.scene("room")
    p.shadow(50, 92, 50)
    p.box("umber", 26, 8, 48, 84, 3)
    for y, r in ((28, 13), (64, 19)):
        p.oval("black", 50, y, r, r)
        p.oval("dark", 50, y, 0.75 * r, 0.75 * r)
        p.oval("silver", 50, y, 0.3 * r, 0.3 * r)


def microphone(p: Pen) -> None:
    """Draw a microphone."""
    p.scene("night")
    with p.turned(30):
        p.shape("dark", 42, 44, 58, 44, 55, 94, 45, 94)
        p.oval("silver", 50, 30, 15, 18)
        for x in (41, 47, 53, 59):
            p.line("grey", 0.9, x, 17, x, 43)
        for y in (22, 28, 34, 40):
            p.line("grey", 0.9, 37, y, 63, y)
        p.box("red", 38, 42, 24, 5, 2)


def game_controller(p: Pen) -> None:
    """Draw a game controller."""
    p.scene("plain")
    p.blob("dark", 24, 34, 50, 38, 76, 34, 92, 56, 88, 78, 76, 76, 64, 62, 36, 62, 24, 76, 12, 78,
           8, 56)  # fmt: skip
    p.box("black", 22, 46, 16, 5, 1)
    p.box("black", 27.5, 40.5, 5, 16, 1)
    for x, y, colour in ((70, 42, "yellow"), (70, 55, "green"), (63.5, 48.5, "blue"),
                         (76.5, 48.5, "red")):  # fmt: skip
        p.oval(colour, x, y, 3, 3)
    for x in (41, 59):
        p.oval("black", x, 58, 5, 5)


def mirror(p: Pen) -> None:
    """Draw a mirror in its frame."""
    p.scene("room")
    p.oval("gold", 50, 46, 29, 38)
    p.oval("glass", 50, 46, 24, 33)
    p.line("white", 3, 38, 54, 58, 26)
    p.line("white", 2, 46, 60, 62, 38)


def carpet(p: Pen) -> None:
    """Draw a carpet."""
    p.scene("room")
    for x in range(6, 95, 4):
        p.line("cream", 1, x, 84, x - 1, 91)
        p.line("cream", 1, 18 + (x - 6) * 0.72, 40, 18 + (x - 6) * 0.72, 35)
    p.shape("crimson", 18, 40, 82, 40, 96, 84, 4, 84)
    p.shape("amber", 23, 45, 77, 45, 87, 78, 13, 78)
    p.shape("navy", 27, 49, 73, 49, 81, 73, 19, 73)
    p.shape("amber", 50, 51, 62, 61, 50, 71, 38, 61)
    p.shape("crimson", 50, 55, 56, 61, 50, 67, 44, 61)


def pillow(p: Pen) -> None:
    """Draw a pillow."""
    p.scene("warm")
    p.blob("white", 10, 30, 50, 34, 90, 30, 86, 54, 90, 78, 50, 74, 10, 78, 14, 54)
    p.curve("silver", 1.4, 22, 40, 32, 46, 36, 52)
    p.curve("silver", 1.4, 78, 68, 70, 64, 64, 56)
    p.curve("silver", 1.4, 76, 40, 68, 46, 66, 50)


def bathtub(p: Pen) -> None:
    """Draw a bath full of foam."""
    p.scene("mint")
    p.shadow(50, 90, 74)
    p.curve("silver", 4, 88, 46, 88, 24, 76, 22, 74, 30)
    for x in (22, 72):
        p.oval("gold", x + 3, 84, 5, 6)
    p.blob("white", 8, 50, 50, 52, 92, 50, 86, 74, 70, 82, 30, 82, 14, 74)
    p.box("white", 5, 46, 90, 7, 3)
    for x, y, r in ((22, 42, 7), (36, 38, 9), (52, 40, 8), (66, 42, 6), (44, 30, 6), (30, 30, 5)):
        p.oval("#eaf6fb", x, y, r, r)


def coat(p: Pen) -> None:
    """Draw a coat."""
    p.scene("street")
    p.shape("tan", 36, 10, 64, 10, 82, 26, 92, 70, 80, 74, 72, 44, 76, 92, 24, 92, 28, 44, 20, 74,
            8, 70, 18, 26)  # fmt: skip
    p.shape("brown", 36, 10, 50, 34, 38, 40, 32, 16)
    p.shape("brown", 64, 10, 50, 34, 62, 40, 68, 16)
    p.line("brown", 1.4, 50, 34, 50, 92)
    for y in (46, 58, 70):
        p.dot("umber", 55, y, 2)
    p.box("umber", 25, 60, 20, 4)


def glove(p: Pen) -> None:
    """Draw a glove."""
    p.scene("plain")
    for x, top in ((31, 22), (42, 12), (53, 14), (64, 26)):
        p.box("crimson", x, top, 11, 42, 5.5)
    p.blob("crimson", 31, 50, 76, 50, 74, 76, 36, 78)
    p.blob("crimson", 34, 66, 18, 48, 11, 54, 22, 74, 38, 82)
    p.box("cream", 33, 76, 42, 16, 4)


def scarf(p: Pen) -> None:
    """Draw a scarf."""
    p.scene("mint")
    p.shape("crimson", 34, 46, 50, 50, 42, 92, 22, 88)
    p.curve("red", 15, 26, 40, 38, 28, 62, 28, 74, 40, 62, 50, 38, 50, 26, 40)
    p.shape("red", 52, 44, 70, 42, 78, 88, 58, 91)
    for y in (58, 69, 80):
        p.line("white", 3.4, 55 + 0.12 * (y - 44), y, 71 + 0.16 * (y - 44), y - 2)
    for x in (61, 66, 71, 76):
        p.line("red", 1.6, x, 89, x + 1, 96)
    for x in (25, 30, 35, 40):
        p.line("crimson", 1.6, x, 89, x - 1, 97)


def spanner(p: Pen) -> None:
    """Draw a spanner."""
    p.scene("plain")
    with p.turned(35):
        p.box("silver", 44, 24, 12, 54, 2)
        p.oval("silver", 50, 20, 16, 15)
        p.shape("#e6ebf0", 44, 2, 56, 2, 55, 20, 45, 20)
        p.oval("silver", 50, 82, 12, 12)
        p.oval("#e1e7ee", 50, 82, 6, 6)


def drill(p: Pen) -> None:
    """Draw an electric drill."""
    p.scene("plain")
    p.shape("silver", 66, 36, 96, 38, 66, 41)
    p.box("dark", 56, 30, 14, 17, 2)
    p.box("orange", 12, 24, 46, 28, 6)
    p.shape("orange", 20, 50, 38, 50, 34, 78, 14, 78)
    p.box("black", 8, 76, 34, 12, 3)
    p.oval("black", 41, 56, 3, 4)
    for x in (18, 24, 30):
        p.line("brown", 1.6, x, 32, x, 44)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        *(refrigerator, washing_machine, vacuum_cleaner, electric_fan, loudspeaker, microphone),
        *(game_controller, mirror, carpet, pillow, bathtub, coat, glove, scarf, spanner, drill),
    )
}
