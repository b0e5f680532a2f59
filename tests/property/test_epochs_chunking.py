"""However samples and markers arrive, the same epochs come out."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.types import Chunk, Epoch, Flag, Marker, StreamSpec

N, SFREQ = 600, 100.0
SPEC = StreamSpec("test", SFREQ, ("Cz", "Oz"), ("eeg", "eeg"), ("uV", "uV"))
SETTINGS = EpochSettings(
    tmin_s=-0.1, tmax_s=0.4, baseline_s=(-0.1, 0.0), crop_s=(0.0, 0.3), reject_ptp_uv=5.0
)


def jittered_stamps(rng: np.random.Generator) -> np.ndarray:
    """Return stamps as a Bluetooth amplifier sends them, steps back included."""
    return 7.0 + np.arange(N) / SFREQ + rng.uniform(-0.012, 0.012, N)


def onset(stamps: np.ndarray, flags: np.ndarray, stamp: float) -> int | None:
    """Find a marker's sample the slow and obvious way; None if it is before or after all."""
    best = None
    bounds = [0, *np.flatnonzero(flags & Flag.GAP), N]
    for first, last in itertools.pairwise(bounds):
        axis = np.maximum.accumulate(stamps[first:last])
        if axis[0] <= stamp <= axis[-1]:
            i = int(np.flatnonzero(axis >= stamp)[0])
            if i > 0 and axis[i] != stamp and stamp - axis[i - 1] <= axis[i] - stamp + 0.2 / SFREQ:
                i -= 1
            best = first + i
    return best


def key(epoch: Epoch) -> tuple[object, ...]:
    return (epoch.onset_s, epoch.label, epoch.onset_index)


@given(
    seed=st.integers(0, 2**16),
    cuts=st.lists(st.integers(0, N), max_size=12).map(sorted),
    lateness=st.lists(st.integers(0, 12), min_size=8, max_size=8),
    hop=st.sampled_from([None, 0.07]),
)
def test_chunking_and_marker_arrival_change_nothing(
    seed: int, cuts: list[int], lateness: list[int], hop: float | None
) -> None:
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((N, 2)).astype(np.float32)
    stamps = jittered_stamps(rng)
    flags = np.where(rng.random(N) < 0.01, np.uint16(Flag.CLIPPED), np.uint16(0))
    stamps[400:] += 0.8  # something was lost here
    flags[400] |= np.uint16(Flag.GAP)
    markers = [Marker(str(i), t) for i, t in enumerate(rng.uniform(7.0, 13.8, 8))]
    settings = EpochSettings(
        **{f: getattr(SETTINGS, f) for f in SETTINGS.__slots__ if f != "hop_s"}, hop_s=hop
    )

    def run(sizes: list[int], arrivals: list[int]) -> list[Epoch]:
        epocher = Epocher(settings)
        epocher.reset(SPEC)
        epochs, start = [], 0
        for number, size in enumerate(sizes):
            part = slice(start, start + size)
            here = [
                m
                for m, a in zip(markers, arrivals, strict=True)
                if min(a, len(sizes) - 1) == number
            ]
            before = data[part].copy()
            chunk = Chunk(data[part].copy(), stamps[part].copy(), flags[part].copy(), start)
            epochs += epocher.step(chunk, here)
            assert np.array_equal(chunk.data, before)
            start += size
        return epochs + epocher.finish()

    whole = sorted(run([N], [0] * 8), key=key)
    pieces = sorted(run(np.diff([0, *cuts, N]).tolist(), lateness), key=key)
    assert len(whole) == len(pieces)
    for a, b in zip(whole, pieces, strict=True):
        assert key(a) == key(b)
        assert np.array_equal(a.data, b.data, equal_nan=True)
        assert (a.flags, a.rejected, a.n_missing) == (b.flags, b.rejected, b.n_missing)
    if hop is None:
        assert len(whole) == len(markers)  # each marker finds its epoch
        for epoch in whole:
            expected = onset(stamps, flags, epoch.onset_s)
            if expected is not None:
                assert epoch.onset_index == expected


@given(
    seed=st.integers(0, 2**16),
    at=st.integers(50, 550),
    back_s=st.floats(0.15, 3.0),
    arrivals=st.lists(st.integers(1, N), min_size=6, max_size=6),
    cuts=st.lists(st.integers(0, N), max_size=12),
)
def test_a_clock_set_back_is_judged_by_what_had_come_with_the_marker(
    seed: int, at: int, back_s: float, arrivals: list[int], cuts: list[int]
) -> None:
    rng = np.random.default_rng(seed)
    data = rng.standard_normal((N, 2)).astype(np.float32)
    stamps = 7.0 + np.arange(N) / SFREQ
    stamps[at:] -= back_s
    flags = np.zeros(N, np.uint16)
    flags[at] = Flag.GAP | Flag.CLOCK
    markers = [Marker(str(i), t) for i, t in enumerate(rng.uniform(7.0, 13.0, len(arrivals)))]

    def run(bounds: list[int]) -> dict[str | None, tuple[object, ...]]:
        epocher = Epocher(EpochSettings(tmin_s=0.0, tmax_s=0.2, baseline_s=None))
        epocher.reset(SPEC)
        epochs = []
        for start, stop in itertools.pairwise(bounds):
            part = slice(start, stop)
            here = [m for m, a in zip(markers, arrivals, strict=True) if start < a <= stop]
            chunk = Chunk(data[part].copy(), stamps[part].copy(), flags[part].copy(), start)
            epochs += epocher.step(chunk, here)
        epochs += epocher.finish()
        return {e.marker: (e.onset_index, e.flags, e.rejected, e.data.tobytes()) for e in epochs}

    # However the samples are cut, as long as each marker comes with the same one as the newest.
    few = run(sorted({0, *arrivals, N}))
    assert few == run(sorted({0, *arrivals, *cuts, N}))
    assert few == run(list(range(N + 1)))
    for marker, arrival in zip(markers, arrivals, strict=True):
        onset = few[marker.value][0]
        if arrival > at and stamps[at] <= marker.stamp <= stamps[at - 1]:
            assert onset == -1  # two samples have its time
