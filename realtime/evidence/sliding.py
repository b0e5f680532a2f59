"""What is there now: evidence from windows that overlap, forgotten as time goes by.

Windows of length T cut every h seconds share most of their samples, so that adding them up would
count each sample T/h times. Each window therefore counts h/T: what evidence there is in the samples
then counts once, exactly so where it adds up over samples wherever they lie in the window. Old
evidence decays by half in ``half_life_s``. The number of independent windows that remains,
n = Σ (h/T) 2^(-age/half-life), grows to no more than half_life_s / (T log 2) and enters the
posterior as the number of epochs of a trial does (:func:`~saccade.realtime.evidence.weighing.
posterior`).

Times are counted in samples, not stamps, so that a replay by another clock is the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from saccade.realtime.evidence.case import N_TOLD, best_two
from saccade.realtime.evidence.questions import WhichConcept
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.evidence.weighing import posterior
from saccade.realtime.types import Decision, Ending, Epoch, Float64, Marker, Ranking


class SlidingDecider:
    """Decides whenever the evidence of the last while is enough, then pauses.

    No sample has a part in two decisions: the first window after one begins ``refractory_s`` after
    the sample that settled it.

    Parameters
    ----------
    settings : EvidenceSettings
        Of mode "sliding".
    """

    def __init__(self, settings: EvidenceSettings) -> None:
        self.settings = settings

    def reset(self, names: Sequence[str], reach_s: float) -> None:
        """Prepare for a session in which these concepts are ranked.

        Raises
        ------
        ConfigError
            If the settings name a concept that is not ranked.
        """
        self._names = tuple(names)
        self._question = WhichConcept(self.settings, names)
        self._blocked = 0  # no window before this sample counts
        self._number = 0
        self._now_s = -math.inf
        self._last_start = 0
        self._forget()

    def mark(self, marker: Marker) -> None:
        """Take a marker, which means nothing here."""

    def step(self, epoch: Epoch, ranking: Ranking | None) -> Sequence[Decision]:
        """Take a window; return what is decided by it."""
        s = self.settings
        start, n_times = epoch.onset_index, epoch.data.shape[1]
        if start < self._blocked:
            return ()
        if ranking is None or epoch.rejected or (s.clean_only and epoch.flags):
            self._n_left_out += self._n_windows > 0
            return ()
        if self._n_windows == 0:
            self._started_s, new = epoch.onset_s, n_times
        else:
            new = min(start - self._last_start, n_times)
            kept = 0.5 ** ((start - self._last_start) / epoch.sfreq / (s.half_life_s or math.inf))
            self._total *= kept
            self._independent *= kept
        self._total += new / n_times * self._question.weigh(epoch, ranking).evidence
        self._independent += new / n_times
        self._n_windows += 1
        self._last_start = start
        p1, p2 = best_two(self._posterior())
        if p1 < s.stop_at or p1 - p2 < s.margin:
            return ()
        decision = self._decision(epoch.last_stamp_s, "threshold")
        self._forget()
        refractory = math.ceil(s.refractory_s * epoch.sfreq)
        self._blocked = epoch.last_index + 1 + refractory
        return (decision,)

    def advance(self, stamp_s: float) -> Sequence[Decision]:
        """Note the time; its passing decides nothing."""
        self._now_s = stamp_s
        return ()

    def clear(self, stamp_s: float) -> Sequence[Decision]:
        """Forget the evidence so far."""
        return self._end(stamp_s, "reset")

    def adopt(self, settings: EvidenceSettings) -> None:
        """Go on by other settings, after :meth:`clear`.

        Raises
        ------
        ConfigError
            If they name a concept that is not ranked.
        """
        self._question = WhichConcept(settings, self._names)
        self.settings = settings
        self._forget()

    def finish(self) -> Sequence[Decision]:
        """Return that the evidence under way came to nothing."""
        return self._end(self._now_s, "end")

    def _end(self, stamp_s: float, ending: Ending) -> Sequence[Decision]:
        """Return that nothing was decided, if there was any evidence, and forget it."""
        decided = (self._decision(stamp_s, ending),) if self._n_windows else ()
        self._forget()
        return decided

    def _posterior(self) -> Float64:
        n = max(self._independent, 1.0)
        return posterior(self._question.log_prior, self._total, n, self.settings.correlation)

    def _decision(self, stamp_s: float, ending: Ending) -> Decision:
        p = self._posterior()
        order = np.argsort(-p, kind="stable")[:N_TOLD]
        names = self._question.names
        self._number += 1
        return Decision(
            number=self._number - 1,
            mode="sliding",
            choice=names[order[0]] if ending == "threshold" else None,
            probability=float(p[order[0]]),
            n_epochs=self._n_windows,
            n_left_out=self._n_left_out,
            started_s=self._started_s,
            stamp_s=stamp_s,
            ending=ending,
            top=tuple((names[row], float(p[row])) for row in order),
        )

    def _forget(self) -> None:
        self._total = np.zeros(len(self._question.names))
        self._independent = 0.0
        self._n_windows = self._n_left_out = 0
        self._started_s = math.nan
