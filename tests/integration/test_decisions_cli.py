"""Decisions at the command line: live over LSL, replayed to the last bit, and in every output."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import pylsl
import pytest

from saccade.realtime.sinks.lsl import LSLSink, LSLSinkSettings
from saccade.realtime.types import Decision, StreamSpec

DECIDE = ("--decide", "closed", "--set", "decision.max_epochs=5", "--set", "decision.floor=0.6")


def last(out: str) -> dict[str, Any]:
    return json.loads(out.splitlines()[-1])


def decisions(log: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    return [line for line in lines if line["type"] == "decision"]


def test_a_replay_decides_and_says_so(
    saccade: Any, decoder: Path, runs: tuple[Path, Path], tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    outcome = saccade(*("replay", runs[1], "--decoder", decoder, *DECIDE, "--log", log, "--json"))
    assert outcome.code == 0, outcome.err
    told = last(outcome.out)
    made = decisions(log)
    assert told["decisions"] == told["decided"]["n"] == len(made) > 12
    assert 1 <= told["decided"]["mean_epochs"] <= 5.0
    assert {m["ending"] for m in made} <= {"repetitions", "end"}  # each is of one picture
    assert all(m["truth"] is not None for m in made)
    assert all((m["choice"] is None) == (m["probability"] < 0.6) for m in made)


def test_speed_against_accuracy_of_a_recording(
    saccade: Any, decoder: Path, runs: tuple[Path, Path]
) -> None:
    outcome = saccade(
        *("replay", runs[1], "--decoder", decoder, "--decide", "closed", "--speed-accuracy"),
        *("--set", "decision.max_epochs=4", "--json"),
    )
    assert outcome.code == 0, outcome.err
    curve = last(outcome.out)["speed_accuracy"]
    fixed = [p for p in curve["points"] if p["rule"] == "repetitions"]
    assert curve["alternatives"] == 2
    assert [p["mean_epochs"] for p in fixed] == [1, 2, 3, 4]
    assert all(p["n"] == 14 for p in curve["points"])  # 60 pictures of two kinds, four a trial
    assert all(p["right"] > 0.5 and p["ci95"][0] < p["right"] for p in fixed)


def test_windows_need_no_markers(saccade: Any, decoder: Path, runs: tuple[Path, Path]) -> None:
    outcome = saccade(
        *("replay", runs[1], "--decoder", decoder, "--decide", "sliding", "--json"),
        *("--set", "decision.half_life_s=1", "--set", "decision.threshold=0.7"),
        *("--set", "decision.hop_s=0.1"),
    )
    assert outcome.code == 0, outcome.err
    told = last(outcome.out)
    assert told["epochs"]["total"] > 300
    assert told["decided"]["mode"] == "sliding"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--speed-accuracy",), "needs to know what is decided"),
        (("--decide", "sliding"), "half_life_s says how fast old windows are forgotten"),
        (("--decide", "target"), "decision.target names the concept"),
        (("--decide", "closed", "--set", "decision.candidates=['dog','zebu']"), "names 'zebu'"),
        (
            ("--decide", "closed", "--set", "decision.deadline_s=0.2"),
            "none would ever count: raise it",
        ),
        (("--decide", "closed", "--speed-accuracy", "--compare"), "would change nothing here"),
    ],
)
def test_what_can_not_be_decided_is_refused_in_a_sentence(
    saccade: Any, decoder: Path, runs: tuple[Path, Path], flags: tuple[str, ...], said: str
) -> None:
    outcome = saccade("replay", runs[1], "--decoder", decoder, *flags)
    assert outcome.code != 0
    assert said in outcome.err
    assert "Traceback" not in outcome.err


@pytest.mark.lsl
def test_a_live_session_decides_the_same_again(
    saccade: Any, decoder: Path, runs: tuple[Path, Path], record: Any
) -> None:
    """Live over LSL, recorded, replayed from the recording: the same decisions bit for bit."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as heard:
        heard.bind(("127.0.0.1", 0))
        heard.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        heard.settimeout(30.0)
        port = heard.getsockname()[1]
        live = record(runs[1], *DECIDE, "--udp", f"127.0.0.1:{port}", "--osc", "127.0.0.1:9")
        came = [json.loads(heard.recv(65536))]
        heard.setblocking(False)
        try:
            while True:
                came.append(json.loads(heard.recv(65536)))
        except BlockingIOError:
            pass
    made = decisions(live.log)
    assert len(made) == live.summary["decisions"] >= 10
    assert [m for m in came if m["type"] == "decision"] == made
    for original in ((), ("--against", live.log)):
        outcome = saccade(
            "replay", live.path, "--decoder", decoder, "--compare", *original, "--json"
        )
        told = last(outcome.out)["comparison"]
        assert told["identical"], told["differences"][:3]
        assert told["decisions"] == len(made)
    other = saccade(
        *("replay", live.path, "--decoder", decoder, "--compare", "--json", "--decide", "closed"),
        *("--set", "decision.max_epochs=7"),
    )
    assert other.code == 1
    differences = last(other.out)["comparison"]["differences"]
    assert {d["epoch"].split()[0] for d in differences} == {"decision"}


@pytest.mark.lsl
def test_decisions_are_an_lsl_stream_that_describes_itself(stream_name: str) -> None:
    sink = LSLSink(LSLSinkSettings(prefix=stream_name))
    sink.open(StreamSpec("s", 100.0, ("Cz",), ("eeg",), ("uV",), simulated=True), {})
    (info,) = pylsl.resolve_byprop("name", f"{stream_name}-decisions", timeout=30.0)
    assert (info.type(), info.channel_count(), info.nominal_srate()) == ("Decisions", 1, 0.0)
    inlet = pylsl.StreamInlet(info)
    inlet.open_stream(timeout=30.0)
    decision = Decision(
        0, "closed", "dog", 0.9, 3, 1, 1.0, 2.5, "threshold", (("dog", 0.9),), simulated=True
    )
    sink.decision(decision)
    (text,), _ = inlet.pull_sample(timeout=30.0)
    told = json.loads(text)
    assert (told["type"], told["choice"], told["epochs"], told["left_out"]) == (
        *("decision", "dog", 3, 1),
    )
    assert told["elapsed_s"] == 1.5
    assert told["simulated"] is True
    sink.close({})
