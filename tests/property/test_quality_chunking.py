"""Quality reports depend on the samples, never on how they are cut into chunks."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from saccade.realtime.quality.layout import row
from saccade.realtime.quality.monitor import QualityMonitor
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.simulation.montage import CH_NAMES
from saccade.realtime.types import Chunk, Flag, StreamSpec

NAMES = (*CH_NAMES[::4], "eye", "imp Fp1")
SFREQ, N = 500.0, 9500


def signal():
    """Return what a bad day brings: drift, a bad channel, holes, rails and two gaps."""
    rng = np.random.default_rng(0)
    data = rng.normal(0, 10, (N, len(NAMES))) @ (np.eye(len(NAMES)) + 0.3)
    data += 5e4 + 1e-2 * np.arange(N)[:, None]
    data[2000:, 3] = 40.0
    data[3000:, 4] = np.nan
    data[rng.random(N) < 0.1, 5] = np.inf
    data[:, 6] = np.minimum(data[:, 6], 5e4)
    data[:, -1] = 12.0
    stamps = np.arange(N) / SFREQ
    stamps[1111:] += 0.5
    stamps[7000:7050] += 0.3  # late, and then four times more
    stamps[8000:][np.arange(N - 8000) % 200 < 100] += 0.3
    flags = np.zeros(N, np.uint16)
    flags[1500] = Flag.GAP
    flags[4000:4100] = Flag.FILLED
    return data.astype(np.float32), stamps, flags


DATA, STAMPS, FLAGS = signal()


def reports(cuts, data=DATA):
    monitor = QualityMonitor(QualitySettings(full_scale_uv=1e5))
    kinds = ("eeg",) * (len(NAMES) - 2)
    units = ("µV",) * (len(NAMES) - 1)
    monitor.reset(StreamSpec("amp", SFREQ, NAMES, (*kinds, "eog", "imp"), (*units, "kohm")))
    made = []
    for start, stop in zip([0, *cuts], [*cuts, N], strict=True):
        arrays = (array[start:stop].copy() for array in (data, STAMPS, FLAGS))
        chunk = Chunk(*arrays, start)
        made += monitor.step(chunk)
        assert np.array_equal(chunk.data, data[start:stop], equal_nan=True)
    return [(r.index, r.stamp_s, row(r).tobytes(), r.states, r.reasons) for r in made]


WHOLE = reports([])


@settings(max_examples=12)
@given(st.lists(st.integers(0, N), max_size=300).map(sorted))
def test_reports_are_the_same_for_every_chunking(cuts):
    assert reports(cuts) == WHOLE


def test_they_are_the_same_sample_by_sample():
    assert reports(list(range(1, N))) == WHOLE


def test_there_is_something_to_compare():
    assert len(WHOLE) > 60
    assert {state for _, _, _, states, _ in WHOLE for state in states} == {
        *("good", "doubtful", "bad", "not judged")
    }


def test_a_report_knows_nothing_of_what_comes_after_it():
    cut, other = 6000, DATA.copy()
    other[cut:] += np.random.default_rng(1).normal(0, 100, (N - cut, len(NAMES))).astype(np.float32)
    changed = reports([], other)
    assert [r for r in changed if r[0] < cut] == [r for r in WHOLE if r[0] < cut]
    assert changed != WHOLE
