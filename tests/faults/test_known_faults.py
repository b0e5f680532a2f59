"""What a widely used library was seen to get wrong (mne-lsl 1.14): cases that must not occur."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from decoding import PIPELINE, Readings, decode, pieces, window
from injection import BEGIN, SFREQ, TORN, undisturbed, without

from saccade.realtime.types import Flag, Marker

RUNS = range(3)


def run(session, seed=0, **epochs):
    sizes = pieces(len(session.data), np.random.default_rng(seed))
    return decode(Readings(session, sizes), **epochs)


@pytest.mark.parametrize("seed", RUNS)
def test_one_nan_does_not_poison_the_channel_for_good(seed):
    """There, that channel was NaN for the rest of the run; with an average reference, all were."""
    clean = undisturbed(seed)
    data = clean.data.copy()
    data[BEGIN, 1] = np.nan
    expected, got = run(clean), run(replace(clean, data=data))
    assert [block["block"] for block in PIPELINE["blocks"]][-1] == "reference"
    assert all(np.isfinite(epoch.data).all() for epoch in got.epochs.values())
    rejected = [epoch for epoch in got.epochs.values() if "nonfinite" in epoch.rejected]
    held = [epoch for epoch in got.epochs.values() if window(epoch)[0] <= BEGIN <= window(epoch)[1]]
    assert rejected == held  # those that hold it, and no other
    later = [v for v, e in expected.epochs.items() if window(e)[0] > BEGIN + 3 * SFREQ]
    assert len(later) > 10
    for value in later:
        assert got.epochs[value].data == pytest.approx(expected.epochs[value].data, abs=1e-4)


@pytest.mark.parametrize("seed", RUNS)
def test_a_hole_of_four_seconds_after_reconnecting_is_marked(seed):
    """There, the buffer just held a step of 4.28 s, and 5000 µV rang through the old state."""
    clean = undisturbed(seed)
    at = BEGIN + 37
    torn = without(clean, np.arange(at, at + 1000))
    data, flags = torn.data.copy(), torn.flags.copy()
    data[at:] += np.float32(5000)
    flags[at] = TORN  # what the LSL source says of the first sample of a new connection
    got = run(replace(torn, data=data, flags=flags))
    expected = run(clean)
    over = [e for e in got.epochs.values() if window(e)[0] < at <= window(e)[1]]
    assert over
    assert all("gap" in e.rejected and Flag.CLOCK in e.flags for e in over)
    assert got.summary["timing"]["clock_resets"] == 1
    assert got.summary["samples"]["flagged"] == 1
    # Nothing rings: what is kept is no larger than what is kept without a fault.
    largest = max(np.abs(e.data).max() for e in expected.epochs.values())
    assert all(np.abs(e.data).max() < 1.2 * largest for e in got.epochs.values() if not e.rejected)


@pytest.mark.parametrize("seed", RUNS)
def test_a_kept_epoch_never_stands_under_two_labels(seed):
    """There, of two events in one acquisition with one rejected, both had the kept one's data."""
    clean = undisturbed(seed)
    t0, data = float(clean.stamps[0]), clean.data.copy()
    data[3000:3010, 0] += 5000  # within the first epoch of each pair or triple only
    for others in (1, 2):
        onsets = [12.0, *(13.0 + i for i in range(others))]
        markers = tuple(Marker(f"m{i}", t0 + t, "e") for i, t in enumerate(onsets))
        session = replace(clean, data=data, markers=markers, arrivals=(3000,) * len(markers))
        whole = decode(Readings(session, [6000]), reject_ptp_uv=500.0)  # in one acquisition
        assert [bool(e.rejected) for e in whole.epochs.values()] == [True, *[False] * others]
        assert "peak to peak" in whole.epochs["m0"].rejected[0]
        assert set(whole.predictions) == {f"m{i + 1}" for i in range(others)}
        for value, epoch in whole.epochs.items():
            alone = decode(
                Readings(
                    replace(
                        session,
                        markers=tuple(m for m in markers if m.value == value),
                        arrivals=(3000,),
                    ),
                    [6000],
                )
            ).epochs[value]
            assert np.array_equal(epoch.data, alone.data)
            assert epoch.label == value


