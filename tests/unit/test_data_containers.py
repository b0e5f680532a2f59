"""Pickles, NumPy and torch files: the same arrays come out, nothing is run, nothing is loaded."""

from __future__ import annotations

import contextlib
import os
import pickle
import struct
import zipfile

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saccade.models.data.containers import read_container
from saccade.realtime.errors import RecordingError

LARGE = np.random.default_rng(0).standard_normal((20, 2, 17, 100))  # 544 kB: mapped


def dictionary():
    return {
        "preprocessed_eeg_data": LARGE,
        "ch_names": ["O1", "Oz"],
        "times": np.arange(5) / 100,
        "img": np.array([["a/b.jpg", "c"]]),
        "mixed": np.array(["x", 3], dtype=object),
        "sfreq": np.float64(250),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "half": LARGE.astype(np.float16),
        "nothing": None,
        "pair": (1, [2.5, True]),
    }


def check(content):
    assert set(content) == set(dictionary())
    for key, expected in dictionary().items():
        if isinstance(expected, np.ndarray) and expected.dtype != object:
            np.testing.assert_array_equal(content[key], expected)
            assert content[key].dtype == expected.dtype
        else:
            assert content[key] == (expected.tolist() if key == "mixed" else expected)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_of_any_protocol(tmp_path, protocol):
    path = tmp_path / "preprocessed_eeg_training.npy"
    path.write_bytes(pickle.dumps(dictionary(), protocol))
    content = read_container(path, trust_pickle=True)
    check(content)
    if protocol > 2:  # 2 has no bytes, only text
        assert isinstance(content["preprocessed_eeg_data"], np.memmap)


def test_a_saved_dict_needs_no_item(tmp_path):
    np.save(tmp_path / "a.npy", dictionary())
    content = read_container(tmp_path / "a.npy", trust_pickle=True)
    check(content)
    assert isinstance(content["preprocessed_eeg_data"], np.memmap)


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_torch_file_of_arrays(tmp_path, protocol):
    torch.save(dictionary(), tmp_path / "a.pt", pickle_protocol=protocol)
    check(read_container(tmp_path / "a.pt", trust_pickle=True))
    with pytest.raises(RecordingError, match="say --trust-pickle"):
        read_container(tmp_path / "a.pt")


def test_a_torch_file_of_tensors_needs_no_trust(tmp_path):
    tensors = {
        "eeg": torch.from_numpy(LARGE).half(),
        "part": torch.arange(10)[3:7],
        "mask": [torch.tensor([True, False])],
        "names": ["a"],
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
    }
    torch.save(tensors, tmp_path / "a.pt")
    content = read_container(tmp_path / "a.pt")
    np.testing.assert_array_equal(content["eeg"], tensors["eeg"].numpy())
    assert content["eeg"].base is not None  # mapped, not read
    assert content["part"].tolist() == [3, 4, 5, 6]
    assert content["mask"][0].tolist() == [True, False]
    assert (content["names"], content["scalar"], content["empty"].shape) == (["a"], 2.5, (0, 3))


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_plain_array_is_mapped(tmp_path, order):
    np.save(tmp_path / "a.npy", np.array(LARGE, order=order))
    content = read_container(tmp_path / "a.npy")
    assert isinstance(content, np.memmap)
    np.testing.assert_array_equal(content, LARGE)


