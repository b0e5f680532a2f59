"""A source goes out over LSL: what ``replay`` and ``simulate`` have in common."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterable

import typer

from saccade.cli import common
from saccade.cli.steering import COMMANDS, Steering
from saccade.realtime.errors import ConfigError
from saccade.realtime.protocols import Source
from saccade.realtime.replay.player import Player, PlayerSettings


def publish(
    source: Source,
    name: str,
    speed: float,
    wait_s: float | None,
    *,
    simulated: bool,
    as_json: bool,
    rounds: int | None = 1,
    interactive: bool = False,
) -> None:
    """Send a source as the streams NAME and NAME-markers until it ends or a signal comes.

    Parameters
    ----------
    source : Source
        What to send.
    name : str
        Name of the EEG stream.
    speed : float
        Seconds of signal sent per second.
    wait_s : float or None
        Wait so long for a reader of both streams; None does not wait.
    simulated : bool
        Whether to say so.
    as_json : bool
        End with a line of JSON instead of words.
    rounds : int or None
        How often to play a tape; None does not end.
    interactive : bool
        Obey commands on standard input.

    Raises
    ------
    ConfigError
        If there is no standard input to be commanded by.
    """
    commands = _commands() if interactive else ()
    player = Player(
        source,
        PlayerSettings(
            name=name,
            marker_name=f"{name}-markers",
            speed=speed,
            wait_for_consumers_s=wait_s,
            rounds=rounds,
            variable_speed=interactive,
        ),
    )
    what = "simulated " if simulated else ""
    line = f"saccade: {what}streams '{name}' and '{name}-markers'; Ctrl-C ends them"
    with common.stop_signals() as stop:
        steering = Steering(player, stop.set, as_json=as_json)

        def announced() -> None:
            common.say(line)
            if interactive:
                common.say(f"saccade: commands are {COMMANDS}")
                steering.begin(commands)

        report = player.run(stop.is_set, announced)
        steering.end()
    if as_json:
        common.emit(
            {
                "samples": {"sent": report.samples},
                "markers": {"sent": report.markers},
                "duration_s": round(report.duration_s, 3),
                "speed": speed,
                "simulated": simulated,
            }
        )
    else:
        typer.echo(
            f"sent {report.samples} {what}samples and {report.markers} markers "
            f"in {report.duration_s:.1f} s"
        )


def _commands() -> Iterable[str]:
    """Return the lines of standard input; what is no text in them is for the steering to refuse."""
    if sys.stdin is None:
        raise ConfigError(
            "--interactive reads commands from standard input, but it is closed: open it, or "
            "leave --interactive out"
        )
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    return sys.stdin
