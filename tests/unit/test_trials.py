"""What was shown and what may be averaged: matched by name, grouped without overlap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from saccade.models.data.table import TrialTable
from saccade.models.evaluation.trials import Candidates, Trials, doubling
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError, GalleryError

UNIT = np.eye(3, dtype=np.float32)
NAMES = ("ant", "bee", "cow")


def trials(shown, stimulus, subject=None, **kwargs):
    subject = np.zeros(len(shown), int) if subject is None else subject
    return Trials(np.array(shown), np.array(stimulus), np.array(subject), ("a", "b"), **kwargs)


def table(**changes):
    fields = {
        "subject": [0, 0, 1, 1],
        "concept": [0, 1, 1, 0],
        "image": [0, 1, 2, 0],
        "repetition": [0, 0, 0, 0],
        "subjects": ("a", "b"),
        "concept_names": ("cow", "ant"),
        "image_names": ("cow_1", "ant_1", "ant_2"),
    } | changes
    return TrialTable(**fields)


class TestCandidates:
    def test_of_a_gallery_are_its_centred_rows(self):
        rng = np.random.default_rng(0)
        vectors = rng.standard_normal((3, 5)).astype(np.float32) + 1
        gallery = Gallery(NAMES, vectors, "RN50", "openai", "prototype", groups=("x", "y", "x"))
        candidates = Candidates.of(gallery)
        assert (candidates.vectors == gallery.centred()).all()
        assert (candidates.kind, candidates.groups) == ("prototype", ("x", "y", "x"))
        assert (candidates.names, candidates.simulated, len(candidates)) == (NAMES, False, 3)
        uncentred = Candidates.of(gallery, np.zeros(5, np.float32)).vectors
        expected = vectors / np.linalg.norm(vectors, axis=1)[:, None]
        assert uncentred == pytest.approx(expected, abs=1e-6)

    @pytest.mark.parametrize(
        ("vectors", "names", "groups", "message"),
        [
            (UNIT, NAMES[:2], None, r"\(3, 3\) came with 2 names"),
            (UNIT[:1], NAMES[:1], None, "G at least 2"),
            (UNIT, NAMES, ("x",), "3 candidates need as many groups, but 1 came"),
            (UNIT * [[1], [2], [1]], NAMES, None, "1 of 3 have not .first: 'bee', 2.: centre"),
            (UNIT * np.nan, NAMES, None, "3 of 3 have not"),
        ],
    )
    def test_what_cannot_be_ranked_is_refused(self, vectors, names, groups, message):
        with pytest.raises(CalibrationError, match=message):
            Candidates(vectors.astype(np.float32), names, "image", groups)


class TestTrials:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (([], []), "at least 1 trial .* but 0, 0, 0, 0 came"),
            (([1, 2], [1]), "but 2, 1, 2, 2 came"),
            (([1], [1], [2]), "subjects are numbered 0 to 1, but 2 to 2 came"),
            (([1, 2], [7, 7]), "stimulus shows one candidate, but number 7 came with 1 and 2"),
        ],
    )
    def test_contradictions_are_refused(self, arguments, message):
        with pytest.raises(CalibrationError, match=message):
            trials(*arguments)

    def test_a_candidate_of_two_concepts_is_refused(self):
        with pytest.raises(CalibrationError, match="of one concept, but number 1 came with 5 and"):
            trials([1, 1], [7, 8], concept=[5, 6])

    def test_are_a_read_only_copy(self):
        shown = np.array([0, 1])
        mine = trials(shown, [0, 1])
        shown[0] = 5
        assert mine.shown.tolist() == [0, 1]
        with pytest.raises(ValueError, match="read-only"):
            mine.shown[0] = 1

    def test_are_matched_to_candidates_by_concept(self):
        found = Trials.of(table(averaged=3), Candidates(UNIT, NAMES, "prototype"))
        assert found.shown.tolist() == [2, 0, 0, 2]
        assert found.stimulus.tolist() == [0, 1, 2, 0]
        assert (found.subjects, found.averaged) == (("a", "b"), 3)

    def test_or_by_image(self):
        names = ("ant_2", "cow_1", "ant_1")
        found = Trials.of(table(), Candidates(UNIT, names, "image"))
        assert found.shown.tolist() == [1, 2, 0, 1]
        assert found.concept.tolist() == [0, 1, 1, 0]  # two pictures are of one concept

    def test_capitals_do_not_matter_and_an_image_is_found_before_its_concept(self):
        capitals = tuple(name.upper() for name in NAMES)
        assert Trials.of(table(), Candidates(UNIT, capitals, "text")).shown.tolist() == [2, 0, 0, 2]
        both = ("ANT_2", "cow_1", "ant_1", "cow", "ant")
        candidates = Candidates(np.eye(5, dtype=np.float32), both, "image")
        assert Trials.of(table(), candidates).shown.tolist() == [1, 2, 0, 1]

    def test_what_is_no_candidate_is_refused(self):
        with pytest.raises(GalleryError, match=r"1 of 2 concepts are not .* \(first: 'cow'\)"):
            Trials.of(table(), Candidates(UNIT[:2], NAMES[:2], "text"))

    def test_names_without_a_trial_need_no_candidate(self):
        unused = table(concept_names=("cow", "ant", "yak"))
        assert Trials.of(unused, Candidates(UNIT, NAMES, "text")).shown.tolist() == [2, 0, 0, 2]


class TestGroups:
    @given(st.integers(0, 10_000), st.integers(1, 4))
    def test_are_disjoint_and_of_one_picture_and_person(self, seed, size):
        rng = np.random.default_rng(seed)
        stimulus, subject = rng.integers(4, size=40), rng.integers(2, size=40)
        mine = trials(stimulus // 2, stimulus, subject)
        groups = mine.groups(size, seed)
        rows = np.concatenate(groups)
        assert len(np.unique(rows)) == len(rows)
        for group in groups:
            assert len(group) == size
            assert len({(stimulus[row], subject[row]) for row in group}) == 1
        _, counts = np.unique(np.stack([subject, stimulus]), axis=1, return_counts=True)
        assert mine.repetitions().tolist() == counts.tolist()
        assert len(groups) == (counts // size).sum()

    def test_single_trials_keep_their_order(self):
        assert np.concatenate(trials([0, 1, 0], [0, 1, 0]).groups(1, 0)).tolist() == [0, 1, 2]

    def test_are_drawn_by_seed(self):
        mine = trials([0] * 20, [0] * 20)
        one, same, other = (np.stack(mine.groups(2, seed)) for seed in (1, 1, 2))
        assert (one == same).all()
        assert (one != other).any()

    @pytest.mark.parametrize("size", [0, 4])
    def test_more_than_there_is_is_refused(self, size):
        with pytest.raises(
            CalibrationError, match=f"1 to 3 repetitions can be averaged, not {size}"
        ):
            trials([0, 0, 0, 1], [0, 0, 0, 1]).groups(size, 0)


@pytest.mark.parametrize(
    ("most", "counts"), [(1, (1,)), (4, (1, 2, 4)), (12, (1, 2, 4, 8, 12)), (3, (1, 2, 3))]
)
def test_a_curve_doubles_up_to_the_most(most, counts):
    assert doubling(most) == counts
