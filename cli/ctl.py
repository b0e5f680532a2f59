"""``saccade ctl``: tell a running session what to do."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import Annotated, Any

import typer

from saccade.cli import common


class Do(enum.StrEnum):
    """What a session can be told."""

    LIST = "list"
    STATUS = "status"
    PAUSE = "pause"
    RESUME = "resume"
    RESET = "reset"
    MARK = "mark"
    SWAP = "swap"
    STOP = "stop"


def ctl(
    do: Annotated[
        Do,
        typer.Argument(
            help="list the sessions that run here; of one of them tell the status; pause or resume "
            "predictions and decisions; reset the evidence; mark VALUE; swap FILE, the decoder; "
            "stop."
        ),
    ],
    value: Annotated[
        str | None, typer.Argument(help="The marker of mark, the decoder file of swap.")
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", help="Its name, where several run.")
    ] = None,
    json: common.Json = False,
) -> None:
    """Command a session that runs on this computer."""
    from saccade.realtime.control.client import ControlClient
    from saccade.realtime.control.sessions import running
    from saccade.realtime.errors import ConfigError

    if (value is None) == (do in (Do.MARK, Do.SWAP)):
        needs = "needs a value, as in 'saccade ctl mark rest'" if value is None else "takes none"
        raise ConfigError(f"'{do}' {needs}")
    if do is Do.LIST and session is not None:
        raise ConfigError(f"'list' tells of all sessions: leave --session {session} out")
    if do is Do.LIST:
        _list([_about(found) for found in running()], as_json=json)
        return
    with ControlClient(session) as client:
        told: dict[str, Any] = {"session": client.name, "do": str(do)}
        if do is Do.STATUS:
            told |= client.status()
        elif do is Do.MARK:
            told["stamp_s"] = client.mark(str(value))
        elif do is Do.SWAP:
            told |= client.swap(Path(str(value)))
        else:
            getattr(client, do)()
    if json:
        common.emit(told)
    else:
        for line in _lines(do, told):
            typer.echo(line)


def _about(found: Any) -> dict[str, Any]:
    """Return what may be told of a session: all but its token."""
    return {key: getattr(found, key) for key in ("name", "pid", "port", "started_unix_s")}


def _list(sessions: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        common.emit({"sessions": sessions})
        return
    for session in sessions:
        typer.echo(f"{session['name']:<24} process {session['pid']}, port {session['port']}")
    if not sessions:
        common.say("saccade: no session runs here")


def _lines(do: Do, told: dict[str, Any]) -> list[str]:
    """Return what a session answered, in words."""
    name = told["session"]
    if do is Do.STATUS:
        from saccade.cli.closing import summary_lines

        state = "paused" if told["paused"] else "decoding"
        head = f"session      {name}, {state} '{told['stream']}', process {told['pid']}"
        return [head, *summary_lines(told)]
    done = {
        Do.PAUSE: "predictions and decisions pause; receiving and recording go on",
        Do.RESUME: "predictions and decisions go on",
        Do.RESET: "the evidence so far is forgotten",
        Do.STOP: "it ends",
    }
    if do is Do.MARK:
        return [f"{name}: marked at {told['stamp_s']:.3f} s"]
    if do is Do.SWAP:
        return [f"{name}: {told['file']} decodes from now on"]
    return [f"{name}: {done[do]}"]
