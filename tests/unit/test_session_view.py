"""A session in the terminal: each thing that someone beside it looks after is told in words."""

from __future__ import annotations

import dataclasses
import io

import pytest
import typer
from rich.console import Console

from saccade.calibration.hands import Answer
from saccade.calibration.progress import Progress
from saccade.calibration.session_events import Ask
from saccade.cli import operator, session_view

QUIET = Progress("block", 2, 5, 180, 600, kept=180, shown=60, markers=60, left_s=312.0)
BUSY = dataclasses.replace(
    QUIET,
    kept=176,
    rejected={"flagged": 1, "ptp": 3},
    lost={"its marker never came": 2},
    markers=58,
    questions=9,
    targets=4,
    hits=3,
    false_alarms=1,
    dropped_frames=2,
    bad={"Fp1": "flat; x"} | {f"P{n}": "noisy" for n in range(1, 8)},
    check={"top1": 0.12, "ci95_top1": (0.08, 0.17), "chance_top1": 0.005, "n": 45},
)


def test_a_quiet_session_is_told_in_few_lines():
    assert session_view.lines(QUIET) == [
        "block 2 of 5, showing pictures",
        "█████████·····················  180 of 600 pictures, 5 min left",
        "pictures   180 kept · 0 rejected",
        "markers    60 received of 60 · 0 frames dropped",
        "channels   none is bad",
    ]


def test_all_that_is_the_matter_is_told_with_its_number_and_reason():
    assert session_view.lines(BUSY)[2:] == [
        "pictures   176 kept · 4 rejected: ptp (3), flagged (1) · to be shown again: its marker "
        "never came (2)",
        "markers    58 received of 60 · 2 MISSING · 2 frames dropped",
        "attention  3 of 4 targets noticed · 1 false alarm in 9 questions",
        "channels   BAD Fp1 (flat), P1 (noisy), P2 (noisy), P3 (noisy), P4 (noisy), P5 (noisy), "
        "2 more",
        "so far     single-trial top-1 12.0% [95 % 8.0% to 17.0%], chance 0.50%, n 45",
    ]


def test_a_break_has_no_markers_to_come_and_may_have_nothing_to_say_yet():
    rest = Progress("rest", 2, 5, 240, 600, 240, check={"problem": "too few trials"}, left_s=60.0)
    told = session_view.lines(rest)
    assert told[0] == "block 2 of 5, break"
    assert told[1].endswith("240 of 600 pictures, 60 s left")
    assert told[-1] == "so far     too few trials"
    assert not any(line.startswith("markers") for line in told)


def test_what_is_coloured_is_said_in_words_too():
    console = Console(file=io.StringIO(), width=200, force_terminal=True, color_system="standard")
    console.print(session_view.view(BUSY, "a session"))
    coloured = [line for line in console.file.getvalue().splitlines() if "\x1b[33m" in line]
    assert len(coloured) == 2
    assert all("BAD" in line or "MISSING" in line for line in coloured)


def test_what_does_not_fit_a_line_goes_on_below_itself():
    console = Console(file=io.StringIO(), width=70)
    console.print(session_view.view(BUSY, "a session"))
    told = console.file.getvalue().splitlines()
    labels = {"pictures", "markers", "attention", "channels", "so far"}
    indent = " " * session_view.LABEL_WIDTH
    details = told[3:]
    assert {line[: len(indent)].strip() for line in details} == {*labels, ""}
    assert sum(line.startswith(indent) for line in details) >= 3
    assert all(len(line.rstrip()) <= 70 for line in told)


def test_where_nothing_can_be_drawn_each_phase_is_a_line(capsys):
    display = operator.SessionDisplay("a session")
    for progress in (QUIET, QUIET, dataclasses.replace(QUIET, phase="rest")):
        display(progress)
    display.close()
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[1] for line in told] == [
        " block 2 of 5, showing pictures",
        " block 2 of 5, break",
    ]


def test_a_person_is_asked_until_the_answer_is_one(monkeypatch, capsys):
    answers = iter(["perhaps", "more many", "MORE 200"])
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(answers))
    asked = Ask("verdict", "A decoder that works.", ("go", "more", "redo"), "go")
    person = operator.TerminalOperator(operator.SessionDisplay(""), lambda: False)
    assert person.ask(asked) == Answer("more", 200)
    told = capsys.readouterr().err
    assert told.startswith("A decoder that works.\n")
    assert told.count("please say one of go, more, redo") == 2


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (89.0, "89 s"), (91.0, "2 min")])
def test_a_duration_is_told_as_a_person_says_it(seconds, said):
    assert session_view.duration(seconds) == said
