"""Sets of signals and their views against plain indexing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.models.alignment.whitening import whiten
from saccade.models.data.signals import (
    ArraySignals,
    Cropped,
    Joined,
    Picked,
    Subset,
    TrialTable,
    Whitened,
    averaged,
    loaded,
)
from saccade.models.data.table import count_within
from saccade.realtime.errors import ConfigError, RecordingError

CHANNELS = ("O1", "Oz", "O2")


def plain(image=(0, 0, 1, 1, 2, 2), subject="a", names=("i", "j", "k"), seed=0, **changes):
    """Return a set of three channels and ten times, and its array."""
    image = np.array(image, np.int64)
    table = TrialTable(
        subject=np.zeros(len(image), np.int64),
        concept=np.array([0, 0, 1])[image],
        image=image,
        repetition=count_within(image),
        subjects=(subject,),
        concept_names=("c", "d"),
        image_names=names,
    )
    data = np.random.default_rng(seed).standard_normal((len(image), 3, 10)).astype(np.float32)
    made = {"ch_names": CHANNELS, "sfreq": 100.0, "tmin_s": -0.02, **changes}
    return ArraySignals(data, table, **made), data


rows_of_six = st.lists(st.integers(0, 5), max_size=9)


@given(rows_of_six)
def test_rows_come_in_any_order_and_more_than_once(rows):
    source, data = plain()
    got = source.signals(rows)
    np.testing.assert_array_equal(got, data[rows])
    assert got.dtype == np.float32


def test_what_is_handed_out_is_a_fresh_array():
    source, data = plain()
    for view in (source, Subset(source, range(6)), Cropped(source, -0.02, 0.08), averaged(source)):
        first = view.signals([0])
        first[:] = 7
        assert not (view.signals([0]) == 7).any()
    assert not (data == 7).any()


@pytest.mark.parametrize("kind", [np.float64, np.float16, np.int16])
@pytest.mark.parametrize("order", ["C", "F"])
def test_leading_axes_count_as_rows(kind, order, tmp_path):
    source, _ = plain()
    grid = np.array(np.arange(6 * 30).reshape(3, 2, 3, 10), kind, order=order)
    np.save(tmp_path / "x.npy", grid)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    same = ArraySignals(mapped, source.table, CHANNELS, 100, 0)
    got = same.signals([5, 0, 3])
    np.testing.assert_array_equal(got, grid.reshape(6, 3, 10)[[5, 0, 3]])
    assert got.dtype == np.float32
    assert (same.n_channels, same.n_times) == (3, 10)


def test_a_value_that_is_not_finite_is_refused_with_its_row():
    source, data = plain()
    data[4, 1, 2] = np.nan
    assert len(source.signals([0, 1, 2, 3, 5])) == 5
    with pytest.raises(RecordingError, match=r"row 4 holds NaN or infinity \(and 0 more of 2 rows"):
        source.signals([0, 4])


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        (np.zeros((6, 3)), {}, r"not float64 of shape \(6, 3\)"),
        (np.zeros((6, 3, 10), complex), {}, "real numbers"),
        (np.zeros((6, 3, 0)), {}, "at least one of each"),
        (np.zeros((5, 3, 10)), {}, "are 5 rows, but the table has 6"),
        (np.zeros((6, 4, 10)), {}, "need 4 different channel names, but 3 came"),
        (np.zeros((6, 3, 10)), {"ch_names": ("Oz", "Oz", "O2")}, "2 of them different"),
        (np.zeros((6, 3, 10)), {"sfreq": 0.0}, "a rate above 0 Hz"),
        (np.zeros((6, 3, 10)), {"tmin_s": np.nan}, "a first time"),
        (np.zeros((6, 3, 10)), {"modality": "ecog"}, "the modality is eeg, meg, fmri, not 'ecog'"),
    ],
)
def test_signals_that_contradict_themselves_are_refused(data, changes, message):
    table = plain()[0].table
    with pytest.raises(RecordingError, match=message):
        ArraySignals(data, table, **{"ch_names": CHANNELS, "sfreq": 100, "tmin_s": 0, **changes})


@given(rows_of_six, st.data())
def test_a_subset_of_a_subset_is_indexing_twice(rows, data):
    source, array = plain()
    inner = data.draw(st.lists(st.integers(0, len(rows) - 1))) if rows else []
    view = Subset(Subset(source, rows), inner)
    np.testing.assert_array_equal(view.signals(range(len(inner))), array[rows][inner])
    assert view.table.image.tolist() == source.table.image[rows][inner].tolist()


def test_channels_are_picked_by_name_in_the_order_given():
    source, data = plain()
    view = Picked(source, ["O2", "O1"])
    np.testing.assert_array_equal(view.signals([1, 0]), data[[1, 0]][:, [2, 0]])
    assert (view.ch_names, view.n_channels) == (("O2", "O1"), 2)


@pytest.mark.parametrize("names", [["Fz"], [], ["O1", "O1"]])
def test_channels_that_are_not_there_once_each_are_refused(names):
    with pytest.raises(ConfigError, match=r"among the 3 of the data set \(O1, Oz, O2"):
        Picked(plain()[0], names)


def test_a_crop_is_half_open():
    source, data = plain()
    view = Cropped(source, 0.0, 0.05)
    np.testing.assert_array_equal(view.signals([2]), data[[2]][:, :, 2:7])
    assert (view.tmin_s, view.n_times) == (0.0, 5)
    with pytest.raises(ConfigError, match=r"inside the epoch \(-0.02 to 0.08 s\)"):
        Cropped(source, 0.0, 0.09)


def test_whitening_is_that_of_the_decoder():
    source, data = plain()
    mean, matrix = np.array([1.0, 2.0, 3.0]), np.arange(9.0).reshape(3, 3)
    view = Whitened(source, mean, matrix)
    np.testing.assert_array_equal(view.signals([3, 1]), whiten(data[[3, 1]], mean, matrix))
    with pytest.raises(ConfigError, match=r"not \(2,\) and \(3, 3\)"):
        Whitened(source, mean[:2], matrix)


class TestJoined:
    @given(st.lists(st.integers(0, 11), max_size=9))
    def test_rows_follow_each_other(self, rows):
        (a, x), (b, y) = plain(), plain(subject="b", seed=1)
        np.testing.assert_array_equal(Joined([a, b]).signals(rows), np.concatenate([x, y])[rows])

    def test_names_are_merged_and_subjects_kept_apart(self):
        joined = Joined([plain()[0], plain(subject="b", names=("i", "l", "k"))[0]]).table
        assert joined.subjects == ("a", "b")
        assert joined.subject.tolist() == [0] * 6 + [1] * 6
        assert joined.image_names == ("i", "j", "k", "l")
        assert joined.image.tolist() == [0, 0, 1, 1, 2, 2, 0, 0, 3, 3, 2, 2]
        assert joined.repetition.tolist() == [0, 1] * 6

    def test_sessions_of_one_subject_go_on_counting(self):
        joined = Joined([plain()[0], plain(image=(2, 0))[0]]).table
        assert joined.subjects == ("a",)
        assert joined.repetition.tolist() == [0, 1, 0, 1, 0, 1, 2, 2]

    def test_a_table_inside_is_any_set(self):
        a, x = plain()
        joined = Joined([Subset(a, [5, 0]), Joined([a])])
        np.testing.assert_array_equal(joined.signals([2, 0]), x[[0, 5]])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"ch_names": ("O1", "O2", "Oz")}, "2 channel names that differ, first 'Oz' and 'O2'"),
            ({"sfreq": 250.0}, "sfreq 100.0 and 250.0"),
            ({"tmin_s": 0.0}, "tmin_s -0.02 and 0.0"),
            ({"modality": "meg"}, "modality 'eeg' and 'meg'"),
        ],
    )
    def test_sets_that_differ_are_refused(self, changes, message):
        with pytest.raises(ConfigError, match=f"number 0 and 1 have {message}"):
            Joined([plain()[0], plain(**changes)[0]])

    def test_averages_are_not_joined_with_single_trials(self):
        a = plain()[0]
        with pytest.raises(ConfigError, match="repetitions averaged 1 and 2"):
            Joined([a, averaged(a)])

    def test_an_image_of_two_concepts_is_refused(self):
        with pytest.raises(RecordingError, match="'k' is a 'd' and, in row 8, a 'c'"):
            Joined([plain()[0], plain(subject="b", names=("i", "k", "j"))[0]])

    def test_nothing_can_not_be_joined(self):
        with pytest.raises(ConfigError, match="at least one data set"):
            Joined([])


class TestAveraged:
    @given(st.lists(st.integers(0, 2), min_size=1, max_size=20))
    def test_all_repetitions_of_a_pair_are_averaged(self, image):
        source, data = plain(image=image)
        means = averaged(source)
        got = means.signals(range(len(means.table)))
        for row in range(len(means.table)):
            members = np.flatnonzero(np.array(image) == means.table.image[row])
            expected = data[members].astype(np.float64).mean(axis=0).astype(np.float32)
            np.testing.assert_array_equal(got[row], expected)
        assert means.table.averaged == np.bincount(image)[np.unique(image)].min()
        assert list(means.table.image) == list(dict.fromkeys(image))

    @given(st.integers(1, 4), st.integers(0, 4))
    def test_groups_of_k_are_disjoint(self, k, seed):
        source, _ = plain(image=[0, 1] * 4 + [0])
        ones = np.zeros((9, 3, 10), np.float32)
        ones[:, 0, 0] = 2.0 ** np.arange(9)  # a sum tells its members
        source = ArraySignals(ones, source.table, CHANNELS, 100, 0)
        means = averaged(source, k, seed)
        sums = means.signals(range(len(means.table)))[:, 0, 0] * k
        members = [int(total) for total in np.round(sums)]
        assert all(total.bit_count() == k for total in members)
        assert np.bitwise_or.reduce(members).bit_count() == k * len(members)
        assert len(members) == 5 // k + 4 // k
        assert means.table.averaged == k

    def test_subjects_are_not_averaged_with_each_other(self):
        both = Joined([plain()[0], plain(subject="b")[0]])
        assert averaged(both).table.subject.tolist() == [0, 0, 0, 1, 1, 1]

    def test_another_seed_makes_other_groups(self):
        source, _ = plain(image=[0] * 20)
        drawn = [averaged(source, 4, seed).signals([0]) for seed in (0, 0, 1)]
        np.testing.assert_array_equal(drawn[0], drawn[1])
        assert not np.array_equal(drawn[0], drawn[2])

    def test_averages_multiply(self):
        source, _ = plain(image=[0] * 8)
        twice = averaged(averaged(source, 2), 3)
        assert twice.table.averaged == 6
        assert twice.table.repetition.tolist() == [0]

    def test_too_few_repetitions_are_refused(self):
        with pytest.raises(ConfigError, match=r"averages of 3 need 3 .* a saw 'i' 2 times"):
            averaged(plain()[0], 3)

    def test_nothing_and_zero_are_refused(self):
        with pytest.raises(ConfigError, match="not None of 0 rows"):
            averaged(Subset(plain()[0], []))
        with pytest.raises(ConfigError, match="not 0 of 6 rows"):
            averaged(plain()[0], 0)


def test_loading_changes_nothing(monkeypatch):
    monkeypatch.setattr("saccade.models.data.averaging.BLOCK_BYTES", 3 * 10 * 4 * 2)
    source, data = plain(image=(0, 0, 1, 1, 2))
    whole = loaded(source)
    np.testing.assert_array_equal(whole.signals(range(5)), data)
    assert whole.table is source.table
    assert (whole.sfreq, whole.tmin_s, whole.modality) == (100, -0.02, "eeg")
