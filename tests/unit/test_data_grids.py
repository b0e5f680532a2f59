"""Preprocessed epochs in each published layout, from small files made in exactly that layout."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch

from saccade.models.data.grids import THINGS_EEG2, read_grid
from saccade.models.data.images import ImageList
from saccade.realtime.errors import RecordingError

IMAGES = ImageList.of(
    [f"{c + 1:05d}_{name}/{name}_{i:02d}.jpg" for c, name in enumerate("abc") for i in range(2)]
)
TIMES = np.arange(300) / 250 - 0.2
SHAPE = (6, 4, 63, 250)


def values(shape, kind=np.float64):
    return np.random.default_rng(0).standard_normal(shape).astype(kind)


def nice(path, **changes):
    """Write as NICE and ATM do: a pickle called npy, times longer than the data."""
    content = {
        "preprocessed_eeg_data": values(SHAPE),
        "ch_names": list(THINGS_EEG2),
        "times": TIMES,
        **changes,
    }
    path.write_bytes(pickle.dumps({k: v for k, v in content.items() if v is not None}, 4))
    return content


def ubp(path, **changes):
    """Write as UBP does: NumPy arrays in a torch file, every trial named."""
    names = np.array([f"train_images/0000{i}_{name}" for i, name in enumerate(IMAGES.names)])
    content = {
        "eeg": values(SHAPE, np.float16),
        "label": np.repeat(IMAGES.concept[:, None], 4, axis=1),
        "img": np.repeat(names[:, None], 4, axis=1),
        "text": np.full((6, 4), "a"),
        "session": np.zeros((6, 4)),
        "ch_names": list(THINGS_EEG2),
        "times": TIMES,
        **changes,
    }
    kept = {k: v for k, v in content.items() if v is not None}
    torch.save(kept, path, pickle_protocol=5)
    return content


def check(source, data, sfreq, tmin_s):
    """Signals are the file's, and every row knows its image."""
    rows = [len(source.table) - 1, 0, 5]
    flat = data.reshape(-1, *data.shape[-2:])
    np.testing.assert_array_equal(source.signals(rows), flat[rows].astype(np.float32))
    assert (source.sfreq, source.tmin_s) == (sfreq, tmin_s)
    repetitions = len(flat) // 6
    assert source.table.image.tolist() == [i for i in range(6) for _ in range(repetitions)]
    assert source.table.image_names == IMAGES.names
    assert source.table.concept_names == ("a", "b", "c")
    assert source.table.subjects == ("sub-01",)


def test_nice_and_atm(tmp_path):
    content = nice(tmp_path / "x.npy")
    source = read_grid(tmp_path / "x.npy", "sub-01", IMAGES, trust_pickle=True)
    check(source, content["preprocessed_eeg_data"], 250.0, 0.0)
    assert source.ch_names == THINGS_EEG2
    assert isinstance(source._data, np.memmap)
    with pytest.raises(RecordingError, match="say --trust-pickle"):
        read_grid(tmp_path / "x.npy", "sub-01", IMAGES)


def test_gifford(tmp_path):
    content = {
        "preprocessed_eeg_data": values((6, 4, 17, 100)),
        "ch_names": list(THINGS_EEG2[-17:]),
        "times": np.arange(100) / 100 - 0.2,
    }
    np.save(tmp_path / "x.npy", content)
    source = read_grid(tmp_path / "x.npy", "sub-01", IMAGES, trust_pickle=True)
    check(source, content["preprocessed_eeg_data"], 100.0, -0.2)


def test_ubp_names_its_images(tmp_path):
    content = ubp(tmp_path / "train.pt")
    for images in (None, IMAGES):
        source = read_grid(tmp_path / "train.pt", "sub-01", images, trust_pickle=True)
        check(source, content["eeg"], 250.0, 0.0)


def test_ubp_as_tensors_needs_no_trust(tmp_path):
    eeg = values(SHAPE, np.float16)
    names = [f"train_images/{name}" for name in IMAGES.names]  # one an image is enough
    parts = {"eeg": torch.from_numpy(eeg), "img": names, "times": TIMES.tolist()}
    torch.save({**parts, "ch_names": list(THINGS_EEG2)}, tmp_path / "train.pt")
    check(read_grid(tmp_path / "train.pt", "sub-01"), eeg, 250.0, 0.0)


def test_neurobridge(tmp_path):
    data = values((3, 2, 4, 63, 250), np.float32)
    np.save(tmp_path / "train.npy", data)
    source = read_grid(tmp_path / "train.npy", "sub-01", IMAGES)
    check(source, data, 250.0, 0.0)
    assert source.ch_names == THINGS_EEG2


@pytest.mark.parametrize("folder", [".", ".."])
def test_neurobridge_with_its_info(tmp_path, folder):
    (tmp_path / "sub-01").mkdir()
    info = {"ch_names": ["O1", "O2"], "sfreq": 100, "subjects": 10}
    (tmp_path / "sub-01" / folder / "info.json").write_text(json.dumps(info))
    data = values((3, 2, 4, 2, 30), np.float32)
    np.save(tmp_path / "sub-01" / "train.npy", data)
    source = read_grid(tmp_path / "sub-01" / "train.npy", "sub-01", IMAGES)
    check(source, data, 100.0, 0.0)
    assert source.ch_names == ("O1", "O2")


