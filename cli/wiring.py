"""A decoder file and a source become a running engine, the same way for every verb."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pylsl

from saccade.cli.decided import DecisionBoard
from saccade.cli.deciding import epochs_for, evidence_settings, trade_off
from saccade.cli.events import EventLines
from saccade.cli.galleries import gallery_of
from saccade.cli.scoreboard import Scoreboard
from saccade.cli.sections import Config
from saccade.cli.table import LiveTable
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile, require_fit
from saccade.models.decoders.manifest import library_versions
from saccade.realtime import registry
from saccade.realtime.engine import Engine, StepResult
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.rehearsal import Notes
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.protocols import Decider, Sink, Source
from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.quality.presets import preset
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.quality.watch import StreamWatch, WatchSettings
from saccade.realtime.sinks.datagrams import receiver
from saccade.realtime.sinks.jsonl import JSONLSink
from saccade.realtime.sinks.lsl import LSLSink, LSLSinkSettings
from saccade.realtime.sinks.osc import OSCSink
from saccade.realtime.sinks.tally import Tally
from saccade.realtime.sinks.udp import UDPSink
from saccade.realtime.sinks.xdf import XDFSink, XDFSinkSettings
from saccade.realtime.sources.fieldtrip.settings import FieldTripSourceSettings, parse_address
from saccade.realtime.sources.fieldtrip.source import FieldTripSource
from saccade.realtime.sources.lsl.resolve import StreamQuery
from saccade.realtime.sources.lsl.source import LSLSource, LSLSourceSettings

READ_TIMEOUT_S = 0.1  # how long the loop may block before it looks at Ctrl-C


def live_source(settings: Config) -> Source:
    """Return the FieldTrip buffer if one is asked for, or else the LSL stream.

    Raises
    ------
    ConfigError
        If the buffer's address is none, or an LSL stream is asked for as well.
    """
    s = settings.stream
    if s.fieldtrip is None:
        for name in ("trigger", "event_text"):
            if getattr(s, name) is not None:
                raise ConfigError(
                    f"stream.{name} is for a FieldTrip buffer, but none is asked for with "
                    "--fieldtrip: leave one out"
                )
        return lsl_source(settings)
    given = [n for n in ("name", "type", "source_id", "predicate") if getattr(s, n) is not None]
    if given:
        raise ConfigError(
            f"expected an LSL stream or a FieldTrip buffer, but {', '.join(given)} of a stream "
            f"came with --fieldtrip {s.fieldtrip}: leave one out"
        )
    host, port = parse_address(s.fieldtrip)
    return FieldTripSource(
        FieldTripSourceSettings(
            host=host,
            port=port,
            unit=s.unit,
            ch_names=s.ch_names,
            event_types=settings.markers.names,
            event_text=s.event_text or "value",
            trigger=s.trigger,
            connect_timeout_s=s.resolve_timeout_s,
            stall_s=s.stall_s,
        )
    )


def lsl_source(settings: Config) -> LSLSource:
    """Return the LSL stream that is asked for; without any wish, the one of type EEG."""
    s = settings.stream
    anything = any((s.name, s.type, s.source_id, s.predicate))
    return LSLSource(
        LSLSourceSettings(
            stream=StreamQuery(
                name=s.name,
                type=s.type if anything else "EEG",
                source_id=s.source_id,
                predicate=s.predicate,
            ),
            markers=tuple(StreamQuery(name=name) for name in settings.markers.names),
            resolve_timeout_s=s.resolve_timeout_s,
            unit=s.unit,
            ch_names=s.ch_names,
            stall_s=s.stall_s,
        )
    )


class Session:
    """A decoder at work on a source, with every output that the settings ask for.

    Parameters
    ----------
    file : DecoderFile
        The decoder; it brings pipeline, epochs and labels.
    source : Source
        What to decode.
    settings : Config
        Labels, gallery and outputs of this session.
    decode_rejected : bool
        Decode rejected epochs too.
    table : str or None
        Title of the live table in the terminal; None draws none, and says events on stderr.
    record : Path or None
        Where to record the session; None does not.
    live : bool
        The source is live, so that signal quality is watched unless the settings say no.
    rehearse : bool
        Tell in the summary what other rules would have decided.

    Raises
    ------
    ConfigError
        If there is nothing decided that other rules could be held against.
    """

    def __init__(
        self,
        file: DecoderFile,
        source: Source,
        settings: Config,
        *,
        decode_rejected: bool = False,
        table: str | None = None,
        record: Path | None = None,
        live: bool = True,
        rehearse: bool = False,
    ) -> None:
        self.file = file
        self._settings = settings
        self.recorder: XDFSink | None = None
        wants_gallery = settings.gallery.vectors or settings.gallery.names
        self.decoder = RetrievalDecoder(
            file,
            clock=pylsl.local_clock,
            gallery=gallery_of(settings) if wants_gallery else None,
            top_k=settings.output.top_k,
        )
        labelled = epoch_settings(file, settings)
        gallery = self.decoder.gallery
        shown = {label: gallery.row(label) for label in (labelled.labels or {}).values()}
        epochs, evidence = self.as_decided(file)
        pipeline = Pipeline(settings_from_spec(file.pipeline))
        observed = live if settings.quality.enabled is None else settings.quality.enabled
        limits = quality_settings(settings, pipeline.settings.gap_s or 0.0)
        watching = WatchSettings(settings.stream.stall_s)
        self.engine = Engine(
            source,
            pipeline,
            Epocher(epochs),
            pylsl.local_clock,
            self.decoder,
            self._sinks(settings, shown, table, record),
            decode_rejected=decode_rejected,
            session={
                "decoder": file.manifest,
                "decoder_sha256": fingerprint(file),
                "gallery": gallery.digest,
                "labels": dict(labelled.labels or {}),
                "ignore": list(labelled.ignore),
                "decode_rejected": decode_rejected,
                "decision": None if evidence is None else settings.decision.model_dump(),
                "decided_by": None if evidence is None else dataclasses.asdict(evidence),
                "versions": library_versions(),
                "started_unix_s": round(time.time(), 3),
            },
            monitor=QualityMonitor(limits) if observed else None,
            watch=StreamWatch(watching, pipeline.timing_report) if observed else None,
            decider=self._decider(evidence, rehearse=rehearse),
        )

    def as_decided(self, file: DecoderFile) -> tuple[EpochSettings, EvidenceSettings | None]:
        """Return how this session cuts epochs for a decoder, and how it weighs what that says.

        Raises
        ------
        ConfigError
            If what the session asks for can't be had with this decoder.
        """
        settings = self._settings
        epochs, ranked = epoch_settings(file, settings), self.decoder.gallery.names
        labels = tuple((epochs.labels or {}).values())
        own = file.gallery.names
        evidence = evidence_settings(settings.decision, file.calibration, labels, own, ranked)
        if evidence is None:
            return epochs, None
        return epochs_for(evidence, epochs, settings.decision.hop_s), evidence

    def start(self) -> None:
        """Connect, refusing a stream that the decoder does not fit."""
        self.engine.start(check=lambda spec: require_fit(self.file, spec))

    def run(self, over: Callable[[StepResult], bool] = lambda _: False) -> dict[str, Any]:
        """Decode until the source ends or ``over`` says so; close everything; sum up."""
        try:
            self.engine.run(over, READ_TIMEOUT_S)
        finally:
            summary = self.engine.stop()
        if self.recorder is not None:
            summary["recording"] = self.recorder.report()
        if self._rehearsal is not None:
            summary["speed_accuracy"] = trade_off(*self._rehearsal)
        return summary

    def _decider(self, evidence: EvidenceSettings | None, *, rehearse: bool) -> Decider | None:
        self._rehearsal: tuple[Notes, EvidenceSettings] | None = None
        if evidence is None:
            if rehearse:
                raise ConfigError("--speed-accuracy needs to know what is decided: add --decide")
            return None
        decider = make_decider(evidence)
        if not rehearse:
            return decider
        notes = Notes(decider)
        self._rehearsal = notes, evidence
        return notes

    def _sinks(
        self, settings: Config, shown: dict[str, int], table: str | None, record: Path | None
    ) -> list[Sink]:
        # The first three tell the others what they have counted when they close; they take no time.
        sinks: list[Sink] = [
            Scoreboard(len(self.decoder.names), shown),
            DecisionBoard(),
            Tally(),
        ]
        if settings.output.lsl:  # before the slower ones, because its readers wait
            sinks.append(
                LSLSink(
                    LSLSinkSettings(
                        prefix=settings.output.prefix, top_k=settings.output.top_k, labels=shown
                    )
                )
            )
        if settings.output.osc is not None:
            host, port = receiver(settings.output.osc)
            sinks.append(OSCSink(host, port, settings.output.prefix))
        if settings.output.udp is not None:
            sinks.append(UDPSink(*receiver(settings.output.udp)))
        if settings.output.log is not None:
            sinks.append(JSONLSink(settings.output.log, shown))
        if record is not None:
            output = settings.output
            self.recorder = XDFSink(
                record, XDFSinkSettings(prefix=output.prefix, top_k=output.top_k, labels=shown)
            )
            sinks.append(self.recorder)
        if table is None:
            sinks.append(EventLines())
        else:
            sinks.append(LiveTable(len(self.decoder.names), table))
        return sinks


def quality_settings(settings: Config, gap_s: float = 0.0) -> QualitySettings:
    """Return the limits of a preset, with those that the settings replace.

    Parameters
    ----------
    settings : Config
        Of the session.
    gap_s : float
        What the decoder takes for a gap, in s; no shorter step tears the windows of quality.

    Raises
    ------
    ConfigError
        If there is no such preset or limit, or a limit is out of range.
    """
    section = settings.quality
    values = dataclasses.asdict(preset(section.preset)) | section.settings
    made: QualitySettings = registry.build_settings(QualitySettings, values, "quality.settings")
    return dataclasses.replace(made, gap_s=max(made.gap_s, gap_s))


def fingerprint(file: DecoderFile) -> str:
    """Return the SHA-256 of all that a decoder computes with, however its file is written.

    That is encoder, gallery, confidence and alignment, learned or online, pipeline, epochs and
    labels.
    """
    content = hashlib.sha256(file.script + file.gallery.digest.encode())
    sure = None if file.confidence is None else dataclasses.asdict(file.confidence)
    online = None if file.online is None else dataclasses.asdict(file.online)
    way = json.dumps([file.pipeline, file.epochs, file.labels, sure, online], sort_keys=True)
    content.update(way.encode())
    arrays = [file.gallery_centre, file.signal_mean, file.signal_whitening]
    if file.alignment is not None:
        arrays += [file.alignment.mean, file.alignment.matrix]
    if file.online_mean is not None:
        arrays.append(file.online_mean)
    for array in (*arrays, np.array(file.temperature)):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()


def epoch_settings(file: DecoderFile, settings: Config) -> EpochSettings:
    """Return how a decoder's epochs are cut, with the labels of this session."""
    own = registry.build_settings(EpochSettings, file.epochs, "the decoder's epochs")
    labels = settings.markers.labels or file.labels or None
    made: EpochSettings = dataclasses.replace(own, labels=labels, ignore=settings.markers.ignore)
    return made


def until(
    stopped: Callable[[], bool],
    sfreq: float,
    duration_s: float | None,
    idle_timeout_s: float | None,
) -> Callable[[StepResult], bool]:
    """Return what a live loop asks after each step: whether it is over.

    Parameters
    ----------
    stopped : callable
        True once a signal came.
    sfreq : float
        Rate of the stream, which measures ``duration_s``.
    duration_s : float or None
        End after this much signal.
    idle_timeout_s : float or None
        End when no sample has come for this long, once there was one.
    """
    received = 0
    newest_s = time.monotonic()

    def over(result: StepResult) -> bool:
        nonlocal received, newest_s
        received += result.n_samples
        if result.n_samples:
            newest_s = time.monotonic()
        return (
            stopped()
            or (duration_s is not None and received >= duration_s * sfreq)
            or (
                idle_timeout_s is not None
                and received > 0
                and time.monotonic() - newest_s > idle_timeout_s
            )
        )

    return over
