"""What a decoder learns of its user while it runs, without being told what was shown.

From the first N good epochs of a session, in the order in which they are decoded, and from nothing
else; then it is frozen. So the same epochs give the same rankings to the last bit, live and in
replay, and a restart begins anew. (Epochs change order where a marker comes after the end of its
own window: see :mod:`saccade.realtime.epochs`.) The first N are decoded as the file says.

Two things can be learned. The *whitening* of the encoder's vectors is that of
:func:`saccade.models.alignment.align.whitening`. The *Euclidean* alignment (He & Wu 2020, IEEE
Trans. Biomed. Eng. 67) is of the signal: each trial is multiplied by R^(-1/2), with R the person's
mean trial covariance, so that the noise of all people looks alike. That is what multivariate noise
normalisation does to a calibration, so R is estimated as there, centred and shrunk trial by trial:
unshrunk it has no inverse behind an average reference.
"""

from __future__ import annotations

import logging
from typing import Any, Protocol

import numpy as np
import torch

from saccade.models.alignment.affine import Alignment
from saccade.models.alignment.align import whitening
from saccade.models.alignment.whitening import ledoit_wolf, product_in_order
from saccade.models.decoders.manifest import OnlineAlignment
from saccade.realtime.errors import CalibrationError
from saccade.realtime.types import Float32, Float64

logger = logging.getLogger(__name__)

LEAST_SHARE = 1e-9  # of the mean noise variance, for the smallest


class Gathered(Protocol):
    """Trials so far, or what is left of them."""

    def add(self, epoch: Float32, vector: Float32) -> None:
        """Take an epoch (n_channels, n_times), in µV, and its vector (dim,)."""
        ...

    def learn(self) -> Alignment | Float64:
        """Return the map of vectors, or the matrix that whitens the signal.

        Raises
        ------
        CalibrationError
            If the trials do not determine one.
        """
        ...


class GatheredVectors:
    """Vectors as they came, to be whitened."""

    def __init__(self) -> None:
        self._vectors: list[Float32] = []

    def add(self, epoch: Float32, vector: Float32) -> None:
        """Take a trial."""
        del epoch
        self._vectors.append(vector.copy())

    def learn(self) -> Alignment:
        """Return the map of vectors."""
        return whitening(np.stack(self._vectors))


class GatheredCovariance:
    """The mean trial covariance."""

    def __init__(self) -> None:
        self._total: Float64 = np.zeros(())
        self._n_trials = 0

    def add(self, epoch: Float32, vector: Float32) -> None:
        """Take a trial."""
        del vector
        self._total = self._total + ledoit_wolf(epoch, product_in_order)
        self._n_trials += 1

    def learn(self) -> Float64:
        """Return the matrix that whitens the signal, (n_channels, n_channels)."""
        variances, directions = torch.linalg.eigh(torch.from_numpy(self._total / self._n_trials))
        if not variances[0] > LEAST_SHARE * variances.mean():
            raise CalibrationError(
                f"channels must vary, but the smallest of {len(variances)} noise variances is "
                f"{variances[0]:.3g} µV²: check that the stream is live"
            )
        return np.asarray((directions / variances.sqrt() @ directions.T).numpy())


class OnlineAligner:
    """Gathers trials, learns once, and is frozen.

    Parameters
    ----------
    settings : OnlineAlignment
        What to learn, and from how many trials.

    Attributes
    ----------
    alignment : Alignment or None
        The map of vectors, once it is learned.
    whitening : array of shape (n_channels, n_channels) or None
        What whitens the signal, once it is learned.
    """

    def __init__(self, settings: OnlineAlignment) -> None:
        self.settings = settings
        self.alignment: Alignment | None = None
        self.whitening: Float64 | None = None
        self._gathered: Gathered | None
        self._gathered = GatheredVectors() if settings.kind == "whitening" else GatheredCovariance()
        self._n_trials = 0
        self._problem = ""

    @property
    def active(self) -> bool:
        """Whether epochs are decoded with what was learned."""
        return self.alignment is not None or self.whitening is not None

    def add(self, epoch: Float32, vector: Float32) -> None:
        """Take a decoded epoch, until there are enough; then learn.

        Trials that determine nothing leave everything as it was, as a session must go on; the
        log and :meth:`describe` say so.

        Parameters
        ----------
        epoch : array of shape (n_channels, n_times), float32
            Not whitened, in µV.
        vector : array of shape (dim,), float32
            What the encoder made of it. A trial with a zero vector does not count.
        """
        if self._gathered is None or not vector.any():
            return
        self._gathered.add(epoch, vector)
        self._n_trials += 1
        if self._n_trials < self.settings.n_trials:
            return
        try:
            learned = self._gathered.learn()
        except CalibrationError as error:
            self._problem = str(error)
            logger.warning("online alignment stays off: %s", error)
        else:
            if isinstance(learned, Alignment):
                self.alignment = learned
            else:
                self.whitening = learned
        self._gathered = None

    def describe(self) -> dict[str, Any]:
        """Return kind and state, ready for JSON.

        ``trials`` of ``of`` have been gathered; ``active`` says whether what was learned from
        them is in use; ``problem`` says why it never will be.
        """
        about = {
            "kind": self.settings.kind,
            "trials": self._n_trials,
            "of": self.settings.n_trials,
            "active": self.active,
        }
        return about | ({"problem": self._problem} if self._problem else {})
