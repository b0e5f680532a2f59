"""``saccade replay``: a recording as LSL streams, decoded in process, or compared with itself.

Concurrent activities when publishing: this thread reads, waits for each sample's time and pushes;
liblsl sends from threads of its own; with ``--interactive`` another thread reads commands. When
decoding there is only this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from saccade.cli import common

if TYPE_CHECKING:
    from saccade.cli.configuration import Loaded
    from saccade.cli.sections import Config
    from saccade.realtime.protocols import Source
    from saccade.realtime.sources.file import FileSource


def replay(
    file: Annotated[
        Path,
        typer.Argument(help="The recording: XDF, FIF, EDF, BDF, BrainVision, SET, GDF, CSV, NPZ."),
    ],
    decoder: Annotated[
        Path | None, typer.Option("--decoder", help="Decode in process, as fast as possible.")
    ] = None,
    info: Annotated[bool, typer.Option("--info", help="Say what is in the file, no more.")] = False,
    start: Annotated[
        float | None, typer.Option(help="Begin so many seconds into the recording.")
    ] = None,
    stop: Annotated[
        float | None, typer.Option(help="End so many seconds into the recording.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="Seconds of recording sent per second; 1 without it.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, for ever.")] = False,
    times: Annotated[
        int | None, typer.Option(help="Send it so many times, one after the other.", min=1)
    ] = None,
    interactive: Annotated[
        bool,
        typer.Option(
            "--interactive",
            help="Obey lines on standard input: pause, resume, seek SECONDS, speed FACTOR, "
            "position, quit.",
        ),
    ] = False,
    name: Annotated[
        str | None, typer.Option(help="Name of the EEG stream; NAME-markers is the other one.")
    ] = None,
    wait: Annotated[
        float | None, typer.Option(help="Wait so many seconds for a reader of both.", min=0)
    ] = None,
    stream: common.RecordedStream = None,
    stream_type: common.RecordedType = None,
    source_id: common.RecordedSourceId = None,
    stream_id: common.RecordedStreamId = None,
    markers: common.RecordedMarkers = None,
    unit: common.Unit = None,
    sfreq: common.Sfreq = None,
    ch_names: common.ChNames = None,
    label: common.Labels = None,
    decode_rejected: Annotated[
        bool, typer.Option("--decode-rejected", help="Decode rejected epochs too, counted apart.")
    ] = False,
    decide: common.Decide = None,
    speed_accuracy: Annotated[
        bool,
        typer.Option(
            "--speed-accuracy",
            help="With --decide: what other thresholds and numbers of epochs would have given.",
        ),
    ] = False,
    log: Annotated[Path | None, typer.Option(help="Write a JSONL log to this new file.")] = None,
    compare: Annotated[
        bool,
        typer.Option(
            "--compare",
            help="Compare with the predictions in the recording; exit 1 if any differs.",
        ),
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="Compare with this log (.jsonl) or recording instead."),
    ] = None,
    config: common.ConfigFile = None,
    override: common.Set = None,
    json: common.Json = False,
) -> None:
    """Publish a recording as LSL streams; or decode it in process, with --decoder."""
    from saccade.cli import configuration, recorded
    from saccade.realtime.replay.tape import Tape
    from saccade.realtime.sources.file import FileSource

    part = {"--start": start is not None, "--stop": stop is not None}
    sending = {
        "--speed": speed is not None,
        "--loop": loop,
        "--times": times is not None,
        "--interactive": interactive,
        "--name": name is not None,
        "--wait": wait is not None,
    }
    comparing = {"--compare": compare, "--against": against is not None}
    decoding = {
        "--label": bool(label),
        "--decode-rejected": decode_rejected,
        "--decide": decide is not None,
        "--speed-accuracy": speed_accuracy,
        "--log": log is not None,
        **comparing,
    }
    if info:
        _refuse(
            {"--decoder": decoder is not None, **part, **sending, **decoding},
            "--info says what is in the file and plays nothing",
        )
    elif decoder is not None:
        _refuse(sending, "with --decoder nothing is sent, and decoded as fast as possible, once")
        if any(comparing.values()):
            _refuse(part, "a session can be compared only as a whole")
            _refuse({"--speed-accuracy": speed_accuracy}, "a comparison is with what was decided")
    else:
        _refuse(decoding, "it is the --decoder that decodes, and none is given")
        if loop:
            _refuse({"--times": times is not None}, "--loop has no end")
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
            "decision.mode": decide,
            "output.log": log,
            "output.lsl": False,
        },
        override or (),
    )
    chosen = recorded.file_settings(file, loaded, stream_id)
    if info:
        from saccade.cli import replay_info

        replay_info.info(chosen, as_json=json)
        return
    source = FileSource(chosen)
    if decoder is None:
        from saccade.cli.publishing import publish

        publish(
            Tape(source, start or 0.0, stop),
            name or file.stem,
            1.0 if speed is None else speed,
            wait,
            simulated=False,
            as_json=json,
            rounds=None if loop else 1 if times is None else times,
            interactive=interactive,
        )
        return
    loaded.refuse(configuration.OF_THE_DECODER, "the decoder file brings its own")
    if any(comparing.values()):
        _compare(against or file, decoder, source, loaded, decode_rejected, as_json=json)
    else:
        played = source if start is None and stop is None else Tape(source, start or 0.0, stop)
        summary, _ = _decode(
            decoder, source, played, loaded.config, decode_rejected, rehearse=speed_accuracy
        )
        common.report(summary, as_json=json)


def _decode(
    decoder: Path,
    file: FileSource,
    played: Source,
    settings: Config,
    decode_rejected: bool,
    *,
    rehearse: bool = False,
) -> tuple[dict[str, Any], bool]:
    """Decode what is played of a file; return the summary, and whether it came to the end."""
    from saccade.cli import wiring
    from saccade.models.decoders import decoder_file

    session = wiring.Session(
        decoder_file.load(decoder),
        played,
        settings,
        decode_rejected=decode_rejected,
        live=False,
        rehearse=rehearse,
    )
    with common.stop_signals() as stop:
        session.start()
        summary = session.run(lambda _: stop.is_set())
    runs = session.file.calibration.get("sources", ())
    known = {run.get("sha256") for run in runs if isinstance(run, Mapping)}  # of data sets, names
    return summary | {"trained_on": file.sha256 in known}, not stop.is_set()


def _compare(
    original: Path,
    decoder: Path,
    file: FileSource,
    loaded: Loaded,
    decode_rejected: bool,
    *,
    as_json: bool,
) -> None:
    """Decode a recorded session once more, and say what differs; exit with 1 if anything does."""
    from saccade.cli import comparing
    from saccade.realtime.errors import SaccadeError
    from saccade.realtime.replay.account import read_account

    account = read_account(original)
    settings = comparing.as_recorded(loaded, account)
    decode_rejected = decode_rejected or bool(account.session.get("decode_rejected"))
    with comparing.logged(settings) as (logging, log):
        summary, at_end = _decode(decoder, file, file, logging, decode_rejected)
        if not at_end:
            raise SaccadeError(f"stopped before the end: nothing is compared with {account.name}")
        comparison, remarks = comparing.compared(account, log)
    summary["comparison"] = {"with": account.name, **comparison.to_dict(), "remarks": remarks}
    common.report(summary, as_json=as_json)
    if not as_json:
        for line in (*remarks, f"compared with {account.name}:", *comparison.lines()):
            typer.echo(line)
    if not comparison.identical:
        raise typer.Exit(1)


def _refuse(flags: Mapping[str, bool], why: str) -> None:
    """Refuse flags that are given, but would not be looked at."""
    from saccade.realtime.errors import ConfigError

    given = [flag for flag, is_given in flags.items() if is_given]
    if given:
        raise ConfigError(f"{', '.join(given)} would change nothing here: {why}")
