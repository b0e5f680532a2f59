"""How well a decoder of these trials would do on trials it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from saccade.calibration.folds import folds, split_kind
from saccade.models.encoders import EncoderFamily
from saccade.models.evaluation import accuracy, auc, auc_interval
from saccade.models.gallery import Gallery, targets
from saccade.models.probability import calibration_error, fit_temperature, softmax
from saccade.models.whitening import mvnn, whiten
from saccade.realtime.types import Float32, Float64


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """An encoder and the whitening it was fitted behind.

    Parameters
    ----------
    mean : array of shape (n_channels,)
        Taken off each channel; zeros, as the filters have taken the level away.
    whitening : array of shape (n_channels, n_channels)
        Applied before the encoder.
    module : torch.nn.Module
        Maps whitened epochs to the gallery's centred space.
    """

    mean: Float64
    whitening: Float64
    module: torch.nn.Module

    def scores(self, data: Float32, gallery: Gallery) -> Float64:
        """Return the cosine of each trial with each concept, (n_trials, n_gallery)."""
        with torch.inference_mode():
            embedded = self.module(torch.from_numpy(whiten(data, self.mean, self.whitening)))
        embeddings = embedded.numpy().astype(np.float64)
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        return np.asarray(embeddings / np.maximum(lengths, 1e-30) @ gallery.centred().T)


def fit(family: EncoderFamily, data: Float32, rows: Sequence[int], gallery: Gallery) -> Fitted:
    """Fit whitening and encoder to trials.

    Parameters
    ----------
    family : EncoderFamily
        Which encoder, with its settings.
    data : array of shape (n_trials, n_channels, n_times), float32
        Epochs in µV.
    rows : sequence of int, length n_trials
        Row of each trial's concept.
    gallery : Gallery
        What the rows are rows of.

    Raises
    ------
    CalibrationError
        If whitening or encoder can't be fitted to these trials.
    """
    mean, whitening = np.zeros(data.shape[1]), mvnn(data)
    module = family.fit(whiten(data, mean, whitening), targets(gallery, rows))
    return Fitted(mean, whitening, module)


def held_out_scores(
    family: EncoderFamily,
    data: Float32,
    rows: Sequence[int],
    labels: Sequence[str],
    gallery: Gallery,
    n_folds: int,
    seed: int,
    *,
    permute: bool = False,
) -> tuple[list[int], Float64]:
    """Return the trials that were held out, and their scores.

    Parameters
    ----------
    permute : bool
        Give the training trials each other's concepts: the control that must fall to chance.

    Other parameters are as in :func:`cross_validate`.
    """
    rng = np.random.default_rng(seed)
    tested: list[int] = []
    scores = []
    for train, test in folds(labels, n_folds, seed):
        known = np.asarray(rows)[rng.permutation(train) if permute else train]
        fitted = fit(family, data[train], known.tolist(), gallery)
        tested += test.tolist()
        scores.append(fitted.scores(data[test], gallery))
    return tested, np.concatenate(scores)


def cross_validate(
    family: EncoderFamily,
    data: Float32,
    labels: Sequence[str],
    gallery: Gallery,
    n_folds: int,
    seed: int,
) -> tuple[float, dict[str, Any]]:
    """Return the temperature that makes probabilities mean what they say, and the figures.

    Parameters
    ----------
    family : EncoderFamily
        Which encoder, with its settings.
    data : array of shape (n_trials, n_channels, n_times), float32
        Epochs in µV, in the order of time.
    labels : sequence of str, length n_trials
        Concept of each trial.
    gallery : Gallery
        All concepts that are ranked.
    n_folds, seed : int
        As in :func:`~saccade.calibration.folds.folds`.

    Returns
    -------
    temperature : float
        Fitted on the held-out trials.
    figures : dict
        JSON-ready: single-trial accuracy on held-out trials, the control with permuted training
        labels, expected calibration error (of the very trials that the temperature was fitted
        to), and how the folds were made.
    """
    rows = [gallery.row(label) for label in labels]
    args = (family, data, rows, labels, gallery, n_folds, seed)
    tested, scores = held_out_scores(*args)
    shown = [rows[i] for i in tested]
    temperature = fit_temperature(scores, shown)
    figures = {"split": split_kind(labels), "folds": n_folds, "single_trial": True}
    figures |= _figures(scores, shown)
    control_tested, control = held_out_scores(*args, permute=True)
    figures["permuted_control"] = _figures(control, [rows[i] for i in control_tested])
    figures["calibration_error"] = calibration_error(softmax(scores, temperature), shown)
    return temperature, figures


def _figures(scores: Float64, shown: Sequence[int]) -> dict[str, Any]:
    right = scores[np.arange(len(shown)), shown]
    ranks = 1 + (scores > right[:, None]).sum(axis=1)
    result = accuracy(ranks.tolist(), scores.shape[1], [str(row) for row in shown]).to_dict()
    classes = sorted(set(shown))
    if len(classes) == 2:
        contrast = scores[:, classes[0]] - scores[:, classes[1]]
        first = np.asarray(shown) == classes[0]
        result |= {"auc": auc(contrast, first), "ci95_auc": list(auc_interval(contrast, first))}
    return result
