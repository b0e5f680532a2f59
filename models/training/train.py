"""The training loop: one, readable, for every network, on one processor or many.

Lightning Fabric places the network, casts for mixed precision and joins processes; started by
``torchrun --nproc-per-node N``, every process takes its share of each batch, and the loss compares
all of it. Everything random in a pass is drawn from the seed and the number of the pass, so that a
training that was interrupted and resumed gives the same weights as one that was not.

When to end is decided by validation concepts, which are neither trained on nor ever in a test
gallery: what counts is how many bits a validation trial tells about its concept.

Concurrent activities: none here; a progress callback runs between passes, in this thread.
"""

from __future__ import annotations

import copy
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import nn

from saccade.models.data.signals import SignalSet
from saccade.models.encoders.network import NetworkFamily, Shape, TargetSide
from saccade.models.targets.target_bank import TargetBank
from saccade.models.training import checkpoint as checkpoints
from saccade.models.training.losses import ContrastiveLoss
from saccade.models.training.recipe import Recipe
from saccade.models.training.sampling import Rows, batches_of, means, samples_of
from saccade.models.training.validation import Validation, held_out_rows
from saccade.realtime.errors import CalibrationError, CheckpointError
from saccade.realtime.types import Float32

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass over the training samples.

    Parameters
    ----------
    number : int
        From 1.
    loss : float
        Mean over its batches.
    bits, top1 : float
        Of the validation trials after it: information about the concept in bits a trial, and
        share ranked first.
    spent_core_s : float
        Processor time since training began, in core seconds.
    """

    number: int
    loss: float
    bits: float
    top1: float
    spent_core_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """What training returns, at its best validation.

    Parameters
    ----------
    tower, target_side : torch.nn.Module
        In evaluation mode, on the CPU.
    shape : Shape
        What they were built for.
    history : tuple of Pass
        Every pass.
    best : int
        Number of the pass that was kept.
    """

    tower: nn.Module
    target_side: TargetSide
    shape: Shape
    history: tuple[Pass, ...]
    best: int

    def project(self, bank: TargetBank) -> Float32:
        """Return the gallery as the tower expects it, (n_images, out_dim), float32.

        Parameters
        ----------
        bank : TargetBank
            Every version of each picture, centred as in training.
        """
        wanted = bank.pick(self.target_side.levels).vectors
        with torch.inference_mode():
            return np.asarray(self.target_side.project(torch.tensor(wanted)).numpy())


class Pair(nn.Module):
    """Everything that is trained: tower, target side, and the scale of the loss."""

    def __init__(self, family: NetworkFamily, shape: Shape) -> None:
        super().__init__()
        self.tower = family.tower(shape)
        self.target_side = family.target_side(shape)
        self.loss = ContrastiveLoss(family.settings)

    def forward(
        self, x: torch.Tensor, subject: torch.Tensor, bank: torch.Tensor, trial: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return predictions and targets, each (B, out_dim)."""
        return self.tower(x, subject), self.target_side(bank, trial)


