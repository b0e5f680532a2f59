"""Commands by lines: each is obeyed and answered, and nonsense is told what is known."""

from __future__ import annotations

import json
import threading

import pytest

from saccade.cli.steering import Steering
from saccade.realtime.errors import ConfigError


class FakePlayer:
    """Notes what it is told; is wound to 30 s at most."""

    def __init__(self):
        self.position_s, self.speed, self.paused = 1.25, 1.0, False

    def pause(self):
        self.paused = True

    def resume(self):
        self.paused = False

    def set_speed(self, speed):
        self.speed = speed

    def seek(self, time_s):
        if time_s > 30:
            raise ConfigError("nothing there")
        self.position_s = time_s


def answers(capsys, *lines, as_json=False):
    """Return the answers to some lines, and how often it was told to leave."""
    left = []
    steering = Steering(FakePlayer(), lambda: left.append(1), as_json=as_json)
    before = set(threading.enumerate())
    steering.begin([f"{line}\n" for line in lines])
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    return capsys.readouterr().out.splitlines(), len(left)


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("position", "at 1.250 s, playing, speed 1"),
        ("pause", "at 1.250 s, paused"),
        ("resume", "at 1.250 s, playing, speed 1"),
        ("seek 30", "at 30.000 s, playing, speed 1"),
        ("  speed   0.5 ", "at 1.250 s, playing, speed 0.5"),
        ("seek 31", "not done: nothing there"),
        ("seek far", "not done: a number is expected, as in 'seek 30', not 'far'"),
        ("speed fast", "not done: a number is expected, as in 'speed 2', not 'fast'"),
        ("dance", "not done: commands are pause, resume, seek SECONDS, speed FACTOR, position, "),
        ("seek", "not done: commands are"),
        ("pause now", "not done: commands are"),
    ],
)
def test_a_command_and_its_answer(capsys, command, answer):
    lines, left = answers(capsys, command, "")
    assert len(lines) == 1
    assert lines[0].startswith(answer)
    assert left == 0


def test_answers_for_a_program(capsys):
    lines, _ = answers(capsys, "pause", "seek 12.5", "what", as_json=True)
    first, second, third = map(json.loads, lines)
    assert first == {"position_s": 1.25, "speed": 1.0, "paused": True}
    assert second == {"position_s": 12.5, "speed": 1.0, "paused": True}
    assert list(third) == ["error"]


def test_to_quit_is_answered_by_the_end(capsys):
    assert answers(capsys, "quit") == ([], 1)


def test_after_the_end_nothing_is_said(capsys):
    steering = Steering(FakePlayer(), lambda: None, as_json=False)
    steering.end()
    before = set(threading.enumerate())
    steering.begin(["position\n"])
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
    assert capsys.readouterr().out == ""
