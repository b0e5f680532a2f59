"""From the flags of :mod:`saccade.cli.datasets` to trials.

Recordings and the simulated subject go through a pipeline: the configured one in training, and
the encoder's own ever after. The simulated session shows the held-out concepts first; so training,
which drops that part, has seen neither them nor the noise behind them, and ``saccade simulate
--calibration-trials 0`` with the same seed sends that very part live.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pylsl

from saccade.calibration.collect import Trials, collect
from saccade.calibration.recorded import how_recorded
from saccade.cli import common, fitting, recorded, simulated
from saccade.cli.configuration import Loaded
from saccade.cli.datasets import PLAN, Wanted, check
from saccade.cli.galleries import gallery_of
from saccade.cli.sections import Config
from saccade.models.data import recorded_epochs
from saccade.models.data.layouts import open_dataset
from saccade.models.data.recorded_epochs import RecordedEpochs
from saccade.models.data.signals import ArraySignals, Joined, SignalSet
from saccade.models.data.table import TrialTable, count_within
from saccade.models.data.trials_file import load_trials, save_trials
from saccade.models.training.encoder_training import Origin
from saccade.realtime import registry
from saccade.realtime.epochs import EpochSettings
from saccade.realtime.errors import (
    ConfigError,
    GalleryError,
    RecordingError,
    SignatureMismatch,
)
from saccade.realtime.pipeline import settings_from_spec
from saccade.realtime.sampling import samples
from saccade.realtime.sources.file import FileSource
from saccade.realtime.sources.simulated import SimulatedSource

if TYPE_CHECKING:
    from saccade.realtime.simulation.subject import SimulatedSubject


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """Trials, and where they are from.

    Parameters
    ----------
    signals : SignalSet
        Epochs, not whitened.
    origin : Origin
        For the encoder's file.
    name : str
        For a person to read.
    looking : SimulatedSubject or None
        Who looked, where nobody did.
    """

    signals: SignalSet
    origin: Origin
    name: str
    looking: SimulatedSubject | None = None


def open_data(
    wanted: Wanted,
    settings: Config,
    part: str,
    simulation: dict[str, Any] | None = None,
    way: RecordedEpochs | None = None,
) -> Dataset:
    """Return the trials that the flags name.

    Parameters
    ----------
    wanted : Wanted
        The flags.
    settings : Config
        The session's settings.
    part : {"train", "test"}
        Of the simulated session, and of a published data set where the flags do not say
        otherwise; other sources have what they have.
    simulation : dict or None
        The plan with which an encoder was trained, which flags override.
    way : RecordedEpochs or None
        The pipeline that the epochs must go through; None for the configured one.

    Raises
    ------
    ConfigError, RecordingError, CalibrationError
        If there are no such trials.
    SignatureMismatch
        If they did not come the way that an encoder wants them.
    """
    source = check(wanted)
    if wanted.data is not None and wanted.layout is not None:
        return _published(wanted.data, wanted.layout, wanted, wanted.split or part)
    if source == "trials":
        return _sessions(wanted, way)
    if source == "recording":
        return _recorded(wanted, settings, way)
    return _simulated(wanted, settings, part, simulation or {}, way)


def test_concepts(wanted: Wanted) -> tuple[str, ...]:
    """Return the concepts of a published data set's own test split; none where it has none."""
    if wanted.data is None or wanted.layout is None:
        return ()
    try:
        table = open_dataset(
            wanted.data,
            wanted.layout,
            split="test",
            subjects=common.listed(wanted.subjects),
            images=wanted.images,
            trust_pickle=wanted.trust_pickle,
        ).table
    except (ConfigError, RecordingError):  # its files or its list of images are not there
        return ()
    return tuple(table.concept_names[index] for index in np.unique(table.concept))


def first_sample_s(trials: Trials) -> float:
    """Return the time of the epochs' first sample after onset, in seconds."""
    cut, sfreq = trials.epochs, trials.working_spec.sfreq
    return samples(cut.tmin_s if cut.crop_s is None else cut.crop_s[0], sfreq, "tmin_s") / sfreq


def save_session(trials: Trials, path: Path) -> None:
    """Write collected epochs, with how they came about, for ``train --trials``.

    Raises
    ------
    ConfigError
        If the name does not end in .npz, or the file is there.
    """
    working = trials.working_spec
    save_trials(
        path,
        trials.data,
        trials.labels,
        working.ch_names,
        working.sfreq,
        first_sample_s(trials),
        path.stem,
    )
    recorded_epochs.attach(how_recorded(trials), path)


