"""``saccade calibrate`` with a real window, a real amplifier process, and LSL between them."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pylsl
import pytest

from saccade.calibration.plan import make_plan
from saccade.calibration.protocol import Protocol, load_protocol
from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import StimuliSettings
from saccade.models.decoders.decoder_file import load, to_bytes
from saccade.models.galleries.gallery_files import load_everyday

pytestmark = [pytest.mark.lsl, pytest.mark.timeout(300)]

N_TRIALS = 60
PROTOCOL = f"""
kind = "rsvp"
n_concepts = 6
trials = {N_TRIALS}
trials_per_block = 30
sequence_length = 10
on_s = 0.1
soa_s = 0.2
catch_share = 0.5
rest_s = 1.0
lead_in_s = 4.0
"""
SPEED = 8
WINDOW = (
    *("--tmin", "0", "--tmax", "0.6", "--line-hz", "50"),
    *("--set", "epochs.baseline_s=none", "--set", "epochs.crop_s=none"),
    *("--set", "verdict.measure=top1"),
)
Saccade = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class Desk:
    """A session's files, and the command that holds it."""

    folder: Path
    protocol: Path
    out: Path
    pictures: str  # name of the marker stream
    environment: dict[str, str]

    def command(self, *more: object) -> list[str]:
        words = (
            *(
                "calibrate",
                "--protocol",
                self.protocol,
                "--session",
                self.folder,
                "--out",
                self.out,
            ),
            *("--auto", "--simulated", "--speed", SPEED, "--windowed", "--markers", self.pictures),
            *(*WINDOW, *more),
        )
        return [sys.executable, "-m", "saccade.cli.main", *map(str, words)]

    def hold(self, *more: object) -> subprocess.CompletedProcess[str]:
        """Hold the session to its end."""
        return subprocess.run(
            self.command(*more), env=self.environment, capture_output=True, text=True, check=False
        )

    @property
    def journal(self) -> list[dict[str, Any]]:
        path = self.folder / "journal.jsonl"
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    @property
    def n_done(self) -> int:
        return sum(event["at"] == "trial_done" for event in self.journal)

    @property
    def runs(self) -> list[Path]:
        return sorted(self.folder.glob("run-*.xdf"))


@pytest.fixture
def desk(tmp_path: Path, x_display: str, stream_name: str) -> Desk:
    protocol = tmp_path / "short.toml"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    environment = os.environ | {"DISPLAY": x_display}
    environment.pop("QT_QPA_PLATFORM", None)  # a window, not a picture of one
    return Desk(tmp_path / "session", protocol, tmp_path / "me.saccade", stream_name, environment)


def shown(protocol: Protocol) -> Counter[str]:
    """Return how often each concept is planned to count."""
    return Counter(str(t.concept) for t in make_plan(protocol, load_everyday().names).trials)


def undated(path: Path) -> bytes:
    made = load(path)
    return to_bytes(dataclasses.replace(made, calibration=made.calibration | {"date": ""}))


