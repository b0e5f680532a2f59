"""``saccade calibrate``: from recordings to a decoder file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from saccade.cli import common


def calibrate(
    recording: Annotated[
        list[Path], typer.Option("--recording", help="A recording; repeat, in the order of time.")
    ],
    out: Annotated[Path, typer.Option("--out", help="The decoder file to write (*.saccade).")],
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the decoder file if it is there.")
    ] = False,
    save_trials: Annotated[
        Path | None,
        typer.Option("--save-trials", help="Keep the epochs for saccade train (new, *.npz)."),
    ] = None,
    label: common.Labels = None,
    gallery: common.Gallery = None,
    gallery_names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    encoder: Annotated[str | None, typer.Option(help="ridge or eegproject.")] = None,
    channels: Annotated[
        str | None, typer.Option(help="Channels to use, by commas; all EEG channels otherwise.")
    ] = None,
    low_hz: Annotated[float | None, typer.Option(help="Lower edge of the band-pass.")] = None,
    high_hz: Annotated[float | None, typer.Option(help="Its upper edge.")] = None,
    order: Annotated[int | None, typer.Option(help="Its order (poles of each edge).")] = None,
    line_hz: Annotated[float | None, typer.Option(help="Notch out 50 or 60 Hz.")] = None,
    bads: Annotated[
        str | None, typer.Option(help="Bad channels, by commas: told from their neighbours.")
    ] = None,
    repair: Annotated[
        str | None, typer.Option(help="auto: find bad channels as they come and go, repair them.")
    ] = None,
    asr: Annotated[
        float | None,
        typer.Option(help="Artifact subspace reconstruction: its cutoff, 5 (much) to 20 (little)."),
    ] = None,
    reference: Annotated[str | None, typer.Option(help="average or none.")] = None,
    resample_hz: Annotated[float | None, typer.Option(help="Rate to work at.")] = None,
    tmin: Annotated[float | None, typer.Option(help="Start of the window, s.")] = None,
    tmax: Annotated[float | None, typer.Option(help="Its end, s.")] = None,
    crop: Annotated[
        tuple[float, float] | None, typer.Option(help="Span that the encoder sees, s.")
    ] = None,
    reject_ptp_uv: Annotated[
        float | None, typer.Option(help="Reject epochs above this peak to peak amplitude, µV.")
    ] = None,
    reject_flat_uv: Annotated[
        float | None, typer.Option(help="Reject epochs with a channel below this amplitude, µV.")
    ] = None,
    potato: Annotated[
        float | None, typer.Option(help="Reject epochs of unusual covariance, beyond this z, as 3.")
    ] = None,
    folds: Annotated[int | None, typer.Option(help="Folds of the cross-validation.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of everything that is drawn.")] = None,
    stream: common.RecordedStream = None,
    stream_type: common.RecordedType = None,
    source_id: common.RecordedSourceId = None,
    stream_id: common.RecordedStreamId = None,
    markers: common.RecordedMarkers = None,
    unit: common.Unit = None,
    sfreq: common.Sfreq = None,
    ch_names: common.ChNames = None,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Make a decoder from recorded calibration runs."""
    from saccade.cli import configuration

    loaded = configuration.load(
        config,
        {
            "stream.name": stream,
            "stream.type": stream_type,
            "stream.source_id": source_id,
            "stream.unit": unit,
            "stream.sfreq": sfreq,
            "stream.ch_names": common.listed(ch_names),
            "markers.names": tuple(markers or ()),
            "markers.labels": common.label_map(label),
            "pipeline.channels": common.listed(channels),
            "pipeline.low_hz": low_hz,
            "pipeline.high_hz": high_hz,
            "pipeline.order": order,
            "pipeline.line_hz": line_hz,
            "pipeline.bads": common.listed(bads),
            "pipeline.repair": repair,
            "pipeline.asr_cutoff": asr,
            "pipeline.reference": reference,
            "pipeline.resample_hz": resample_hz,
            "epochs.tmin_s": tmin,
            "epochs.tmax_s": tmax,
            "epochs.crop_s": crop,
            "epochs.reject_ptp_uv": reject_ptp_uv,
            "epochs.reject_flat_uv": reject_flat_uv,
            "epochs.potato_z": potato,
            "gallery.vectors": gallery,
            "gallery.names": gallery_names,
            "gallery.backbone": backbone,
            "gallery.weights": weights,
            "gallery.kind": kind,
            "calibration.encoder": encoder,
            "calibration.folds": folds,
            "calibration.seed": seed,
        },
        override or (),
    )
    settings = loaded.config

    from saccade.cli import fitting, recorded
    from saccade.models.decoders import decoder_file
    from saccade.realtime.sources.file import FileSource

    check_target(out, overwrite=overwrite)
    if save_trials is not None:
        _check_session(save_trials)
    sources = [FileSource(recorded.file_settings(path, loaded, stream_id)) for path in recording]
    concepts = fitting.checked_gallery(settings)  # before any recording is read
    trials = fitting.trials_from_files(sources, settings)
    made = fitting.decoder_from(trials, concepts, settings)
    decoder_file.save(made, out, overwrite=overwrite)
    if save_trials is not None:
        from saccade.cli import trial_sources

        trial_sources.save_session(trials, save_trials)
    if json:
        common.emit({"decoder": str(out), "simulated": made.simulated} | made.calibration)
        return
    for line in fitting.report_lines(made):
        typer.echo(line)
    typer.echo(f"wrote {out}")


def check_target(out: Path, *, overwrite: bool) -> None:
    """Refuse, before minutes of work, a place where the decoder could not be written."""
    from saccade.realtime.errors import ConfigError

    if out.suffix != ".saccade":
        raise ConfigError(f"--out should end in .saccade, as {out.stem}.saccade, not '{out.name}'")
    if out.is_dir() or (
        out.resolve().parent.is_dir() and not os.access(out.resolve().parent, os.W_OK)
    ):
        raise ConfigError(f"{out} can't be written: it is a folder, or lies in one that is closed")
    if not out.resolve().parent.is_dir():
        raise ConfigError(f"--out is to lie in {out.resolve().parent}, which is no folder: make it")
    if out.exists() and not overwrite:
        raise ConfigError(f"{out} exists: choose another name, or give --overwrite")


def _check_session(path: Path) -> None:
    """Refuse a place where the epochs could not be written; no session is ever replaced."""
    from saccade.realtime.errors import ConfigError

    if path.suffix != ".npz" or path.exists() or not path.absolute().parent.is_dir():
        raise ConfigError(
            f"--save-trials should name a new file that ends in .npz, in a folder, not '{path}'"
        )
