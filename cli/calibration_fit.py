"""From recorded runs to a decoder file: the one path of recordings and of live sessions alike."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from saccade.calibration.collect import Trials
from saccade.calibration.fit_progress import FitProgress
from saccade.calibration.report import files
from saccade.calibration.report.examine import Examined
from saccade.calibration.session_summary import SessionSummary
from saccade.calibration.threads import one_thread
from saccade.cli import common, fitting, recorded, reporting
from saccade.cli.configuration import Loaded
from saccade.models.decoders import decoder_file
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import CalibrationError
from saccade.realtime.simulation.observer import IdealAccuracy
from saccade.realtime.sources.file import FileSource


@dataclass(frozen=True, slots=True)
class Output:
    """Where results go.

    Parameters
    ----------
    decoder : Path
        The decoder file; the report goes beside it.
    overwrite : bool
        Replace it if it is there.
    accept : bool
        Write it even where the verdict is that it is worth nothing.
    trials : Path or None
        Where to keep the epochs; None keeps none.
    as_json : bool
        End with a line of JSON instead of words.
    """

    decoder: Path
    overwrite: bool
    accept: bool
    trials: Path | None
    as_json: bool


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """What recordings gave: the good epochs, and a decoder of them with its report."""

    trials: Trials
    examined: Examined


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a live session besides its recordings, for the report alone.

    Parameters
    ----------
    session : SessionSummary or None
        How it went.
    regular : bool
        Whether pictures were to come at one pace.
    ideal : IdealAccuracy or None
        What nobody can beat, of a simulated subject.
    """

    session: SessionSummary | None = None
    regular: bool = False
    ideal: IdealAccuracy | None = None


NOTHING_KNOWN = Known()


def read_trials(runs: Sequence[Path], loaded: Loaded, stream_id: int | None = None) -> Trials:
    """Return the labelled epochs of recordings.

    Parameters
    ----------
    runs : sequence of Path
        The recordings, in the order of time.
    loaded : Loaded
        The settings.
    stream_id : int or None
        Number of the signal's stream in XDF files in which several are alike.
    """
    sources = [FileSource(recorded.file_settings(path, loaded, stream_id)) for path in runs]
    with one_thread():
        return fitting.trials_from_files(sources, loaded.config)


def make(
    trials: Trials,
    loaded: Loaded,
    gallery: Gallery,
    runs: Sequence[Path],
    out: Path,
    known: Known = NOTHING_KNOWN,
    stream_id: int | None = None,
    told: Callable[[FitProgress], None] = lambda _: None,
) -> Made:
    """Return the decoder of some trials, and what it is worth.

    The decoder depends on trials, settings and gallery alone; what else is known goes into the
    report. ``told`` hears how far it has come, and may break it off by raising something.
    """
    with one_thread(), _bar(told) as progress:
        calibrated = fitting.calibrated_from(trials, gallery, loaded.config, progress)
        examined = reporting.examined(
            trials,
            gallery,
            calibrated,
            loaded,
            runs,
            out,
            stream_id=stream_id,
            session=known.session,
            regular=known.regular,
            ideal=known.ideal,
            progress=progress,
        )
    return Made(trials, examined)


def deliver(made: Made, output: Output, about: dict[str, Any] | None = None) -> None:
    """Write report and decoder, and say what came of it.

    A decoder that is accepted although it is worth nothing says so (``accepted_despite`` of its
    ``calibration``). Where none is written that was to replace another, that one is renamed, for
    the report is not its own.

    Parameters
    ----------
    made : Made
        The decoder and all that.
    output : Output
        Where it goes.
    about : dict, optional
        More to say in JSON.

    Raises
    ------
    CalibrationError
        If the decoder is worth nothing, and so is not written.
    """
    decoder, report = made.examined.decoder, made.examined.report
    worth = report.verdict.worth_a_decoder
    written = worth or output.accept
    former = None if written or not output.overwrite else _set_aside(output.decoder)
    page = files.write(report, output.decoder)
    if output.trials is not None:
        from saccade.cli import trial_sources

        trial_sources.save_session(made.trials, output.trials)
    if written and not worth:
        despite = {"accepted_despite": report.verdict.sentence}
        decoder = dataclasses.replace(decoder, calibration=decoder.calibration | despite)
    if written:
        decoder_file.save(decoder, output.decoder, overwrite=output.overwrite)
    if output.as_json:
        common.emit(
            {
                "decoder": str(output.decoder) if written else None,
                "former": None if former is None else str(former),
                "report": str(page),
                "verdict": report.verdict.decision,
                "simulated": decoder.simulated,
            }
            | (about or {})
            | decoder.calibration
        )
    else:
        for line in [*fitting.report_lines(decoder), *files.report_lines(report)]:
            typer.echo(line)
        typer.echo(f"wrote {f'{output.decoder} and ' if written else ''}{page}")
    if not written:
        aside = "" if former is None else f" (the former one is {former} now)"
        raise CalibrationError(
            f"no decoder was written{aside}: {report.verdict.sentence}; --accept writes it all the "
            "same"
        )


def _set_aside(decoder: Path) -> Path | None:
    """Rename a decoder that was to be replaced, so that no report of others lies beside it."""
    if not decoder.exists():
        return None
    names = (f"{decoder.stem}.former{n or ''}{decoder.suffix}" for n in itertools.count())
    former = next(path for path in map(decoder.with_name, names) if not path.exists())
    return decoder.rename(former)


def from_recordings(
    runs: Sequence[Path], loaded: Loaded, output: Output, stream_id: int | None
) -> None:
    """Make a decoder of recordings, write it, and say what came of it."""
    gallery = fitting.checked_gallery(loaded.config)  # before any recording is read
    trials = read_trials(runs, loaded, stream_id)
    deliver(make(trials, loaded, gallery, runs, output.decoder, stream_id=stream_id), output)


@contextlib.contextmanager
def _bar(
    told: Callable[[FitProgress], None],
) -> Iterator[Callable[[FitProgress], None]]:
    """Show how far a fit has come, while it lasts, if there is a terminal; pass it on."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, disable=not console.is_terminal, transient=True
    ) as bar:
        task = bar.add_task("fitting")

        def tell(progress: FitProgress) -> None:
            bar.update(
                task,
                description=progress.what,
                completed=progress.done,
                total=progress.total,
            )
            told(progress)

        yield tell
