"""Markers and hops become epochs: aligned, whole, judged, each exactly once."""

from __future__ import annotations

import numpy as np
import pytest

from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Chunk, Flag, Marker, StreamSpec

SFREQ = 100.0
N = 1000
SPEC = StreamSpec("test", SFREQ, ("Cz", "Oz", "TRG"), ("eeg", "eeg", "stim"), ("uV", "uV", ""))
SIGNAL = np.random.default_rng(0).standard_normal((N, 3)).astype(np.float32)
STAMPS = 50.0 + np.arange(N) / SFREQ
PLAIN = EpochSettings(tmin_s=-0.2, tmax_s=0.3, baseline_s=None)


def chunk(start: int = 0, stop: int = N, data=SIGNAL, stamps=STAMPS, flags=None) -> Chunk:
    flags = np.zeros(N, np.uint16) if flags is None else flags
    return Chunk(data[start:stop].copy(), stamps[start:stop], flags[start:stop].copy(), start)


def at(sample: float, value: str = "a") -> Marker:
    return Marker(value, 50.0 + sample / SFREQ)


def epocher(settings: EpochSettings = PLAIN) -> Epocher:
    made = Epocher(settings)
    made.reset(SPEC)
    return made


def test_an_epoch_is_the_window_around_the_nearest_sample() -> None:
    (epoch,) = epocher().step(chunk(), [at(300.4)])
    assert epoch.onset_index == 300
    assert epoch.onset_s == pytest.approx(53.004)
    assert np.array_equal(epoch.data, SIGNAL[280:330].T)
    assert (epoch.tmin_s, epoch.sfreq, epoch.n_missing) == (-0.2, SFREQ, 0)
    assert epoch.last_stamp_s == STAMPS[329]
    assert (epoch.marker, epoch.label, epoch.rejected) == ("a", "a", ())


@pytest.mark.parametrize(
    ("after", "sample"), [(0.0, 0), (0.5, 0), (0.501, 0), (0.59, 0), (0.61, 1), (0.99, 1)]
)
def test_about_the_middle_between_two_samples_the_earlier_is_meant(
    after: float, sample: int
) -> None:
    (epoch,) = epocher().step(chunk(), [at(300 + after)])
    assert epoch.onset_index == 300 + sample


def test_the_window_is_half_open() -> None:
    made = epocher(EpochSettings(tmin_s=0.0, tmax_s=1.0, baseline_s=None))
    assert made.n_times == 100
    (epoch,) = made.step(chunk(0, 400), [at(300)])
    assert np.array_equal(epoch.data, SIGNAL[300:400].T)
    assert not epocher(made.settings).step(chunk(0, 399), [at(300)])


def test_a_marker_before_its_samples_waits() -> None:
    made = epocher()
    assert made.step(chunk(0, 100), [at(300)]) == []
    assert made.step(chunk(100, 329)) == []
    (epoch,) = made.step(chunk(329, 330))
    assert np.array_equal(epoch.data, SIGNAL[280:330].T)


def test_a_marker_after_its_samples_finds_them() -> None:
    made = epocher()
    assert made.step(chunk(0, 700)) == []
    (epoch,) = made.step(Chunk.empty(3, 700), [at(300)])
    assert np.array_equal(epoch.data, SIGNAL[280:330].T)


def test_a_marker_later_than_late_s_is_rejected_not_lost() -> None:
    made = epocher(EpochSettings(tmin_s=0.0, tmax_s=0.1, baseline_s=None, late_s=0.0))
    made.step(chunk(0, 900))
    (epoch,) = made.step(chunk(900, N), [at(100)])
    assert epoch.rejected == ("missing 10 of 10 samples",)
    assert epoch.flags == Flag.MISSING
    assert np.isnan(epoch.data).all()
    assert made.n_unmatched == 1
    kept = epocher(EpochSettings(tmin_s=0.0, tmax_s=0.1, baseline_s=None, late_s=9.0))
    kept.step(chunk(0, 900))
    assert kept.step(chunk(900, N), [at(100)])[0].rejected == ()


def test_windows_reaching_over_the_ends_of_the_stream_are_rejected_with_the_number() -> None:
    made = epocher()
    (early,) = made.step(chunk(), [at(10), at(990)])
    (late,) = made.finish()
    assert early.rejected == ("missing 10 of 50 samples",)
    assert np.isnan(early.data[:, :10]).all()
    assert np.array_equal(early.data[:, 10:], SIGNAL[:40].T)
    assert late.rejected == ("missing 20 of 50 samples",)
    assert np.array_equal(late.data[:, :30], SIGNAL[970:].T)
    assert made.finish() == []
    assert (made.n_epochs, made.n_rejected, made.n_unmatched) == (2, 2, 0)


