"""Whole data sets as folders: which files, whose, in which order, and what is refused."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from saccade.models.data.layouts import LAYOUTS, open_dataset
from saccade.models.data.trials_file import save_trials
from saccade.realtime.errors import ConfigError, RecordingError

TRAIN = [f"0000{c}_{n}/{n}_{i}.jpg" for c, n in enumerate("abc", start=1) for i in range(2)]
TEST = ["00001_x/x_0.jpg", "00002_y/y_0.jpg"]


@pytest.fixture
def images(tmp_path):
    for split, paths in (("training_images", TRAIN), ("test_images", TEST)):
        for path in paths:
            file = tmp_path / "images" / split / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"")
    return tmp_path / "images"


def things(folder, layout, subject, split):
    """Write one subject's split of THINGS-EEG2 in a layout, its first value telling whose it is."""
    seed = int(subject[-2:])
    shape = (6, 4, 63, 250) if split == "train" else (2, 8, 63, 250)
    data = np.random.default_rng(seed).standard_normal(shape).astype(np.float16)
    data[0, 0, 0, 0] = seed
    names = {"train": "training", "test": "test"}
    path = folder / subject
    path.mkdir(parents=True, exist_ok=True)
    channels, times = [f"E{i}" for i in range(63)], np.arange(300) / 250 - 0.2
    if layout == "gifford-raw":
        for number in (1, 2):
            (path / f"ses-0{number}").mkdir(exist_ok=True)
            raw = np.zeros((2, 3000))
            raw[0, :] = seed * 1e-6
            raw[1, 1000] = number
            content = {
                "raw_eeg_data": raw,
                "ch_names": ["Oz", "stim"],
                "sfreq": 1000,
                "ch_types": ["eeg", "stim"],
            }
            np.save(path / f"ses-0{number}" / f"raw_eeg_{names[split]}.npy", content)
    elif layout == "gifford":
        content = {"preprocessed_eeg_data": data, "ch_names": channels, "times": times}
        np.save(path / f"preprocessed_eeg_{names[split]}.npy", content)
    elif layout == "nice":
        content = {"preprocessed_eeg_data": data, "ch_names": channels, "times": times}
        file = path / f"preprocessed_eeg_{names[split]}.npy"
        file.write_bytes(pickle.dumps(content, 4))
    elif layout == "ubp":
        listed = TRAIN if split == "train" else TEST
        content = {"eeg": data, "img": np.array(listed), "ch_names": channels, "times": times}
        torch.save(content, path / f"{split}.pt", pickle_protocol=5)
    else:
        lead = (3, 2, 4) if split == "train" else (2, 1, 8)
        np.save(path / f"{split}.npy", data.reshape(*lead, 63, 250).astype(np.float32))


@pytest.mark.parametrize("layout", ["gifford-raw", "gifford", "nice", "ubp", "neurobridge"])
def test_every_layout_of_things_eeg2(tmp_path, images, layout):
    for subject in ("sub-02", "sub-01", "sub-10"):
        for split in ("train", "test"):
            things(tmp_path / "eeg", layout, subject, split)
    given = {"images": images, "trust_pickle": True}
    whole = open_dataset(tmp_path / "eeg", layout, **given)
    assert whole.table.subjects == ("sub-01", "sub-02", "sub-10")
    assert np.all(np.diff(whole.table.subject) >= 0)
    names = [whole.table.image_names[i] for i in whole.table.image]
    assert set(names) <= {path.partition("_")[2] for path in TRAIN}
    one = open_dataset(tmp_path / "eeg", layout, subjects=["sub-02"], **given)
    of_02 = np.flatnonzero(whole.table.subject == 1)
    np.testing.assert_array_equal(one.signals(range(len(one.table))), whole.signals(of_02))
    test = open_dataset(tmp_path / "eeg", layout, split="test", **given)
    assert test.table.concept_names == ("x", "y")
    assert not set(test.table.concept_names) & set(whole.table.concept_names)


def test_one_file_is_a_data_set(tmp_path, images):
    things(tmp_path, "neurobridge", "sub-07", "train")
    source = open_dataset(tmp_path / "sub-07" / "train.npy", "neurobridge", images=images)
    assert source.table.subjects == ("sub-07",)
    assert source.signals([0])[0, 0, 0] == 7


