"""Commands to a running replay, a line each: for a person at a terminal, or another program.

Concurrent activities: a thread waits for lines, obeys and answers each in turn; a command waits for
the player to finish with one block of samples, and nothing waits for commands. The end of the
input ends the thread alone. Nobody waits for the thread either: it ends with the process.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

import typer

from saccade.realtime.errors import ConfigError, SaccadeError
from saccade.realtime.replay.player import Player

COMMANDS = "pause, resume, seek SECONDS, speed FACTOR, position, quit"


class Steering:
    """Obeys commands, and answers each by a line on standard output.

    The answer says where the player is, or what is wrong with the command; "quit" has none, for
    what is printed at the end answers it.

    Parameters
    ----------
    player : Player
        What to steer.
    leave : callable
        Called for "quit".
    as_json : bool
        Answer in JSON: ``position_s``, ``speed`` and ``paused``, or ``error``.
    """

    def __init__(self, player: Player, leave: Callable[[], object], *, as_json: bool) -> None:
        self._player = player
        self._leave = leave
        self._as_json = as_json
        self._speaking = threading.Lock()
        self._ended = False

    def begin(self, lines: Iterable[str]) -> None:
        """Obey these lines as they come, in a thread."""
        threading.Thread(
            target=self._listen, args=(lines,), name="saccade-steering", daemon=True
        ).start()

    def end(self) -> None:
        """Say nothing any more."""
        with self._speaking:
            self._ended = True

    def _listen(self, lines: Iterable[str]) -> None:
        for line in lines:
            words = line.split()
            if words == ["quit"]:
                self._leave()
            elif words:
                answer = self._obey(words)
                with self._speaking:
                    if not self._ended:
                        typer.echo(json.dumps(answer) if self._as_json else _in_words(answer))

    def _obey(self, words: list[str]) -> dict[str, Any]:
        try:
            match words:
                case ["pause"]:
                    self._player.pause()
                case ["resume"]:
                    self._player.resume()
                case ["seek", time_s]:
                    self._player.seek(_number(time_s, "seek 30"))
                case ["speed", factor]:
                    self._player.set_speed(_number(factor, "speed 2"))
                case ["position"]:
                    pass
                case _:
                    raise ConfigError(f"commands are {COMMANDS}, not '{' '.join(words)}'")
        except SaccadeError as error:
            return {"error": str(error)}
        return {
            "position_s": round(self._player.position_s, 6),
            "speed": self._player.speed,
            "paused": self._player.paused,
        }


def _number(text: str, example: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"a number is expected, as in '{example}', not '{text}'") from error


def _in_words(answer: dict[str, Any]) -> str:
    if "error" in answer:
        return f"not done: {answer['error']}"
    state = "paused" if answer["paused"] else f"playing, speed {answer['speed']:g}"
    return f"at {answer['position_s']:.3f} s, {state}"
