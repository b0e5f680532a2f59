"""Building a gallery: from names or images, interrupted anywhere, always to the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from saccade.models.data.images import ImageList, read_images
from saccade.models.galleries.clip import Clip, ClipSettings
from saccade.models.galleries.gallery_build import build
from saccade.models.galleries.gallery_plan import Plan, plan_images, plan_texts
from saccade.models.galleries.partial_rows import PartialRows
from saccade.models.targets.corruption import corrupt_image
from saccade.realtime.errors import ConfigError, GalleryError

DIM = 6


class Fake:
    """An encoder whose last bits depend on the whole batch, as those of a real one do."""

    backbone, weights, weights_sha256, preprocessing, dim = "Fake", "v1", "ab" * 32, "none", DIM
    runs_on = "cpu"

    def __init__(self):
        self.batches = []

    def texts(self, texts):
        self.batches.append(list(texts))
        own = np.array(
            [np.random.default_rng(list(t.encode())).standard_normal(DIM) for t in texts]
        )
        mixed = own + 1e-6 * own.sum(axis=0)
        return (mixed / np.linalg.norm(mixed, axis=1, keepdims=True)).astype(np.float32)

    def images(self, paths, level):
        return self.texts([f"{path} {level}" for path in paths])


def names(count):
    return tuple(f"concept_{number}" for number in range(count))


def plan_of(sizes):
    items = tuple(tuple(f"{row}:{item}" for item in range(size)) for row, size in enumerate(sizes))
    return Plan(names(len(sizes)), items, "text", "a list")


class TestRows:
    def test_a_row_is_the_unit_mean_over_the_templates(self, tmp_path):
        plan = plan_texts(("dog", "red_car"), ("a {}.", "the {}.", "{}"), "n.txt")
        fake = Fake()
        gallery = build(plan, fake, tmp_path / "p", batch=100)
        assert fake.batches == [
            ["a dog.", "the dog.", "dog", "a red car.", "the red car.", "red car"]
        ]
        vectors = fake.texts(fake.batches[0]).astype(float)
        for row in (0, 1):
            mean = vectors[3 * row : 3 * row + 3].mean(axis=0)
            np.testing.assert_allclose(gallery.vectors[row], mean / np.linalg.norm(mean), atol=1e-6)
        assert gallery.names == ("dog", "red_car")
        assert (gallery.kind, gallery.backbone, gallery.weights) == ("text", "Fake", "v1")
        assert gallery.templates == ("a {}.", "the {}.", "{}")
        assert gallery.preprocessing == ""
        assert gallery.source == f"n.txt; weights sha256 {'ab' * 32}"

    def test_no_batch_is_larger_than_asked_for(self, tmp_path):
        fake = Fake()
        build(plan_of([1, 5, 2, 2, 9, 1]), fake, tmp_path / "p", batch=4)
        assert max(map(len, fake.batches)) == 4
        assert sum(map(len, fake.batches)) == 20

    def test_progress_counts_every_item_once(self, tmp_path):
        told = []
        build(plan_of([1, 5, 2, 2, 9, 1]), Fake(), tmp_path / "p", batch=4, progress=told.append)
        assert sum(told) == 20


class TestResumed:
    def test_what_is_done_is_kept_until_the_gallery_is_saved(self, tmp_path):
        plan, fake = plan_of([1, 5, 2]), Fake()
        whole = build(plan, Fake(), tmp_path / "p")
        again = build(plan, fake, tmp_path / "p")
        assert again.vectors.tobytes() == whole.vectors.tobytes()
        assert fake.batches == []

    @settings(max_examples=20)
    @given(
        sizes=st.lists(st.integers(1, 7), min_size=2, max_size=12),
        batch=st.integers(1, 9),
        stops=st.lists(st.integers(0, 4), max_size=5),
        torn=st.integers(0, 60),
    )
    def test_interrupted_anywhere_gives_the_same_bytes(
        self, tmp_path_factory, sizes, batch, stops, torn
    ):
        part = tmp_path_factory.mktemp("part") / "g.part"
        plan = plan_of(sizes)
        whole = build(plan, Fake(), part, batch=batch)
        part.unlink()  # else it would be read
        gallery, encoded = None, []
        for groups in [*stops, 1000]:
            left, told, fake = iter(range(groups)), [], Fake()
            gallery = build(
                plan,
                fake,
                part,
                batch=batch,
                progress=told.append,
                stop=lambda left=left: next(left, None) is None,
            )
            encoded += [text for texts in fake.batches for text in texts]
            if gallery is not None:
                break
            with part.open("ab") as file:
                file.write(b"\0" * torn)  # as a computer that stopped while writing leaves it
        assert gallery is not None
        assert sum(told) == sum(sizes)
        assert gallery.vectors.tobytes() == whole.vectors.tobytes()
        assert len(encoded) == sum(sizes)  # nothing twice

    def interrupted(self, tmp_path, **changed):
        plan = plan_of([1, 2, 1])
        assert build(plan, Fake(), tmp_path / "g.part", batch=1, stop=lambda: True) is None
        fake = Fake()
        for name, value in changed.items():
            setattr(fake, name, value)
        return plan, fake, tmp_path / "g.part"

    @pytest.mark.parametrize(
        ("changed", "named"),
        [
            ({"backbone": "Other"}, "backbone"),
            ({"weights_sha256": "cd" * 32}, "weights"),
            ({"preprocessing": "squash"}, "preprocessing"),
            ({"runs_on": "cuda"}, "runs on"),
            ({"dim": 7}, "dim"),
        ],
    )
    def test_not_with_another_model(self, tmp_path, changed, named):
        plan, fake, part = self.interrupted(tmp_path, **changed)
        with pytest.raises(GalleryError, match=rf"other settings \({named} differ\): continue"):
            build(plan, fake, part, batch=1)

    def test_not_with_another_batch_or_plan(self, tmp_path):
        plan, fake, part = self.interrupted(tmp_path)
        with pytest.raises(GalleryError, match=r"\(batch differ\)"):
            build(plan, fake, part, batch=2)
        with pytest.raises(GalleryError, match=r"\(plan differ\)"):
            build(plan_of([1, 2, 2]), fake, part, batch=1)

    def test_not_at_another_level(self, tmp_path):
        for name in ("a", "b"):
            picture(tmp_path / "images" / f"{name}.png")
        part = tmp_path / "g.part"
        blurred = plan_images(tmp_path / "images", "image", "gauss-15")
        assert build(blurred, Fake(), part, batch=1, stop=lambda: True) is None
        for level in ("gauss-9", None):
            with pytest.raises(GalleryError, match=r"\(level differ\)"):
                build(plan_images(tmp_path / "images", "image", level), Fake(), part, batch=1)
        assert len(build(blurred, Fake(), part, batch=1)) == 2

    def test_not_from_a_foreign_file(self, tmp_path):
        for content in (b"hello", b"[1]\n", b""):
            (tmp_path / "g.part").write_bytes(content)
            with pytest.raises(GalleryError, match=r"\(all differ\)"):
                build(plan_of([1, 1]), Fake(), tmp_path / "g.part")
        with pytest.raises(GalleryError, match="can't be read or written"):
            build(plan_of([1, 1]), Fake(), tmp_path / "nowhere" / "g.part")

    def test_not_when_an_image_changed(self, tmp_path):
        folder = tmp_path / "images"
        for name in ("a", "b", "c"):
            picture(folder / f"{name}.png")
        build(plan_images(folder, "image"), Fake(), tmp_path / "p", batch=1, stop=lambda: True)
        (folder / "b.png").write_bytes(b"longer than before" * 99)
        with pytest.raises(GalleryError, match=r"\(plan differ\)"):
            build(plan_images(folder, "image"), Fake(), tmp_path / "p", batch=1)


class TestPartialRows:
    def test_rows_come_back(self, tmp_path):
        rows = np.arange(12, dtype=np.float32).reshape(4, 3)
        kept = PartialRows(tmp_path / "p", {"a": 1}, 3)
        kept.append(rows[:3])
        again = PartialRows(tmp_path / "p", {"a": 1}, 3)
        again.append(rows[3:])
        np.testing.assert_array_equal(again.read(), rows)
        again.keep(1)
        np.testing.assert_array_equal(kept.read(), rows[:1])


def picture(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 40), (value, 90, 255 - value)).save(path)
    return path


class TestImages:
    @pytest.fixture
    def folder(self, tmp_path):
        root = tmp_path / "things"
        for name in ("00001_aardvark/a_01.jpg", "00001_aardvark/a_02.JPG", "00002_red_car/car.png"):
            picture(root / name)
        (root / "00002_red_car" / ".DS_Store").write_bytes(b"")
        return root

    def test_a_row_for_every_picture(self, folder):
        plan = plan_images(folder, "image")
        assert plan.names == ("aardvark/a_01.jpg", "aardvark/a_02.JPG", "red_car")
        assert plan.groups == ("aardvark", "aardvark", "red_car")
        assert [row[0].name for row in plan.items] == ["a_01.jpg", "a_02.JPG", "car.png"]
        assert plan.source == "3 images of 2 concepts in things"

    def test_one_picture_a_concept_needs_no_groups(self, folder):
        (folder / "00001_aardvark" / "a_02.JPG").unlink()
        plan = plan_images(folder, "image")
        assert (plan.names, plan.groups) == (("aardvark", "red_car"), None)

    def test_pictures_are_called_as_data_sets_call_them(self, folder):
        picture(folder / "00002_red_car" / "other.png", 7)
        assert plan_images(folder, "image").names == read_images(folder, "train").names

    def test_pictures_without_folders(self, folder):
        for name in ("dog_12s", "00007_cat", "hot_dog"):
            picture(folder / "flat" / f"{name}.png")
        names = plan_images(folder / "flat", "image").names
        assert names == ("cat", "dog", "hot_dog")
        listed = sorted(file.name for file in (folder / "flat").iterdir())
        assert ImageList.of(listed).concept_names == names

    def test_a_prototype_for_every_concept(self, folder, tmp_path):
        picture(folder / "00002_red_car" / "other.png", 7)
        plan = plan_images(folder, "prototype")
        assert (plan.names, plan.groups) == (("aardvark", "red_car"), None)
        fake = Fake()
        gallery = build(plan, fake, tmp_path / "p")
        mean = fake.texts(fake.batches[0])[:2].astype(float).mean(axis=0)
        np.testing.assert_allclose(gallery.vectors[0], mean / np.linalg.norm(mean), atol=1e-6)
        assert (gallery.kind, gallery.preprocessing) == ("prototype", "none")

    def test_other_files_are_left_out_and_said(self, folder, caplog):
        (folder / "00001_aardvark" / "notes.txt").write_text("x", encoding="utf-8")
        assert len(plan_images(folder, "image").names) == 3
        assert "1 files in" in caplog.text

    def test_the_level_goes_to_the_model_and_into_what_is_said(self, folder, tmp_path):
        sharp = build(plan_images(folder, "image"), Fake(), tmp_path / "p")
        fake = Fake()
        worse = build(plan_images(folder, "image", "lowres-0.1"), fake, tmp_path / "q")
        assert all(text.endswith(" lowres-0.1") for text in fake.batches[0])
        assert worse.preprocessing == (
            "squashed to 224×224, lowres-0.1 (0.1 of the width kept), then none"
        )
        with pytest.raises(GalleryError, match="preprocessing 'none' expected, 'squashed to"):
            sharp.check_compatible(worse)

    def test_levels_that_do_not_exist_or_have_nothing_to_act_on_are_refused(self, folder):
        with pytest.raises(ConfigError, match="as in gauss-15, not 'dull'"):
            plan_images(folder, "image", "dull")
        with pytest.raises(ConfigError, match="texts have no level, but gauss-15 came"):
            Plan(("a", "b"), (("a",), ("b",)), "text", "a list", level="gauss-15")

    def test_a_prototype_of_one_picture_is_refused(self, folder):
        with pytest.raises(
            GalleryError, match=r"1 of 2 concepts in .* have one \(first: 'red_car'\)"
        ):
            plan_images(folder, "prototype")

    @pytest.mark.parametrize(
        ("add", "message"),
        [
            ("stray.png", "1 images beside its 2 folders"),
            ("00003_none/notes.txt", r"1 of 3 folders .* have none \(first: 'none'\)"),
            ("00003_aardvark/again.png", "'aardvark' has several"),
        ],
    )
    def test_what_is_ambiguous_is_refused(self, folder, add, message):
        picture(folder / "x.png").rename(tmp := folder.parent / "x.png")
        (folder / add).parent.mkdir(exist_ok=True)
        tmp.rename(folder / add)
        with pytest.raises(GalleryError, match=message):
            plan_images(folder, "image")

    def test_no_folder_and_no_picture(self, tmp_path):
        with pytest.raises(GalleryError, match="no folder of images can be read"):
            plan_images(tmp_path / "none", "image")
        with pytest.raises(GalleryError, match="neither images nor folders"):
            plan_images(tmp_path, "image")
        picture(tmp_path / "one.png")
        with pytest.raises(GalleryError, match=r"at least 2 concepts, but 1 images .* has 1"):
            plan_images(tmp_path, "image")


def test_names_are_refused_before_anything_is_encoded():
    with pytest.raises(GalleryError, match=r"stand for several \(dog\)"):
        plan_texts(("dog", "Dog"), ("{}",), "n.txt")


def test_real_clip_puts_pictures_beside_themselves(tiny_clip, tmp_path):
    for value in (0, 120, 250):
        for number in (0, 1):
            picture(tmp_path / "images" / f"c{value}" / f"{number}.png", value + number)
    clip = Clip(ClipSettings("saccade-tiny", weights_file=tiny_clip, device="cpu"))
    shown = build(plan_images(tmp_path / "images", "image"), clip, tmp_path / "a")
    mean = build(plan_images(tmp_path / "images", "prototype"), clip, tmp_path / "b", batch=3)
    nearest = np.argmax(shown.vectors @ mean.vectors.T, axis=1)
    assert [mean.names[row] for row in nearest] == list(shown.groups)
    assert json.dumps(shown.describe())
    assert "resize_mode shortest" in shown.preprocessing


@pytest.mark.parametrize("level", ["foveal-51", "noise-25", "sharp"])
def test_real_clip_sees_the_corrupted_picture(tiny_clip, tmp_path, level):
    pixels = np.random.default_rng(0).integers(0, 256, (3, 40, 90, 3), dtype=np.uint8)
    for folder in ("sharp", "by_hand"):
        (tmp_path / folder).mkdir()
    for number, values in enumerate(pixels):
        image = Image.fromarray(values)
        image.save(tmp_path / "sharp" / f"c{number}.png")
        corrupt_image(image, level).save(tmp_path / "by_hand" / f"c{number}.png")
    clip = Clip(ClipSettings("saccade-tiny", weights_file=tiny_clip, device="cpu"))
    sharp = build(plan_images(tmp_path / "sharp", "image"), clip, tmp_path / "a")
    worse = build(plan_images(tmp_path / "sharp", "image", level), clip, tmp_path / "b")
    by_hand = build(plan_images(tmp_path / "by_hand", "image"), clip, tmp_path / "c")
    np.testing.assert_array_equal(worse.vectors, by_hand.vectors)
    assert (np.abs(worse.vectors - sharp.vectors).max(axis=1) > 1e-3).all()
    assert worse.names == sharp.names
    assert worse.preprocessing.endswith(f"then {sharp.preprocessing}")
