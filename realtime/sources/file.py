"""A recorded file as a source: samples and markers as live, as fast as they are asked for."""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from saccade.realtime.blocks.units import (
    Units,
    UnitsSettings,
    check_typical_amplitude,
    microvolts_per,
)
from saccade.realtime.errors import ConfigError, UnitError
from saccade.realtime.sources.formats.contents import Arrival, Contents
from saccade.realtime.sources.formats.formats import read_contents
from saccade.realtime.sources.recording import Recording, RecordingOptions, recording_of
from saccade.realtime.types import Chunk, Reading, StreamSpec

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileSourceSettings:
    """Which file, which of its streams, and what it does not say itself.

    Parameters
    ----------
    path : Path
        The recording.
    unit : str, optional
        Unit of the signal, where the file has none or a wrong one.
    sfreq : float, optional
        Rate in Hz, where the file does not say or imply it.
    ch_names : tuple of str, optional
        Names of the channels in order, where the file has none or wrong ones.
    chunk_samples : int
        How many samples a read hands out at most, above 0.
    stream, stream_type, source_id : str, optional
        Name, type and source id of the signal's stream, where the file has several.
    markers : tuple of str
        Names of the marker streams (or columns, or channels) to take; () takes what the file
        says to be markers.
    stream_id : int, optional
        The signal's number in the file, where streams are alike in name, type and source id.
    of_live : frozenset of str
        Names of the fields above that tell of a live stream, as a session's configuration does. A
        recording of saccade's own has what came of them, so that there they do not count.
    """

    path: Path
    unit: str | None = None
    sfreq: float | None = None
    ch_names: tuple[str, ...] | None = None
    chunk_samples: int = 256
    stream: str | None = None
    stream_type: str | None = None
    source_id: str | None = None
    markers: tuple[str, ...] = ()
    stream_id: int | None = None
    of_live: frozenset[str] = frozenset()

    def counting_in(self, contents: Contents) -> FileSourceSettings:
        """Return those that count in a file that has these contents."""
        if not contents.is_session:
            return self
        fields = dataclasses.fields(self)
        ignored: dict[str, Any] = {f.name: f.default for f in fields if f.name in self.of_live}
        return dataclasses.replace(self, **ignored)

    @property
    def options(self) -> RecordingOptions:
        """What is wanted of the file, as its readers take it."""
        return RecordingOptions(
            self.sfreq,
            self.ch_names,
            self.stream,
            self.stream_type,
            self.source_id,
            self.markers,
            self.stream_id,
        )


def load(
    settings: FileSourceSettings, contents: Contents | None = None
) -> tuple[Recording, Chunk, StreamSpec]:
    """Return a recording, its whole signal in µV, and what that carries.

    Parameters
    ----------
    settings : FileSourceSettings
    contents : Contents, optional
        Of the file, where it has been read already.

    Raises
    ------
    RecordingError, StreamNotFound, AmbiguousStream
        If the file can't be read, or it is not clear which of its streams is meant.
    UnitError
        If it says nothing believable about its unit, or is said to have another than the µV in
        which saccade records.
    """
    contents = contents or read_contents(settings.path)
    s = settings.counting_in(contents)
    recording = recording_of(s.path, contents, s.options)
    if recording.is_session and s.unit is not None and microvolts_per(s.unit) != 1.0:
        raise UnitError(
            f"{s.path.name} was recorded by saccade, in µV whatever the amplifier sent, but is "
            f"said to be in {s.unit}: leave --unit out"
        )
    units = Units(UnitsSettings(assume=s.unit))
    spec = units.reset(recording.spec)
    signal = units.step(Chunk(recording.data, recording.stamps, recording.flags, 0))
    if s.unit is None and not recording.is_session:
        check_typical_amplitude(signal.data, recording.spec)
    return recording, signal, spec


class FileSource:
    """Hands out a recording chunk by chunk, each marker with the sample it was recorded at.

    Where the file tells how the markers of a live session came in, they come in so again: each
    with the samples that came with it, all in one reading, and those that came without any in a
    reading of their own; other samples are chunked anew. What the file alone knows, a pause or a
    clock that was set, is flagged; gaps in the stamps are found downstream, as live.

    Attributes
    ----------
    recording : Recording
        What was read, once open.
    sha256 : str
        Of the file, once open: whether a decoder was calibrated on it can be told by this.
    """

    def __init__(self, settings: FileSourceSettings) -> None:
        if settings.chunk_samples < 1:
            raise ConfigError(
                f"chunk_samples must be at least 1, not {settings.chunk_samples}: raise it"
            )
        self.settings = settings

    def open(self) -> StreamSpec:
        """Read the file and convert it to µV.

        Raises
        ------
        RecordingError, StreamNotFound, AmbiguousStream
            If the file can't be read, or it is not clear which of its streams is meant.
        UnitError
            If it says nothing believable about its unit.
        """
        self.recording, self._signal, spec = load(self.settings)
        path = self.settings.path
        for note in self.recording.notes:
            logger.warning("%s: %s", path.name, note)
        self.sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        self._next = self._given = 0  # samples, markers
        return spec

    def read(self, timeout_s: float) -> Reading | None:
        """Return the next chunk and its markers at once, or None after the last."""
        del timeout_s  # a file never keeps anyone waiting
        start, first = self._next, self._given
        if start == len(self._signal) and first == len(self.recording.markers):
            return None
        stop = min(start + self.settings.chunk_samples, len(self._signal))
        if self.recording.arrivals is None:
            last = self._standing_before(stop)
        else:
            stop, last = self._as_live(self.recording.arrivals, start, stop)
        self._next, self._given = stop, last
        part = slice(start, stop)
        signal, raw_stamps = self._signal, self.recording.raw_stamps
        chunk = Chunk(
            signal.data[part],
            signal.stamps[part],
            signal.flags[part],
            start,
            raw_stamps=raw_stamps[part],
        )
        return Reading(chunk, self.recording.markers[first:last])

    def _standing_before(self, stop: int) -> int:
        """Return how many markers stand at samples before this one, or all at the end."""
        rows = self.recording.marker_rows
        return len(rows) if stop == len(self._signal) else bisect.bisect_left(rows, stop)

    def _as_live(self, arrivals: Sequence[Arrival], start: int, stop: int) -> tuple[int, int]:
        """Return up to which sample and marker a session's next reading goes."""
        given = self._given
        if given == len(arrivals):
            return stop, given
        now = arrivals[given]
        if start < min(now.sample, len(self._signal)):
            return min(stop, now.sample), given
        last = given
        while last < len(arrivals) and arrivals[last].reading == now.reading:
            last += 1
        if now.n_samples == 0:
            return start, last
        # Not cut: which of its samples a marker came before, nobody knows, and nobody may pretend.
        return min(now.sample + now.n_samples, len(self._signal)), last

    def close(self) -> None:
        """Do nothing: the file was closed when it had been read."""
