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

    after, resets, _ = corrected(sender(TRUE), *measured(TRUE, sender), RATE)
    assert resets == ()
    assert np.abs(after - TRUE).max() < 40e-6


@pytest.mark.parametrize("pause_s", [0.3, 3.0, 30.0])
@pytest.mark.parametrize("jump_s", [0.5, -0.5, 2.0, -40.0])
def test_a_pause_hides_no_reset(jump_s: float, pause_s: float) -> None:
    true = TRUE + pause_s * (np.arange(len(TRUE)) >= 3000)

    def sender(t: Float64) -> Float64:
        return t - jump_s * (t >= true[3000])

    after, resets, notes = corrected(sender(true), *measured(true, sender), RATE)
    assert resets == (3000,)
    assert np.abs(after - true).max() < 40e-6
    assert notes == ()


def test_one_bad_measurement_moves_nothing() -> None:
    times, offsets = measured(TRUE, lambda t: t - 7.0)
    clean, *_ = corrected(TRUE - 7.0, times, offsets, RATE)
    for wrong_s in (0.05, 500.0):  # a slow exchange, and nonsense
        bad = offsets.copy()
        bad[4] += wrong_s
        after, resets, _ = corrected(TRUE - 7.0, times, bad, RATE)
        assert resets == ()
        assert np.abs(after - clean).max() < 1e-4


@pytest.mark.parametrize("jump_s", [653188.0, 40.0, 2.0, -3.0, 0.9, -0.5, 0.15])
def test_a_clock_that_was_set_is_found_at_its_sample(jump_s: float) -> None:
    """The stamps jump, the recorder's clock does not: nothing but a mark is left of it."""
    row = 2345
    was_set = TRUE[row]

    def sender(t: Float64) -> Float64:
        return t + 1000.0 - jump_s * (t >= was_set)

    after, resets, _ = corrected(sender(TRUE), *measured(TRUE, sender), RATE)
    assert resets == (row,)
    assert np.abs(after - TRUE).max() < 40e-6


def test_a_last_measurement_of_another_clock_takes_no_samples_with_it() -> None:
    """As an outlet leaves behind that ends under a recorder, liblsl issue 246."""
    true = np.concatenate([TRUE[:5700], TRUE[5700:] + 0.8])  # a gap nearby is no reset
    times, offsets = measured(true, lambda t: t - 7.0)
    clean, *_ = corrected(true - 7.0, times, offsets, RATE)
    after, resets, _ = corrected(
        true - 7.0, np.append(times, 9e5), np.append(offsets, -8.9e5), RATE
    )
    assert resets == ()
    assert np.array_equal(after, clean)


@pytest.mark.parametrize("size_s", [0.3, -0.8, 2.0, -100.0])
@pytest.mark.parametrize("places", [[0], [-1], [5, 6]], ids=["first", "last", "two in a row"])
def test_measurements_that_the_stamps_do_not_bear_out_move_nothing_and_are_told(
    size_s: float, places: list[int]
) -> None:
    """They went wrong at a plausible time, as LabRecorder writes it: when, less the offset."""
    times, offsets = measured(TRUE, lambda t: t - 7.0)
    clean, _, notes = corrected(TRUE - 7.0, times, offsets, RATE)
    assert notes == ()
    times[places] -= size_s
    offsets[places] += size_s
    after, resets, notes = corrected(TRUE - 7.0, times, offsets, RATE)
    assert resets == ()
    assert np.abs(after - clean).max() < 50e-6
    if abs(size_s) < 50.0:  # what was measured far from all samples is of no sample's clock
        assert notes == (
            f"has {len(places)} clock offsets of 12 that neither the others nor its stamps bear "
            "out: they are left out",
        )


def test_a_sender_that_slept_is_found_by_what_was_not_measured_meanwhile() -> None:
    """Its clock stood still, so that a few samples are all that its stamps miss of 100 s."""
    true = np.concatenate([TRUE[:3000], TRUE[3003:] + 100.0])
    asleep_s = TRUE[3000] - 0.001

    def sender(t: Float64) -> Float64:
        return np.where(t < asleep_s, t, np.maximum(t - 100.0, asleep_s))

    at = np.concatenate([np.arange(50.0, 80.0, 5.0), np.arange(182.0, 210.0, 5.0)])
    after, resets, _ = corrected(sender(true), sender(at), at - sender(at), RATE)
    assert resets == (3000,)
    assert np.abs(after - true).max() < 1e-6


