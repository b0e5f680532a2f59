"""A small calibrated decoder, and the command line in process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pylsl
import pytest

from saccade.cli.main import main

SFREQ = 250.0
CHANNELS = ("C3", "C4", "O1", "O2")
LABELS = ("--label", "1=dog", "--label", "2=house")


@dataclass(frozen=True)
class Outcome:
    """What a command did: exit code, standard output, standard error."""

    code: int
    out: str
    err: str


Saccade = Callable[..., Outcome]


@pytest.fixture
def saccade(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Saccade:
    """Return the ``saccade`` command, run in this process."""

    def run(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["saccade", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run


def write_run(path: Path, seed: int, n_events: int = 60) -> None:
    """Write a run in which two concepts evoke different responses."""
    rng = np.random.default_rng(seed)
    n = int((n_events + 14) * 0.5 * SFREQ)
    data = rng.normal(0.0, 8.0, (n, len(CHANNELS))).astype(np.float32)
    stim = np.zeros(n, np.int16)
    wave = 5.0 * np.exp(-0.5 * ((np.arange(100) - 45) / 12.0) ** 2)
    for number, value in enumerate(rng.permutation(n_events) % 2):
        onset = int((6 + 0.5 * number) * SFREQ)
        stim[onset] = 1 + value
        data[onset : onset + 100, 2 + value] += wave
    np.savez(path, data=data, stim=stim, sfreq=SFREQ, unit="uV", ch_names=list(CHANNELS))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return two recorded runs."""
    folder = tmp_path_factory.mktemp("runs")
    paths = (folder / "first.npz", folder / "second.npz")
    for seed, path in enumerate(paths):
        write_run(path, seed)
    return paths


@pytest.fixture(scope="session")
def decoder(tmp_path_factory: pytest.TempPathFactory, runs: tuple[Path, Path]) -> Path:
    """Return a decoder calibrated on the first run, by the command line."""
    path = tmp_path_factory.mktemp("decoder") / "small.saccade"
    before, sys.argv = (
        sys.argv,
        [
            *("saccade", "calibrate", "--recording", str(runs[0]), "--out", str(path), *LABELS),
            *("--low-hz", "1", "--high-hz", "30", "--crop", "0", "0.4", "--json"),
        ],
    )
    try:
        with pytest.raises(SystemExit) as end:
            main()
    finally:
        sys.argv = before
    assert end.value.code == 0
    return path


@contextmanager
def _outlet(
    name: str,
    ch_names: tuple[str, ...] = CHANNELS,
    sfreq: float = SFREQ,
    unit: str = "microvolts",
    source_id: str | None = None,
) -> Iterator[pylsl.StreamOutlet]:
    info = pylsl.StreamInfo(name, "EEG", len(ch_names), sfreq, "float32", source_id or f"{name}-id")
    channels = info.desc().append_child("channels")
    for ch_name in ch_names:
        channel = channels.append_child("channel")
        channel.append_child_value("label", ch_name)
        channel.append_child_value("unit", unit)
        channel.append_child_value("type", "EEG")
    made = pylsl.StreamOutlet(info)  # without a name of its own it would be gone at once
    yield made


@pytest.fixture(scope="session")
def outlet() -> Callable[..., AbstractContextManager[pylsl.StreamOutlet]]:
    """Return a context in which an amplifier is announced, which sends nothing by itself."""
    return _outlet


@pytest.fixture(scope="session")
def x_display() -> Iterator[str]:
    """Return the name of an X screen that nobody sees, such as ``:99``."""
    program = shutil.which("Xvfb")
    if program is None:
        pytest.skip("there is no Xvfb, so no screen to show pictures on: apt-get install xvfb")
    told, tell = os.pipe()
    server = subprocess.Popen(
        [
            program,
            "-displayfd",
            str(tell),
            "-screen",
            "0",
            "1280x800x24",
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        pass_fds=(tell,),
        stderr=subprocess.DEVNULL,
    )
    os.close(tell)
    try:
        with os.fdopen(told) as answer:
            yield f":{answer.readline().strip()}"
    finally:
        server.terminate()
        server.wait()


@dataclass(frozen=True)
class Recorded:
    """A session over LSL that was recorded: its files and its summary."""

    path: Path
    log: Path
    summary: dict[str, Any]


@pytest.fixture
def record(
    saccade: Saccade, decoder: Path, stream_name: str, tmp_path: Path
) -> Callable[..., Recorded]:
    """Return what sends a run at twenty times its pace while ``run --record`` decodes it."""

    def session(run: Path, *more: object) -> Recorded:
        path, log = tmp_path / "session.xdf", tmp_path / "session.jsonl"
        sender = subprocess.Popen(
            [
                *(sys.executable, "-m", "saccade.cli.main", "replay", str(run)),
                *("--name", stream_name, "--wait", "60", "--speed", "20"),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            outcome = saccade(
                *("run", "--decoder", decoder, "--stream", stream_name, "--no-lsl", "--json"),
                *("--markers", f"{stream_name}-markers", "--set", "stream.resolve_timeout_s=60"),
                *("--record", path, "--log", log, "--idle-timeout", 2, *more),
            )
        finally:
            sender.kill()
            sender.wait()
        assert outcome.code == 0, outcome.err
        return Recorded(path, log, json.loads(outcome.out.splitlines()[-1]))

    return session