def train(
    family: NetworkFamily,
    signals: SignalSet,
    bank: TargetBank,
    rows: Rows | None = None,
    validation: Rows | None = None,
    *,
    positions: Float32 | None = None,
    fabric: Fabric | None = None,
    checkpoint: Path | None = None,
    on_pass: Callable[[Pass], None] = lambda _: None,
) -> Trained:
    """Train a network.

    Parameters
    ----------
    family : NetworkFamily
        Which network, with its recipe.
    signals : SignalSet
        Whitened epochs; read batch by batch.
    bank : TargetBank
        Versions of the pictures, in the order of the table's images, centred, of unit length.
    rows, validation : arrays of int, or None
        Rows to train on, and rows that decide when to end. With no ``validation`` some of
        ``rows`` are held out as the recipe says; None for ``rows`` are all others.
    positions : array of shape (n_channels, 2), or None
        Where the sensors are, for towers that ask.
    fabric : lightning_fabric.Fabric or None
        Where to compute; None for one process on the CPU, with as many threads as torch has.
    checkpoint : Path or None
        Written after each pass; where it exists, training goes on from there.
    on_pass : callable
        Told each pass.

    Raises
    ------
    CalibrationError
        If there are too few samples, or the loss does not stay finite.
    CheckpointError
        If the checkpoint belongs to another training.
    """
    recipe = family.settings
    if checkpoint is not None and not checkpoint.parent.is_dir():
        raise CheckpointError(
            f"a checkpoint is to lie in {checkpoint.parent}, which is no folder: make it"
        )
    fabric = fabric or Fabric(accelerator="cpu", devices=1, precision=recipe.precision)
    fabric.launch()
    _check(signals, bank, rows, validation)
    every = np.arange(len(signals.table)) if rows is None else np.asarray(rows, dtype=np.int64)
    if validation is None:
        every, validation = held_out_rows(signals.table, every, recipe.held_out, recipe.seed)
    elif rows is None:
        every = np.setdiff1d(every, validation)
    shape = Shape(
        n_channels=signals.n_channels,
        n_times=signals.n_times,
        dim=int(bank.vectors.shape[2]),
        n_subjects=len(signals.table.subjects),
        n_trials=len(signals.table),
        positions=positions,
    )
    with torch.random.fork_rng([fabric.device] if fabric.device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        pair = Pair(family, shape)
        bank = bank.pick(pair.target_side.levels)
        judge = Validation(signals, bank, validation, recipe)
        loop = _Loop(family, pair, signals, bank, every, fabric)
        progress = checkpoints.Progress.new(pair)
        mark = checkpoints.fingerprint(family, shape, signals, bank, every, validation)
        if checkpoint is not None and checkpoint.exists():
            progress = checkpoints.load(fabric, checkpoint, mark, loop.module, loop.optimiser)
        spent_before, began = progress.spent_core_s, time.process_time()
        while not progress.finished(recipe):
            number = len(progress.history) + 1
            loss, steps = loop.one_pass(number, progress.steps)
            bits, top1 = judge.of(pair, fabric)
            spent = spent_before + time.process_time() - began
            # One process decides for all whether to go on.
            bits, top1, spent = fabric.broadcast((bits, top1, spent))
            if not (math.isfinite(loss) and math.isfinite(bits)):
                raise CalibrationError(
                    f"the loss must stay finite, but became {loss} in pass {number}: whiten the "
                    f"epochs, or lower lr from {recipe.lr:g}"
                )
            done = Pass(number, loss, bits, top1, spent)
            progress = progress.after(done, pair, steps)
            if checkpoint is not None:
                checkpoints.save(fabric, checkpoint, mark, loop.module, loop.optimiser, progress)
            on_pass(done)
    pair.load_state_dict(progress.best_state)
    best = max(progress.history, key=lambda p: (p.bits, -p.number))
    logger.info("%s: best of %d passes is %s", type(family).__name__, len(progress.history), best)
    trained = copy.deepcopy(pair).cpu().eval()
    return Trained(trained.tower, trained.target_side, shape, progress.history, best.number)


class _Loop:
    """Network, optimiser and data, ready to be passed over."""

    def __init__(
        self,
        family: NetworkFamily,
        pair: Pair,
        signals: SignalSet,
        bank: TargetBank,
        rows: Rows,
        fabric: Fabric,
    ) -> None:
        self._family, self._pair, self._signals, self._rows = family, pair, signals, rows
        self._fabric = fabric
        self._recipe: Recipe = family.settings
        self._table = signals.table
        self._images = torch.tensor(bank.vectors).to(fabric.device)
        optimiser = torch.optim.AdamW(
            [p for p in pair.parameters() if p.requires_grad],
            lr=self._recipe.lr,
            betas=(self._recipe.beta1, self._recipe.beta2),
            weight_decay=self._recipe.weight_decay,
        )
        self.module: Any
        self.optimiser: Any
        self.module, self.optimiser = fabric.setup(pair, optimiser)
        n_samples = len(samples_of(self._table, rows, self._recipe.repetitions, _rng(0, 0)))
        least = 2 * fabric.world_size
        if min(n_samples, self._recipe.batch_size) < least:
            raise CalibrationError(
                f"training compares at least {least} samples, 2 a process, but there are "
                f"{n_samples} in batches of {self._recipe.batch_size}: record more, raise "
                "batch_size or take fewer processes"
            )

    def one_pass(self, number: int, steps_before: int) -> tuple[float, int]:
        """Train on every sample once; return the mean loss and the number of batches."""
        recipe, fabric = self._recipe, self._fabric
        rng = _rng(recipe.seed, number)
        torch.manual_seed(int(rng.integers(2**62)) + fabric.global_rank)
        augmenting = torch.Generator().manual_seed(int(rng.integers(2**62)) + fabric.global_rank)
        samples = samples_of(self._table, self._rows, recipe.repetitions, rng)
        batches = batches_of(samples, recipe.batch_size)
        self.module.train()
        total = 0.0
        for step, batch in enumerate(batches, start=steps_before + 1):
            for group in self.optimiser.param_groups:
                group["lr"] = recipe.lr * min(1.0, step / max(1, recipe.warm_up))
            total += self._one_step(batch, augmenting)
        if fabric.world_size > 1:  # statistics of batches are each process's own
            for buffer in self._pair.buffers():
                torch.distributed.broadcast(buffer, src=0)
        return total / len(batches), len(batches)

    def _one_step(self, batch: list[Rows], augmenting: torch.Generator) -> float:
        fabric, recipe = self._fabric, self._recipe
        even = len(batch) - len(batch) % fabric.world_size  # all processes gather alike
        own = batch[fabric.global_rank : even : fabric.world_size]
        first = np.array([rows.min() for rows in own])  # the same in every pass
        x = self._family.augment(torch.from_numpy(means(self._signals, own)), augmenting)
        trial, subject, image, concept = (
            torch.from_numpy(np.ascontiguousarray(column)).to(fabric.device)
            for column in (
                first,
                self._table.subject[first],
                self._table.image[first],
                self._table.concept[first],
            )
        )
        self.optimiser.zero_grad()
        predicted, wanted = self.module(x.to(fabric.device), subject, self._images[image], trial)
        if fabric.world_size > 1:  # each process sees the whole loss, and its own part of gradients
            predicted, wanted, concept, trial = (
                self._gathered(part) for part in (predicted, wanted, concept, trial)
            )
        with fabric.autocast():
            loss, match = self._pair.loss(predicted, wanted, concept)
        fabric.backward(loss)
        if recipe.grad_clip is not None:
            fabric.clip_gradients(self.module, self.optimiser, max_norm=recipe.grad_clip)
        self.optimiser.step()
        self._pair.target_side.observe(trial, match)
        return float(loss.detach())

    def _gathered(self, part: torch.Tensor) -> torch.Tensor:
        """Return what all processes have, (n_processes · B, ...)."""
        everything = self._fabric.all_gather(part, sync_grads=part.requires_grad)
        return cast("torch.Tensor", everything).flatten(0, 1)


def _check(
    signals: SignalSet, bank: TargetBank, rows: Rows | None, validation: Rows | None
) -> None:
    """Refuse targets that are not those of the table's images, and rows that are used twice."""
    n_images = len(signals.table.image_names)
    if len(bank) != n_images:
        raise CalibrationError(
            f"every image needs its targets, in the table's order, but {len(bank)} came for "
            f"{n_images} images: make the bank for this table"
        )
    if rows is not None and validation is not None:
        twice = np.intersect1d(rows, validation)
        if len(twice):
            raise CalibrationError(
                f"validation trials are not trained on, but {len(twice)} of {len(validation)} are "
                "in both: take them out of the training rows"
            )


def _rng(seed: int, number: int) -> np.random.Generator:
    """Return the generator of a pass, the same whatever came before it."""
    return np.random.default_rng([seed, number])
