"""Training that can be interrupted: where it stands, in one file, after each pass.

The file is written beside its place and moved there, so that there is always a whole one. It is
read as plain tensors and numbers: nothing in it can run.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from saccade.models.data.signals import SignalSet
from saccade.models.encoders.network import NetworkFamily, Shape
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training.recipe import Recipe
from saccade.models.training.sampling import Rows
from saccade.realtime.errors import CheckpointError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from saccade.models.training.train import Pair, Pass


UNREADABLE = (  # what torch raises over a file that is no checkpoint, or a damaged one
    OSError,
    RuntimeError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    pickle.UnpicklingError,
)


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """How far training has come.

    Parameters
    ----------
    history : tuple of Pass
        Every pass so far.
    best_state : dict of str to tensor
        The weights at the best validation so far.
    unimproved : int
        Passes since then.
    steps : int
        Batches so far.
    """

    history: tuple[Pass, ...]
    best_state: dict[str, torch.Tensor]
    unimproved: int = 0
    steps: int = 0

    @classmethod
    def new(cls, pair: Pair) -> Progress:
        """Return the beginning."""
        return cls((), copy.deepcopy(pair.state_dict()))

    @property
    def spent_core_s(self) -> float:
        """Processor time of all passes so far, in core seconds."""
        return self.history[-1].spent_core_s if self.history else 0.0

    def after(self, done: Pass, pair: Pair, steps: int) -> Progress:
        """Return the progress after one more pass of so many batches."""
        history, steps = (*self.history, done), self.steps + steps
        if done.bits > max((p.bits for p in self.history), default=-float("inf")):
            return Progress(history, copy.deepcopy(pair.state_dict()), 0, steps)
        return Progress(history, self.best_state, self.unimproved + 1, steps)

    def finished(self, recipe: Recipe) -> bool:
        """Return whether passes, patience or time are used up."""
        return (
            len(self.history) >= recipe.epochs
            or self.unimproved >= recipe.patience
            or (recipe.budget_core_s is not None and self.spent_core_s >= recipe.budget_core_s)
        )


def fingerprint(
    family: NetworkFamily,
    shape: Shape,
    signals: SignalSet,
    bank: TargetBank,
    rows: Rows,
    validation: Rows,
) -> str:
    """Return what must be the same for training to go on, as a digest.

    It is network, recipe, targets, sensor positions, table and split, and of the signals, which
    may be gigabytes, the first and the last trial. How long to train may change between two runs,
    so ``epochs``, ``patience`` and ``budget_core_s`` are left out.
    """
    recipe: Recipe = family.settings
    fields = dataclasses.asdict(recipe)
    for name in ("epochs", "patience", "budget_core_s"):
        del fields[name]
    size = (shape.n_channels, shape.n_times, shape.dim, shape.n_subjects, shape.n_trials)
    table = signals.table
    names = [table.subjects, table.concept_names, table.image_names, bank.levels]
    said = json.dumps([type(family).__name__, size, fields, names])
    content = hashlib.sha256(said.encode())
    arrays = [rows, validation, table.subject, table.concept, table.image, bank.vectors]
    arrays += [] if shape.positions is None else [shape.positions]
    for array in (*arrays, signals.signals([rows[0], rows[-1]])):
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()


def save(
    fabric: Fabric, path: Path, mark: str, module: Any, optimiser: Any, progress: Progress
) -> None:
    """Write where training stands; to be called by all processes.

    Raises
    ------
    CheckpointError
        If the file can't be written.
    """
    state = {
        "mark": mark,
        "module": module,
        "optimiser": optimiser,
        "best": progress.best_state,
        "unimproved": progress.unimproved,
        "steps": progress.steps,
        "history": [dataclasses.asdict(done) for done in progress.history],
    }
    draft = path.with_name(f".{path.name}.draft")
    try:
        fabric.save(draft, state)
        if fabric.is_global_zero:
            draft.replace(path)
        fabric.barrier()
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f"{path} can't be written: {error}") from error


def load(fabric: Fabric, path: Path, mark: str, module: Any, optimiser: Any) -> Progress:
    """Put network and optimiser where a checkpoint left them; return how far that was.

    Raises
    ------
    CheckpointError
        If the file can't be read, or belongs to another training.
    """
    from saccade.models.training.train import Pass

    try:
        state = fabric.load(path, weights_only=True)
    except UNREADABLE as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(
            f"{path} is no checkpoint that can be read ({lines[0]}): remove it to start anew"
        ) from error
    if not isinstance(state, dict) or state.get("mark") != mark:
        raise CheckpointError(
            f"{path} belongs to another training (network, recipe, data or split differ): "
            "name another file, or remove it to start anew"
        )
    module.load_state_dict(state["module"])
    optimiser.load_state_dict(state["optimiser"])
    history = tuple(Pass(**fields) for fields in state["history"])
    return Progress(history, state["best"], state["unimproved"], state["steps"])
