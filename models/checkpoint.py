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

import torch

from saccade.models.encoders.network import Shape
from saccade.models.recipe import Recipe
from saccade.models.sampling import Rows
from saccade.realtime.errors import CheckpointError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from saccade.models.train import Pair, Pass


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
    """

    history: tuple[Pass, ...]
    best_state: dict[str, torch.Tensor]
    unimproved: int = 0

    @classmethod
    def new(cls, pair: Pair) -> Progress:
        """Return the beginning."""
        return cls((), copy.deepcopy(pair.state_dict()))

    @property
    def spent_core_s(self) -> float:
        """Processor time of all passes so far, in core seconds."""
        return self.history[-1].spent_core_s if self.history else 0.0

    def after(self, done: Pass, pair: Pair) -> Progress:
        """Return the progress after one more pass."""
        history = (*self.history, done)
        if done.bits > max((p.bits for p in self.history), default=-float("inf")):
            return Progress(history, copy.deepcopy(pair.state_dict()))
        return Progress(history, self.best_state, self.unimproved + 1)

    def finished(self, recipe: Recipe) -> bool:
        """Return whether passes, patience or time are used up."""
        return (
            len(self.history) >= recipe.epochs
            or self.unimproved >= recipe.patience
            or (recipe.budget_core_s is not None and self.spent_core_s >= recipe.budget_core_s)
        )


def fingerprint(recipe: Recipe, family: str, shape: Shape, rows: Rows, validation: Rows) -> str:
    """Return what must be the same for training to go on: network, recipe and rows, as a digest.

    How long to train may change between two runs, so ``epochs``, ``patience`` and
    ``budget_core_s`` are left out.
    """
    fields = dataclasses.asdict(recipe)
    for name in ("epochs", "patience", "budget_core_s"):
        del fields[name]
    size = (shape.n_channels, shape.n_times, shape.dim, shape.n_subjects, shape.n_trials)
    content = json.dumps([family, size, fields, rows.tolist(), validation.tolist()])
    return hashlib.sha256(content.encode()).hexdigest()


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
    from saccade.models.train import Pass

    try:
        state = fabric.load(path, weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, pickle.UnpicklingError) as error:
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
    return Progress(history, state["best"], state["unimproved"])
