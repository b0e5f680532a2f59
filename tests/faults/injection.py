"""Faults of streams, as pure functions of what a sender sends, and what becomes of it.

A :class:`Session` is what comes out of the sender: samples, their stamps, markers, and when each
marker comes. A fault turns one session into another and says which samples it touches, so that a
law can say what must be the same. The same sessions are decoded in process (:func:`decode`) and
sent over LSL (:mod:`outlet`). Every fault is drawn from a seed.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from saccade.realtime.engine import Engine
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import (
    Candidate,
    Chunk,
    Epoch,
    Flag,
    Marker,
    Prediction,
    Ranking,
    Reading,
    StreamSpec,
)

SFREQ, N, N_MARKERS = 250.0, 6000, 46
CHANNELS = ("F3", "F4", "O1", "O2")
SPEC = StreamSpec("amp", SFREQ, CHANNELS, ("eeg",) * 4, ("µV",) * 4, "amp-1")
PIPELINE = {
    "rail_uv": 1e5,
    "fill_s": 0.02,
    "blocks": [
        {"block": "bandpass", "low_hz": 4.0, "high_hz": 40.0, "order": 4},
        {"block": "reference", "kind": "average"},
    ],
}
EPOCHS = EpochSettings(tmin_s=-0.2, tmax_s=0.6, baseline_s=(-0.2, 0.0))
BEGIN, END = 1500, 2100  # the samples among which a fault is drawn: from 6 s on
REGION = END - BEGIN
TORN = Flag.GAP | Flag.CLOCK


@dataclass(frozen=True)
class Session:
    """What a sender sends.

    Parameters
    ----------
    data, stamps, flags : arrays
        One row a sample, in the order of arrival; ``flags`` are what the source says of it.
    markers : tuple of Marker
        Each of another value.
    arrivals : tuple of int
        How many samples have come when each marker comes.
    n_sent : int
        Samples that the amplifier gave away, whether or not they came, none twice.
    touched : (int, int)
        First and last of the sender's samples that are not as they should be.
    region : (int, int)
        Where the next fault is to be; a second one lies before the first.
    """

    data: np.ndarray
    stamps: np.ndarray
    flags: np.ndarray
    markers: tuple[Marker, ...]
    arrivals: tuple[int, ...]
    n_sent: int
    touched: tuple[int, int] = (N, 0)
    region: tuple[int, int] = (BEGIN, END)


def undisturbed(seed: int, t0: float = 1000.0) -> Session:
    """Return 24 s with about two markers a second, which come up to 0.1 s after their samples."""
    rng = np.random.default_rng(seed)
    times = np.arange(N) / SFREQ
    data = rng.normal(0.0, 10.0, (N, 4)) + 10 * np.sin(2 * np.pi * 10 * times)[:, None]
    data += rng.uniform(-300, 300, 4)
    onsets = 0.4 + 0.49 * np.arange(N_MARKERS) + rng.uniform(0, 0.3, N_MARKERS)
    arrivals = np.ceil((onsets + rng.uniform(0, 0.1, N_MARKERS)) * SFREQ).astype(int)
    return Session(
        data.astype(np.float32),
        t0 + times,
        np.zeros(N, np.uint16),
        tuple(Marker(f"m{i}", t0 + float(t), "events") for i, t in enumerate(onsets)),
        tuple(arrivals.tolist()),
        N,
    )


def without(session: Session, rows: Sequence[int] | np.ndarray) -> Session:
    """Return a session some of whose samples never come."""
    kept = np.setdiff1d(np.arange(len(session.data)), rows)
    arrivals = tuple(int(np.searchsorted(kept, arrival)) for arrival in session.arrivals)
    return replace(
        session,
        data=session.data[kept],
        stamps=session.stamps[kept],
        flags=session.flags[kept],
        arrivals=arrivals,
        touched=(int(np.min(rows)), int(np.max(rows)) + 1),
    )


def drops(session: Session, rng: np.random.Generator) -> Session:
    """Three holes of 24 to 800 ms, too long to be filled."""
    return without(session, _holes(session, rng, 6, 200))


def short_drops(session: Session, rng: np.random.Generator) -> Session:
    """Three holes of 4 to 20 ms, short enough to be filled."""
    return without(session, _holes(session, rng, 1, 6))


def duplicates(session: Session, rng: np.random.Generator) -> Session:
    """Twenty samples that come twice."""
    rows = np.sort(rng.choice(np.arange(*session.region), 20, replace=False))
    twice = np.sort(np.concatenate([np.arange(len(session.data)), rows]))
    arrivals = tuple(a + int(np.searchsorted(rows, a)) for a in session.arrivals)
    return replace(
        session,
        data=session.data[twice],
        stamps=session.stamps[twice],
        flags=session.flags[twice],
        arrivals=arrivals,
        touched=session.region,
    )


def jitter(session: Session, rng: np.random.Generator) -> Session:
    """Stamps that jitter by up to a fifth of a period."""
    return _restamped(session, rng.uniform(-0.2, 0.2, REGION) / SFREQ)


def bursts(session: Session, rng: np.random.Generator) -> Session:
    """Blocks of eight samples stamped as they arrive, all within a millisecond of the last."""
    del rng
    late = np.tile(np.arange(7, -1, -1) * (1 / SFREQ - 1e-4), REGION // 8)
    return _restamped(session, late)


def clock_step(seconds: float) -> Callable[[Session, np.random.Generator], Session]:
    """Return the fault of a clock that is set while it runs; markers are stamped by the same."""

    def step(session: Session, rng: np.random.Generator) -> Session:
        at = int(rng.integers(*session.region))
        stamps = session.stamps.copy()
        stamps[at:] += seconds
        then = float(session.stamps[at])
        markers = tuple(
            replace(m, stamp=m.stamp + seconds) if m.stamp >= then else m for m in session.markers
        )
        return replace(session, stamps=stamps, markers=markers, touched=(at, at))

    return step


def drift(session: Session, rng: np.random.Generator) -> Session:
    """Let the clock run fast by 200 ppm, for samples and markers alike."""
    del rng
    t0 = float(session.stamps[0])
    stamps = t0 + (session.stamps - t0) * (1 + 2e-4)
    markers = tuple(replace(m, stamp=t0 + (m.stamp - t0) * (1 + 2e-4)) for m in session.markers)
    return replace(session, stamps=stamps, markers=markers)


def restart(session: Session, rng: np.random.Generator) -> Session:
    """Four seconds without a sender, which comes back with other electrode offsets; it is told."""
    at = int(rng.integers(*session.region))
    torn = without(session, np.arange(at, at + 1000))
    data, flags = torn.data.copy(), torn.flags.copy()
    data[at:] += np.float32([5000, -5000, 3000, 0])
    flags[at] = TORN
    return replace(torn, data=data, flags=flags, n_sent=session.n_sent - 1000)  # nobody took those


def not_a_number(session: Session, rng: np.random.Generator) -> Session:
    """One NaN in one channel, and an infinity in another."""
    return _overwritten(session, rng, 1, np.nan, np.inf)


def all_nan(session: Session, rng: np.random.Generator) -> Session:
    """No number in any channel for 40 ms to 0.4 s."""
    return _overwritten(session, rng, int(rng.integers(10, 100)), *[np.nan] * 4)


def rails(session: Session, rng: np.random.Generator) -> Session:
    """One channel at its rail for 4 ms to 0.8 s."""
    return _overwritten(session, rng, int(rng.integers(1, 200)), 4e5)


def untimed(session: Session, rng: np.random.Generator) -> Session:
    """Three samples whose stamp is no number."""
    rows = rng.choice(np.arange(*session.region), 3, replace=False)
    stamps = session.stamps.copy()
    stamps[rows] = np.nan
    return replace(session, stamps=stamps, touched=(int(rows.min()), int(rows.max())))


def late_markers(session: Session, rng: np.random.Generator) -> Session:
    """Markers that come 2 s after their samples."""
    del rng
    arrivals = tuple(a + 500 if BEGIN <= a < END else a for a in session.arrivals)
    return replace(session, arrivals=arrivals)


def early_markers(session: Session, rng: np.random.Generator) -> Session:
    """Markers that come 1 s before their samples."""
    del rng
    arrivals = tuple(max(0, a - 275) if BEGIN <= a < END else a for a in session.arrivals)
    return replace(session, arrivals=arrivals)


def marker_storm(session: Session, rng: np.random.Generator) -> Session:
    """Two thousand markers within two seconds."""
    starts = np.arange(2000) / 1000.0 + BEGIN / SFREQ + rng.uniform(0, 1e-3, 2000)
    t0 = float(session.stamps[0])
    storm = tuple(Marker(f"s{i}", t0 + float(t), "events") for i, t in enumerate(starts))
    arrivals = tuple(np.ceil(starts * SFREQ).astype(int).tolist())
    return replace(session, markers=session.markers + storm, arrivals=session.arrivals + arrivals)


Fault = Callable[[Session, np.random.Generator], Session]
FAULTS: dict[str, Fault] = {
    "drops": drops,
    "short drops": short_drops,
    "duplicates": duplicates,
    "jitter": jitter,
    "bursts": bursts,
    "clock set forward by 0.7 s": clock_step(0.7),
    "clock set back by 0.7 s": clock_step(-0.7),
    "clock set forward by an hour": clock_step(3600.0),
    "drift of 200 ppm": drift,
    "restart": restart,
    "one NaN and one infinity": not_a_number,
    "nothing but NaN": all_nan,
    "rails": rails,
    "stamps that are no number": untimed,
    "markers late by 2 s": late_markers,
    "markers early by 1 s": early_markers,
    "marker storm": marker_storm,
}
HARMLESS = (
    *("duplicates", "drift of 200 ppm"),
    *("markers late by 2 s", "markers early by 1 s", "marker storm"),
)
"""After which every epoch is as it would have been, to the last bit."""
FLAGS = {
    "drops": Flag.GAP,
    "short drops": Flag.FILLED,
    "bursts": Flag.GAP,
    "clock set forward by 0.7 s": Flag.GAP,
    "clock set back by 0.7 s": TORN,
    "clock set forward by an hour": TORN,
    "restart": TORN,
    "one NaN and one infinity": Flag.NONFINITE,
    "nothing but NaN": Flag.NONFINITE | Flag.GAP,
    "rails": Flag.CLIPPED,
    "stamps that are no number": Flag.GAP,
}
"""What the samples around a fault must carry; a fault that is not here must flag nothing."""


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


def injected(name: str, seed: int) -> tuple[Session, Session]:
    """Return a session, and the same one with a fault in it."""
    clean = undisturbed(seed)
    return clean, FAULTS[name](clean, np.random.default_rng([seed, *name.encode()]))


def two_injected(earlier: str, later: str, seed: int) -> tuple[Session, Session]:
    """Return a session, and the same one with two faults in it, one after the other."""
    clean = undisturbed(seed)
    rng = np.random.default_rng([seed, *earlier.encode(), *later.encode()])
    second = FAULTS[later](replace(clean, region=(END, END + REGION)), rng)
    both = FAULTS[earlier](replace(second, region=(BEGIN, END)), rng)
    return clean, replace(both, touched=(both.touched[0], max(both.touched[1], second.touched[1])))


def window(epoch: Epoch) -> tuple[int, int]:
    """Return the first and the last sample of an epoch, by the stream's count."""
    first = epoch.onset_index + math.floor(EPOCHS.tmin_s * SFREQ + 0.5)
    return first, first + 199


def _holes(session: Session, rng: np.random.Generator, shortest: int, longest: int) -> np.ndarray:
    starts = session.region[0] + np.arange(3) * 200
    return np.concatenate([s + np.arange(rng.integers(shortest, longest)) for s in starts])


def _restamped(session: Session, late_s: np.ndarray) -> Session:
    stamps = session.stamps.copy()
    stamps[slice(*session.region)] += late_s
    return replace(session, stamps=stamps, touched=session.region)


def _overwritten(
    session: Session, rng: np.random.Generator, length: int, *values: float
) -> Session:
    """Write values over as many channels for some samples."""
    at = int(rng.integers(session.region[0], session.region[1] - length))
    data = session.data.copy()
    for channel, value in zip(rng.permutation(4), values, strict=False):
        data[at : at + length, channel] = value
    return replace(session, data=data, touched=(at, at + length - 1))
