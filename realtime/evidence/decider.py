"""Evidence gathered over the epochs of a trial, and decided when it is enough.

What comes out depends on epochs, rankings and the stamps of samples and markers alone. Time passes
sample by sample (:mod:`~saccade.realtime.evidence.passage`), so that neither chunks nor the moment
at which anything arrived decide, unless a marker comes after the samples it is about are over.

An epoch belongs to the trial in which its onset lies. A trial is over for good when no epoch of it
can come any more: ``reach_s`` after its end. Of two things that fall due, the earlier comes first.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.bounds import Bounds
from saccade.realtime.evidence.case import Case
from saccade.realtime.evidence.questions import question_of
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.evidence.sliding import SlidingDecider
from saccade.realtime.protocols import Decider
from saccade.realtime.types import Decision, Ending, Epoch, Marker, Ranking

MOST_OPEN = 1000
"""Marker values that have a case of their own at a time, where trials have no bounds."""


class _Due(NamedTuple):
    """What happens when the signal has passed a time."""

    at_s: float
    act: Callable[[], list[Decision]]


def make_decider(settings: EvidenceSettings) -> Decider:
    """Return what decides as the settings say."""
    return SlidingDecider(settings) if settings.mode == "sliding" else EvidenceDecider(settings)


def _thing(epoch: Epoch) -> str | None:
    """Return what an epoch is about, as far as its marker tells."""
    return epoch.marker if epoch.label is None else epoch.label


class EvidenceDecider:
    """Decides about trials, or about each marker value within one.

    Parameters
    ----------
    settings : EvidenceSettings
        Of any mode but "sliding".

    Attributes
    ----------
    n_outside : int
        Epochs so far that were in no trial, came too late for theirs, or are not asked about.
    """

    def __init__(self, settings: EvidenceSettings) -> None:
        self.settings = settings

    def reset(self, names: Sequence[str], reach_s: float) -> None:
        """Prepare for a session in which these concepts are ranked.

        Raises
        ------
        ConfigError
            If the settings name a concept that is not ranked, or a deadline before the end of the
            very first epoch.
        """
        deadline_s = self.settings.deadline_s
        if deadline_s is not None and deadline_s < reach_s:
            raise ConfigError(
                f"decision.deadline_s is {deadline_s:g} s, but an epoch ends {reach_s:g} s after "
                "its onset, so that none would ever count: raise it"
            )
        self._names = tuple(names)
        self._question = question_of(self.settings, names)
        self._reach_s = reach_s
        self._bounds = Bounds(self.settings.starts, self.settings.ends)
        self._cases: dict[str | None, Case] = {}  # of the trial under way, by item
        self._in_trial = not self.settings.starts
        self._began_s = self._last_onset_s = self._now_s = -math.inf
        self._shown: str | None = None  # by the epochs of the trial under way
        self._number = 0
        self.n_outside = 0

    def mark(self, marker: Marker) -> None:
        """Take a marker: it may begin or end a trial."""
        self._bounds.mark(marker)

    def step(self, epoch: Epoch, ranking: Ranking | None) -> Sequence[Decision]:
        """Take an epoch, None for the ranking of a rejected one; return what is decided by it."""
        s, stamp_s = self.settings, epoch.last_stamp_s
        if math.isnan(stamp_s):  # in a hole, so that it comes before epochs that began earlier
            self.n_outside += 1
            return ()
        decided = []
        while (bound_s := self._bounds.next_s()) <= epoch.onset_s:
            decided += self._pass_bound(max(bound_s, stamp_s))
        if s.gap_s is not None and epoch.onset_s - self._last_onset_s > s.gap_s:
            decided += self._close("end", stamp_s)
        if s.by_value and self._cases and _thing(epoch) != self._shown:
            decided += self._close("end", stamp_s)
        counts = not (ranking is None or epoch.rejected or (s.clean_only and epoch.flags))
        if not self._belongs(epoch) or (s.mode == "single" and not counts):
            self.n_outside += 1
            return decided
        self._last_onset_s = max(self._last_onset_s, epoch.onset_s)
        item = epoch.marker if s.per == "marker" else None
        self._shown = _thing(epoch)
        case = self._cases.setdefault(item, self._case(epoch.onset_s, item))
        if case.settled:
            return decided
        if not s.bounded and len(self._cases) > MOST_OPEN:
            decided += self._settle(next(iter(self._cases)), stamp_s, "end")
        if case.due_s(s) < stamp_s:  # begun too late to end in time
            counts = False
        case.add(self._question, epoch, ranking if counts else None)
        ending = case.ending(self._question, s) if counts else None
        if ending is not None:
            decided += self._settle(item, stamp_s, ending)
        return decided

    def advance(self, stamp_s: float) -> Sequence[Decision]:
        """Take the newest sample's time; return what its passing decides."""
        decided: list[Decision] = []
        if stamp_s < self._now_s:  # the clock was set
            self._began_s = self._last_onset_s = -math.inf
            self._cases = {item: case for item, case in self._cases.items() if case.settled}
        while (due := min(self._dues(), key=lambda due: due.at_s)).at_s < stamp_s:
            decided += due.act()
        self._now_s = stamp_s
        return decided

    def clear(self, stamp_s: float) -> Sequence[Decision]:
        """Forget the evidence so far; a trial under way goes on with epochs that begin later.

        Its deadline and its truth remain, and what is decided about it remains decided.
        """
        in_trial, before = self._in_trial, self._cases
        settled = {item: case for item, case in before.items() if case.settled}
        decided = self._close("reset", stamp_s)
        if self.settings.bounded:
            again = {item: self._again(case) for item, case in before.items()}
            self._cases = again | settled
        self._in_trial, self._began_s = in_trial, stamp_s
        self._now_s = max(self._now_s, stamp_s)
        return decided

    def adopt(self, settings: EvidenceSettings) -> None:
        """Go on by other settings, after :meth:`clear`.

        Raises
        ------
        ConfigError
            If they name a concept that is not ranked.
        """
        self._question = question_of(settings, self._names)
        self.settings = settings

    def finish(self) -> Sequence[Decision]:
        """Return what the evidence of the trial under way comes to."""
        return self._close("end", self._now_s)

    def _dues(self) -> Iterator[_Due]:
        """Yield what the passing of time will decide; deadlines before others at the same time."""
        for item, case in self._cases.items():
            due_s = case.due_s(self.settings)
            yield _Due(due_s, functools.partial(self._settle, item, due_s, "deadline"))
        over_s = self._bounds.next_s() + self._reach_s
        yield _Due(over_s, functools.partial(self._pass_bound, over_s))
        if self._cases and self.settings.gap_s is not None:
            over_s = self._last_onset_s + self.settings.gap_s + self._reach_s
            yield _Due(over_s, functools.partial(self._close, "end", over_s))

    def _belongs(self, epoch: Epoch) -> bool:
        """Return whether an epoch is of the trial under way, and about what is asked."""
        return self._in_trial and epoch.onset_s >= self._began_s and self._question.asks(epoch)

    def _pass_bound(self, stamp_s: float) -> list[Decision]:
        """End the trial under way, and begin another if the earliest waiting marker says so."""
        bound = self._bounds.take()
        decided = self._close("end", stamp_s)
        self._began_s = bound.stamp_s
        if bound.begins:
            self._in_trial = True
            if self.settings.per == "trial":
                self._cases[None] = self._case(bound.stamp_s, None)
                self._cases[None].truth = self._named(bound.truth)
        return decided

    def _named(self, name: str | None) -> str | None:
        """Return the alternative of this name, upper or lower case, if there is one."""
        folded = {alternative.casefold(): alternative for alternative in self._question.names}
        return folded.get((name or "").casefold())

    def _case(self, started_s: float, item: str | None) -> Case:
        return Case(started_s, np.zeros(len(self._question.names)), item)

    def _again(self, case: Case) -> Case:
        """Return a case as it began."""
        return dataclasses.replace(self._case(case.started_s, case.item), truth=case.truth)

    def _settle(self, item: str | None, stamp_s: float, ending: Ending) -> list[Decision]:
        """Decide about one thing. Where trials have no bounds, its next epoch begins anew."""
        case = self._cases[item]
        case.settled = True
        if not self.settings.bounded:
            del self._cases[item]
        decision = case.decision(self._question, self.settings, self._number, stamp_s, ending)
        self._number += 1
        return [decision]

    def _close(self, ending: Ending, stamp_s: float) -> list[Decision]:
        """Decide about all that is not settled, and forget the trial."""
        waiting = [item for item, case in self._cases.items() if not case.settled]
        decided = [self._settle(item, stamp_s, ending)[0] for item in waiting]
        self._cases = {}
        self._in_trial = not self.settings.starts
        return decided
