"""One simulated person: a calibration session in the real window, then live decoding by it.

Every process is one a laboratory would run: ``saccade calibrate`` with its stimulus window and its
amplifier, then ``saccade run`` beside another stimulus window and an amplifier whose noise is of
another visit. All talk over LSL, on this computer only.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pylsl

from saccade.calibration.plan import make_plan
from saccade.calibration.protocol import load_protocol
from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import StimuliSettings
from saccade.models.galleries.gallery_files import load_everyday

VISIT = 1000  # far from those that a session may have had
ON_S, SOA_S, LENGTH = 0.1, 0.2, 20  # as in the session
LEAD_IN_S = 6.0
LAST_WINDOW_S = 3.0  # of life, until the last prediction is there
SAYS_S = 120.0  # of life, until a program has said what is waited for


@dataclass(frozen=True, slots=True)
class Sitting:
    """A person who is calibrated with, and looks on.

    Parameters
    ----------
    seed : int
        Which person, which concepts, in which order.
    folder : Path
        Where everything is kept.
    speed : float
        Seconds of session per second.
    n_trials, n_concepts, n_live : int
        Pictures of the session, concepts they show, and pictures decoded live of each kind.
    """

    seed: int
    folder: Path
    speed: float
    n_trials: int
    n_concepts: int
    n_live: int

    @property
    def decoder(self) -> Path:
        """The decoder file."""
        return self.folder / "person.saccade"

    @property
    def protocol(self) -> Path:
        """The protocol's file."""
        return self.folder / "protocol.toml"


def calibrate(sitting: Sitting) -> None:
    """Hold the session, or go on with it, unless its decoder is there."""
    if sitting.decoder.exists():
        return
    sitting.folder.mkdir(parents=True, exist_ok=True)
    sitting.protocol.write_text(
        f'kind = "rsvp"\nn_concepts = {sitting.n_concepts}\ntrials = {sitting.n_trials}\n'
        f"trials_per_block = {min(200, sitting.n_trials)}\nsequence_length = {LENGTH}\n"
        f"on_s = {ON_S}\nsoa_s = {SOA_S}\ncatch_share = 0.25\nrest_s = 5.0\nlead_in_s = 5.0\n"
        f"seed = {sitting.seed}\n",
        encoding="utf-8",
    )
    words = [
        *("calibrate", "--protocol", sitting.protocol, "--session", sitting.folder / "session"),
        *("--auto", "--simulated", "--seed", sitting.seed, "--speed", sitting.speed),
        *("--windowed", "--line-hz", 50, "--tmin", 0, "--tmax", 0.8),
        *("--set", "epochs.baseline_s=none", "--set", "epochs.crop_s=none"),
        *("--out", sitting.decoder),
    ]
    done = subprocess.run(_command(words), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"seed {sitting.seed}: {done.stderr.strip().splitlines()[-1]}")


def shown(sitting: Sitting) -> tuple[str, ...]:
    """Return the concepts of the session."""
    return make_plan(load_protocol(str(sitting.protocol)), load_everyday().names).concepts


def decode_live(
    sitting: Sitting, concepts: Sequence[str], what: str, more: Sequence[object] = ()
) -> list[dict[str, Any]]:
    """Show fresh pictures of some concepts while ``saccade run`` decodes; return its log.

    Parameters
    ----------
    sitting : Sitting
        Who looks on.
    concepts : sequence of str
        What is shown, each as often as any other.
    what : str
        Name of the log, for what is told apart.
    more : sequence
        Further flags of ``saccade run``.
    """
    log = sitting.folder / f"live-{what}.jsonl"
    log.unlink(missing_ok=True)
    rng = np.random.default_rng([sitting.seed, *what.encode()])
    rounds = -(-sitting.n_live // len(concepts))
    order = [concepts[i] for _ in range(rounds) for i in rng.permutation(len(concepts))]
    name, origin_s = f"live-{what}-{os.getpid()}", pylsl.local_clock()
    stimuli = StimuliSettings(
        stream=f"{name}-pictures",
        events_stream=f"{name}-events",
        full_screen=False,
        speed=sitting.speed,
        origin_s=origin_s,
        auto=True,
    )
    amplifier = (
        *("simulate", "--name", name, "--follow", stimuli.stream, "--seed", sitting.seed),
        *("--visit", VISIT, "--artifacts", 0.25, "--speed", sitting.speed),
        *("--clock-origin", repr(origin_s), "--with-parent"),
    )
    run = (
        *("run", "--decoder", sitting.decoder, "--stream", name, "--markers", stimuli.stream),
        *("--no-lsl", "--log", log, "--json", "--set", "stream.resolve_timeout_s=60", *more),
    )
    with (
        StimulusProcess(stimuli) as window,
        _program(amplifier, "sees"),
        _program(run, "decoding") as running,
    ):
        window.block(1, 1, _sequences(order[: sitting.n_live]), LEAD_IN_S)
        while not any(message["at"] == "block_over" for message in window.poll(60.0)):
            pass
        time.sleep(LAST_WINDOW_S)
        running.terminate()
        running.wait(SAYS_S)
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]


def _sequences(order: Sequence[str]) -> list[dict[str, Any]]:
    pictures = [
        {"trial": n, "concept": concept, "picture": 0, "on_s": ON_S, "soa_s": SOA_S, "catch": False}
        for n, concept in enumerate(order)
    ]
    parts = [pictures[i : i + LENGTH] for i in range(0, len(pictures), LENGTH)]
    return [
        {"number": number, "trials": part, "question": None} for number, part in enumerate(parts, 1)
    ]


def _command(words: Sequence[object]) -> list[str]:
    return [sys.executable, "-m", "saccade.cli.main", *map(str, words)]


@contextlib.contextmanager
def _program(words: Sequence[object], says: str) -> Iterator[subprocess.Popen[str]]:
    """Run a saccade program, once it has said something on stderr; it is gone at the end."""
    process = subprocess.Popen(
        _command(words),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = threading.Event()

    def listen() -> None:
        for line in process.stderr or ():
            if says in line:
                said.set()
        said.set()

    threading.Thread(target=listen, daemon=True).start()
    try:
        if not said.wait(SAYS_S) or process.poll() is not None:
            raise RuntimeError(f"saccade {words[0]} did not begin")
        yield process
    finally:
        process.kill()
        process.wait()


@contextlib.contextmanager
def screen() -> Iterator[None]:
    """Have a screen: the one there is, or an X screen that nobody sees."""
    os.environ.pop("QT_QPA_PLATFORM", None)
    if os.environ.get("DISPLAY"):
        yield
        return
    program = shutil.which("Xvfb")
    if program is None:
        raise SystemExit("there is no screen and no Xvfb: apt-get install xvfb, or set DISPLAY")
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
    with os.fdopen(told) as answer:
        os.environ["DISPLAY"] = f":{answer.readline().strip()}"
    try:
        yield
    finally:
        server.terminate()
        server.wait()
