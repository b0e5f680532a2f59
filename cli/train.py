"""``saccade train``: an encoder from a data set, from own sessions, or from the simulated subject.

Concurrent activities: none in one process. Under ``torchrun``, or with ``--devices`` above 1, every
process runs all of this and takes its share of each batch; the first alone prints and writes.
"""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli import common, datasets

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from saccade.models.training.encoder_parts import EncoderFile
    from saccade.models.training.train import Pass


def train(
    encoder: Annotated[str, typer.Option("--encoder", help="ridge, atms, ubp, neurobridge, …")],
    out: Annotated[Path, typer.Option("--out", help="The encoder's file to write (*.encoder).")],
    data: datasets.Data = None,
    layout: datasets.LayoutName = None,
    subjects: datasets.Subjects = None,
    images: datasets.Images = None,
    trust_pickle: datasets.TrustPickle = False,
    trials: datasets.TrialFiles = None,
    recording: datasets.Recordings = None,
    simulated: datasets.Simulated = False,
    effect: datasets.Effect = None,
    soa: datasets.Soa = None,
    train_trials: datasets.TrainTrials = None,
    test_trials: datasets.TestTrials = None,
    held_out: datasets.HeldOut = None,
    artifacts: datasets.Artifacts = None,
    person: datasets.Person = None,
    targets: Annotated[
        Path | None,
        typer.Option("--targets", help="Gallery (.gallery), or features in the images' order."),
    ] = None,
    gallery_names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    level: datasets.Levels = None,
    exclude: Annotated[
        list[Path] | None,
        typer.Option("--exclude", help="A test gallery, whose concepts nothing is learned from."),
    ] = None,
    leave_out: Annotated[
        str | None, typer.Option("--leave-out", help="People to leave out, by commas.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", help="A setting of the encoder, as epochs=20; may be repeated."),
    ] = None,
    repetitions: Annotated[
        str | None, typer.Option(help="Learn from single trials, average, or random averages.")
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="End after so many minutes of processor time.", min=0)
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything that is drawn.", min=0)] = None,
    precision: Annotated[str | None, typer.Option(help="32-true, bf16-mixed or 16-mixed.")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option("--checkpoint", help="Kept after each pass; if it is there, goes on from it."),
    ] = None,
    curves: Annotated[
        Path | None, typer.Option("--curves", help="Learning curves as PREFIX.csv and PREFIX.png.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or mps.")] = "auto",
    devices: Annotated[
        int | None, typer.Option(help="How many of them on each computer.", min=1)
    ] = None,
    nodes: Annotated[int | None, typer.Option(help="How many computers.", min=1)] = None,
    strategy: Annotated[str, typer.Option(help="Of Lightning Fabric, as ddp.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    label: common.Labels = None,
    unit: common.Unit = None,
    sfreq: common.Sfreq = None,
    ch_names: common.ChNames = None,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Train an encoder; what it leaves becomes decoders with saccade export."""
    wanted = datasets.Wanted(
        data, layout, None, subjects, images, trust_pickle, trials, recording, simulated,
        effect, soa, train_trials, test_trials, held_out, artifacts, person,
    )  # fmt: skip
    source = datasets.check(wanted)
    settings = datasets.settings_for(
        source,
        config,
        {
            "stream.unit": unit,
            "stream.sfreq": sfreq,
            "stream.ch_names": common.listed(ch_names),
            "markers.labels": common.label_map(label),
            "gallery.vectors": targets,
            "gallery.names": gallery_names,
            "gallery.backbone": backbone,
            "gallery.weights": weights,
            "gallery.kind": kind,
        },
        override,
    ).config

    from saccade.cli import trial_sources
    from saccade.cli.targets import gallery_for, versions_for
    from saccade.models.encoders.network import SHARP
    from saccade.models.targets.sources import Targets
    from saccade.models.targets.sources import targets as make_targets
    from saccade.models.training import encoder_file, encoder_training

    encoder_file.check_target(out, overwrite=overwrite)
    _check_folder(curves, "--curves")
    family = _family(encoder, option)
    network = hasattr(family, "tower")
    recipe = {
        "repetitions": repetitions,
        "budget_core_s": None if budget is None else 60 * budget,
        "seed": seed,
        "precision": precision,
    }
    if network:
        family = _with_flags(family, option, recipe)
    else:
        flags = {
            "--repetitions": repetitions == "random",
            "--budget": budget,
            "--seed": seed,
            "--precision": precision,
            "--checkpoint": checkpoint,
            "--curves": curves,
            "--level": level,
        }
        _refuse_useless(encoder, [flag for flag, value in flags.items() if value])
    forbidden = [name for path in exclude or () for name in _concepts(path)]
    levels = family.levels() if network else (SHARP,)
    dataset = trial_sources.open_data(wanted, settings, "train")
    names = dataset.signals.table.image_names
    gallery = gallery_for(settings, names, trust_pickle=trust_pickle)
    versions = versions_for(level, gallery, names, trust_pickle=trust_pickle)
    forbidden += trial_sources.test_concepts(wanted)
    fabric = (
        _fabric(device, devices, nodes, strategy, family.settings.precision) if network else None
    )
    first = fabric is None or fabric.is_global_zero

    def targets_of(table: Any) -> Targets:
        own_seed = getattr(family.settings, "seed", 0)
        return make_targets(table, gallery, levels, versions or None, own_seed)

    with _told(family.settings, checkpoint, draw=first and not json) as on_pass:
        made = encoder_training.train_encoder(
            encoder,
            family,
            dataset.signals,
            targets_of,
            dataset.origin,
            exclude=forbidden,
            leave_out=common.listed(leave_out) or (),
            repetitions=repetitions or "single",
            fabric=fabric,
            checkpoint=checkpoint,
            on_pass=on_pass,
        )
    if not first:
        return
    encoder_file.save(made, out, overwrite=overwrite)
    if curves is not None:
        from saccade.models.training.curves import write_curves

        training = made.about.training
        title = f"{encoder}, {dataset.name}" + (" (SIMULATED)" if made.about.simulated else "")
        write_curves(training.history, training.best, curves, title=title)
    result = _result(made, out, dataset.name, len(forbidden))
    if json:
        common.emit(result)
        return
    for line in _lines(made, result):
        typer.echo(line)


def _family(name: str, options: list[str] | None) -> Any:
    """Return the encoder's family with its settings.

    Raises
    ------
    ConfigError
        If there is none of that name, or it has no such setting.
    """
    from saccade.realtime import registry
    from saccade.realtime.errors import ConfigError

    made = registry.load("saccade.encoders", name)
    values: dict[str, Any] = {}
    for text in options or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"--option should be SETTING=VALUE, as epochs=20, not {text!r}")
        try:
            values[key] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            values[key] = None if value == "none" else value
    kind = type(made().settings)
    return made(registry.build_settings(kind, values, f"the settings of {name}"))


def _with_flags(family: Any, options: list[str] | None, flags: dict[str, Any]) -> Any:
    """Return a network's family with those of its recipe's settings that have flags of their own.

    Raises
    ------
    ConfigError
        If one is given by ``--option`` too.
    """
    import dataclasses

    from saccade.realtime.errors import ConfigError

    given = {key: value for key, value in flags.items() if value is not None}
    twice = sorted(given.keys() & {text.partition("=")[0] for text in options or ()})
    if twice:
        raise ConfigError(f"{', '.join(twice)} came by --option and by a flag: give it once")
    return type(family)(dataclasses.replace(family.settings, **given))


def _refuse_useless(encoder: str, flags: list[str]) -> None:
    """Refuse flags that change nothing for an encoder that is fitted in closed form."""
    from saccade.realtime.errors import ConfigError

    if flags:
        raise ConfigError(
            f"{', '.join(flags)} would change nothing: {encoder} is fitted in one step"
        )


def _check_folder(path: Path | None, flag: str) -> None:
    from saccade.realtime.errors import ConfigError

    if path is not None and not path.absolute().parent.is_dir():
        raise ConfigError(f"{flag} is to lie in {path.parent}, which is no folder: make it")


def _concepts(path: Path) -> tuple[str, ...]:
    """Return the names in a gallery's file, or in a list of names."""
    from saccade.cli.galleries import stored_of
    from saccade.cli.sections import GallerySection
    from saccade.models.galleries.gallery_files import read_names

    if path.suffix == ".txt":
        return tuple(read_names(path))
    return stored_of(GallerySection(vectors=path)).gallery.names


def _fabric(
    device: str, devices: int | None, nodes: int | None, strategy: str, precision: Any
) -> Fabric:
    """Return where to compute; under torchrun, as it has been started.

    Raises
    ------
    ConfigError
        If Lightning Fabric refuses the combination.
    """
    from lightning_fabric import Fabric

    from saccade.realtime.errors import ConfigError

    started = "LOCAL_WORLD_SIZE" in os.environ  # by torchrun, which says how many there are
    here = int(os.environ["LOCAL_WORLD_SIZE"]) if started else 1
    computers = int(os.environ["WORLD_SIZE"]) // here if started else 1
    try:
        return Fabric(
            accelerator=device,
            devices=devices or here,
            num_nodes=nodes or computers,
            strategy=strategy,
            precision=precision,
        )
    except (ValueError, RuntimeError, TypeError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise ConfigError(f"Lightning Fabric can't do that: {lines[0]}") from error


@contextlib.contextmanager
def _told(
    settings: Any, checkpoint: Path | None, *, draw: bool
) -> Iterator[Callable[[Pass], None]]:
    """Show how training goes, and say how to go on if it is interrupted."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    epochs = getattr(settings, "epochs", 1)
    budget = getattr(settings, "budget_core_s", None)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[said]}"),
        TimeElapsedColumn(),
    )
    newest: list[Pass] = []
    with Progress(
        *columns, console=console, disable=not (draw and console.is_terminal), transient=True
    ) as progress:
        task = progress.add_task("training", total=1.0, said="")

        def on_pass(done: Pass) -> None:
            newest[:] = [done]
            share = done.number / epochs
            if budget is not None:
                share = max(share, done.spent_core_s / budget)
            said = f"pass {done.number}, {done.bits:.2f} bits, top-1 {done.top1:.1%} (validation)"
            progress.update(task, completed=min(share, 1.0), said=said)

        try:
            yield on_pass
        except KeyboardInterrupt:
            progress.stop()
            passes = newest[0].number if newest else 0
            how = (
                f"{checkpoint} keeps what was learned: the same command goes on from there"
                if checkpoint is not None and checkpoint.exists()
                else "nothing was written; with --checkpoint FILE it could go on"
            )
            common.say(f"saccade: stopped after pass {passes}; {how}")
            raise typer.Exit(130) from None


def _result(made: EncoderFile, out: Path, data: str, n_excluded: int) -> dict[str, Any]:
    about, training = made.about, made.about.training
    spent = training.history[-1]["spent_core_s"] if training.history else None
    return {
        "encoder": str(out),
        "architecture": about.architecture,
        "data": data,
        "parameters": made.n_parameters,
        "passes": len(training.history),
        "best": training.best,
        "core_s": spent,
        "trials": about.signals.n_trials,
        "subjects": list(about.signals.subjects),
        "concepts": len(training.concepts),
        "validation_concepts": len(training.validation_concepts),
        "excluded_concepts": n_excluded,
        "targets": f"{about.targets.backbone}/{about.targets.weights}, {about.targets.kind}",
        "levels": list(about.targets.levels),
        "levels_on_embeddings": about.targets.on_embeddings,
        "validation": training.figures,
        "simulated": about.simulated,
    }


def _lines(made: EncoderFile, result: dict[str, Any]) -> list[str]:
    """Return how training went, in words."""
    from saccade.cli.closing import accuracy_line

    about, training = made.about, made.about.training
    levels = ", ".join(about.targets.levels)
    stand_in = ", made on embeddings, not on pictures" if about.targets.on_embeddings else ""
    passes = (
        f"{result['passes']} passes in {result['core_s']:.0f} core-s, number {training.best} kept"
        if training.history
        else "fitted in one step"
    )
    concept = training.figures["split"] == "concept"
    how = "concepts not trained on" if concept else "the last trials, not trained on"
    averaged = training.figures["averaged"]
    of = "" if averaged == 1 else f" of averages of {averaged}: NOT single trials"
    lines = [
        f"encoder      {about.architecture}, {made.n_parameters} parameters, "
        f"{len(about.signals.ch_names)} channels × {about.signals.n_times} samples at "
        f"{about.signals.sfreq:g} Hz",
        f"trials       {about.signals.n_trials} of {len(about.signals.subjects)} people; "
        f"{len(training.concepts)} concepts trained on, {len(training.validation_concepts)} for "
        f"validation, {result['excluded_concepts']} kept out",
        f"targets      {result['targets']}; levels {levels}{stand_in}",
        f"training     {passes}",
        f"validation   {accuracy_line(training.figures)}; {training.figures['bits']:.2f} bits "
        f"({how}){of}",
    ]
    lines += ["SIMULATED    no person, or no CLIP"] if about.simulated else []
    return [*lines, f"wrote {result['encoder']}"]
