"""A recording outlives its program being killed; decoding outlives a disk that is full."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import pyxdf

SFREQ, N_CHANNELS = 5000.0, 64
PACE = 8  # of the recorder's clock, so that offsets, boundaries and syncs fall into a short life
LONGEST_S = 1.5  # 12 s of that clock: two offsets (every 5 s) and one boundary (every 10 s)
NOTE = struct.Struct("<dq")  # when, and how many samples had been handed to the recorder by then

RECORD = f"""
import os, struct, sys, time
from pathlib import Path
import numpy as np
from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.types import Chunk, Marker, Reading, StreamSpec

names = tuple(f"E{{i}}" for i in range({N_CHANNELS}))
spec = StreamSpec("amp", {SFREQ}, names, ("eeg",) * len(names), ("µV",) * len(names))
sink = XDFSink(Path(sys.argv[1]), clock=lambda: {PACE} * time.monotonic())
sink.open(spec, {{}})
notes = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)  # there once the file is
begun_s, n = time.monotonic(), 0
while True:  # at the pace of life, until somebody kills it
    new = int((time.monotonic() - begun_s) * {SFREQ}) - n
    if new:
        numbers = np.arange(n, n + new)
        data = (numbers[:, None] % 4096 + np.arange({N_CHANNELS}) / 64).astype(np.float32)
        chunk = Chunk(data, numbers / {SFREQ}, np.zeros(new, np.uint16), n)
        sink.received(Reading(chunk, (Marker(str(n), n / {SFREQ}, "stim"),)))
        n += new
        os.write(notes, struct.pack("<dq", time.monotonic(), n))
    time.sleep(0.004)
"""


def expected(n: int) -> np.ndarray:
    numbers = np.arange(n)
    return (numbers[:, None] % 4096 + np.arange(N_CHANNELS) / 64).astype(np.float32)


def notes_of(path: Path) -> list[tuple[float, int]]:
    content = path.read_bytes() if path.exists() else b""
    return list(NOTE.iter_unpack(content[: len(content) // NOTE.size * NOTE.size]))


def wait_until(condition, deadline_s=60.0):
    end_s = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize(
    "n_kills", [5, pytest.param(20, marks=pytest.mark.soak)], ids=["5 kills", "20 kills"]
)
def test_a_recording_whose_program_is_killed_opens_and_lacks_a_second_at_most(
    tmp_path: Path, n_kills: int
) -> None:
    moments = random.Random(n_kills)
    lost_s = []
    for kill in range(n_kills):
        path, notes = tmp_path / f"{kill}.xdf", tmp_path / f"{kill}.notes"
        program = subprocess.Popen([sys.executable, "-c", RECORD, path, notes])
        try:
            wait_until(notes.exists)
            begun_s, life_s = time.monotonic(), moments.uniform(0.0, LONGEST_S)
            wait_until(lambda: time.monotonic() - begun_s >= life_s)  # noqa: B023
        finally:
            program.kill()
            program.wait()
        streams = {s["info"]["name"][0]: s for s in pyxdf.load_xdf(path)[0]}
        n = len(streams["amp"]["time_stamps"])
        assert np.array_equal(streams["amp"]["time_series"], expected(n))
        assert np.array_equal(streams["amp"]["time_stamps"], np.arange(n) / SFREQ)
        told = notes_of(notes)
        last_s = told[-1][0] if told else 0.0
        not_there = [at_s for at_s, sent in told if sent > n]
        lost_s.append(last_s - not_there[0] if not_there else 0.0)
    assert max(lost_s) <= 1.0, lost_s
    sys.stdout.write(f"lost tails in s: {[round(s, 3) for s in sorted(lost_s)]}\n")


DECODE = """
import itertools, json, logging, resource, sys, time
from pathlib import Path
import numpy as np
from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.sinks.xdf import XDFSink
from saccade.realtime.types import Candidate, Chunk, Marker, Ranking, Reading, StreamSpec

room = int(sys.argv[2])
SPEC = StreamSpec("amp", 1000.0, ("Cz", "Oz"), ("eeg",) * 2, ("µV",) * 2)

class Source:
    def open(self):
        self.left = iter(range(0, 24_000, 100))
        return SPEC
    def read(self, timeout_s):
        start = next(self.left, None)
        if start is None:
            return None
        background = sink._recording.background
        while start % 4000 == 0 and background._waiting_bytes and not background.error:
            time.sleep(0.001)  # else all is decoded before the disk has heard of it
        numbers = np.arange(start, start + 100)
        data = np.stack([np.sin(numbers), np.cos(numbers)], axis=1).astype(np.float32)
        chunk = Chunk(data, numbers / 1000, np.zeros(100, np.uint16), start)
        return Reading(chunk, (Marker("a", (start + 50) / 1000, "m"),))
    def close(self):
        pass

class Decoder:
    names = ("a", "b")
    def decode(self, epoch):
        scores = np.array([epoch.data.mean(), 0], np.float32)
        return Ranking((Candidate(0, "a", float(scores[0]), 0.5),), scores, scores)

sink = XDFSink(Path(sys.argv[1]))
logging.disable()
ticks = itertools.count()
engine = Engine(
    Source(),
    Pipeline(PipelineSettings(blocks=())),
    Epocher(EpochSettings(tmin_s=0.0, tmax_s=0.2, baseline_s=None)),
    lambda: next(ticks) / 1e6,
    Decoder(),
    [sink],
)
engine.start()
if room:
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
engine.run(lambda result: False)
print(json.dumps({"summary": engine.stop(), "recording": sink.report()}))
"""


def decode(path: Path, room: int) -> dict:
    done = subprocess.run(
        [sys.executable, "-c", DECODE, path, str(room)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_ends_the_recording_and_not_the_decoding(tmp_path: Path) -> None:
    whole = decode(tmp_path / "whole.xdf", 0)
    cut = decode(tmp_path / "cut.xdf", 200_000)
    assert whole["recording"]["samples"] == 24_000
    assert whole["recording"]["stopped"] is None
    assert "dropped_sinks" not in whole["summary"]
    # The limit of this process stands for that of the disk: the same call fails in the same way.
    assert "dropped_sinks" not in cut["summary"]
    assert cut["recording"]["stopped"] == "File too large"
    for summary in (whole["summary"], cut["summary"]):
        del summary["latency_ms"]
    assert cut["summary"] == whole["summary"]
    path = tmp_path / "cut.xdf"
    streams = {s["info"]["name"][0]: s for s in pyxdf.load_xdf(path)[0]}
    n = len(streams["amp"]["time_stamps"])
    assert cut["recording"]["samples"] == n > 1000
    assert cut["recording"]["lost"]["samples"] == 24_000 - n
    assert whole["recording"]["lost"] == {"samples": 0, "markers": 0, "results": 0}
    assert cut["recording"]["bytes"] == path.stat().st_size <= 200_000
    assert np.array_equal(streams["amp"]["time_stamps"], np.arange(n) / 1000)
    assert np.array_equal(
        streams["amp"]["time_series"][:, 0], np.sin(np.arange(n)).astype(np.float32)
    )
