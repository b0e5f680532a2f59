"""What becomes of a session: decoded in process, in pieces, by a fixed pipeline and decoder."""

from __future__ import annotations

import collections
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from injection import SFREQ, SPEC, Session

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import (
    Candidate,
    Chunk,
    Epoch,
    Flag,
    Prediction,
    Ranking,
    Reading,
    StreamSpec,
)

PIPELINE = {
    "rail_uv": 1e5,
    "fill_s": 0.02,
    "blocks": [
        {"block": "bandpass", "low_hz": 4.0, "high_hz": 40.0, "order": 4},
        {"block": "reference", "kind": "average"},
    ],
}
EPOCHS = EpochSettings(tmin_s=-0.2, tmax_s=0.6, baseline_s=(-0.2, 0.0))


@dataclass(frozen=True)
class Outcome:
    """What was made of a session.

    Parameters
    ----------
    epochs, predictions : dict
        By the marker's value.
    flags : Flag
        All flags that any sample carried behind the pipeline's checks.
    summary : dict
        The engine's.
    recovery_s, settling_s : float
        The pipeline's.
    """

    epochs: dict[str, Epoch]
    predictions: dict[str, Prediction]
    flags: Flag
    summary: dict[str, Any]
    recovery_s: float
    settling_s: float

    @property
    def timing(self) -> dict[str, int]:
        """Counts of what was seen in the stamps."""
        return self.summary.get("timing", {})


class Projection:
    """A decoder that is nothing but a fixed projection of the epoch."""

    names = tuple("abcdefgh")

    def __init__(self) -> None:
        self._axes = np.random.default_rng(0).standard_normal((4, 200, 8))

    def decode(self, epoch: Epoch) -> Ranking:
        """Rank by the projections."""
        scores = np.einsum("ct,ctk->k", epoch.data.astype(np.float64), self._axes)
        values = scores.astype(np.float32)
        best = int(values.argmax())
        return Ranking(
            (Candidate(best, self.names[best], float(values[best]), 1.0),), values, values
        )


class Readings:
    """A source that hands out a session in given pieces, each marker when it has come."""

    def __init__(self, session: Session, sizes: Sequence[int]) -> None:
        self._session, self._sizes = session, sizes

    def open(self) -> StreamSpec:
        """Go to the beginning."""
        self._pieces = iter([*self._sizes, 0])
        self._start = 0
        self._order = collections.deque(
            sorted(zip(self._session.arrivals, range(len(self._session.markers)), strict=True))
        )
        return SPEC

    def read(self, timeout_s: float) -> Reading | None:
        """Return the next piece."""
        del timeout_s
        size = next(self._pieces, None)
        if size is None:
            return None
        s, start, stop = self._session, self._start, self._start + size
        self._start = stop
        markers = []
        ended = stop == len(s.data)
        while self._order and (self._order[0][0] <= stop or ended):
            markers.append(s.markers[self._order.popleft()[1]])
        part = slice(start, stop)
        chunk = Chunk(s.data[part].copy(), s.stamps[part].copy(), s.flags[part].copy(), start)
        return Reading(chunk, tuple(markers))

    def close(self) -> None:
        """Do nothing."""


class Noting:
    """A pipeline's watch over the flags that leave it."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.flags, self._step = Flag.NONE, pipeline.step
        pipeline.step = self.step  # type: ignore[method-assign]

    def step(self, chunk: Chunk) -> Chunk:
        """Pass the samples on."""
        out = self._step(chunk)
        self.flags |= Flag(int(np.bitwise_or.reduce(out.flags, initial=0)))
        return out


def decode(source: Any, pipeline: dict[str, Any] | None = None, **epochs: Any) -> Outcome:
    """Return what the engine makes of a source, from its beginning to its end."""
    chain = Pipeline(settings_from_spec(PIPELINE if pipeline is None else pipeline))
    noting = Noting(chain)
    engine = Engine(source, chain, Epocher(replace(EPOCHS, **epochs)), lambda: 0.0, Projection())
    engine.start()
    found: list[Epoch] = []
    predictions: list[Prediction] = []
    while not (result := engine.step(0.05)).ended:
        found += result.epochs
        predictions += result.predictions
    found += engine.epocher.finish()
    summary = engine.stop()
    by_value = {str(epoch.marker): epoch for epoch in found}
    assert len(by_value) == len(found), "a marker made two epochs"
    return Outcome(
        by_value,
        {str(p.epoch.marker): p for p in predictions},
        noting.flags,
        summary,
        chain.recovery_s,
        chain.settling_s,
    )


def pieces(n: int, rng: np.random.Generator, mean: float = 60.0) -> list[int]:
    """Return sizes that add up to n, some of them 0."""
    sizes: list[int] = []
    while (left := n - sum(sizes)) > 0:
        sizes.append(min(left, int(rng.geometric(1 / mean)) - 1))
    return sizes


def window(epoch: Epoch) -> tuple[int, int]:
    """Return the first and the last sample of an epoch, by the stream's count."""
    first = epoch.onset_index + math.floor(EPOCHS.tmin_s * SFREQ + 0.5)
    return first, first + 199