class Touch:
    """What a pickle can do to whoever loads it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def harmful(kind, folder, victim):
    path = folder / f"harmful-{kind}"
    value = {"preprocessed_eeg_data": LARGE, "ch_names": Touch(victim)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(value))
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, value)
    else:
        torch.save(value, path)
    return path


@pytest.mark.parametrize("kind", ["pickle", "npy", "pt"])
def test_a_program_in_a_pickle_is_not_run_even_if_trusted(kind, tmp_path):
    path = harmful(kind, tmp_path, tmp_path / "victim")
    with pytest.raises(RecordingError, match=r"names \w+.mkdir, but plain values"):
        read_container(path, trust_pickle=True)
    assert not (tmp_path / "victim").exists()


@pytest.mark.parametrize("kind", ["pickle", "npy"])
def test_a_pickle_is_refused_before_it_is_looked_at(kind, tmp_path):
    path = harmful(kind, tmp_path, tmp_path / "victim")
    with pytest.raises(RecordingError, match=r"can carry a program: .* say --trust-pickle"):
        read_container(path)


def test_bytes_can_not_pass_for_objects(tmp_path):
    content = pickle.dumps(np.arange(4), 4).replace(b"\x8c\x02i8", b"\x8c\x02O8")
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(RecordingError, match="bytes that stand for objects"):
        read_container(tmp_path / "a.npy", trust_pickle=True)


def test_records_are_not_read(tmp_path):
    records = np.zeros(3, [("a", "f8"), ("b", object)])
    (tmp_path / "a.npy").write_bytes(pickle.dumps(records))
    with pytest.raises(RecordingError, match="an array of type V16"):
        read_container(tmp_path / "a.npy", trust_pickle=True)


def test_bytes_of_the_other_order_are_turned(tmp_path):
    (tmp_path / "a.npy").write_bytes(pickle.dumps(np.arange(4, dtype=">i4")))
    assert read_container(tmp_path / "a.npy", trust_pickle=True).tolist() == [0, 1, 2, 3]


def test_what_is_shared_is_finished_once(tmp_path):
    nested = [np.arange(3.0)]
    for _ in range(60):  # 2 to the power of 60 places
        nested = [nested, nested]
    path = tmp_path / "laughs.npy"
    path.write_bytes(pickle.dumps(nested))
    content = read_container(path, trust_pickle=True)
    for _ in range(60):
        assert content[0] is content[1]
        content = content[1]
    np.testing.assert_array_equal(content[0], np.arange(3.0))


def test_a_list_that_holds_itself_is_refused(tmp_path):
    endless = []
    endless.append(endless)
    path = tmp_path / "endless.npy"
    path.write_bytes(pickle.dumps(endless))
    with pytest.raises(RecordingError, match="RecursionError"):
        read_container(path, trust_pickle=True)


def test_a_state_is_not_given_to_a_function(tmp_path):
    program = b"\x80\x04cnumpy._core.multiarray\nscalar\n}\x8c\x01a\x8c\x01bsb."
    (tmp_path / "a.npy").write_bytes(program)
    with pytest.raises(RecordingError, match="a state for a function"):
        read_container(tmp_path / "a.npy", trust_pickle=True)


def test_an_array_type_is_not_called(tmp_path):
    program = b"\x80\x04cnumpy\nndarray\n\x8a\x05\x00\x00\x00\x00\x10\x85R."  # 64 GB of it
    (tmp_path / "a.npy").write_bytes(program)
    with pytest.raises(RecordingError, match="called like a function"):
        read_container(tmp_path / "a.npy", trust_pickle=True)


def test_a_tensor_out_of_order_is_refused(tmp_path):
    torch.save({"eeg": torch.zeros(2, 3).T}, tmp_path / "a.pt")
    with pytest.raises(RecordingError, match=r"shape \(3, 2\) .* save it with .contiguous"):
        read_container(tmp_path / "a.pt")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.sampled_from(["pickle", "npy", "pt"]), st.floats(0, 1), st.sampled_from(["cut", "flip"]))
def test_a_damaged_file_is_refused_or_read(tmp_path, kind, where, how):
    """One line for a person, never a crash; a flipped sample can't be told from another."""
    path = tmp_path / f"damaged-{kind}"
    value = {"a": np.arange(3), "b": ["x"], "c": np.zeros(20_000, np.float32)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(value, 4))
    elif kind == "npy":
        with path.open("wb") as file:
            np.save(file, value)
    else:
        torch.save(value, path)
    content = bytearray(path.read_bytes())
    at = min(int(where * len(content)), len(content) - 1)
    if how == "cut":
        del content[at:]
    else:
        content[at] ^= 1
    path.write_bytes(content)
    with contextlib.suppress(RecordingError):
        read_container(path, trust_pickle=True)


@pytest.mark.parametrize("part", [0.3, 0.999])
def test_an_array_cut_short_says_by_how_much(tmp_path, part):
    np.save(tmp_path / "a.npy", LARGE)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[: int(part * len(content))])
    with pytest.raises(RecordingError, match=r"cut short: .* needs 544000 bytes"):
        read_container(tmp_path / "a.npy")


def test_announced_bytes_that_are_not_there_are_refused(tmp_path):
    path = tmp_path / "a.pkl"
    path.write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 10**12) + b"abc")
    with pytest.raises(RecordingError, match="1000000000000 bytes announced, 3 are left"):
        read_container(path, trust_pickle=True)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"hello there", "begins with b'hello '"),
        (b"", "begins with b''"),
        (b"\x93NUMPY\x01\x00\x05\x00abcde", "damaged NumPy header"),
        (b"PK\x03\x04", "cut short or damaged"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(RecordingError, match=message):
        read_container(tmp_path / "a.npy")


def test_other_archives_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.pt", "w") as archive:
        archive.writestr("a/b", "c")
    with pytest.raises(RecordingError, match="none is a torch pickle"):
        read_container(tmp_path / "a.pt")
    with zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", "c" * 100)
    with pytest.raises(RecordingError, match=r"data.pkl is compressed"):
        read_container(tmp_path / "a.pt")


@pytest.mark.parametrize("offset", [3, -5])
def test_an_archive_that_points_elsewhere_is_refused(tmp_path, offset):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/data.pkl", b"x" * 40)
    content = bytearray(path.read_bytes())
    entry = content.rfind(b"PK\x01\x02")
    content[entry + 42 : entry + 46] = struct.pack("<I", offset % len(content))
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=r"a.pt is (damaged: a/data.pkl should|cut short)"):
        read_container(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"none.npy can't be read: No such file"):
        read_container(tmp_path / "none.npy")
    with pytest.raises(RecordingError, match="can't be read: Is a directory"):
        read_container(tmp_path)
