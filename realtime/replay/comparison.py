"""Two accounts of one session: what was decoded when it was recorded, and what a replay gives.

An account is the messages of :mod:`~saccade.realtime.sinks.messages`, as a log or the predictions'
stream of a recording has them: one for each prediction and each rejected epoch. Floats are
written so that they come back exactly, so "identical" means to the last bit. Latencies are left
out, for they are of the occasion.

Decisions are compared one by one, in order.

Epochs belong together by marker and onset. Where the two accounts share no onset at all, they have
another clock each (a live session of a file, say); the offset that brings the most onsets together
is taken off, and times are not compared.
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Message = Mapping[str, Any]

KINDS = ("prediction", "rejected")
LEFT_OUT = ("epoch", "onset_s", "latency_ms")
TIMES = ("started_s", "stamp_s", "elapsed_s")  # of a decision
SAME_S = 0.01  # two onsets at most so far apart, by different clocks, are one
SEARCHED = 500  # epochs of each account in which the offset is looked for


@dataclass(frozen=True, slots=True)
class Change:
    """One thing told of an epoch, as recorded and as replayed; None where it is not told."""

    what: str
    recorded: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """An epoch that is not the same in both accounts.

    Parameters
    ----------
    kind : {"missing", "extra", "different"}
        Recorded but not replayed; replayed but not recorded; both, but not alike.
    epoch : str
        Which one, in words.
    changes : tuple of Change
        What differs; of a missing or extra epoch, its result in words.
    """

    kind: Literal["missing", "extra", "different"]
    epoch: str
    changes: tuple[Change, ...]

    def line(self) -> str:
        """Return it in words."""
        if self.kind == "missing":
            return f"missing    {self.epoch}: recorded as {self.changes[0].recorded}, not there now"
        if self.kind == "extra":
            return f"extra      {self.epoch}: {self.changes[0].replayed} now, not recorded"
        told = "; ".join(f"{c.what} {c.recorded} recorded, {c.replayed} now" for c in self.changes)
        return f"different  {self.epoch}: {told}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """What comparing two accounts gives.

    Parameters
    ----------
    predictions, rejected, decisions : int
        Of the replay.
    differences : tuple of Difference
        All there are; empty if the accounts are identical.
    largest : float or None
        Largest absolute difference of a score or probability; None where no epoch is in both.
    clock_offset_s : float
        What was taken off the replay's onsets; 0 where the clock is the same.
    """

    predictions: int
    rejected: int
    differences: tuple[Difference, ...]
    largest: float | None
    clock_offset_s: float
    decisions: int = 0

    @property
    def identical(self) -> bool:
        """Whether there are epochs to compare, and no difference."""
        return not self.differences and not self.nothing

    @property
    def nothing(self) -> bool:
        """Whether there is no epoch at all."""
        return not (self.differences or self.predictions or self.rejected)

    def lines(self) -> Iterator[str]:
        """Yield the comparison in words: each difference, then what they come to."""
        for difference in self.differences:
            yield difference.line()
        if self.clock_offset_s:
            yield (
                f"clocks     {abs(self.clock_offset_s):.3f} s apart: onsets were matched, not "
                "compared"
            )
        if self.nothing:
            yield "nothing to compare: neither the session nor its replay has an epoch"
            return
        if self.identical:
            decided = f", {self.decisions} decisions" if self.decisions else ""
            yield f"identical: {self.predictions} predictions, {self.rejected} rejected{decided}"
            return
        counts = self.counts()
        told = ", ".join(f"{counts[kind]} {kind}" for kind in counts)
        if self.largest is not None:
            told += f"; largest difference of a score or probability {self.largest:.3g}"
        yield f"not identical: {told}"

    def counts(self) -> dict[str, int]:
        """Return how many epochs are missing, extra and different."""
        kinds = [difference.kind for difference in self.differences]
        return {kind: kinds.count(kind) for kind in ("missing", "extra", "different")}

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison ready for JSON."""
        return {
            "identical": self.identical,
            "predictions": self.predictions,
            "rejected": self.rejected,
            "decisions": self.decisions,
            **self.counts(),
            "largest_difference": self.largest,
            "clock_offset_s": self.clock_offset_s,
            "differences": [
                {
                    "kind": difference.kind,
                    "epoch": difference.epoch,
                    "changes": {c.what: [c.recorded, c.replayed] for c in difference.changes},
                }
                for difference in self.differences
            ],
        }


def compare(recorded: Iterable[Message], replayed: Iterable[Message]) -> Comparison:
    """Compare two accounts.

    Parameters
    ----------
    recorded, replayed : iterable of mapping
        Messages in the order in which they came; those of other types are passed over.
    """
    recorded, replayed = tuple(recorded), tuple(replayed)
    before = [message for message in recorded if message.get("type") in KINDS]
    after = [message for message in replayed if message.get("type") in KINDS]
    offset_s = _clock_offset_s(before, after)
    pairs, missing, extra = _matched(before, after, offset_s)
    differences = [
        *(Difference("missing", _name(m), (Change("result", _result(m), None),)) for m in missing),
        *(Difference("extra", _name(m), (Change("result", None, _result(m)),)) for m in extra),
    ]
    place_before = _places(before, [one for one, _ in pairs])
    place_after = _places(after, [other for _, other in pairs])
    largest = 0.0 if pairs else None
    for one, other in pairs:
        changes = list(_changes(one, other))
        if place_before[id(one)] != place_after[id(other)]:
            changes.append(Change("place", place_before[id(one)], place_after[id(other)]))
        if changes:
            differences.append(Difference("different", _name(one), tuple(changes)))
            largest = max(largest or 0.0, *(_size(change) for change in changes))
    kinds = [message.get("type") for message in replayed]
    decided = list(_decisions(recorded, replayed, TIMES if offset_s else ()))
    sizes = [_size(change) for difference in decided for change in difference.changes]
    return Comparison(
        kinds.count("prediction"),
        kinds.count("rejected"),
        (*differences, *decided),
        largest if largest is None else max(largest, *sizes, 0.0),
        offset_s,
        kinds.count("decision"),
    )


