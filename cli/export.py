"""``saccade export``: a trained encoder and a gallery become a decoder that can run live."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli import common, datasets

if TYPE_CHECKING:
    from saccade.cli.sections import Config
    from saccade.models.data.recorded_epochs import RecordedEpochs
    from saccade.models.decoders.decoder_file import DecoderFile
    from saccade.models.training.encoder_parts import EncoderFile

Unseen = Annotated[
    bool, typer.Option("--unseen", help="Only concepts that the encoder was not trained on.")
]


def export(
    file: Annotated[Path, typer.Argument(help="What training left (*.encoder).")],
    out: Annotated[Path, typer.Option("--out", help="The decoder file to write (*.saccade).")],
    gallery: common.Gallery = None,
    gallery_names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    level: datasets.Levels = None,
    unseen: Unseen = False,
    subject: Annotated[
        str | None, typer.Option(help="Whom it is for; otherwise the only one, or strangers.")
    ] = None,
    calibrate_on: Annotated[
        list[Path] | None,
        typer.Option(
            "--calibrate-on",
            help="Sessions (.npz) of who will use it: their noise, temperature and figures.",
        ),
    ] = None,
    align: Annotated[
        str | None,
        typer.Option(
            help="Learn this of them instead: euclidean, whitening, procrustes or linear; or "
            "euclidean and another, by commas."
        ),
    ] = None,
    online: Annotated[
        str | None,
        typer.Option(help="Learn this in each session, without labels: whitening or euclidean."),
    ] = None,
    after: Annotated[
        int | None, typer.Option(help="With --online: from the first so many good epochs.", min=2)
    ] = None,
    running: Annotated[
        str | None,
        typer.Option(help="Follow this throughout each session: signal, mean, or both by commas."),
    ] = None,
    memory: Annotated[
        float | None, typer.Option(help="With --running: over so many good epochs.", min=10)
    ] = None,
    sfreq: Annotated[
        float | None,
        typer.Option(help="Rate of the stream, Hz, where the data went through no pipeline."),
    ] = None,
    unit: common.Unit = None,
    trust_pickle: datasets.TrustPickle = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file.")] = False,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Make a decoder of an encoder: for a person, a gallery and a stream."""
    from saccade.cli import aligning, configuration, decoder_target, trial_sources
    from saccade.cli.targets import bank_for, gallery_for
    from saccade.cli.targets import unseen as only_unseen
    from saccade.models.decoders import decoder_file
    from saccade.models.training import encoder_file
    from saccade.models.training.encoder_export import make_decoder
    from saccade.models.training.encoder_fit import fitting
    from saccade.models.training.encoder_parts import check_gallery

    decoder_target.check_target(out, overwrite=overwrite)
    kinds = aligning.kinds_of(align, trials=bool(calibrate_on))
    learned_online = aligning.online_of(online, after, kinds)
    parts = aligning.parts_of(running, memory, online, trials=bool(calibrate_on))
    loaded = configuration.load(
        config,
        {
            "gallery.vectors": gallery,
            "gallery.names": gallery_names,
            "gallery.backbone": backbone,
            "gallery.weights": weights,
            "gallery.kind": kind,
            "stream.sfreq": sfreq,
            "stream.unit": unit,
        },
        override or (),
    )
    encoder = encoder_file.load(file)
    whole = gallery_for(loaded.config)
    check_gallery(encoder.about.targets, whole)
    training = encoder.about.training
    known = training.concepts + training.validation_concepts
    concepts = only_unseen(whole, known) if unseen else whole
    way = None
    if encoder.about.recorded is None:
        learned = configuration.LEARNED_KEYS
        loaded.refuse(learned, "a recording teaches it: saccade calibrate, or train --recording")
        way = _configured(encoder, loaded.config)
    else:
        keys = ("stream.", "pipeline.", "epochs.", "markers.")
        loaded.refuse(keys, "the encoder's epochs came through a pipeline, which it brings")
    trials = None
    if calibrate_on:
        wanted = datasets.Wanted(trials=calibrate_on)
        through = way or encoder.about.recorded
        dataset = trial_sources.open_data(wanted, loaded.config, "test", way=through)
        trials = fitting(dataset.signals, encoder.about.signals)
    wanted_levels = encoder.about.targets.levels
    made = make_decoder(
        encoder,
        concepts,
        way,
        subject=subject,
        versions=bank_for(level, whole, concepts, wanted_levels, trust_pickle=trust_pickle),
        trials=None if kinds else trials,
    )
    if trials is not None:
        made = aligning.aligned(made, trials, kinds)
    if learned_online is not None:
        made = dataclasses.replace(made, online=learned_online)
    if parts:
        made = aligning.following(made, trials, parts, memory)
    decoder_file.save(made, out, overwrite=overwrite)
    if json:
        about = {key: value for key, value in made.calibration.items() if key != "trained_on"}
        facts = {"decoder": str(out), "gallery": len(made.gallery), "simulated": made.simulated}
        if made.online is not None:
            facts["online"] = dataclasses.asdict(made.online)
        common.emit(facts | about)
        return
    for line in _lines(made):
        typer.echo(line)
    typer.echo(f"wrote {out}")


