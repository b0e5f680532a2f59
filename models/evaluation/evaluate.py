"""Everything an encoder's test trials say, judged in the way the field reports it.

At each number of averaged repetitions the same is measured: accuracy among N candidates,
identification against one other, information, and a control. The single trial comes first, as
it is what a live session has; what averages reach is never shown without how many were averaged.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from saccade.models.data.table import Int64
from saccade.models.evaluation.accuracy import (
    PermutationTest,
    concept_permutation_test,
    permutation_test,
)
from saccade.models.evaluation.bootstrap import LEAST, Bootstrap, Measured, Resampling
from saccade.models.evaluation.embedding import Embed
from saccade.models.evaluation.information import bits
from saccade.models.evaluation.judged import Judged, judge
from saccade.models.evaluation.ranking import n_way, ranks, two_way
from saccade.models.evaluation.result import About, Confusion, Evaluation, Level, Way
from saccade.models.evaluation.trials import Candidates, Trials, doubling
from saccade.realtime.errors import ConfigError

TOP = 5


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What is measured.

    Parameters
    ----------
    ways : tuple of int
        Numbers of candidates to choose among, each at least 2. Those beyond the gallery are left
        out, and the whole gallery is always added.
    repetitions : tuple of int, or None
        How many trials are averaged; None for 1, 2, 4, … and the most any picture has, less
        those that leave too few averages for an interval.
    confusion_at : int or None
        Which of these the confusion is counted at; None for the most. Best where accuracy is
        neither at chance nor full.
    permutations : int
        Of the control, at least 1.
    resampling : Resampling
        How intervals are made. Its seed is also that of the groups and the permutations.
    """

    ways: tuple[int, ...] = (2, 4, 10, 50, 100, 200)
    repetitions: tuple[int, ...] | None = None
    confusion_at: int | None = None
    permutations: int = 1000
    resampling: Resampling = field(default_factory=Resampling)

    def __post_init__(self) -> None:
        """Refuse what can't be measured."""
        if any(way < 2 for way in self.ways):
            raise ConfigError(f"a choice is among at least 2 candidates, not {min(self.ways)}")
        if self.repetitions is not None and (
            not self.repetitions or min(self.repetitions) < 1 or not _rising(self.repetitions)
        ):
            raise ConfigError(
                f"repetitions are rising numbers from 1 on, not {self.repetitions}: 1, 4, 16, say"
            )
        if self.permutations < 1:
            raise ConfigError(f"the control needs at least 1 permutation, not {self.permutations}")


def evaluate(
    trials: Trials,
    candidates: Candidates,
    embed: Embed,
    about: About,
    settings: EvaluationSettings | None = None,
) -> Evaluation:
    """Judge an encoder on its test trials.

    Repetitions are averaged as epochs, in disjoint random groups of one picture and one person.

    Parameters
    ----------
    trials : Trials
        None of whose concepts the encoder was trained on, for the result to be zero-shot.
    candidates : Candidates
        The gallery in the space the encoder was trained for.
    embed : callable
        Vectors of groups of trials, as of :class:`saccade.models.evaluation.embedding.Averaging`.
    about : About
        What is judged.
    settings : EvaluationSettings or None
        None for the defaults.

    Raises
    ------
    CalibrationError
        If vectors do not fit the candidates or are not finite, no picture has as many
        repetitions as asked for, or there is too little for an interval.
    """
    chosen = settings or EvaluationSettings()
    sizes = chosen.repetitions or _repetitions(trials, chosen.resampling)
    confused_at = sizes[-1] if chosen.confusion_at is None else chosen.confusion_at
    if confused_at not in sizes:
        raise ConfigError(
            f"the confusion is counted at one of the repetitions {sizes}, not {confused_at}"
        )
    levels, confusion = [], None
    for size in sizes:
        judged = judge(trials, candidates, embed, size, chosen.resampling.seed)
        levels.append(_level(judged, trials.subjects, chosen))
        if size == confused_at:
            confusion = _confusion(judged, candidates, chosen.resampling)
    return Evaluation(
        about=replace(about, simulated=about.simulated or candidates.simulated),
        gallery_kind=candidates.kind,
        gallery_size=len(candidates),
        levels=tuple(levels),
        confusion=confusion,
    )


def enough(trials: Trials, size: int, resampling: Resampling) -> bool:
    """Return whether averages of so many trials are enough to draw an interval from.

    Parameters
    ----------
    trials : Trials
        What was shown.
    size : int
        How many repetitions are averaged, as
        :meth:`~saccade.models.evaluation.trials.Trials.groups` takes it.
    resampling : Resampling
        How intervals are made.
    """
    first = np.array([group[0] for group in trials.groups(size, resampling.seed)])
    drawn = first if resampling.over == "trials" else np.unique(trials.concept[first])
    return len(drawn) >= LEAST


