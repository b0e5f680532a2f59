"""Faults of streams, as pure functions of what a sender sends.

A :class:`Session` is what comes out of the sender: samples, their stamps, markers, and when each
marker comes. A fault turns one session into another and says which samples it touches, so that a
law can say what must be the same. The same sessions are decoded in process (:mod:`decoding`) and
sent over LSL (:mod:`outlet`). Every fault is drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from saccade.realtime.types import (
    Flag,
    Marker,
    StreamSpec,
)

SFREQ, N, N_MARKERS = 250.0, 6000, 46
CHANNELS = ("F3", "F4", "O1", "O2")
SPEC = StreamSpec("amp", SFREQ, CHANNELS, ("eeg",) * 4, ("µV",) * 4, "amp-1")
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
        Samples that there were, whether or not they came, none twice; also those that a sender
        would have sent, had it not been away.
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
    return replace(torn, data=data, flags=flags)


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
    "one NaN and one infinity": Flag.NONFINITE | Flag.FILLED,
    "nothing but NaN": Flag.NONFINITE | Flag.GAP | Flag.FILLED,
    "rails": Flag.CLIPPED | Flag.FILLED,
    "stamps that are no number": Flag.GAP,
}
"""What the samples around a fault must carry; a fault that is not here must flag nothing."""


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
