"""Any way of cutting a torn stream gives the same, to the last bit: many short runs, all torn."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from injection import SPEC

from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import Chunk, Flag

CHEAP = {
    "rail_uv": 1e5,
    "fill_s": 0.02,
    "blocks": [{"block": "bandpass", "low_hz": 4.0, "high_hz": 40.0, "order": 2}],
}
WINDOWS = EpochSettings(tmin_s=0.0, tmax_s=0.04, baseline_s=None, hop_s=0.02)
SFREQ = SPEC.sfreq


def torn_runs(n_runs, seed):
    """Return data, stamps, flags and the runs' ends: each after a gap, with faults of its own."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(6, 30, n_runs)
    ends = np.cumsum(lengths)
    n = int(ends[-1])
    data = rng.normal(0.0, 10.0, (n, 4)).astype(np.float32)
    steps = np.full(n, 1 / SFREQ)
    steps[ends[:-1]] = rng.choice([0.5, -0.05, -0.5, 100.0], n_runs - 1)  # how each run begins
    some = rng.random(n)
    steps[some < 0.02] = 3 / SFREQ  # two are missing, to be filled
    steps[(some > 0.02) & (some < 0.03)] = 0.0  # twice the same stamp
    data[1:][(some > 0.02)[1:] & (some < 0.025)[1:]] = data[:-1][
        (some > 0.02)[1:] & (some < 0.025)[1:]
    ]
    data[some > 0.98, 0] = np.nan
    data[some > 0.99, 1] = 1e6
    stamps = 1000.0 + np.cumsum(steps)
    stamps[(some > 0.05) & (some < 0.055)] = np.nan
    flags = np.zeros(n, np.uint16)
    flags[(some > 0.06) & (some < 0.065)] = Flag.GAP | Flag.CLOCK
    return data, stamps, flags, ends


def outputs(data, stamps, flags, bounds):
    """Return all that comes out of the pipeline, and the epochs."""
    pipeline, epocher = Pipeline(settings_from_spec(CHEAP)), Epocher(WINDOWS)
    epocher.reset(pipeline.reset(SPEC))
    chunks, epochs = [], []
    for start, stop in itertools.pairwise(bounds.tolist()):
        part = slice(start, stop)
        chunk = pipeline.step(
            Chunk(data[part].copy(), stamps[part].copy(), flags[part].copy(), start)
        )
        epochs += epocher.step(chunk)
        if len(chunk):
            chunks.append(chunk)
    assert all(a.index + len(a) == b.index for a, b in itertools.pairwise(chunks))
    return chunks, epochs, (pipeline.lost, pipeline.filled, pipeline.flagged, pipeline.timing)


def cut(ends, rng):
    """Return bounds that cut each run into up to six chunks, some empty, some over its end."""
    places = [rng.integers(0, ends[-1] + 1, 2 * len(ends)), rng.choice(ends, len(ends) // 2)]
    return np.sort(np.concatenate([[0], *places, ends[-1:]]))


def check(n_runs, seed):
    data, stamps, flags, ends = torn_runs(n_runs, seed)
    whole = outputs(data, stamps, flags, np.array([0, len(data)]))
    short = outputs(data, stamps, flags, cut(ends, np.random.default_rng(seed + 1)))
    for field in ("data", "stamps", "flags"):
        one, other = (
            np.concatenate([getattr(chunk, field) for chunk in chunks])
            for chunks, *_ in (whole, short)
        )
        assert np.array_equal(one, other)
    assert len(whole[1]) == len(short[1])
    for one, other in zip(whole[1], short[1], strict=True):
        assert np.array_equal(one.data, other.data, equal_nan=True)
        assert (one.flags, one.rejected, one.onset_index) == (
            other.flags,
            other.rejected,
            other.onset_index,
        )
    assert whole[2] == short[2]


@pytest.mark.parametrize("seed", range(3))
def test_some_hundred_runs(seed):
    check(300, seed)


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_hundred_thousand_runs():
    for seed in range(50):
        check(2000, 100 + seed)