def test_a_marker_that_no_sample_ever_reaches_is_unmatched() -> None:
    made = epocher()
    made.step(chunk(), [at(5000)])
    (epoch,) = made.finish()
    assert epoch.rejected == ("missing 50 of 50 samples",)
    assert made.n_unmatched == 1


def test_overlapping_epochs_come_in_the_order_of_their_ends() -> None:
    made = epocher()
    epochs = made.step(chunk(), [at(320, "late"), at(300, "early"), at(310, "middle")])
    assert [e.label for e in epochs] == ["early", "middle", "late"]
    assert [e.number for e in epochs] == [0, 1, 2]
    for epoch, onset in zip(epochs, (300, 310, 320), strict=True):
        assert np.array_equal(epoch.data, SIGNAL[onset - 20 : onset + 30].T)


def test_labels_choose_and_name_the_markers() -> None:
    made = epocher(EpochSettings(labels={"1": "House"}, ignore=("99",)))
    epochs = made.step(chunk(), [at(300, "1"), at(400, "2"), at(410, "2"), at(420, "99")])
    assert [e.label for e in epochs] == ["House"]
    assert made.unlabelled == {"2": 2}
    assert (made.n_markers, made.n_unmatched) == (4, 2)


def test_the_baseline_is_subtracted_from_each_channel() -> None:
    span = EpochSettings(tmin_s=-0.2, tmax_s=0.3, baseline_s=(-0.1, 0.0))
    (epoch,) = epocher(span).step(chunk(), [at(300)])
    cut = SIGNAL[280:330].T.astype(np.float64)
    assert epoch.data == pytest.approx(cut - cut[:, 10:20].mean(axis=1, keepdims=True), abs=1e-6)


def test_the_crop_is_what_is_handed_on() -> None:
    span = EpochSettings(tmin_s=-0.2, tmax_s=0.3, baseline_s=None, crop_s=(0.05, 0.25))
    made = epocher(span)
    (epoch,) = made.step(chunk(), [at(300)])
    assert np.array_equal(epoch.data, SIGNAL[305:325].T)
    assert epoch.tmin_s == made.tmin_s == pytest.approx(0.05)
    assert made.n_times == 20


def test_amplitude_is_judged_over_the_whole_window_on_eeg_channels_only() -> None:
    data = SIGNAL.copy()
    data[281, 1] = 150.0  # outside the crop
    data[300, 2] = 1e6  # a trigger channel
    limit = EpochSettings(
        tmin_s=-0.2, tmax_s=0.3, baseline_s=None, crop_s=(0.0, 0.3), reject_ptp_uv=100.0
    )
    bad, good = epocher(limit).step(chunk(data=data), [at(300), at(400)])
    (reason,) = bad.rejected
    assert reason.startswith("peak to peak 15")
    assert reason.endswith("µV on Oz (limit 100 µV)")
    assert good.rejected == ()


@pytest.mark.parametrize("flag", [Flag.GAP, Flag.NONFINITE, Flag.CLIPPED, Flag.SETTLING])
def test_a_flagged_sample_rejects_the_epochs_that_hold_it_unless_kept(flag: Flag) -> None:
    flags = np.zeros(N, np.uint16)
    flags[325] = flag
    word = flag.words()[0]
    inside, outside = epocher().step(chunk(flags=flags), [at(300), at(360)])
    assert (inside.flags, inside.rejected) == (flag, (word,))
    assert (outside.flags, outside.rejected) == (Flag.NONE, ())
    kept = EpochSettings(tmin_s=-0.2, tmax_s=0.3, baseline_s=None, keep_flagged=(word,))
    inside, _ = epocher(kept).step(chunk(flags=flags), [at(300), at(360)])
    assert (inside.flags, inside.rejected) == (flag, ())


def test_what_was_filled_in_rejects_nothing_and_a_clock_step_goes_with_the_gap() -> None:
    def rejected(flag: Flag, *kept: str) -> tuple[str, ...]:
        flags = np.zeros(N, np.uint16)
        flags[325] = flag
        limits = EpochSettings(tmin_s=-0.2, tmax_s=0.3, baseline_s=None, keep_flagged=kept)
        (epoch,) = epocher(limits).step(chunk(flags=flags), [at(300)])
        assert epoch.flags == flag
        return epoch.rejected

    assert rejected(Flag.FILLED) == ()
    assert rejected(Flag.GAP | Flag.CLOCK) == ("gap", "clock")
    assert rejected(Flag.CLOCK, "settling") == ("clock",)
    assert rejected(Flag.GAP | Flag.CLOCK, "gap") == ()
    assert (Flag.FILLED | Flag.CLIPPED).words() == ["clipped", "filled"]


