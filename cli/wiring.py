"""A decoder file and a source become a running engine, the same way for every verb."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import pylsl

from saccade.cli.configuration import Config
from saccade.cli.galleries import gallery_of
from saccade.cli.scoreboard import Scoreboard
from saccade.cli.table import LiveTable
from saccade.models.decoders.decoder import RetrievalDecoder
from saccade.models.decoders.decoder_file import DecoderFile, require_fit
from saccade.realtime import registry
from saccade.realtime.engine import Engine, StepResult
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.protocols import Sink, Source
from saccade.realtime.sinks.jsonl import JSONLSink
from saccade.realtime.sinks.lsl import LSLSink, LSLSinkSettings
from saccade.realtime.sources.lsl import LSLSource, LSLSourceSettings
from saccade.realtime.sources.lsl_resolve import StreamQuery

READ_TIMEOUT_S = 0.1  # how long the loop may block before it looks at Ctrl-C


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
        Title of the live table in the terminal; None draws none.
    """

    def __init__(
        self,
        file: DecoderFile,
        source: Source,
        settings: Config,
        *,
        decode_rejected: bool = False,
        table: str | None = None,
    ) -> None:
        self.file = file
        wants_gallery = settings.gallery.vectors or settings.gallery.names
        self.decoder = RetrievalDecoder(
            file,
            clock=pylsl.local_clock,
            gallery=gallery_of(settings) if wants_gallery else None,
            top_k=settings.output.top_k,
        )
        epochs = epoch_settings(file, settings)
        gallery = self.decoder.gallery
        shown = {label: gallery.row(label) for label in (epochs.labels or {}).values()}
        self.engine = Engine(
            source,
            Pipeline(settings_from_spec(file.pipeline)),
            Epocher(epochs),
            pylsl.local_clock,
            self.decoder,
            self._sinks(settings, shown, table),
            decode_rejected=decode_rejected,
            session={
                "decoder": file.manifest,
                "labels": dict(epochs.labels or {}),
                "started_unix_s": round(time.time(), 3),
            },
        )

    def start(self) -> None:
        """Connect, refusing a stream that the decoder does not fit."""
        self.engine.start(check=lambda spec: require_fit(self.file, spec))

    def run(self, over: Callable[[StepResult], bool] = lambda _: False) -> dict[str, Any]:
        """Decode until the source ends or ``over`` says so; close everything; sum up."""
        try:
            self.engine.run(over, READ_TIMEOUT_S)
        finally:
            summary = self.engine.stop()
        if self.decoder.alignment is not None:
            summary["alignment"] = self.decoder.alignment
        return summary

    def _sinks(self, settings: Config, shown: dict[str, int], table: str | None) -> list[Sink]:
        # The first tells the others the accuracy when they close; it takes no time.
        sinks: list[Sink] = [Scoreboard(len(self.decoder.names), shown)]
        if settings.output.lsl:  # before the slower ones, because its readers wait
            sinks.append(
                LSLSink(
                    LSLSinkSettings(
                        prefix=settings.output.prefix, top_k=settings.output.top_k, labels=shown
                    )
                )
            )
        if settings.output.log is not None:
            sinks.append(JSONLSink(settings.output.log, shown))
        if table is not None:
            sinks.append(LiveTable(len(self.decoder.names), table))
        return sinks


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
