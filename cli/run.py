"""``saccade run``: decode an LSL stream, live.

Concurrent activities: this thread runs the engine's loop, blocks only in the inlet, and draws the
table; liblsl fills inlets and empties outlets in threads of its own; a recording is written by one
more thread (:mod:`saccade.realtime.xdf.background`), and commands are taken by another
(:mod:`saccade.realtime.control.server`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from saccade.cli import common


def run(
    decoder: Annotated[Path, typer.Option("--decoder", help="The decoder file (*.saccade).")],
    stream: Annotated[str | None, typer.Option(help="Name of the EEG stream.")] = None,
    stream_type: Annotated[str | None, typer.Option(help="Its type, as in EEG.")] = None,
    source_id: Annotated[str | None, typer.Option(help="Its source id.")] = None,
    predicate: Annotated[
        str | None, typer.Option(help="XPath on the stream's description, as LSL takes it.")
    ] = None,
    fieldtrip: Annotated[
        str | None,
        typer.Option(help="HOST:PORT of a FieldTrip buffer, to be read instead of an LSL stream."),
    ] = None,
    markers: Annotated[
        list[str] | None,
        typer.Option(help="Name of a marker stream, or type of FieldTrip events; repeatable."),
    ] = None,
    label: common.Labels = None,
    unit: common.Unit = None,
    ch_names: common.ChNames = None,
    gallery: common.Gallery = None,
    gallery_names: common.GalleryNames = None,
    backbone: common.Backbone = None,
    weights: common.Weights = None,
    kind: common.Kind = None,
    duration: Annotated[
        float | None, typer.Option(help="End after this many seconds of signal.", min=0)
    ] = None,
    idle_timeout: Annotated[
        float | None, typer.Option(help="End when nothing has come for so many seconds.", min=0)
    ] = None,
    decode_rejected: Annotated[
        bool, typer.Option("--decode-rejected", help="Decode rejected epochs too, counted apart.")
    ] = False,
    log: Annotated[Path | None, typer.Option(help="Write a JSONL log to this new file.")] = None,
    record: Annotated[
        Path | None, typer.Option(help="Record what comes in and goes out to this new .xdf file.")
    ] = None,
    prefix: Annotated[
        str | None, typer.Option(help="First part of the names of the outgoing streams.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="How many concepts to report.")] = None,
    control: Annotated[
        str | None, typer.Option("--control", help="Take commands (saccade ctl) under this name.")
    ] = None,
    no_control: Annotated[bool, typer.Option("--no-control", help="Take no commands.")] = False,
    decide: common.Decide = None,
    osc: Annotated[
        str | None, typer.Option(help="HOST:PORT to send results to as OSC messages.")
    ] = None,
    udp: Annotated[
        str | None, typer.Option(help="HOST:PORT to send results to as datagrams of JSON.")
    ] = None,
    no_lsl: Annotated[bool, typer.Option("--no-lsl", help="Publish nothing over LSL.")] = False,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Decode a live LSL stream (or FieldTrip buffer) with a decoder file, until Ctrl-C."""
    from saccade.cli import configuration
    from saccade.realtime.errors import ConfigError

    if control is not None and no_control:
        raise ConfigError("--control would change nothing with --no-control: leave one out")
    loaded = configuration.load(
        config,
        {
            "stream.name": stream,
            "stream.type": stream_type,
            "stream.source_id": source_id,
            "stream.predicate": predicate,
            "stream.fieldtrip": fieldtrip,
            "stream.unit": unit,
            "stream.ch_names": common.listed(ch_names),
            "markers.names": tuple(markers or ()),
            "markers.labels": common.label_map(label),
            "gallery.vectors": gallery,
            "gallery.names": gallery_names,
            "gallery.backbone": backbone,
            "gallery.weights": weights,
            "gallery.kind": kind,
            "output.log": log,
            "output.record": record,
            "output.prefix": prefix,
            "output.top_k": top_k,
            "output.lsl": False if no_lsl else None,
            "output.osc": osc,
            "output.udp": udp,
            "decision.mode": decide,
            "control.name": control,
            "control.enabled": False if no_control else None,
        },
        override or (),
    )
    loaded.refuse(configuration.OF_THE_DECODER, "the decoder file brings its own")
    loaded.refuse(("stream.sfreq",), "a live stream says its own rate")
    settings = loaded.config

    from saccade.cli import controlling, wiring
    from saccade.models.decoders import decoder_file
    from saccade.realtime.engine import StepResult

    session = wiring.Session(
        decoder_file.load(decoder),
        wiring.live_source(settings),
        settings,
        decode_rejected=decode_rejected,
        table="" if not json else None,
        record=settings.output.record,
    )
    with controlling.commanded(session, settings) as commands:
        session.start()  # Ctrl-C ends the search for streams at once
        with common.stop_signals() as stop:
            ctl = f"; saccade ctl --session {commands.name}" if commands.name else ""
            common.say(f"saccade: decoding '{session.engine.spec.name}'; Ctrl-C ends it{ctl}")
            despite = session.file.calibration.get("accepted_despite")
            if despite is not None:
                common.say(f"saccade: this decoder was accepted although {despite}")
            over = wiring.until(stop.is_set, session.engine.spec.sfreq, duration, idle_timeout)

            def ended(result: StepResult) -> bool:
                commands.obey()
                return over(result)

            summary = session.run(ended)
    common.report(summary, as_json=json)
