"""What others implement to take part: sources, blocks, decoders, sinks and clocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.types import (
    Chunk,
    Decision,
    Epoch,
    Marker,
    Prediction,
    QualityReport,
    Ranking,
    Reading,
    StreamEvent,
    StreamSpec,
)


class Clock(Protocol):
    """Returns seconds on the clock of the time stamps; read only to measure latency."""

    def __call__(self) -> float:
        """Return the present time in seconds."""
        ...


@runtime_checkable
class Source(Protocol):
    """Where samples and markers come from.

    ``open`` finds the stream and says what it carries, ``read`` waits for at most ``timeout_s``
    until there is something, and gives it out once, in order, numbered from 0. ``read`` returns
    None when nothing more will ever come.
    """

    def open(self) -> StreamSpec:
        """Connect; return what the stream carries, µV from here on."""
        ...

    def read(self, timeout_s: float) -> Reading | None:
        """Return what has come since the last call, or None at the end."""
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...


@runtime_checkable
class Block(Protocol):
    """One causal operation on a stream: frozen settings, arrays as state, a small step.

    ``reset`` does all design and allocation and returns what the stream is after the block.
    ``step`` never changes its input, and gives the same output for the same samples however
    they are cut into chunks; an empty chunk is legal and changes nothing.
    """

    settings: Any

    def reset(self, spec: StreamSpec) -> StreamSpec:
        """Prepare for a stream; return the spec of the output."""
        ...

    def step(self, chunk: Chunk) -> Chunk:
        """Return the block's output for these samples."""
        ...

    def delay_s(self, freq_hz: float) -> float:
        """Return by how many seconds a component at this frequency comes out late."""
        ...


@runtime_checkable
class Decoder(Protocol):
    """Turns an epoch into a ranking of concepts."""

    @property
    def names(self) -> Sequence[str]:
        """Names of the concepts, in gallery order."""
        ...

    def decode(self, epoch: Epoch) -> Ranking:
        """Rank the concepts for one epoch."""
        ...


class Decider(Protocol):
    """Gathers evidence from one epoch to the next, and says when it is enough.

    What it decides depends on epochs, rankings and stamps alone, never on a clock or on how the
    signal was cut into chunks.
    """

    def reset(self, names: Sequence[str], reach_s: float) -> None:
        """Prepare for a session in which these concepts are ranked.

        The last sample of an epoch follows its onset by at most ``reach_s``.
        """
        ...

    def mark(self, marker: Marker) -> None:
        """Take any marker, whether it makes an epoch or not."""
        ...

    def step(self, epoch: Epoch, ranking: Ranking | None) -> Sequence[Decision]:
        """Take an epoch, None for the ranking of a rejected one; return what is decided by it."""
        ...

    def advance(self, stamp_s: float) -> Sequence[Decision]:
        """Take the time up to which samples have come; return what its passing decides.

        A time before the last one (minus infinity will do) says that the clock was set: times
        before and after can't be compared.
        """
        ...

    def clear(self, stamp_s: float) -> Sequence[Decision]:
        """Forget the evidence so far; return what that ends."""
        ...

    def adopt(self, settings: EvidenceSettings) -> None:
        """Go on by other settings, after :meth:`clear`: another decoder takes over."""
        ...

    def finish(self) -> Sequence[Decision]:
        """Return what the end of the session decides."""
        ...


@runtime_checkable
class Sink(Protocol):
    """Where results go. A sink that raises is dropped and reported; the session goes on.

    :class:`~saccade.realtime.sinks.base.QuietSink` has a method that does nothing for each of
    these, to inherit from.
    """

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Prepare for a session; ``session`` describes decoder and settings, JSON-ready."""
        ...

    def received(self, reading: Reading) -> None:
        """Take what the source gave, before anything is done to it."""
        ...

    def prediction(self, prediction: Prediction) -> None:
        """Take a decoded epoch."""
        ...

    def rejected(self, epoch: Epoch) -> None:
        """Take an epoch that is not decoded, with its reasons."""
        ...

    def decision(self, decision: Decision) -> None:
        """Take what the evidence came to."""
        ...

    def event(self, event: StreamEvent) -> None:
        """Take what happened to a stream."""
        ...

    def quality(self, report: QualityReport) -> None:
        """Take the state of the channels, four times a second of signal."""
        ...

    def health(self, health: dict[str, Any]) -> None:
        """Take the state of the stream, about four times a second of the clock, JSON-ready."""
        ...

    def status(self, status: dict[str, Any]) -> None:
        """Take the state of the session, about once a second of signal."""
        ...

    def close(self, summary: dict[str, Any]) -> None:
        """Take the summary and finish."""
        ...

    def abandon(self) -> None:
        """Finish and leave nothing behind: another sink could not open, so nothing has begun."""
        ...


class Monitor(Protocol):
    """Judges the channels of a stream as it came in; decides nothing about what is decoded."""

    def reset(self, spec: StreamSpec) -> None:
        """Prepare for a stream."""
        ...

    def step(self, chunk: Chunk) -> Sequence[QualityReport]:
        """Take samples; return the reports that are due, each tied to a sample's number."""
        ...


class Watch(Protocol):
    """Keeps an eye on a stream itself: its rate, losses, jitter, clock and age."""

    def reset(self, spec: StreamSpec) -> None:
        """Prepare for a stream."""
        ...

    def step(self, reading: Reading, now_s: float) -> dict[str, Any] | None:
        """Take a reading; return the stream's health if it is time to tell it, JSON-ready."""
        ...
