"""Buildings, plants and landscapes."""

from __future__ import annotations

from collections.abc import Callable

from saccade.gui.stimuli.drawings.pen import Pen


def house(p: Pen) -> None:
    """Draw a house."""
    p.scene("meadow")
    p.box("red", 66, 18, 9, 20)
    p.box("cream", 20, 44, 60, 42)
    p.shape("crimson", 10, 46, 50, 12, 90, 46)
    p.box("brown", 44, 62, 13, 24, 1)
    for x in (26, 63):
        p.box("glass", x, 54, 12, 12)
        p.line("white", 1, x + 6, 54, x + 6, 66)


def castle(p: Pen) -> None:
    """Draw a castle."""
    p.scene("meadow")
    p.box("silver", 20, 46, 60, 40)
    for x in (12, 70):
        p.box("grey", x, 30, 18, 56)
        for dx in (0, 7, 14):
            p.box("grey", x + dx, 25, 4, 6)
        p.shape("blue", x + 8, 25, x + 8, 6, x + 20, 11, x + 9, 15)
    for x in range(32, 68, 8):
        p.box("silver", x, 41, 4, 6)
    p.blob("umber", 41, 86, 41, 66, 50, 58, 59, 66, 59, 86)
    for x in (19, 77):
        p.box("black", x, 42, 4, 9, 2)


def church(p: Pen) -> None:
    """Draw a church."""
    p.scene("meadow")
    p.box("cream", 40, 48, 48, 38)
    p.shape("brown", 36, 50, 46, 32, 86, 32, 92, 50)
    p.box("cream", 16, 36, 24, 50)
    p.shape("brown", 13, 38, 28, 10, 43, 38)
    p.line("gold", 1.6, 28, 2, 28, 12)
    p.line("gold", 1.6, 25, 5, 31, 5)
    p.oval("glass", 28, 48, 5, 5)
    p.box("umber", 23, 68, 10, 18, 5)
    for x in (48, 60, 72):
        p.box("sky", x, 58, 7, 18, 3.5)


def skyscraper(p: Pen) -> None:
    """Draw skyscrapers."""
    p.scene("street")
    for x, y, width, colour in ((10, 44, 22, "#9db4c6"), (68, 36, 24, "#8aa0b4"),
                                (36, 8, 28, "#5d7f9e")):  # fmt: skip
        p.box(colour, x, y, width, 86 - y)
        for at_x in range(int(x + 3), int(x + width - 3), 6):
            for at_y in range(int(y + 4), 80, 8):
                p.box("#f3e8a6", at_x, at_y, 3, 4)


def bridge(p: Pen) -> None:
    """Draw a bridge that hangs from towers."""
    p.scene("water")
    p.curve("crimson", 1.6, 0, 52, 26, 18, 50, 48, 74, 18, 100, 52)
    for x, y in (
        (6, 46),
        (14, 34),
        (33, 29),
        (41, 41),
        (50, 48),
        (59, 41),
        (67, 29),
        (86, 34),
        (94, 46),
    ):
        p.line("crimson", 0.7, x, 56, x, y)
    for x in (24, 71):
        p.box("crimson", x, 16, 5, 66)
    p.box("red", 0, 55, 100, 5)


def lighthouse(p: Pen) -> None:
    """Draw a lighthouse."""
    p.scene("water")
    p.shape("#fdf3c0", 52, 22, 100, 8, 100, 38)
    p.blob("dark", 20, 88, 34, 74, 66, 74, 84, 88)
    p.shape("white", 42, 30, 58, 30, 64, 80, 36, 80)
    for y in (38, 58):
        p.shape("red", 42 - (y - 30) * 0.12, y, 58 + (y - 30) * 0.12, y,
                58 + (y - 20) * 0.12, y + 10, 42 - (y - 20) * 0.12, y + 10)  # fmt: skip
    p.box("yellow", 44, 18, 12, 12)
    p.shape("red", 40, 18, 50, 8, 60, 18)


def tent(p: Pen) -> None:
    """Draw a tent."""
    p.scene("meadow")
    p.shape("orange", 8, 84, 42, 22, 92, 84)
    p.shape("#c9661a", 42, 22, 92, 84, 66, 84)
    p.shape("umber", 30, 84, 42, 40, 54, 84)


def windmill(p: Pen) -> None:
    """Draw a windmill."""
    p.scene("meadow")
    p.shape("cream", 38, 44, 62, 44, 70, 88, 30, 88)
    p.blob("brown", 36, 45, 50, 30, 64, 45)
    p.box("umber", 45, 70, 10, 18, 5)
    for turn in (20, 110, 200, 290):
        with p.turned(turn, 50, 42):
            p.line("umber", 2, 50, 42, 50, 6)
            p.shape("white", 51, 10, 60, 10, 60, 34, 51, 34)
    p.oval("umber", 50, 42, 3, 3)


