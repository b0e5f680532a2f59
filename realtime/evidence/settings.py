"""What is decided, from which evidence, and when it is enough."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Mode

SURE = {"single": 0.5, "sliding": 0.9}
"""Threshold of a mode that can't do without, where none is given."""


@dataclass(frozen=True, slots=True)
class EvidenceSettings:
    """How evidence becomes decisions; ``docs/decisions.md`` tells what each mode is for.

    Parameters
    ----------
    mode : {"closed", "single", "target", "sliding"}
        "closed": which of the candidates is it that all epochs of a trial show? "single": what
        does this one epoch show? "target": which of the items is the one attended to, or is this
        one of them? "sliding": what is there now, in windows without markers?
    candidates : tuple of str
        Concepts to choose from; none stands for the whole gallery.
    per : {"trial", "marker"}
        Whether all epochs of a trial are about one thing, or those of each marker value about
        one of their own (pictures that are shown again and again, in any order).
    items : tuple of str
        For "target": the things to choose from, each flashed by the marker of its name, unless
        ``flashes`` says otherwise. With ``per="marker"`` none are needed.
    flashes : mapping of str to tuple of str
        For "target": marker value to the items that it flashes together (a row of letters).
    target : str or None
        For "target": the concept of the gallery that stands for an attended event.
    prior : mapping of str to float
        Probability of alternatives before there is evidence; those not named share the rest.
        Without any, all are alike, but in "single", where it is that of ``assumed``.
    assumed : mapping of str to float
        The same of the concepts within the decoder's own probabilities, which is divided out.
        Those not named share the rest; none at all are alike.
    threshold : float or None
        Posterior probability at which it is decided, above 0 to 1.
    floor : float
        Posterior below which nothing is chosen, whatever ended the evidence; 0 always chooses.
    margin : float
        By how much the best must lead the second, to be chosen, 0 to below 1.
    min_epochs : int
        Good epochs before a threshold or gain may stop, at least 1.
    max_epochs : int or None
        Good epochs at which it ends.
    deadline_s : float or None
        Seconds of signal after which it ends, from the marker that began the trial, or else from
        the first onset. An epoch whose last sample is later does not count.
    worth_per_s : float or None
        What a second is worth, as a probability of being right: it ends when no number of further
        epochs is expected to raise the probability of the best by more than they cost
        (:func:`~saccade.realtime.evidence.gain.pays`).
    d_prime : float or None
        How well one epoch tells two alternatives apart (:mod:`~saccade.realtime.evidence.fit`);
        ``worth_per_s`` needs it.
    correlation : float
        Of the evidence of two epochs of a trial, 0 to below 1 (the same module).
    clean_only : bool
        Leave out epochs with any flag, such as those over filled gaps. Rejected ones never count.
    starts, ends : tuple of str
        Marker values that begin and end a trial; ``*`` stands for anything, and what stands for
        it in the marker that begins a trial is its truth, if it is an alternative.
    gap_s : float or None
        A trial ends where no onset follows another within so many seconds. Without ``starts``,
        ``ends`` and ``gap_s`` a trial ends when it is decided, or in mode "closed" when an epoch
        has another label (or marker value, where it has none); the next epoch begins another.
    half_life_s : float or None
        For "sliding": after so many seconds, evidence counts half.
    refractory_s : float
        For "sliding": seconds after a decision from which no window may begin.

    Raises
    ------
    ConfigError
        If a number is out of range, a setting says nothing in this mode, or two contradict.
    """

    mode: Mode = "closed"
    candidates: tuple[str, ...] = ()
    per: Literal["trial", "marker"] = "trial"
    items: tuple[str, ...] = ()
    flashes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    target: str | None = None
    prior: Mapping[str, float] = field(default_factory=dict)
    assumed: Mapping[str, float] = field(default_factory=dict)
    threshold: float | None = None
    floor: float = 0.0
    margin: float = 0.0
    min_epochs: int = 1
    max_epochs: int | None = None
    deadline_s: float | None = None
    worth_per_s: float | None = None
    d_prime: float | None = None
    correlation: float = 0.0
    clean_only: bool = False
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    gap_s: float | None = None
    half_life_s: float | None = None
    refractory_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what can't be meant; the first problem is told."""
        for check in (_out_of_range, _says_nothing, _contradicts):
            for problem in check(self):
                raise ConfigError(problem)

    @property
    def bounded(self) -> bool:
        """Whether a trial ends otherwise than by its decision."""
        return bool(self.starts or self.ends or self.gap_s is not None)

    @property
    def by_value(self) -> bool:
        """Whether a trial is of one marker value, as nothing else says where it ends."""
        return self.mode == "closed" and self.per == "trial" and not self.bounded

    @property
    def seen_whole(self) -> bool:
        """Whether trials are decided at their end alone, so that all of their epochs are seen."""
        stops = (self.threshold, self.max_epochs, self.deadline_s, self.worth_per_s)
        return self.bounded and all(stop is None for stop in stops)

    @property
    def stop_at(self) -> float:
        """Threshold in force: the one given, or that of the mode; infinite if there is none."""
        return SURE.get(self.mode, math.inf) if self.threshold is None else self.threshold

    @property
    def choose_from(self) -> float:
        """Posterior from which something is chosen when no threshold was reached."""
        return self.stop_at if self.mode == "single" else self.floor


