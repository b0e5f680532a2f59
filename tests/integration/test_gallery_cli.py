"""``saccade gallery``: build, info, search, index; its file wherever a gallery is named."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from saccade.models.decoders import decoder_file
from saccade.models.galleries import gallery_build, gallery_store
from saccade.models.galleries.gallery_files import load_everyday
from saccade.models.galleries.gallery_store import StoredGallery

Saccade = Callable[..., Any]
NAMES = ("red car", "house", "dog", "aircraft_carrier", "naïve art")


@pytest.fixture
def tiny(tiny_clip: Path) -> tuple[object, ...]:
    """Return the flags that choose the tiny model."""
    return ("--backbone", "saccade-tiny", "--weights-file", tiny_clip, "--device", "cpu")


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("\n".join(NAMES), encoding="utf-8")
    return path


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for value, name in enumerate(("00001_dog", "00002_house", "00003_red_car")):
        for number in range(2):
            path = tmp_path / "pictures" / name / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 40), (value * 90, 200 - value * 90, 9 * number)).save(path)
    return tmp_path / "pictures"


@pytest.fixture
def text_gallery(saccade: Saccade, tmp_path: Path, names: Path, tiny: Any) -> Path:
    path = tmp_path / "text.gallery"
    made = saccade("gallery", "build", path, "--names", names, *tiny, "--template", "{}")
    assert made.code == 0, made.err
    return path


def result(outcome: Any) -> dict[str, Any]:
    assert outcome.code == 0, outcome.err
    parsed: dict[str, Any] = json.loads(outcome.out.splitlines()[-1])
    return parsed


class TestBuild:
    def test_from_names_with_imagenets_templates(self, saccade, tmp_path, names, tiny):
        path = tmp_path / "g.gallery"
        facts = result(saccade("gallery", "build", path, "--names", names, *tiny, "--json"))
        assert (facts["size"], facts["dim"], facts["kind"]) == (5, 16, "text")
        assert len(facts["templates"]) == 80
        assert facts["weights"].startswith("sha256:")
        gallery = gallery_store.load(path).gallery
        assert gallery.names == NAMES
        assert result(saccade("gallery", "info", path, "--json")) | {"file": str(path)} == facts
        assert list(tmp_path.glob("*.part")) == []

    def test_from_pictures(self, saccade, tmp_path, pictures, tiny):
        for kind, size in (("image", 6), ("prototype", 3)):
            path = tmp_path / f"{kind}.gallery"
            facts = result(
                saccade(
                    *("gallery", "build", path, "--images", pictures, "--kind", kind, *tiny),
                    *("--resize", "squash", "--batch", 2, "--json"),
                )
            )
            assert (facts["size"], facts["kind"]) == (size, kind)
            assert "resize_mode squash" in facts["preprocessing"]

    def test_from_pictures_made_worse(self, saccade, tmp_path, pictures, tiny):
        for path in pictures.rglob("*.png"):
            with Image.open(path) as image:
                image.paste((255, 255, 0), (0, 0, 15, 30))
                image.save(path)
        vectors = {}
        for level in ("none", "sharp", "gauss-15"):
            path = tmp_path / f"{level}.gallery"
            flags = () if level == "none" else ("--corrupt", level)
            build = ("gallery", "build", path, "--images", pictures, *tiny, *flags, "--json")
            facts = result(saccade(*build))
            shown = saccade("gallery", "info", path).out
            assert f"preprocessing          {facts['preprocessing']}" in shown
            assert facts["preprocessing"].startswith(f"squashed to 224×224, {level} (") == bool(
                flags
            )
            vectors[level] = gallery_store.load(path).gallery.vectors
        changed = {name: np.abs(vectors[name] - vectors["none"]).max(axis=1) for name in vectors}
        assert (changed["gauss-15"] > changed["sharp"]).all()

    def test_from_arrays_made_elsewhere(self, saccade, tmp_path, names):
        vectors = np.random.default_rng(0).standard_normal((5, 8)).astype(np.float32)
        np.save(tmp_path / "v.npy", vectors)
        flags = ("--vectors", tmp_path / "v.npy", "--names", names, "--backbone", "RN50")
        flags += ("--weights", "openai", "--kind", "prototype")
        path = tmp_path / "g.gallery"
        done = saccade("gallery", "build", path, *flags)
        assert done.out.strip() == f"{path}: 5 concepts, prototype, RN50/openai"
        np.testing.assert_array_equal(gallery_store.load(path).gallery.vectors, vectors)

    def test_interrupted_and_continued(
        self, saccade, tmp_path, names, tiny, text_gallery, monkeypatch
    ):
        path = tmp_path / "again.gallery"
        command = ("gallery", "build", path, "--names", names, *tiny, "--template", "{}")
        command += ("--batch", 2)
        encode, groups = gallery_build._encode, []

        def interrupted(plan, encoder, group, batch):
            groups.append(group)
            if len(groups) == 2:
                signal.raise_signal(signal.SIGINT)
            return encode(plan, encoder, group, batch)

        assert threading.current_thread() is threading.main_thread()
        monkeypatch.setattr(gallery_build, "_encode", interrupted)
        stopped = saccade(*command)
        assert stopped.code == 130
        assert "again.gallery.part, the same command goes on" in stopped.err
        assert not path.exists()
        assert saccade(*command).code == 0
        assert groups == [range(2), range(2, 4), range(4, 5)]
        monkeypatch.undo()
        other = tmp_path / "whole.gallery"
        assert saccade(*command[:2], other, *command[3:]).code == 0
        assert path.read_bytes() == other.read_bytes()

    def test_whitened_and_whitened_alike(self, saccade, tmp_path, names, tiny, text_gallery):
        build = ("gallery", "build", tmp_path / "w.gallery", "--names", names, *tiny)
        facts = result(saccade(*build, "--template", "{}", "--whiten", "--json"))
        assert facts["projection"].startswith("whitened ")
        plain = gallery_store.load(text_gallery)
        white = gallery_store.load(tmp_path / "w.gallery")
        assert white.whitening is not None
        np.testing.assert_array_equal(
            white.gallery.vectors, white.whitening.apply(plain.gallery.vectors)
        )
        alike = (*build[:2], tmp_path / "l.gallery", *build[3:], "--template", "a {}")
        facts = result(saccade(*alike, "--whiten-like", tmp_path / "w.gallery", "--json"))
        white.gallery.check_compatible(gallery_store.load(tmp_path / "l.gallery").gallery)
        assert not (tmp_path / "l.gallery.part").exists()

    def test_what_to_whiten_like_is_read_before_anything_is_encoded(
        self, saccade, tmp_path, names, tiny, text_gallery, monkeypatch
    ):
        monkeypatch.setattr(gallery_build, "build", None)
        build = ("gallery", "build", tmp_path / "l.gallery", "--names", names, *tiny)
        build += ("--template", "{}", "--whiten-like")
        assert "was not whitened" in saccade(*build, text_gallery).err
        assert "there is no such file" in saccade(*build, tmp_path / "typo.gallery").err

    def test_what_was_encoded_is_kept_when_it_can_not_be_saved(
        self, saccade, tmp_path, names, tiny, monkeypatch
    ):
        build = ("gallery", "build", tmp_path / "g.gallery", "--names", names, *tiny)
        build += ("--template", "{}")

        def full(path, content):
            raise OSError("No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(gallery_store, "write_whole", full)
            assert "can't be written: No space left" in saccade(*build).err
        monkeypatch.setattr(gallery_build, "_encode", None)  # nothing is encoded again
        assert saccade(*build).code == 0
        assert [file.name for file in tmp_path.glob("g.*")] == ["g.gallery"]

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            ((), "but none of them came"),
            (("--vectors", "v.npy"), "but --vectors came"),
            (
                ("--images", "x", "--template", "{}"),
                "--template would change nothing with --images",
            ),
            (("--images", "x", "--names", "n"), "--names would change nothing with --images"),
            (("--names", "n", "--resize", "squash"), "--resize would change nothing with --names"),
            (
                ("--names", "n", "--vectors", "v", "--batch", "8", "--device", "cpu"),
                "--batch, --device would change nothing with --vectors",
            ),
            (("--names", "n", "--corrupt", "gauss-15"), "--corrupt would change nothing with --n"),
            (("--images", "pictures", "--corrupt", "gauss-16"), "must name an odd kernel of 3 to"),
            (("--images", "pictures", "--corrupt", ""), "as in gauss-15, not ''"),
            (
                ("--images", "x", "--corrupt", "gauss-15", "--resize", "squash"),
                "--resize would change nothing with --corrupt",
            ),
            (("--names", "n", "--kind", "image"), "--kind is text when building from --names"),
            (("--images", "x", "--kind", "text"), "--kind is image or prototype when"),
            (("--names", "names.txt"), "name it with --backbone"),
            (("--names", "n", "--template", "{}"), "names can't be read from n"),
            (("--names", "names.txt", "--backbone", "RN50"), "weights of RN50 are needed"),
            (("--names", "names.txt", "--whiten", "--whiten-like", "x"), "give one of them"),
        ],
    )
    def test_refused_before_anything_is_encoded(
        self, saccade, tmp_path, names, pictures, monkeypatch, flags, message
    ):
        monkeypatch.chdir(tmp_path)
        refused = saccade("gallery", "build", "g.gallery", *flags)
        assert refused.code == 1
        assert message in refused.err
        assert len(refused.err.strip().splitlines()) == 1

    def test_where_nothing_is_written(self, saccade, names, tiny, text_gallery):
        build = ("gallery", "build", text_gallery, "--names", names, *tiny)
        assert "exists: choose another name" in saccade(*build).err
        assert "must end in .gallery" in saccade(*build[:2], "g.npy", *build[3:]).err


class TestSearch:
    def test_by_text(self, saccade, text_gallery, tiny):
        search = ("gallery", "search", "red car", "--gallery", text_gallery, *tiny[2:])
        found = result(saccade(*search, "--json", "--top", 3))
        assert len(found["hits"]) == 3
        assert found["hits"][0] == {"row": 0, "name": "red car", "cosine": pytest.approx(1)}
        assert saccade(*search).out.splitlines()[0] == "+1.000  red car"

    def test_by_text_in_a_white_space(self, saccade, tmp_path, names, tiny):
        path = tmp_path / "w.gallery"
        build = ("gallery", "build", path, "--names", names, *tiny, "--template", "{}", "--whiten")
        assert saccade(*build).code == 0
        search = ("gallery", "search", "dog", "--gallery", path, *tiny[2:], "--json")
        assert result(saccade(*search))["hits"][0]["name"] == "dog"

    def test_by_concept(self, saccade):
        found = result(saccade("gallery", "search", "--name", "dog", "--json"))
        gallery = load_everyday()
        cosines = gallery.centred() @ gallery.centred()[gallery.row("dog")]
        order = [row for row in np.argsort(-cosines, kind="stable") if row != gallery.row("dog")]
        assert [hit["row"] for hit in found["hits"]] == order[:5]
        assert found["hits"][0]["cosine"] == pytest.approx(cosines[order[0]], abs=1e-6)

    def test_more_than_there_are(self, saccade, text_gallery):
        search = ("gallery", "search", "--name", "dog", "--gallery", text_gallery, "--top", 99)
        assert len(result(saccade(*search, "--json"))["hits"]) == 4

    def test_refused(self, saccade, tmp_path, text_gallery, tiny):
        def refused(*flags: object) -> str:
            done = saccade("gallery", "search", *flags)
            assert done.code == 1
            return str(done.err)

        assert "either a text or --name" in refused()
        assert "either a text or --name" in refused("dog", "--name", "dog")
        assert "no concept 'dof'" in refused("--name", "dof")
        assert "--weights-file and --device would" in refused("--name", "dog", "--device", "cpu")
        assert "that is everyday-attributes (not CLIP)/v1" in refused("dog")
        assert "--index would change nothing with a text" in refused("dog", "--index", "x.index")
        assert "weights of saccade-tiny are needed" in refused("dog", "--gallery", text_gallery)
        torch.save(torch.load(tiny[3]) | {"logit_scale": torch.ones(())}, tmp_path / "other.pt")
        other = (*tiny[2:3], tmp_path / "other.pt", *tiny[4:])
        assert "use the file it was made with" in refused("dog", "--gallery", text_gallery, *other)
        stored = gallery_store.load(text_gallery).gallery
        moved = tmp_path / "moved.gallery"
        gallery_store.save(StoredGallery(stored.projected(stored.vectors, "by hand")), moved)
        assert "this gallery's space (by hand)" in refused("dog", "--gallery", moved, *tiny[2:])


class TestWhereverAGalleryIsNamed:
    def test_calibrate_and_replay(self, saccade, tmp_path, runs):
        path = tmp_path / "g.gallery"
        made = replace(load_everyday(), preprocessing="squash", templates=("a {}.", "{}"))
        gallery_store.save(StoredGallery(made), path)
        out = tmp_path / "d.saccade"
        flags = ("--gallery", path, "--label", "1=dog", "--label", "2=house", "--json")
        result(saccade("calibrate", "--recording", runs[0], "--out", out, *flags))
        kept = decoder_file.load(out).gallery
        assert kept.describe() == made.describe()
        assert (kept.preprocessing, kept.templates) == ("squash", ("a {}.", "{}"))
        replay = ("replay", runs[1], "--decoder", out, "--json")
        replay += ("--set", f"gallery.vectors={path}")
        assert result(saccade(*replay))["predictions"] == 60
        assert result(saccade("gallery", "info", out, "--json"))["size"] == 200

    def test_what_the_file_says_can_not_be_said_otherwise(self, saccade, tmp_path, text_gallery):
        info = ("gallery", "info", text_gallery)
        assert saccade(*info, "--backbone", "saccade-tiny").code == 0
        refused = saccade(*info, "--backbone", "RN50", "--kind", "image")
        assert "has backbone 'saccade-tiny', not 'RN50'; kind 'text', not 'image'" in refused.err
        assert "names of its own" in saccade(*info, "--gallery-names", "n.txt").err


class TestCorruptedPictures:
    """From image files to an encoder that learned from corrupted versions of them."""

    LEVELS = ("foveal-45", "foveal-51", "foveal-57")

    @pytest.fixture
    def recorded(self, tmp_path: Path) -> tuple[object, ...]:
        """Write 12 + 4 concepts, two pictures each for training; return the flags of the data."""
        rng = np.random.default_rng(0)
        home = tmp_path / "set" / "sub-01"
        home.mkdir(parents=True)
        (home / "info.json").write_text(json.dumps({"ch_names": ["Oz", "O2"], "sfreq": 100.0}))
        for split, folder, first, size in (
            ("train", "training_images", 0, (12, 2, 2)),
            ("test", "test_images", 12, (4, 1, 4)),
        ):
            np.save(home / f"{split}.npy", rng.standard_normal((*size, 2, 80)).astype(np.float32))
            for concept in range(first, first + size[0]):
                for number in range(size[1]):
                    place = f"{concept:05d}_c{concept}/c{concept}_{number}.png"
                    path = tmp_path / folder / place
                    path.parent.mkdir(parents=True, exist_ok=True)
                    pixels = rng.integers(0, 256, (24, 30, 3), dtype=np.uint8)
                    Image.fromarray(pixels).resize((300, 240)).save(path)
        return ("--data", tmp_path / "set", "--layout", "neurobridge", "--images", tmp_path)

    def test_are_trained_on_and_judged_by(self, saccade, tmp_path, recorded, tiny):
        for folder in ("training_images", "test_images"):
            for level in ("sharp", *self.LEVELS):
                out = tmp_path / f"{folder}-{level}.gallery"
                build = ("gallery", "build", out, "--images", tmp_path / folder, *tiny)
                result(saccade(*build, "--corrupt", level, "--json"))

        def galleries(folder: str) -> list[object]:
            files = [f"{level}={tmp_path / folder}-{level}.gallery" for level in self.LEVELS]
            return [word for file in files for word in ("--level", file)]

        encoder, test = tmp_path / "ubp.encoder", tmp_path / "test_images-sharp.gallery"
        train = ("train", "--encoder", "ubp", *recorded, "--option", "epochs=1", "--device", "cpu")
        train += ("--targets", tmp_path / "training_images-sharp.gallery", "--out", encoder)
        made = result(saccade(*train, *galleries("training_images"), "--json"))
        assert made["levels"] == list(self.LEVELS)
        assert made["levels_on_embeddings"] is False
        judge = ("evaluate", encoder, *recorded, "--split", "test", "--gallery", test, "--json")
        judged = result(saccade(*judge, *galleries("test_images")))
        assert judged["levels"][0]["n"] == 16
        assert "the encoder wants foveal-45" in saccade(*judge, *galleries("test_images")[:2]).err


class TestIndexed:
    @pytest.fixture(autouse=True)
    def small(self, monkeypatch):
        pytest.importorskip("faiss", reason="the [index] extra is not installed")
        monkeypatch.setattr("saccade.models.galleries.index_build.LEAST_ROWS", 3000)
        monkeypatch.setattr("saccade.models.galleries.index_build.N_QUERIES", 100)

    def test_a_large_gallery_is_searched_by_its_index(self, saccade, tmp_path, monkeypatch):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((3000, 16)).astype(np.float32)
        np.save(tmp_path / "v.npy", vectors)
        (tmp_path / "n.txt").write_text("\n".join(f"c{i}" for i in range(3000)), encoding="utf-8")
        path = tmp_path / "g.gallery"
        saccade(
            "gallery", "build", path, "--vectors", tmp_path / "v.npy", "--names", tmp_path / "n.txt"
        )
        search = ("gallery", "search", "--name", "c7", "--gallery", path, "--json")
        exact = result(saccade(*search))["hits"]
        facts = result(saccade("gallery", "index", path, "--json"))
        assert facts["file"] == str(tmp_path / "g.index")
        assert facts["recall"] > 0.9
        assert "exists" in saccade("gallery", "index", path).err
        assert result(saccade(*search))["hits"] == exact  # as it was not asked for
        by_index = (*search, "--index", tmp_path / "g.index")
        assert "can be asked for, not 3000: search exactly" in saccade(*by_index, "--top", 2999).err
        monkeypatch.setattr("saccade.models.galleries.search.search", None)  # not this way
        quick = result(saccade(*by_index))["hits"]
        assert len({hit["row"] for hit in exact} & {hit["row"] for hit in quick}) >= 4

    def test_a_small_one_has_none(self, saccade, text_gallery):
        assert "3000 vectors or more" in saccade("gallery", "index", text_gallery).err
