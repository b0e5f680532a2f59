"""What a decoder answered after learning from fewer trials: what its learning curve is made of.

Time is never turned back: a trial is judged by decoders that learned from trials before it. Smaller
numbers are the latest of these, so that a decoder of few trials is no older than one of many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from saccade.calibration.fit_progress import Teller
from saccade.calibration.folds import Timeline, clear_of
from saccade.calibration.learning_curve import Judged
from saccade.models.evaluation.accuracy import placements
from saccade.models.evaluation.held_out import HeldOut
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64

SHARES = (1 / 8, 1 / 4, 1 / 2)  # of all trials; what is learned from, besides all there were
LEAST_TRIALS = 20  # to learn from
MOST_OF_ALL = 0.8  # of those there were; more would be much the same again
MOST_FITS = 8
Rows = NDArray[np.intp]


class Learned(Protocol):
    """A decoder that learned from some of the trials."""

    def answers(self, data: Float32, gallery: Gallery) -> tuple[Float64, Float64]:
        """Return cosines with each concept, (n, n_gallery), and the vectors' lengths, (n,)."""
        ...


Refit = Callable[[Rows], Learned]


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """All good trials, in the order of time.

    Parameters
    ----------
    data : array of shape (n_trials, n_channels, n_times)
        Their epochs.
    rows : array of shape (n_trials,)
        Row of each one's concept in the gallery.
    trainable : array of shape (n_trials,), bool
        Which may be learned from at all.
    gallery : Gallery
        What is chosen from.
    timeline : Timeline
        When they were.
    refit : callable or None
        Takes numbers of trials, and learns from them; None where that takes too long to be done a
        dozen times.
    """

    data: Float32
    rows: Rows
    trainable: NDArray[np.bool_]
    gallery: Gallery
    timeline: Timeline
    refit: Refit | None


@dataclass(frozen=True, slots=True, eq=False)
class Sitting:
    """Some trials, as a decoder answered that had learned from so many others before them."""

    n_train: int
    answers: HeldOut


def sittings(held_out: HeldOut, session: Session, teller: Teller) -> list[Sitting]:
    """Return how held-out trials are answered after all the training there was, and after less.

    Parameters
    ----------
    held_out : HeldOut
        The answers that there are already.
    session : Session
        What they come from.
    teller : Teller
        Told of every fit.
    """
    unseen = not held_out.among.all()
    found, fewer = [], []
    group = held_out.group if unseen else np.zeros_like(held_out.group)
    for number, part in sorted(set(zip(group.tolist(), held_out.part.tolist(), strict=True))):
        mine = held_out.of((group == number) & (held_out.part == part))
        found += [
            Sitting(n_train, mine.of(mine.trained_on == n_train))
            for n_train in np.unique(mine.trained_on).tolist()
        ]
        before = clear_of(int(mine.trial.min()), len(session.rows), session.timeline)
        before &= session.trainable
        if unseen:
            before &= ~np.isin(session.rows, held_out.shown[group == number])
        latest = np.flatnonzero(before)
        fewer += [
            (latest[-size:], mine)
            for size in (round(share * len(session.rows)) for share in SHARES)
            if LEAST_TRIALS <= size <= MOST_OF_ALL * len(latest)
        ]
    if session.refit is None:
        return found
    fewer.sort(key=lambda fit: -int(fit[1].trial.min()))  # later parts allow more numbers
    teller.expect(sum(len(train) for train, _ in fewer[:MOST_FITS]))
    for train, mine in fewer[:MOST_FITS]:
        known = np.isin(mine.shown, session.rows[train])
        found += _again(train, mine if unseen else mine.of(known), session, session.refit)
        teller.done(len(train), "learning curve")
    return found


def _again(train: Rows, answers: HeldOut, session: Session, refit: Refit) -> list[Sitting]:
    """Return how the same trials are answered after other training, where that allows a decoder."""
    if not len(answers):
        return []
    try:
        learned = refit(train)
    except CalibrationError:  # of one concept only, say: a curve begins where decoders do
        return []
    cosines, lengths = learned.answers(session.data[answers.trial], session.gallery)
    return [Sitting(len(train), replace(answers, cosines=cosines, lengths=lengths))]


def judged_hits(sat: Sequence[Sitting], top: int) -> Judged:
    """Return which trials' concepts came among the first of those they are ranked among."""
    right = [(s.answers.ranks <= top).astype(np.float64) for s in sat]
    candidates = np.concatenate([s.answers.n_among for s in sat]).mean()
    return _judged(sat, right, round(float(candidates)), top)


def judged_auc(sat: Sequence[Sitting]) -> Judged:
    """Return the share of the other concept's trials that each beats, where two were shown.

    A sitting that holds only one of them says nothing of it and is left out.

    Raises
    ------
    CalibrationError
        If each does.
    """
    both, shares = [], []
    for sitting in sat:
        answers = sitting.answers
        classes = np.unique(answers.shown)
        if len(classes) == 2:
            first = answers.shown == classes[0]
            right = np.empty(len(first))
            one, other = answers.projections[:, classes].T
            right[first], right[~first] = placements(one - other, first)
            both.append(sitting)
            shares.append(right)
    return _judged(both, shares, 2, 1)


def _judged(sat: Sequence[Sitting], right: Sequence[Float64], candidates: int, top: int) -> Judged:
    if not sat:
        raise CalibrationError("a learning curve needs trials that were held out, but none were")
    return Judged(
        np.concatenate([np.full(len(s.answers), s.n_train) for s in sat]),
        np.concatenate(right),
        np.concatenate([s.answers.trial for s in sat]),
        np.concatenate([s.answers.shown for s in sat]),
        candidates,
        top,
    )
