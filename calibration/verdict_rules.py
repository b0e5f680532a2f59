"""The rules of the verdict, one function each: None where nobody knows what it looks at."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from saccade.calibration.verdict_facts import Facts, VerdictSettings
from saccade.calibration.wording import interval, more_words, percent, written
from saccade.models.evaluation.accuracy import wilson

LIKELY, UNLIKELY_Z = 1e-3, 3.1  # an order that chance gives once in 1000 sessions is none
MOST_ASSOCIATED = 0.2  # Cramér's V; of two concepts, about three of five trials told by their time
MOST_IN_ROWS = 0.15  # share of the trials
ROUND = 10  # trials; what is asked for is no more exact


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, held against this session.

    Parameters
    ----------
    name : str
        What is looked at.
    value, limit : str
        As they are written, with units.
    kept : bool
        Whether it holds.
    asks : {"more", "redo"}
        What it leads to where it is broken.
    advice : str
        Why, and what to do; empty where it is kept.
    """

    name: str
    value: str
    limit: str
    kept: bool
    asks: Literal["more", "redo"]
    advice: str = ""


def _told(
    name: str, value: str, limit: str, kept: bool, asks: Literal["more", "redo"], advice: str
) -> Rule:
    """Return a rule, with its advice if it is broken."""
    return Rule(name, value, limit, kept, asks, "" if kept else advice)


def _occipital(facts: Facts, settings: VerdictSettings) -> Rule | None:
    if not facts.occipital:
        return None
    bad = [name for name, good in facts.occipital if not good]
    n = len(facts.occipital)
    kept = (n - len(bad)) / n >= settings.least_occipital
    return _told(
        "occipital channels good",
        f"{n - len(bad)} of {n}",
        f"at least {percent(settings.least_occipital)}",
        kept,
        "redo",
        f"{len(bad)} of {n} occipital channels are not good ({', '.join(bad[:6])}): see to "
        "their contact and redo, or choose other channels with --channels",
    )


def _markers(facts: Facts, settings: VerdictSettings) -> Rule | None:
    if facts.markers_expected is None or facts.markers_received is None:
        return None
    missing = facts.markers_expected - facts.markers_received
    kept = missing <= settings.most_missing * facts.markers_expected
    return _told(
        "markers received",
        f"{facts.markers_received} of {facts.markers_expected}",
        f"at most {percent(settings.most_missing)} missing",
        kept,
        "redo",
        f"{missing} of {facts.markers_expected} markers never came: look for what loses them "
        "(network, a second program of the same name; saccade doctor) and redo",
    )


def _rejected(facts: Facts, settings: VerdictSettings) -> Rule:
    n = facts.n_trials + facts.n_rejected
    kept = facts.n_rejected <= settings.most_rejected * n
    return _told(
        "trials rejected",
        f"{facts.n_rejected} of {n}",
        f"at most {percent(settings.most_rejected)}",
        kept,
        "redo",
        f"{facts.n_rejected} of {n} trials were rejected: the reasons below say what to see "
        "to (movement, contact, limits that are too strict); then redo",
    )


def _timing(facts: Facts, settings: VerdictSettings) -> Rule | None:
    if facts.spread_ms is None:
        return None
    kept = facts.spread_ms <= settings.most_spread_ms
    return _told(
        "spread of the onsets",
        f"{facts.spread_ms:.1f} ms",
        f"at most {settings.most_spread_ms:g} ms",
        kept,
        "redo",
        f"onsets are spread over {facts.spread_ms:.1f} ms, so that responses blur: close "
        "other programs, try saccade calibrate --timing-test, and redo",
    )


def _attention(facts: Facts, settings: VerdictSettings) -> Rule | None:
    if facts.answers is None or facts.answers[1] == 0:
        return None
    right, asked = facts.answers
    kept = wilson(right, asked)[1] >= settings.least_attention
    return _told(
        "questions answered right",
        f"{right} of {asked}",
        f"not surely below {percent(settings.least_attention)}",
        kept,
        "redo",
        f"only {right} of {asked} questions about the pictures were answered right: make "
        "sure that the person sees them, understood the task and is awake; then redo",
    )


def _order(facts: Facts, _: VerdictSettings) -> Rule | None:
    order = facts.order
    if order is None:
        return None
    by_place = order.p < LIKELY and order.association > MOST_ASSOCIATED
    in_rows = order.excess_z > UNLIKELY_Z and order.repeated > order.expected + MOST_IN_ROWS
    return _told(
        "concepts are mixed",
        f"Cramér's V of concept and third of the run {order.association:.2f}; "
        f"{percent(order.repeated)} come twice running, by chance {percent(order.expected)}",
        f"at most {MOST_ASSOCIATED:g}; at most {percent(MOST_IN_ROWS)} more than by chance",
        not (by_place or in_rows),
        "redo",
        "when a trial comes tells its concept "
        + ("(concepts come early or late in the runs)" if by_place else "(concepts come in rows)")
        + ", so that a drift of the signal looks like a response: mix the concepts and redo",
    )


def _above_chance(facts: Facts, settings: VerdictSettings) -> Rule:
    held_out = facts.held_out
    chance = written(held_out.name, held_out.chance)
    kept = held_out.low > held_out.chance
    enough = facts.n_trials >= settings.most_more
    advice = f"not known to work; record some {more_trials(facts)} more trials"
    if enough:
        advice = (
            f"{facts.n_trials} trials have shown nothing, and more will not: see to the cap, to "
            "the markers (do they say what is shown, and when?) and to attention, then redo"
        )
    return _told(
        f"{held_out.name} above chance",
        interval(held_out),
        f"interval above {chance}",
        kept,
        "redo" if enough else "more",
        f"{held_out.name} is {interval(held_out)} in {held_out.n} held-out trials, which is "
        f"not above chance ({chance}): {advice}",
    )


def _target(facts: Facts, settings: VerdictSettings) -> Rule | None:
    if settings.target is None:
        return None
    name = facts.held_out.name
    expected, target = written(name, facts.expected), written(name, settings.target)
    kept = facts.expected >= settings.target
    more = facts.more
    within = more is not None and more.expected is not None and more.expected <= settings.most_more
    advice = (
        f"{name} is expected at {expected}, and the target of {target} is not within "
        f"{settings.most_more} more trials: see to the signal (contacts, cap, attention) and redo, "
        "or lower the target"
    )
    if more is not None and within:
        advice = f"{more_words(more, name)}: go on"
    return _told(
        f"{name} of the decoder from all trials",
        expected,
        f"at least {target}",
        kept,
        "more" if within else "redo",
        advice,
    )


def more_trials(facts: Facts) -> int:
    """Return how many more to ask for: what the target takes, else half as many again."""
    more = facts.more.expected if facts.more is not None else None
    return math.ceil((more or facts.n_trials / 2) / ROUND) * ROUND


RULES = (
    _occipital,
    _markers,
    _rejected,
    _timing,
    _attention,
    _order,
    _above_chance,
    _target,
)
"""In the order in which they are told."""
