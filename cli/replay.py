"""``saccade replay``: a recording as LSL streams, or decoded in process.

Concurrent activities when publishing: this thread reads, waits for each sample's time and pushes;
liblsl sends from threads of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from saccade.cli import common

if TYPE_CHECKING:
    from saccade.realtime.sources.file import FileSource


def replay(
    file: Annotated[Path, typer.Argument(help="The recording (.csv, .npz).")],
    decoder: Annotated[
        Path | None, typer.Option("--decoder", help="Decode in process, as fast as possible.")
    ] = None,
    info: Annotated[bool, typer.Option("--info", help="Say what is in the file, no more.")] = False,
    speed: Annotated[
        float, typer.Option(help="Seconds of recording per second, when publishing.", min=0.01)
    ] = 1.0,
    name: Annotated[
        str | None, typer.Option(help="Name of the EEG stream; NAME-markers is the other one.")
    ] = None,
    wait: Annotated[
        float | None, typer.Option(help="Wait so many seconds for a reader of both.", min=0)
    ] = None,
    unit: common.Unit = None,
    sfreq: common.Sfreq = None,
    ch_names: common.ChNames = None,
    label: common.Labels = None,
    decode_rejected: Annotated[
        bool, typer.Option("--decode-rejected", help="Decode rejected epochs too, counted apart.")
    ] = False,
    log: Annotated[Path | None, typer.Option(help="Write a JSONL log to this new file.")] = None,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Publish a recording as LSL streams, or decode it in process."""
    from saccade.cli import configuration
    from saccade.realtime.sources.file import FileSource, FileSourceSettings

    loaded = configuration.load(
        config,
        {
            "stream.unit": unit,
            "stream.sfreq": sfreq,
            "stream.ch_names": common.listed(ch_names),
            "markers.labels": common.label_map(label),
            "output.log": log,
            "output.lsl": False,
        },
        override or (),
    )
    settings = loaded.config
    source = FileSource(
        FileSourceSettings(
            file, settings.stream.unit, settings.stream.sfreq, settings.stream.ch_names
        )
    )
    if info:
        _info(source, as_json=json)
    elif decoder is not None:
        loaded.refuse(configuration.OF_THE_DECODER, "the decoder file brings its own")
        from saccade.cli import wiring
        from saccade.models.decoders import decoder_file

        session = wiring.Session(
            decoder_file.load(decoder), source, settings, decode_rejected=decode_rejected
        )
        with common.stop_signals() as stop:
            session.start()
            summary = session.run(lambda _: stop.is_set())
        known = {run.get("sha256") for run in session.file.calibration.get("sources", ())}
        summary["trained_on"] = source.sha256 in known
        common.report(summary, as_json=json)
    else:
        from saccade.cli.publishing import publish

        publish(source, name or file.stem, speed, wait, simulated=False, as_json=json)


def _info(source: FileSource, *, as_json: bool) -> None:
    """Say what is in the file, and whether its time stamps keep step."""
    import numpy as np

    from saccade.realtime.sources.recording import read_recording

    s = source.settings
    recording = read_recording(s.path, s.sfreq, s.ch_names)
    spec, steps = recording.spec, np.diff(recording.stamps)
    values: dict[str, int] = {}
    for marker in recording.markers:
        values[marker.value] = values.get(marker.value, 0) + 1
    span_s = float(recording.stamps[-1] - recording.stamps[0])
    facts = {
        "file": s.path.name,
        "samples": len(recording.data),
        "duration_s": round(span_s, 3),
        "sfreq": spec.sfreq,
        "effective_sfreq": round((len(recording.data) - 1) / span_s, 3) if span_s > 0 else None,
        "channels": dict(zip(spec.ch_names, spec.ch_types, strict=True)),
        "unit": spec.units[0] or None,
        "markers": dict(sorted(values.items())),
        "steps_back": int((steps < 0).sum()),
        "longest_step_ms": round(1e3 * float(steps.max()), 3),
        "not_finite": int((~np.isfinite(recording.data)).sum()),
    }
    if as_json:
        common.emit(facts)
        return
    for key, value in facts.items():
        typer.echo(f"{key.replace('_', ' '):<16} {common.in_words(value)}")
