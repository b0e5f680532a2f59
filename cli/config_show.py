"""``saccade config show``: every setting, and where its value came from."""

from __future__ import annotations

import typer

from saccade.cli import common

app = typer.Typer(help="Look into a session's settings.", no_args_is_help=True)


@app.callback()
def config() -> None:
    """Look into a session's settings."""


@app.command("show")
def show(
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Print the settings that a session with this file would have, and their origins."""
    from saccade.cli import configuration

    loaded = configuration.load(config, None, override or ())
    rows = [(key, configuration.plain(value), origin) for key, value, origin in loaded.values()]
    if json:
        common.emit({key: {"value": value, "origin": origin} for key, value, origin in rows})
        return
    for key, value, origin in rows:
        typer.echo(f"{key:<28} {common.in_words(value):<28} {origin}")
