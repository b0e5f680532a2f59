"""THINGS-fMRI: published tables and BrainFLORA's arrays, padded to one number of features."""

from __future__ import annotations

import csv
import pickle
import sys

import numpy as np
import pytest

from saccade.models.data.fmri import AREAS, read_betas, read_responses
from saccade.models.data.images import ImageList
from saccade.models.data.layouts import open_dataset
from saccade.realtime.errors import RecordingError

TRIALS = (
    ("train", "dog_12s.jpg"),
    ("test", "cat_01b.jpg"),
    ("train", "air_raft_03s.jpg"),
    ("test", "cat_01b.jpg"),
    ("train", "air_raft_01b.jpg"),
)
USED = (1, 3, 4)  # voxels in one of the areas
BETAS = np.random.default_rng(0).standard_normal((6, 5)).astype(np.float32)


def tables(folder, form, used=USED, trials=TRIALS):
    """Write the three tables of a subject."""
    with (folder / "sub-01_StimulusMetadata.csv").open("w", newline="") as file:
        rows = [["trial_type", "session", "trial_id", "stimulus"]]
        csv.writer(file).writerows(rows + [[k, 1, i, s] for i, (k, s) in enumerate(trials)])
    with (folder / "sub-01_VoxelMetadata.csv").open("w", newline="") as file:
        rows = [["voxel_id", *AREAS, "IPS"]]
        for voxel in range(6):
            inside = [float(voxel in used and a == voxel % len(AREAS)) for a in range(len(AREAS))]
            rows.append([voxel, *inside, 1.0])
        csv.writer(file).writerows(rows)
    path = folder / f"sub-01_ResponseData.{form}"
    if form == "csv":
        with path.open("w", newline="") as file:
            lines = [[voxel, *map(repr, map(float, row))] for voxel, row in enumerate(BETAS)]
            csv.writer(file).writerows([["voxel_id", *range(5)], *lines])
    else:
        pandas_like(path)
    return path


def pandas_like(path, *, one_type=False):
    """Write what pandas' fixed format holds, whose voxel_id is whole or, else, a fraction."""
    h5py = pytest.importorskip("h5py")
    numbers = np.arange(6)[:, None]
    with h5py.File(path, "w") as file:
        node = file.create_group("ResponseData")
        node["axis1"] = np.arange(6)
        node["block0_values"] = np.hstack([numbers, BETAS]) if one_type else BETAS
        if not one_type:
            node["block1_items"] = np.array([b"voxel_id"])
            node["block1_values"] = numbers


def test_a_table_of_fractions_alone(tmp_path):
    path = tables(tmp_path, "h5")
    pandas_like(path, one_type=True)
    got = read_betas(path, "sub-01", "train", n_features=3).signals([0])
    np.testing.assert_array_equal(got[0, :, 0], BETAS[list(USED), 0])


@pytest.mark.parametrize("form", ["h5", "csv"])
def test_published_tables(tmp_path, form):
    path = tables(tmp_path, form)
    train = read_betas(path, "sub-01", "train", n_features=8)
    assert train.table.concept_names == ("air_raft", "dog")
    shown = [train.table.image_names[i] for i in train.table.image]
    assert shown == ["dog/dog_12s.jpg", "air_raft/air_raft_03s.jpg", "air_raft/air_raft_01b.jpg"]
    signals = train.signals([0, 1, 2])
    np.testing.assert_array_equal(signals[:, :3, 0], BETAS[list(USED)][:, [0, 2, 4]].T)
    assert not signals[:, 3:].any()
    assert signals.shape == (3, 8, 1)
    assert (train.modality, train.sfreq, train.tmin_s) == ("fmri", 1.0, 0.0)
    test = read_betas(path, "sub-01", "test", n_features=8)
    assert test.table.repetition.tolist() == [0, 1]


def test_a_folder_of_tables_is_a_data_set(tmp_path):
    tables(tmp_path, "csv")
    source = open_dataset(tmp_path, "things-fmri", subjects=["sub-01"])
    assert source.table.subjects == ("sub-01",)
    assert source.n_channels == 7000
    np.testing.assert_array_equal(source.signals([1])[0, :3, 0], BETAS[list(USED), 2])


def test_blocks_of_voxels_are_put_together(tmp_path, monkeypatch):
    monkeypatch.setattr("saccade.models.data.fmri.BLOCK_ROWS", 2)
    path = tables(tmp_path, "h5")
    got = read_betas(path, "sub-01", "train", n_features=3).signals([0])
    np.testing.assert_array_equal(got[0, :, 0], BETAS[list(USED), 0])


def test_areas_can_be_chosen(tmp_path):
    path = tables(tmp_path, "csv")
    few = read_betas(path, "sub-01", "train", areas=[AREAS[1]], n_features=1)
    np.testing.assert_array_equal(few.signals([0])[0, :, 0], BETAS[1, :1])


