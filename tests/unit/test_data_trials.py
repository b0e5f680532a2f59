"""Own sessions: what is written comes back, mapped, and nothing else is taken for one."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saccade.models.data.trials_file import FIELDS, load_trials, save_trials
from saccade.realtime.errors import RecordingError

names = st.text(min_size=1, max_size=8).filter(lambda name: "\0" not in name)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(names, min_size=1, max_size=6), names, st.integers(1, 500))
def test_what_is_saved_is_loaded(tmp_path, labels, subject, sfreq):
    data = np.random.default_rng(0).standard_normal((len(labels), 2, 5)).astype(np.float32)
    path = tmp_path / "session.npz"
    save_trials(path, data, labels, ("O1", "Öz"), sfreq, -0.1, subject, modality="meg")
    source = load_trials(path)
    np.testing.assert_array_equal(source.signals(range(len(labels))), data)
    assert [source.table.concept_names[c] for c in source.table.concept] == labels
    assert source.table.subjects == (subject,)
    assert (source.ch_names, source.sfreq, source.tmin_s) == (("O1", "Öz"), sfreq, -0.1)
    assert source.modality == "meg"
    assert isinstance(source._data, np.memmap)


def save(path, **changes):
    whole = {
        "data": np.zeros((3, 2, 5), np.float32),
        "labels": ["face", "house", "face"],
        "ch_names": ["O1", "O2"],
        "sfreq": 250.0,
        "tmin_s": 0.0,
        "subject": "P07",
    }
    save_trials(path, **{**whole, **changes})


def test_a_session_that_can_not_be_written_leaves_the_old_one(tmp_path, monkeypatch):
    save(tmp_path / "a.npz")
    before = (tmp_path / "a.npz").read_bytes()

    def full(file, **fields):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(RecordingError, match=r"a.npz can't be written: No space left"):
        save(tmp_path / "a.npz", subject="P08")
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]
    assert (tmp_path / "a.npz").read_bytes() == before


def test_images_tell_repetitions(tmp_path):
    save(tmp_path / "a.npz")
    assert load_trials(tmp_path / "a.npz").table.repetition.tolist() == [0, 0, 1]
    save(tmp_path / "a.npz", images=["f1", "h1", "f2"])
    table = load_trials(tmp_path / "a.npz").table
    assert table.repetition.tolist() == [0, 0, 0]
    assert table.image_names == ("f1", "h1", "f2")
    assert table.concept.tolist() == [0, 1, 0]


def test_the_file_holds_no_pickle(tmp_path):
    save(tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert {name: file[name].dtype.kind for name in file.files}["labels"] == "U"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": ["a", "b"]}, "3 rows, but the table has 2|make the four equally long"),
        ({"images": ["f1", "h1", "h1"]}, "'h1' is a 'house' and, in row 2, a 'face'"),
        ({"ch_names": ["O1"]}, "need 2 different channel names, but 1 came"),
        ({"data": np.full((3, 2, 5), np.nan, np.float32)}, "row 0 holds NaN"),
        ({"modality": "ecog"}, "not 'ecog'"),
    ],
)
def test_a_session_that_contradicts_itself_is_not_written(tmp_path, changes, message):
    with pytest.raises(RecordingError, match=message):
        save(tmp_path / "a.npz", **changes)
    assert not (tmp_path / "a.npz").exists()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(RecordingError, match=r"a.npz can't be read as a session"):
        load_trials(path)
    path.write_text("hello")
    with pytest.raises(RecordingError, match="File is not a zip file"):
        load_trials(path)
    np.savez(path, data=np.zeros(3), labels=np.zeros(3))
    with pytest.raises(RecordingError, match=r"images, ch_names, sfreq, .* came not"):
        load_trials(path)
    np.savez_compressed(path, **dict.fromkeys(FIELDS, np.zeros(3)))
    with pytest.raises(RecordingError, match=r"data.npy is compressed"):
        load_trials(path)
    np.savez(path, **dict.fromkeys(FIELDS, np.array([None])))
    with pytest.raises(RecordingError, match="pickled objects"):
        load_trials(path)
    np.savez(path, **dict.fromkeys(FIELDS, np.zeros(3)))
    with pytest.raises(RecordingError, match=r"a.npz: "):
        load_trials(path)


def test_a_session_cut_short_is_refused(tmp_path):
    save(tmp_path / "a.npz")
    content = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "a.npz").write_bytes(content[:-40])
    with pytest.raises(RecordingError, match="can't be read as a session"):
        load_trials(tmp_path / "a.npz")


def test_members_are_named_as_in_the_list(tmp_path):
    save(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert sorted(archive.namelist()) == sorted(f"{field}.npy" for field in FIELDS)
