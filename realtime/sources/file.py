"""A recorded file as a source: samples and stamps as live, as fast as they are asked for."""

from __future__ import annotations

import bisect
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from saccade.realtime.blocks.units import Units, UnitsSettings, check_amplitude
from saccade.realtime.errors import ConfigError
from saccade.realtime.sources.recording import read_recording
from saccade.realtime.types import Chunk, Reading, StreamSpec


@dataclass(frozen=True, slots=True)
class FileSourceSettings:
    """Which file, and what it does not say itself.

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
        How many samples a read hands out, above 0.
    """

    path: Path
    unit: str | None = None
    sfreq: float | None = None
    ch_names: tuple[str, ...] | None = None
    chunk_samples: int = 256


class FileSource:
    """Hands out a recording chunk by chunk, each marker with the sample it was recorded at.

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
        RecordingError, UnitError
            If the file can't be read, or says nothing believable about its unit.
        """
        s = self.settings
        self.recording = read_recording(s.path, s.sfreq, s.ch_names)
        self.sha256 = hashlib.sha256(s.path.read_bytes()).hexdigest()
        units = Units(UnitsSettings(assume=s.unit))
        spec = units.reset(self.recording.spec)
        n_samples = len(self.recording.data)
        self._signal = units.step(
            Chunk(self.recording.data, self.recording.stamps, np.zeros(n_samples, np.uint16), 0)
        )
        if s.unit is None:
            check_amplitude(self._signal.data, self.recording.spec)
        self._next = 0
        return spec

    def read(self, timeout_s: float) -> Reading | None:
        """Return the next chunk and its markers at once, or None after the last."""
        del timeout_s  # a file never keeps anyone waiting
        start, stop = self._next, self._next + self.settings.chunk_samples
        if start >= len(self._signal):
            return None
        self._next = stop
        part = slice(start, stop)
        chunk = Chunk(
            self._signal.data[part], self._signal.stamps[part], self._signal.flags[part], start
        )
        rows = self.recording.marker_rows  # in ascending order
        here = slice(bisect.bisect_left(rows, start), bisect.bisect_left(rows, stop))
        return Reading(chunk, self.recording.markers[here])

    def close(self) -> None:
        """Do nothing: the file was closed when it had been read."""
