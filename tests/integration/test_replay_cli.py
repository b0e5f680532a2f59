"""``replay`` as a user or another program calls it: parts, rounds, commands, comparisons."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from saccade.cli import wiring
from saccade.models.decoders import decoder_file

Saccade = Callable[..., Any]


def result(outcome: Any, code: int = 0) -> dict[str, Any]:
    assert outcome.code == code, outcome.err
    found: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
    return found


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def log(saccade: Saccade, decoder: Path, runs: tuple[Path, Path], tmp_path: Path) -> Path:
    """Return the log of a session."""
    path = tmp_path / "session.jsonl"
    assert saccade("replay", runs[1], "--decoder", decoder, "--log", path).code == 0
    return path


def test_part_of_a_recording_is_decoded(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], log: Path, tmp_path: Path
) -> None:
    part = tmp_path / "part.jsonl"
    command = ("replay", runs[1], "--decoder", decoder, "--start", 10, "--stop", 20)
    summary = result(saccade(*command, "--log", part, "--json"))
    assert summary["samples"]["received"] == 2500
    assert summary["markers"]["received"] == 20  # two a second, from 6 s on
    assert summary["trained_on"] is False
    onsets = [
        [line["onset_s"] for line in lines_of(path) if line["type"] == "prediction"]
        for path in (log, part)
    ]
    assert 0 < len(onsets[1]) < 20  # filters settle once more
    assert set(onsets[1]) < set(onsets[0])  # the stamps are those of the whole
    assert min(onsets[1]) > 10


def test_rounds_are_sent(saccade: Saccade, runs: tuple[Path, Path], stream_name: str) -> None:
    command = ("replay", runs[1], "--name", stream_name, "--speed", 100, "--json")
    sent = result(saccade(*command, "--start", 6, "--stop", 8, "--times", 3))
    assert sent["samples"] == {"sent": 1500}
    assert sent["markers"] == {"sent": 12}
    assert sent["speed"] == 100


def test_the_same_again_is_identical(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], log: Path
) -> None:
    command = ("replay", runs[1], "--decoder", decoder, "--against", log)
    outcome = saccade(*command)
    assert outcome.code == 0
    assert outcome.out.splitlines()[-1] == "identical: 60 predictions, 0 rejected"
    comparison = result(saccade(*command, "--json"))["comparison"]
    assert comparison["identical"] is True
    assert (comparison["with"], comparison["differences"]) == ("session.jsonl", [])
    assert comparison["remarks"] == []


def test_what_was_tampered_with_is_found(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], log: Path
) -> None:
    lines = lines_of(log)
    predictions = [line for line in lines if line["type"] == "prediction"]
    first = predictions[3]["top"][0]
    score = np.float32(first["score"])
    first["score"] = float(np.nextafter(score, np.float32(2)))
    lines.remove(predictions[5])
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    command = ("replay", runs[1], "--decoder", decoder, "--against", log)
    outcome = saccade(*command)
    assert outcome.code == 1
    extra, different, last = outcome.out.splitlines()[-3:]
    assert extra.startswith("extra      epoch 5,")
    assert different.startswith("different  epoch 3,")
    assert "score of place 1" in different
    assert last.startswith("not identical: 0 missing, 1 extra, 1 different")
    comparison = result(saccade(*command, "--json"), code=1)["comparison"]
    assert comparison["largest_difference"] == pytest.approx(float(np.spacing(score)))


def test_a_session_is_repeated_with_its_own_settings(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    log = tmp_path / "own.jsonl"
    own = ("--label", "1=dog", "--set", "markers.ignore=['2']", "--set", "output.top_k=3")
    command = ("replay", runs[1], "--decoder", decoder)
    assert saccade(*command, "--log", log, *own, "--decode-rejected").code == 0
    assert saccade(*command, "--against", log).code == 0
    assert saccade(*command, "--against", log, "--label", "1=dog").code == 0
    other = saccade(*command, "--against", log, "--label", "1=house")
    assert other.code == 1  # what the command line says counts
    assert "label" in other.out


def test_another_gallery_and_other_versions_are_said(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], log: Path
) -> None:
    lines = lines_of(log)
    lines[0]["session"] |= {"gallery": "another", "versions": {"torch": "0.1"}}
    log.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    outcome = saccade("replay", runs[1], "--decoder", decoder, "--against", log, "--json")
    gallery, torch = result(outcome)["comparison"]["remarks"]
    assert "another gallery" in gallery
    assert torch.startswith("the session had torch 0.1, this is ")


def test_the_fingerprint_is_of_all_that_a_decoder_computes_with(decoder: Path) -> None:
    file = decoder_file.load(decoder)
    blocks = [dict(block) for block in file.pipeline["blocks"]]
    blocks[1]["low_hz"] = 2.0
    others = [
        dataclasses.replace(file, pipeline=file.pipeline | {"blocks": blocks}),
        dataclasses.replace(file, epochs=file.epochs | {"reject_ptp_uv": 100.0}),
        dataclasses.replace(file, labels={**file.labels, "3": "cat"}),
        dataclasses.replace(file, temperature=file.temperature * 2),
    ]
    prints = {wiring.fingerprint(one) for one in (file, *others)}
    assert len(prints) == 5
    assert wiring.fingerprint(decoder_file.load(decoder)) in prints


def test_another_decoder_is_said_and_compared(
    saccade: Saccade, decoder: Path, runs: tuple[Path, Path], log: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.saccade"
    flags = ("--label", "1=dog", "--label", "2=house", "--low-hz", 2, "--high-hz", 30)
    flags += ("--crop", 0, 0.4)
    made = saccade("calibrate", "--recording", runs[0], "--out", other, *flags, "--json")
    assert made.code == 0, made.err
    outcome = saccade("replay", runs[1], "--decoder", other, "--against", log, "--json")
    comparison = result(outcome, code=1)["comparison"]
    assert "another decoder" in comparison["remarks"][0]
    assert comparison["different"] > 0
    assert comparison["missing"] == comparison["extra"] == 0


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--start", "50"), ("lasts 37.00 s", "start", "50 s")),
        (("--stop", "50"), ("lasts 37.00 s", "stop", "50 s")),
        (("--start", "20", "--stop", "10"), ("from 20 s on", "not at 10 s")),
        (("--start", "-3"), ("from 0 s on", "-3 s")),
        (("--speed", "0"), ("speed must be 0.01 to 1000, not 0",)),
        (("--speed", "nan"), ("speed must be 0.01 to 1000, not nan",)),
        (("--times", "2", "--loop"), ("--times", "--loop has no end")),
        (("--log", "x.jsonl"), ("--log", "--decoder")),
        (("--compare",), ("--compare", "--decoder")),
        (("--label", "1=dog"), ("--label", "--decoder")),
        (("--decode-rejected",), ("--decode-rejected", "--decoder")),
    ],
)
def test_what_can_not_be_sent_is_refused(
    saccade: Saccade, runs: tuple[Path, Path], flags: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert_refused(saccade("replay", runs[1], *flags), *words)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--speed", "2", "--loop"), ("--speed, --loop", "as fast as possible")),
        (("--times", "2"), ("--times", "once")),
        (("--interactive",), ("--interactive", "nothing is sent")),
        (("--name", "a", "--wait", "1"), ("--name, --wait", "nothing is sent")),
        (("--compare", "--start", "3"), ("--start", "only as a whole")),
        (("--compare",), ("second.npz", ".xdf", ".jsonl", "--against")),
        (("--against", "absent.jsonl"), ("absent.jsonl", "check the path")),
        (("--stop", "50"), ("lasts 37.00 s", "50 s")),
    ],
)
def test_what_can_not_be_decoded_is_refused(
    saccade: Saccade,
    decoder: Path,
    runs: tuple[Path, Path],
    flags: tuple[str, ...],
    words: tuple[str, ...],
) -> None:
    assert_refused(saccade("replay", runs[1], "--decoder", decoder, *flags), *words)


def test_to_inform_is_not_to_play(saccade: Saccade, runs: tuple[Path, Path], decoder: Path) -> None:
    flags = ("--info", "--speed", 2, "--decoder", decoder, "--stop", 3)
    assert_refused(saccade("replay", runs[1], *flags), "--decoder, --stop, --speed", "--info says")


def assert_refused(outcome: Any, *words: str) -> None:
    """Demand exit code 1, nothing on stdout, and one line that has all the words."""
    assert (outcome.code, outcome.out) == (1, "")
    (line,) = (line for line in outcome.err.splitlines() if line.startswith("saccade: "))
    for word in words:
        assert word in line, line


@pytest.mark.lsl
def test_another_program_steers_a_replay(runs: tuple[Path, Path], stream_name: str) -> None:
    command = ("replay", runs[1], "--name", stream_name, "--interactive", "--json")
    with subprocess.Popen(
        [sys.executable, "-m", "saccade.cli.main", *map(str, command)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def tell(line: str) -> dict[str, Any]:
            process.stdin.write(line + "\n")
            answer: dict[str, Any] = json.loads(process.stdout.readline())
            return answer

        try:
            assert tell("pause")["paused"] is True
            assert tell("seek 30") == {"position_s": 30.0, "speed": 1.0, "paused": True}
            assert "commands are" in tell("jump")["error"]
            assert tell("speed 10") == {"position_s": 30.0, "speed": 10.0, "paused": True}
            assert tell("resume")["paused"] is False
            position_s = 30.0
            while position_s < 32.0:
                position_s = tell("position")["position_s"]
            process.stdin.write("seek 36.5\n")
            process.stdin.close()  # ends the commands, and no more
            out = process.stdout.read()
            assert process.wait(60) == 0
        finally:
            process.kill()
    answer, summary = map(json.loads, out.splitlines())
    assert answer["position_s"] == 36.5
    assert 2 * 250 <= summary["samples"]["sent"] < 9 * 250


@pytest.mark.lsl
def test_what_is_no_text_among_the_commands_is_refused_and_the_next_obeyed(
    runs: tuple[Path, Path], stream_name: str
) -> None:
    command = ("replay", runs[1], "--name", stream_name, "--interactive", "--loop")
    done = subprocess.run(
        [sys.executable, "-m", "saccade.cli.main", *map(str, command)],
        input=b"\xff\nposition\nquit\n",
        capture_output=True,
        timeout=60,
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict"},
    )
    refused, position, _ = done.stdout.decode().splitlines()
    assert refused.startswith("not done: commands are")
    assert position.startswith("at ")
    assert b"Traceback" not in done.stderr


def test_without_a_standard_input_there_are_no_commands(
    saccade: Saccade, runs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert_refused(saccade("replay", runs[1], "--interactive"), "standard input", "is closed")


@pytest.mark.lsl
def test_to_quit_ends_it_with_its_summary(runs: tuple[Path, Path], stream_name: str) -> None:
    command = ("replay", runs[1], "--name", stream_name, "--interactive", "--loop")
    done = subprocess.run(
        [sys.executable, "-m", "saccade.cli.main", *map(str, command)],
        input="position\nquit\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, last = done.stdout.splitlines()
    assert first.startswith("at 0.")
    assert last.startswith("sent ")
    assert "commands are pause, resume, seek SECONDS" in done.stderr
