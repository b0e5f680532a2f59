"""Which vector is whose: found by name, of one model, and not of what training has seen."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from saccade.cli.targets import unseen
from saccade.models.galleries.gallery import Gallery
from saccade.models.galleries.gallery_names import rows_by_name
from saccade.models.targets.sources import bank_of
from saccade.realtime.errors import GalleryError

NAMES = ("dog/dog_01b.jpg", "dog/dog_02s.jpg", "cat/cat_01b.jpg", "red_car")


def gallery(**changes: object) -> Gallery:
    vectors = np.random.default_rng(0).standard_normal((4, 8)).astype(np.float32)
    return replace(Gallery(NAMES, vectors, "ViT-B-32", "openai", "image"), **changes)


class TestRowsByName:
    def test_a_picture_comes_before_its_concept_and_capitals_do_not_matter(self):
        pictures, concepts = ["DOG/dog_02s.jpg", "red_car"], ["dog", "red_car"]
        assert rows_by_name(NAMES, (pictures, concepts)) == [1, 3]
        assert rows_by_name(("red_car", "Dog"), (pictures, concepts)) == [1, 0]

    def test_what_is_not_there_is_named(self):
        with pytest.raises(GalleryError, match=r"1 of 2 concepts are not .* 4 .* \(first: 'cow'\)"):
            rows_by_name(NAMES, (["cow/1.jpg", "red_car"], ["cow", "red_car"]))


class TestLevels:
    LEVELS = ("sharp", "foveal-51")

    def test_preprocessing_may_differ(self):
        blurred = gallery(preprocessing="foveal-51, then none", vectors=-gallery().vectors)
        bank = bank_of({"sharp": gallery(), "foveal-51": blurred}, self.LEVELS, (NAMES,))
        assert (bank.vectors[:, 0] == -bank.vectors[:, 1]).all()

    @pytest.mark.parametrize(
        "changes",
        [
            {"backbone": "RN50"},
            {"weights": "laion2b"},
            {"kind": "prototype"},
            {"projection": "whitened 1"},
        ],
    )
    def test_the_model_may_not(self, changes):
        versions = {"sharp": gallery(), "foveal-51": gallery(**changes)}
        for levels in (self.LEVELS, ("foveal-51",)):
            with pytest.raises(GalleryError, match=f"alike, but .*{next(iter(changes.values()))}"):
                bank_of(versions, levels, (NAMES,))


class TestUnseen:
    def test_pictures_go_with_their_concept(self):
        assert unseen(gallery(), {"Dog"}).names == NAMES[2:]
        grouped = gallery(names=tuple("abcd"), groups=("dog", "cat", "dog", "cow"))
        left = unseen(grouped, {"dog"})
        assert (left.names, left.groups) == (("b", "d"), ("cat", "cow"))
        np.testing.assert_array_equal(left.vectors, grouped.vectors[[1, 3]])

    def test_categories_and_names_of_texts_are_no_concepts(self):
        texts = gallery(kind="text", groups=("dog", "dog", "dog", "car"))
        assert unseen(texts, {"red_car", "dog"}).names == NAMES[:3]

    def test_what_leaves_all_or_nothing_is_refused(self):
        with pytest.raises(GalleryError, match=r"change nothing, as none of the gallery's 4 rows"):
            unseen(gallery(), {"cow"})
        with pytest.raises(GalleryError, match="leaves 1 of the gallery's 4 rows"):
            unseen(gallery(), {"dog", "cat"})
