"""The answers behind a learning curve: who learned from what, and never from later."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from saccade.calibration.fit_progress import FitProgress, Teller
from saccade.calibration.folds import Timeline
from saccade.calibration.learning_curve import Judged
from saccade.calibration.training_sizes import (
    LEAST_TRIALS,
    MOST_FITS,
    Session,
    Sitting,
    judged_auc,
    judged_hits,
    sittings,
)
from saccade.models.evaluation.accuracy import auc
from saccade.models.evaluation.held_out import HeldOut
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError

N_TRIALS, N_CONCEPTS = 200, 25
REACH_S, SOA_S = 1.0, 0.4


class Learned:
    """A decoder that knows the concepts that it was shown, and nothing of others."""

    def __init__(self, rows: Any) -> None:
        self.known = set(rows.tolist())

    def answers(self, data: Any, gallery: Gallery) -> tuple[Any, Any]:
        cosines = np.zeros((len(data), len(gallery)))
        for place, row in enumerate(data[:, 0, 0].astype(int)):
            cosines[place, row] = float(row in self.known)
        return cosines, np.ones(len(data))


@dataclasses.dataclass
class Bench:
    """A session, and which trials were learned from."""

    session: Session
    fits: list[Any]


def bench(n_concepts: int = N_CONCEPTS, untaught: tuple[int, ...] = ()) -> Bench:
    rows = np.random.default_rng(0).permutation(np.arange(N_TRIALS) % n_concepts)
    fits: list[Any] = []

    def refit(train: Any) -> Learned:
        fits.append(train)
        if len(set(rows[train].tolist())) < 2:
            raise CalibrationError("one concept only")
        return Learned(rows[train])

    gallery = Gallery(
        tuple(map(str, range(n_concepts))),
        np.eye(n_concepts, dtype=np.float32),
        "none",
        "none",
        "attributes",
    )
    session = Session(
        np.repeat(rows, 4).reshape(-1, 2, 2).astype(np.float32),
        rows,
        ~np.isin(rows, untaught),
        gallery,
        Timeline(np.zeros(N_TRIALS, int), SOA_S * np.arange(N_TRIALS), REACH_S),
        refit,
    )
    return Bench(session, fits)


def held_out(session: Session, *, unseen: bool) -> HeldOut:
    """Return answers to the second half in two parts, by three groups of concepts if unseen."""
    trial = np.arange(100, 200)
    shown = session.rows[trial]
    n_gallery = len(session.gallery)
    group = shown % 3 if unseen else np.zeros(100, int)
    among = (np.arange(n_gallery) % 3 == group[:, None]) | (not unseen)
    part = 1 + (trial >= 150)
    trained_on = np.where(part == 1, 97, 147) - 30 * unseen
    return HeldOut(
        *(trial, part, group, trained_on, shown, np.zeros((100, n_gallery)), np.ones(100)),
        *(among, np.ones_like(among)),
    )


@pytest.mark.parametrize("unseen", [False, True])
def test_time_is_never_turned_back_and_windows_do_not_overlap(unseen: bool) -> None:
    made = bench()
    found = sittings(held_out(made.session, unseen=unseen), made.session, Teller())
    again = found[-len(made.fits) :]
    assert len(made.fits) > 2
    for train, sitting in zip(made.fits, again, strict=True):
        first = sitting.answers.trial.min()
        onsets = made.session.timeline.onsets_s
        assert (onsets[train] <= onsets[first] - REACH_S + 1e-9).all()
        assert sitting.n_train == len(train) >= LEAST_TRIALS
        assert (np.diff(train) > 0).all()


def test_answers_that_there_are_stay_as_they_are() -> None:
    made = bench()
    own = held_out(made.session, unseen=False)
    quiet = dataclasses.replace(made.session, refit=None)
    found = sittings(own, quiet, Teller())
    assert [sitting.n_train for sitting in found] == [97, 147]
    np.testing.assert_array_equal(np.concatenate([s.answers.trial for s in found]), own.trial)
    assert made.fits == []


def test_unseen_concepts_are_not_learned() -> None:
    made = bench()
    found = sittings(held_out(made.session, unseen=True), made.session, Teller())
    for train, sitting in zip(made.fits, found[-len(made.fits) :], strict=True):
        assert not set(made.session.rows[train] % 3) & set(sitting.answers.shown % 3)
        assert not sitting.answers.among.all()


def test_seen_concepts_are_judged_only_where_they_were_learned() -> None:
    made = bench(n_concepts=60)
    found = sittings(held_out(made.session, unseen=False), made.session, Teller())
    for train, sitting in zip(made.fits, found[-len(made.fits) :], strict=True):
        assert set(sitting.answers.shown) <= set(made.session.rows[train])
    assert (judged_hits(found[-len(made.fits) :], 1).right == 1).all()


def test_concepts_that_are_kept_out_are_never_learned() -> None:
    made = bench(untaught=(3, 4))
    sittings(held_out(made.session, unseen=False), made.session, Teller())
    assert not set(np.concatenate([made.session.rows[train] for train in made.fits])) & {3, 4}


def test_fewer_trials_are_the_latest_and_fits_are_few() -> None:
    made = bench()
    sittings(held_out(made.session, unseen=True), made.session, Teller())
    assert len(made.fits) <= MOST_FITS
    made = bench()
    sittings(held_out(made.session, unseen=False), made.session, Teller())
    assert sorted(len(train) for train in made.fits) == [25, 25, 50, 50, 100]
    assert all(train.max() in (97, 147) for train in made.fits)


def test_numbers_that_allow_no_decoder_are_left_out() -> None:
    made = bench(n_concepts=60)
    alone = dataclasses.replace(made.session, rows=np.zeros(N_TRIALS, int))
    own = held_out(made.session, unseen=False)
    own = dataclasses.replace(own, shown=np.zeros(100, int))

    def refuse(_: Any) -> Learned:
        raise CalibrationError("one concept only")

    found = sittings(own, dataclasses.replace(alone, refit=refuse), Teller())
    assert [sitting.n_train for sitting in found] == [97, 147]


def test_every_fit_is_told() -> None:
    made = bench()
    told: list[FitProgress] = []
    sittings(held_out(made.session, unseen=False), made.session, Teller(told.append))
    assert [round(one.done) for one in told][-1] == round(told[-1].total) == 250
    assert {one.what for one in told} == {"learning curve"}


def test_hits_are_of_the_candidates() -> None:
    made = bench()
    own = held_out(made.session, unseen=True)
    rng = np.random.default_rng(0)
    own = dataclasses.replace(own, cosines=rng.normal(size=own.cosines.shape))
    judged = judged_hits([Sitting(67, own)], 2)
    assert judged.candidates == 8
    places = [
        (row[among] >= row[s]).sum()
        for row, among, s in zip(own.cosines, own.among, own.shown, strict=True)
    ]
    np.testing.assert_array_equal(judged.right, np.array(places) <= 2)


@pytest.fixture
def two() -> HeldOut:
    made = bench(n_concepts=2)
    own = held_out(made.session, unseen=False)
    return dataclasses.replace(own, cosines=np.random.default_rng(0).normal(size=(100, 2)))


def test_shares_beaten_are_the_area(two: HeldOut) -> None:
    judged: Judged = judged_auc([Sitting(97, two)])
    contrast = two.cosines[:, 0] - two.cosines[:, 1]
    for row in (0, 1):
        mean = judged.right[two.shown == row].mean()
        assert mean == pytest.approx(auc(contrast, two.shown == 0))


def test_one_class_has_no_area(two: HeldOut) -> None:
    lonely = [Sitting(97, two.of(two.shown == row)) for row in (0, 1)]
    with pytest.raises(CalibrationError, match="held out"):
        judged_auc(lonely)
    both = judged_auc([*lonely, Sitting(97, two)])
    assert len(both.right) == 100
