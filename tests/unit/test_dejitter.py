"""How far dejittered stamps are from the truth: never further than the stamps themselves.

And at most 1 ms from one second after a gap on, whatever the loss, the drift and the jitter.
"""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.timing.continuity import Continuity, ContinuitySettings, measured_gap_s
from saccade.realtime.types import Chunk, Flag, StreamSpec

SFREQ = 250.0
SPEC = StreamSpec("amp", SFREQ, ("Fz",), ("eeg",), ("µV",))
LOST_AT_S, LENGTH_S = 60.0, 150.0
JITTERS = {
    "normal": lambda rng, n: rng.normal(0, 2e-3, n),
    "uniform": lambda rng, n: rng.uniform(-4e-3, 4e-3, n),
    "one-sided": lambda rng, n: rng.lognormal(np.log(1e-3), 0.8, n),
    # What all samples of a packet share averages out as slowly as packets come: less of it, then.
    "of packets": lambda rng, n: np.repeat(rng.normal(0, 1e-3, n // 8 + 1), 8)[:n],
}


def dejittered(stamps: np.ndarray, gap_s: float) -> Chunk:
    block = Continuity(ContinuitySettings(gap_s, dejitter=True))
    block.reset(SPEC)
    n = len(stamps)
    return block.step(Chunk(np.zeros((n, 1), np.float32), stamps, np.zeros(n, np.uint16), 0))


@pytest.mark.parametrize("kind", JITTERS)
@pytest.mark.parametrize("drift_ppm", [0.0, 200.0])
@pytest.mark.parametrize("dropout_s", [0.1, 0.5, 2.0])
def test_the_law_of_dejittering(kind: str, drift_ppm: float, dropout_s: float) -> None:
    truth = 3e5 + np.arange(LENGTH_S * SFREQ) / SFREQ * (1 + 1e-6 * drift_ppm)
    age_s = truth - truth[0] - LOST_AT_S
    truth = truth[(age_s < 0) | (age_s >= dropout_s)]
    for seed in range(5):
        stamps = truth + JITTERS[kind](np.random.default_rng(seed), len(truth))
        # By how much all are late, no method can know.
        latency_s = np.mean(stamps - truth)
        out = dejittered(stamps, measured_gap_s(stamps, SFREQ))
        raw_ms, error_ms = (1e3 * (s - truth - latency_s) for s in (stamps, out.stamps))
        assert np.abs(error_ms).max() <= np.abs(raw_ms).max()
        torn = np.flatnonzero(out.flags & np.uint16(Flag.GAP))
        lost_at = int(np.searchsorted(truth, 3e5 + LOST_AT_S + 0.05))
        assert lost_at in torn
        # A stamp later than jitter was found to be is a gap, too: its second is left out.
        since_s = truth[:, None] - truth[[0, *torn]]
        settled = ((since_s < 0) | (since_s >= 1)).all(axis=1)
        assert settled.sum() > 30_000
        assert np.abs(error_ms[settled]).max() <= 1
        assert np.std(error_ms[settled]) < np.std(raw_ms) / 5


def test_stamps_keep_their_order_between_tears() -> None:
    rng = np.random.default_rng(0)
    stamps = np.arange(20_000) / SFREQ + rng.exponential(0.02, 20_000)
    out = dejittered(stamps, 0.4)
    assert (np.diff(stamps) < 0).sum() > 5000
    assert not out.flags.any()
    assert (np.diff(out.stamps) >= 0).all()
    assert (np.diff(out.stamps[500:]) > 0.8 / SFREQ).all()
