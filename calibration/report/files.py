"""The report beside its decoder: a page for people, and the same as JSON."""

from __future__ import annotations

from pathlib import Path

from saccade.calibration.report.contents import CalibrationReport, to_json
from saccade.calibration.report.page import growth_words, page
from saccade.calibration.wording import percent
from saccade.realtime.errors import CalibrationError


def report_paths(decoder: Path) -> tuple[Path, Path]:
    """Return where the page and the JSON of a decoder file are."""
    return decoder.with_suffix(".report.html"), decoder.with_suffix(".report.json")


def write(report: CalibrationReport, decoder: Path) -> Path:
    """Write both beside a decoder file, in the place of those of a former calibration.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    CalibrationError
        If the folder can't be written to.
    """
    html, json = report_paths(decoder)
    try:
        html.write_text(page(report), encoding="utf-8")
        json.write_text(to_json(report), encoding="utf-8")
    except OSError as error:
        raise CalibrationError(
            f"the report can't be written to {html}: {error.strerror or error}"
        ) from error
    return html


def report_lines(report: CalibrationReport) -> list[str]:
    """Return what a terminal shows of a report: verdict, promise, learning curve."""
    verdict = report.verdict
    lines = [f"{'verdict':<12} {verdict.decision.upper()}: {verdict.sentence}"]
    lines += [
        f"{'promise':<12} top-{p.top} of {p.gallery} in {p.n} live trials of "
        f"{'concepts it learned' if p.concepts == 'seen' else 'concepts it never learned'}: "
        f"{percent(p.low)} to {percent(p.high)} ({percent(p.sure)} of sessions), chance "
        f"{percent(p.chance)}"
        for p in report.promises
        if p.top == 1
    ]
    if report.growth is not None:
        lines.append(f"{'with more':<12} {growth_words(report.growth)}")
    return lines