def _configured(encoder: EncoderFile, settings: Config) -> RecordedEpochs | None:
    """Return the way from stream to epochs that the configuration describes; None without a rate.

    Raises
    ------
    ConfigError
        If a block or window can't work on the stream.
    """
    from saccade.calibration.recorded import epochs_to_spec
    from saccade.cli import fitting
    from saccade.models.data.recorded_epochs import RecordedEpochs
    from saccade.models.decoders.manifest import InputSignature
    from saccade.realtime.blocks.units import MICROVOLT
    from saccade.realtime.errors import SignatureMismatch
    from saccade.realtime.pipeline import Pipeline, to_spec
    from saccade.realtime.types import StreamSpec

    signals, sfreq = encoder.about.signals, settings.stream.sfreq
    if signals.modality == "fmri":
        raise SignatureMismatch("fMRI comes too late to be decoded live: use saccade evaluate")
    if sfreq is None:
        return None
    n = len(signals.ch_names)
    stream = StreamSpec(
        name="as configured",
        sfreq=sfreq,
        ch_names=signals.ch_names,
        ch_types=(signals.modality,) * n,
        units=(settings.stream.unit or MICROVOLT,) * n,
    )
    chosen = settings.model_copy(
        update={
            "pipeline": settings.pipeline.model_copy(
                update={"channels": settings.pipeline.channels or signals.ch_names}
            )
        }
    )
    chain = fitting.pipeline_settings(chosen, stream, None)
    pipeline = Pipeline(chain)
    out = pipeline.reset(stream)
    return RecordedEpochs(
        input=InputSignature(
            stream.ch_names, stream.ch_types, stream.units, "as configured", stream.sfreq
        ),
        working_sfreq=out.sfreq,
        pipeline=to_spec(chain),
        epochs=epochs_to_spec(fitting.epoch_settings(chosen)),
        labels=dict(settings.markers.labels),
        delay_ms=pipeline.delay_ms(),
        settling_s=pipeline.settling_s,
    )


def _lines(decoder: DecoderFile) -> list[str]:
    """Return what the decoder is, in words."""
    from saccade.cli.aligning import alignment_lines

    c, gallery = decoder.calibration, decoder.gallery
    chain = " → ".join(block["block"] for block in decoder.pipeline["blocks"])
    lines = [
        f"encoder      {decoder.encoder.architecture}, for {c['subject']}, trained on "
        f"{c['trials']} trials of {len(c['subjects'])} people",
        f"pipeline     {chain}: {c['delay_ms_at_10_hz']:.0f} ms late at 10 Hz",
        f"gallery      {len(gallery)} concepts, {gallery.kind}, "
        f"{gallery.backbone}/{gallery.weights}" + _projected(gallery.projection),
        f"judged on    {_judged(c.get('figures'))}",
        *alignment_lines(decoder),
    ]
    return [*lines, "SIMULATED    no person, or no CLIP"] if decoder.simulated else lines


def _judged(figures: dict[str, Any] | None) -> str:
    from saccade.cli.closing import accuracy_line

    if figures is None:
        return "nothing since it was aligned: saccade evaluate, on further trials"
    how = {
        "concept": "validation concepts, not trained on",
        "time": "the last trials of training, not trained on",
        "own trials": "the trials its noise and temperature are from",
        "adaptation": "trials its alignment was not learned from, only by how much it is held back",
    }[figures["split"]]
    return f"{accuracy_line(figures)} ({how})"


def _projected(projection: str) -> str:
    return f", projected: {projection}" if projection else ""