def _repetitions(trials: Trials, resampling: Resampling) -> tuple[int, ...]:
    """Return 1 and all of 2, 4, … that leave enough: one picture shown more often is no curve."""
    single, *more = doubling(int(trials.repetitions().max()))
    return (single, *(size for size in more if enough(trials, size, resampling)))


def _level(judged: Judged, names: Sequence[str], settings: EvaluationSettings) -> Level:
    """Measure everything on averages of one size."""
    bootstrap = Bootstrap(judged.concept, judged.subject, settings.resampling)
    n_candidates = judged.scores.shape[1]
    places = ranks(judged.scores, judged.shown)
    by_trial = settings.resampling.over == "trials"
    unit = np.arange(len(places)) if by_trial else judged.concept
    seed = settings.resampling.seed
    return Level(
        repetitions=judged.repetitions,
        n=len(places),
        n_concepts=len(np.unique(judged.concept)),
        n_people=len(np.unique(judged.subject)),
        ways=tuple(
            _way(bootstrap, places, n_candidates, way)
            for way in sorted({*settings.ways, n_candidates})
            if way <= n_candidates
        ),
        two_way=bootstrap.measure(two_way(judged.scores, judged.shown), 0.5),
        bits=bootstrap.mean(bits(judged.scores, judged.shown, unit, seed), 0.0),
        control=_control(judged, settings),
        people=_people(judged, places, names, settings.resampling),
        intervals_over=bootstrap.drawn,
    )


def _way(bootstrap: Bootstrap, places: Int64, n_candidates: int, way: int) -> Way:
    top1 = bootstrap.measure(n_way(places, n_candidates, way, 1), 1 / way)
    if way <= TOP:
        return Way(way, top1, None)
    return Way(way, top1, bootstrap.measure(n_way(places, n_candidates, way, TOP), TOP / way))


def _control(judged: Judged, settings: EvaluationSettings) -> PermutationTest:
    """Permute concepts, or trials where these are what intervals are drawn over."""
    said, shown = judged.scores.argmax(axis=1).tolist(), judged.shown.tolist()
    seed = settings.resampling.seed
    if settings.resampling.over == "trials":
        return permutation_test(said, shown, settings.permutations, seed)
    concept = judged.concept.tolist()
    return concept_permutation_test(said, shown, settings.permutations, seed, concept)


def _people(
    judged: Judged, places: Int64, names: Sequence[str], resampling: Resampling
) -> tuple[tuple[str, Measured], ...]:
    """Return the top-1 accuracy of each of several people who have enough for an interval."""
    people = np.unique(judged.subject)
    if len(people) == 1:
        return ()
    hits = (places == 1).astype(float)
    found = []
    for person in people:
        bootstrap = _bootstrap(judged, judged.subject == person, resampling)
        if bootstrap is not None:
            mine = hits[judged.subject == person]
            found.append((names[person], bootstrap.measure(mine, 1 / judged.scores.shape[1])))
    return tuple(found)


def _confusion(judged: Judged, candidates: Candidates, resampling: Resampling) -> Confusion | None:
    """Count answers by category."""
    if candidates.groups is None:
        return None
    group = np.array(candidates.groups)
    shown, said = group[judged.shown], group[judged.scores.argmax(axis=1)]
    names = sorted({*shown.tolist(), *said.tolist()})
    places = {name: place for place, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), np.int64)
    np.add.at(counts, ([places[g] for g in shown], [places[g] for g in said]), 1)
    right = []
    for name in np.unique(shown).tolist():
        mine = shown == name
        bootstrap = _bootstrap(judged, mine, resampling)
        if bootstrap is not None:
            hits = (said[mine] == name).astype(float)
            right.append((name, bootstrap.measure(hits, float((group == name).mean()))))
    return Confusion(
        judged.repetitions, tuple(names), tuple(map(tuple, counts.tolist())), tuple(right)
    )


def _bootstrap(judged: Judged, mine: NDArray[np.bool_], resampling: Resampling) -> Bootstrap | None:
    """Return intervals over some of the trials, or None where these are too few for any."""
    concept = judged.concept[mine]
    levels = np.arange(len(concept)) if resampling.over == "trials" else concept
    if len(np.unique(levels)) < LEAST:
        return None
    return Bootstrap(concept, judged.subject[mine], resampling)


def _rising(numbers: Sequence[int]) -> bool:
    return all(a < b for a, b in itertools.pairwise(numbers))
