"""``saccade ctl`` and ``saccade run``: two programs, one session, one recording of it all."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from saccade.models.decoders import decoder_file

pytestmark = [pytest.mark.lsl, pytest.mark.timeout(180)]


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which only the sessions of this test are found."""
    folder = tmp_path / "runtime"
    folder.mkdir(mode=0o700)
    for name in ("XDG_RUNTIME_DIR", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(folder))
    return folder


@dataclass
class Session:
    """A ``saccade run`` in a process of its own, and what commands it."""

    process: subprocess.Popen[str]
    ctl: Callable[..., dict[str, Any]]
    log: Path
    record: Path

    def wait_for(self, done: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Ask for the status until it is as wanted."""
        deadline_s = time.monotonic() + 60
        while True:
            status = self.ctl("status")
            if done(status):
                return status
            assert time.monotonic() < deadline_s, status
            assert self.process.poll() is None, self.process.communicate()

    def end(self) -> dict[str, Any]:
        """Wait for the end; return the summary."""
        out, err = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, err
        return json.loads(out.splitlines()[-1])


@pytest.fixture
def running(
    saccade: Any, runtime: Path, runs: tuple[Path, Path], decoder: Path, stream_name: str
) -> Iterator[Callable[..., Session]]:
    """Return what starts a session that decodes a run sent again and again, and waits for it."""
    with contextlib.ExitStack() as processes:

        def start(*arguments: object) -> Session:
            def program(*words: object) -> subprocess.Popen[str]:
                process = subprocess.Popen(
                    [sys.executable, "-m", "saccade.cli.main", *map(str, words)],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env=dict(os.environ),
                )
                processes.callback(process.communicate)
                processes.callback(process.kill)
                return process

            program("replay", runs[1], "--name", stream_name, "--loop", "--speed", 4)
            log, record = runtime / "session.jsonl", runtime / "session.xdf"
            process = program(
                *("run", "--decoder", decoder, "--stream", stream_name, "--json"),
                *("--markers", f"{stream_name}-markers", "--set", "stream.resolve_timeout_s=60"),
                *("--no-lsl", "--log", log, "--record", record, *arguments),
            )

            def ctl(*words: object) -> dict[str, Any]:
                outcome = saccade("ctl", *words, "--json")
                assert outcome.code == 0, outcome.err
                told: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
                return told

            deadline_s = time.monotonic() + 60
            while not ctl("list")["sessions"]:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline_s
            return Session(process, ctl, log, record)

        yield start


def test_a_session_is_paused_marked_swapped_and_stopped(
    running: Any, saccade: Any, decoder: Path, tmp_path: Path
) -> None:
    session = running()
    session.wait_for(lambda s: s["predictions"] > 2)
    session.ctl("pause")
    paused = session.wait_for(lambda s: s["epochs"]["rejected"] > 2)
    assert paused["paused"] is True
    session.wait_for(lambda s: s["samples"]["received"] > paused["samples"]["received"])
    assert session.ctl("status")["predictions"] == paused["predictions"]
    listed = saccade("ctl", "list").out.splitlines()
    assert [line.split(",")[0].split()[1:] for line in listed] == [
        ["process", str(session.process.pid)]
    ]
    assert saccade("ctl", "resume").out.endswith(": predictions and decisions go on\n")
    session.wait_for(lambda s: s["predictions"] > paused["predictions"])
    session.ctl("reset")
    marked = session.ctl("mark", "1")
    unlabelled = session.ctl("mark", "a note")

    # The same decoder with another temperature: all that must fit does.
    other = tmp_path / "other.saccade"
    file = decoder_file.load(decoder)
    decoder_file.save(type(file)(**{**_fields(file), "temperature": 0.5}), other)
    before = session.ctl("status")["decoder_sha256"]
    swapped = session.ctl("swap", other)
    assert swapped["file"] == str(other)
    assert session.ctl("status")["decoder_sha256"] == swapped["decoder_sha256"] != before

    in_words = saccade("ctl", "status")
    assert in_words.out.startswith("session      run-")
    assert "commands     pause 1, resume 1, reset 1, mark 2, swap 1" in in_words.out
    session.ctl("stop")
    summary = session.end()
    commands = {"pause": 1, "resume": 1, "reset": 1, "mark": 2, "swap": 1, "stop": 1}
    assert summary["commands"] == commands
    assert summary["epochs"]["reasons"]["paused"] > 2
    assert summary["markers"]["unlabelled"] == {"a note": 1}

    events = [json.loads(line) for line in session.log.read_text("utf-8").splitlines()]
    done = [e["command"]["do"] for e in events if e["type"] == "event" and "command" in e]
    assert done == ["pause", "resume", "reset", "mark", "mark", "swap", "stop"]
    onsets = {e["onset_s"] for e in events if e.get("marker") == "1"}
    assert marked["stamp_s"] in onsets
    assert unlabelled["stamp_s"] not in onsets
    assert "no session runs here" in saccade("ctl", "list").err

    # A replay knows what was commanded: what it can't repeat, it says.
    again = saccade("replay", session.record, "--decoder", decoder, "--compare")
    assert again.code == 1
    assert (
        "the session was told to pause, forget its evidence, swap decoders, a replay is not"
        in again.out
    )


def _fields(file: Any) -> dict[str, Any]:
    return {name: getattr(file, name) for name in file.__dataclass_fields__}


def test_marks_are_replayed_to_the_last_bit(running: Any, saccade: Any, decoder: Path) -> None:
    session = running("--control", "marked")
    session.wait_for(lambda s: s["predictions"] > 2)
    marked = session.ctl("mark", "1", "--session", "marked")
    received = session.ctl("status")["samples"]["received"]
    session.wait_for(lambda s: s["samples"]["received"] > received + 500)
    session.ctl("stop")
    session.end()
    again = saccade("replay", session.record, "--decoder", decoder, "--compare", "--json")
    assert again.code == 0, again.out
    comparison = json.loads(again.out.splitlines()[-1])["comparison"]
    assert comparison["remarks"] == []
    lines = [json.loads(line) for line in session.log.read_text("utf-8").splitlines()]
    assert marked["stamp_s"] in {line.get("onset_s") for line in lines}


def test_a_decoder_that_does_not_fit_is_refused_by_every_field(
    running: Any, saccade: Any, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    other = tmp_path / "other.saccade"
    made = saccade(
        *("calibrate", "--recording", runs[0], "--out", other, "--label", "1=dog"),
        *("--label", "2=cat", "--low-hz", 2, "--high-hz", 30, "--crop", 0, 0.3),
    )
    assert made.code == 0, made.err
    session = running()
    session.wait_for(lambda s: s["predictions"] > 0)
    refused = saccade("ctl", "swap", other)
    assert refused.code == 1
    for field in (
        "other.saccade does not fit the running session: ",
        "pipeline block 2 (bandpass) low_hz 1 expected, 2 came",
        "epochs crop_s 0, 0.4 expected, 0, 0.3 came",
        "epochs labels 2 house expected, cat came",
    ):
        assert field in refused.err
    assert refused.err.count("\n") == 1
    missing = saccade("ctl", "swap", tmp_path / "none.saccade")
    assert "no decoder can be read from" in missing.err
    session.ctl("stop")
    assert session.end()["commands"] == {"stop": 1}


def test_a_session_that_takes_no_commands_is_not_found(
    saccade: Any, runtime: Path, decoder: Path
) -> None:
    refused = saccade("run", "--decoder", decoder, "--control", "x", "--no-control")
    assert "--control would change nothing with --no-control" in refused.err
    for flags in (("--no-control",), ("--set", "control.enabled=false")):
        wanted = ("--stream", "nobody", "--set", "stream.resolve_timeout_s=0.1")
        outcome = saccade("run", "--decoder", decoder, *wanted, *flags)
        assert "nobody" in outcome.err
        assert list(runtime.rglob("*.json")) == []


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("mark",), "'mark' needs a value"),
        (("swap",), "'swap' needs a value"),
        (("pause", "now"), "'pause' takes none"),
        (("list", "--session", "x"), "'list' tells of all sessions: leave --session x out"),
        (("pause",), "no session runs here that could be commanded"),
        (("pause", "--session", "x"), "no session called 'x' runs here; there is none"),
    ],
)
def test_what_can_not_be_commanded_is_said_in_one_line(
    saccade: Any, runtime: Path, words: tuple[str, ...], refusal: str
) -> None:
    outcome = saccade("ctl", *words)
    assert outcome.code == 1
    assert outcome.err.startswith("saccade: ")
    assert refusal in outcome.err
    assert outcome.err.count("\n") == 1
