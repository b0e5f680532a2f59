"""``saccade calibrate``: from a session, or from recordings of one, to a decoder file.

The flags stand here; what is done is in :mod:`saccade.cli.calibration_fit` for recordings and in
:mod:`saccade.cli.calibrate_live` for a session, which ends in the former.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from saccade.cli import common

OF_SESSIONS = ("protocol", "session", "trials", "auto", "simulated", "speed", "windowed", "screen")
OF_DECODERS = (
    *("out", "overwrite", "accept", "save_trials", "protocol", "session", "trials", "auto"),
    "recording",
)
OF_TIMING = ("photodiode", "flashes")
OF_RECORDINGS = ("stream_id", "sfreq")


def calibrate(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--out", help="The decoder file to write (*.saccade).")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the decoder file if it is there.")
    ] = False,
    accept: Annotated[
        bool, typer.Option("--accept", help="Write it even if it is worth nothing.")
    ] = False,
    protocol: Annotated[
        str | None,
        typer.Option(help="rsvp (the default), single, demo, external, or a TOML file."),
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="How many pictures; the protocol says otherwise.", min=1)
    ] = None,
    session: Annotated[
        Path | None,
        typer.Option(help="Folder of the session; one that was broken off goes on, as begun."),
    ] = None,
    auto: Annotated[
        bool, typer.Option("--auto", help="Ask nobody: do what the verdict says.")
    ] = False,
    simulated: Annotated[
        bool, typer.Option("--simulated", help="With a simulated subject, of --seed.")
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(help="With --simulated: seconds of session per second.", min=0.01),
    ] = None,
    windowed: Annotated[
        bool, typer.Option("--windowed", help="Show pictures in a window, to try it.")
    ] = False,
    screen: Annotated[
        int | None, typer.Option(help="Show them on this screen; 0 is the first.", min=0)
    ] = None,
    timing_test: Annotated[
        bool,
        typer.Option("--timing-test", help="Instead: measure with a photodiode when light comes."),
    ] = False,
    photodiode: Annotated[
        str | None, typer.Option(help="With --timing-test: the channel that sees the light.")
    ] = None,
    flashes: Annotated[
        int, typer.Option(help="With --timing-test: how many flashes.", min=20)
    ] = 200,
    recording: Annotated[
        list[Path] | None,
        typer.Option(
            "--recording", help="Instead of a session: a recording; repeat, in the order of time."
        ),
    ] = None,
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
    encoder: Annotated[
        str | None, typer.Option(help="ridge, eegproject, …; or auto: what validation speaks for.")
    ] = None,
    pretrained: Annotated[
        Path | None,
        typer.Option(help="Other people's decoder or encoder, to start from, as a candidate."),
    ] = None,
    budget: Annotated[
        float | None, typer.Option(help="Minutes for deep networks as candidates, too.", min=0)
    ] = None,
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
    running: Annotated[
        str | None,
        typer.Option(help="Let the decoder follow its user's drift: signal, mean, or both."),
    ] = None,
    memory: Annotated[
        float | None, typer.Option(help="With --running: over so many good epochs.", min=10)
    ] = None,
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
    """Calibrate: show pictures, record, and make a decoder; or make one of --recording."""
    from saccade.cli import configuration, session_given

    begun = None if recording or timing_test else session_given.begun_in(session)
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
            "calibration.pretrained": pretrained,
            "calibration.budget_min": budget,
            "calibration.folds": folds,
            "calibration.seed": seed,
            "calibration.running": common.listed(running),
            "calibration.memory_trials": memory,
        },
        override or (),
        session_given.settings_of(begun),
    )

    if timing_test:
        common.refuse_given(context, OF_DECODERS, "--timing-test makes no decoder")
        loaded.refuse(configuration.NOT_OF_TIMING, "--timing-test makes no decoder")
        from saccade.cli import timing_test as timing

        timing_asked = timing.Asked(
            photodiode=photodiode,
            flashes=flashes,
            screen=screen or 0,
            windowed=windowed,
            simulated=simulated,
            speed=1.0 if speed is None else speed,
            as_json=json,
        )
        timing.run(timing_asked, loaded.config)
        return
    common.refuse_given(context, OF_TIMING, "it is for --timing-test")
    from saccade.cli import decoder_target

    out = decoder_target.named(out or session_given.out_of(begun))
    decoder_target.check_target(out, overwrite=overwrite)
    if save_trials is not None:
        decoder_target.check_trials(save_trials)
    from saccade.cli.calibration_fit import Output, from_recordings

    output = Output(out, overwrite=overwrite, accept=accept, trials=save_trials, as_json=json)
    if recording:
        common.refuse_given(context, OF_SESSIONS, "--recording is of a session that is over")
        from_recordings(recording, loaded, output, stream_id)
        return
    common.refuse_given(context, OF_RECORDINGS, "a live stream says it itself")
    from saccade.cli.calibrate_live import calibrate_live

    asked = session_given.asked(
        begun,
        protocol=protocol,
        trials=trials,
        folder=session,
        auto=auto,
        simulated=simulated,
        speed=speed,
        windowed=windowed,
        screen=screen,
    )
    calibrate_live(asked, loaded, output)
