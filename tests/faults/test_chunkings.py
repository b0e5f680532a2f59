"""Any way of cutting a torn stream gives the same, to the last bit: samples, counts and epochs.

Each session has faults of its own and some seconds on both sides of them, so that what a filter
makes of a fault, and what it makes of samples long after one, is cut at random too. A chunking is
one way of cutting one session, and is compared with that session in one piece.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from injection import SFREQ, SPEC, TORN

from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import Chunk, Flag, Marker

BANDPASS = {"block": "bandpass", "low_hz": 4.0, "high_hz": 40.0, "order": 2}
CHAINS = (
    {"fill_s": 0.02, "dejitter": True, "blocks": [BANDPASS]},
    {"fill_s": 0.0, "dejitter": False, "blocks": [BANDPASS]},
    {"fill_s": 0.02, "dejitter": True, "gap_s": 0.0095, "blocks": [BANDPASS]},
)
LONG_CHAIN = {
    "fill_s": 0.02,
    "dejitter": True,
    "blocks": [
        {"block": "notch", "line_hz": 50.0},
        BANDPASS,
        {"block": "reference", "kind": "average"},
        {"block": "resample", "sfreq": 125.0},
    ],
}
CUTS = (
    EpochSettings(tmin_s=-0.1, tmax_s=0.2, baseline_s=(-0.1, 0.0)),
    EpochSettings(tmin_s=0.0, tmax_s=0.2, baseline_s=None, keep_flagged=("gap", "settling")),
    EpochSettings(tmin_s=0.0, tmax_s=0.1, baseline_s=None, hop_s=0.06),
)
N_MARKERS, N_FAULTS = 4, 3
T0 = 1000.0


class TornSession:
    """Up to two and a half seconds with up to three faults, and markers that come as they like.

    Each marker has come when ``arrivals`` samples have, and each fault begins at one of ``places``.
    Of a time that comes twice, because stamps went back, it matters what came first, the marker or
    the step; then each chunking has a cut where a marker comes, as live readings have.
    """

    def __init__(self, rng):
        n = int(rng.integers(260, 600))
        self.data = rng.normal(0.0, 10.0, (n, SPEC.n_channels)).astype(np.float32)
        jitter_s = float(rng.choice([0.0, 0.0, 0.0, 0.0, 0.0, 0.0005, 0.0005, 0.002]))
        self.stamps = T0 + np.arange(n) / SFREQ + rng.normal(0.0, jitter_s, n)
        self.flags = np.zeros(n, np.uint16)
        self.places = [int(rng.integers(1, n - 200)) for _ in range(rng.integers(0, N_FAULTS + 1))]
        for at in sorted(self.places, reverse=True):
            FAULTS[rng.integers(len(FAULTS))](self, at, rng)
        newest = np.fmax.accumulate(self.stamps)
        self.markers, self.arrivals = [], []
        for i in range(N_MARKERS):
            stamp = float(rng.choice(newest)) + float(rng.uniform(0, 1 / SFREQ))
            came = int(np.searchsorted(newest, stamp)) + int(rng.integers(-40, 80))
            self.markers.append(Marker(f"m{i}", stamp, "events"))
            self.arrivals.append(max(0, min(came, len(self))))
        goes_on = (np.diff(self.stamps) > 0.999 / SFREQ).all()
        self._always = [0, *(() if goes_on else self.arrivals), len(self)]

    def __len__(self):
        return len(self.data)

    def cut(self, rng):
        """Return bounds that cut it at random, more often near faults, some chunks empty."""
        places = [rng.integers(0, len(self) + 1, int(rng.geometric(0.3)))]
        if self.places:
            near = rng.choice(self.places, int(rng.integers(0, 4))) + rng.integers(-2, 8)
            places.append(np.clip(near, 0, len(self)))
        if rng.random() < 0.01:  # sample by sample
            start = int(rng.integers(0, len(self) - 60))
            places.append(np.arange(start, start + 60))
        return np.sort(np.concatenate([self._always, *places]))

    def in_one_piece(self):
        """Return the bounds of as few chunks as there can be."""
        return np.sort(self._always)

    def keep(self, rows):
        self.data, self.stamps, self.flags = self.data[rows], self.stamps[rows], self.flags[rows]


def lose(session, at, rng):
    n = int(rng.choice([1, 2, 5, 40, 150]))
    session.keep(np.r_[:at, at + n : len(session)])


def set_clock(session, at, rng):
    session.stamps[at:] += rng.choice([-0.7, -0.05, 0.3, 100.0, -3600.0])


def hold_back(session, at, rng):
    stop = min(len(session) - 1, at + int(rng.integers(2, 120)))
    session.stamps[at:stop] = np.maximum(session.stamps[at:stop], session.stamps[stop])


def send_twice(session, at, rng):
    n = int(rng.choice([1, 1, 5, 10]))
    session.keep(np.r_[: at + n, at : len(session)])


def spoil(session, at, rng):
    stop, channels = at + int(rng.integers(1, 90)), rng.choice([0, slice(None)])
    session.data[at:stop, channels] = rng.choice([np.nan, np.inf, 9e5])


def untime(session, at, rng):
    session.stamps[at : at + int(rng.integers(1, 4))] = np.nan


def tell(session, at, rng):
    session.flags[at] |= rng.choice([int(Flag.GAP), int(Flag.CLOCK), int(TORN)])


FAULTS = (lose, set_clock, hold_back, send_twice, spoil, untime, tell)


class Chain:
    """A pipeline and an epocher, used again and again."""

    def __init__(self, chain, cut):
        self.pipeline = Pipeline(settings_from_spec({"rail_uv": 1e5, **chain}))
        self.epocher = Epocher(cut)

    def outputs(self, session, bounds):
        """Return all that comes out of a session that is cut at these bounds."""
        self.epocher.reset(self.pipeline.reset(SPEC))
        chunks, epochs = [], []
        left = sorted(zip(session.arrivals, range(len(session.markers)), strict=True))
        for start, stop in itertools.pairwise([*bounds.tolist(), bounds[-1]]):
            markers = []
            while left and left[0][0] <= stop:
                markers.append(session.markers[left.pop(0)[1]])
            part = slice(start, stop)
            chunk = Chunk(
                session.data[part].copy(),
                session.stamps[part].copy(),
                session.flags[part].copy(),
                start,
            )
            chunks.append(self.pipeline.step(chunk))
            epochs += self.epocher.step(chunks[-1], markers)
        epochs += self.epocher.finish()
        filled = [chunk for chunk in chunks if len(chunk)]
        assert all(a.index + len(a) == b.index for a, b in itertools.pairwise(filled))
        p = self.pipeline
        return (
            [
                np.concatenate([getattr(chunk, field) for chunk in chunks])
                for field in ("data", "stamps", "flags")
            ],
            {(epoch.marker, epoch.onset_s): epoch for epoch in epochs},
            (p.lost, p.filled, p.flagged, p.timing, len(epochs)),
        )


def check(n_sessions, n_chunkings, seed):
    """Compare so many chunkings of each session with the session in one piece."""
    chains = [Chain(chain, cut) for chain in CHAINS for cut in CUTS] + [Chain(LONG_CHAIN, CUTS[0])]
    n_kept = n_rejected = 0
    for number in range(n_sessions):
        rng = np.random.default_rng([seed, number])
        session, chain = TornSession(rng), chains[number % len(chains)]
        arrays, epochs, counts = chain.outputs(session, session.in_one_piece())
        for _ in range(n_chunkings):
            bounds = session.cut(rng)
            where = f"seed {seed}, session {number}, cut at {bounds.tolist()}"
            other_arrays, other_epochs, other_counts = chain.outputs(session, bounds)
            assert other_counts == counts, where
            for one, other in zip(arrays, other_arrays, strict=True):
                assert np.array_equal(one, other), where
            assert other_epochs.keys() == epochs.keys(), where
            for key, epoch in epochs.items():
                other = other_epochs[key]
                assert np.array_equal(epoch.data, other.data, equal_nan=True), (where, key)
                assert (epoch.flags, epoch.rejected, epoch.onset_index) == (
                    other.flags,
                    other.rejected,
                    other.onset_index,
                ), (where, key)
        n_rejected += sum(bool(epoch.rejected) for epoch in epochs.values())
        n_kept += sum(not epoch.rejected for epoch in epochs.values())
    assert min(n_kept, n_rejected) > n_sessions // 2  # or little has been compared


@pytest.mark.parametrize("seed", range(3))
def test_some_hundred_chunkings(seed):
    check(36, 8, seed)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(100, 110))
def test_a_hundred_thousand_chunkings(seed):
    check(1000, 10, seed)
