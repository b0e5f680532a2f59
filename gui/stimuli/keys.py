"""The keys of the stimulus window: one table for what they do and for what the pages say."""

from __future__ import annotations

from PySide6.QtCore import Qt

MEANINGS: dict[int, str] = {
    Qt.Key.Key_Y: "yes",
    Qt.Key.Key_Left: "yes",
    Qt.Key.Key_N: "no",
    Qt.Key.Key_Right: "no",
    Qt.Key.Key_Space: "continue",
}
_ON_PAGES = {"yes": "Y or ←: yes", "no": "N or →: no", "continue": "Space: go on"}
TWICE_WITHIN_S = 1.0


def footer(*meanings: str) -> str:
    """Return what keys do, for the foot of a page."""
    return "          ".join(_ON_PAGES[meaning] for meaning in meanings)


class Escape:
    """Knows a wish to end from an accident: Escape, pressed twice within a second."""

    def __init__(self) -> None:
        self._last_s = float("-inf")

    def step(self, key: int, now_s: float) -> bool:
        """Take a key; return whether it ends what is being shown."""
        if key != Qt.Key.Key_Escape:
            return False
        twice = now_s - self._last_s <= TWICE_WITHIN_S
        self._last_s = float("-inf") if twice else now_s
        return twice
