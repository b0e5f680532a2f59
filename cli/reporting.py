"""The report of a calibration: what the trials, the settings and a live session come to."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from saccade.calibration.choose import Calibrated
from saccade.calibration.collect import Trials
from saccade.calibration.fit_progress import FitProgress
from saccade.calibration.report.examine import Circumstances, Examined, examine
from saccade.calibration.session_summary import SessionSummary
from saccade.calibration.verdict_facts import VerdictSettings
from saccade.cli import recorded
from saccade.cli.configuration import Loaded
from saccade.cli.sections import Config
from saccade.cli.wiring import quality_settings
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.simulation.observer import IdealAccuracy
from saccade.realtime.sources.file import FileSource

SECTIONS = ("stream", "markers", "pipeline", "epochs", "gallery", "calibration", "verdict")
"""Of the configuration, those by which a recording gives its decoder and verdict."""


def examined(
    trials: Trials,
    gallery: Gallery,
    calibrated: Calibrated,
    loaded: Loaded,
    runs: Sequence[Path],
    out: Path,
    *,
    stream_id: int | None = None,
    session: SessionSummary | None = None,
    regular: bool = False,
    ideal: IdealAccuracy | None = None,
    progress: Callable[[FitProgress], None] | None = None,
) -> Examined:
    """Return the report, and the decoder with its promise.

    Parameters
    ----------
    trials, gallery, calibrated
        As for :func:`~saccade.calibration.report.examine.examine`.
    loaded : Loaded
        The settings.
    runs : sequence of Path
        The recordings.
    out : Path
        Where the decoder is to be.
    stream_id : int or None
        Number of the signal's stream in XDF files in which several are alike.
    session, regular, ideal
        As in :class:`~saccade.calibration.report.examine.Circumstances`.
    progress : callable or None
        Told how far it has come.
    """
    settings = loaded.config
    return examine(
        trials,
        gallery,
        calibrated,
        VerdictSettings(**settings.verdict.model_dump()),
        Circumstances(
            session,
            regular,
            [FileSource(recorded.file_settings(path, loaded, stream_id)) for path in runs],
            quality_settings(settings, trials.pipeline.gap_s or 0.0),
            command(runs, settings, out, stream_id),
            ideal,
        ),
        progress,
    )


def command(runs: Sequence[Path], settings: Config, out: Path, stream_id: int | None = None) -> str:
    """Return the command line that gives the same decoder from the same recordings.

    Every setting that is not a default stands in it, wherever it came from.
    """
    words = ["saccade", "calibrate"]
    for run in runs:
        words += ["--recording", str(run)]
    for dotted, value in _given(settings):
        words += ["--set", f"{dotted}={_toml(value)}"]
    if stream_id is not None:
        words += ["--stream-id", str(stream_id)]
    return shlex.join([*words, "--out", str(out)])


def _given(settings: Config) -> Iterator[tuple[str, Any]]:
    for section in SECTIONS:
        values, defaults = getattr(settings, section), type(getattr(settings, section))()
        for key, value in values:
            if value != getattr(defaults, key):
                yield f"{section}.{key}", value


def _toml(value: Any) -> str:
    """Return a setting's value as TOML has it."""
    if value is None:
        return '"none"'
    if isinstance(value, Path | str):
        return json.dumps(str(value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)
