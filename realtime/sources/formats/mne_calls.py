"""What MNE refuses, in one line and with advice.

Only calls of MNE are wrapped: its parsers can raise anything on damaged bytes, and what our own
code raises is for us to find.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from saccade.realtime.errors import RecordingError


@contextlib.contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn whatever MNE raises inside into a refusal of a file.

    Raises
    ------
    RecordingError
        If MNE raises.
    """
    try:
        yield
    except Exception as error:
        raise RecordingError(_refusal(path, error)) from error


def sentence(text: str) -> str:
    """Return the beginning of a message, in one line."""
    return " ".join(text.split())[:300]


def _refusal(path: Path, error: Exception) -> str:
    reason = sentence(str(error))
    if "number of trials" in reason:
        return (
            f"{path.name} holds epochs and no continuous recording ({reason}): export the "
            "recording before it was cut"
        )
    if path.suffix.lower() == ".fif" and re.search(
        "no raw data|measurement data", reason, re.IGNORECASE
    ):
        return (
            f"{path.name} holds no continuous recording ({reason}): give the raw file, usually "
            "called …_raw.fif"
        )
    return f"{path.name} can't be read by MNE ({type(error).__name__}: {reason}): repair it"
