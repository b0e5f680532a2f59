"""What decoders said of trials they had not been trained on: what all their figures are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from saccade.models.evaluation.accuracy import Z95, accuracy, auc, auc_interval
from saccade.models.evaluation.new_concepts import new_concept_interval
from saccade.models.evaluation.ranking import ranks
from saccade.realtime.types import Float64

Rows = NDArray[np.intp]
Mask = NDArray[np.bool_]

MANY = 20  # concepts, from which on their variation is what is uncertain


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Trials of several folds, in the order of time.

    Parameters
    ----------
    trial : array of shape (n,), intp
        Number of each among the session's good trials.
    part, group : array of shape (n,), intp
        Of the fold, as in :class:`~saccade.calibration.folds.Fold`.
    trained_on : array of shape (n,), intp
        How many trials the fold was trained on.
    shown : array of shape (n,), intp
        Row of the concept that was shown.
    cosines : array of shape (n, n_gallery), float64
        Of the predicted vector with every concept.
    lengths : array of shape (n,), float64
        Of the predicted vector.
    among : array of shape (n, n_gallery), bool
        Which concepts the trial is ranked among: all, or, for a concept that was not trained on,
        others of its kind. Among those trained on even noise would do worse than chance, for
        these are what the encoder was trained to point at.
    taught : array of shape (n, n_gallery), bool
        Which concepts the decoder that answered had been trained on.
    """

    trial: Rows
    part: Rows
    group: Rows
    trained_on: Rows
    shown: Rows
    cosines: Float64
    lengths: Float64
    among: Mask
    taught: Mask

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.trial)

    def of(self, chosen: Rows | Mask) -> HeldOut:
        """Return some of the trials, in the order that is given."""
        return HeldOut(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @staticmethod
    def joined(several: Sequence[HeldOut]) -> HeldOut:
        """Return the trials of several, in the order of time."""
        whole = HeldOut(
            *(
                np.concatenate([getattr(one, field.name) for one in several])
                for field in fields(HeldOut)
            )
        )
        return whole.of(np.argsort(whole.trial, kind="stable"))

    def among_all(self) -> HeldOut:
        """Return the same answers, ranked among the whole gallery."""
        return replace(self, among=np.ones_like(self.among))

    @property
    def known(self) -> Mask:
        """Which trials are of concepts that the decoder had been trained on, (n,)."""
        return np.asarray(self.taught[np.arange(len(self)), self.shown])

    @property
    def ranks(self) -> Rows:
        """Place of each trial's concept among those it is ranked among, 1 = best, (n,)."""
        masked = np.where(self.among, self.cosines, -np.inf)
        return ranks(masked, self.shown)

    @property
    def of_new(self) -> bool:
        """Whether trials are of concepts that were not trained on, ranked among such."""
        return not self.among.all()

    @property
    def projections(self) -> Float64:
        """Cosine times length, in units of the mean length of the same decoder's vectors.

        How clearly a trial is of one concept rather than another. The cosine alone does not say:
        in a gallery of two it is 1 or -1, but for rounding.
        """
        decoders, which = np.unique(
            np.stack([self.part, self.group, self.trained_on]), axis=1, return_inverse=True
        )
        mine = which.reshape(-1) == np.arange(decoders.shape[1])[:, None]
        mean = (mine @ self.lengths) / mine.sum(axis=1)
        unit = np.maximum(mean, 1e-30)[which.reshape(-1)]
        return np.asarray(self.cosines * (self.lengths / unit)[:, None])

    @property
    def n_among(self) -> Rows:
        """How many concepts each trial is ranked among, (n,)."""
        return np.asarray(self.among.sum(axis=1), dtype=np.intp)

    def figures(self, names: Sequence[str]) -> dict[str, Any]:
        """Return single-trial accuracy with all that is needed to judge it, ready for JSON.

        ``two_way`` is the mean share of the other candidates that the right one beats: 0.5 is
        chance, and as it looks at the whole ranking, it tells from fewer trials than top-1 whether
        there is anything. Its interval is for other concepts where many are shown, else for other
        trials; that of ``top1`` is for other concepts where these were not trained on. With two
        classes there is an ``auc`` besides.

        Parameters
        ----------
        names : sequence of str, length n_gallery
            The concepts.
        """
        numbers, places = self.n_among, self.ranks
        shown = [names[row] for row in self.shown]
        found = accuracy(places.tolist(), int(numbers.max()), shown).to_dict()
        # Where folds differ by a candidate, chance is the mean over trials.
        found["chance_top1"] = float(np.mean(1 / numbers))
        found["chance_top5"] = float(np.mean(np.minimum(1, 5 / numbers)))
        if self.of_new:
            interval = new_concept_interval(self.cosines, self.among, self.shown, 1)
            found["ci95_top1"] = list(interval)
        classes = np.unique(self.shown)
        if len(classes) == 2:
            one, other = self.projections[:, classes].T
            contrast = one - other
            first = self.shown == classes[0]
            found["auc"] = auc(contrast, first)
            if 1 < first.sum() < len(first) - 1:  # an interval needs two of each
                found["ci95_auc"] = list(auc_interval(contrast, first))
        return found | self._two_way(classes)

    def _two_way(self, classes: Rows) -> dict[str, Any]:
        """Return how many rivals are beaten, every concept counting alike, with its interval.

        Rivals are those that are shown at all: how a concept that never is compares says nothing
        of the signal.
        """
        shown_at_all = np.zeros(self.among.shape[1], dtype=np.bool_)
        shown_at_all[classes] = True
        rivals = self.among & shown_at_all
        own = np.take_along_axis(self.cosines, self.shown[:, None], axis=1)
        better = (rivals & (self.cosines < own)).sum(axis=1)
        equal = (rivals & (self.cosines == own)).sum(axis=1) - 1
        share = (better + equal / 2) / np.maximum(1, rivals.sum(axis=1) - 1)
        of_concept = np.array([share[self.shown == row].mean() for row in classes])
        value = float(of_concept.mean())
        if len(classes) >= MANY:
            error = float(of_concept.std(ddof=1)) / len(classes) ** 0.5
        else:
            spread = [share[self.shown == row] for row in classes]
            error = sum(s.var() / max(1, len(s) - 1) for s in spread) ** 0.5 / len(classes)
        return {
            "two_way": value,
            "ci95_two_way": [max(0.0, value - Z95 * error), min(1.0, value + Z95 * error)],
        }