def barn(p: Pen) -> None:
    """Draw a red barn."""
    p.scene("meadow")
    p.shape("crimson", 14, 86, 14, 46, 30, 26, 50, 18, 70, 26, 86, 46, 86, 86)
    p.curve("silver", 4, 10, 48, 28, 24, 50, 15, 72, 24, 90, 48)
    p.box("white", 34, 54, 32, 32)
    p.box("crimson", 36, 56, 28, 30)
    p.line("white", 2, 36, 56, 64, 86)
    p.line("white", 2, 64, 56, 36, 86)
    p.box("white", 44, 30, 12, 12)


def pyramid(p: Pen) -> None:
    """Draw a pyramid."""
    p.scene("sand")
    p.dot("yellow", 82, 18, 9)
    p.shape("gold", 48, 18, 8, 84, 56, 84)
    p.shape("brown", 48, 18, 56, 84, 92, 78)
    for share in (0.25, 0.45, 0.65, 0.85):
        y = 18 + 66 * share
        p.line("brown", 0.6, 48 - 40 * share, y, 48 + 8 * share, y)


def oak_tree(p: Pen) -> None:
    """Draw an oak."""
    p.scene("meadow")
    p.shadow(50, 88, 60)
    p.blob("brown", 44, 50, 56, 50, 58, 80, 64, 88, 36, 88, 42, 80)
    for x, y, r in ((28, 44, 16), (72, 44, 16), (38, 26, 16), (62, 26, 16), (50, 44, 20)):
        p.oval("forest", x, y, r, r)
    for x, y in ((34, 38), (56, 22), (68, 38), (46, 48)):
        p.dot("green", x, y, 6)


def rose(p: Pen) -> None:
    """Draw a rose."""
    p.scene("mint")
    p.curve("forest", 3, 50, 50, 51, 70, 48, 96)
    p.blob("green", 50, 76, 62, 64, 76, 66, 66, 78)
    p.blob("green", 49, 84, 38, 72, 24, 76, 34, 86)
    for turn in range(0, 360, 72):
        with p.turned(turn, 50, 36):
            p.oval("crimson", 50, 23, 14, 12)
    p.oval("red", 50, 36, 13, 13)
    p.curve("crimson", 2, 42, 38, 46, 28, 56, 30, 58, 40, 50, 44, 46, 36, 52, 34)


def sunflower(p: Pen) -> None:
    """Draw a sunflower."""
    p.scene("air")
    p.curve("green", 4, 50, 50, 51, 74, 50, 98)
    p.blob("green", 51, 78, 66, 66, 80, 72, 66, 82)
    for turn in range(0, 360, 24):
        with p.turned(turn, 50, 38):
            p.oval("yellow", 50, 14, 5, 12)
    p.oval("umber", 50, 38, 16, 16)
    for x, y in ((44, 34), (52, 32), (58, 40), (48, 44), (50, 38)):
        p.dot("brown", x, y, 1.6)


def cactus(p: Pen) -> None:
    """Draw a cactus."""
    p.scene("sand")
    p.shadow(50, 86, 40)
    p.curve("green", 9, 50, 62, 30, 58, 28, 38)
    p.curve("green", 9, 50, 54, 70, 50, 72, 30)
    p.box("green", 42, 14, 16, 72, 8)
    for x in (46, 50, 54):
        p.line("forest", 0.8, x, 20, x, 84)


def leaf(p: Pen) -> None:
    """Draw a leaf."""
    p.scene("warm")
    p.blob("green", 18, 82, 20, 44, 46, 18, 84, 14, 82, 50, 58, 78)
    p.curve("lime", 2, 12, 90, 40, 58, 80, 18)
    for x, y, dx, dy in ((34, 66, 0, -20), (46, 54, 2, -22), (34, 66, 20, 4), (48, 52, 20, 4)):
        p.line("lime", 1.2, x, y, x + dx, y + dy)


def mountain(p: Pen) -> None:
    """Draw mountains with snow."""
    p.scene("meadow")
    p.shape("#7f8b9c", 34, 74, 68, 26, 104, 74)
    p.shape("#68748a", -4, 74, 36, 12, 76, 74)
    p.shape("white", 36, 12, 24, 31, 32, 28, 38, 34, 42, 27, 49, 32)
    p.shape("white", 68, 26, 60, 38, 68, 35, 76, 38)


