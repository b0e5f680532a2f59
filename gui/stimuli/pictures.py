"""The picture of a concept: from a file, or drawn where there is none.

Whether every file can be read is found out before the window opens. A picture is scaled, keeping
its proportions, to fit a square, and made ready before its sequence begins.
"""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageReader

from saccade.gui.stimuli.drawings.draw import draw
from saccade.realtime.errors import ConfigError


def check_files(pictures: Mapping[str, tuple[str, ...]]) -> None:
    """Look at the beginning of every picture file.

    Raises
    ------
    ConfigError
        If one is missing or no picture, naming it and how many more there are.
    """
    wrong = [
        (concept, path, reader.errorString())
        for concept, paths in pictures.items()
        for path in paths
        if not (reader := QImageReader(path)).canRead()
    ]
    if wrong:
        concept, path, why = wrong[0]
        more = f", nor can {len(wrong) - 1} others" if len(wrong) > 1 else ""
        raise ConfigError(
            f"the picture {path} of '{concept}' can't be read ({why}){more}: put it there, or "
            "take it out of the folder"
        )


class Pictures:
    """Images of concepts, all of one size at most.

    Parameters
    ----------
    files : mapping of str to tuple of str
        Files of each concept; one without any is drawn.
    side_px : int
        Side of the square that they fit, in pixels.
    """

    def __init__(self, files: Mapping[str, tuple[str, ...]], side_px: int) -> None:
        self._files = files
        self._side_px = side_px

    def image(self, concept: str, picture: int) -> QImage:
        """Return a concept's picture; a number beyond its files begins again with the first.

        Raises
        ------
        ConfigError
            If its file can't be read any more, or not to its end.
        """
        paths = self._files.get(concept, ())
        if not paths:
            return draw(concept, self._side_px)
        path = paths[picture % len(paths)]
        reader = QImageReader(path)
        reader.setAutoTransform(True)
        full = reader.size()
        if full.isValid():
            box = QSize(self._side_px, self._side_px)
            reader.setScaledSize(full.scaled(box, Qt.AspectRatioMode.KeepAspectRatio))
        image = reader.read()
        if image.isNull():
            raise ConfigError(
                f"the picture {path} of '{concept}' can't be read ({reader.errorString()}): put "
                "it back"
            )
        return image
