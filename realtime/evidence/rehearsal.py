"""A session's evidence noted down, and decided again by other rules.

What a decider was told is all that its decisions depend on. So what another rule would have decided
comes from telling another decider the same, by the very code that decides live.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.evidence.decider import make_decider
from saccade.realtime.evidence.questions import question_of
from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.protocols import Decider
from saccade.realtime.types import Decision, Epoch, Marker, Ranking

Seen = tuple[Epoch, Ranking | None]
"""An epoch as a decider got it."""
TRIAL = "saccade-trial"  # the marker that begins each trial of a regrouped session


class Notes:
    """Passes on to a decider what it is told, and keeps it, but for the signals.

    Parameters
    ----------
    decider : Decider or None
        Who decides meanwhile; None decides nothing.

    Attributes
    ----------
    names : tuple of str
        The concepts that were ranked.
    reach_s : float
        By how much the last sample of an epoch follows its onset, at most.
    seen : list of (Epoch, Ranking or None)
        The epochs in order; their data have the shape, not the values.
    """

    def __init__(self, decider: Decider | None = None) -> None:
        self._decider = decider

    def reset(self, names: Sequence[str], reach_s: float) -> None:
        """Begin to take notes."""
        self.names, self.reach_s = tuple(names), reach_s
        self.seen: list[Seen] = []
        self._told: list[Callable[[Decider], Sequence[Decision]]] = []
        if self._decider is not None:
            self._decider.reset(names, reach_s)

    def mark(self, marker: Marker) -> None:
        """Take a marker."""

        def tell(decider: Decider) -> Sequence[Decision]:
            decider.mark(marker)
            return ()

        self._tell(tell)

    def step(self, epoch: Epoch, ranking: Ranking | None) -> Sequence[Decision]:
        """Take an epoch."""
        shape = np.broadcast_to(np.float32(0), epoch.data.shape)
        kept = dataclasses.replace(epoch, data=shape)
        self.seen.append((kept, ranking))
        return self._tell(lambda decider: decider.step(kept, ranking))

    def advance(self, stamp_s: float) -> Sequence[Decision]:
        """Take the time."""
        return self._tell(lambda decider: decider.advance(stamp_s))

    def clear(self, stamp_s: float) -> Sequence[Decision]:
        """Take that the evidence is to be forgotten."""
        return self._tell(lambda decider: decider.clear(stamp_s))

    def adopt(self, settings: EvidenceSettings) -> None:
        """Pass on that other settings hold; what other rules come to has one decoder alone."""
        if self._decider is not None:
            self._decider.adopt(settings)

    def finish(self) -> Sequence[Decision]:
        """Take the end, which is no part of the notes: every rehearsal has its own."""
        return () if self._decider is None else self._decider.finish()

    def decide(self, settings: EvidenceSettings) -> list[Decision]:
        """Return what would have been decided by other settings.

        Raises
        ------
        ConfigError
            If they name a concept that was not ranked.
        """
        decider = make_decider(settings)
        decider.reset(self.names, self.reach_s)
        decisions = [decision for tell in self._told for decision in tell(decider)]
        return [*decisions, *decider.finish()]

    def n_alternatives(self, settings: EvidenceSettings) -> int:
        """Return between how many alternatives is decided."""
        return len(question_of(settings, self.names).names)

    def _tell(self, told: Callable[[Decider], Sequence[Decision]]) -> Sequence[Decision]:
        self._told.append(told)
        return () if self._decider is None else told(self._decider)


def regrouped(
    notes: Notes, trials: Sequence[Sequence[Seen]], soa_s: float, settings: EvidenceSettings
) -> tuple[Notes, EvidenceSettings]:
    """Return the epochs of a session as if they had come in other trials, and how to decide.

    Each trial begins with a marker; its epochs follow each other in ``soa_s``.

    Parameters
    ----------
    notes : Notes
        Of the session.
    trials : sequence of sequences of (Epoch, Ranking or None)
        Which epochs make a trial, in order, with the marker and label they should have.
    soa_s : float
        From onset to onset, above 0 s.
    settings : EvidenceSettings
        How to decide; trials begin as said above, whatever it says of that.
    """
    other, now_s = Notes(), 0.0
    other.reset(notes.names, notes.reach_s)
    for trial in trials:
        other.mark(Marker(TRIAL, now_s))
        for place, (epoch, ranking) in enumerate(trial):
            onset_s = now_s + place * soa_s
            last_s = onset_s + notes.reach_s
            other.advance(last_s)
            moved = dataclasses.replace(epoch, onset_s=onset_s, last_stamp_s=last_s)
            other.step(moved, ranking)
        now_s += (len(trial) - 1) * soa_s + 2 * notes.reach_s + soa_s
    return other, dataclasses.replace(settings, starts=(TRIAL,), ends=(), gap_s=None)


def by_label(notes: Notes, size: int) -> list[list[Seen]]:
    """Return trials of epochs that show the same, in the order in which they came.

    Each is of ``size`` epochs with one label, and no epoch is in two; what is left over of a label
    is left out.

    Raises
    ------
    ConfigError
        If no label has so many.
    """
    waiting: dict[str, list[Seen]] = {}
    trials = []
    for epoch, ranking in notes.seen:
        if epoch.label is None:
            continue
        group = waiting.setdefault(epoch.label, [])
        group.append((epoch, ranking))
        if len(group) == size:
            trials.append(waiting.pop(epoch.label))
    if not trials:
        raise ConfigError(
            f"a trial is {size} epochs of one label, but no label has so many: lower "
            "decision.max_epochs, or say how trials begin (decision.starts)"
        )
    return trials


def spacing_s(notes: Notes) -> float:
    """Return the median time from one onset to the next."""
    onsets_s = np.sort([epoch.onset_s for epoch, _ in notes.seen])
    if len(onsets_s) < 2:
        raise ConfigError("from onset to onset there must be 2 epochs, but there are fewer")
    return float(np.median(np.diff(onsets_s)))
