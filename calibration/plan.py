"""In which order a protocol's pictures come: balanced, drawn by a seed, and the same every time.

Concepts come in rounds: each round has every concept once, in a new order, and does not begin with
what the last one ended with. So whatever is shown of a plan, all of it or the first half, no
concept is ahead of another by more than one, and from three concepts on none comes twice running
(of two, that would be no order but an alternation). A longer plan begins with the shorter.

A plan has the pictures that count. Questions and the pictures asked for are put in when a block is
arranged, because a block may have to be shown again in part.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from saccade.calibration.protocol import MOST_TRIALS, Protocol
from saccade.realtime import registry
from saccade.realtime.errors import ConfigError, SessionError

CATCH = -1
"""Stands for the number of a trial that does not count."""


def _drawing(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Return a generator of its own for each purpose of a seed."""
    return np.random.default_rng([seed, *purpose.encode(), *numbers])


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A picture that counts.

    Parameters
    ----------
    number : int
        From 0, its place in the plan.
    concept : str or None
        What it shows; None where another program decides.
    picture : int
        Which of the concept's pictures, from 0.
    soa_s : float
        From its onset to that of the next, in s.
    """

    number: int
    concept: str | None
    picture: int = 0
    soa_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session is to show.

    Parameters
    ----------
    protocol : Protocol
        With which it was made.
    concepts : tuple of str
        What is shown, as the gallery spells it; of an external presentation, what may come, ()
        being anything.
    held_out : tuple of str
        Those of them that are kept out of training.
    targets : tuple of str
        What may be asked for.
    trials : tuple of PlannedTrial
        In order.
    """

    protocol: Protocol
    concepts: tuple[str, ...]
    held_out: tuple[str, ...]
    targets: tuple[str, ...]
    trials: tuple[PlannedTrial, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all of it, in hexadecimal: whether two plans are one."""
        content = json.dumps(dataclasses.asdict(self), sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    def next_block(self, pending: Sequence[int]) -> tuple[int, ...]:
        """Return which trials to show next, in the order to show them.

        Parameters
        ----------
        pending : sequence of int
            Trials that are not done, in the order of the plan. Where some in between are done, a
            concept would now and then follow itself; then others come first, if there are any.
        """
        first = list(pending[: self.protocol.trials_per_block])
        if self.protocol.kind == "external" or len(self.concepts) < 3:
            return tuple(first)
        return _without_repeats(first, [self.trials[number].concept for number in first])

    def duration_s(self, numbers: Iterable[int]) -> float:
        """Return how long these trials take as they are planned, without breaks, in s."""
        return math.fsum(self.trials[n].soa_s for n in numbers)


def make_plan(
    protocol: Protocol, gallery_names: Sequence[str], n_trials: int | None = None
) -> Plan:
    """Return the plan of a protocol for a gallery.

    Parameters
    ----------
    protocol : Protocol
        What is wanted.
    gallery_names : sequence of str
        Concepts that a decoder can choose from.
    n_trials : int, optional
        How many trials it shall have, where that is not what the protocol says.

    Raises
    ------
    ConfigError
        If a concept is not in the gallery, there are too few, or nothing is left to train on or
        to ask for.
    """
    concepts = _concepts(protocol, gallery_names)
    held_out = _held_out(protocol, concepts, gallery_names)
    if n_trials is None:
        n_trials = protocol.trials or (protocol.repetitions or 0) * len(concepts)
    targets = _targets(protocol, concepts, gallery_names)
    external = protocol.kind == "external"
    trials = (
        tuple(PlannedTrial(number, None) for number in range(n_trials))
        if external
        else _ordered(protocol, concepts, n_trials)
    )
    return Plan(protocol, concepts, held_out, targets, trials)


def extended(plan: Plan, n_more: int) -> Plan:
    """Return a plan that goes on for so many trials more.

    Raises
    ------
    SessionError
        If that is more than anybody could show.
    """
    n_trials = len(plan.trials) + n_more
    if n_trials > MOST_TRIALS:
        raise SessionError(
            f"{n_more} more would be {n_trials} trials, and a session has {MOST_TRIALS} at most: "
            "say fewer"
        )
    trials = (
        tuple(PlannedTrial(number, None) for number in range(n_trials))
        if plan.protocol.kind == "external"
        else _ordered(plan.protocol, plan.concepts, n_trials)
    )
    return dataclasses.replace(plan, trials=trials)


def _without_repeats(numbers: Sequence[int], concepts: Sequence[str | None]) -> tuple[int, ...]:
    """Return trials in an order in which no concept follows itself, if there is one."""
    left = list(zip(numbers, concepts, strict=True))
    order: list[tuple[int, str | None]] = []
    while left:
        last = order[-1][1] if order else None
        fitting = next((i for i, (_, concept) in enumerate(left) if concept != last), None)
        if fitting is not None:
            order.append(left.pop(fitting))
            continue
        one = left.pop(0)  # all that are left are alike: put them where there is room
        around = [None, *(concept for _, concept in order), None]
        room = (i for i in range(len(order)) if one[1] not in around[i : i + 2])
        order.insert(next(room, len(order)), one)
    return tuple(number for number, _ in order)


def _concepts(protocol: Protocol, gallery_names: Sequence[str]) -> tuple[str, ...]:
    asked = protocol.concepts
    if protocol.kind != "external":
        asked = asked or tuple(gallery_names)
    concepts = _spelt(asked, gallery_names, "concepts")
    n = protocol.n_concepts
    if n is not None:
        if n > len(concepts):
            raise ConfigError(
                f"n_concepts = {n} are to be drawn, but there are {len(concepts)}: lower it"
            )
        drawn = _drawing(protocol.seed, "concepts").permutation(len(concepts))[:n]
        concepts = tuple(concepts[i] for i in sorted(drawn.tolist()))
    if len(concepts) < 2 and not (protocol.kind == "external" and not concepts):
        raise ConfigError(
            f"a decoder needs at least 2 concepts to tell apart, but {len(concepts)} is shown "
            f"({', '.join(concepts)}): name more"
        )
    return concepts


def _held_out(
    protocol: Protocol, concepts: tuple[str, ...], gallery_names: Sequence[str]
) -> tuple[str, ...]:
    held_out = _spelt(protocol.held_out, concepts or gallery_names, "held_out")
    others = [name for name in concepts if name not in held_out]
    n = protocol.n_held_out
    if n <= len(others):
        drawn = _drawing(protocol.seed, "held out").permutation(len(others))[:n]
        held_out += tuple(others[i] for i in sorted(drawn.tolist()))
    left = len(concepts) - len(protocol.held_out) - n
    if concepts and left < 2:
        raise ConfigError(
            f"at least 2 concepts must be trained on, but of {len(concepts)} shown "
            f"{len(protocol.held_out) + n} are held out: hold out fewer"
        )
    return held_out


def _targets(
    protocol: Protocol, concepts: tuple[str, ...], gallery_names: Sequence[str]
) -> tuple[str, ...]:
    if not protocol.catch_share:
        return ()
    if protocol.targets:
        targets = _spelt(protocol.targets, gallery_names, "targets")
    else:
        targets = tuple(name for name in gallery_names if name not in concepts) or concepts
    length = protocol.sequence_length or 0
    if not set(targets) - set(concepts) and length >= len(concepts):
        raise ConfigError(
            "nothing is left to ask for: every target is among the "
            f"{len(concepts)} concepts of each sequence of {length}: name targets that are not "
            "shown otherwise, shorten sequence_length, or set catch_share = 0"
        )
    return targets


def _spelt(asked: Sequence[str], known: Sequence[str], what: str) -> tuple[str, ...]:
    """Return names as a gallery spells them, each once."""
    spelt = {name.casefold(): name for name in known}
    for name in asked:
        if name.casefold() not in spelt:
            raise ConfigError(
                f"{what} names '{name}', which is not among the {len(known)} there are"
                f"{registry.hint(name.casefold(), spelt)}: correct it"
            )
    return tuple(dict.fromkeys(spelt[name.casefold()] for name in asked))


def _ordered(
    protocol: Protocol, concepts: tuple[str, ...], n_trials: int
) -> tuple[PlannedTrial, ...]:
    """Return trials in rounds, each drawn by itself, so that more of them change none before."""
    trials: list[PlannedTrial] = []
    for number in range(math.ceil(n_trials / len(concepts))):
        draw = _drawing(protocol.seed, "round", number)
        order = [concepts[i] for i in draw.permutation(len(concepts))]
        if len(order) > 2 and trials and trials[-1].concept == order[0]:
            order[0], order[-1] = order[-1], order[0]
        jitter_s = draw.uniform(0.0, protocol.jitter_s, len(order)).tolist()
        for concept, more_s in zip(order, jitter_s, strict=True):
            soa_s = round(protocol.soa_s + more_s, 4)
            picture = number % protocol.pictures
            trials.append(PlannedTrial(len(trials), concept, picture, soa_s))
    return tuple(trials[:n_trials])


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture as it goes to whoever presents; ``trial`` is :data:`CATCH` for a target."""

    trial: int
    concept: str
    picture: int
    on_s: float
    soa_s: float
    catch: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked after a sequence, and the right answer."""

    target: str
    seen: bool


@dataclass(frozen=True, slots=True)
class PictureSequence:
    """Pictures without a break, and the question that follows; its number in the block, from 1."""

    number: int
    trials: tuple[ShownPicture, ...]
    question: Question | None

    def message(self) -> dict[str, Any]:
        """Return it JSON-ready."""
        return dataclasses.asdict(self)


def arrange(plan: Plan, run: int, numbers: Sequence[int]) -> tuple[PictureSequence, ...]:
    """Return a block as it is presented: sequences, with targets and questions put in.

    A target is never the first or last of a sequence, nor one of its concepts. The share of
    sequences that have one is the protocol's as nearly as whole sequences allow, the rest
    drawn.

    Parameters
    ----------
    plan : Plan
        Of a session that presents itself.
    run : int
        Number of the recording, by which targets are drawn.
    numbers : sequence of int
        Trials of the plan, in the order to be shown.
    """
    protocol = plan.protocol
    length = protocol.sequence_length or max(1, len(numbers))
    parts = [numbers[i : i + length] for i in range(0, len(numbers), length)]
    draw = _drawing(protocol.seed, "catch", run)
    with_target = int(protocol.catch_share * len(parts) + draw.random())
    chosen = set(draw.permutation(len(parts))[:with_target].tolist())
    return tuple(
        _sequence(plan, number, [plan.trials[n] for n in part], number - 1 in chosen, draw)
        for number, part in enumerate(parts, 1)
    )


def _sequence(
    plan: Plan, number: int, trials: list[PlannedTrial], catch: bool, draw: np.random.Generator
) -> PictureSequence:
    on_s, soa_s = plan.protocol.on_s, plan.protocol.soa_s
    shown = [
        ShownPicture(t.number, t.concept or "", t.picture, on_s, t.soa_s, False) for t in trials
    ]
    concepts = {t.concept for t in trials}
    targets = [name for name in plan.targets if name not in concepts]
    if not targets:
        return PictureSequence(number, tuple(shown), None)
    target = targets[int(draw.integers(len(targets)))]
    place = int(draw.integers(1, max(2, len(shown))))
    picture = int(draw.integers(plan.protocol.pictures))
    seen = catch and len(shown) > 1
    if seen:
        shown.insert(place, ShownPicture(CATCH, target, picture, on_s, soa_s, True))
    return PictureSequence(number, tuple(shown), Question(target, seen))
