"""Numbers of a calibration in words, the same on page, terminal and in the verdict."""

from __future__ import annotations

import math

from saccade.calibration.learning_curve import More
from saccade.calibration.verdict_facts import Figure


def percent(share: float) -> str:
    """Return a share as percents, with a decimal where it is small."""
    return f"{100 * share:.1f} %" if share < 0.0995 else f"{100 * share:.0f} %"


def written(name: str, value: float) -> str:
    """Return a measure's value as it is written: an area as .68, all others as percents."""
    return f"{value:.2f}".removeprefix("0") if name == "AUC" else percent(value)


def interval(figure: Figure) -> str:
    """Return a measure's value and interval."""
    value, low, high = (written(figure.name, x) for x in (figure.value, figure.low, figure.high))
    return f"{value} [95 % {low} to {high}]"


def more_words(more: More, name: str) -> str:
    """Return in words how many more trials a measure's target takes."""
    target = f"{name} ≥ {written(name, more.target)}"
    if more.low is None:
        return f"{target} is out of reach of more trials, as far as can be told"
    if more.expected is None:
        return f"{rounded(more.low)} or more further trials for {target}; how many can't be told"
    lower = rounded(more.low)
    ends = f"from {lower} on" if more.high is None else f"{lower} to {rounded(more.high)}"
    within = f"{percent(more.sure)} interval {ends}"
    if more.expected == 0:
        return f"{target} is about reached: more trials for it, {within}"
    return f"about {rounded(more.expected)} more trials for {target}, {within}"


def rounded(n: int) -> int:
    """Return a number of trials, rounded up to two digits."""
    unit = int(10 ** max(0, math.floor(math.log10(max(n, 1))) - 1))
    return math.ceil(n / unit) * unit
