"""Galleries: what they refuse, how they are compared, and where they come from."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from saccade.models.galleries.gallery import BLOCK_ROWS, Gallery, targets
from saccade.models.galleries.gallery_files import (
    load_arrays,
    load_everyday,
    read_attributes,
    read_names,
)
from saccade.realtime.errors import GalleryError


def make(vectors=None, names=None, **fields):
    if vectors is None:
        vectors = np.random.default_rng(0).standard_normal((6, 4)) + 2
    vectors = np.asarray(vectors, np.float32)
    names = tuple(names or (f"concept {i}" for i in range(len(vectors))))
    known = {"backbone": "ViT-B-32", "weights": "openai", "kind": "text"}
    return Gallery(names=names, vectors=vectors, **(known | fields))


def unit(vectors):
    return np.array([v / np.sqrt((v * v).sum()) for v in np.asarray(vectors, np.float64)])


class TestCompared:
    def test_centred_is_unit_less_mean_unit(self):
        gallery = make()
        lengths_gone = unit(gallery.vectors)
        expected = unit(lengths_gone - lengths_gone.mean(axis=0))
        np.testing.assert_allclose(gallery.centred(), expected, atol=1e-6)
        assert gallery.centred().dtype == np.float32

    def test_length_of_a_given_vector_does_not_matter(self):
        vectors = make().vectors
        longer = vectors * np.float32([[1], [2], [0.5], [8], [1], [4]])  # exact in binary
        np.testing.assert_array_equal(make(longer).centred(), make(vectors).centred())

    def test_layout_in_memory_does_not_matter(self):
        vectors = np.random.default_rng(3).standard_normal((200, 512)).astype(np.float32)
        turned = make(np.asfortranarray(vectors))
        np.testing.assert_array_equal(turned.centre, make(vectors).centre)
        np.testing.assert_array_equal(turned.centred(), make(vectors).centred())
        assert turned.centred().flags.c_contiguous

    def test_another_centre_moves_the_vectors(self):
        gallery = make()
        centre = np.float32([0.5, 0, 0, 0])
        np.testing.assert_allclose(
            gallery.centred(centre), unit(unit(gallery.vectors) - centre), atol=1e-6
        )

    def test_a_vector_at_the_centre_has_no_direction(self):
        gallery = make([[1, 0], [1, 0], [2, 0]])
        with pytest.raises(GalleryError, match=r"3 of 3 vectors equal the gallery's centre"):
            gallery.centred()

    def test_targets_are_centred_rows(self):
        gallery = make()
        np.testing.assert_array_equal(targets(gallery, [3, 0, 3]), gallery.centred()[[3, 0, 3]])


class TestRows:
    def test_capitals_and_spaces_around_do_not_matter(self):
        gallery = make([[1, 0], [0, 1]], ["Human face", "House"])
        assert gallery.row(" human FACE ") == 0
        assert gallery.row("house") == 1

    def test_unknown_name_is_refused_with_the_nearest(self):
        gallery = make([[1, 0], [0, 1]], ["Human face", "House"])
        with pytest.raises(GalleryError, match=r"no concept 'hause'.*2: nearest: 'House'"):
            gallery.row("hause")

    def test_unlike_name_is_refused_with_the_first_ones(self):
        with pytest.raises(GalleryError, match=r"no concept 'zzz'.*begins with concept 0"):
            make().row("zzz")


@pytest.mark.parametrize(
    ("vectors", "fields", "message"),
    [
        ([[1, 0], [0, 1]], {"names": ["a"]}, "1 names came for 2 vectors"),
        ([[1, 0], [0, 1]], {"groups": ("x",)}, "1 groups came for 2 vectors"),
        ([[1, 0], [0, 1]], {"kind": "smell"}, "one of image, prototype, text, attributes, not"),
        ([[1, 0], [0, 1]], {"names": ["a", " "]}, "row 1 has none"),
        ([[1, 0], [0, 1]], {"names": ["Dog", "dog"]}, r"1 stand for several \(dog\)"),
        ([[1, 0], [0, 0]], {}, r"1 of 2 are zero \(first: row 1\)"),
        ([[1, 0], [np.nan, 0], [0, np.inf]], {}, r"2 of 3 hold NaN or infinity \(first: row 1\)"),
        ([[1, 0]], {}, r"both at least 2, not float32 of shape \(1, 2\)"),
    ],
)
def test_malformed_gallery_is_refused(vectors, fields, message):
    with pytest.raises(GalleryError, match=message):
        make(vectors, **fields)


def test_double_precision_is_refused():
    with pytest.raises(GalleryError, match="must be float32"):
        Gallery(("a", "b"), np.eye(2), "b", "w", "text")


class TestCompatible:
    def test_other_concepts_of_the_same_model_fit(self):
        make().check_compatible(make(np.eye(4)[:3], ["x", "y", "z"]))

    def test_every_field_that_differs_is_named(self):
        other = make(np.eye(3), backbone="RN50", weights="yfcc", kind="image")
        with pytest.raises(GalleryError) as caught:
            make().check_compatible(other)
        for part in (
            "backbone 'ViT-B-32' expected, 'RN50' came",
            "weights 'openai' expected, 'yfcc' came",
            "kind 'text' expected, 'image' came",
            "dim 4 expected, 3 came",
        ):
            assert part in str(caught.value)

    def test_preprocessing_counts_where_both_say_it(self):
        squashed = make(preprocessing="squash")
        make().check_compatible(squashed)
        squashed.check_compatible(make())
        with pytest.raises(GalleryError, match="preprocessing 'squash' expected, 'crop' came"):
            squashed.check_compatible(make(preprocessing="crop"))

    def test_projection_counts_always(self):
        moved = make().projected(make().vectors, "W7")
        moved.check_compatible(make(np.eye(4)).projected(np.eye(4, dtype=np.float32), "W7"))
        with pytest.raises(GalleryError, match="projection '' expected, 'W7' came"):
            make().check_compatible(moved)


class TestProjected:
    def test_same_concepts_in_another_space(self):
        gallery = make(groups=("a",) * 6, templates=("{}",))
        moved = gallery.projected(np.ones((6, 9), np.float32), "to 9 dimensions")
        assert (moved.names, moved.groups, moved.templates) == (
            gallery.names,
            gallery.groups,
            gallery.templates,
        )
        assert (moved.dim, moved.projection) == (9, "to 9 dimensions")
        assert moved.projected(moved.vectors, "W").projection == "to 9 dimensions, then W"

    def test_it_must_say_how_and_keep_the_rows(self):
        with pytest.raises(GalleryError, match="must say how it was projected"):
            make().projected(make().vectors, " ")
        with pytest.raises(GalleryError, match="6 names came for 5 vectors"):
            make().projected(make().vectors[:5], "W")


class TestBlocks:
    """A large gallery is worked on in blocks, with the bits of a small one."""

    def test_centre_and_centred(self, monkeypatch):
        gallery = make(np.random.default_rng(4).standard_normal((50, 7)) + 1)
        centre, centred = gallery.centre, gallery.centred()
        cosine = gallery.describe()["mean_cosine"]
        monkeypatch.setattr("saccade.models.galleries.gallery.UNIT_ROWS", 8)
        np.testing.assert_array_equal(gallery.centre, centre)
        np.testing.assert_array_equal(gallery.centred(), centred)
        assert gallery.describe()["mean_cosine"] == pytest.approx(cosine)

    def test_a_vector_at_the_centre_is_named_in_any_block(self, monkeypatch):
        monkeypatch.setattr("saccade.models.galleries.gallery.UNIT_ROWS", 2)
        gallery = make([[1, 0], [0, 1], [3, 3], [1, 0]])
        with pytest.raises(GalleryError, match=r"1 of 4 .*first: 'concept 2'"):
            gallery.centred(np.full(2, 0.5**0.5, np.float32))

    def test_pairs_of_a_large_gallery_are_not_looked_for(self, monkeypatch):
        monkeypatch.setattr("saccade.models.galleries.gallery.PAIRS_ROWS", 5)
        assert make().describe()["nearest"] is None


class TestDigest:
    def test_same_content_same_digest(self):
        assert make().digest == make(source="elsewhere").digest

    def test_names_vectors_their_order_and_projection_count(self):
        base = make()
        changed = base.vectors.copy()
        changed[2, 1] = np.nextafter(changed[2, 1], np.float32(9))
        others = [
            make(changed),
            make(base.vectors, ["other", *base.names[1:]]),
            make(base.vectors[::-1], base.names[::-1]),
            make(base.vectors.reshape(6, 4)[:, ::-1]),
            make(projection="W"),
        ]
        assert len({base.digest, *(other.digest for other in others)}) == 6


class TestDescribe:
    def test_mean_cosines_against_all_pairs(self):
        gallery = make(np.random.default_rng(1).standard_normal((9, 5)) + 3)
        described = gallery.describe()["mean_cosine"]
        for key, vectors in (("raw", gallery.vectors), ("centred", gallery.centred())):
            cosines = unit(vectors) @ unit(vectors).T
            expected = np.mean([cosines[i, j] for i in range(9) for j in range(9) if i != j])
            assert described[key] == pytest.approx(expected, abs=1e-6)

    def test_nearest_pair_across_blocks(self):
        vectors = np.random.default_rng(2).standard_normal((BLOCK_ROWS + 20, 16))
        vectors[BLOCK_ROWS + 7] = vectors[5] + 1e-3
        vectors[BLOCK_ROWS + 9] = vectors[BLOCK_ROWS + 3] + 1e-2
        nearest = make(vectors).describe()["nearest"]
        assert nearest[0]["names"] == ["concept 5", f"concept {BLOCK_ROWS + 7}"]
        assert nearest[1]["names"] == [f"concept {BLOCK_ROWS + 3}", f"concept {BLOCK_ROWS + 9}"]
        assert len(nearest) == 5

    def test_is_json_and_counts_groups(self):
        described = make(np.eye(3), groups=("x", "y", "x")).describe()
        assert json.loads(json.dumps(described)) == described
        assert described["groups"] == {"x": 2, "y": 1}
        assert described["norm"] == {"min": 1.0, "max": 1.0}

    def test_says_how_the_vectors_were_made(self):
        fields = {"templates": ("a {}.",), "preprocessing": "squash", "projection": "W"}
        described = make(**fields).describe()
        assert {key: described[key] for key in fields} == fields | {"templates": ["a {}."]}


def files(tmp_path: Path, vectors, text: str):
    np.save(tmp_path / "v.npy", vectors, allow_pickle=True)
    (tmp_path / "n.txt").write_text(text, encoding="utf-8")
    return tmp_path / "v.npy", tmp_path / "n.txt"


def load(paths):
    return load_arrays(*paths, backbone="ViT-B-32", weights="openai", kind="text")


class TestLoadArrays:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(3, 4), (3, 1, 4)])
    def test_types_and_shapes_people_publish(self, tmp_path, dtype, shape):
        vectors = np.arange(1, 13).reshape(shape).astype(dtype)
        gallery = load(files(tmp_path, vectors, "dog\nbench press\nnaïve\n"))
        assert gallery.names == ("dog", "bench press", "naïve")
        assert gallery.vectors.dtype == np.float32
        np.testing.assert_array_equal(gallery.vectors, np.arange(1, 13).reshape(3, 4))
        assert gallery.source == "v.npy, n.txt"

    def test_a_row_repeated_exactly_stays_and_gets_a_number(self, tmp_path, caplog):
        vectors = np.float32([[1, 0], [0, 1], [1, 0], [1, 1], [1, 0]])
        with caplog.at_level(logging.WARNING):
            gallery = load(files(tmp_path, vectors, "dog\ncat\ndog\ncow\ndog"))
        assert gallery.names == ("dog", "cat", "dog (2)", "cow", "dog (3)")
        np.testing.assert_array_equal(gallery.vectors, vectors)  # row numbers are the file's
        assert gallery.row("dog") == 0
        assert "repeated rows, which get a number: dog" in caplog.text

    def test_a_name_with_two_vectors_is_refused(self, tmp_path):
        vectors = np.float32([[1, 0], [0, 1], [1, 1]])
        with pytest.raises(GalleryError, match=r"stand for several \(mouse\)"):
            load(files(tmp_path, vectors, "mouse\ncat\nmouse"))

    @pytest.mark.parametrize(
        ("vectors", "text", "message"),
        [
            (np.eye(3), "a\nb", r"2 names and .* has 3 rows"),
            (np.eye(3, dtype=int), "a\nb\nc", "one float16, float32 or float64 array, not int64"),
            (np.ones(3), "a\nb\nc", r"\(G, D\) or \(G, 1, D\), not \(3,\)"),
            (np.ones((3, 2, 4)), "a\nb\nc", r"not \(3, 2, 4\)"),
            (np.array([{"a": 1}], dtype=object), "a", "not a pickled object"),
        ],
    )
    def test_what_is_no_gallery_is_refused(self, tmp_path, vectors, text, message):
        with pytest.raises(GalleryError, match=message):
            load(files(tmp_path, vectors, text))

    def test_missing_and_foreign_files_are_refused(self, tmp_path):
        vectors, names = files(tmp_path, np.eye(2), "a\nb")
        with pytest.raises(GalleryError, match=r"can't be read from .*no\.npy"):
            load((tmp_path / "no.npy", names))
        names.write_bytes(b"\xff\xfe\x00")
        with pytest.raises(GalleryError, match="as UTF-8 text"):
            load((vectors, names))
        vectors.write_bytes(b"")
        with pytest.raises(GalleryError, match="must be a plain NumPy array"):
            load((vectors, names))
        np.savez(tmp_path / "many.npz", a=np.eye(2))
        with pytest.raises(GalleryError, match="not an archive of arrays"):
            load((tmp_path / "many.npz", names))


TABLE = """concept,group,alive,round,size
dog,animal,1,0.1,0.4
cat,animal,1,0.2,0.3
ball,toy,0,1,0.2
house,building,0,0,1
"""


def table(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    return path


class TestAttributes:
    def test_distances_of_the_standardised_ratings_are_kept(self, tmp_path):
        gallery = read_attributes(table(tmp_path, TABLE))
        ratings = np.array([[1, 0.1, 0.4], [1, 0.2, 0.3], [0, 1, 0.2], [0, 0, 1]])
        standard = (ratings - ratings.mean(axis=0)) / ratings.std(axis=0)
        np.testing.assert_allclose(gallery.vectors @ gallery.vectors.T, standard @ standard.T, 1e-5)
        assert gallery.names == ("dog", "cat", "ball", "house")
        assert gallery.groups == ("animal", "animal", "toy", "building")

    def test_it_says_that_it_is_no_clip(self, tmp_path):
        gallery = read_attributes(table(tmp_path, TABLE))
        assert (gallery.dim, gallery.kind, gallery.simulated) == (512, "attributes", True)
        assert gallery.backbone == "everyday-attributes (not CLIP)"

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("concept,", "name,", "beginning with name, group"),
            ("0.2,0.3", "0.2,1.3", "3 ratings from 0 to 1, but the row of 'cat'"),
            ("0.2,0.3", "0.2,nan", "row of 'cat'"),
            ("0.2,0.3", "0.2,", "row of 'cat'"),
            ("0.2,0.3", "0.2", "row of 'cat'"),
            ("house,building,0", "house,building,1", None),
            ("ball,toy,0,1,0.2\nhouse,building,0", "", "3 ratings|the same in all"),
        ],
    )
    def test_malformed_table_is_refused(self, tmp_path, old, new, message):
        path = table(tmp_path, TABLE.replace(old, new))
        if message is None:  # still varies
            assert len(read_attributes(path)) == 4
            return
        with pytest.raises(GalleryError, match=message):
            read_attributes(path)

    def test_a_property_all_share_is_refused(self, tmp_path):
        text = "concept,group,alive,round\ndog,a,1,0.1\ncat,a,1,0.2\n"
        with pytest.raises(GalleryError, match="'alive' is the same in all 2 rows"):
            read_attributes(table(tmp_path, text))

    def test_a_table_without_concepts_is_refused(self, tmp_path):
        with pytest.raises(GalleryError, match=r"table.csv must have at least 2 concepts, not 0"):
            read_attributes(table(tmp_path, "concept,group,alive\n"))

    def test_a_mark_of_the_byte_order_is_no_part_of_a_name(self, tmp_path):
        marked = table(tmp_path, "\ufeff" + TABLE)
        assert read_attributes(marked).names[0] == "dog"
        assert read_names(marked)[0] == "concept,group,alive,round,size"

    def test_no_file_and_an_empty_one_are_refused(self, tmp_path):
        for path in (tmp_path / "none.csv", table(tmp_path, "")):
            with pytest.raises(GalleryError, match="no table of concepts can be read"):
                read_attributes(path)


def test_the_built_in_gallery_can_be_decoded_against():
    gallery = load_everyday()
    assert len(gallery) >= 150
    assert gallery.simulated
    cosines = gallery.centred() @ gallery.centred().T
    np.fill_diagonal(cosines, -1)
    assert cosines.max() < 0.99  # no two concepts are the same
    assert load_everyday().digest == gallery.digest


def test_galleries_need_no_torch():
    modules = (
        *("galleries.gallery", "galleries.gallery_files", "galleries.gallery_store"),
        *("galleries.gallery_whitening", "galleries.search", "galleries.index_store"),
        *("alignment.whitening", "evaluation.probability", "evaluation.accuracy"),
    )
    imports = ", ".join(f"saccade.models.{name}" for name in modules)
    code = f"import sys, {imports}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.real_data
def test_published_clip_text_embeddings(real_data):
    folder = real_data / "clip" / "detic-text-vitb32"
    gallery = load((folder / "oid_clip_a+cname.npy", folder / "oid_names.txt"))
    assert len(gallery) == 500
    assert {"Bench", "Bench (2)", "Mouse", "Mouse (2)"} < set(gallery.names)
    assert gallery.row("human face") != gallery.row("House")
    cosine = gallery.describe()["mean_cosine"]
    assert cosine["raw"] > 0.5
    assert abs(cosine["centred"]) < 0.01
