"""The order of images, from folders and lists as they come with the data sets."""

from __future__ import annotations

import pytest

from saccade.models.data.images import ImageList, read_images
from saccade.realtime.errors import RecordingError

PATHS = (
    "00001_aardvark/aardvark_01b.jpg",
    "00001_aardvark/aardvark_02s.jpg",
    "00002_air_raft/air_raft_03s.PNG",
    "00002_air_raft/air_raft_04s.jpeg",
)
NAMES = tuple(path.partition("_")[2] for path in PATHS)


def folder_of(paths, root):
    for path in reversed(paths):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"")
    return root


def test_a_folder_of_folders_is_read_in_sorted_order(tmp_path):
    folder_of(PATHS, tmp_path)
    (tmp_path / "00001_aardvark" / "Thumbs.db").write_bytes(b"")
    images = read_images(tmp_path, "train")
    assert images.names == NAMES
    assert images.concept_names == ("aardvark", "air_raft")
    assert images.concept.tolist() == [0, 0, 1, 1]
    assert len(images) == 4


@pytest.mark.parametrize("name", ["training_images", "train_images"])
def test_the_folder_of_the_split_is_found(tmp_path, name):
    folder_of(PATHS[:2], tmp_path / name)
    folder_of(PATHS[2:], tmp_path / "test_images")
    assert read_images(tmp_path, "train").names == NAMES[:2]
    assert read_images(tmp_path, "test").names == NAMES[2:]


@pytest.mark.parametrize("prefix", ["", "images/", "C:\\things\\"])
def test_a_list_of_paths_says_the_same(tmp_path, prefix):
    file = tmp_path / "images.txt"
    file.write_text("\n".join(prefix + path for path in PATHS) + "\n")
    images = read_images(file, "test")
    assert (images.names, images.concept.tolist()) == (NAMES, [0, 0, 1, 1])


def test_the_second_word_of_a_concept_is_kept():
    images = ImageList.of(["hot_dog.jpg", "hot_tub.jpg", "00003_ice_cream_01b.jpg"])
    assert images.concept_names == ("hot_dog", "hot_tub", "ice_cream")


def test_a_mark_of_the_byte_order_is_no_part_of_a_name(tmp_path):
    (tmp_path / "n.txt").write_text("dog\ncat\n", encoding="utf-8-sig")
    assert read_images(tmp_path / "n.txt", "train").names == ("dog", "cat")


def test_a_long_list_with_a_repetition_is_refused_at_once():
    names = [f"a/{number}.jpg" for number in range(300_000)]
    with pytest.raises(RecordingError, match=r"'a/299999.jpg' is listed 2 times"):
        ImageList.of([*names, names[-1]])


def test_file_names_alone_tell_the_concept():
    images = ImageList.of(["dog_12s.jpg", "air_raft_03s.jpg", "zebra.jpg"])
    assert images.concept_names == ("dog", "air_raft", "zebra")
    assert images.names == ("dog/dog_12s.jpg", "air_raft/air_raft_03s.jpg", "zebra/zebra.jpg")


def test_concepts_alone_are_spread_over_their_images():
    images = ImageList.of(["00001_aardvark", "00002_air_raft"])
    assert images.grid((2, 3), "a").concept.tolist() == [0, 0, 0, 1, 1, 1]
    spread = images.grid((6, 2), "a")
    assert spread.image_names == (
        *("aardvark/01", "aardvark/02", "aardvark/03"),
        *("air_raft/01", "air_raft/02", "air_raft/03"),
    )
    assert spread.concept.tolist() == [0] * 6 + [1] * 6


@pytest.mark.parametrize("shape", [(4, 3), (2, 2, 3), (4,)])
def test_a_grid_counts_repetitions_fastest(shape):
    table = ImageList.of(PATHS).grid(shape, "sub-01")
    repetitions = shape[-1] if len(shape) > 1 else 1
    assert table.image.tolist() == [i for i in range(4) for _ in range(repetitions)]
    assert table.repetition.tolist() == list(range(repetitions)) * 4
    assert table.subjects == ("sub-01",)


@pytest.mark.parametrize(
    ("paths", "shape", "message"),
    [
        (PATHS, (5, 2), "of 5 images came with a list of 4 images"),
        (["aardvark", "abacus"], (5, 2), "of 5 images came with a list of 2 concepts"),
        ([PATHS[0], PATHS[2], PATHS[1], PATHS[3]], (2, 2, 1), "2 concepts in another order"),
        (["a/1.jpg", "a/2.jpg", "a/3.jpg", "a/4.jpg"], (2, 2, 1), "list has 1 concepts"),
    ],
)
def test_a_list_of_another_data_set_is_refused(paths, shape, message):
    with pytest.raises(RecordingError, match=message):
        ImageList.of(paths).grid(shape, "a")


def test_lists_that_say_nothing_are_refused(tmp_path):
    file = tmp_path / "images.txt"
    file.write_text("a/1.jpg\n\na/2.jpg\n")
    with pytest.raises(RecordingError, match=r"images.txt: .* but number 2 has none"):
        read_images(file, "train")
    file.write_text("00001_a/1.jpg\n00002_b/1.jpg\n00003_a/1.jpg\n")
    with pytest.raises(RecordingError, match=r"'a/1.jpg' is listed 2 times"):
        read_images(file, "train")
    with pytest.raises(RecordingError, match=r"no list of images can be read from .*nowhere"):
        read_images(tmp_path / "nowhere", "train")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(RecordingError, match="no list of images can be read"):
        read_images(file, "train")


def test_folders_without_images_are_refused(tmp_path):
    with pytest.raises(RecordingError, match="holds no folder of a concept"):
        read_images(tmp_path, "train")
    (tmp_path / "00001_aardvark").mkdir()
    with pytest.raises(RecordingError, match=r"00001_aardvark holds no .jpg, .jpeg, .png"):
        read_images(tmp_path, "train")


@pytest.mark.real_data
def test_the_names_of_the_published_test_concepts(real_data):
    names = real_data / "clip" / "things200-vitl14" / "things_eeg2_test200_names.txt"
    table = read_images(names, "test").grid((200, 80), "sub-01")
    assert table.concept_names[:2] == ("aircraft_carrier", "antelope")
    assert len(table) == 16_000
    assert len(table.concept_names) == 200
