"""Leaving at a question: Ctrl-C and the end of the input say quit, and no answer is misread."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time

import pytest
import typer

from saccade.calibration.hands import Answer
from saccade.calibration.session_events import Ask
from saccade.cli import operator

ASKED = Ask("verdict", "Not yet.", ("go", "more", "redo", "quit"), "more")
CHILD = """
from saccade.calibration.session_events import Ask
from saccade.cli import common
from saccade.cli.operator import SessionDisplay, TerminalOperator
asked = Ask("verdict", "Not yet.", ("go", "more", "redo", "quit"), "more")
with common.stop_signals() as stop:
    answer = TerminalOperator(SessionDisplay(""), stop.is_set).ask(asked)
    print("ANSWER", answer.choice, stop.is_set(), flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such terminals")
def test_a_first_ctrl_c_at_a_question_leaves():
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    told, asked, ends_s = "", False, time.monotonic() + 60.0
    try:
        while not told.endswith(("True\r\n", "False\r\n")) and time.monotonic() < ends_s:
            if select.select([ours], [], [], 1.0)[0]:
                told += os.read(ours, 4096).decode()
            elif "[more]?" in told and not asked:  # and waits
                asked = True
                child.send_signal(signal.SIGINT)
        assert child.wait(60.0) == 0
    finally:
        child.kill()
        child.wait()
        os.close(ours)
    assert "ANSWER quit True" in told


def test_the_end_of_the_input_leaves():
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert child.stdout.split() == ["ANSWER", "quit", "False"]


def test_a_stop_that_came_before_the_question_leaves_without_it(monkeypatch):
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: pytest.fail("asked all the same"))
    person = operator.TerminalOperator(operator.SessionDisplay(""), lambda: True)
    assert person.ask(ASKED) == Answer("quit")


def test_a_number_after_an_answer_that_takes_none_is_asked_about(monkeypatch, capsys):
    answers = iter(["go 7", "redo 2"])
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(answers))
    person = operator.TerminalOperator(operator.SessionDisplay(""), lambda: False)
    assert person.ask(ASKED) == Answer("redo", 2)
    assert "go takes no number" in capsys.readouterr().err
