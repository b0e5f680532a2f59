"""A calibration session in the terminal: how far it is, and how good what came is.

Pure: from the newest :class:`~saccade.calibration.progress.Progress` to lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from saccade.calibration.progress import Progress

BAR_WIDTH = 30
LABEL_WIDTH = 11
MOST_NAMED = 6  # channels, or reasons, that are told by name
ALARMING = ("BAD", "MISSING")  # what is coloured says so in words, too
PHASES = {
    "setup": "looking for the streams",
    "gate": "waiting for good signal",
    "doubt": "the signal is not good enough",
    "ready": "about to begin",
    "block": "showing pictures",
    "rest": "break",
    "fit": "fitting the decoder",
    "verdict": "a decoder was fitted and judged: how to go on?",
    "over": "over",
    "interrupted": "broken off",
    "paused": "left for now",
}


def view(progress: Progress, title: str) -> Group:
    """Return what stands in the terminal.

    Parameters
    ----------
    progress : Progress
        The newest.
    title : str
        What stands above it.
    """
    heading, details = [], Table.grid()
    details.add_column(no_wrap=True)
    details.add_column()  # what does not fit goes on below itself
    for label, text in _told(progress):
        style = "yellow" if any(word in text for word in ALARMING) else ""
        if label:
            details.add_row(Text(label.ljust(LABEL_WIDTH)), Text(text, style))
        else:
            heading.append(Text(text, style))
    return Group(Text(title, "bold"), *heading, details)


def lines(progress: Progress) -> list[str]:
    """Return how a session is going, a line for each thing that someone beside it looks after."""
    return [f"{label:<{LABEL_WIDTH}}{text}" if label else text for label, text in _told(progress)]


def _told(progress: Progress) -> list[tuple[str, str]]:
    """Return each thing with what it is called; first of all what needs no name."""
    p = progress
    share = p.done / p.planned if p.planned else 0.0
    bar = ("█" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH, "·")
    phase = PHASES.get(p.phase, p.phase)
    where = f"block {p.block} of {p.of}, {phase}" if p.phase in ("block", "rest") else phase
    left = f", {duration(p.left_s)} left" if p.left_s > 0 else ""
    told = [("", where), ("", f"{bar}  {p.done} of {p.planned} pictures{left}")]
    if p.text:
        told.append(("", p.text))
    reasons = f": {_counts(p.rejected)}" if p.rejected else ""
    again = f" · to be shown again: {_counts(p.lost)}" if p.lost else ""
    kept = f"{p.kept} kept · {sum(p.rejected.values())} rejected{reasons}{again}"
    told.append(("pictures", kept))
    if p.shown:
        missing = p.shown - p.markers
        lack = f" · {missing} MISSING" if missing > 0 else ""
        came = f"{p.markers} received of {p.shown}{lack} · {p.dropped_frames} frames dropped"
        told.append(("markers", came))
    if p.questions:
        alarms = "false alarm" if p.false_alarms == 1 else "false alarms"
        noticed = f"{p.hits} of {p.targets} targets noticed · {p.false_alarms} {alarms} "
        told.append(("attention", f"{noticed}in {p.questions} questions"))
    told.append(("channels", _channels(p.bad)))
    if p.check:
        told.append(("so far", check_line(p.check)))
    return told


def check_line(check: Mapping[str, Any]) -> str:
    """Return what a quick decoder made after a block could do, or why there was none."""
    if "problem" in check:
        return str(check["problem"])
    low, high = check["ci95_top1"]
    return (
        f"single-trial top-1 {check['top1']:.1%} [95 % {low:.1%} to {high:.1%}], chance "
        f"{check['chance_top1']:.2%}, n {check['n']}"
    )


def duration(seconds: float) -> str:
    """Return a time as a person says it."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min"


def _counts(counts: Mapping[str, int]) -> str:
    most = sorted(counts.items(), key=lambda item: -item[1])
    rest = sum(n for _, n in most[MOST_NAMED:])
    told = [f"{what} ({n})" for what, n in most[:MOST_NAMED]]
    return ", ".join([*told, *([f"other reasons ({rest})"] if rest else [])])


def _channels(bad: Mapping[str, str]) -> str:
    if not bad:
        return "none is bad"
    named = [f"{name} ({why.split('; ')[0]})" for name, why in list(bad.items())[:MOST_NAMED]]
    more = len(bad) - MOST_NAMED
    return "BAD " + ", ".join([*named, *([f"{more} more"] if more > 0 else [])])
