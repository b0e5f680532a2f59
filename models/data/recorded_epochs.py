"""How epochs came about: what a stream brought, what was done to it, how they were cut.

Whatever is trained on them can only run live behind the same pipeline, so this travels with the
epochs: from a calibration session's file into the encoder's file, and from there into a decoder.
"""

from __future__ import annotations

import dataclasses
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from saccade.models.decoders.manifest import STRICT, InputSignature, read_json, write_json
from saccade.realtime.errors import DecoderFileError, RecordingError

MEMBER = "recorded.json"
LARGEST = 2**24  # bytes; a pipeline may hold matrices


@dataclass(frozen=True, slots=True)
class RecordedEpochs:
    """The way from a stream to its epochs; fields as in a decoder file.

    Parameters
    ----------
    input : InputSignature
        What the stream brought.
    working_sfreq : float
        Rate of the epochs in Hz.
    pipeline, epochs : dict
        Specifications of pipeline and epochs, ready for JSON.
    labels : dict of str to str
        Marker value → concept.
    delay_ms, settling_s : float
        By how many ms the pipeline passes on what has 10 Hz, and for how many seconds after a
        start its output does not count.
    """

    __pydantic_config__ = STRICT

    input: InputSignature
    working_sfreq: float
    pipeline: dict[str, Any]
    epochs: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)
    delay_ms: float = 0.0
    settling_s: float = 0.0

    def alike(self, other: RecordedEpochs) -> bool:
        """Return whether epochs of both may be mixed: all but the labels is the same.

        What counts as a gap is measured on each recording, and is no difference either; nor is it
        one whether a setting that is off is named.
        """
        return self._compared() == other._compared()

    def _compared(self) -> dict[str, Any]:
        fields = dataclasses.asdict(self) | {"labels": None, "delay_ms": None, "settling_s": None}
        epochs = {key: value for key, value in self.epochs.items() if value is not None}
        return fields | {"pipeline": self.pipeline | {"gap_s": None}, "epochs": epochs}


def attach(recorded: RecordedEpochs, path: Path) -> None:
    """Put it into a session's file (:func:`saccade.models.data.trials_file.save_trials`).

    Raises
    ------
    RecordingError
        If the file can't be written to, or holds one already.
    """
    try:
        with zipfile.ZipFile(path, "a") as archive:
            if MEMBER in archive.namelist():
                raise RecordingError(f"{path} says already how its epochs came about")
            archive.writestr(MEMBER, write_json(dataclasses.asdict(recorded)))
    except (OSError, zipfile.BadZipFile) as error:
        raise RecordingError(f"{path} can't be written to as a session: {error}") from error


def attached(path: Path) -> RecordedEpochs | None:
    """Return what a session's file says of how its epochs came about; None if it does not.

    Raises
    ------
    RecordingError
        If the file can't be read, or what it says is malformed.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return None
            if archive.getinfo(MEMBER).file_size > LARGEST:
                raise RecordingError(f"{path}: {MEMBER} may have at most {LARGEST} bytes")
            return read_json(RecordedEpochs, archive.read(MEMBER), MEMBER)
    except (OSError, zipfile.BadZipFile, DecoderFileError) as error:
        raise RecordingError(f"{path} can't be read as a session: {error}") from error
