"""The evidence about one thing: what has been gathered, what it comes to, whether it is enough."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from saccade.realtime.evidence.gain import HORIZON, pays
from saccade.realtime.evidence.questions import Question
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.evidence.weighing import effective, posterior
from saccade.realtime.types import Decision, Ending, Epoch, Float64, Ranking

N_TOLD = 5  # alternatives that a decision names


@dataclass(slots=True, eq=False)
class Case:
    """What is known so far about one thing.

    Parameters
    ----------
    started_s : float
        When it began.
    total : array of shape (n_alternatives,), float64
        Sum of the epochs' log-likelihoods.
    item : str or None
        Marker value it is about, where each has a case of its own.
    truth : str or None
        What is meant, where the marker that began the trial tells.
    """

    started_s: float
    total: Float64
    item: str | None = None
    truth: str | None = None
    n_epochs: int = 0
    n_left_out: int = 0
    repetitions: float = 0.0
    onsets_s: list[float] = field(default_factory=list)
    seen: list[tuple[str | None, str | None]] = field(default_factory=list)
    settled: bool = False

    def add(self, question: Question, epoch: Epoch, ranking: Ranking | None) -> None:
        """Take an epoch, None for the ranking of one that must be left out."""
        self.onsets_s.append(epoch.onset_s)
        self.seen.append((epoch.marker, epoch.label))
        if ranking is None:
            self.n_left_out += 1
            return
        weighed = question.weigh(epoch, ranking)
        self.total = self.total + weighed.evidence
        self.n_epochs += 1
        self.repetitions += weighed.share

    def posterior(self, question: Question, settings: EvidenceSettings) -> Float64:
        """Return the probability of each alternative."""
        n = max(self.repetitions, 1.0)
        return posterior(question.log_prior, self.total, n, settings.correlation)

    def ending(self, question: Question, settings: EvidenceSettings) -> Ending | None:
        """Return why it is enough by now, or None."""
        if self.n_epochs < settings.min_epochs:
            return None
        p1, p2 = best_two(self.posterior(question, settings))
        if p1 >= settings.stop_at and p1 - p2 >= settings.margin:
            return "threshold"
        if settings.mode == "single" or self.n_epochs == settings.max_epochs:
            return "repetitions"
        if settings.worth_per_s is not None and len(self.onsets_s) > 1:
            return None if self._pays(p1, p2, question, settings) else "gain"
        return None

    def _pays(self, p1: float, p2: float, question: Question, settings: EvidenceSettings) -> bool:
        """Return whether some number of further epochs is worth the time it takes."""
        s = settings
        limit = HORIZON if s.max_epochs is None else s.max_epochs - self.n_epochs
        more = np.arange(1, limit + 1)
        apart_s = (self.onsets_s[-1] - self.onsets_s[0]) / (len(self.onsets_s) - 1)
        share = self.repetitions / max(self.n_epochs, 1)
        worth = [effective(self.repetitions + share * n, s.correlation) for n in (0, *more)]
        squared = question.contrast * (s.d_prime or 0.0) ** 2
        information = squared * (np.array(worth[1:]) - worth[0])
        cost = (s.worth_per_s or 0.0) * apart_s * more.astype(np.float64)
        return pays(p1, p2, information, cost)

    def decision(
        self,
        question: Question,
        settings: EvidenceSettings,
        number: int,
        stamp_s: float,
        ending: Ending,
    ) -> Decision:
        """Return what it comes to; nothing is chosen on no evidence, too little, or a reset."""
        p = self.posterior(question, settings)
        order = np.argsort(-p, kind="stable")[:N_TOLD]
        p1, p2 = best_two(p)
        enough = ending == "threshold" or (
            p1 >= settings.choose_from and p1 - p2 >= settings.margin
        )
        chosen = self.n_epochs > 0 and enough and ending != "reset"
        return Decision(
            number=number,
            mode=settings.mode,
            choice=question.names[order[0]] if chosen else None,
            probability=p1,
            n_epochs=self.n_epochs,
            n_left_out=self.n_left_out,
            started_s=self.started_s,
            stamp_s=stamp_s,
            ending=ending,
            top=tuple((question.names[row], float(p[row])) for row in order),
            truth=self.truth or question.truth(self.seen),
            item=self.item,
        )

    def due_s(self, settings: EvidenceSettings) -> float:
        """Return its deadline; infinite if there is none, or it is settled."""
        if settings.deadline_s is None or self.settled:
            return math.inf
        return self.started_s + settings.deadline_s


def best_two(p: Float64) -> tuple[float, float]:
    """Return the two largest of at least two values, largest first."""
    second, first = np.partition(p, -2)[-2:]
    return float(first), float(second)
