"""One event of a marker stream as text, live and from a file alike."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import marker_text

_PADDING = string.whitespace + "\0"


def marker_value(row: Iterable[Any] | NDArray[Any]) -> str:
    """Return one event of a marker stream as text.

    Text loses the blanks around it; a whole number has no decimals, whatever its format; several
    channels are joined by ",". Empty channels at the end are padding and left out. What remains
    may be "", which is how some senders fill a pause: such an event is no marker.

    Parameters
    ----------
    row : sequence of bytes, str or numpy numbers
        One entry a channel.
    """
    words = [_word(value) for value in row]
    while words and not words[-1]:
        words.pop()
    return ",".join(words)


def matcher(values: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that any of these marker values matches in full, and nothing else.

    ``*`` in a value stands for anything, which the pattern's groups then hold.
    """
    told = (re.escape(value).replace(r"\*", "(.*)") for value in values)
    return re.compile("|".join(told) or r"(?!)", re.DOTALL)


def _word(value: Any) -> str:
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return value.strip(_PADDING)
    return marker_text(value) if isinstance(value, np.floating) else str(value)
