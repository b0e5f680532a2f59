"""From a source to labelled epochs, through the very pipeline that will run live."""

from __future__ import annotations

import collections
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.engine import Engine, StepResult
from saccade.realtime.epochs import Epocher, EpochSettings
from saccade.realtime.errors import CalibrationError
from saccade.realtime.pipeline import Pipeline, PipelineSettings
from saccade.realtime.protocols import Clock, Source
from saccade.realtime.sinks.tally import kind_of
from saccade.realtime.sources.file import FileSource
from saccade.realtime.types import Epoch, Float32, Float64, StreamSpec


@dataclass(frozen=True, slots=True)
class Rejection:
    """A trial that was left out: its run, onset (s), concept, and why."""

    run: int
    onset_s: float
    label: str | None
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Labelled epochs of one or several runs, in the order of time.

    Parameters
    ----------
    data : array of shape (n_trials, n_channels, n_times), float32
        The good epochs.
    labels : tuple of str, length n_trials
        What was shown.
    spec : StreamSpec
        The stream as it came.
    working_spec : StreamSpec
        The stream as the epochs were cut from it.
    pipeline, epochs : settings
        With which they were cut.
    delay_ms, settling_s : float
        By how many ms the pipeline passes on what has 10 Hz, and for how many seconds after a
        start or gap its output does not count.
    onsets_s : array of shape (n_trials,), float64
        Time of each trial's marker, in s on the clock of its run.
    runs : array of shape (n_trials,), intp
        Number of the run, from 0, that each trial is from.
    rejections : tuple of Rejection
        The trials that were left out, in the order of time.
    sources : tuple of dict
        Where the runs came from: ``name``, and ``sha256`` of a recorded file.
    held_out : tuple of str
        Concepts that the runs themselves say are not to be trained on, each once.
    """

    data: Float32
    labels: tuple[str, ...]
    spec: StreamSpec
    working_spec: StreamSpec
    pipeline: PipelineSettings
    epochs: EpochSettings
    delay_ms: float
    settling_s: float
    onsets_s: Float64
    runs: NDArray[np.intp]
    rejections: tuple[Rejection, ...]
    sources: tuple[dict[str, str], ...]
    held_out: tuple[str, ...] = ()

    @property
    def rejected(self) -> dict[str, int]:
        """How many epochs were left out, by the first reason."""
        return dict(collections.Counter(kind_of(r.reasons[0]) for r in self.rejections))


def collect(
    sources: Sequence[Source],
    pipeline: PipelineSettings,
    epochs: EpochSettings,
    clock: Clock,
    stop: Callable[[StepResult], bool] = lambda _: False,
) -> Trials:
    """Run each source through pipeline and epocher, each from a fresh start.

    Parameters
    ----------
    sources : sequence of Source
        The runs, in the order of time.
    pipeline, epochs : settings
        As the decoder will use them.
    clock : callable
        For the engine.
    stop : callable
        Asked after each step; True ends that run.

    Raises
    ------
    CalibrationError
        If the runs do not carry the same channels at the same rate, a marker has no label, or
        there is no good epoch.
    """
    kept: list[tuple[int, Epoch]] = []
    rejections: list[Rejection] = []
    first: Engine | None = None
    for run, source in enumerate(sources):
        engine = Engine(source, Pipeline(pipeline), Epocher(epochs), clock)
        engine.start(None if first is None else _same_as(first.spec))
        first = first or engine
        try:
            while not (result := engine.step(0.1)).ended:
                _sort(run, result.epochs, kept, rejections)
                if stop(result):
                    break
            _sort(run, engine.epocher.finish(), kept, rejections)
        finally:
            engine.source.close()
        _refuse_unlabelled(engine)
    if first is None:
        raise CalibrationError("a decoder needs at least one run to learn from: name a recording")
    if not kept:
        counts = collections.Counter(kind_of(r.reasons[0]) for r in rejections).most_common(3)
        reasons = ", ".join(f"{reason} ({n} times)" for reason, n in counts)
        raise CalibrationError(
            f"not one good epoch came out of {len(sources)} run(s); rejected were "
            f"{reasons or 'none either: are there markers?'}"
        )
    return Trials(
        np.stack([epoch.data for _, epoch in kept]),
        tuple(str(epoch.label) for _, epoch in kept),
        first.spec,
        first.working_spec,
        pipeline,
        epochs,
        first.pipeline.delay_ms(),
        first.pipeline.settling_s,
        np.array([epoch.onset_s for _, epoch in kept]),
        np.array([run for run, _ in kept], dtype=np.intp),
        tuple(rejections),
        tuple(_origin(source) for source in sources),
        tuple(dict.fromkeys(name for source in sources for name in _held_out(source))),
    )


def _origin(source: Source) -> dict[str, str]:
    """Return what to call a source in a report, and a recording's digest."""
    if isinstance(source, FileSource):
        return {"name": source.settings.path.name, "sha256": source.sha256}
    return {"name": type(source).__name__}


def of_calibration(source: Source) -> Mapping[str, Any]:
    """Return what a calibration session noted in a recording of its own; nothing in others."""
    noted = source.recording.session.get("calibration") if isinstance(source, FileSource) else None
    return noted if isinstance(noted, Mapping) else {}


def _held_out(source: Source) -> list[str]:
    names = of_calibration(source).get("held_out")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def _sort(
    run: int,
    epochs: Sequence[Epoch],
    kept: list[tuple[int, Epoch]],
    rejections: list[Rejection],
) -> None:
    for epoch in epochs:
        if not epoch.rejected:
            kept.append((run, epoch))
        else:
            rejections.append(Rejection(run, epoch.onset_s, epoch.label, epoch.rejected))


def _refuse_unlabelled(engine: Engine) -> None:
    unlabelled = engine.epocher.unlabelled
    if unlabelled:
        values = ", ".join(f"'{v}' ({n} times)" for v, n in unlabelled.most_common(5))
        known = ", ".join(f"'{v}'" for v in engine.epocher.settings.labels or {}) or "none"
        raise CalibrationError(
            f"every marker must stand for a concept, but {values} has no label (labelled: "
            f"{known}): add --label {shlex.quote(unlabelled.most_common(1)[0][0])}=CONCEPT"
        )


def _same_as(wanted: StreamSpec) -> Callable[[StreamSpec], None]:
    def check(spec: StreamSpec) -> None:
        for field in ("sfreq", "ch_names", "units"):
            if getattr(spec, field) != getattr(wanted, field):
                raise CalibrationError(
                    f"all runs must carry the same, but {field} of {spec.name} is "
                    f"{getattr(spec, field)} and of {wanted.name} {getattr(wanted, field)}: "
                    "calibrate on runs of one montage"
                )

    return check
