"""Files of every format with bytes changed, cut or put in: read, or refused in one line.

EEGLAB's ``.set`` is not among them: scipy, which MNE reads it with, may crash on damaged ones.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import edfio
import numpy as np
import pybv
import pytest

from saccade.realtime.errors import SaccadeError
from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.sources.survey import survey
from saccade.realtime.types import Chunk, Flag, Marker, Reading, StreamSpec

pytest.importorskip("mne")
N, RATE = 600, 200.0
UV = np.random.default_rng(6).normal(0.0, 20.0, (N, 2)).round(1)
STAMPS = 1000.0 + np.arange(N) / RATE
HEAD = 2000  # bytes in which most of the damage is done: where headers are
N_DAMAGED = 30  # files of each format


def session(path: Path) -> Path:
    sink = XDFSink(path, clock=lambda: 500.0)
    sink.open(StreamSpec("Cap", RATE, ("Cz", "Oz"), ("eeg", "eeg"), ("µV", "µV")), {})
    for row in range(0, N, 100):
        part = slice(row, row + 100)
        flags = np.zeros(100, np.uint16)
        flags[7] = Flag.GAP | Flag.CLOCK
        raw = STAMPS[part] - 0.1
        chunk = Chunk(UV[part].astype(np.float32), STAMPS[part], flags, row, raw_stamps=raw)
        sink.received(Reading(chunk, (Marker(f"go {row}", STAMPS[row], "Stimuli"),)))
    sink.close({})
    return path


def edf(path: Path, *, is_bdf: bool = False) -> Path:
    maker = edfio.BdfSignal if is_bdf else edfio.EdfSignal
    signals = [
        maker(UV[:, i], RATE, label=label, physical_dimension="uV", physical_range=(-400, 400))
        for i, label in enumerate(("Cz", "Oz"))
    ]
    notes = [edfio.EdfAnnotation(1.0, None, "go")]
    if is_bdf:
        edfio.Bdf(signals).write(path)
    else:
        edfio.Edf(signals, annotations=notes).write(path)
    return path


def brainvision(path: Path) -> Path:
    event = {"onset": 200, "duration": 1, "description": 1, "type": "Stimulus"}
    pybv.write_brainvision(
        data=UV.T * 1e-6,
        sfreq=RATE,
        ch_names=["Cz", "Oz"],
        fname_base=path.stem,
        folder_out=path.parent,
        events=[event],
        meas_date="20260102030405000000",
    )
    return path


def fif(path: Path) -> Path:
    import mne

    raw = mne.io.RawArray(UV.T * 1e-6, mne.create_info(["Cz", "Oz"], RATE, "eeg"), verbose="error")
    raw.set_annotations(mne.Annotations([1.0], [0.0], ["go"]))
    raw.save(path, verbose="error")
    return path


def csv(path: Path) -> Path:
    table = np.column_stack([STAMPS, UV, np.arange(N) == 50])
    np.savetxt(path, table, fmt="%.4f", delimiter=",", header="time,Cz,Oz,Marker", comments="")
    return path


def npz(path: Path) -> Path:
    np.savez(path, data=UV, sfreq=RATE, ch_names=["Cz", "Oz"], unit="uV", stim=np.zeros(N))
    return path


@pytest.fixture
def xdf(write_xdf: Callable[..., Path], xdf_stream: type) -> Path:
    channels = [("Cz", "EEG", "uV"), ("Oz", "EEG", "uV")]
    offsets = [(at, 0.0) for at in (1000.0, 1001.0, 1002.0)]
    return write_xdf(
        xdf_stream("Cap", "EEG", UV.astype(np.float32), STAMPS, RATE, "a", channels, offsets),
        xdf_stream("Keys", "Markers", [["a"], ["b"]], [1001.0, 1002.0], offsets=offsets),
    )


@pytest.fixture(
    params=["session.xdf", "xdf", "edf", "bdf", "vhdr", "vmrk", "_raw.fif", "gdf", "csv", "npz"]
)
def whole(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a file that can be read."""
    kind = request.param
    path = tmp_path / f"run{kind if kind.startswith('_') else '.' + kind}"
    if kind == "xdf":
        return request.getfixturevalue("xdf")
    if kind == "gdf":
        return request.getfixturevalue("write_gdf")(path, UV, RATE)
    if kind == "bdf":
        return edf(path, is_bdf=True)
    if kind == "vmrk":
        return brainvision(path.with_suffix(".vhdr")).with_suffix(".vmrk")
    writers = {".xdf": session, ".edf": edf, ".vhdr": brainvision, ".fif": fif}
    return (writers | {".csv": csv, ".npz": npz})[path.suffix](path)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Change bytes or digits, cut, blank out or put in; most of it near the beginning."""
    way = rng.choice(["bytes", "bytes", "digits", "cut", "blank", "insert"])
    if way == "cut":
        return content[: rng.randrange(len(content))]
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 5, 20])):
        end = min(HEAD, len(changed)) if rng.random() < 0.8 else len(changed)
        place = rng.randrange(end)
        if way == "bytes":
            changed[place] = rng.randrange(256)
        elif way == "blank":
            changed[place : place + 8] = bytes(len(changed[place : place + 8]))
        elif way == "insert":
            changed.insert(place, rng.randrange(256))
        else:
            digits = [i for i in range(end) if 48 <= changed[i] < 58]
            if digits:
                changed[rng.choice(digits)] = rng.choice(b"0123456789-. x")
    return bytes(changed)


def test_a_damaged_file_is_read_or_refused_in_one_line(whole: Path) -> None:
    content = whole.read_bytes()
    path = whole.with_suffix(".vhdr") if whole.suffix == ".vmrk" else whole
    settings = FileSourceSettings(path)
    refusals = []
    for seed in range(N_DAMAGED):
        whole.write_bytes(damaged(content, random.Random(seed)))
        try:
            survey(settings)
            source = FileSource(settings)
            source.open()
            while source.read(0.0) is not None:
                pass
        except SaccadeError as refusal:
            refusals.append(str(refusal))
    assert refusals
    assert not any("\n" in refusal for refusal in refusals)
