"""Clocks of XDF streams: offset, drift and resets, against the truth and against pyxdf."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from saccade.realtime.sources.formats.xdf_clock import corrected
from saccade.realtime.types import Float64

RATE = 100.0
TRUE = 50.0 + np.arange(60_00) / RATE  # a minute on the recorder's clock


def measured(true: Float64, to_sender: Callable[[Float64], Float64]) -> tuple[Float64, Float64]:
    """Offsets every five seconds with the noise of a real exchange, as LabRecorder writes them."""
    at = np.arange(true[0], true[-1], 5.0)
    sender = to_sender(at)
    noise = np.random.default_rng(4).normal(0.0, 15e-6, len(at))
    return sender, at - sender + noise


def test_offset_and_drift_are_removed_to_the_noise_of_the_measurement() -> None:
    def sender(t: Float64) -> Float64:
        return (t - 1e6) * (1 + 200e-6)

    after, resets = corrected(sender(TRUE), *measured(TRUE, sender), RATE)
    assert resets == ()
    assert np.abs(after - TRUE).max() < 40e-6


def test_one_bad_measurement_moves_nothing() -> None:
    times, offsets = measured(TRUE, lambda t: t - 7.0)
    clean, _ = corrected(TRUE - 7.0, times, offsets, RATE)
    for wrong_s in (0.05, 500.0):  # a slow exchange, and nonsense
        bad = offsets.copy()
        bad[4] += wrong_s
        after, resets = corrected(TRUE - 7.0, times, bad, RATE)
        assert resets == ()
        assert np.abs(after - clean).max() < 1e-4


@pytest.mark.parametrize("jump_s", [653188.0, 40.0, 2.0, -3.0])
def test_a_clock_that_was_set_is_found_at_its_sample(jump_s: float) -> None:
    """The stamps jump, the recorder's clock does not: nothing but a mark is left of it."""
    row = 2345
    was_set = TRUE[row]

    def sender(t: Float64) -> Float64:
        return t + 1000.0 - jump_s * (t >= was_set)

    after, resets = corrected(sender(TRUE), *measured(TRUE, sender), RATE)
    assert resets == (row,)
    assert np.abs(after - TRUE).max() < 40e-6


def test_a_last_measurement_of_another_clock_takes_no_samples_with_it() -> None:
    """As an outlet leaves behind that ends under a recorder, liblsl issue 246."""
    true = np.concatenate([TRUE[:5700], TRUE[5700:] + 0.8])  # a gap nearby is no reset
    times, offsets = measured(true, lambda t: t - 7.0)
    clean, _ = corrected(true - 7.0, times, offsets, RATE)
    after, resets = corrected(true - 7.0, np.append(times, 9e5), np.append(offsets, -8.9e5), RATE)
    assert resets == ()
    assert np.array_equal(after, clean)


def test_a_gap_at_a_reset_keeps_its_length() -> None:
    true = np.concatenate([TRUE[:3000], TRUE[3000:] + 273.0])

    def sender(t: Float64) -> Float64:
        return np.where(t < TRUE[3000], t + 653188.0, t - 200.0)

    at = np.concatenate([np.arange(50.0, 80.0, 5.0), np.arange(360.0, 383.0, 5.0)])
    after, resets = corrected(sender(true), sender(at), at - sender(at), RATE)
    assert resets == (3000,)
    assert np.abs(after - true).max() < 1e-6


def test_offsets_of_zero_change_no_bit() -> None:
    times = np.arange(50.0, 110.0, 5.0)
    after, resets = corrected(TRUE, times, np.zeros(len(times)), RATE)
    assert resets == ()
    assert np.array_equal(after, TRUE)


def test_one_offset_is_a_shift_and_none_is_nothing() -> None:
    after, _ = corrected(TRUE, np.array([60.0]), np.array([-0.25]), RATE)
    assert np.array_equal(after, TRUE - 0.25)
    assert corrected(TRUE, np.empty(0), np.empty(0), RATE)[0] is TRUE
    assert len(corrected(np.empty(0), np.array([60.0]), np.array([1.0]), RATE)[0]) == 0


def test_events_are_parted_at_a_reset_too() -> None:
    true = np.array([55.0, 70.0, 90.0, 100.0])

    def sender(t: Float64) -> Float64:
        return t + 653188.0 * (t < 80.0)

    after, resets = corrected(sender(true), *measured(TRUE, sender), 0.0)
    assert resets == (2,)
    assert np.abs(after - true).max() < 40e-6


def test_pyxdf_has_the_same_stamps(write_xdf: Callable[..., Path], xdf_stream: type) -> None:
    import pyxdf

    def sender(t: Float64) -> Float64:
        return np.where(t < 80.0, t + 653188.0, t - 20.0) * (1 + 30e-6)

    times, offsets = measured(TRUE, sender)
    values = np.zeros((len(TRUE), 1), np.float32)
    path = write_xdf(
        xdf_stream(
            "A", "EEG", values, sender(TRUE), RATE, offsets=list(zip(times, offsets, strict=True))
        )
    )
    (stream,), _ = pyxdf.load_xdf(path, dejitter_timestamps=False)
    after, _ = corrected(sender(TRUE), times, offsets, RATE)
    assert np.abs(after - stream["time_stamps"]).max() < 1e-6
