"""From trials and targets to an encoder that can be filed, one way for every family.

Concepts of a test gallery are left out before anything else is decided, so that neither weights,
noise, centre nor the choice of the best pass have seen them. What is left is split into trials
that are trained on and trials that decide when to end; the figures are those of the latter,
single trial by single trial.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from saccade.models.data.noise import WhitenedBySubject, kept_in_memory, noise_by_subject
from saccade.models.data.recorded_epochs import RecordedEpochs
from saccade.models.data.signals import SignalSet, Subset, TrialTable, averaged
from saccade.models.data.table import Int64
from saccade.models.encoders import EncoderFamily, FittedEncoder
from saccade.models.encoders.network import NetworkFamily, TargetSide
from saccade.models.encoders.positions import unit_square
from saccade.models.evaluation.accuracy import accuracy
from saccade.models.evaluation.probability import fit_temperature
from saccade.models.evaluation.ranking import ranks
from saccade.models.targets.sources import Targets
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.encoder_parts import (
    EncoderFile,
    EncoderManifest,
    LinearTower,
    SignalSignature,
    TrainingSignature,
)
from saccade.models.training.validation import MANY_CONCEPTS, held_out_rows, information
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import Float32, Float64

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from saccade.models.training.train import Pass

ROWS_AT_ONCE = 512
HELD_OUT, SEED = 0.15, 0  # of a closed form, whose settings do not say


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """Where trials came from, for the file.

    Parameters
    ----------
    sources : tuple of dict
        ``name``, and ``sha256`` where it was a file.
    recorded : RecordedEpochs or None
        How the epochs came about, where they went through our pipeline.
    simulation : dict or None
        Plan of the simulated session.
    """

    sources: tuple[dict[str, str], ...] = ()
    recorded: RecordedEpochs | None = None
    simulation: dict[str, Any] | None = None


def train_encoder(
    architecture: str,
    family: EncoderFamily | NetworkFamily,
    signals: SignalSet,
    targets_of: Callable[[TrialTable], Targets],
    origin: Origin,
    *,
    exclude: Collection[str] = (),
    leave_out: Collection[str] = (),
    repetitions: str = "single",
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    on_pass: Callable[[Pass], None] = lambda _: None,
) -> EncoderFile:
    """Train an encoder and judge it on its validation trials.

    Parameters
    ----------
    architecture : str
        The family's name among the entry points.
    family : EncoderFamily or NetworkFamily
        What to train, with its settings.
    signals : SignalSet
        Epochs, not whitened.
    targets_of : callable
        Returns the targets of a table's images.
    origin : Origin
        Where the signals are from.
    exclude : collection of str
        Concepts that nothing may be learned from; capitals do not matter.
    leave_out : collection of str
        People who are left out.
    repetitions : {"single", "average"}
        What a closed form is fitted to; a network's recipe says it itself.
    fabric, checkpoint, on_pass
        As for :func:`saccade.models.training.train.train`.

    Raises
    ------
    CalibrationError
        If too little is left to train on, or training fails.
    ConfigError
        If there is nobody of a name, or the family's result can't be filed.
    """
    chosen = kept(signals, exclude, leave_out)
    targets = targets_of(chosen.table)
    settings = family.settings
    every = np.arange(len(chosen.table))
    share, seed = getattr(settings, "held_out", HELD_OUT), getattr(settings, "seed", SEED)
    rows, validation = held_out_rows(chosen.table, every, share, seed)
    whitening = None if chosen.modality == "fmri" else noise_by_subject(chosen, rows)
    whitened = chosen
    if whitening is not None:
        whitened = kept_in_memory(WhitenedBySubject(chosen, whitening))
    positions = None
    if isinstance(family, NetworkFamily):
        from saccade.models.training.train import train

        positions = unit_square(chosen.ch_names) if family.needs_positions else None
        trained = train(
            family,
            whitened,
            targets.bank,
            rows,
            validation,
            positions=positions,
            fabric=fabric,
            checkpoint=checkpoint,
            on_pass=on_pass,
        )
        tower, target_side, best = trained.tower, trained.target_side, trained.best
        history = tuple(
            {key: float(value) for key, value in dataclasses.asdict(done).items()}
            for done in trained.history
        )
    else:
        tower = _closed_form(family, whitened, targets.bank, rows, repetitions)
        target_side, best, history = TargetSide(), 0, ()
    scores, shown = _validation_scores(tower, target_side, whitened, targets.bank, validation)
    many = len(np.unique(chosen.table.concept)) >= MANY_CONCEPTS
    about = EncoderManifest(
        architecture=architecture,
        settings=json.loads(json.dumps(dataclasses.asdict(settings))),
        signals=SignalSignature(
            ch_names=chosen.ch_names,
            n_times=chosen.n_times,
            sfreq=chosen.sfreq,
            tmin_s=chosen.tmin_s,
            modality=chosen.modality,
            subjects=chosen.table.subjects,
            n_trials=len(chosen.table),
        ),
        targets=targets.about,
        training=TrainingSignature(
            date=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            sources=origin.sources,
            concepts=_names(chosen.table, rows),
            validation_concepts=_names(chosen.table, validation),
            history=history,
            best=best,
            figures=_figures(scores, shown)
            | {"split": "concept" if many else "time", "averaged": chosen.table.averaged},
            temperature=fit_temperature(scores, shown.tolist()),
            simulation=origin.simulation,
        ),
        recorded=origin.recorded,
        simulated=origin.simulation is not None or targets.about.simulated,
    )
    return EncoderFile(
        about, tower, target_side, whitening, targets.centre, targets.levels, positions
    )


def kept(signals: SignalSet, exclude: Collection[str], leave_out: Collection[str]) -> SignalSet:
    """Return the rows that may be learned from, as if there were no others.

    Raises
    ------
    ConfigError
        If there is nobody of a name.
    CalibrationError
        If no row is left.
    """
    table = signals.table
    unknown = sorted(set(leave_out) - set(table.subjects))
    if unknown:
        raise ConfigError(
            f"the people are {', '.join(table.subjects)}, but {', '.join(unknown)} should be left "
            "out: name some of them"
        )
    forbidden = {name.casefold() for name in exclude}
    concepts = np.array([name.casefold() not in forbidden for name in table.concept_names])
    people = np.array([name not in leave_out for name in table.subjects])
    rows = np.flatnonzero(concepts[table.concept] & people[table.subject])
    if not len(rows):
        raise CalibrationError(
            f"all {len(table)} trials are of concepts or people that are to be left out: leave "
            "out fewer"
        )
    chosen = Subset(signals, rows)
    chosen.table = _renumbered(chosen.table)
    return chosen


def _renumbered(table: TrialTable) -> TrialTable:
    """Return a table whose names all have a row, so that nothing is built for others."""
    changed: dict[str, Any] = {}
    for column, names in (
        ("subject", "subjects"),
        ("concept", "concept_names"),
        ("image", "image_names"),
    ):
        used, number = np.unique(getattr(table, column), return_inverse=True)
        changed[column] = number.reshape(-1).astype(np.int64)
        changed[names] = tuple(getattr(table, names)[index] for index in used)
    return dataclasses.replace(table, **changed)


def _closed_form(
    family: EncoderFamily, signals: SignalSet, bank: TargetBank, rows: Int64, repetitions: str
) -> nn.Module:
    """Fit a family that is no network, and return its one linear map as a tower."""
    chosen: SignalSet = Subset(signals, rows)
    if repetitions == "average":
        chosen = averaged(chosen)
    table = chosen.table
    fitted: FittedEncoder = family.fit(
        chosen.signals(np.arange(len(table))), bank.vectors[table.image, 0], chosen.ch_names
    )
    linear = list(fitted.module.children())[-1:]
    kinds = [type(part) for part in fitted.module.children()]
    if kinds != [nn.Flatten, nn.Linear] or fitted.projection:
        raise ConfigError(
            f"{type(family).__name__} is no network and leaves no linear map of the epoch, so it "
            "can't be filed: use it with saccade calibrate"
        )
    tower = LinearTower(signals.n_channels * signals.n_times, bank.vectors.shape[2])
    tower.linear.load_state_dict(linear[0].state_dict())
    return tower.eval()


def _validation_scores(
    tower: nn.Module, side: TargetSide, signals: SignalSet, bank: TargetBank, rows: Int64
) -> tuple[Float64, Int64]:
    """Return the cosine of each trial with each concept shown, and the column of its own."""
    table = signals.table
    concepts, shown = np.unique(table.concept[rows], return_inverse=True)
    images = np.unique(table.image[rows])
    with torch.inference_mode():
        places = side.project(torch.tensor(bank.pick(side.levels).vectors[images])).numpy()
        parts = [
            tower(
                torch.from_numpy(signals.signals(some)),
                torch.from_numpy(np.ascontiguousarray(table.subject[some])),
            ).numpy()
            for some in np.array_split(rows, -(-len(rows) // ROWS_AT_ONCE))
        ]
    # A concept stands where the mean of its pictures does.
    belongs = (table.image_concept[images] == concepts[:, None]).astype(np.float64)
    wanted = belongs @ places / belongs.sum(axis=1, keepdims=True)
    return _unit(np.concatenate(parts)) @ _unit(wanted).T, shown.reshape(-1)


def _figures(scores: Float64, shown: Int64) -> dict[str, Any]:
    found = accuracy(
        ranks(scores, shown).tolist(), scores.shape[1], [str(column) for column in shown]
    )
    return found.to_dict() | {"bits": information(scores, shown)}


def _unit(vectors: Float32 | Float64) -> Float64:
    doubles = np.asarray(vectors, dtype=np.float64)
    return np.asarray(doubles / np.maximum(np.linalg.norm(doubles, axis=1, keepdims=True), 1e-30))


def _names(table: TrialTable, rows: Int64) -> tuple[str, ...]:
    return tuple(table.concept_names[index] for index in np.unique(table.concept[rows]))
