"""THINGS-MEG: the splits by their counts, and epochs read from disk in any order."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from saccade.models.data.images import ImageList
from saccade.models.data.layouts import open_dataset
from saccade.models.data.meg import EpochsFif
from saccade.realtime.errors import RecordingError

mne = pytest.importorskip("mne")

# a_1 is shown 12 times: a test image, and concept a is not trained on.
IMAGES = ImageList.of(["a/a_1.jpg", "a/a_2.jpg", "b/b_1.jpg", "b/b_2.jpg", "c/c_1.jpg"])
CODES = np.array([4, 999999, 1, 2, *[1] * 11, 3, 999999, 5])


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """Write epochs as THINGS-MEG's, and return the path with the data."""
    data = np.random.default_rng(0).standard_normal((len(CODES), 4, 21))
    kinds = ["mag", "mag", "ref_meg", "mag"]
    info = mne.create_info(["MLC11", "MLC12", "REF", "MRC11"], 200.0, kinds)
    events = np.stack([np.arange(len(CODES)), np.zeros_like(CODES), CODES], axis=1)
    epochs = mne.EpochsArray(data, info, events, tmin=-0.05, verbose="error")
    path = tmp_path_factory.mktemp("meg") / "preprocessed_P1-epo.fif"
    epochs.save(path, verbose="error")
    return path, data[:, [0, 1, 3]]


def test_test_images_are_those_shown_twelve_times(recorded):
    path, data = recorded
    source = EpochsFif(path, "P1", IMAGES, "test")
    assert source.table.image.tolist() == [0] * 12
    assert source.table.repetition.tolist() == list(range(12))
    expected = data[CODES == 1]
    np.testing.assert_allclose(source.signals(range(12)), expected, rtol=1e-6)


def test_training_leaves_test_concepts_and_catch_trials_out(recorded):
    path, data = recorded
    source = EpochsFif(path, "P1", IMAGES, "train")
    assert source.table.image.tolist() == [3, 2, 4]
    assert [source.table.concept_names[c] for c in source.table.concept] == ["b", "b", "c"]
    got = source.signals([2, 0, 2])
    np.testing.assert_allclose(got, data[[-1, 0, -1]], rtol=1e-6)
    assert got.dtype == np.float32
    assert source.ch_names == ("MLC11", "MLC12", "MRC11")
    assert (source.sfreq, source.tmin_s, source.n_times) == (200.0, -0.05, 21)
    assert source.signals([]).shape == (0, 3, 21)


def write(path, codes):
    info = mne.create_info(["MLC11"], 200.0, "mag")
    events = np.stack([np.arange(len(codes)), np.zeros_like(codes), codes], axis=1)
    epochs = mne.EpochsArray(np.zeros((len(codes), 1, 5)), info, events, verbose="error")
    epochs.save(path, verbose="error")


def test_a_test_image_that_lost_repetitions_does_not_become_training(tmp_path):
    path = tmp_path / "rejected-epo.fif"
    write(path, np.array([*[1] * 11, 2, *[3] * 12, 5]))
    test = EpochsFif(path, "P1", IMAGES, "test")
    assert np.bincount(test.table.image).tolist() == [11, 0, 12]
    assert EpochsFif(path, "P1", IMAGES, "train").table.image.tolist() == [4]


def test_an_image_that_comes_too_often_is_refused(tmp_path):
    write(tmp_path / "two-epo.fif", np.array([*[1] * 13, 5]))
    with pytest.raises(RecordingError, match=r"12 times at most, but a/a_1.jpg is 13 times"):
        EpochsFif(tmp_path / "two-epo.fif", "P1", IMAGES, "train")


def test_a_folder_of_files_is_a_data_set(recorded, tmp_path):
    path, data = recorded
    (tmp_path / "image_paths.csv").write_text("".join(f"images/{n}\n" for n in IMAGES.names))
    source = open_dataset(path.parent, "things-meg", images=tmp_path / "image_paths.csv")
    assert source.table.subjects == ("P1",)
    np.testing.assert_allclose(source.signals([0]), data[[0]], rtol=1e-6)


def test_an_event_without_an_image_is_refused(recorded):
    short = ImageList.of(IMAGES.names[:4])
    with pytest.raises(RecordingError, match="k-th of 4 images, but event 5 came"):
        EpochsFif(recorded[0], "P1", short, "train")


def test_a_split_without_epochs_is_refused(recorded):
    alone = ImageList.of([f"a/{i}.jpg" for i in range(5)])
    with pytest.raises(RecordingError, match="none of 16 epochs is for train"):
        EpochsFif(recorded[0], "P1", alone, "train")


@pytest.mark.parametrize("content", [None, "hello" * 100])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "x-epo.fif"
    if content is not None:
        path.write_text(content)
    with pytest.raises(RecordingError, match=r"x-epo.fif can't be read as epochs in a FIF file"):
        EpochsFif(path, "P1", IMAGES, "train")


def test_epochs_without_magnetometers_are_refused(tmp_path):
    info = mne.create_info(["O1"], 200.0, "eeg")
    mne.EpochsArray(np.zeros((1, 1, 5)), info, verbose="error").save(tmp_path / "eeg-epo.fif")
    with pytest.raises(RecordingError, match="expected, but its channels are eeg"):
        EpochsFif(tmp_path / "eeg-epo.fif", "P1", IMAGES, "train")


def test_nan_is_refused_with_its_row(tmp_path):
    data = np.zeros((3, 1, 5))
    data[2] = np.nan
    info = mne.create_info(["MLC11"], 200.0, "mag")
    events = np.array([[0, 0, 3], [1, 0, 4], [2, 0, 5]])
    mne.EpochsArray(data, info, events, verbose="error").save(tmp_path / "n-epo.fif")
    source = EpochsFif(tmp_path / "n-epo.fif", "P1", IMAGES, "train")
    with pytest.raises(RecordingError, match="row 2 holds NaN"):
        source.signals([1, 2, 0])


def test_without_mne_it_says_what_to_install(recorded, monkeypatch):
    monkeypatch.setitem(sys.modules, "mne", None)
    with pytest.raises(RecordingError, match="pip install mne"):
        EpochsFif(recorded[0], "P1", IMAGES, "train")