def volcano(p: Pen) -> None:
    """Draw a volcano that erupts."""
    p.scene("sand")
    for x, y, r in ((50, 16, 12), (36, 12, 9), (64, 10, 10), (48, 4, 9)):
        p.oval("grey", x, y, r, r)
    p.shape("orange", 40, 36, 36, 14, 46, 26, 50, 8, 55, 26, 64, 14, 60, 36)
    p.shape("umber", 6, 84, 38, 34, 62, 34, 94, 84)
    p.blob("red", 38, 34, 62, 34, 58, 50, 62, 66, 54, 58, 50, 72, 45, 54, 40, 60)


def beach(p: Pen) -> None:
    """Draw a beach with a palm."""
    p.scene("water")
    p.dot("yellow", 82, 16, 9)
    p.blob("#e8cf98", -10, 104, -6, 78, 30, 70, 70, 80, 110, 92, 108, 108)
    p.curve("brown", 4, 34, 84, 30, 58, 38, 34)
    for turn in (-80, -40, 0, 40, 80, 118):
        with p.turned(turn, 38, 33):
            p.blob("green", 38, 33, 44, 22, 40, 8, 34, 22)


def waterfall(p: Pen) -> None:
    """Draw a waterfall."""
    p.scene("meadow")
    p.shape("dark", 0, 26, 36, 22, 36, 84, 0, 90)
    p.shape("dark", 64, 22, 100, 28, 100, 90, 64, 84)
    p.box("sky", 34, 20, 32, 66)
    for x in (39, 45, 51, 57, 62):
        p.line("white", 1.6, x, 24, x, 82)
    p.oval("white", 50, 86, 30, 8)
    p.oval("forest", 10, 22, 14, 9)
    p.oval("forest", 90, 23, 14, 9)


def cloud(p: Pen) -> None:
    """Draw a cloud."""
    p.scene("air")
    for x, y, r in ((28, 58, 16), (46, 44, 20), (66, 50, 18), (78, 60, 13), (52, 60, 18)):
        p.dot("white", x, y, r)


def rainbow(p: Pen) -> None:
    """Draw a rainbow."""
    p.scene("meadow")
    for i, colour in enumerate(("red", "orange", "yellow", "green", "blue", "violet")):
        r = 44 - 5 * i
        p.curve(colour, 5.4, 50 - r, 72, 50 - 0.71 * r, 72 - 0.71 * r, 50, 72 - r,
                50 + 0.71 * r, 72 - 0.71 * r, 50 + r, 72)  # fmt: skip
    for x in (12, 88):
        p.dot("white", x, 74, 9)
        p.dot("white", x + 6, 76, 7)


def moon(p: Pen) -> None:
    """Draw the moon."""
    p.scene("night")
    for x, y in ((14, 20), (88, 18), (82, 76), (18, 70), (30, 10)):
        p.dot("white", x, y, 1)
    p.oval("cream", 50, 46, 30, 30)
    for x, y, r in ((42, 36, 6), (60, 50, 8), (44, 60, 4), (62, 32, 3)):
        p.dot("#dccfae", x, y, r)


def campfire(p: Pen) -> None:
    """Draw a fire."""
    p.scene("night")
    p.blob("red", 50, 18, 66, 44, 72, 66, 56, 82, 40, 80, 28, 64, 38, 46)
    p.blob("orange", 50, 36, 60, 54, 62, 70, 50, 80, 38, 70, 42, 54)
    p.blob("yellow", 50, 54, 56, 66, 50, 78, 44, 68)
    p.line("brown", 7, 24, 88, 76, 78)
    p.line("umber", 7, 24, 78, 76, 88)


def fountain(p: Pen) -> None:
    """Draw a fountain."""
    p.scene("meadow")
    for side in (-1, 1):
        for reach in (10, 20, 30):
            p.curve("sky", 2.4, 50, 34, 50 + 0.5 * reach * side, 14 + 0.2 * reach,
                    50 + reach * side, 30 + 0.4 * reach, 50 + 1.15 * reach * side, 70)  # fmt: skip
    p.box("silver", 46, 36, 8, 40)
    p.oval("silver", 50, 50, 20, 4.5)
    p.blob("silver", 8, 72, 50, 74, 92, 72, 84, 90, 16, 90)
    p.oval("sky", 50, 73, 41, 6)


DRAWINGS: dict[str, Callable[[Pen], None]] = {
    function.__name__.replace("_", " "): function
    for function in (
        *(house, castle, church, skyscraper, bridge, lighthouse, tent, windmill, barn, pyramid),
        *(oak_tree, rose, sunflower, cactus, leaf, mountain, volcano, beach, waterfall, cloud),
        *(rainbow, moon, campfire, fountain),
    )
}
