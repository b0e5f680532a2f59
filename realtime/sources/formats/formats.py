"""Which reader a file is for, by its ending."""

from __future__ import annotations

from pathlib import Path

from saccade.realtime.errors import RecordingError
from saccade.realtime.sources.formats import mne_readers
from saccade.realtime.sources.formats.contents import Contents
from saccade.realtime.sources.formats.table import read_csv, read_npz
from saccade.realtime.sources.formats.through_mne import read_through_mne
from saccade.realtime.sources.formats.xdf import read_xdf

_READERS = {
    ".xdf": read_xdf,
    **dict.fromkeys(mne_readers.READERS, read_through_mne),
    ".csv": read_csv,
    ".npz": read_npz,
}
ENDINGS = tuple(_READERS)
# Files that belong to another one, which says what is in them.
_HEADERS = {".eeg": ".vhdr", ".dat": ".vhdr", ".vmrk": ".vhdr", ".fdt": ".set"}


def read_contents(path: Path) -> Contents:
    """Read all that is in a recorded file.

    Raises
    ------
    RecordingError
        If the file is missing, malformed, or of another format.
    """
    ending = path.suffix.lower()
    reader = _READERS.get(ending)
    if reader is None:
        header = _HEADERS.get(ending)
        advice = f"give the file {path.stem}{header} beside it" if header else "convert it first"
        raise RecordingError(
            f"{path.name} should be a recording in one of {', '.join(_READERS)}, "
            f"not '{path.suffix}': {advice}"
        )
    if not path.is_file():
        raise RecordingError(f"no recording at {path}: check the path")
    try:
        return reader(path)
    except OSError as error:
        raise RecordingError(f"{path} can't be read: {error.strerror or error}") from error
