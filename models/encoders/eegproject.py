"""The projector on the whole epoch, trained contrastively: the smallest network worth training.

UBP (Wu et al., CVPR 2025) showed that with blurred image targets this head alone, on 17 posterior
channels, beats deep convolutional encoders. It wants thousands of trials and many concepts: on a
few hundred single trials ridge is better, and from two concepts it learns only what tells these
apart, not what sets them off from the rest of a gallery.
"""

from __future__ import annotations

import copy
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from saccade.models.encoders import check_training_data
from saccade.models.projector import Projector
from saccade.realtime.errors import CalibrationError, ConfigError
from saccade.realtime.types import Float32

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class EEGProjectSettings:
    """How the projector is trained.

    UBP's own values (batches of 1024, lr and weight decay 1e-4) are for 16,540 averaged trials; on
    a session of single trials they overfit within a pass. The defaults are for such a session.

    Parameters
    ----------
    epochs : int
        Passes over the trials, at most.
    patience : int
        Passes without a better held-out loss after which training ends.
    held_out : float
        Last share of the trials, in time, that decides when to end; above 0, below 1.
    batch_size : int
        Trials compared with each other, at least 2.
    lr, weight_decay : float
        Of AdamW; each step takes the share ``lr * weight_decay`` off all parameters, the scale of
        the loss among them, which keeps the network from being sure too early.
    dropout : float
        Share of the residual branch that is silenced in training, 0 to below 1.
    seed : int
        Of initial weights, order and dropout.
    """

    epochs: int = 50
    patience: int = 5
    held_out: float = 0.15
    batch_size: int = 128
    lr: float = 1e-3
    weight_decay: float = 20.0
    dropout: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse settings that can't train."""
        ranges = (
            ("epochs", self.epochs >= 1, "at least 1"),
            ("patience", self.patience >= 1, "at least 1"),
            ("held_out", 0 < self.held_out < 1, "above 0 and below 1"),
            ("batch_size", self.batch_size >= 2, "at least 2"),
            ("lr", 0 < self.lr < math.inf, "above 0"),
            ("weight_decay", 0 <= self.weight_decay < math.inf, "at least 0"),
            ("dropout", 0 <= self.dropout < 1, "at least 0 and below 1"),
        )
        for name, fits, words in ranges:
            if not fits:
                raise ConfigError(f"{name} must be {words}, not {getattr(self, name)}")


class EEGProject:
    """The projector on the flattened epoch.

    Predictions stay un-normalised in the loss, targets have unit length, as in UBP. With the same
    seed, threads and machine, training gives the same weights to the last bit.
    """

    settings: EEGProjectSettings

    def __init__(self, settings: EEGProjectSettings | None = None) -> None:
        self.settings = settings or EEGProjectSettings()

    def fit(self, X: Float32, Y: Float32) -> nn.Module:
        """Return the network at its lowest held-out loss, in evaluation mode.

        Parameters
        ----------
        X : array of shape (n_trials, n_channels, n_times), float32
            In the order in which they were recorded.
        Y : array of shape (n_trials, dim), float32
            Targets; trials of one concept have equal ones.

        Raises
        ------
        CalibrationError
            If there are too few trials, or the loss does not stay finite.
        """
        s = self.settings
        n_train = len(X) - math.ceil(len(X) * s.held_out)
        check_training_data(X, Y, least_trials=max(4, len(X) - n_train + 2))
        concepts = np.unique(Y, axis=0, return_inverse=True)[1].reshape(-1)
        trials = (torch.tensor(X), functional.normalize(torch.tensor(Y)), torch.tensor(concepts))
        held_out = [part[n_train:] for part in trials]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(s.seed)
            network = nn.Sequential(
                nn.Flatten(), Projector(X.shape[1] * X.shape[2], Y.shape[1], s.dropout)
            )
            scale = nn.Parameter(torch.tensor(math.log(1 / 0.07)))
            optimiser = torch.optim.AdamW(
                [*network.parameters(), scale], lr=s.lr, weight_decay=s.weight_decay
            )
            best, lowest, unimproved = network, math.inf, 0
            for _ in range(s.epochs):
                network.train()
                # Batches of even size: a last one of a single trial would compare it with nothing.
                for rows in torch.randperm(n_train).tensor_split(math.ceil(n_train / s.batch_size)):
                    optimiser.zero_grad()
                    _loss(network, scale, [part[rows] for part in trials]).backward()  # type: ignore[no-untyped-call]
                    optimiser.step()
                network.eval()
                with torch.inference_mode():
                    loss = float(_loss(network, scale, held_out))
                if not math.isfinite(loss):
                    raise CalibrationError(
                        f"the held-out loss must stay finite, but became {loss}: whiten the "
                        f"epochs, or lower lr from {s.lr:g}"
                    )
                if loss < lowest:
                    best, lowest, unimproved = copy.deepcopy(network), loss, 0
                else:
                    unimproved += 1
                if unimproved == s.patience:
                    break
        logger.info("eegproject: lowest held-out loss %.4f", lowest)
        return best


def _loss(network: nn.Module, scale: torch.Tensor, trials: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return the loss of some trials: inputs, targets, concepts."""
    inputs, wanted, concepts = trials
    return contrastive_loss(network(inputs), wanted, concepts, scale)


def contrastive_loss(
    predicted: torch.Tensor, wanted: torch.Tensor, concepts: torch.Tensor, scale: torch.Tensor
) -> torch.Tensor:
    """Return the symmetric InfoNCE loss, with all trials of a concept as each other's positives.

    Where a batch holds a concept several times, plain InfoNCE punishes a trial for resembling the
    equal targets of others. Here the probability wanted of each trial is spread evenly over
    all that have its concept; with every concept once, it is InfoNCE.

    Parameters
    ----------
    predicted, wanted : tensors of shape (B, dim)
        Predictions as they are, targets of unit length.
    concepts : tensor of shape (B,), int64
        Equal where targets are.
    scale : scalar tensor
        Its softplus multiplies the products.

    Returns
    -------
    scalar tensor
    """
    logits = functional.softplus(scale) * predicted @ wanted.T  # (B, B)
    same = (concepts[:, None] == concepts[None, :]).to(logits.dtype)
    positives = same / same.sum(dim=1, keepdim=True)  # symmetric
    there = functional.cross_entropy(logits, positives)
    back = functional.cross_entropy(logits.T, positives)
    return (there + back) / 2
