"""``saccade gallery build``: from names, images or existing embeddings to one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from saccade.cli import common

if TYPE_CHECKING:
    from saccade.models.galleries.clip import Clip, Resize
    from saccade.models.galleries.gallery import Gallery
    from saccade.models.galleries.gallery_plan import Plan
    from saccade.models.galleries.gallery_whitening import GalleryWhitening

BATCH = 64
USED_WITH = {  # which flags change something, by what a gallery is built from
    "--names": {"--template", "--weights-file", "--batch", "--device"},
    "--images": {"--resize", "--corrupt", "--weights-file", "--batch", "--device"},
    "--vectors": {"--names"},
}


def build(
    out: Annotated[Path, typer.Argument(help="The file to write (.gallery).")],
    names: Annotated[
        Path | None, typer.Option("--names", help="Names of concepts, one a line (.txt).")
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option("--images", help="A folder with a folder of images for each concept."),
    ] = None,
    vectors: Annotated[
        Path | None,
        typer.Option("--vectors", help="Existing embeddings (.npy) of the concepts in --names."),
    ] = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    weights_file: common.WeightsFile = None,
    kind: common.Kind = None,
    template: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            help="A sentence with {} for the name, instead of ImageNet's 80; may be repeated.",
        ),
    ] = None,
    resize: Annotated[
        str | None,
        typer.Option("--resize", help="How images are brought to size: shortest, longest, squash."),
    ] = None,
    corrupt: Annotated[
        str | None,
        typer.Option(
            "--corrupt",
            help="Make images worse first: foveal-51, gauss-15, noise-25, lowres-0.1, mosaic-5, …",
        ),
    ] = None,
    batch: Annotated[
        int | None, typer.Option("--batch", help=f"Encoded at once, {BATCH} if not given.", min=1)
    ] = None,
    device: common.Device = None,
    whiten: Annotated[
        bool, typer.Option("--whiten", help="Make the concepts differ alike in all directions.")
    ] = False,
    whiten_like: Annotated[
        Path | None, typer.Option("--whiten-like", help="Whiten as this gallery was (.gallery).")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file.")] = False,
    json: common.Json = False,
) -> None:
    """Build a gallery from names, from images, or from embeddings made elsewhere.

    A build that was interrupted goes on when the same command is given again.
    """
    from saccade.models.decoders.whole_file import check_new
    from saccade.models.galleries import gallery_store
    from saccade.models.galleries.gallery_whitening import GalleryWhitening
    from saccade.realtime.errors import ConfigError

    _refuse_useless(
        {
            "--images": images,
            "--vectors": vectors,
            "--names": names,
            "--template": template,
            "--resize": resize,
            "--corrupt": corrupt,
            "--weights-file": weights_file,
            "--batch": batch,
            "--device": device,
        }
    )
    if whiten and whiten_like is not None:
        raise ConfigError("--whiten fits a map, --whiten-like takes another's: give one of them")
    check_new(out, gallery_store.SUFFIX, overwrite=overwrite)
    part = out.with_name(f"{out.name}.part")
    if vectors is not None:
        gallery = _from_arrays(vectors, names, backbone, weights, kind)
        whitening = _whitening_of(whiten_like, gallery)
    else:
        plan = _plan(names, images, kind, template, corrupt)
        model = _model(backbone, weights, weights_file, resize, device)
        whitening = _whitening_of(whiten_like, model)  # before hours of encoding
        gallery = _encoded(plan, model, part, batch or BATCH, draw=not json)
    if whiten:
        whitening = GalleryWhitening.fit(gallery)
    about = gallery if whitening is None else whitening.whiten(gallery)
    gallery_store.save(gallery_store.StoredGallery(about, whitening), out, overwrite=overwrite)
    if vectors is None:
        part.unlink()  # not before all is saved
    if json:
        common.emit(about.describe() | {"file": str(out)})
    else:
        typer.echo(f"{out}: {len(about)} concepts, {about.kind}, {about.backbone}/{about.weights}")


def _refuse_useless(flags: dict[str, object]) -> None:
    """Refuse flags that name no source or several, or that change nothing with the one given."""
    from saccade.realtime.errors import ConfigError

    given = [flag for flag, value in flags.items() if value]
    sources = [flag for flag in given if flag in USED_WITH]
    if not sources or sources == ["--vectors"]:
        raise ConfigError(
            f"a gallery is built from --names, from --images, or from --vectors and --names, but "
            f"{' and '.join(sources) or 'none of them'} came: say what to build it from"
        )
    source = sources[0]
    useless = [flag for flag in given if flag != source and flag not in USED_WITH[source]]
    if useless:
        raise ConfigError(f"{', '.join(useless)} would change nothing with {source}: leave it out")
    if {"--corrupt", "--resize"} <= set(given):
        raise ConfigError(
            "--resize would change nothing with --corrupt, which makes images square: leave it out"
        )


def _from_arrays(
    vectors: Path, names: Path | None, backbone: str | None, weights: str | None, kind: str | None
) -> Gallery:
    """Return the gallery in somebody's files; they do not say which model made them."""
    from saccade.cli import configuration
    from saccade.cli.galleries import gallery_of

    flags = {
        "gallery.vectors": vectors,
        "gallery.names": names,
        "gallery.backbone": backbone,
        "gallery.weights": weights,
        "gallery.kind": kind,
    }
    return gallery_of(configuration.load(None, flags).config)


