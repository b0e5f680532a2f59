"""Live predictions in the terminal.

A sink like any other: it keeps the newest prediction and draws at most four times a second, so a
slow terminal costs the session a frame, never a sample.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from saccade.realtime.sinks.base import QuietSink
from saccade.realtime.types import (
    Decision,
    Epoch,
    Prediction,
    QualityReport,
    StreamEvent,
    StreamSpec,
)

REDRAW_EVERY_S = 0.25
BAR_WIDTH = 24
MOST_REASONS, MOST_NAMES = 3, 8  # of channels that are told


class LiveTable(QuietSink):
    """Shows the newest top-k, and how often the truth was in it.

    Parameters
    ----------
    gallery_size : int
        Number of concepts ranked.
    title : str
        What stands above the table.
    """

    def __init__(self, gallery_size: int, title: str = "") -> None:
        self._gallery_size = gallery_size
        self._title = title
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False)
        self._drawn_s = 0.0
        self._newest: Prediction | None = None
        self._decision: Decision | None = None
        self._n_decisions = self._n_chosen = self._n_meant = self._n_right = 0
        self._n_predictions = self._n_rejected = self._n_known = self._n_top1 = self._n_top5 = 0
        self._status: dict[str, Any] = {}
        self._quality: QualityReport | None = None
        self._health: dict[str, Any] = {}

    def open(self, spec: StreamSpec, session: dict[str, Any]) -> None:
        """Begin to draw."""
        self._simulated = spec.simulated or bool(session["decoder"]["simulated"])
        self._live.start()

    def prediction(self, prediction: Prediction) -> None:
        """Take a prediction."""
        self._newest = prediction
        self._n_predictions += 1
        if prediction.label_rank is not None and not prediction.epoch.rejected:
            self._n_known += 1
            self._n_top1 += prediction.label_rank == 1
            self._n_top5 += prediction.label_rank <= 5
        self._draw()

    def rejected(self, epoch: Epoch) -> None:
        """Count an epoch that was not decoded."""
        self._n_rejected += 1

    def decision(self, decision: Decision) -> None:
        """Take a decision."""
        self._decision = decision
        self._n_decisions += 1
        self._n_chosen += decision.choice is not None
        known = decision.choice is not None and decision.truth is not None
        self._n_meant += known
        self._n_right += known and decision.choice == decision.truth
        self._draw()

    def event(self, event: StreamEvent) -> None:
        """Show what happened to a stream, above the table, for good."""
        self._console.print(Text(f"{event.kind}: {event.text}", style="bold"), soft_wrap=True)

    def quality(self, report: QualityReport) -> None:
        """Take the state of the channels."""
        self._quality = report
        self._draw()

    def health(self, health: dict[str, Any]) -> None:
        """Take the state of the stream."""
        self._health = health
        self._draw()

    def status(self, status: dict[str, Any]) -> None:
        """Take the counts for the bottom line."""
        self._status = status
        self._draw()

    def close(self, summary: dict[str, Any]) -> None:
        """Draw the last state and let it stand."""
        self._status = summary or self._status
        self._live.update(self._render(), refresh=True)
        self._live.stop()
        if not self._console.is_terminal:
            self._console.print()  # what rich leaves there has no end of line

    def _draw(self) -> None:
        now = time.monotonic()
        if now - self._drawn_s >= REDRAW_EVERY_S and self._console.is_terminal:
            self._drawn_s = now
            self._live.update(self._render(), refresh=True)

    def _render(self) -> Group:
        table = Table(title=self._title or None, title_justify="left")
        table.add_column("", justify="right", width=2)
        table.add_column("concept", min_width=22)
        table.add_column("probability", min_width=BAR_WIDTH + 7)
        if self._newest is not None:
            label = (self._newest.epoch.label or "").casefold()
            for place, candidate in enumerate(self._newest.ranking.top, 1):
                hit = candidate.name.casefold() == label
                table.add_row(
                    str(place),
                    Text(candidate.name + ("  ✓" if hit else ""), "bold green" if hit else ""),
                    f"{_bar(candidate.probability)} {candidate.probability:6.1%}",
                )
        return Group(table, *(Text(line, "dim") for line in self._footer()))

    def _footer(self) -> list[str]:
        newest, lines = self._newest, []
        if newest is not None and newest.epoch.label is not None:
            place = f"place {newest.label_rank} of {self._gallery_size}"
            lines.append(f"shown: {newest.epoch.label} ({place})")
        if self._n_known:
            n = self._n_known
            lines.append(
                f"single-trial top-1 {self._n_top1 / n:.1%} (chance {1 / self._gallery_size:.1%})"
                f" · top-5 {self._n_top5 / n:.1%} (chance {5 / self._gallery_size:.1%}) · n {n}"
            )
        if self._decision is not None:
            lines.append(decision_line(self._decision))
            right = f" · {self._n_right} of {self._n_meant} right" if self._n_meant else ""
            lines.append(
                f"{self._n_decisions} decisions · {self._n_decisions - self._n_chosen} "
                f"abstained{right}"
            )
        samples = self._status.get("samples", {})
        lines.append(
            f"{self._n_predictions} predictions · {self._n_rejected} epochs rejected · "
            f"{samples.get('received', 0)} samples, {samples.get('lost', 0)} lost"
        )
        if self._quality is not None:
            lines.append(channels_line(self._quality))
        if self._health:
            lines.append(stream_line(self._health))
        if self._simulated:
            lines.append("SIMULATED: no person, no CLIP")
        return lines


def decision_line(decision: Decision) -> str:
    """Return what was decided last, in words.

    Parameters
    ----------
    decision : Decision
        The newest.
    """
    about = "" if decision.item is None else f" about {decision.item}"
    said = decision.choice or "nothing"
    left_out = f" ({decision.n_left_out} left out)" if decision.n_left_out else ""
    truth = "" if decision.truth is None else f", meant {decision.truth}"
    return (
        f"decided{about}: {said}, {decision.probability:.0%} after {decision.n_epochs} "
        f"epochs{left_out}, {decision.elapsed_s:.1f} s ({decision.ending}){truth}"
    )


def channels_line(report: QualityReport) -> str:
    """Return which channels are not good and why, as far as there is room.

    Channels with the same reason are told together. Those that are not judged do not count.

    Parameters
    ----------
    report : QualityReport
        The newest.
    """
    reasons: dict[str, dict[str, list[str]]] = {"bad": {}, "doubtful": {}}
    told = zip(report.ch_names, report.states, report.reasons, strict=True)
    for name, state, why in told:
        if state in reasons:
            reasons[state].setdefault(why.split("; ")[0], []).append(name)
    n_judged = len(report.states) - report.states.count("not judged")
    if n_judged == 0:
        return "channels: none judged, for none is a voltage"
    parts, room = [], MOST_REASONS
    for state, word in (("bad", "BAD"), ("doubtful", "doubtful")):
        if reasons[state]:
            parts.append(f"{word} {_with_reasons(reasons[state], room)}")
        room = max(1, room - len(reasons[state]))
    return "channels: " + " · ".join([*parts, f"{report.states.count('good')} of {n_judged} good"])


def _with_reasons(names: Mapping[str, list[str]], room: int) -> str:
    """Return names by reason in words; beyond so many reasons, only the names."""
    told = list(names.items())
    texts = [f"{_listed(some)} ({why})" for why, some in told[:room]]
    rest = [name for _, some in told[room:] for name in some]
    return ", ".join([*texts, *([_listed(rest)] if rest else [])])


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def stream_line(health: Mapping[str, Any]) -> str:
    """Return how the stream does.

    Parameters
    ----------
    health : mapping
        As from :meth:`saccade.realtime.quality.watch.StreamWatch.step`.
    """
    if health["stalled"]:
        return f"stream: STALLED, nothing for {health['silent_s']:.1f} s"
    parts = []
    if health["effective_sfreq"] is not None:
        wrong = f", not {health['nominal_sfreq']:g}" if health["wrong_rate"] else ""
        parts.append(f"{health['effective_sfreq']:.2f} Hz{wrong}")
        parts.append(f"jitter {health['jitter_ms']:.2f} ms")
    parts.append(f"{health['lost']} lost in {health['gaps']} gaps")
    if health["age_ms"] is not None:
        parts.append(f"newest sample {health['age_ms']:.0f} ms old")
    own = health["clocks"].get(health["stream"])
    if own is not None and own["uncertainty_ms"] is not None:
        parts.append(f"clock ± {own['uncertainty_ms'] / 2:.2f} ms")  # half the round trip
    return "stream: " + " · ".join(parts)


def _bar(share: float) -> str:
    return ("█" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH, "·")
