"""Adaptation while running: a decoder that follows its user's drift, within bounds.

Electrodes dry and move, attention and the response to any picture change; what a decoder took for
granted in calibration no longer holds. Two parts of it can follow, both without labels:

* ``signal``: the covariance of trials, by which each is whitened (Euclidean alignment; He & Wu
  2020, IEEE Trans. Biomed. Eng. 67), as a factor R^(-1/2) in front of the decoder's own;
* ``mean``: the mean of the encoder's vectors.

What is followed is where trials *are* relative to calibration, so that a session like the
calibration is decoded nearly as by the frozen decoder: the covariance of new trials, each shrunk
as those of the calibration were, has the calibration's as its mean, and so has the mean of vectors.
What remains is the scatter of so few trials: on simulated people in whom nothing drifts
(``docs/alignment.md``) the signal goes 3 % of the way to its edge, the mean 39 %, and accuracy
stays. It is a matter of three rules.

**Bounded.** :mod:`saccade.models.alignment.running` holds every statistic near the calibration's,
whatever comes. Taking a shift of length r < 1 off a vector of unit length turns it by at most
arcsin r, so ``mean`` changes no cosine by more than ``2 sin(arcsin(r) / 2)``: 0.201 at the edge.

**Good epochs only.** An epoch that was rejected, or has a flag, teaches nothing. Those that never
came here are seen as holes in the numbers of those that did; a pause is one too.

**Fallback.** The decoder is the frozen one while more than half of the last 20 epochs are bad, or
once a statistic has been at the edge for 50 good ones: a user so far from calibration is not
drifting. It adapts again when no more than a quarter are bad, and all are well within the edge. The
statistics go on following all the while.

Steps are taken after every tenth good epoch, and depend on the epochs decoded and their order
alone: a session and its replay give the same rankings to the last bit.
"""

from __future__ import annotations

import collections
import logging
from typing import Any

import numpy as np

from saccade.models.alignment.affine import unit_length
from saccade.models.alignment.running import HIGHEST, Follower, RunningCovariance, RunningMean
from saccade.models.alignment.whitening import ledoit_wolf, product_in_order
from saccade.models.decoders.manifest import RunningAlignment
from saccade.realtime.types import Epoch, Flag, Float32, Float64

logger = logging.getLogger(__name__)

BATCH = 10  # good epochs of a step
RECENT = 20  # epochs by which quality is judged
MOST_BAD, FEW_BAD = 10, 5  # of these: more fall back, no more return
EDGE, WITHIN = 0.999, 0.9  # distances: at the edge; well within it
PATIENCE = 5  # steps at the edge


