"""A session recorded by saccade comes out of its file as it went in: samples, order, flags."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.types import Chunk, Flag, Marker, Reading, StreamSpec

RATE = 250.0
SPEC = StreamSpec(
    "Cap, 3rd",
    RATE,
    ("Cz", "Oz", "Aux"),
    ("eeg", "eeg", "aux"),
    ("µV", "µV", "g"),
    "cap",
    simulated=True,
    counted=True,
)


def session(seed: int) -> list[Reading]:
    """Make readings of any length, none among them; markers late, early and out of order."""
    rng = np.random.default_rng(seed)
    readings, row, numbers = [], 0, {"Stimuli": 0, "Keys": 0}
    for _ in range(60):
        n = int(rng.choice([0, 0, 1, 7, 40]))
        rows = np.arange(row, row + n)
        stamps = 100.0 + rows / RATE + rng.normal(0.0, 1e-3, n)
        flags = np.where(rng.random(n) < 0.02, int(Flag.GAP | Flag.CLOCK), 0).astype(np.uint16)
        data = rng.normal(0.0, 20.0, (n, 3)).astype(np.float32)
        data[rng.random((n, 3)) < 0.01] = np.nan
        markers = []
        for _ in range(int(rng.choice([0, 0, 1, 3]))):
            stream = str(rng.choice(list(numbers)))
            numbers[stream] += 1
            stamp = 100.0 + row / RATE + float(rng.normal(0.0, 2.0))
            markers.append(Marker(f"{stream} {numbers[stream]}", stamp, stream))
        chunk = Chunk(data, stamps, flags, row, raw_stamps=stamps - 0.1 * rng.random())
        readings.append(Reading(chunk, tuple(markers)))
        row += n
    return readings


def recorded(readings: list[Reading], path: Path) -> Path:
    sink = XDFSink(path, clock=lambda: 500.0)
    sink.open(SPEC, {})
    for reading in readings:
        sink.received(reading)
    sink.close({})
    return path


def handed_out(readings: list[Reading]) -> list[tuple[int, Marker]]:
    """Return every marker, in order, with how many samples came before its reading."""
    found, n_samples = [], 0
    for reading in readings:
        found += [(n_samples, Marker(m.value, m.stamp, m.stream)) for m in reading.markers]
        n_samples += len(reading.chunk)
    return [(n, (m.value, m.stamp, m.stream)) for n, m in found]


def read_all(source: FileSource) -> list[Reading]:
    return list(iter(lambda: source.read(0.0), None))


def joined(readings: list[Reading], field: str) -> np.ndarray:
    return np.concatenate([getattr(reading.chunk, field) for reading in readings])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("chunk_samples", [1, 33, 256, 10**6])
def test_replay_is_the_session(tmp_path: Path, seed: int, chunk_samples: int) -> None:
    live = session(seed)
    path = recorded(live, tmp_path / "session.xdf")
    source = FileSource(FileSourceSettings(path, chunk_samples=chunk_samples))
    assert source.open() == SPEC
    replay = read_all(source)
    for field in ("data", "stamps", "raw_stamps", "flags"):
        assert np.array_equal(joined(replay, field), joined(live, field), equal_nan=True), field
    assert handed_out(replay) == handed_out(live)
    assert [r.chunk.index for r in replay] == np.cumsum(
        [0, *(len(r.chunk) for r in replay[:-1])]
    ).tolist()
    assert source.recording.notes == ()


def test_markers_of_one_stream_keep_their_places_without_the_other(tmp_path: Path) -> None:
    live = session(1)
    path = recorded(live, tmp_path / "session.xdf")
    source = FileSource(FileSourceSettings(path, markers=("Keys",)))
    source.open()
    replay = read_all(source)
    assert handed_out(replay) == [e for e in handed_out(live) if e[1][2] == "Keys"]


def test_a_session_is_not_judged_again(tmp_path: Path) -> None:
    """It ran with this amplitude, because its user had said so."""
    live = [
        Reading(Chunk(1e5 * r.chunk.data, r.chunk.stamps, r.chunk.flags, r.chunk.index))
        for r in session(3)
    ]
    source = FileSource(FileSourceSettings(recorded(live, tmp_path / "session.xdf")))
    source.open()
    assert np.array_equal(joined(read_all(source), "data"), joined(live, "data"), equal_nan=True)


def test_the_end_of_a_killed_session_may_be_lost_and_the_rest_stands(tmp_path: Path) -> None:
    """What came when a marker did may be lost with the end; the marker itself is handed out."""
    live = session(2)
    content = recorded(live, tmp_path / "session.xdf").read_bytes()
    path = tmp_path / "killed.xdf"
    for part in (0.95, 0.8, 0.6):
        path.write_bytes(content[: int(part * len(content))])
        source = FileSource(FileSourceSettings(path))
        source.open()
        replay = read_all(source)
        data = joined(replay, "data")
        assert np.array_equal(data, joined(live, "data")[: len(data)], equal_nan=True)
        truth = handed_out(live)
        given = handed_out(replay)
        assert {m for _, m in given} <= {m for _, m in truth}
        known = [e for e in given if e in truth]
        assert known == [e for e in truth if e in known]
        assert any("cut short" in note for note in source.recording.notes)