def test_a_sliding_window_comes_every_hop_without_markers() -> None:
    made = epocher(EpochSettings(tmin_s=0.0, tmax_s=0.5, baseline_s=None, hop_s=0.25))
    epochs = made.step(chunk(), [at(300)])
    assert len(epochs) == (N - 50) // 25 + 1
    for k, epoch in enumerate(epochs):
        assert np.array_equal(epoch.data, SIGNAL[25 * k : 25 * k + 50].T)
        assert epoch.onset_s == STAMPS[25 * k]
        assert (epoch.marker, epoch.label) == (None, None)
    assert made.n_markers == 1


def test_when_an_epoch_was_complete_is_the_arrival_of_what_came_last() -> None:
    made = epocher()
    pieces = [(0, 310, 1.0), (310, 400, 2.0)]
    for start, stop, received_s in pieces:
        part = chunk(start, stop)
        made.step(Chunk(part.data, part.stamps, part.flags, start, received_s))
    (epoch,) = made.step(Chunk.empty(3, 400), [Marker("a", 53.0, received_s=3.5)])
    assert (epoch.received_s, epoch.complete_s) == (2.0, 3.5)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (EpochSettings(tmin_s=0.1, tmax_s=0.1), "at least one sample.*holds 0"),
        (EpochSettings(baseline_s=(-0.3, 0.0)), "baseline_s must be a span inside"),
        (EpochSettings(crop_s=(0.5, 0.5)), "crop_s must be a span inside"),
        (EpochSettings(reject_ptp_uv=-1.0), "above 0 µV, not -1"),
        (EpochSettings(keep_flagged=("missing",)), "may hold gap.*not missing"),
        (EpochSettings(keep_flagged=("ugly",)), "not ugly"),
        (EpochSettings(hop_s=0.001), "hop_s must be at least one sample"),
        (EpochSettings(tmin_s=float("nan")), "tmin_s must be a finite time"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: EpochSettings, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        epocher(settings)


def test_a_marker_that_two_samples_fit_after_the_clock_was_set_back_is_rejected() -> None:
    stamps = np.concatenate([STAMPS[:500], STAMPS[500:] - 2.0])
    flags = np.zeros(N, np.uint16)
    flags[500] = Flag.GAP
    late, early = Marker("late", 54.0), Marker("early", 53.0)
    for sizes in ([100] * 10, [450, 100, 450]):
        made, epochs, start = epocher(), [], 0
        for size in sizes:
            # One comes with its sample, before the clock is set back; the other long after.
            here = [early] if start == 0 else []
            here += [late] if start + size == N else []
            epochs += made.step(chunk(start, start + size, stamps=stamps, flags=flags), here)
            start += size
        found = {epoch.label: epoch for epoch in epochs}
        assert found["early"].onset_index == 300
        assert found["early"].rejected == ()
        assert len(epochs) == 2
    # Known only after the reset, a time that was there twice is nobody's.
    assert found["late"].rejected == ("two samples have its time: clock set back",)


def test_a_marker_that_comes_with_the_step_back_may_mean_either_sample() -> None:
    stamps = np.concatenate([STAMPS[:500], STAMPS[500:] - 2.0])
    flags = np.zeros(N, np.uint16)
    flags[500] = Flag.GAP
    before, within = Marker("before", 52.5), Marker("within", 53.5)
    epochs = epocher().step(chunk(stamps=stamps, flags=flags), [before, within])
    found = {epoch.label: epoch for epoch in epochs}
    assert found["before"].onset_index == 250  # only one sample has that time
    assert found["before"].rejected == ()
    assert found["within"].rejected == ("two samples have its time: clock set back",)


def test_unlabelled_text_that_is_never_the_same_does_not_pile_up() -> None:
    made = epocher(EpochSettings(labels={"1": "House"}))
    made.step(chunk(), [at(300 + 0.1 * i, f"trial {i}") for i in range(400)])
    assert len(made.unlabelled) == 51
    assert made.unlabelled["(other values)"] == 350
    assert sum(made.unlabelled.values()) == made.n_unmatched == 400


def test_markers_whose_samples_do_not_come_are_counted_as_waiting() -> None:
    made = epocher()
    made.step(chunk(), [at(300), at(995), Marker("a", 1.7e9)])
    assert made.n_waiting == 2
    assert len(made.finish()) == 2
    assert made.n_waiting == 0


def test_a_marker_without_a_time_is_rejected_at_once() -> None:
    made = epocher()
    (epoch,) = made.step(chunk(), [Marker("a", float("nan"))])
    assert epoch.rejected == ("missing 50 of 50 samples",)
    assert made.n_unmatched == 1


def test_a_sliding_window_may_begin_after_its_hop() -> None:
    made = epocher(EpochSettings(tmin_s=0.5, tmax_s=1.0, baseline_s=None, hop_s=0.1))
    epochs = made.step(chunk())
    assert not any(epoch.rejected for epoch in epochs)
    assert np.array_equal(epochs[0].data, SIGNAL[:50].T)
