"""``saccade gallery``: build galleries of concepts, look into them, search them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli import common, gallery_building

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from saccade.models.galleries.gallery import Gallery
    from saccade.models.galleries.gallery_store import StoredGallery
    from saccade.models.galleries.search import Hits
    from saccade.realtime.types import Float32

app = typer.Typer(
    help="Build galleries of concepts, look into them, search them.", no_args_is_help=True
)
app.command("build")(gallery_building.build)

File = Annotated[
    Path | None,
    typer.Argument(
        help="A gallery (.gallery), embeddings (.npy) or a decoder (.saccade); none: the built-in."
    ),
]


@app.callback()
def gallery() -> None:
    """Build galleries of concepts, look into them, search them."""


@app.command("info")
def info(
    file: File = None,
    names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    json: common.Json = False,
) -> None:
    """Say what a gallery holds: size, model, spread, nearest concepts."""
    facts = _stored(file, names, backbone, weights, kind).gallery.describe()
    if json:
        common.emit(facts)
        return
    for key, value in facts.items():
        typer.echo(f"{key.replace('_', ' '):<22} {common.in_words(value)}")


@app.command("index")
def index(
    file: Annotated[Path, typer.Argument(help="A gallery (.gallery) of 200 000 concepts or more.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Where to; beside the gallery if not given.")
    ] = None,
    kind: Annotated[str, typer.Option("--index-kind", help="ivf-pq or hnsw.")] = "ivf-pq",
    threads: Annotated[int, typer.Option(help="Threads to build with.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Draws the concepts to measure recall on.")] = 0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
    json: common.Json = False,
) -> None:
    """Make a large gallery quick to search, and measure what the quick search misses.

    Reading an index takes longer than one exact search: it pays from many queries on.
    """
    import dataclasses

    from saccade.models.decoders.whole_file import check_new
    from saccade.models.galleries import gallery_store, index_build, index_store

    path = out or file.with_suffix(index_store.SUFFIX)
    check_new(path, index_store.SUFFIX, overwrite=overwrite)
    vectors = gallery_store.load(file).gallery.centred()
    built = index_build.build(vectors, kind=kind, seed=seed, threads=threads)  # type: ignore[arg-type]
    index_store.save(built, path, overwrite=overwrite)
    facts = dataclasses.asdict(built.facts) | {"file": str(path)}
    if json:
        common.emit(facts)
        return
    for key, value in facts.items():
        typer.echo(f"{key.replace('_', ' '):<22} {common.in_words(value)}")


@app.command("search")
def search(
    text: Annotated[
        str | None, typer.Argument(help='What to look for, as in "a red car"; needs open_clip.')
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Look for what is like this concept instead.")
    ] = None,
    file: common.Gallery = None,
    names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    weights_file: common.WeightsFile = None,
    device: common.Device = None,
    index: Annotated[
        Path | None,
        typer.Option("--index", help="With --name: by this index (.index), not exactly."),
    ] = None,
    top: Annotated[int, typer.Option("--top", help="How many to show.", min=1)] = 5,
    json: common.Json = False,
) -> None:
    """List the concepts nearest to a text, or to one of the gallery's own concepts.

    The text's vector is compared as CLIP was trained to, by the plain cosine; a concept's as a
    decoder does, by the cosine after the gallery's centre was taken off.
    """
    from saccade.models.galleries import search as exact
    from saccade.realtime.errors import ConfigError

    if (text is None) == (name is None):
        raise ConfigError("say what to look for: either a text or --name CONCEPT, not both")
    if text is not None and index is not None:
        raise ConfigError("--index would change nothing with a text, which is searched exactly")
    stored = _stored(file, names, backbone, weights, kind)
    held = stored.gallery
    count = min(top, len(held))
    if name is None:
        query = _text_vector(text or "", stored, weights_file, device)
        hits = exact.search(_unit(held.vectors), query, count)
    else:
        if weights_file is not None or device is not None:
            raise ConfigError("--weights-file and --device would change nothing with --name")
        hits = _like(held, held.row(name), min(count, len(held) - 1), index)
    found = [
        {"row": int(row), "name": held.names[row], "cosine": float(score)}
        for row, score in zip(hits.rows[0], hits.scores[0], strict=True)
    ]
    if json:
        common.emit({"query": name or text, "gallery": len(held), "hits": found})
        return
    for hit in found:
        typer.echo(f"{hit['cosine']:+.3f}  {hit['name']}")


def _like(held: Gallery, row: int, count: int, index: Path | None) -> Hits:
    """Return the concepts nearest to one, without itself: exactly, or by an index."""
    from saccade.models.galleries import index_store
    from saccade.models.galleries import search as exact

    centred = held.centred()
    query = centred[row : row + 1]
    if index is None:
        hits = exact.search(centred, query, count + 1)
    else:
        hits = index_store.load(index, centred).search(query, count + 1)
    others = hits.rows[0] != row
    return exact.Hits(hits.rows[:, others][:, :count], hits.scores[:, others][:, :count])


def _text_vector(
    text: str, stored: StoredGallery, weights_file: Path | None, device: str | None
) -> Float32:
    """Return the vector of a text in the gallery's space, (1, D), of unit length."""
    from saccade.models.galleries.clip import Clip, ClipSettings
    from saccade.models.galleries.gallery import UNKNOWN
    from saccade.realtime.errors import GalleryError

    held, whitening = stored.gallery, stored.whitening
    if held.simulated or UNKNOWN in (held.backbone, held.weights):
        raise GalleryError(
            f"a text is looked for with the model that made the gallery, but that is "
            f"{held.backbone}/{held.weights}: name it with --backbone and --weights if it was "
            "another one, or look for a concept with --name"
        )
    if held.projection and (whitening is None or held.projection != whitening.label):
        raise GalleryError(
            f"a text can't be brought into this gallery's space ({held.projection}): search the "
            "gallery it was made of, or look for a concept with --name"
        )
    tag = None if held.weights.startswith("sha256:") else held.weights
    settings = ClipSettings(held.backbone, tag, weights_file=weights_file, device=device)
    common.say(f"saccade: loading {held.backbone}, whose weights are downloaded if not here")
    model = Clip(settings)
    if tag is None and model.weights != held.weights:
        raise GalleryError(
            f"the gallery was made with weights {held.weights}, but {weights_file} is "
            f"{model.weights}: use the file it was made with"
        )
    vector = model.texts([text])
    return vector if whitening is None else _unit(whitening.apply(vector))


def _unit(vectors: Float32) -> NDArray[np.float32]:
    import numpy as np

    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def _stored(
    file: Path | None,
    names: Path | None,
    backbone: str | None,
    weights: str | None,
    kind: str | None,
) -> StoredGallery:
    """Return the gallery that flags name."""
    from saccade.cli import configuration
    from saccade.cli.galleries import stored_of

    flags: dict[str, Any] = {
        "gallery.vectors": file,
        "gallery.names": names,
        "gallery.backbone": backbone,
        "gallery.weights": weights,
        "gallery.kind": kind,
    }
    return stored_of(configuration.load(None, flags).config.gallery)