def test_meg_arrays(tmp_path):
    data = values((6, 1, 5, 201), np.float32)
    content = {"meg_data": data[:, 0], "ch_names": [f"MLC{i}" for i in range(5)]}
    (tmp_path / "m.pkl").write_bytes(pickle.dumps(content))
    source = read_grid(tmp_path / "m.pkl", "sub-01", IMAGES, modality="meg", trust_pickle=True)
    check(source, data, 200.0, 0.0)
    assert source.modality == "meg"
    np.save(tmp_path / "train.npy", data.reshape(3, 2, 1, 5, 201))
    source = read_grid(tmp_path / "train.npy", "sub-01", IMAGES, modality="meg")
    check(source, data, 200.0, 0.0)
    assert source.ch_names[:2] == ("MEG001", "MEG002")


def test_the_montage_is_the_published_one():
    assert len(THINGS_EEG2) == 63
    assert THINGS_EEG2[:3] == ("Fp1", "Fp2", "AF7")
    posterior = "P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2"
    assert " ".join(THINGS_EEG2[-17:]) == posterior
    assert "Fz" not in THINGS_EEG2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"preprocessed_eeg_data": None}, r"one array named .* the file has 'ch_names', 'times'"),
        ({"eeg": np.zeros(3)}, "one array named"),
        ({"preprocessed_eeg_data": values((6, 63))}, r"not \(6, 63\)"),
        ({"preprocessed_eeg_data": values((5, 4, 63, 250))}, "of 5 images .* list of 6 images"),
        ({"ch_names": list(THINGS_EEG2[:17])}, "need 63 different channel names, but 17 came"),
        ({"ch_names": None, "preprocessed_eeg_data": values((6, 4, 17, 250))}, "not 17: write"),
        ({"times": TIMES[:200]}, r"250 samples need at least as many rising times, not \(200,\)"),
        ({"times": TIMES[::-1]}, "rising times"),
        ({"times": ["early", "late"]}, "could not convert string"),
        ({"times": np.sort(np.append(TIMES[1:], 0.5001))}, "times must be evenly spaced"),
        (
            {"times": None, "preprocessed_eeg_data": values((6, 4, 63, 200))},
            "250 samples at 250 Hz",
        ),
    ],
)
def test_files_that_contradict_themselves_are_refused(tmp_path, changes, message):
    nice(tmp_path / "x.npy", **changes)
    with pytest.raises(RecordingError, match=rf"x.npy: .*{message}"):
        read_grid(tmp_path / "x.npy", "sub-01", IMAGES, trust_pickle=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"img": np.array([["a/1"] * 3 + ["a/2"]] + [["a/3"] * 4] * 5)},
            "row 0 are named a/1, a/2",
        ),
        (
            {"img": np.array(["a/1"] * 5)},
            r"6 images need a name each, but img has the shape \(5,\)",
        ),
        ({"img": np.full((6, 4), "a/1")}, "'a/1' is listed 6 times"),
        ({"label": ["a"] * 7}, "cannot reshape array of size 7"),
        ({"label": np.zeros((6, 4), int)}, "1 labels and 3 concepts make 3 pairs"),
        ({"label": np.tile(np.arange(6)[:, None], 4)}, "6 labels and 3 concepts make 6 pairs"),
    ],
)
def test_names_that_contradict_themselves_are_refused(tmp_path, changes, message):
    ubp(tmp_path / "train.pt", **changes)
    with pytest.raises(RecordingError, match=message):
        read_grid(tmp_path / "train.pt", "sub-01", trust_pickle=True)


def test_another_list_of_images_is_refused(tmp_path):
    ubp(tmp_path / "train.pt")
    other = ImageList.of([*IMAGES.names[:3], "b/x.jpg", *IMAGES.names[4:]])
    with pytest.raises(RecordingError, match=r"row 3 shows 'b/b_01.jpg' .* and 'b/x.jpg' by the"):
        read_grid(tmp_path / "train.pt", "sub-01", other, trust_pickle=True)
    longer = ImageList.of([*IMAGES.names, "d/x.jpg"])
    with pytest.raises(RecordingError, match="names 6 images and the list 7"):
        read_grid(tmp_path / "train.pt", "sub-01", longer, trust_pickle=True)


def test_concepts_in_another_order_are_refused(tmp_path):
    np.save(tmp_path / "train.npy", values((3, 2, 4, 63, 250), np.float32))
    mixed = ImageList.of([IMAGES.names[i] for i in (0, 2, 1, 3, 4, 5)])
    with pytest.raises(RecordingError, match=r"train.npy: .* 3 concepts in another order"):
        read_grid(tmp_path / "train.npy", "sub-01", mixed)


def test_rows_without_names_need_a_list(tmp_path):
    np.save(tmp_path / "train.npy", values((3, 2, 4, 63, 250), np.float32))
    with pytest.raises(RecordingError, match="does not name its images"):
        read_grid(tmp_path / "train.npy", "sub-01")


def test_nan_is_refused_with_its_row(tmp_path):
    data = values((3, 2, 4, 63, 250), np.float32)
    data[1, 0, 2, 7, 100] = np.nan
    np.save(tmp_path / "train.npy", data)
    source = read_grid(tmp_path / "train.npy", "sub-01", IMAGES)
    with pytest.raises(RecordingError, match="row 10 holds NaN"):
        source.signals(range(24))


def test_info_that_is_no_json_is_refused(tmp_path):
    np.save(tmp_path / "train.npy", values((3, 2, 4, 63, 250), np.float32))
    (tmp_path / "info.json").write_text("{")
    with pytest.raises(RecordingError, match=r"info.json is not JSON"):
        read_grid(tmp_path / "train.npy", "sub-01", IMAGES)
