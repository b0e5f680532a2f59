"""What others implement to take part: sources, blocks, decoders, sinks and clocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

from saccade.realtime.types import Chunk, Epoch, Prediction, Ranking, Reading, StreamSpec


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


@runtime_checkable
class Sink(Protocol):
    """Where results go. A sink that raises is dropped and reported; the session goes on."""

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Prepare for a session; ``session`` describes decoder and settings, JSON-ready."""
        ...

    def prediction(self, prediction: Prediction) -> None:
        """Take a decoded epoch."""
        ...

    def rejected(self, epoch: Epoch) -> None:
        """Take an epoch that is not decoded, with its reasons."""
        ...

    def status(self, status: dict[str, Any]) -> None:
        """Take the state of the session, about once a second of signal."""
        ...

    def close(self, summary: dict[str, Any]) -> None:
        """Take the summary and finish."""
        ...
