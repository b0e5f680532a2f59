"""What the decoder lives on: accuracy lost when a window or a sensor is hidden from it.

The encoder is not trained again. A part whose loss costs nothing may still carry information
that others carry too; a part whose loss costs much is one the encoder leans on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from saccade.models.evaluation.bootstrap import Bootstrap, Measured, Resampling
from saccade.models.evaluation.ranking import ranks, similarities
from saccade.models.evaluation.trials import Candidates, Groups, Trials
from saccade.realtime.errors import ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.types import Float32

GROUPS_AT_ONCE = 128  # masks × groups × D vectors are held at a time


class Hide(Protocol):
    """An encoder that can be kept from seeing parts of the epoch."""

    def __call__(self, groups: Groups, masks: NDArray[np.bool_]) -> Float32:
        """Return the vectors under each mask, (M, len(groups), D)."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Parts:
    """Parts of an epoch that are hidden one at a time.

    Parameters
    ----------
    names : tuple of str, length M
        Of each part.
    masks : array of shape (M, n_channels, n_times), bool
        True where a sample is hidden.
    """

    names: tuple[str, ...]
    masks: NDArray[np.bool_]

    @classmethod
    def windows(
        cls, n_channels: int, n_times: int, sfreq: float, tmin_s: float, width_s: float
    ) -> Parts:
        """Return consecutive time windows; the last may be shorter.

        Parameters
        ----------
        n_channels, n_times : int
            Shape of an epoch.
        sfreq, tmin_s : float
            Rate in Hz; time of the first sample after onset in seconds.
        width_s : float
            Of a window, in seconds: a whole number of samples.
        """
        width = samples(width_s, sfreq, "the width of a window", exact=True)
        if width < 1:
            raise ConfigError(f"a window is at least 1 sample wide, not {width_s} s")
        starts = np.arange(0, n_times, width)
        edges = np.append(starts, n_times) / sfreq + tmin_s
        which = np.arange(n_times) // width == np.arange(len(starts))[:, None]  # (M, n_times)
        return cls(
            tuple(
                f"{1000 * edges[i]:.0f}–{1000 * edges[i + 1]:.0f} ms" for i in range(len(starts))
            ),
            np.repeat(which[:, None], n_channels, axis=1),
        )

    @classmethod
    def sensors(cls, ch_names: tuple[str, ...], n_times: int) -> Parts:
        """Return each sensor, throughout the epoch."""
        return cls(ch_names, np.repeat(np.eye(len(ch_names), dtype=bool)[:, :, None], n_times, 2))


@dataclass(frozen=True, slots=True)
class Drop:
    """What hiding one part costs.

    Parameters
    ----------
    part : str
        A window or a sensor.
    top1_drop : Measured
        Top-1 with everything shown less top-1 with the part hidden, paired by trial; chance is
        0. Each interval stands alone: of 64 sensors that do nothing, some 3 exclude 0 by luck.
    """

    part: str
    top1_drop: Measured


@dataclass(frozen=True, slots=True)
class Ablation:
    """Losses of top-1 accuracy, part by part.

    Parameters
    ----------
    repetitions : int
        How many presentations each judged epoch averages.
    top1 : Measured
        With everything shown.
    drops : tuple of Drop
        One a part, in the order of the parts.
    """

    repetitions: int
    top1: Measured
    drops: tuple[Drop, ...]


def ablate(
    trials: Trials,
    candidates: Candidates,
    hide: Hide,
    parts: Parts,
    size: int,
    resampling: Resampling | None = None,
) -> Ablation:
    """Return what hiding each part costs.

    Parameters
    ----------
    trials : Trials
        What was shown.
    candidates : Candidates
        All are chosen from.
    hide : callable
        :meth:`saccade.models.evaluation.embedding.Averaging.hiding`, say.
    parts : Parts
        What is hidden in turn.
    size : int
        How many repetitions are averaged: disjoint random groups, the same as the evaluation's
        for the same seed.
    resampling : Resampling or None
        How intervals are made; None for the defaults.
    """
    settings = resampling or Resampling()
    groups = trials.groups(size, settings.seed)
    first = np.array([group[0] for group in groups])
    shown = trials.shown[first]
    nothing = np.zeros((1, *parts.masks.shape[1:]), dtype=bool)
    masks = np.concatenate([nothing, parts.masks])
    hits = np.empty((len(masks), len(groups)))
    for start in range(0, len(groups), GROUPS_AT_ONCE):
        here = slice(start, start + GROUPS_AT_ONCE)
        for number, vectors in enumerate(hide(groups[here], masks)):
            scores = similarities(vectors, candidates.vectors)
            hits[number, here] = ranks(scores, shown[here]) == 1
    bootstrap = Bootstrap(trials.concept[first], trials.subject[first], settings)
    return Ablation(
        repetitions=size * trials.averaged,
        top1=bootstrap.measure(hits[0], 1 / len(candidates)),
        drops=tuple(
            Drop(name, bootstrap.difference(hits[0], hidden))
            for name, hidden in zip(parts.names, hits[1:], strict=True)
        ),
    )