def _plan(
    names: Path | None,
    images: Path | None,
    kind: str | None,
    templates: list[str] | None,
    level: str | None,
) -> Plan:
    """Return what is to be encoded."""
    from saccade.models.galleries import clip, gallery_plan, prompts
    from saccade.models.galleries.gallery_files import read_names
    from saccade.realtime.errors import ConfigError

    kinds = ("text",) if images is None else ("image", "prototype")
    if kind is not None and kind not in kinds:
        raise ConfigError(
            f"--kind is {' or '.join(kinds)} when building from "
            f"{'--names' if images is None else '--images'}, not {kind!r}"
        )
    if images is not None:
        chosen = cast("Literal['image', 'prototype']", kind or "image")
        return gallery_plan.plan_images(images, chosen, level)
    if not templates:
        clip.import_open_clip()
        templates = list(prompts.imagenet_templates())
    path = cast("Path", names)
    return gallery_plan.plan_texts(read_names(path), templates, path.name)


def _model(
    backbone: str | None,
    weights: str | None,
    weights_file: Path | None,
    resize: str | None,
    device: str | None,
) -> Clip:
    """Return the model with its weights."""
    from saccade.models.galleries.clip import Clip, ClipSettings
    from saccade.realtime.errors import ConfigError

    if backbone is None:
        raise ConfigError(
            "a gallery is built by a CLIP model: name it with --backbone, as ViT-B-32, and its "
            "weights with --weights"
        )
    settings = ClipSettings(backbone, weights, weights_file, cast("Resize | None", resize), device)
    common.say(f"saccade: loading {backbone}, whose weights are downloaded if they are not here")
    return Clip(settings)


def _encoded(plan: Plan, model: Clip, part: Path, batch: int, *, draw: bool) -> Gallery:
    """Encode with a progress bar; leave with what is done kept when told to stop."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from saccade.models.galleries import gallery_build

    columns = (*Progress.get_default_columns()[:-1], MofNCompleteColumn(), TimeRemainingColumn())
    with (
        common.stop_signals() as stop,
        Progress(*columns, console=Console(stderr=True), disable=not draw) as progress,
    ):
        task = progress.add_task(f"{model.backbone}/{model.weights}", total=plan.n_items)
        gallery = gallery_build.build(
            plan,
            model,
            part,
            batch=batch,
            progress=lambda n_items: progress.advance(task, n_items),
            stop=stop.is_set,
        )
    if gallery is None:
        common.say(f"saccade: stopped; what is done is kept in {part}, the same command goes on")
        raise typer.Exit(130)
    return gallery


def _whitening_of(path: Path | None, made: Gallery | Clip) -> GalleryWhitening | None:
    """Return the map that a gallery of the same model went through; None without a file."""
    from saccade.models.galleries import gallery_store
    from saccade.realtime.errors import GalleryError

    if path is None:
        return None
    other = gallery_store.load(path)
    if other.whitening is None:
        raise GalleryError(f"{path} was not whitened: leave --whiten-like out")
    if (other.gallery.backbone, other.gallery.weights) != (made.backbone, made.weights):
        raise GalleryError(
            f"{path} is of {other.gallery.backbone}/{other.gallery.weights}, not of "
            f"{made.backbone}/{made.weights}: whiten like a gallery of the same model"
        )
    return other.whitening
