"""``saccade gallery``: what is in a gallery of concepts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from saccade.cli import common

app = typer.Typer(help="Look into galleries of concepts.", no_args_is_help=True)


@app.callback()
def gallery() -> None:
    """Look into galleries of concepts."""


@app.command("info")
def info(
    file: Annotated[
        Path | None,
        typer.Argument(help="Embeddings (.npy) or a decoder (.saccade); none: the built-in ones."),
    ] = None,
    names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    json: common.Json = False,
) -> None:
    """Say what a gallery holds: size, model, spread, nearest concepts."""
    if file is not None and file.suffix == ".saccade":
        from saccade.models import decoder_file

        held = decoder_file.load(file).gallery
    else:
        from saccade.cli import configuration
        from saccade.cli.galleries import gallery_of

        held = gallery_of(
            configuration.load(
                None,
                {
                    "gallery.vectors": file,
                    "gallery.names": names,
                    "gallery.backbone": backbone,
                    "gallery.weights": weights,
                    "gallery.kind": kind,
                },
            ).config
        )
    facts = held.describe()
    if json:
        common.emit(facts)
        return
    for key, value in facts.items():
        typer.echo(f"{key.replace('_', ' '):<22} {common.in_words(value)}")
