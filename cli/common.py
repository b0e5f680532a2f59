"""What the verbs share: their common flags, stopping on a signal, and the last line of JSON."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="The session's TOML file; flags override it.")
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", help="Any setting, as in epochs.tmax_s=0.6; may be repeated."),
]
Json = Annotated[
    bool, typer.Option("--json", help="End with one line of JSON, for machines to read.")
]
Gallery = Annotated[
    Path | None,
    typer.Option(
        "--gallery", help="A gallery (.gallery), or embeddings, one row a concept (.npy)."
    ),
]
GalleryNames = Annotated[
    Path | None, typer.Option("--gallery-names", help="Names of the rows, one a line (.txt).")
]
Backbone = Annotated[
    str | None, typer.Option("--backbone", help="CLIP model of the embeddings, as in ViT-B-32.")
]
Weights = Annotated[
    str | None, typer.Option("--weights", help="Weights tag of that model, as in openai.")
]
WeightsFile = Annotated[
    Path | None,
    typer.Option("--weights-file", help="The weights themselves, where they can't be downloaded."),
]
Decide = Annotated[
    str | None,
    typer.Option(
        "--decide",
        help="Decide over several epochs: closed, single, target or sliding; how, with --set "
        "decision.KEY=VALUE.",
    ),
]
Device = Annotated[
    str | None, typer.Option("--device", help="Of torch, as cuda:0; a GPU if there is one.")
]
Kind = Annotated[
    str | None, typer.Option("--kind", help="What was embedded: image, prototype or text.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option("--label", help="Concept a marker stands for, as in 1=House; may be repeated."),
]
Unit = Annotated[
    str | None, typer.Option("--unit", help="Unit of the signal where it does not say: uV, mV, V.")
]
Sfreq = Annotated[
    float | None, typer.Option("--sfreq", help="Rate in Hz where a file does not say.")
]
ChNames = Annotated[
    str | None,
    typer.Option("--ch-names", help="Channel names in order, by commas, where there are none."),
]
RecordedStream = Annotated[
    str | None, typer.Option("--stream", help="Name of the EEG stream, where a file has several.")
]
RecordedType = Annotated[
    str | None, typer.Option("--stream-type", help="Its type there, as in EEG.")
]
RecordedSourceId = Annotated[str | None, typer.Option("--source-id", help="Its source id there.")]
RecordedStreamId = Annotated[
    int | None,
    typer.Option("--stream-id", help="Its number in an XDF, as --info tells it, if all is alike."),
]
RecordedMarkers = Annotated[
    list[str] | None,
    typer.Option(
        "--markers",
        help="Name of a marker stream (or column, or channel) in the file; all of them otherwise; "
        "may be repeated.",
    ),
]


def listed(text: str | None) -> tuple[str, ...] | None:
    """Return a comma-separated flag as a tuple."""
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def label_map(labels: list[str] | None) -> dict[str, str]:
    """Return ``--label 1=House`` flags as marker value → concept.

    Raises
    ------
    ConfigError
        If one has no ``=``.
    """
    from saccade.realtime.errors import ConfigError

    pairs = {}
    for text in labels or ():
        value, equals, concept = text.partition("=")
        if not (equals and value.strip() and concept.strip()):
            raise ConfigError(f"--label should be MARKER=CONCEPT, as in 1=House, not '{text}'")
        pairs[value.strip()] = concept.strip()
    return pairs


def refuse_given(context: typer.Context, names: tuple[str, ...], why: str) -> None:
    """Refuse flags of a command line that would change nothing.

    Parameters
    ----------
    context : typer.Context
        Of the verb, which knows what was given.
    names : tuple of str
        The parameters that are meant.
    why : str
        Why they would change nothing.

    Raises
    ------
    ConfigError
        Naming the flags.
    """
    from saccade.realtime.errors import ConfigError

    given = [
        f"--{name.replace('_', '-')}"
        for name in names
        if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"
    ]
    if given:
        raise ConfigError(f"{', '.join(given)} would change nothing here: {why}")


def emit(result: Mapping[str, Any]) -> None:
    """Print one line of JSON."""
    typer.echo(json.dumps(result, allow_nan=False, ensure_ascii=False))


def say(line: str) -> None:
    """Print a line for a person, on stderr, so that stdout stays readable by machines."""
    typer.echo(line, err=True)


@contextlib.contextmanager
def stop_signals() -> Iterator[threading.Event]:
    """Set an event on Ctrl-C or SIGTERM instead of dying in the middle of something.

    A second signal ends the process at once, for when something hangs.
    """
    stop = threading.Event()

    def handle(number: int, _frame: object) -> None:
        if stop.is_set():
            sys.exit(128 + number)
        stop.set()

    before = {n: signal.signal(n, handle) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def breaking_off() -> Iterator[None]:
    """Let a signal that asks to end break off what waits for a person, too.

    Raises
    ------
    KeyboardInterrupt
        In the main thread, once whoever was to hear of the signal has.
    """
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: FrameType | None) -> None:
        heard = before[signal.Signals(number)]
        if callable(heard):
            heard(number, frame)
        raise KeyboardInterrupt

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def report(summary: Mapping[str, Any], *, as_json: bool) -> None:
    """End a session: one line of JSON, or the same in words.

    Raises
    ------
    ConfigError
        If there were markers, but not one of them had a label, so that nothing was decoded.
    """
    from saccade.cli.closing import summary_lines
    from saccade.realtime.errors import ConfigError

    if as_json:
        emit(summary)
    else:
        for line in summary_lines(summary):
            typer.echo(line)
    unlabelled = summary["markers"].get("unlabelled", {})
    if unlabelled and summary["epochs"]["total"] == 0:
        values = ", ".join(f"'{value}'" for value in list(unlabelled)[:5])
        raise ConfigError(
            f"not one of {summary['markers']['received']} markers stands for a concept (there "
            f"were {values}): say which does with --label, as in --label "
            f"{shlex.quote(next(iter(unlabelled)))}=CONCEPT"
        )


def in_words(value: Any) -> str:
    """Return a setting or fact as a person would write it."""
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return ", ".join(in_words(item) for item in value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{key} {in_words(item)}" for key, item in value.items()) or "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value) or "-"
