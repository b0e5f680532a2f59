"""Pictures: of any proportions, from any file that is one, and drawn where there is none."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage

from saccade.gui.stimuli.drawings.draw import DRAWINGS, draw
from saccade.gui.stimuli.pictures import Pictures, check_files
from saccade.realtime.errors import ConfigError

pytestmark = pytest.mark.usefixtures("qapp")

EVERYDAY = Path(__file__).resolve().parents[2] / "models" / "data" / "everyday.csv"


def concepts() -> list[str]:
    with EVERYDAY.open(encoding="utf-8", newline="") as file:
        return [row["concept"] for row in csv.DictReader(file)]


def write(path: Path, width: int, height: int, colour: str = "#3060c0") -> str:
    image = QImage(width, height, QImage.Format.Format_RGB32)
    image.fill(QColor(colour))
    assert image.save(str(path))
    return str(path)


@pytest.mark.parametrize(
    ("size", "shown"), [((500, 500), (200, 200)), ((600, 300), (200, 100)), ((30, 60), (100, 200))]
)
def test_a_picture_fits_the_square_and_keeps_its_proportions(
    tmp_path: Path, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    image = Pictures({"cup": (write(tmp_path / "cup.png", *size),)}, 200).image("cup", 0)
    assert (image.width(), image.height()) == shown
    assert image.pixelColor(50, 50).name() == "#3060c0"


def test_pictures_of_a_concept_are_told_apart_and_begin_again(tmp_path: Path) -> None:
    files = tuple(
        write(tmp_path / f"{i}.png", 20, 20, c) for i, c in enumerate(("#ff0000", "#00ff00"))
    )
    pictures = Pictures({"cup": files}, 100)
    colours = [pictures.image("cup", number).pixelColor(5, 5).name() for number in range(3)]
    assert colours == ["#ff0000", "#00ff00", "#ff0000"]


def test_files_that_are_missing_or_no_pictures_are_refused_together(tmp_path: Path) -> None:
    good = write(tmp_path / "good.png", 20, 20)
    text = tmp_path / "text.jpg"
    text.write_text("no picture")
    check_files({"cup": (good,), "cat": ()})
    with pytest.raises(ConfigError, match=r"text\.jpg of 'cat' can't be read .* nor can 1 others"):
        check_files({"cup": (good,), "cat": (str(text), str(tmp_path / "none.png"))})


def test_a_picture_cut_short_is_refused_when_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "cut.png"
    write(path, 300, 300)
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(ConfigError, match=r"cut\.png of 'cup' can't be read"):
        Pictures({"cup": (str(path),)}, 100).image("cup", 0)


def test_every_built_in_concept_is_drawn_and_every_drawing_is_of_one() -> None:
    assert set(DRAWINGS) == set(concepts())


def test_every_concept_has_a_picture_of_its_own_that_is_the_same_each_time() -> None:
    shown = {}
    for name in [*concepts(), "something else", "Ünïcode 名前", "x" * 90]:
        image = draw(name, 48)
        assert (image.width(), image.height()) == (48, 48)
        assert draw(name, 48) == image
        content = bytes(image.constBits())
        assert content not in shown, f"{name} looks like {shown.get(content)}"
        shown[content] = name


def test_a_picture_fills_its_square_and_is_no_plain_surface() -> None:
    for name in concepts():
        image = draw(name, 64)
        corners = {image.pixelColor(x, y).name() for x in (0, 63) for y in (0, 63)}
        assert "#000000" not in corners, name
        assert len(set(memoryview(image.constBits()).cast("I"))) > 20, name


def test_a_long_name_of_a_sign_stays_inside() -> None:
    image = draw("pneumonoultramicroscopicsilicovolcanoconiosis", 200)
    dark = [
        x
        for x in (0, 1, 198, 199)
        for y in range(136, 200)
        if image.pixelColor(x, y).lightness() < 80
    ]
    assert not dark
