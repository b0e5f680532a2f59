"""The chunks of an XDF 1.0 file: values in, bytes out, nothing remembered.

A file is the four letters ``XDF:`` and chunks; all numbers are little-endian::

    chunk         length, tag (uint16), content; length counts tag and content
    length        1 and a uint8, or 4 and a uint32, or 8 and a uint64
    FileHeader    1: XML; the first chunk
    StreamHeader  2: stream (uint32), XML; before anything else of that stream
    Samples       3: stream, number of samples (as a length), samples
    sample        8, time stamp (float64), then a value for each channel;
                  a text is its length and UTF-8
    ClockOffset   4: stream, time of the measurement (float64), offset (float64)
    Boundary      5: sixteen bytes that are the same everywhere, to find a chunk's beginning by
    StreamFooter  6: stream, XML

Source: https://github.com/sccn/xdf/wiki/Specifications, "Format specification of XDF 1.0".
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Float64

MAGIC = b"XDF:"
BOUNDARY_UUID = bytes.fromhex("43a546dccbf5410fb30ed5467383cbe4")
_STAMP_BYTES = 8


class Tag(enum.IntEnum):
    """What a chunk is."""

    FILE_HEADER = 1
    STREAM_HEADER = 2
    SAMPLES = 3
    CLOCK_OFFSET = 4
    BOUNDARY = 5
    STREAM_FOOTER = 6


def file_header(xml: str) -> bytes:
    """Return the first chunk of a file."""
    return _chunk(Tag.FILE_HEADER, encoded(xml))


def stream_header(stream_id: int, xml: str) -> bytes:
    """Return the chunk that announces a stream."""
    return _chunk(Tag.STREAM_HEADER, _UINT32(stream_id), encoded(xml))


def samples(stream_id: int, stamps: Float64, values: NDArray[Any]) -> bytes:
    """Return a chunk of samples that are numbers.

    Parameters
    ----------
    stream_id : int
        The stream.
    stamps : array of shape (n_samples,), float64
        Time of each sample, in seconds.
    values : array of shape (n_samples, n_channels)
        Of the type that the stream's header names.
    """
    row = np.dtype(
        [
            ("stamp_bytes", np.uint8),
            ("stamp", "<f8"),
            ("values", values.dtype.newbyteorder("<"), values.shape[1:]),
        ]
    )
    rows = np.empty(len(stamps), row)
    rows["stamp_bytes"] = _STAMP_BYTES
    rows["stamp"] = stamps
    rows["values"] = values
    return _chunk(Tag.SAMPLES, _UINT32(stream_id), length(len(rows)), rows.tobytes())


def text_samples(stream_id: int, stamps: Sequence[float], rows: Sequence[Sequence[str]]) -> bytes:
    """Return a chunk of samples that are texts.

    Parameters
    ----------
    stream_id : int
        The stream.
    stamps : sequence of float
        Time of each sample, in seconds.
    rows : sequence of sequence of str
        A text for each channel of each sample.
    """
    parts = [_UINT32(stream_id), length(len(rows))]
    for stamp, row in zip(stamps, rows, strict=True):
        parts.append(struct.pack("<Bd", _STAMP_BYTES, stamp))
        for text in row:
            content = encoded(text)
            parts += length(len(content)), content
    return _chunk(Tag.SAMPLES, *parts)


def clock_offset(stream_id: int, at_s: float, offset_s: float) -> bytes:
    """Return a measurement: at ``at_s``, ``offset_s`` was to be added to the stream's stamps."""
    return _chunk(Tag.CLOCK_OFFSET, _UINT32(stream_id), struct.pack("<dd", at_s, offset_s))


def boundary() -> bytes:
    """Return a chunk by which a reader that is lost finds its way."""
    return _chunk(Tag.BOUNDARY, BOUNDARY_UUID)


def stream_footer(stream_id: int, xml: str) -> bytes:
    """Return the chunk that ends a stream."""
    return _chunk(Tag.STREAM_FOOTER, _UINT32(stream_id), encoded(xml))


def length(number: int) -> bytes:
    """Return a number in the shortest of the format's three ways."""
    for size, code in ((1, "<BB"), (4, "<BI"), (8, "<BQ")):
        if number < 256**size:
            return struct.pack(code, size, number)
    raise ValueError(f"a length must be below 2^64, not {number}")


def encoded(text: str) -> bytes:
    """Return a text in UTF-8; half a surrogate pair, which UTF-8 has not, is spelt out."""
    return text.encode("utf-8", "backslashreplace")


_UINT32 = struct.Struct("<I").pack
_UINT16 = struct.Struct("<H").pack


def _chunk(tag: Tag, *parts: bytes) -> bytes:
    content = b"".join((_UINT16(tag), *parts))
    return length(len(content)) + content
