"""Candidates are tried on one part of the session after the other, and one of them is taken.

The figures are those of the whole procedure, the choice included: each part is decoded by the
candidate that the parts before it speak for, as somebody would have who had stopped there; the
first, before which nothing speaks, by the simplest. All else that is told, of known concepts and of
probabilities, is of the one that is taken in the end, on parts that had a say in it. What a part
leaves behind the best by more than three standard errors is given up, which saves most of the time
that a network takes to lose by a mile. Deep networks, which a budget pays for, are tried in all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from saccade.calibration.bench import Bench
from saccade.calibration.candidates import Candidate
from saccade.calibration.crossvalidate import Answers
from saccade.calibration.fit_progress import Teller
from saccade.calibration.folds import Fold
from saccade.calibration.judgement import Judgement, behind, best_of, bits, chosen, judgement
from saccade.models.evaluation.held_out import HeldOut
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float64

GIVEN_UP = 3.0  # standard errors


@dataclass(frozen=True, slots=True, eq=False)
class Contest:
    """How it went.

    Parameters
    ----------
    taken : Candidate
        Which all parts speak for.
    answers : Answers
        What it said.
    whole : HeldOut
        What the procedure said, the choice included.
    judgements : tuple of Judgement
        Of every candidate that could be fitted, the simplest first.
    unfit : dict of str to str
        Why the others could not be.
    """

    taken: Candidate
    answers: Answers
    whole: HeldOut
    judgements: tuple[Judgement, ...]
    unfit: dict[str, str]


@dataclass(slots=True, eq=False)
class _Entrant:
    """A candidate on its way."""

    candidate: Candidate
    said: list[Answers] = field(default_factory=list)
    seconds: float = 0.0
    given_up: bool = False
    expected: float = 0.0  # work that its parts still take

    def answers(self) -> Answers:
        """Return what it said so far."""
        return Answers.joined(self.said)


def contest(bench: Bench, teller: Teller) -> Contest:
    """Try all candidates.

    Parameters
    ----------
    bench : Bench
        The trials.
    teller : Teller
        Told of every fold that is done.

    Raises
    ------
    CalibrationError
        If no candidate can be fitted.
    """
    entrants = [_Entrant(candidate) for candidate in bench.candidates()]
    unfit: dict[str, str] = {}
    for entrant in entrants:
        _expect(entrant, bench.folds, teller)
    whole: list[HeldOut] = []
    for part in range(1, bench.settings.folds + 1):
        some = [fold for fold in bench.folds if fold.part == part]
        running = [entrant for entrant in entrants if not entrant.given_up]
        speaking = _taken(bench, running) if part > 1 else running[0]
        for entrant in running:
            problem = _decode(bench, entrant, some, teller)
            if problem is not None:
                _leave(entrant, problem, entrants, unfit, teller)
        running = [entrant for entrant in running if entrant in entrants]
        if not running:
            running = _recalled(bench, part, entrants, unfit, teller)
        told_by = speaking if speaking in running else running[0]
        whole.append(told_by.said[-1].judged)
        if part < bench.settings.folds:
            for entrant in _hopeless(bench, running):
                entrant.given_up = True
                _stop(entrant, teller)
    running = [entrant for entrant in entrants if not entrant.given_up]
    taken = _taken(bench, running)
    return Contest(
        taken.candidate,
        taken.answers(),
        HeldOut.joined(whole),
        tuple(_judgements(bench, entrants, taken)),
        unfit,
    )


def _decode(
    bench: Bench, entrant: _Entrant, some: list[Fold], teller: Teller
) -> CalibrationError | None:
    """Let a candidate decode a part; return what keeps it from that."""
    candidate, started_s = entrant.candidate, time.monotonic()
    try:
        entrant.said.append(bench.answers(candidate, some, each=_telling(teller, entrant)))
    except CalibrationError as error:
        return error
    entrant.seconds += time.monotonic() - started_s
    return None


def _telling(teller: Teller, entrant: _Entrant) -> Callable[[Fold], None]:
    def tell(fold: Fold) -> None:
        work = entrant.candidate.work * len(fold.train)
        entrant.expected -= work
        teller.done(work, f"{entrant.candidate.name}, part {fold.part}")

    return tell


def _expect(entrant: _Entrant, some: list[Fold], teller: Teller) -> None:
    """Take note that a candidate is to decode some folds."""
    work = entrant.candidate.work * sum(len(fold.train) for fold in some)
    entrant.expected += work
    teller.expect(work)


def _stop(entrant: _Entrant, teller: Teller) -> None:
    """Expect nothing more of a candidate."""
    teller.expect(-entrant.expected)
    entrant.expected = 0.0


def _leave(
    entrant: _Entrant,
    problem: CalibrationError,
    entrants: list[_Entrant],
    unfit: dict[str, str],
    teller: Teller,
) -> None:
    """Take out a candidate that can't be fitted; the last one says so itself."""
    if len(entrants) == 1:
        raise problem
    unfit[entrant.candidate.name] = str(problem)
    entrants.remove(entrant)
    _stop(entrant, teller)


def _recalled(
    bench: Bench,
    part: int,
    entrants: list[_Entrant],
    unfit: dict[str, str],
    teller: Teller,
) -> list[_Entrant]:
    """Return those that were given up, brought up to a part, as nobody else is left."""
    for entrant in entrants.copy():
        entrant.given_up = False
        done = len(entrant.said)
        _expect(entrant, [fold for fold in bench.folds if fold.part > done], teller)
        for missed in range(done + 1, part + 1):
            some = [fold for fold in bench.folds if fold.part == missed]
            problem = _decode(bench, entrant, some, teller)
            if problem is not None:
                _leave(entrant, problem, entrants, unfit, teller)
                break
    return entrants.copy()


def _told(bench: Bench, running: list[_Entrant]) -> list[Float64]:
    return [bits(entrant.answers().judged, bench.n_trials) for entrant in running]


def _taken(bench: Bench, running: list[_Entrant]) -> _Entrant:
    """Return the simplest that can't be told from the best."""
    if len(running) == 1:
        return running[0]
    shown = running[0].answers().judged
    return running[chosen(_told(bench, running), shown, by_concept=bench.by_concept)]


def _hopeless(bench: Bench, running: list[_Entrant]) -> list[_Entrant]:
    """Return who is not worth another part."""
    if len(running) == 1:
        return []
    told = _told(bench, running)
    best, shown = told[best_of(told)], running[0].answers().judged
    lost = []
    for entrant, own in zip(running, told, strict=True):
        lag, error = behind(best, own, shown, by_concept=bench.by_concept)
        if lag.value > GIVEN_UP * error and not entrant.candidate.deep:
            lost.append(entrant)
    return lost


def _judgements(bench: Bench, entrants: list[_Entrant], taken: _Entrant) -> list[Judgement]:
    """Return what each is worth, compared with the best of those that were tried to the end."""
    said = [entrant.answers().judged for entrant in entrants]
    told = [bits(judged, bench.n_trials) for judged in said]
    lasting = [k for k, entrant in enumerate(entrants) if not entrant.given_up]
    best = lasting[best_of([told[k] for k in lasting])]
    return [
        judgement(
            entrant.candidate.name,
            own,
            told[best][np.isin(said[best].trial, judged.trial)],
            judged,
            entrant.seconds,
            simplest=number == 0,
            taken=entrant is taken,
            given_up=entrant.given_up,
            by_concept=bench.by_concept,
        )
        for number, (entrant, own, judged) in enumerate(zip(entrants, told, said, strict=True))
    ]
