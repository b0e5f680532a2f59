"""A recorded session, decoded again, is the same to the last bit, however it had come in.

Readings of any length, none among them, with markers early, late, out of order, several in one
reading, and readings without a sample between; gaps, NaN and flags of the source. The engine and
the recorder are the real ones, the decoder is a stand-in whose scores show every bit of an epoch.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.replay.account import read_account
from saccade.realtime.replay.comparison import Comparison, compare
from saccade.realtime.replay.tape import Tape
from saccade.realtime.sinks.jsonl import JSONLSink
from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.sources.file import FileSource, FileSourceSettings
from saccade.realtime.types import Candidate, Chunk, Flag, Marker, Ranking, Reading, StreamSpec

SFREQ, N = 250.0, 6000
SPEC = StreamSpec("cap", SFREQ, ("Cz", "Pz"), ("eeg",) * 2, ("µV",) * 2)
PIPELINE = {
    "blocks": [
        {"block": "bandpass", "low_hz": 1.0, "high_hz": 30.0, "order": 2},
        {"block": "resample", "sfreq": 125.0},
    ]
}
EPOCHS = EpochSettings(-0.1, 0.4, baseline_s=(-0.1, 0.0), late_s=2.0)


class Scores:
    """Ranks two concepts by sums over the epoch, in which every value counts."""

    names = ("dog", "house")

    def decode(self, epoch):
        scores = np.array([epoch.data.sum(), np.abs(epoch.data).max()], np.float32)
        top = tuple(
            Candidate(row, name, float(scores[row]), 0.5) for row, name in enumerate(self.names)
        )
        return Ranking(top, scores, np.full(2, 0.5, np.float32))


class Readings:
    """Hands out what is given to it."""

    def __init__(self, readings):
        self.readings = readings

    def open(self):
        self._left = list(self.readings)
        return SPEC

    def read(self, timeout_s):
        return self._left.pop(0) if self._left else None

    def close(self):
        pass


def session(seed: int) -> list[Reading]:
    rng = np.random.default_rng(seed)
    stamps = 50.0 + np.arange(N) / SFREQ + rng.uniform(0, 1e-4, N)
    stamps[3500:] += 0.3
    data = rng.normal(0, 20, (N, 2)).astype(np.float32)
    data[2000, 1] = np.nan
    flags = np.zeros(N, np.uint16)
    flags[4500] = Flag.GAP | Flag.CLOCK
    readings, row = [], 0
    while row < N:
        # A backlog at the start and now and then, as when the computer was busy.
        n = int(rng.choice([0, 0, 1, 5, 40, 300, 2000], p=[0.2, 0.2, 0.1, 0.2, 0.2, 0.06, 0.04]))
        n = min(2000 if row == 0 else n, N - row)
        part = slice(row, row + n)
        chunk = Chunk(data[part], stamps[part], flags[part], row, raw_stamps=stamps[part] - 3.0)
        markers = []
        for _ in range(rng.integers(5, 9) if n == 2000 else rng.integers(0, 4)):
            near = row + (rng.integers(0, n) if n else 0)
            shift = rng.choice([0, -700, -400, -20, 60, 400])  # up to too late
            stamp = stamps[np.clip(near + shift, 0, N - 1)] + rng.uniform(0, 1e-3)
            markers.append(
                Marker(str(rng.integers(1, 4)), float(stamp), str(rng.choice(["a", "b"])))
            )
        readings.append(Reading(chunk, tuple(markers)))
        row += n
    return readings


def decode(source, *sinks) -> dict:
    engine = Engine(
        source,
        Pipeline(settings_from_spec(PIPELINE)),
        Epocher(EPOCHS),
        lambda: 0.0,
        Scores(),
        sinks,
        session={"labels": {}},
    )
    engine.start()
    engine.run(lambda _: False)
    return engine.stop()


def again(live: list[Reading], folder: Path, chunk_samples: int, whole: bool) -> Comparison:
    """Record a session, decode the recording, and compare."""
    recording = folder / "session.xdf"
    summary = decode(Readings(live), XDFSink(recording))
    assert "dropped_sinks" not in summary
    source = FileSource(FileSourceSettings(recording, chunk_samples=chunk_samples))
    decode(source if whole else Tape(source), JSONLSink(folder / "again.jsonl"))
    account = read_account(recording)
    assert sum(m["type"] == "prediction" for m in account.messages) == summary["predictions"] > 5
    assert summary["epochs"]["rejected"] > 5
    return compare(account.messages, read_account(folder / "again.jsonl").messages)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("chunk_samples", [64, 256, 10**6])
def test_a_session_is_the_same_again(tmp_path: Path, seed: int, chunk_samples: int) -> None:
    comparison = again(session(seed), tmp_path, chunk_samples, whole=bool(seed % 2))
    assert list(comparison.lines())[-1].startswith("identical: "), "\n".join(comparison.lines())
