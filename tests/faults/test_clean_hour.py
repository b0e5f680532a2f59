"""An hour of a stream that has nothing wrong with it: not one sample is flagged or thought lost."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.pipeline import Pipeline, settings_from_spec
from saccade.realtime.types import Chunk, StreamSpec

SFREQ, HOUR_S, BLOCK = 1000.0, 3600, 10_000
SPEC = StreamSpec("amp", SFREQ, tuple("abcd"), ("eeg",) * 4, ("µV",) * 4)
CLOCK_NOISE_S, MEASURED_EVERY_S = 20e-6, 5.0


def even(numbers, rng):
    """Return stamps of an amplifier that stamps every sample."""
    del rng
    return numbers / SFREQ


def deduced(numbers, rng):
    """Return stamps as liblsl deduces them: each block of 20 from its own, at the nominal rate.

    The amplifier's crystal is slow by 50 ppm and a block is pushed up to 20 µs late.
    """
    blocks = numbers // 20
    pushed = (blocks + 1) * 20 / SFREQ * (1 + 5e-5)
    late = rng.uniform(0, 20e-6, blocks[-1] - blocks[0] + 1)[blocks - blocks[0]]
    return pushed + late - (19 - numbers % 20) / SFREQ


@pytest.mark.parametrize("dejitter", [False, True])
@pytest.mark.parametrize("made", [even, deduced])
def test_nothing_is_flagged(made, dejitter):
    rng = np.random.default_rng(0)
    pipeline = Pipeline(settings_from_spec({"fill_s": 0.02, "dejitter": dejitter, "blocks": []}))
    pipeline.reset(SPEC)
    data = rng.normal(0.0, 10.0, (BLOCK, 4)).astype(np.float32)
    n_measured = int(HOUR_S / MEASURED_EVERY_S)
    offsets = 123.456 + rng.normal(0.0, CLOCK_NOISE_S, n_measured)
    n_out = 0
    for start in range(0, int(HOUR_S * SFREQ), BLOCK):
        numbers = np.arange(start, start + BLOCK)
        measured = (numbers / (SFREQ * MEASURED_EVERY_S)).astype(int)
        stamps = 1_234_567.0 + made(numbers, rng) + offsets[measured]
        chunk = Chunk(data.copy(), stamps, np.zeros(BLOCK, np.uint16), start)
        out = pipeline.step(chunk)
        assert not out.flags.any()
        n_out += len(out)
    assert n_out == HOUR_S * SFREQ
    assert (pipeline.lost, pipeline.filled, pipeline.flagged) == (0, 0, 0)
    assert not any(pipeline.timing.values())
    report = pipeline.timing_report()
    assert report["wrong_rate"] is False
    assert report["effective_sfreq"] == pytest.approx(SFREQ, rel=1e-4)
