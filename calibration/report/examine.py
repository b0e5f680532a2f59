"""From trials and what was fitted to them to the report: everything measured, then judged.

Deterministic: the same trials and settings give the same report, but for its date and the time that
fits took. What goes into the decoder file,
its promise, comes of the trials alone; the verdict, which may know of a live session besides, stays
in the report.
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from saccade.calibration.choose import Calibrated
from saccade.calibration.collect import Trials
from saccade.calibration.fit_checks import still_electrodes
from saccade.calibration.fit_progress import FitProgress
from saccade.calibration.order import order_of
from saccade.calibration.report.contents import (
    About,
    CalibrationReport,
    HeldOutAccuracy,
    Repeated,
    Session,
    SignalQuality,
)
from saccade.calibration.report.evoked import common_response
from saccade.calibration.report.grouping import confusion
from saccade.calibration.report.measures import judged_by, measures, ordered
from saccade.calibration.report.prospects import promised, prospects
from saccade.calibration.report.repetitions import repeated
from saccade.calibration.report.signal_quality import signal_quality
from saccade.calibration.report.timing import rejections, timing
from saccade.calibration.session_summary import SessionSummary
from saccade.calibration.verdict import judge
from saccade.calibration.verdict_facts import Facts, MeasureName, VerdictSettings
from saccade.calibration.visual import is_visual
from saccade.models.decoders.decoder_file import DecoderFile
from saccade.models.evaluation.confidence_fit import cross_fitted
from saccade.models.evaluation.held_out import HeldOut
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.blocks.repair import RepairSettings
from saccade.realtime.quality.settings import QualitySettings
from saccade.realtime.simulation.observer import IdealAccuracy
from saccade.realtime.sources.file import FileSource

LIBRARIES = ("saccade", "numpy", "scipy", "torch", "mne", "pylsl")
MOST_BAD = 0.5  # of the time; a channel that is worse does not count as good
PROMISED_TRIALS = 200  # of the live session that the page promises for


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What trials alone do not tell; each may be missing.

    Parameters
    ----------
    session : SessionSummary or None
        Of a live session.
    regular : bool
        Whether its pictures were to come at one pace.
    recordings : sequence of FileSource
        The runs, to look at their signal quality.
    quality : QualitySettings
        By which.
    command : str
        What makes the same decoder again.
    ideal : IdealAccuracy or None
        What nobody can beat, where a simulated subject was recorded.
    """

    session: SessionSummary | None = None
    regular: bool = False
    recordings: Sequence[FileSource] = ()
    quality: QualitySettings = dataclasses.field(default_factory=QualitySettings)
    command: str = ""
    ideal: IdealAccuracy | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A report, and the decoder with its promise."""

    report: CalibrationReport
    decoder: DecoderFile


def examine(
    trials: Trials,
    gallery: Gallery,
    calibrated: Calibrated,
    settings: VerdictSettings,
    circumstances: Circumstances | None = None,
    progress: Callable[[FitProgress], None] | None = None,
) -> Examined:
    """Measure all that a report tells, and judge it.

    Takes some fits of the chosen encoder to fewer trials, if it is quick to fit.

    Parameters
    ----------
    trials : Trials
        Good epochs and rejected ones.
    gallery : Gallery
        What is chosen from.
    calibrated : Calibrated
        What was fitted to them.
    settings : VerdictSettings
        The rules.
    circumstances : Circumstances, optional
        What else is known.
    progress : callable or None
        Told how far these fits have come.
    """
    known = circumstances or Circumstances()
    held_out, figures = calibrated.held_out, calibrated.decoder.calibration["figures"]
    found = measures(held_out.cosines, held_out.among, held_out.shown, held_out.projections)
    n_possible = int(held_out.n_among.max())
    if figures["split"] == "time":  # few are shown, whatever else is in the gallery
        n_possible = min(n_possible, len(set(held_out.shown.tolist())))
    measure = judged_by(settings.measure, found, n_possible)
    control = calibrated.control
    permuted = measures(control.cosines, control.among, control.shown, control.projections).get(
        measure
    )
    ahead = prospects(
        trials, gallery, calibrated, found[measure], measure, settings.target, progress
    )
    n_trials, growth = calibrated.n_trials, ahead.growth
    quality = signal_quality(known.recordings, known.quality, trials.working_spec.ch_names)
    pace, session = timing(trials), _session(known)
    verdict = judge(
        Facts(
            found[measure],
            dict(growth.line)[n_trials].expected,
            n_trials,
            len(trials.rejections),
            growth.more if settings.target is not None else None,
            None if session is None else session.markers_expected,
            None if session is None else session.markers_received,
            _occipital(trials, quality),
            pace.p95_ms - pace.p5_ms if pace is not None and known.regular else None,
            None if session is None else (session.right, session.questions),
            order_of(trials.labels, trials.runs, trials.onsets_s),
        ),
        settings,
    )
    report = CalibrationReport(
        _about(trials, gallery, calibrated, known.command),
        verdict,
        HeldOutAccuracy(
            figures["split"],
            figures["folds"],
            ordered(found, measure),
            permuted,
            figures["permuted_control"]["permuted"],
        ),
        tuple(one.promise(PROMISED_TRIALS) for one in ahead.outlooks),
        _repeated(calibrated, measure),
        growth,
        calibrated.candidates,
        confusion(gallery, held_out.shown, _said(held_out)),
        calibrated.reliability,
        common_response(trials),
        quality,
        rejections(trials),
        pace,
        session,
        known.ideal,
    )
    calibration = calibrated.decoder.calibration | promised(ahead.outlooks)
    return Examined(report, dataclasses.replace(calibrated.decoder, calibration=calibration))


def _said(held_out: HeldOut) -> NDArray[np.intp]:
    return np.asarray(np.where(held_out.among, held_out.cosines, -np.inf).argmax(axis=1))


def _repeated(calibrated: Calibrated, measure: MeasureName) -> tuple[Repeated, ...]:
    """Return accuracy with evidence added up as the decoder weighs it, but for class biases.

    Of the candidate that was taken, each part by a confidence that was fitted on the others.
    """
    held_out, confidence = calibrated.of_chosen, calibrated.decoder.confidence
    score = "cosine" if confidence is None else confidence.measure
    evidence = cross_fitted(held_out, calibrated.n_trials, score)
    _, decoder = np.unique(np.stack([held_out.group, held_out.part]), axis=1, return_inverse=True)
    return repeated(evidence, held_out.among, held_out.shown, decoder.reshape(-1), 0, measure)


def _occipital(trials: Trials, quality: SignalQuality | None) -> tuple[tuple[str, bool], ...]:
    """Return the channels over the visual cortex, and which have been good for most of the time.

    Those that were given up as bad, and are told from their neighbours, are left out, as before a
    block. Without recordings to look at, those count that pick something up.
    """
    names, still = trials.working_spec.ch_names, still_electrodes(trials)
    given_up = {
        name
        for block, settings in trials.pipeline.blocks
        if isinstance(settings, RepairSettings)
        for name in settings.bads
    }
    share = (
        {}
        if quality is None
        else {name: quality.share(place, "b") for place, name in enumerate(quality.ch_names)}
    )
    return tuple(
        (name, name not in still and share.get(name, 0.0) < MOST_BAD)
        for name in names
        if is_visual(name) and name not in given_up
    )


def _session(known: Circumstances) -> Session | None:
    """Return what the runs that count came to."""
    summary = known.session
    if summary is None:
        return None
    runs = [run for run in summary.runs if run.counted]
    absent = summary.questions - summary.targets
    return Session(
        len(runs),
        sum(run.shown or 0 for run in runs),
        sum(run.markers or 0 for run in runs),
        summary.questions,
        summary.hits + absent - summary.false_alarms,
        summary.hits,
        summary.targets,
        summary.false_alarms,
        summary.dropped_frames,
        known.regular,
    )


def _about(trials: Trials, gallery: Gallery, calibrated: Calibrated, command: str) -> About:
    decoder, epochs = calibrated.decoder, trials.epochs
    start_s, stop_s = epochs.crop_s or (epochs.tmin_s, epochs.tmax_s)
    source = gallery.source or f"{gallery.backbone} {gallery.weights}"
    versions = [(name, importlib.metadata.version(name)) for name in LIBRARIES]
    return About(
        decoder.calibration["date"],
        tuple((s["name"], s.get("sha256", "")) for s in trials.sources),
        calibrated.chosen,
        f"{source}, {gallery.kind}",
        len(set(trials.labels)),
        len(gallery),
        trials.data.shape[1],
        trials.spec.sfreq,
        trials.working_spec.sfreq,
        (1e3 * start_s, 1e3 * stop_s),
        " → ".join(name for name, _ in trials.pipeline.blocks),
        trials.delay_ms,
        trials.settling_s,
        decoder.simulated or gallery.simulated,
        command,
        (*versions, ("Python", platform.python_version())),
    )