class RunningAligner:
    """Follows one session.

    Parameters
    ----------
    settings : RunningAlignment
        Which parts follow, and how long they remember.
    whitening : array of shape (n_channels, n_channels), float64
        What whitens the signal in the frozen decoder.
    mean : array of shape (dim,), float32, or None
        Mean of its aligned vectors in calibration, each of unit length; None where only the signal
        is followed.

    Attributes
    ----------
    whitening : array of shape (n_channels, n_channels), float64
        What whitens the signal of the next epoch.
    """

    def __init__(
        self,
        settings: RunningAlignment,
        whitening: Float64,
        mean: Float32 | None,
    ) -> None:
        self.settings = settings
        self.whitening = self._frozen = self._corrected = whitening
        self._followers: dict[str, Follower] = {}
        self._signal = self._mean = None
        if "signal" in settings.parts:
            self._signal = self._followers["signal"] = RunningCovariance(len(whitening))
        if mean is not None:
            self._mean = self._followers["mean"] = RunningMean(mean.astype(np.float64))
        self._noise: list[Float64] = []
        self._vectors: list[Float64] = []
        self._recent: collections.deque[bool] = collections.deque(maxlen=RECENT)
        self._last: int | None = None
        self._n_trials = self._at_edge = self._n_fallbacks = 0
        self._fallback = ""

    @property
    def active(self) -> bool:
        """Whether epochs are decoded with what has been followed."""
        return self._n_trials >= BATCH and not self._fallback

    def apply(self, vector: Float32) -> Float32:
        """Return a vector (dim,) as it would have been in calibration, about as long as it was."""
        if self._mean is None or not self.active or not vector.any():
            return vector
        length = np.sqrt(np.square(vector, dtype=np.float64).sum())
        return np.asarray(length * (unit_length(vector) - self._mean.shift), dtype=np.float32)

    def add(self, epoch: Epoch, vector: Float32) -> None:
        """Take a decoded epoch.

        Parameters
        ----------
        epoch : Epoch
            Not whitened, in µV.
        vector : array of shape (dim,), float32
            What was made of it, before :meth:`apply`.
        """
        if self._last is not None:
            never_came = epoch.number - self._last - 1
            self._recent.extend([True] * min(RECENT, max(0, never_came)))
        self._last = epoch.number
        good = not epoch.rejected and epoch.flags == Flag.NONE and self._gather(epoch.data, vector)
        self._recent.append(not good)
        if len(self._vectors) == BATCH:
            self._step()
        self._judge()
        following = self._signal is not None and self.active
        self.whitening = self._corrected if following else self._frozen

    def describe(self) -> dict[str, Any]:
        """Return kind and state, ready for JSON.

        ``trials`` good ones have been followed; ``active`` says whether epochs are decoded with
        what came of it; ``fallback`` why they are not, and ``fallbacks`` how often that happened;
        ``distance`` is each part's from calibration, 1 at the edge; ``bad`` is how many of the last
        20 epochs were.
        """
        return {
            "kind": "running",
            "parts": list(self.settings.parts),
            "trials": self._n_trials,
            "active": self.active,
            "fallback": self._fallback,
            "fallbacks": self._n_fallbacks,
            "distance": {name: round(f.distance, 4) for name, f in self._followers.items()},
            "bad": sum(self._recent),
        }

    def _gather(self, data: Float32, vector: Float32) -> bool:
        """Keep what a trial says until the next step; return False if it says nothing."""
        if not vector.any():
            return False
        if self._signal is not None:
            noise = _between(self._frozen, ledoit_wolf(data, product_in_order))
            mean_variance = float(np.trace(noise)) / len(noise)
            if not 0 < mean_variance < np.inf:
                return False
            self._noise.append(noise / max(1.0, mean_variance / HIGHEST))
        self._vectors.append(unit_length(vector).astype(np.float64))
        self._n_trials += 1
        return True

    def _step(self) -> None:
        """Move every part towards the trials gathered."""
        share = min(1.0, BATCH / self.settings.memory_trials)
        if self._signal is not None:
            self._signal.step(np.mean(self._noise, axis=0), share)
            self._corrected = product_in_order(self._signal.undoing, self._frozen)
        if self._mean is not None:
            self._mean.step(np.mean(self._vectors, axis=0), share)
        self._noise, self._vectors = [], []
        farthest = max(follower.distance for follower in self._followers.values())
        self._at_edge = self._at_edge + 1 if farthest >= EDGE else 0

    def _judge(self) -> None:
        """Fall back on the frozen decoder, or return from it."""
        n_bad = sum(self._recent)
        far = [name for name, follower in self._followers.items() if follower.distance >= WITHIN]
        if self._fallback:
            if n_bad <= FEW_BAD and not far:
                self._fallback = ""
                logger.info("running alignment is at work again")
            return
        if n_bad > MOST_BAD:
            self._fallback = f"{n_bad} of the last {RECENT} epochs are bad"
        elif self._at_edge >= PATIENCE:
            self._fallback = f"{' and '.join(far)} as far from calibration as allowed"
        if self._fallback:
            self._n_fallbacks += 1
            logger.warning("running alignment falls back on the frozen decoder: %s", self._fallback)


def _between(matrix: Float64, covariance: Float64) -> Float64:
    """Return the covariance of what is multiplied by a matrix."""
    return product_in_order(product_in_order(matrix, covariance), matrix.T)
