"""Time passes for a decider sample by sample, however the samples were chunked.

An epoch comes out of a chunk that may end long after the epoch does. So before the decider gets it,
the decider is told of the time up to the epoch's last sample and no further; and of the rest of the
chunk after its last epoch. "The time" is the largest stamp so far, as raw stamps jitter. Where the
clock was set, or the sender replaced, times before and after can't be compared: the evidence so far
is forgotten there.

While a session is paused, its time passes all the same, but the decider hears of it only
afterwards: evidence waits, and deadlines that pass meanwhile fall due when it goes on. A clock that
is set is told at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from saccade.realtime.evidence.settings import EvidenceSettings
from saccade.realtime.protocols import Decider
from saccade.realtime.types import Chunk, Decision, Epoch, Flag, Marker, Ranking


class Passage:
    """Calls a decider in the order of the samples, and tells what it decides.

    Parameters
    ----------
    decider : Decider or None
        What gathers evidence; None decides nothing.
    tell : callable
        Publishes a decision, and returns it as published.

    Attributes
    ----------
    n_decisions : int
        How many there were.
    holding : bool
        Whether the decider hears of no time.
    """

    def __init__(self, decider: Decider | None, tell: Callable[[Decision], Decision]) -> None:
        self._decider = decider
        self._tell = tell

    def reset(self, names: Sequence[str], reach_s: float) -> None:
        """Prepare for a session; see :meth:`~saccade.realtime.protocols.Decider.reset`."""
        if self._decider is not None:
            self._decider.reset(names, reach_s)
        self._now_s = -math.inf
        self._next = 0  # the sample whose time passes next
        self.n_decisions = 0
        self.holding = False

    def take(self, chunk: Chunk, markers: Iterable[Marker]) -> None:
        """Take what came in; the time of its samples has still to pass."""
        self._chunk = chunk
        if self._decider is not None:
            for marker in markers:
                self._decider.mark(marker)

    def step(self, epoch: Epoch, ranking: Ranking | None) -> list[Decision]:
        """Let time pass up to an epoch's last sample, then take the epoch."""
        if self._decider is None:
            return []
        passed = self._pass(epoch.last_index + 1)
        return [*passed, *self._told(self._decider.step(epoch, ranking))]

    def rest(self) -> list[Decision]:
        """Let the time of all samples pass that came in."""
        return self._pass(self._chunk.index + len(self._chunk))

    def clear(self) -> list[Decision]:
        """Forget the evidence so far."""
        if self._decider is None or self._now_s == -math.inf:
            return []
        return self._told(self._decider.clear(self._now_s))

    def adopt(self, settings: EvidenceSettings) -> None:
        """Go on by other settings, after :meth:`clear`."""
        if self._decider is not None:
            self._decider.adopt(settings)

    def finish(self) -> list[Decision]:
        """Return what the end of the session decides."""
        return [] if self._decider is None else self._told(self._decider.finish())

    def _pass(self, index: int) -> list[Decision]:
        """Let the time of all samples before one pass that has not yet."""
        chunk = self._chunk
        first = max(self._next - chunk.index, 0)
        stop = min(index - chunk.index, len(chunk))
        if self._decider is None or stop <= first:
            return []
        self._next = chunk.index + stop
        decided: list[Decision] = []
        clock_set = chunk.flags[first:stop] & np.uint16(Flag.CLOCK)
        resets = (first + np.flatnonzero(clock_set)).tolist()
        for begin, end in itertools.pairwise(sorted({first, *resets, stop})):
            if begin in resets:
                decided += self.clear()
                self._now_s = -math.inf
                decided += self._told(self._decider.advance(self._now_s))
            newest_s = float(np.fmax.reduce(chunk.stamps[begin:end]))
            self._now_s = max(self._now_s, newest_s)
            if not self.holding:
                decided += self._told(self._decider.advance(self._now_s))
        return decided

    def _told(self, decisions: Sequence[Decision]) -> list[Decision]:
        self.n_decisions += len(decisions)
        return [self._tell(decision) for decision in decisions]