def test_meg_and_fmri_arrays(tmp_path, images):
    (tmp_path / "sub-01").mkdir()
    np.save(tmp_path / "sub-01" / "train.npy", np.ones((3, 2, 1, 5, 201), np.float32))
    np.save(tmp_path / "sub-01" / "train_responses.npy", np.ones((3, 2, 5), np.float32))
    meg = open_dataset(tmp_path, "meg-arrays", images=images)
    fmri = open_dataset(tmp_path, "fmri-arrays", images=images)
    assert (meg.modality, meg.n_times) == ("meg", 201)
    assert (fmri.modality, fmri.n_channels, fmri.n_times) == ("fmri", 7000, 1)
    assert meg.table.image_names == fmri.table.image_names


def test_a_subject_in_two_formats_is_read_once(tmp_path, images):
    for subject in ("sub-01", "sub-02"):
        (tmp_path / subject).mkdir()
        np.save(tmp_path / subject / "train.npy", np.ones((3, 2, 1, 5, 201), np.float32))
    parts = {"eeg": torch.zeros(6, 1, 5, 201), "img": TRAIN}
    torch.save(parts, tmp_path / "sub-02" / "train.pt")
    whole = open_dataset(tmp_path, "meg-arrays", images=images)
    assert sorted(whole.table.subjects) == ["sub-01", "sub-02"]
    assert len(whole.table) == 12
    assert open_dataset(tmp_path, "meg-arrays", subjects=["sub-02"]).signals([0])[0, 0, 0] == 0


def test_own_sessions(tmp_path):
    for number, subject in enumerate(("P07", "P08", "P07")):
        data = np.full((2, 1, 5), number, np.float32)
        path = tmp_path / f"session-{number}.npz"
        save_trials(path, data, ["face", "house"], ["Oz"], 250, 0, subject)
    whole = open_dataset(tmp_path, "trials")
    assert whole.table.subjects == ("P07", "P08")
    assert whole.table.repetition.tolist() == [0, 0, 0, 0, 1, 1]
    assert whole.signals(range(6))[:, 0, 0].tolist() == [0, 0, 1, 1, 2, 2]
    one = open_dataset(tmp_path, "trials", subjects=["session-1"])
    assert one.table.subjects == ("P08",)
    with pytest.raises(ConfigError, match="the layout trials has train, not 'test'"):
        open_dataset(tmp_path, "trials", split="test")


def test_subjects_with_other_channels_are_refused(tmp_path):
    for number, name in enumerate(("Oz", "O1")):
        data = np.zeros((1, 1, 5), np.float32)
        save_trials(tmp_path / f"{number}.npz", data, ["face"], [name], 250, 0, f"P{number}")
    with pytest.raises(ConfigError, match="1 channel names that differ, first 'Oz' and 'O1'"):
        open_dataset(tmp_path, "trials")


def test_what_is_not_there_is_refused(tmp_path, images):
    with pytest.raises(ConfigError, match=r"the layout is one of .*ubp, not 'bids'"):
        open_dataset(tmp_path, "bids")
    with pytest.raises(RecordingError, match=r"none of the files of layout ubp \(sub-\*/train.pt"):
        open_dataset(tmp_path, "ubp")
    with pytest.raises(ConfigError, match="the layout ubp has train and test, not 'validation'"):
        open_dataset(tmp_path, "ubp", split="validation")
    things(tmp_path, "nice", "sub-01", "train")
    with pytest.raises(RecordingError, match="say --trust-pickle"):
        open_dataset(tmp_path, "nice", images=images)
    for wrong in (["sub-02"], []):
        with pytest.raises(ConfigError, match=r"the subjects are sub-01, but (sub-02|none)"):
            open_dataset(tmp_path, "nice", subjects=wrong, images=images, trust_pickle=True)
    with pytest.raises(RecordingError, match="does not name its images"):
        open_dataset(tmp_path, "nice", trust_pickle=True)


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("gifford-raw", "sub-01/ses-01/raw_eeg_training.npy"),
        ("things-meg", "preprocessed_P1-epo.fif"),
        ("fmri-arrays", "sub-01/train_responses.npy"),
    ],
)
def test_layouts_without_names_need_a_list(tmp_path, layout, file):
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_bytes(b"")
    with pytest.raises(ConfigError, match="give their order with --images"):
        open_dataset(tmp_path, layout)


def test_subjects_are_named_by_folder_or_file(tmp_path):
    for file in ("preprocessed_P1-epo.fif", "preprocessed_P12-epo.fif"):
        (tmp_path / file).write_bytes(b"")
    with pytest.raises(ConfigError, match="the subjects are P1, P12, but sub-01"):
        open_dataset(tmp_path, "things-meg", subjects=["sub-01"])


def test_every_layout_says_what_it_is():
    for name, layout in LAYOUTS.items():
        assert layout.what, name
        assert set(layout.files) <= {"train", "test"}