def sha256(path: Path) -> str:
    """Return a file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _published(path: Path, layout: str, wanted: Wanted, split: str) -> Dataset:

    signals = open_dataset(
        path,
        layout,
        split=split,
        subjects=common.listed(wanted.subjects),
        images=wanted.images,
        trust_pickle=wanted.trust_pickle,
    )
    name = f"{path.name} ({layout}, {split})"
    digest = {"sha256": sha256(path)} if path.is_file() else {}
    return Dataset(signals, Origin(({"name": name} | digest,)), name)


def _sessions(wanted: Wanted, asked_way: RecordedEpochs | None) -> Dataset:

    paths = list(wanted.trials or ())
    sets = {path: load_trials(path) for path in paths}
    asked = common.listed(wanted.subjects)
    if asked is not None:
        there = [name for signals in sets.values() for name in signals.table.subjects]
        unknown = [name for name in asked if name not in there]
        if unknown:
            raise ConfigError(
                f"the sessions are of {', '.join(dict.fromkeys(there))}, but "
                f"{', '.join(unknown)} was asked for"
            )
        sets = {path: s for path, s in sets.items() if s.table.subjects[0] in asked}
    ways = [recorded_epochs.attached(path) for path in sets]
    for path, way in zip(sets, ways, strict=True):
        if (way is None) != (ways[0] is None) or (way and ways[0] and not way.alike(ways[0])):
            raise ConfigError(
                f"{path} and {paths[0]} did not go through the same pipeline: train on sessions "
                "that did"
            )
    if asked_way and ways[0] and not ways[0].alike(asked_way):
        raise SignatureMismatch(
            f"{paths[0]} went through another pipeline than the encoder's epochs: collect the "
            "session again with the settings that it was trained with"
        )
    sources = tuple({"name": path.name, "sha256": sha256(path)} for path in sets)
    name = ", ".join(path.name for path in sets)
    joined = list(sets.values())
    signals = joined[0] if len(joined) == 1 else Joined(joined)
    return Dataset(signals, Origin(sources, ways[0]), name)


def _recorded(wanted: Wanted, settings: Config, way: RecordedEpochs | None) -> Dataset:

    paths = list(wanted.recording or ())
    given = Loaded(settings, {})
    sources = [FileSource(recorded.file_settings(path, given)) for path in paths]
    trials = _collected(sources, settings, way)
    return Dataset(
        signals_of(trials, "the person", range(len(trials.labels))),
        Origin(trials.sources, how_recorded(trials)),
        ", ".join(path.name for path in paths),
    )


def _simulated(
    wanted: Wanted,
    settings: Config,
    part: str,
    trained: dict[str, Any],
    way: RecordedEpochs | None,
) -> Dataset:

    plan = PLAN | {key: value for key, value in trained.items() if key in PLAN}
    plan |= {name: value for name in PLAN if (value := getattr(wanted, name)) is not None}
    session = simulated.Plan(
        seed=int(plan["person"]),
        effect=plan["effect"],
        soa_s=plan["soa"],
        calibration_trials=int(plan["train_trials"]),
        trials=int(plan["test_trials"]),
        held_out=int(plan["held_out"]),
        artifacts=plan["artifacts"],
    )
    gallery = gallery_of(settings)
    if trained.get("gallery_digest", gallery.digest) != gallery.digest:
        raise GalleryError(
            "the simulated subject looked at another gallery in training, and would be another "
            "with this one: give the one that was trained with"
        )
    looking = simulated.subject(gallery, session)
    usual = simulated.source(looking, session).settings
    shown = dataclasses.replace(usual, phases=usual.phases[::-1])
    if part == "test":  # what follows does not matter
        shown = dataclasses.replace(shown, phases=shown.phases[:1])
    trials = _collected([SimulatedSource(looking, shown)], settings, way)
    held_out = {gallery.names[row] for row in shown.phases[0].rows}
    rows = [n for n, label in enumerate(trials.labels) if (label in held_out) == (part == "test")]
    name = f"simulated {session.seed}"
    return Dataset(
        signals_of(trials, name, rows),
        Origin(({"name": name},), how_recorded(trials), plan | {"gallery_digest": gallery.digest}),
        f"simulated subject {session.seed}, effect {plan['effect']:g}",
        looking,
    )


def _collected(
    sources: Sequence[FileSource | SimulatedSource], settings: Config, way: RecordedEpochs | None
) -> Trials:
    """Return epochs of some runs, through the pipeline of an encoder or the configured one."""
    if way is None:
        files = [source for source in sources if isinstance(source, FileSource)]
        if files:
            return fitting.trials_from_files(files, settings)
        return fitting.trials_from(sources, settings, sources[0].open(), None)
    spec = sources[0].open()
    units = dict(zip(spec.ch_names, spec.units, strict=True))
    wanted = dict(zip(way.input.ch_names, way.input.units, strict=True))
    if spec.sfreq != way.input.sfreq or any(units.get(name) != wanted[name] for name in wanted):
        raise SignatureMismatch(
            f"{spec.name} has {spec.sfreq:g} Hz and {sum(n in units for n in wanted)} of the "
            f"{len(wanted)} channels that the encoder was trained on, at {way.input.sfreq:g} Hz "
            f"in {', '.join(sorted(set(wanted.values())))}: use a recording of the same montage"
        )
    cut = registry.build_settings(EpochSettings, way.epochs, "the epochs of the encoder")
    cut = dataclasses.replace(
        cut,
        labels=settings.markers.labels or way.labels or None,
        ignore=settings.markers.ignore,
    )
    return collect(sources, settings_from_spec(way.pipeline), cut, pylsl.local_clock)


def signals_of(trials: Trials, subject: str, rows: Sequence[int]) -> ArraySignals:
    """Return some collected trials as a data set, in which each concept has one picture."""
    labels = [trials.labels[row] for row in rows]
    names = tuple(dict.fromkeys(labels))
    number = {name: index for index, name in enumerate(names)}
    concept = np.array([number[label] for label in labels], np.int64)
    table = TrialTable(
        subject=np.zeros(len(labels), np.int64),
        concept=concept,
        image=concept,
        repetition=count_within(concept),
        subjects=(subject,),
        concept_names=names,
        image_names=names,
    )
    working = trials.working_spec
    return ArraySignals(
        trials.data[list(rows)], table, working.ch_names, working.sfreq, first_sample_s(trials)
    )
