"""The ``saccade`` command: one verb for each thing a user wants to do.

Importing this imports no torch, Qt, scipy or LSL: each verb imports what it needs when it runs, so
that ``saccade --help`` answers at once.
"""

from __future__ import annotations

import logging
import os
import sys
import traceback
from importlib import metadata
from typing import Annotated, NoReturn

import typer

from saccade.cli import (
    calibrate,
    config_show,
    ctl,
    demo,
    doctor,
    evaluate,
    export,
    gallery,
    replay,
    run,
    simulate,
    train,
)
from saccade.realtime.errors import SaccadeError

app = typer.Typer(
    name="saccade",
    help="Decode what a person is looking at, live, from EEG over Lab Streaming Layer.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("demo")(demo.demo)
app.command("run")(run.run)
app.command("calibrate")(calibrate.calibrate)
app.command("replay")(replay.replay)
app.command("simulate")(simulate.simulate)
app.add_typer(gallery.app, name="gallery")
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("export")(export.export)
app.add_typer(config_show.app, name="config")
app.command("ctl")(ctl.ctl)
app.command("doctor")(doctor.doctor)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"saccade {metadata.version('saccade')}")
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Log, and show the traceback of an error.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")
    ] = False,
) -> None:
    """Decode what a person is looking at, live, from EEG over Lab Streaming Layer."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s"
        if verbose
        else "saccade: %(message)s",
    )


def main() -> None:
    """Run the command line; a known error is one line and exit code 1."""
    try:
        app()
    except SaccadeError as error:
        if {"-v", "--verbose"} & set(sys.argv):
            traceback.print_exc()
        typer.echo(f"saccade: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        typer.echo("saccade: stopped", err=True)
        sys.exit(130)
    except (OSError, MemoryError, ArithmeticError) as error:  # disk full, settings out of bounds
        if {"-v", "--verbose"} & set(sys.argv):
            traceback.print_exc()
        typer.echo(f"saccade: {type(error).__name__}: {error} (-v shows where)", err=True)
        sys.exit(1)


def console() -> NoReturn:
    """Run the command line as a process of its own, and end that process.

    By then all files are closed and all streams left. Taking the interpreter apart would only
    have a person who pressed Ctrl-C wait for torch, which needs half a second for it.
    """
    code: object = 0
    try:
        main()
    except SystemExit as end:
        code = end.code
    except BaseException:  # a bug: shown as Python shows it
        traceback.print_exc()
        code = 1
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    console()