@pytest.mark.parametrize("form", ["npy", "pkl"])
def test_brainflora(tmp_path, form):
    train, test = np.random.default_rng(0).standard_normal((2, 3, 2, 5)).astype(np.float32)
    images = ImageList.of([f"{c}/{c}_{i}.jpg" for c in "abc" for i in range(2)])
    for name, data in (("train", train), ("test", test)):
        path = tmp_path / f"{name}_responses.{form}"
        if form == "npy":
            np.save(path, data)
        else:
            path.write_bytes(pickle.dumps(data))
    args = {"trust_pickle": form == "pkl", "n_features": 6}
    path = tmp_path / f"train_responses.{form}"
    source = read_responses(path, "sub-01", images, **args)
    assert source.table.concept.tolist() == [0, 0, 1, 1, 2, 2]
    assert source.table.repetition.tolist() == [0] * 6
    np.testing.assert_array_equal(source.signals(range(6))[:, :5, 0], train.reshape(6, 5))
    tested = ImageList.of(["x/1.jpg", "y/1.jpg", "z/1.jpg"])
    source = read_responses(tmp_path / f"test_responses.{form}", "sub-01", tested, **args)
    assert source.table.image.tolist() == [0, 0, 1, 1, 2, 2]
    assert source.table.repetition.tolist() == [0, 1] * 3


def test_tables_that_do_not_fit_are_refused(tmp_path):
    path = tables(tmp_path, "csv")
    with pytest.raises(RecordingError, match="has 3 voxels for 2 features"):
        read_betas(path, "sub-01", "train", n_features=2)
    with pytest.raises(RecordingError, match="has no IPL"):
        read_betas(path, "sub-01", "train", areas=["V1", "IPL"])
    with pytest.raises(RecordingError, match="and 0 of 5 trials are for valid"):
        read_betas(path, "sub-01", "valid")
    tables(tmp_path, "csv", used=())
    with pytest.raises(RecordingError, match="0 of 6 voxels lie in V1"):
        read_betas(path, "sub-01", "train")
    tables(tmp_path, "csv", trials=TRIALS[:4])
    with pytest.raises(RecordingError, match=r"6 voxels and 4 trials, .* but has 6 and 5"):
        read_betas(path, "sub-01", "train")
    tables(tmp_path, "h5", trials=TRIALS[:4])
    with pytest.raises(RecordingError, match=r"6 voxels and 4 trials, .* but has 6 and 5"):
        read_betas(tmp_path / "sub-01_ResponseData.h5", "sub-01", "train")
    path.write_text("voxel_id,0\n0,x\n1,x\n")
    with pytest.raises(RecordingError, match="can't be read as a table of numbers"):
        read_betas(path, "sub-01", "train")
    (tmp_path / "sub-01_VoxelMetadata.csv").unlink()
    with pytest.raises(RecordingError, match=r"sub-01_VoxelMetadata.csv can't be read"):
        read_betas(path, "sub-01", "train")


def test_tables_that_are_not_whole_are_refused(tmp_path):
    path = tables(tmp_path, "csv")
    whole = path.read_text()
    path.write_text(whole.rstrip().rpartition(",")[0])
    with pytest.raises(RecordingError, match=r"ResponseData.csv .* row 6 has 5 of 6 columns"):
        read_betas(path, "sub-01", "train")
    path.write_text(whole)
    voxels = tmp_path / "sub-01_VoxelMetadata.csv"
    voxels.write_text("V1,V2\n1,0\n0\n")
    with pytest.raises(RecordingError, match=r"VoxelMetadata.csv: .* row 2 is cut short"):
        read_betas(path, "sub-01", "train", areas=["V1", "V2"])
    voxels.write_text("V1\n1\nx\n")
    with pytest.raises(RecordingError, match=r"VoxelMetadata.csv must have 0 or 1 .* 'x'"):
        read_betas(path, "sub-01", "train", areas=["V1"])


def test_a_mark_of_the_byte_order_is_no_part_of_a_name(tmp_path):
    path = tables(tmp_path, "csv")
    for table in tmp_path.iterdir():
        table.write_text(table.read_text(), encoding="utf-8-sig")
    assert len(read_betas(path, "sub-01", "train", n_features=3).table) == 3


def test_other_hdf_files_are_refused(tmp_path, monkeypatch):
    h5py = pytest.importorskip("h5py")
    path = tables(tmp_path, "h5")
    with h5py.File(path, "w") as file:
        file.create_group("x")["y"] = np.zeros(3)
    with pytest.raises(RecordingError, match="no table of pandas' fixed format"):
        read_betas(path, "sub-01", "train")
    path.write_text("hello")
    with pytest.raises(RecordingError, match="can't be read as HDF5"):
        read_betas(path, "sub-01", "train")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(RecordingError, match="pip install h5py"):
        read_betas(path, "sub-01", "train")


def test_other_arrays_are_refused(tmp_path):
    images = ImageList.of(["a/1.jpg", "b/1.jpg"])
    np.save(tmp_path / "x.npy", np.zeros((3, 4)))
    with pytest.raises(RecordingError, match=r"are expected, not \(3, 4\)"):
        read_responses(tmp_path / "x.npy", "sub-01", images)
    np.save(tmp_path / "x.npy", np.zeros((3, 12, 4)))
    with pytest.raises(RecordingError, match=r"x.npy: signals of 3 images came with a list of 2"):
        read_responses(tmp_path / "x.npy", "sub-01", images)
