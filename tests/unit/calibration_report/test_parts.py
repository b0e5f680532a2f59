"""The parts of a report, each against a slow and plain way to do the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.calibration.collect import Rejection, Trials
from saccade.calibration.report.evoked import common_response, electrodes, field_power, topography
from saccade.calibration.report.grouping import confusion
from saccade.calibration.report.measures import judged_by, measures, ordered
from saccade.calibration.report.prospects import next_round
from saccade.calibration.report.repetitions import repeated
from saccade.calibration.report.signal_quality import signal_quality
from saccade.calibration.report.svg import nice_top, ticks
from saccade.calibration.report.timing import rejections, timing
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.sources.file import FileSource, FileSourceSettings


def scores(rng: np.random.Generator, n: int, n_gallery: int, n_shown: int, gain: float):  # type: ignore[no-untyped-def]
    shown = np.arange(n) % n_shown
    found = rng.normal(size=(n, n_gallery))
    found[np.arange(n), shown] += gain
    return found, np.ones((n, n_gallery), dtype=bool), shown


def test_measures_are_of_the_candidates_alone() -> None:
    rng = np.random.default_rng(0)
    found, among, shown = scores(rng, 60, 40, 30, 1.0)
    among[:, 35:] = False
    found[:, 35:] += 100
    told = measures(found, among, shown)
    places = [(row[:35] >= row[s]).sum() for row, s in zip(found, shown, strict=True)]
    assert told["top1"].value == np.mean(np.array(places) == 1)
    assert told["top5"].value == np.mean(np.array(places) <= 5)
    assert told["top1"].name == "top-1 of 35"
    assert told["top1"].chance == pytest.approx(1 / 35)
    assert "auc" not in told


def test_chance_of_few_concepts_is_what_naming_the_commonest_gives() -> None:
    rng = np.random.default_rng(0)
    found, among, _ = scores(rng, 60, 40, 4, 1.0)
    shown = np.repeat([0, 1, 2, 3], [30, 10, 10, 10])
    told = measures(found, among, shown)
    assert told["top1"].chance == 0.5
    assert "top5" not in told  # of 4 that can be meant, one is always among the first five


def test_area_is_of_two_concepts() -> None:
    rng = np.random.default_rng(0)
    found, among, shown = scores(rng, 40, 6, 2, 1.0)
    contrast = found[:, 0] - found[:, 1]
    pairs = [a > b for a in contrast[shown == 0] for b in contrast[shown == 1]]
    assert measures(found, among, shown)["auc"].value == pytest.approx(np.mean(pairs))
    lonely = np.array([0] + [1] * 39)
    assert "auc" not in measures(found, among, lonely)


def test_what_is_judged_by() -> None:
    rng = np.random.default_rng(0)
    many = measures(*scores(rng, 60, 40, 30, 1.0))
    two = measures(*scores(rng, 60, 40, 2, 1.0))
    assert judged_by("auto", many, 40) == "top5"
    assert judged_by("auto", many, 19) == "top1"
    assert judged_by("auto", two, 40) == "auc"
    assert judged_by("top1", two, 40) == "top1"
    assert judged_by("auc", many, 40) == "top5"
    assert [f.name for f in ordered(many, "top5")] == ["top-5 of 40", "top-1 of 40"]


def test_evidence_of_several_is_added_up_within_a_decoder() -> None:
    rng = np.random.default_rng(0)
    found, among, shown = scores(rng, 480, 10, 10, 0.8)
    decoder = np.repeat([0, 1], 240)
    levels = repeated(found, among, shown, decoder, 0, "top1")
    assert [level.k for level in levels] == [1, 2, 4, 8, 16, 24]
    single, *more = (level.figures[0] for level in levels)
    assert single == measures(found, among, shown)["top1"]
    assert [figure.n for figure in more] == [240, 120, 60, 20, 20]
    assert single.value < more[0].value < more[2].value
    # Sums of k are of k times the gain in sqrt(k) times the noise.
    others = rng.normal(size=(100_000, 9)).max(axis=1)
    slow = (rng.normal(0.8 * np.sqrt(2), 1, 100_000) > others).mean()
    assert more[0].value == pytest.approx(slow, abs=0.1)


def test_concepts_shown_once_have_no_curve() -> None:
    found, among, shown = scores(np.random.default_rng(0), 30, 30, 30, 1.0)
    assert repeated(found, among, shown, np.zeros(30, int), 0, "top1") == ()


def test_no_presentation_is_used_twice() -> None:
    found, among, shown = scores(np.random.default_rng(0), 90, 4, 4, 1.0)
    levels = repeated(found, among, shown, np.zeros(90, int), 3, "top1")
    assert len(levels) > 1
    assert all(level.k * level.figures[0].n <= 90 for level in levels)


def gallery(groups: tuple[str, ...] | None = None, n: int = 30) -> Gallery:
    rng = np.random.default_rng(0)
    middles = np.repeat(rng.normal(size=(3, 12)), n // 3, axis=0) * 5
    vectors = (middles + rng.normal(size=(n, 12))).astype(np.float32)
    names = tuple(f"thing {k}" for k in range(n))
    return Gallery(names, vectors, "none", "none", "attributes", groups=groups)


def test_confusion_counts_by_the_groups_of_the_gallery() -> None:
    groups = tuple("abc"[k % 3] for k in range(30))
    shown, said = np.array([0, 0, 1, 2, 3, 6, 9]), np.array([0, 1, 1, 0, 3, 6, 2])
    found = confusion(gallery(groups), shown, said)
    assert found is not None
    assert found.groups == ("a", "b", "c")
    assert found.counts == ((3, 1, 1), (0, 1, 0), (1, 0, 0))
    assert [(name, m.n, m.value) for name, m in found.right] == [("a", 5, 0.6)]


def test_very_many_groups_leave_the_rarest_together() -> None:
    groups = tuple(f"group {k:02d}" for k in range(30))
    shown = np.concatenate([np.arange(30), np.arange(25)])
    found = confusion(gallery(groups), shown, shown)
    assert found is not None
    assert len(found.groups) == 20
    others = found.groups.index("others")
    assert sum(found.counts[others]) == 55 - 2 * 19


def test_few_concepts_stand_for_themselves() -> None:
    found = confusion(gallery(), np.array([0, 4, 4]), np.array([4, 4, 7]))
    assert found is not None
    assert found.groups == ("thing 0", "thing 4", "thing 7")


def test_many_concepts_are_put_together_by_their_vectors() -> None:
    found = confusion(gallery(), np.arange(30), np.roll(np.arange(30), 10))
    assert found is not None
    assert len(found.groups) == 8
    assert sum(map(sum, found.counts)) == 30
    # Things 0 to 9 are alike, as are the next ten: none is answered by one of its own kind.
    assert sum(found.counts[k][k] for k in range(8)) == 0


def test_one_group_has_no_confusion() -> None:
    assert confusion(gallery(), np.array([3, 3]), np.array([3, 3])) is None


def test_common_response_is_the_mean_with_its_peaks(make_session: Callable[..., Trials]) -> None:
    trials = make_session(strength=0.0)
    found = common_response(trials)
    np.testing.assert_allclose(found.values, trials.data.mean(axis=0), atol=1e-4)
    assert found.times_ms[:3] == (0.0, 10.0, 20.0)
    assert found.n == 160
    power = field_power(np.array(found.values))
    assert power[list(found.peaks)].max() == power.max()
    assert abs(found.times_ms[int(power.argmax())] - 150) <= 20


def test_electrodes_lie_where_they_are_seen_from_above() -> None:
    found = dict(zip(("Cz", "Oz", "T7", "Fpz", "XY"), electrodes(("Cz", "Oz", "T7", "Fpz", "XY")),
                     strict=True))  # fmt: skip
    np.testing.assert_allclose(found["Cz"], (0, 0), atol=0.01)
    assert found["Oz"][1] == pytest.approx(-0.8, abs=0.25)
    assert found["T7"][0] < -0.7
    assert found["Fpz"][1] > 0.7
    assert np.isnan(found["XY"]).all()


def test_map_passes_through_the_electrodes_and_ends_at_the_head() -> None:
    names = ("Fz", "C3", "Cz", "C4", "P3", "Pz", "P4", "O1", "Oz", "O2", "unheard")
    values = np.linspace(-2, 2, 11)
    found = topography(names, values.tolist())
    assert found is not None
    assert np.isnan(found[0, 0])
    middle = found.shape[0] // 2
    assert found[middle, middle] == pytest.approx(values[2], abs=0.05)
    same = topography(names, [3.0] * 11)
    assert same is not None
    np.testing.assert_allclose(same[np.isfinite(same)], 3.0, atol=1e-6)


def test_few_or_unknown_electrodes_give_no_map() -> None:
    assert topography(("TP9", "AF7", "AF8", "TP10"), [1.0] * 4) is None
    assert topography(tuple("abcdefghij"), [1.0] * 10) is None


def test_pace_is_that_of_all_trials_within_a_sequence(make_session: Callable[..., Trials]) -> None:
    trials = make_session()
    stamps = trials.onsets_s.copy()
    stamps[40:80] += 7.0  # a pause
    found = timing(dataclasses.replace(trials, onsets_s=stamps, rejections=()))
    assert found is not None
    assert (found.n, found.soa_ms) == (157, pytest.approx(500))
    lost = Rejection(1, float(trials.onsets_s[80] - 0.3), None, ("blink",))
    with_lost = timing(dataclasses.replace(trials, rejections=(lost,)))
    assert with_lost is not None
    assert with_lost.n == 159


def test_too_few_trials_have_no_pace(make_session: Callable[..., Trials]) -> None:
    trials = make_session(n_trials=8)
    assert timing(dataclasses.replace(trials, rejections=())) is None


def test_losses_are_counted_when_they_were(make_session: Callable[..., Trials]) -> None:
    found = rejections(make_session())
    assert (found.n_kept, found.n_rejected) == (160, 2)
    assert dict(found.reasons) == {"settling": 1, "peak to peak": 1}
    assert np.sum(found.over_time, axis=0).tolist() == [160, 2]
    assert found.stretch_s == 10
    assert found.over_time[0][1] == 1  # the settling one, half a second before the first
    assert found.over_time[-1][1] == 1


@pytest.fixture
def recording(write_xdf: Callable[..., Path], xdf_stream: Any) -> FileSource:
    """Return half a minute of three good channels and one that stands still from 10 s on."""
    rng = np.random.default_rng(0)
    n = 30 * 250
    shared = np.cumsum(rng.normal(size=n))
    shared -= np.linspace(shared[0], shared[-1], n)
    data = (shared[:, None] * 0.3 + 3 * rng.normal(size=(n, 4))).astype(np.float32)
    data[2500:, 2] = data[2500, 2]
    channels = [(name, "EEG", "microvolts") for name in ("O1", "Oz", "O2")] + [
        ("extra", "misc", "none")
    ]
    stream = xdf_stream("cap", "EEG", data, np.arange(n) / 250, 250.0, channels=channels)
    return FileSource(FileSourceSettings(write_xdf(stream)))


def test_quality_is_told_bin_by_bin(recording: FileSource) -> None:
    found = signal_quality([recording], QualitySettings(), ("O1", "Oz", "O2", "extra"))
    assert found is not None
    assert found.ch_names == ("O1", "Oz", "O2")  # the others are no EEG
    assert (found.bin_s, found.runs) == (5.0, (6,))
    assert found.states[2][3:] == "bbb"
    assert "has not changed" in found.reasons[2]
    assert found.share(2, "b") >= 0.5


def test_quality_of_two_runs_is_that_of_each(recording: FileSource) -> None:
    one = signal_quality([recording], QualitySettings(), ("O1", "O2"))
    two = signal_quality([recording, recording], QualitySettings(), ("O1", "O2"))
    assert one is not None
    assert two is not None
    assert two.runs == one.runs * 2
    assert two.states == tuple(states * 2 for states in one.states)


def test_without_recording_or_eeg_there_is_no_quality(recording: FileSource) -> None:
    assert signal_quality([], QualitySettings(), ("O1",)) is None
    assert signal_quality([recording], QualitySettings(), ("extra",)) is None


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3), st.integers(2, 12))
def test_ticks_are_round_and_within(low: float, length: float, most: int) -> None:
    found = ticks(low, low + length, most)
    assert len(found) <= most + 1
    assert all(low - 1e-6 <= value <= low + length + 1e-6 for value in found)


@given(st.floats(0, 1))
def test_axis_has_room(value: float) -> None:
    assert value <= nice_top(value) <= max(0.05, min(1, 2.1 * value))


@given(st.floats(0, 0.89))
def test_next_round_number_lies_ahead(share: float) -> None:
    assert next_round(share) > share
