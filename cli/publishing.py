"""A source goes out over LSL: what ``replay`` and ``simulate`` have in common."""

from __future__ import annotations

import typer

from saccade.cli import common
from saccade.realtime.player import Player, PlayerSettings
from saccade.realtime.protocols import Source


def publish(
    source: Source, name: str, speed: float, wait_s: float | None, *, simulated: bool, as_json: bool
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
    """
    player = Player(
        source,
        PlayerSettings(
            name=name, marker_name=f"{name}-markers", speed=speed, wait_for_consumers_s=wait_s
        ),
    )
    what = "simulated " if simulated else ""
    line = f"saccade: {what}streams '{name}' and '{name}-markers'; Ctrl-C ends them"
    with common.stop_signals() as stop:
        report = player.run(stop.is_set, lambda: common.say(line))
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