def _out_of_range(s: EvidenceSettings) -> Iterator[str]:
    if s.mode not in get_args(Mode):
        yield f"decision.mode is {', '.join(get_args(Mode))}, not '{s.mode}'"
    if s.per not in ("trial", "marker"):
        yield f"decision.per is 'trial' or 'marker', not '{s.per}'"
    if s.threshold is not None and not 0 < s.threshold <= 1:
        yield f"decision.threshold is a probability above 0, not {s.threshold:g}"
    for name, value in (("floor", s.floor), ("margin", s.margin), ("correlation", s.correlation)):
        if not 0 <= value < 1:
            yield f"decision.{name} must be from 0 to below 1, not {value:g}"
    for name, seconds in (
        ("deadline_s", s.deadline_s),
        ("gap_s", s.gap_s),
        ("half_life_s", s.half_life_s),
        ("worth_per_s", s.worth_per_s),
        ("d_prime", s.d_prime),
    ):
        if seconds is not None and not 0 < seconds < math.inf:
            yield f"decision.{name} must be above 0, not {seconds:g}"
    if not 0 <= s.refractory_s < math.inf:
        yield f"decision.refractory_s must be at least 0 s, not {s.refractory_s:g}"
    if s.min_epochs < 1 or (s.max_epochs is not None and s.max_epochs < s.min_epochs):
        yield (
            "decision.min_epochs must be at least 1 and at most max_epochs, but they are "
            f"{s.min_epochs} and {s.max_epochs}"
        )
    for name, shares in (("prior", s.prior), ("assumed", s.assumed)):
        if any(not p > 0 for p in shares.values()) or sum(shares.values()) > 1 + 1e-9:
            yield (
                f"decision.{name} must be probabilities above 0 that sum to at most 1, not "
                f"{dict(shares)}"
            )


def _says_nothing(s: EvidenceSettings) -> Iterator[str]:
    """Yield settings that are given, but that the mode would not look at."""
    of_trials = ("starts", "ends", "gap_s", "deadline_s", "max_epochs", "min_epochs", "floor")
    unused = {
        "closed": ("items", "flashes", "target", "half_life_s", "refractory_s"),
        "target": ("candidates", "half_life_s", "refractory_s"),
        "single": (
            *("items", "flashes", "target", "half_life_s", "refractory_s", "per"),
            *("worth_per_s", "correlation", *of_trials),
        ),
        "sliding": ("items", "flashes", "target", "per", "worth_per_s", *of_trials),
    }[s.mode]
    fresh = {name: f.default for name, f in EvidenceSettings.__dataclass_fields__.items()}
    for name in unused:
        value = getattr(s, name)
        if value and value != fresh[name]:
            yield f"decision.{name} says nothing in mode '{s.mode}': leave it out"
    if s.mode == "target" and s.per == "marker" and (s.items or s.flashes):
        yield "with decision.per = 'marker' each marker is judged by itself: leave out the items"


def _contradicts(s: EvidenceSettings) -> Iterator[str]:
    if s.threshold is not None and s.floor > s.threshold:
        yield (
            f"decision.floor {s.floor:g} is above the threshold {s.threshold:g} that decides: "
            "lower it"
        )
    if s.worth_per_s is not None and s.d_prime is None:
        yield (
            "decision.worth_per_s needs d_prime, how well one epoch tells two alternatives apart: "
            "give it, or take a decoder whose calibration has measured it"
        )
    if s.worth_per_s is not None and s.max_epochs is not None and s.max_epochs < 3:
        yield (
            f"decision.worth_per_s can stop after 2 epochs at the earliest, but max_epochs is "
            f"{s.max_epochs}: leave one out"
        )
    if s.mode == "sliding" and s.half_life_s is None:
        yield "decision.half_life_s says how fast old windows are forgotten, in s: give it"
    if s.mode in ("closed", "target"):
        stops = (s.threshold, s.max_epochs, s.deadline_s, s.worth_per_s)
        if not s.bounded and all(stop is None for stop in stops):
            yield (
                "nothing would ever end a trial: give decision.threshold, max_epochs, deadline_s, "
                "worth_per_s, gap_s, or markers that begin or end one (starts, ends)"
            )
    if s.mode == "target":
        if s.target is None:
            yield (
                "decision.target names the concept of the gallery that stands for an attended "
                "event: give it"
            )
        if s.per == "trial" and len(set(s.items)) < 2:
            yield (
                "decision.items must name at least 2 things to choose from, but names "
                f"{len(set(s.items))}: give them, or set per = 'marker' to judge each by itself"
            )
        if s.per == "trial" and not s.bounded:
            yield (
                "nothing says where a trial begins, so that one would run on when another item is "
                "attended to: give decision.starts, ends or gap_s"
            )
    for name, given in (("candidates", s.candidates), ("items", s.items)):
        folded = [one.casefold() for one in given]
        if len(set(folded)) < len(folded) or len(folded) == 1:
            yield (
                f"decision.{name} must be at least 2, each once, not {', '.join(given)}: "
                "there is nothing else to decide"
            )
    both = set(s.starts) & set(s.ends)
    if both:
        yield f"a marker begins or ends a trial, but decision has {sorted(both)} as both"
    yield from _flash_problems(s)


def _flash_problems(s: EvidenceSettings) -> Iterator[str]:
    """Yield what keeps the items from being told apart by what flashes them."""
    if not s.flashes:
        return
    unknown = {item for flashed in s.flashes.values() for item in flashed} - set(s.items)
    if unknown:
        yield f"decision.flashes names {sorted(unknown)}, which decision.items does not: add them"
    seen: dict[frozenset[str], str] = {}
    for item in s.items:
        by = frozenset(marker for marker, flashed in s.flashes.items() if item in flashed)
        if not by:
            yield f"decision.flashes never flashes '{item}': add it to one, or leave it out"
        if by in seen:
            yield (
                f"'{seen[by]}' and '{item}' always flash together, so that nothing can tell them "
                "apart: change decision.flashes"
            )
        seen[by] = item
