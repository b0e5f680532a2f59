"""The window's client beside a program that only repeats what it is told."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from saccade.calibration.stimulator import StimulusProcess
from saccade.calibration.stimuli import StimuliSettings
from saccade.realtime.errors import SessionError

SETTINGS = StimuliSettings("pictures", "events", pictures={"Café": ("a.png",)})
ECHO = """
import json, sys, time
def say(**content):
    sys.stdout.write(json.dumps(content) + "\\n")
    sys.stdout.flush()
say(at="ready", settings=sys.stdin.readline())
sys.stdout.write("a library that prints\\n")
for line in sys.stdin:
    order = json.loads(line)
    if order["do"] == "text" and order["title"] == "die":
        raise RuntimeError("out of paint")
    if order["do"] == "text" and order["title"] == "sleep":
        time.sleep(600)
    for n in range(order.get("order", 0)):
        say(at="early", order=n)
    say(at="alive")
    say(at="told", what=order)
say(at="over")
"""


@pytest.fixture
def process() -> Iterator[StimulusProcess]:
    made = StimulusProcess(SETTINGS, (sys.executable, "-c", ECHO))
    yield made
    made.close()


def heard(process: StimulusProcess, n: int) -> list[Any]:
    messages: list[Any] = []
    while len(messages) < n:
        messages += process.poll(20.0)
    return [message["what"] for message in messages]


def test_settings_and_orders_arrive_as_they_were_given(process: StimulusProcess) -> None:
    assert StimuliSettings.from_json(process.start()["settings"]) == SETTINGS
    trials = [{"trial": n, "concept": "ü" * 20, "on_s": 0.1, "soa_s": 0.2} for n in range(2000)]
    sequences = [{"number": 1, "trials": trials, "question": None}]
    process.block(2, 6, sequences, 5.0)
    process.rest(30.0, "Rest", "Blink.")
    process.text("Hello", "")
    process.stop()
    assert heard(process, 4) == [
        {"do": "block", "number": 2, "of": 6, "sequences": sequences, "lead_in_s": 5.0}
        | {"order": 1},
        {"do": "rest", "seconds": 30.0, "title": "Rest", "text": "Blink.", "order": 2},
        {"do": "text", "title": "Hello", "text": "", "order": 3},
        {"do": "stop"},
    ]


def test_what_is_told_of_an_earlier_order_is_no_news_of_the_newest(
    process: StimulusProcess,
) -> None:
    """However it came: before the next was given, or after."""
    process.start()
    process.text("one", "")
    process.text("two", "")  # for which the program tells of orders 0 and 1, too
    assert [order["title"] for order in heard(process, 2)] == ["one", "two"]
    assert process.poll(0.2) == []


def test_a_window_that_shows_no_frames_is_given_up_and_one_that_does_is_not(
    process: StimulusProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("saccade.calibration.stimulator.SILENT_S", 0.5)
    monkeypatch.setattr("saccade.calibration.stimulator.GRACE_S", 20.0)
    process.start()
    time.sleep(0.6)  # we slept, so did it
    process.text("one", "")
    assert len(heard(process, 1)) == 1
    monkeypatch.setattr("saccade.calibration.stimulator.GRACE_S", 0.1)
    monkeypatch.setattr("saccade.calibration.stimulator.LEAVES_WITHIN_S", 0.1)
    process.text("sleep", "")
    time.sleep(0.6)
    with pytest.raises(SessionError, match=r"has shown nothing for \d s: is the screen locked"):
        process.poll(0.1)
    process.close()


def test_what_it_died_of_is_told_with_every_call(process: StimulusProcess) -> None:
    process.start()
    process.text("die", "")
    for _ in range(2):
        with pytest.raises(
            SessionError,
            match="exit code 1; its last words: RuntimeError: out of paint: start again",
        ):
            process.poll(20.0)


def test_it_is_closed_with_its_input_and_leaves_nothing_behind(
    process: StimulusProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with process:
        assert not list(tmp_path.iterdir())
        running = process._process
    assert running is not None
    assert running.returncode == 0
    with pytest.raises(SessionError, match="is not open"):
        process.stop()


def test_one_that_stays_is_ended_by_force(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("saccade.calibration.stimulator.LEAVES_WITHIN_S", 0.2)
    stays = 'import time; print(\'{"at": "ready"}\', flush=True); time.sleep(600)'
    process = StimulusProcess(SETTINGS, (sys.executable, "-c", stays))
    process.start()
    running = process._process
    process.close()
    assert running is not None
    assert running.returncode not in (0, None)


def test_a_program_that_is_not_there_is_refused() -> None:
    process = StimulusProcess(SETTINGS, ("/nowhere/window",))
    with pytest.raises(SessionError, match=r"the stimulus window could not be started: .*nowhere"):
        process.start()