@pytest.mark.parametrize("n_offsets", [2, 3, 6])
def test_a_short_span_of_measurements_tells_no_drift(n_offsets: int) -> None:
    """Two of them 1 ms apart would be 60 ms after five minutes."""
    true = 50.0 + np.arange(300_00) / RATE
    offsets = np.array([0.0, 1e-3, 0.0, 1e-3, 0.0, 1e-3])[:n_offsets]
    after, _, notes = corrected(true, 51.0 + 5.0 * np.arange(n_offsets), offsets, RATE)
    assert np.abs(after - true).max() <= 1e-3
    assert any("away from any measurement of its clock" in note for note in notes)


def test_no_clock_drifts_more_than_a_clock_can() -> None:
    times = np.arange(50.0, 110.0, 5.0)
    after, resets, notes = corrected(TRUE, times, 1e-3 * (times - 80.0), RATE)
    assert resets == ()
    assert np.ptp(after - TRUE) == pytest.approx(500e-6 * np.ptp(TRUE))
    assert any("do not lie on a line" in note for note in notes)


def test_a_step_too_small_for_a_reset_is_told() -> None:
    was_set = TRUE[3000]

    def sender(t: Float64) -> Float64:
        return t - 0.05 * (t >= was_set)

    _, resets, (note,) = corrected(sender(TRUE), *measured(TRUE, sender), RATE)
    assert resets == ()
    assert "do not lie on a line, but up to 2" in note  # about half of the 50 ms


def test_a_gap_at_a_reset_keeps_its_length() -> None:
    true = np.concatenate([TRUE[:3000], TRUE[3000:] + 273.0])

    def sender(t: Float64) -> Float64:
        return np.where(t < TRUE[3000], t + 653188.0, t - 200.0)

    at = np.concatenate([np.arange(50.0, 80.0, 5.0), np.arange(360.0, 383.0, 5.0)])
    after, resets, _ = corrected(sender(true), sender(at), at - sender(at), RATE)
    assert resets == (3000,)
    assert np.abs(after - true).max() < 1e-6
    # A recorder may go on telling the last offset of a sender that is gone.
    at, gone = np.arange(50.0, 383.0, 5.0), np.arange(50.0, 383.0, 5.0) < 350.0
    for before_s, after_s in ((653188.0, -200.0), (-40.0, 653188.0)):
        stamps = true + np.where(true < TRUE[3000], before_s, after_s)
        times = at + np.where(gone, before_s, after_s)
        after, resets, _ = corrected(stamps, times, at - times, RATE)
        assert resets == (3000,)
        assert np.abs(after - true).max() < 1e-6


def test_offsets_of_zero_change_no_bit() -> None:
    times = np.arange(50.0, 110.0, 5.0)
    after, resets, _ = corrected(TRUE, times, np.zeros(len(times)), RATE)
    assert resets == ()
    assert np.array_equal(after, TRUE)


def test_one_offset_is_a_shift_and_none_is_nothing() -> None:
    after, *_ = corrected(TRUE, np.array([60.0]), np.array([-0.25]), RATE)
    assert np.array_equal(after, TRUE - 0.25)
    assert corrected(TRUE, np.empty(0), np.empty(0), RATE)[0] is TRUE
    assert len(corrected(np.empty(0), np.array([60.0]), np.array([1.0]), RATE)[0]) == 0


def test_events_are_parted_at_a_reset_too() -> None:
    true = np.array([55.0, 70.0, 90.0, 100.0])

    def sender(t: Float64) -> Float64:
        return t + 653188.0 * (t < 80.0)

    after, resets, _ = corrected(sender(true), *measured(TRUE, sender), 0.0)
    assert resets == (2,)
    assert np.abs(after - true).max() < 40e-6


def test_pyxdf_has_the_same_stamps(write_xdf: Callable[..., Path], xdf_stream: type) -> None:
    import pyxdf

    def sender(t: Float64) -> Float64:
        return np.where(t < 110.0, t + 653188.0, t - 20.0) * (1 + 30e-6)

    true = 50.0 + np.arange(120_00) / RATE
    times, offsets = measured(true, sender)
    values = np.zeros((len(true), 1), np.float32)
    path = write_xdf(
        xdf_stream(
            "A", "EEG", values, sender(true), RATE, offsets=list(zip(times, offsets, strict=True))
        )
    )
    (stream,), _ = pyxdf.load_xdf(path, dejitter_timestamps=False)
    after, *_ = corrected(sender(true), times, offsets, RATE)
    assert np.abs(after - stream["time_stamps"]).max() < 1e-6
