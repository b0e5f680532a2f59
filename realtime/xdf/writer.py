"""A growing XDF file: chunks are gathered, and appended whole.

What is gathered goes to the operating system in one write, so that a process that is killed
leaves whole chunks. A write that fails half-way, as on a full disk, is cut back to the last chunk
that is whole.
"""

from __future__ import annotations

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Float64
from saccade.realtime.xdf import chunks
from saccade.realtime.xdf.descriptions import file_xml, footer_xml

OFFSET_EVERY_S = 5.0  # as LabRecorder
BOUNDARY_EVERY_S = 10.0  # as the specification advises


@dataclass(slots=True)
class _Stream:
    """What a footer tells of a stream."""

    sfreq: float
    n_samples: int = 0
    first_s: float = 0.0
    last_s: float = 0.0
    announced: bool = False  # the header is in the file
    offset_times_s: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Gathered:
    """A chunk that is not written yet; of a header whose, of samples how many and when too."""

    content: bytes
    stream: _Stream | None = None
    n_samples: int = 0
    first_s: float = 0.0
    last_s: float = 0.0


class XDFWriter:
    """Appends to an empty file; for one thread.

    All its streams are stamped by one clock, that of ``now_s``, so a clock offset of 0 is noted
    for each of them every five seconds. Every ten seconds, with a boundary chunk, what was
    written goes to the disk itself, which a power failure spares.

    Parameters
    ----------
    file : io.RawIOBase
        Open for writing, unbuffered.
    about : mapping of str to str
        What the file's header says beside the version, as tag → text.
    now_s : float
        Present time in seconds.

    Attributes
    ----------
    n_bytes : int
        Size of the file.
    """

    def __init__(self, file: io.RawIOBase, about: Mapping[str, str], now_s: float) -> None:
        self.n_bytes = 0
        self._file = file
        self._streams: dict[int, _Stream] = {}
        self._gathered = [_Gathered(chunks.MAGIC + chunks.file_header(file_xml(about)))]
        self._offset_due_s = now_s + OFFSET_EVERY_S
        self._boundary_due_s = now_s + BOUNDARY_EVERY_S

    def n_samples(self, stream_id: int) -> int:
        """Return how many samples of a stream are in the file; 0 if it has not heard of it."""
        stream = self._streams.get(stream_id)
        return stream.n_samples if stream else 0

    def add_stream(self, stream_id: int, sfreq: float, xml: str, now_s: float) -> None:
        """Announce a stream, described by :func:`~saccade.realtime.xdf.descriptions.header_xml`."""
        self._streams[stream_id] = stream = _Stream(sfreq)
        self._gathered.append(_Gathered(chunks.stream_header(stream_id, xml), stream))
        self._note_offset(stream_id, now_s)

    def add_samples(
        self, stream_id: int, stamps: Float64, values: NDArray[Any] | Sequence[str]
    ) -> None:
        """Append samples to a stream.

        Parameters
        ----------
        stream_id : int
            A stream that was announced.
        stamps : array of shape (n_samples,), float64
            Time of each, in seconds; at least one.
        values : array of shape (n_samples, n_channels), or sequence of str, length n_samples
            Numbers of the stream's type, or the texts of a stream with one channel.
        """
        if isinstance(values, np.ndarray):
            content = chunks.samples(stream_id, stamps, values)
        else:
            content = chunks.text_samples(stream_id, stamps.tolist(), [(text,) for text in values])
        stream = self._streams[stream_id]
        self._gathered.append(
            _Gathered(content, stream, len(stamps), float(stamps[0]), float(stamps[-1]))
        )

    def write(self, now_s: float) -> None:
        """Hand all that is gathered to the operating system.

        Raises
        ------
        OSError
            If it won't take it; the file then ends with the last chunk that went in whole.
        """
        if now_s >= self._offset_due_s:
            self._offset_due_s = now_s + OFFSET_EVERY_S
            for stream_id in self._streams:
                self._note_offset(stream_id, now_s)
        boundary = now_s >= self._boundary_due_s
        if boundary:
            self._boundary_due_s = now_s + BOUNDARY_EVERY_S
            self._gathered.append(_Gathered(chunks.boundary()))
        gathered, self._gathered = self._gathered, []
        content = memoryview(b"".join(chunk.content for chunk in gathered))
        written = 0
        try:
            while written < len(content):
                written += self._file.write(content[written:]) or 0
        finally:
            self._account(gathered, written)
            if written < len(content):
                self._file.truncate(self.n_bytes)
                self._file.seek(self.n_bytes)
                # No reader knows what to do with offsets and footers of streams without a header.
                self._streams = {i: s for i, s in self._streams.items() if s.announced}
        if boundary:
            os.fsync(self._file.fileno())

    def close(self, now_s: float) -> None:
        """Write what is gathered and the streams' footers, and close the file.

        Raises
        ------
        OSError
            If they can't be written; the file is closed all the same.
        """
        try:
            self.write(now_s)
            for stream_id, stream in self._streams.items():
                xml = footer_xml(
                    stream.sfreq,
                    stream.n_samples,
                    stream.first_s,
                    stream.last_s,
                    stream.offset_times_s,
                )
                self._gathered.append(_Gathered(chunks.stream_footer(stream_id, xml)))
            self.write(now_s)
            os.fsync(self._file.fileno())
        finally:
            self._file.close()

    def _note_offset(self, stream_id: int, now_s: float) -> None:
        self._streams[stream_id].offset_times_s.append(now_s)
        self._gathered.append(_Gathered(chunks.clock_offset(stream_id, now_s, 0.0)))

    def _account(self, gathered: Sequence[_Gathered], written: int) -> None:
        """Count the chunks that lie within the bytes that were written."""
        for chunk in gathered:
            if len(chunk.content) > written:
                return
            written -= len(chunk.content)
            self.n_bytes += len(chunk.content)
            stream = chunk.stream
            if stream is not None:
                stream.announced = True
                if stream.n_samples == 0:
                    stream.first_s = chunk.first_s
                stream.n_samples += chunk.n_samples
                stream.last_s = chunk.last_s
