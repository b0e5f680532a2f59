"""The gallery's file, and the whitening that may be in it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from saccade.models.decoders import sealed_zip
from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_store import (
    LARGEST_MEMBER,
    StoredGallery,
    from_bytes,
    load,
    save,
    to_bytes,
)
from saccade.models.galleries.gallery_whitening import GalleryWhitening
from saccade.realtime.errors import GalleryError


def make(rows=7, dim=4, seed=0, **fields) -> Gallery:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim)) * [5, 1, 1, 0.1][:dim] + 1
    known = {
        "names": tuple(f"naïve {row}" for row in range(rows)),
        "vectors": vectors.astype(np.float32),
        "backbone": "ViT-B-32",
        "weights": "openai",
        "kind": "prototype",
        "source": "n.txt; weights sha256 ab",
        "groups": tuple("xy"[row % 2] for row in range(rows)),
        "preprocessing": "size 224×224, squash",
        "templates": ("a {}.", "the {}."),
    }
    return Gallery(**(known | fields))


def whitened() -> StoredGallery:
    whitening = GalleryWhitening.fit(make())
    return StoredGallery(whitening.whiten(make()), whitening)


def forged(change) -> bytes:
    """Return a file that somebody edited, every digest made to match."""
    parts = sealed_zip.unpack(to_bytes(whitened()), LARGEST_MEMBER)
    manifest = json.loads(parts["manifest.json"])
    arrays = safetensors.numpy.load(parts["arrays.safetensors"])
    change(manifest, arrays)
    parts["arrays.safetensors"] = safetensors.numpy.save(arrays)
    for name in manifest["sha256"]:
        manifest["sha256"][name] = hashlib.sha256(parts[name]).hexdigest()
    return sealed_zip.pack(parts | {"manifest.json": json.dumps(manifest).encode()})


class TestRoundTrip:
    @pytest.mark.parametrize(
        "fields", [{}, {"groups": None, "preprocessing": "", "templates": ()}, {"simulated": True}]
    )
    def test_everything_comes_back(self, tmp_path, fields):
        before = make(**fields)
        save(StoredGallery(before), tmp_path / "g.gallery")
        after = load(tmp_path / "g.gallery")
        for name in (
            *("names", "groups", "backbone", "weights", "kind", "source", "simulated", "digest"),
            *("preprocessing", "templates", "projection"),
        ):
            assert getattr(after.gallery, name) == getattr(before, name), name
        np.testing.assert_array_equal(after.gallery.vectors, before.vectors)
        assert after.whitening is None

    def test_with_its_whitening(self, tmp_path):
        save(whitened(), tmp_path / "g.gallery")
        after = load(tmp_path / "g.gallery")
        assert after.whitening is not None
        np.testing.assert_array_equal(after.whitening.matrix, whitened().whitening.matrix)
        np.testing.assert_array_equal(after.whitening.mean, whitened().whitening.mean)
        assert after.gallery.projection == after.whitening.label

    def test_same_gallery_same_bytes(self):
        assert to_bytes(whitened()) == to_bytes(whitened())
        assert to_bytes(from_bytes(to_bytes(whitened()))) == to_bytes(whitened())
        turned = replace(make(), vectors=np.asfortranarray(make().vectors))
        assert to_bytes(StoredGallery(turned)) == to_bytes(StoredGallery(make()))

    def test_nothing_is_overwritten_unasked(self, tmp_path):
        path = tmp_path / "g.gallery"
        save(StoredGallery(make()), path)
        with pytest.raises(GalleryError, match="exists: choose another name"):
            save(whitened(), path)
        save(whitened(), path, overwrite=True)
        assert load(path).whitening is not None
        assert [entry.name for entry in tmp_path.iterdir()] == ["g.gallery"]

    def test_where_it_can_not_be_written(self, tmp_path):
        with pytest.raises(GalleryError, match=r"must end in \.gallery, but g\.zip does not"):
            save(StoredGallery(make()), tmp_path / "g.zip")
        with pytest.raises(GalleryError, match="there is no folder"):
            save(StoredGallery(make()), tmp_path / "no" / "g.gallery")


class TestNeverBelievedWhenDamaged:
    @given(place=st.integers(0, 10**9), bit=st.integers(0, 7))
    def test_any_bit(self, tmp_path_factory, place, bit):
        path = tmp_path_factory.getbasetemp() / "damaged.gallery"
        content = bytearray(to_bytes(StoredGallery(make())))
        content[place % len(content)] ^= 1 << bit
        path.write_bytes(content)
        with pytest.raises(GalleryError, match="no gallery can be read from"):
            load(path)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            (lambda m, a: m.update(size=8), "size 8 expected, 7 came"),
            (lambda m, a: m.update(weights="other", digest="00"), "digest '00' expected"),
            (lambda m, a: m.update(schema_version=2), "must be 1, not 2"),
            (lambda m, a: m.update(kind="smell"), "kind of manifest.json"),
            (lambda m, a: m.pop("templates"), "templates of manifest.json .* nothing came"),
            (lambda m, a: m["sha256"].pop("concepts.json"), "sha256 .* expected"),
            (lambda m, a: a.pop("whitening_mean"), "mean and matrix of a whitening or neither"),
            (lambda m, a: a.pop("vectors"), "must hold vectors"),
            (lambda m, a: m.update(projection="W"), "digest .* expected"),
            (
                lambda m, a: a.update(whitening_mean=a["whitening_mean"] + 1),
                "which does not end with that of its map",
            ),
            (lambda m, a: a.update(whitening_mean=np.zeros(3)), r"not \(3,\) and \(4, 4\)"),
            (lambda m, a: a.update(whitening_mean=np.full(4, np.nan)), "holds NaN"),
            (lambda m, a: a["vectors"].fill(0), "every gallery vector must point somewhere"),
        ],
    )
    def test_what_contradicts(self, tmp_path, change, message):
        (tmp_path / "g.gallery").write_bytes(forged(change))
        with pytest.raises(GalleryError, match=message):
            load(tmp_path / "g.gallery")

    def test_what_is_no_gallery(self, tmp_path):
        with pytest.raises(GalleryError, match="there is no such file"):
            load(tmp_path / "none.gallery")
        (tmp_path / "x.gallery").write_bytes(b"hello")
        with pytest.raises(GalleryError, match="a zip archive is expected"):
            load(tmp_path / "x.gallery")


class TestWhitening:
    def test_the_concepts_differ_alike_in_all_directions(self):
        gallery = make(rows=4000)
        white = GalleryWhitening.fit(gallery).whiten(gallery).vectors.astype(float)
        np.testing.assert_allclose(white.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(white.T @ white / len(white), np.eye(4), atol=0.05)
        assert np.abs(np.cov(gallery.centred().T)[0, 0] / np.cov(gallery.centred().T)[3, 3]) > 2

    def test_with_fewer_concepts_than_dimensions(self):
        vectors = np.random.default_rng(0).standard_normal((5, 40)).astype(np.float32)
        gallery = make(rows=5, vectors=vectors)
        white = GalleryWhitening.fit(gallery).whiten(gallery)
        assert np.isfinite(white.vectors).all()
        assert len(np.unique(white.centred().argmax(axis=1))) > 1

    def test_length_does_not_matter_and_nothing_is_changed(self):
        gallery = make()
        whitening, before = GalleryWhitening.fit(gallery), gallery.vectors.copy()
        np.testing.assert_allclose(
            whitening.apply(gallery.vectors * 8), whitening.apply(gallery.vectors), atol=1e-6
        )
        np.testing.assert_array_equal(gallery.vectors, before)

    def test_a_map_is_known_by_its_numbers(self):
        one, same, other = (GalleryWhitening.fit(make(seed=seed)) for seed in (0, 0, 1))
        assert one.label == same.label != other.label
        assert one.whiten(make(seed=3)).projection == one.label
        one.whiten(make()).check_compatible(one.whiten(make(seed=5)))
        with pytest.raises(GalleryError, match="projection"):
            one.whiten(make()).check_compatible(other.whiten(make()))

    def test_what_has_no_white_space(self):
        with pytest.raises(GalleryError, match="must vary in all 3 directions"):
            GalleryWhitening.fit(make(rows=7, vectors=np.full((7, 3), 1, np.float32)))
        with pytest.raises(GalleryError, match="for vectors of 4 components"):
            GalleryWhitening.fit(make()).apply(np.ones((2, 3), np.float32))
