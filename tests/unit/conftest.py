"""Shared by the tests of recorded files: XDF of any streams, as a recorder writes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pytest

from saccade.realtime.xdf import chunks

FORMATS = {"float32": "float32", "float64": "double64", "int16": "int16", "int64": "int64"}


@dataclass
class XDFStream:
    """A stream to be written; ``channels`` is what it describes: (label, type, unit)."""

    name: str
    type: str
    values: Any
    stamps: Any
    sfreq: float = 0.0
    source_id: str = ""
    channels: Sequence[tuple[str, str, str]] | None = None
    offsets: Sequence[tuple[float, float]] = ()
    own: Sequence[tuple[str, str]] = ()

    @property
    def is_text(self) -> bool:
        return not isinstance(self.values, np.ndarray)

    def header(self) -> str:
        n_channels = len(self.values[0]) if len(self.values) else 1
        kind = "string" if self.is_text else FORMATS[self.values.dtype.name]
        if not self.is_text:
            n_channels = self.values.shape[1]
        own = "".join(f"<{key}>{escape(text)}</{key}>" for key, text in self.own)
        channels = "".join(
            f"<channel><label>{a}</label><type>{b}</type><unit>{c}</unit></channel>"
            for a, b, c in self.channels or ()
        )
        desc = f"<channels>{channels}</channels>" if self.channels is not None else ""
        desc += f"<saccade>{own}</saccade>" if own else ""
        return (
            f"<info><name>{escape(self.name)}</name><type>{self.type}</type>"
            f"<channel_count>{n_channels}</channel_count>"
            f"<nominal_srate>{self.sfreq}</nominal_srate><channel_format>{kind}</channel_format>"
            f"<source_id>{self.source_id}</source_id><desc>{desc}</desc></info>"
        )

    def body(self, number: int, n_chunk: int) -> list[bytes]:
        stamps = np.asarray(self.stamps, np.float64)
        parts = []
        for start in range(0, len(stamps), n_chunk):
            part = slice(start, start + n_chunk)
            write = chunks.text_samples if self.is_text else chunks.samples
            parts.append(write(number, stamps[part], self.values[part]))
        return parts + [chunks.clock_offset(number, at, offset) for at, offset in self.offsets]


@pytest.fixture(scope="session")
def xdf_stream() -> type[XDFStream]:
    """Return the class of a stream to be written."""
    return XDFStream


@pytest.fixture
def write_xdf(tmp_path: Path) -> Callable[..., Path]:
    """Return what writes streams to a file and returns its path."""

    def write(*streams: XDFStream, name: str = "run.xdf", n_chunk: int = 64) -> Path:
        content = chunks.MAGIC + chunks.file_header("<info><version>1.0</version></info>")
        for number, stream in enumerate(streams, 1):
            content += chunks.stream_header(number, stream.header())
        for number, stream in enumerate(streams, 1):
            content += b"".join(stream.body(number, n_chunk)) + chunks.boundary()
        for number, stream in enumerate(streams, 1):
            footer = f"<info><sample_count>{len(stream.stamps)}</sample_count></info>"
            content += chunks.stream_footer(number, footer)
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return write


def _write_gdf(path: Path, uv: np.ndarray, rate: float, unit_code: int = 4275) -> Path:
    """Write a minimal GDF 2.20: two channels of float32, one record, two events."""
    n = len(uv)
    header = bytearray(256)
    header[:8] = b"GDF 2.20"
    header[168:176] = np.int64(733000 << 32).tobytes()
    header[184:186] = np.uint16(3).tobytes()  # header length in blocks of 256
    header[236:244] = np.int64(1).tobytes()  # records
    header[244:252] = np.array([n, rate], "<u4").tobytes()  # length of one, as a fraction
    header[252:254] = np.uint16(2).tobytes()
    columns = [
        b"".join(name.ljust(16, b"\0") for name in (b"Cz", b"Oz")),
        b"\0" * 160,
        b"\0" * 12,
        np.array([unit_code] * 2, "<u2").tobytes(),
        np.array([-1e4] * 2, "<f8").tobytes(),
        np.array([1e4] * 2, "<f8").tobytes(),
        np.array([-1e4] * 2, "<f8").tobytes(),
        np.array([1e4] * 2, "<f8").tobytes(),
        b"\0" * (2 * 68),
        np.zeros(2, "<f4").tobytes(),
        np.zeros(2, "<f4").tobytes(),
        np.zeros(2, "<f4").tobytes(),
        np.array([n] * 2, "<u4").tobytes(),
        np.array([16] * 2, "<u4").tobytes(),
        b"\0" * (2 * 32),
    ]
    channels = b"".join(columns)
    assert len(channels) == 512
    events = bytes([1]) + (2).to_bytes(3, "little") + np.float32(rate).tobytes()
    events += np.array([201, 801], "<u4").tobytes() + np.array([33024, 33025], "<u2").tobytes()
    path.write_bytes(bytes(header) + channels + uv.T.astype("<f4").tobytes() + events)
    return path


@pytest.fixture(scope="session")
def write_gdf() -> Callable[..., Path]:
    """Return what writes a GDF: path, signal of two channels in µV, rate."""
    return _write_gdf
