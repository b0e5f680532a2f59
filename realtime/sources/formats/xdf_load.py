"""An XDF file through pyxdf, torn or damaged ones included.

pyxdf raises at some torn ends and passes over others in silence, a sample's last bytes among them.
So a file that ends in the middle of a chunk, because its recorder was killed, is handed to it up to
its last whole chunk. What it logs is returned instead.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

from saccade.realtime.errors import RecordingError
from saccade.realtime.xdf.chunks import BOUNDARY_UUID, MAGIC


def whole_chunks(path: Path) -> tuple[bytes, list[str]]:
    """Return a file up to the last whole chunk, and what was left out.

    A chunk that says to be longer than the file is either its torn end, or damage after which
    the file goes on: then a boundary follows, from which pyxdf reads on.
    """
    content = path.read_bytes()
    if not content.startswith(MAGIC):
        raise RecordingError(
            f"{path.name} should begin with '{MAGIC.decode()}', as XDF does, but begins with "
            f"{content[:4]!r}: is it XDF?"
        )
    end = len(MAGIC)
    while end < len(content):
        n_bytes = content[end]  # of the length that follows
        begin = end + 1 + n_bytes
        length = int.from_bytes(content[end + 1 : begin], "little")
        if n_bytes not in (1, 4, 8) or length < 2 or begin + length > len(content):
            break
        end = begin + length
    left = len(content) - end
    if left == 0:
        return content, []
    if BOUNDARY_UUID in content[end:]:
        return content, [f"damaged at byte {end}: what can't be read is left out"]
    return content[:end], [f"cut short: its last {left} bytes are no whole chunk, and left out"]


def load_streams(path: Path, content: bytes) -> tuple[list[Any], list[str]]:
    """Let pyxdf read; return the streams, and what it complains about."""
    import pyxdf

    complaints: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            complaints.append(record.getMessage())

    log, collector = logging.getLogger("pyxdf"), Collector(logging.WARNING)
    before = log.propagate
    log.addHandler(collector)
    log.propagate = False
    try:
        streams, _ = pyxdf.load_xdf(
            io.BytesIO(content), synchronize_clocks=False, dejitter_timestamps=False
        )
    except Exception as error:  # a parser can raise anything on damaged bytes
        raise RecordingError(
            f"{path.name} can't be read as XDF ({type(error).__name__}: {error}): record it again, "
            "or repair it"
        ) from error
    finally:
        log.removeHandler(collector)
        log.propagate = before
    return streams, complaints
