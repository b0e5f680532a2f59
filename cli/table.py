"""Live predictions in the terminal, and the summary at the end.

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

    def event(self, event: StreamEvent) -> None:
        """Show what happened to a stream, above the table, for good."""
        self._live.console.print(Text(f"{event.kind}: {event.text}", style="bold"))

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
        self._live.update(self._render(), refresh=True)
        self._live.stop()

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


def channels_line(report: QualityReport) -> str:
    """Return which channels are not good, the bad ones with their reasons as far as there is room.

    Parameters
    ----------
    report : QualityReport
        The newest.
    """
    told = list(zip(report.ch_names, report.states, report.reasons, strict=True))
    bad = [f"{name} ({why.split('; ')[0]})" for name, state, why in told if state == "bad"]
    doubtful = [name for name, state, _ in told if state == "doubtful"]
    parts = []
    if bad:
        more = f" and {len(bad) - MOST_REASONS} more" if len(bad) > MOST_REASONS else ""
        parts.append(f"BAD {', '.join(bad[:MOST_REASONS])}{more}")
    if doubtful:
        more = f" and {len(doubtful) - MOST_NAMES} more" if len(doubtful) > MOST_NAMES else ""
        parts.append(f"doubtful {', '.join(doubtful[:MOST_NAMES])}{more}")
    n_good = len(told) - len(bad) - len(doubtful)
    return "channels: " + " · ".join([*parts, f"{n_good} of {len(told)} good"])


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
        parts.append(f"clock ± {own['uncertainty_ms']:.2f} ms")
    return "stream: " + " · ".join(parts)


def _bar(share: float) -> str:
    return ("█" * round(share * BAR_WIDTH)).ljust(BAR_WIDTH, "·")


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """Return the end of a session in words, a line for each thing a person wants to know."""
    samples, markers, epochs = summary["samples"], summary["markers"], summary["epochs"]
    lines = [
        f"samples      {samples['received']} received, {samples['lost']} lost, "
        f"{samples['flagged']} flagged",
        f"markers      {markers['received']} received, {markers['unmatched']} unmatched",
        f"epochs       {epochs['total']} cut, {epochs['rejected']} rejected",
        f"predictions  {summary['predictions']}",
    ]
    blocks = summary.get("blocks", {})
    if "repair" in blocks:
        repaired = ", ".join(f"{n} {s:.0f} s" for n, s in blocks["repair"]["repaired_s"].items())
        lines.append(f"repaired     {repaired or 'no channel'}")
    if "artifact" in blocks:
        lines.append(f"cleaned      {blocks['artifact']['cleaned_s']:.1f} s of artifacts")
    if "alignment" in summary:
        lines.append(f"alignment    {alignment_line(summary['alignment'])}")
    latency = summary["latency_ms"]["prediction"]
    if latency["p50"] is not None:
        since = "time stamp" if summary["latency_ms"]["counted_from"] == "stamp" else "arrival"
        lines.append(
            f"latency      p50 {latency['p50']:.1f}, p95 {latency['p95']:.1f}, p99 "
            f"{latency['p99']:.1f} ms, from the {since} of the epoch's last sample to published"
        )
    for key, what in (("accuracy", "accuracy"), ("accuracy_all", "  rejected too")):
        if key in summary:
            lines.append(f"{what:<12} {accuracy_line(summary[key])}")
    if "ideal_observer" in summary:
        lines.append(f"{'at best':<12} {ideal_line(summary['ideal_observer'])}")
    if "unlabelled" in markers:
        values = ", ".join(f"'{value}' ({n})" for value, n in markers["unlabelled"].items())
        lines.append(f"NO LABEL     for markers {values}")
    if "recording" in summary:
        lines += recording_lines(summary["recording"])
    lines += [f"LOST OUTPUT  {sink}" for sink in summary.get("dropped_sinks", ())]
    if summary.get("trained_on"):
        lines.append("TRAINED ON   this very recording: its accuracy says nothing about others")
    if summary["simulated"]:
        lines.append("SIMULATED    all of the above: no person, no CLIP")
    return lines


def alignment_line(about: Mapping[str, Any]) -> str:
    """Return what aligned this user, or how far from it the session got.

    Parameters
    ----------
    about : mapping
        As from :attr:`saccade.models.decoders.decoder.Decoder.alignment`.
    """
    if about.get("problem"):
        return f"{about['kind']} OFF after {about['trials']} trials: {about['problem']}"
    if about["active"]:
        return f"{about['kind']}, learned from {about['trials']} trials"
    missing = about["of"] - about["trials"]
    return f"{about['kind']} not yet: {about['trials']} of {about['of']} trials, {missing} to come"


def recording_lines(about: Mapping[str, Any]) -> list[str]:
    """Return what came of a recording, as the recorder reports it, in words."""
    size = f"{about['bytes'] / 1e6:.1f} MB, {about['samples']} samples"
    lines = [f"recording    {about['file']}: {size}"]
    lost = [f"{n} {what}" for what, n in about["lost"].items() if n]
    if lost:
        lines.append(f"NOT RECORDED {', '.join(lost)}: the disk was too slow")
    if about["stopped"]:
        lines.append(f"RECORDING    STOPPED before the end: {about['stopped']}")
    return lines


def accuracy_line(result: Mapping[str, Any]) -> str:
    """Return an accuracy with everything that belongs beside it."""
    low, high = result["ci95_top1"]
    line = (
        f"single-trial top-1 {result['top1']:.1%} [95 % {low:.1%} to {high:.1%}], chance "
        f"{result['chance_top1']:.2%}, commonest concept {result['majority_top1']:.1%}; top-5 "
        f"{result['top5']:.1%}, chance {result['chance_top5']:.2%}; n {result['n']}, "
        f"gallery {result['gallery']}"
    )
    if "ci95_auc" in result:
        low, high = result["ci95_auc"]
        line += f"; AUC {result['auc']:.3f} [{low:.3f} to {high:.3f}]"
    return line


def ideal_line(result: Mapping[str, Any]) -> str:
    """Return what nobody can beat on a simulated subject, in words."""
    low, high = result["ci95_top1"]
    return (
        f"ideal observer single-trial top-1 {result['top1']:.1%} [95 % {low:.1%} to {high:.1%}], "
        f"chance {result['chance_top1']:.2%}; top-5 {result['top5']:.1%}, chance "
        f"{result['chance_top5']:.2%}; {result['bits']:.2f} bits a trial; n {result['n']}, "
        f"gallery {result['gallery']}"
    )
