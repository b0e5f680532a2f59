"""How well a decoder of these trials would do on trials it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from saccade.calibration.folds import folds, split_kind
from saccade.models.alignment.whitening import mvnn, whiten
from saccade.models.encoders import EncoderFamily, FittedEncoder
from saccade.models.evaluation.accuracy import accuracy, auc, auc_interval
from saccade.models.evaluation.probability import calibration_error, fit_temperature, softmax
from saccade.models.evaluation.ranking import ranks as places_of
from saccade.models.galleries.gallery import Gallery, targets
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
    encoder : FittedEncoder
        Maps whitened epochs to the space in which it wants the gallery.
    """

    mean: Float64
    whitening: Float64
    encoder: FittedEncoder

    def scores(self, data: Float32, gallery: Gallery) -> Float64:
        """Return the cosine of each trial with each concept, (n_trials, n_gallery)."""
        compared, centre = self.encoder.compared(gallery)
        signal = torch.from_numpy(whiten(data, self.mean, self.whitening))
        with torch.inference_mode():
            embedded = self.encoder.module(signal)
        embeddings = embedded.numpy().astype(np.float64)
        lengths = np.linalg.norm(embeddings, axis=1, keepdims=True)
        return np.asarray(embeddings / np.maximum(lengths, 1e-30) @ compared.centred(centre).T)


def fit(
    family: EncoderFamily,
    data: Float32,
    rows: Sequence[int],
    gallery: Gallery,
    ch_names: Sequence[str] = (),
) -> Fitted:
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
    ch_names : sequence of str, length n_channels
        For encoders that want to know where the sensors are.

    Raises
    ------
    CalibrationError
        If whitening or encoder can't be fitted to these trials.
    """
    mean, whitening = np.zeros(data.shape[1]), mvnn(data)
    encoder = family.fit(whiten(data, mean, whitening), targets(gallery, rows), ch_names)
    return Fitted(mean, whitening, encoder)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """The held-out trials of one fold.

    Parameters
    ----------
    scores : array of shape (n_trials, n_candidates)
        Cosine with each concept that the trial could have been taken for.
    shown : array of shape (n_trials,)
        Column of the concept that was shown.
    rows : array of shape (n_candidates,)
        Row of each candidate in the gallery.
    """

    scores: Float64
    shown: NDArray[np.intp]
    rows: NDArray[np.intp]


def held_out(
    family: EncoderFamily,
    data: Float32,
    rows: Sequence[int],
    labels: Sequence[str],
    gallery: Gallery,
    n_folds: int,
    seed: int,
    ch_names: Sequence[str] = (),
    *,
    permute: bool = False,
) -> list[HeldOut]:
    """Return the held-out trials of each fold, with their scores.

    Split by time, a trial is ranked among the whole gallery. Split by concept, it is ranked among
    the fold's held-out concepts only: among the others are those that the encoder was trained to
    point at, so that even noise would do worse than the chance of the whole gallery.

    Parameters
    ----------
    permute : bool
        Give the training trials each other's concepts: the control that must fall to chance.

    Other parameters are as in :func:`cross_validate`.
    """
    rng = np.random.default_rng(seed)
    every = np.arange(len(gallery))
    shown = np.asarray(rows)
    parts = []
    for train, test in folds(labels, n_folds, seed):
        known = shown[rng.permutation(train) if permute else train]
        scores = fit(family, data[train], known.tolist(), gallery, ch_names).scores(
            data[test], gallery
        )
        among = every if split_kind(labels) == "time" else np.unique(shown[test])
        parts.append(HeldOut(scores[:, among], np.searchsorted(among, shown[test]), among))
    return parts


def cross_validate(
    family: EncoderFamily,
    data: Float32,
    labels: Sequence[str],
    gallery: Gallery,
    n_folds: int,
    seed: int,
    ch_names: Sequence[str] = (),
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
    ch_names : sequence of str, length n_channels
        As in :func:`fit`.

    Returns
    -------
    temperature : float
        Fitted on the held-out trials.
    figures : dict
        JSON-ready: single-trial accuracy on held-out trials (``gallery`` is how many concepts
        they were ranked among, see :func:`held_out`), the control with permuted training labels,
        expected calibration error (of the very trials that the temperature was fitted to), and
        how the folds were made.
    """
    rows = [gallery.row(label) for label in labels]
    args = (family, data, rows, labels, gallery, n_folds, seed, ch_names)
    parts = held_out(*args)
    scores, shown = _in_one_table(parts)
    temperature = fit_temperature(scores, shown)
    figures = {"split": split_kind(labels), "folds": n_folds, "single_trial": True}
    figures |= _figures(parts)
    figures["permuted_control"] = _figures(held_out(*args, permute=True))
    figures["calibration_error"] = calibration_error(softmax(scores, temperature), shown)
    return temperature, figures


def _in_one_table(parts: Sequence[HeldOut]) -> tuple[Float64, list[int]]:
    """Return all folds' scores; where a fold has a candidate less, that one can't be meant."""
    width = max(part.scores.shape[1] for part in parts)
    padded = [
        np.pad(part.scores, ((0, 0), (0, width - part.scores.shape[1])), constant_values=-1e9)
        for part in parts
    ]
    return np.concatenate(padded), [int(column) for part in parts for column in part.shown]


def _figures(parts: Sequence[HeldOut]) -> dict[str, Any]:
    ranks: list[int] = []
    truth: list[int] = []
    numbers: list[int] = []
    for part in parts:
        ranks += places_of(part.scores, part.shown).tolist()
        truth += part.rows[part.shown].tolist()
        numbers += [part.scores.shape[1]] * len(part.shown)
    result = accuracy(ranks, max(numbers), [str(row) for row in truth]).to_dict()
    # Where folds differ by a candidate, chance is the mean over trials.
    result["chance_top1"] = float(np.mean(1 / np.array(numbers)))
    result["chance_top5"] = float(np.mean(np.minimum(1, 5 / np.array(numbers))))
    classes = sorted(set(truth))
    if len(classes) == 2:  # then every fold ranks the whole gallery
        scores = np.concatenate([part.scores for part in parts])
        contrast = scores[:, classes[0]] - scores[:, classes[1]]
        first = np.asarray(truth) == classes[0]
        result["auc"] = auc(contrast, first)
        if 1 < first.sum() < len(first) - 1:  # an interval needs two of each
            result["ci95_auc"] = list(auc_interval(contrast, first))
    return result