def test_markers_that_storm_in_are_each_cut_at_their_own_sample():
    """Two thousand in two seconds; each epoch is that of its own sample, nothing is left over."""
    clean = undisturbed(0)
    t0 = float(clean.stamps[0])
    times = 8.0 + np.arange(2000) / 1000.0
    markers = tuple(Marker(f"s{i}", t0 + float(t), "e") for i, t in enumerate(times))
    arrivals = tuple(int(t * SFREQ) + 1 for t in times)
    got = run(replace(clean, markers=markers, arrivals=arrivals))
    assert len(got.epochs) == len(got.predictions) == 2000
    by_onset = {}
    for i, time in enumerate(times):
        epoch = got.epochs[f"s{i}"]
        # The nearest sample, the earlier within a tenth of a period of the middle.
        assert epoch.onset_index == int(np.ceil(time * SFREQ - 0.6 - 1e-6))
        same = by_onset.setdefault(epoch.onset_index, epoch)
        assert np.array_equal(epoch.data, same.data)
    assert got.summary["markers"] == {"received": 2000, "unmatched": 0}


@pytest.mark.parametrize("sizes", [[6000], [1600, 4400], [1650, 100, 4250], [1] * 6000])
def test_a_marker_beside_a_clock_that_was_set_back_has_no_wrong_epoch(sizes):
    """Its time is that of two samples, 0.7 s apart, whether or not it comes with the later one."""
    clean = undisturbed(0)
    t0, at = float(clean.stamps[0]), 1700
    stamps = clean.stamps.copy()
    stamps[at:] -= 0.7
    onset = at + 20  # and this is the sample that is meant
    marker = Marker("m", float(stamps[onset]), "e")
    assert marker.stamp < t0 + at / SFREQ
    session = replace(clean, stamps=stamps, markers=(marker,), arrivals=(onset + 1,))
    (epoch,) = decode(Readings(session, sizes)).epochs.values()
    assert epoch.rejected == ("two samples have its time: clock set back",)


@pytest.mark.parametrize(("tmin_s", "tmax_s"), [(-0.2, 0.6), (0.6, 1.4), (-0.9, -0.1)])
def test_a_marker_in_a_hole_has_no_epoch_of_other_samples(tmin_s, tmax_s):
    """However far its window is from the hole: a kept epoch begins where its marker says."""
    clean = undisturbed(3)
    t0, at = float(clean.stamps[0]), 2000
    torn = without(clean, np.arange(at, at + 1000))  # from 8 to 12 s
    onsets = (7.0, 8.5, 9.5, 10.1, 11.0, 11.5, 13.0)
    markers = tuple(Marker(f"m{i}", t0 + t, "e") for i, t in enumerate(onsets))
    arrivals = tuple(int(np.searchsorted(torn.stamps, m.stamp)) + 5 for m in markers)
    session = replace(torn, markers=markers, arrivals=arrivals)
    got = run(session, tmin_s=tmin_s, tmax_s=tmax_s, baseline_s=None).epochs
    for epoch in got.values():
        if not epoch.rejected:
            assert abs(torn.stamps[epoch.onset_index] - epoch.onset_s) <= 1.5 / SFREQ
    for i in range(1, 6):
        assert got[f"m{i}"].rejected == ("no sample has its time: samples are missing there",)


@pytest.mark.parametrize("back_s", [0.7, 3600.0])
def test_markers_by_a_clock_that_was_set_back_are_kept_where_only_one_sample_has_their_time(back_s):
    clean = undisturbed(4)
    stamps = clean.stamps.copy()
    stamps[1500:] -= back_s
    later = np.arange(1500, 5500, 100) + 0
    markers = tuple(Marker(f"m{i}", float(stamps[row]), "e") for i, row in enumerate(later))
    session = replace(clean, stamps=stamps, markers=markers, arrivals=tuple((later + 5).tolist()))
    got = run(session).epochs
    for i, row in enumerate(later.tolist()):
        if row > 1500 + 2 * SFREQ:
            assert (got[f"m{i}"].onset_index, got[f"m{i}"].rejected) == (row, ())


@pytest.mark.parametrize("seed", RUNS)
@pytest.mark.parametrize(("value", "n_bad"), [(np.nan, 1), (np.nan, 5), (4e5, 3)])
def test_a_restart_that_begins_with_bad_samples_lets_no_old_level_in(seed, value, n_bad):
    clean = undisturbed(seed)
    at = BEGIN + 100
    torn = without(clean, np.arange(at, at + 1000))
    data, flags = torn.data.copy(), torn.flags.copy()
    data[at:] += np.float32([5000, -5000, 3000, 0])
    flags[at] = TORN
    data[at : at + n_bad] = value
    expected, got = run(clean), run(replace(torn, data=data, flags=flags))
    kept = [v for v, e in got.epochs.items() if not (e.rejected or expected.epochs[v].rejected)]
    assert len(kept) > 20
    for value in kept:
        assert np.abs(got.epochs[value].data - expected.epochs[value].data).max() < 0.1