def _decisions(
    recorded: Iterable[Message], replayed: Iterable[Message], left_out: Sequence[str]
) -> Iterator[Difference]:
    """Yield the decisions that differ."""
    before, after = (
        [message for message in account if message.get("type") == "decision"]
        for account in (recorded, replayed)
    )
    for place, (one, other) in enumerate(itertools.zip_longest(before, after)):
        name = f"decision {place}"
        if other is None:
            yield Difference("missing", name, (Change("result", _chosen(one), None),))
        elif one is None:
            yield Difference("extra", name, (Change("result", None, _chosen(other)),))
        else:
            told, now = dict(_told(one, left_out)), dict(_told(other, left_out))
            changes = _changed(told, now)
            if changes:
                yield Difference("different", name, changes)


def _clock_offset_s(before: Sequence[Message], after: Sequence[Message]) -> float:
    """Return by how much the replay's clock is ahead of the recording's; 0 if they share a time."""
    ours, theirs = (
        np.array([m["onset_s"] for m in account if m["onset_s"] is not None], np.float64)
        for account in (after, before)
    )
    if len(ours) == 0 or len(theirs) == 0 or np.isin(ours, theirs).any():
        return 0.0
    offsets = np.subtract.outer(ours[:SEARCHED], theirs[:SEARCHED]).ravel()
    bins, counts = np.unique(np.round(offsets / SAME_S), return_counts=True)
    near = np.abs(offsets / SAME_S - bins[counts.argmax()]) <= 1
    return float(np.median(offsets[near]))


def _matched(
    before: Sequence[Message], after: Sequence[Message], offset_s: float
) -> tuple[list[tuple[Message, Message]], list[Message], list[Message]]:
    """Return the epochs in both accounts, those in the first alone, and in the second alone."""
    tolerance_s = SAME_S if offset_s else 0.0

    def key(message: Message, ahead_s: float = 0.0) -> tuple[float, str]:
        onset_s = message["onset_s"]  # an epoch without one comes last
        return math.inf if onset_s is None else onset_s - ahead_s, str(message["marker"])

    ones = collections.deque(sorted(before, key=key))
    others = collections.deque(sorted(after, key=lambda message: key(message, offset_s)))
    pairs, missing, extra = [], [], []
    while ones and others:
        one, other = key(ones[0]), key(others[0], offset_s)
        together = one[0] == other[0] or abs(one[0] - other[0]) <= tolerance_s
        if together and one[1] == other[1]:
            pairs.append((ones.popleft(), others.popleft()))
        elif one[1] < other[1] if together else one[0] < other[0]:
            missing.append(ones.popleft())
        else:
            extra.append(others.popleft())
    return pairs, [*missing, *ones], [*extra, *others]


def _places(account: Sequence[Message], kept: Sequence[Message]) -> dict[int, int]:
    """Return the place, from 1, in which each message came among those that are kept, by id."""
    wanted = {id(message) for message in kept}
    came = (id(message) for message in account if id(message) in wanted)
    return {key: place for place, key in enumerate(came, 1)}


def _changes(one: Message, other: Message) -> Iterator[Change]:
    """Yield what the messages of one epoch tell otherwise."""
    before, after = dict(_told(one)), dict(_told(other))
    if one["type"] != other["type"]:  # all the rest follows from that
        before, after = ({k: told[k] for k in ("type", "rejected")} for told in (before, after))
    yield from _changed(before, after)


def _changed(before: Message, after: Message) -> tuple[Change, ...]:
    """Return what two accounts of the same tell otherwise."""
    return tuple(
        Change(what, before.get(what), after.get(what))
        for what in {**before, **after}
        if before.get(what) != after.get(what)
    )


def _told(message: Message, left_out: Sequence[str] = LEFT_OUT) -> Iterator[tuple[str, Any]]:
    """Yield everything that a message tells of its epoch, one by one, and what it is called."""
    for key, value in message.items():
        if key == "top":
            for place, candidate in enumerate(value, 1):
                yield from ((f"{what} of place {place}", v) for what, v in candidate.items())
        elif key == "shown":
            yield from ((f"score of '{name}'", score) for name, score in value.items())
        elif key not in left_out:
            yield key, value


def _size(change: Change) -> float:
    """Return how far apart two scores, probabilities or times are; else 0."""
    if isinstance(change.recorded, float) and isinstance(change.replayed, float):
        return abs(change.recorded - change.replayed)
    return 0.0


def _name(message: Message) -> str:
    onset = "no onset" if message["onset_s"] is None else f"onset {message['onset_s']:.3f} s"
    marker = "" if message["marker"] is None else f", marker '{message['marker']}'"
    return f"epoch {message['epoch']}{marker}, {onset}"


def _chosen(message: Message) -> str:
    return "nothing" if message["choice"] is None else f"'{message['choice']}'"


def _result(message: Message) -> str:
    if message["type"] == "rejected":
        return f"rejected ({', '.join(message['rejected'])})"
    return f"prediction of '{message['top'][0]['name']}'"