def last_line(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def test_a_whole_session_gives_a_decoder_that_works_live(
    desk: Desk, saccade: Saccade, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = desk.hold("--json")
    assert held.returncode == 0, held.stderr
    told = last_line(held.stdout)
    assert told["simulated"]
    protocol = load_protocol(str(desk.protocol))
    assert told["trials_of"] == shown(protocol)
    overs = [event for event in desk.journal if event["at"] == "block_over"]
    assert [(o["ending"], o["shown"], o["markers"]) for o in overs] == [("complete", 30, 30)] * 2
    assert len(desk.runs) == 2

    again = tmp_path / "again.saccade"
    recordings = [word for run in desk.runs for word in ("--recording", run)]
    outcome = saccade("calibrate", *recordings, "--out", again, *WINDOW, "--json")
    assert outcome.code == 0, outcome.err
    assert undated(again) == undated(desk.out)

    monkeypatch.setattr(os, "environ", desk.environment)
    accuracy = decoded_live(desk, protocol, n_sequences=6)
    assert accuracy["n"] == 60
    assert accuracy["ci95_top1"][0] > 3 * accuracy["chance_top1"]


def decoded_live(desk: Desk, protocol: Protocol, n_sequences: int) -> dict[str, Any]:
    """Show the same person fresh pictures while ``run`` decodes; return its accuracy."""
    name, origin_s = f"{desk.pictures}-eeg", pylsl.local_clock()
    with (
        StimulusProcess(
            StimuliSettings(
                stream=desk.pictures,
                events_stream=f"{desk.pictures}-events",
                full_screen=False,
                speed=SPEED,
                origin_s=origin_s,
                auto=True,
            )
        ) as window,
        program(
            *("simulate", "--name", name, "--follow", desk.pictures, "--visit", 7),
            *("--speed", SPEED, "--clock-origin", repr(origin_s), "--with-parent"),
        ) as amplifier,
    ):
        wait_for(amplifier, "sees")
        with program(
            *("run", "--decoder", desk.out, "--stream", name, "--markers", desk.pictures),
            *("--no-lsl", "--json", "--set", "stream.resolve_timeout_s=60"),
        ) as run:
            wait_for(run, "decoding")
            fresh = make_plan(
                dataclasses.replace(protocol, seed=0), load_everyday().names, 10 * n_sequences
            )
            trials = [
                {
                    "trial": t.number,
                    "concept": t.concept,
                    "picture": 0,
                    "on_s": 0.1,
                    "soa_s": 0.2,
                    "catch": False,
                }
                for t in reversed(fresh.trials)
            ]
            sequences = [
                {"number": n, "trials": trials[10 * n - 10 : 10 * n], "question": None}
                for n in range(1, n_sequences + 1)
            ]
            window.block(1, 1, sequences, 5.0)
            while not any(m["at"] == "block_over" for m in window.poll(60.0)):
                pass
            time.sleep(1.5)  # of life, in which the last window comes in
            run.terminate()
            out, _ = run.communicate(timeout=60.0)
    found: dict[str, Any] = last_line(out)["accuracy"]
    return found


@contextmanager
def program(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    """Run a saccade program beside us; it is gone at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "saccade.cli.main", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[str], word: str) -> None:
    """Wait until a program has said a word on stderr, and let it talk on to nobody."""
    for line in process.stderr:
        if word in line:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return
    pytest.fail(f"the program ended without a word of '{word}'")


@pytest.mark.parametrize(
    "at",
    [
        pytest.param((1, 17, 44), id="three times"),
        pytest.param(
            tuple(range(N_TRIALS)),
            id="at every trial",
            marks=[pytest.mark.soak, pytest.mark.timeout(3600)],
        ),
    ],
)
def test_killed_at_any_trial_it_goes_on_and_no_trial_is_used_twice_or_lost(
    desk: Desk, at: tuple[int, ...]
) -> None:
    for n_done in at:
        said = desk.out.with_suffix(".txt")
        with said.open("wb") as words:
            process = subprocess.Popen(
                desk.command(), env=desk.environment, stdout=words, stderr=words
            )
        ends_s = time.monotonic() + 120.0
        while desk.n_done < n_done and process.poll() is None and time.monotonic() < ends_s:
            time.sleep(0.002)  # to kill it as near to the trial as can be
        process.kill()
        process.wait()
        assert desk.n_done >= n_done, said.read_text(encoding="utf-8")
        assert not desk.out.exists()
    held = desk.hold("--json")
    assert held.returncode == 0, held.stderr
    protocol = load_protocol(str(desk.protocol))
    assert last_line(held.stdout)["trials_of"] == shown(protocol)
    assert Counter(recorded_once(desk)) == Counter(range(N_TRIALS))


def recorded_once(desk: Desk) -> list[int]:
    """Return the trials that the journal counts as done, in recordings that are there."""
    there = {int(path.stem.removeprefix("run-")) for path in desk.runs}
    done: dict[int, set[int]] = {}
    for event in desk.journal:
        if event["at"] == "trial_done":
            done.setdefault(event["run"], set()).add(event["trial"])
        elif event["at"] == "reopened":
            done |= {int(run): set(trials) for run, trials in event["done"].items()}
    return [trial for run in sorted(there) for trial in sorted(done.get(run, ()))]


def test_when_the_window_dies_the_way_on_is_told_and_the_folder_alone_goes_on(desk: Desk) -> None:
    said = desk.out.with_suffix(".txt")
    with said.open("wb") as words:
        process = subprocess.Popen(desk.command(), env=desk.environment, stdout=words, stderr=words)
        ends_s = time.monotonic() + 120.0
        while desk.n_done < 10 and process.poll() is None and time.monotonic() < ends_s:
            time.sleep(0.01)
        os.kill(window_of(process.pid), signal.SIGKILL)
        assert process.wait(60.0) == 1
    told = said.read_text(encoding="utf-8").splitlines()
    assert "the stimulus window has ended with exit code -9" in told[-1]
    assert "ERR|" not in told[-1]
    (way,) = [line for line in told if "it goes on with" in line]
    assert f"--session {desk.folder}" in way

    words_alone = ("calibrate", "--session", str(desk.folder), "--auto", "--json")
    held = subprocess.run(
        [sys.executable, "-m", "saccade.cli.main", *words_alone],
        env=desk.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert held.returncode == 0, held.stderr
    assert last_line(held.stdout)["decoder"] == str(desk.out)
    assert last_line(held.stdout)["trials_of"] == shown(load_protocol(str(desk.protocol)))
    assert Counter(recorded_once(desk)) == Counter(range(N_TRIALS))


def window_of(pid: int) -> int:
    """Return the number of a session's stimulus window."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    for child in children:
        if b"saccade.gui.stimuli" in Path(f"/proc/{child}/cmdline").read_bytes():
            return int(child)
    pytest.fail(f"process {pid} has no window among {children}")
