"""What an epoch must be to count: not too large, not flat, and like those of the calibration.

Each gate looks at the channels of EEG, or from within the head, of the whole window, after the
baseline and before the crop, and gives its reason in words with numbers. An epoch has a fixed
shape, so the verdict can't depend on how the samples arrived.

The last gate is the Riemannian potato (Barachant, Andreev and Congedo 2013, TOBI workshop IV,
hal-00781701): how far the epoch's covariance lies from the centre of the good ones, by the affine-
invariant distance, as a z-score of the logarithm. It sees what amplitude does not, such as muscle
or a channel that has come loose a little. Centre, mean and deviation are learned at calibration
(:mod:`saccade.calibration.artifacts`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import linalg

from saccade.realtime.blocks.units import BRAIN_TYPES
from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32, Float64, StreamSpec

# Types whose amplitude is judged; others (triggers, auxiliary inputs, MEG) have no µV limits.
JUDGED_TYPES = BRAIN_TYPES


@dataclass(frozen=True, slots=True)
class PotatoSettings:
    """How epochs usually are.

    Parameters
    ----------
    z : float
        Largest z-score; above 0.
    centre : tuple of tuple of float, n_channels × n_channels
        Geometric mean of the covariances of good epochs, in µV², of the EEG channels in order.
    mean, sd : float
        Of the logarithm of their distances from it; the latter above 0.
    shrinkage : float
        See :func:`shrunk_covariance`.
    """

    z: float
    centre: tuple[tuple[float, ...], ...]
    mean: float
    sd: float
    shrinkage: float


class Gates:
    """Judges epochs.

    Parameters
    ----------
    spec : StreamSpec
        What the epochs are cut from.
    largest_uv, smallest_uv : float or None
        Largest and smallest peak-to-peak amplitude of a channel, in µV.
    potato : PotatoSettings or None
        How epochs usually are.

    Raises
    ------
    ConfigError
        If a limit is not above 0, ``potato`` is malformed or for other channels, or there is no
        channel to judge.
    """

    def __init__(
        self,
        spec: StreamSpec,
        largest_uv: float | None,
        smallest_uv: float | None,
        potato: PotatoSettings | None,
    ) -> None:
        for name, limit in (("reject_ptp_uv", largest_uv), ("reject_flat_uv", smallest_uv)):
            if limit is not None and not limit > 0:
                raise ConfigError(
                    f"{name} must be above 0 µV, not {limit}: leave it out to judge no amplitude"
                )
        if largest_uv is not None and smallest_uv is not None and smallest_uv >= largest_uv:
            raise ConfigError(
                f"reject_flat_uv must be below reject_ptp_uv, but they are {smallest_uv:g} and "
                f"{largest_uv:g} µV"
            )
        self._largest_uv, self._smallest_uv = largest_uv, smallest_uv
        self._rows = [i for i, kind in enumerate(spec.ch_types) if kind in JUDGED_TYPES]
        self._names = [spec.ch_names[row] for row in self._rows]
        gates = {"reject_ptp_uv": largest_uv, "reject_flat_uv": smallest_uv, "potato": potato}
        asked = [name for name, gate in gates.items() if gate is not None]
        if asked and not self._rows:
            raise ConfigError(
                f"{' and '.join(asked)} can judge channels of EEG, SEEG, ECoG and the like, but "
                f"'{spec.name}' has only {', '.join(sorted(set(spec.ch_types)))}: leave it out"
            )
        self._potato = None if potato is None else Potato(potato)
        if self._potato is not None and self._potato.n_channels != len(self._rows):
            raise ConfigError(
                f"the potato is of {self._potato.n_channels} channels, but the epochs have "
                f"{len(self._rows)} EEG channels: calibrate again"
            )

    def judge(self, data: Float32) -> list[str]:
        """Return why an epoch must not count; empty if it is good.

        Parameters
        ----------
        data : array of shape (n_channels, n_times), float32
            The epoch, all its values finite.
        """
        if not self._rows:
            return []
        eeg = data[self._rows]
        amplitudes = eeg.max(axis=1) - eeg.min(axis=1)
        reasons = []
        if self._largest_uv is not None:
            worst = int(np.argmax(amplitudes))
            if amplitudes[worst] > self._largest_uv:
                reasons.append(
                    f"peak to peak {amplitudes[worst]:.0f} µV on {self._names[worst]} "
                    f"(limit {self._largest_uv:g} µV)"
                )
        if self._smallest_uv is not None:
            worst = int(np.argmin(amplitudes))
            if amplitudes[worst] < self._smallest_uv:
                reasons.append(
                    f"flat: peak to peak {amplitudes[worst]:.2g} µV on {self._names[worst]} "
                    f"(at least {self._smallest_uv:g} µV)"
                )
        if self._potato is not None:
            z = self._potato.z(eeg)
            if not z <= self._potato.settings.z:
                reasons.append(f"unusual: potato z {z:.1f} (limit {self._potato.settings.z:g})")
        return reasons


class Potato:
    """Measures how unusual the covariance of an epoch is.

    Raises
    ------
    ConfigError
        If the settings are malformed.
    """

    def __init__(self, settings: PotatoSettings) -> None:
        self.settings = settings
        self.n_channels = n = len(settings.centre)
        numbers = (settings.z, settings.mean, settings.sd, settings.shrinkage)
        if not (
            n > 0
            and {len(row) for row in settings.centre} == {n}
            and np.isfinite(np.array([*sum(settings.centre, ()), *numbers])).all()
            and settings.z > 0
            and settings.sd > 0
            and 0 < settings.shrinkage < 1
        ):
            raise ConfigError(
                "a potato needs a square, finite centre, z and sd above 0 and shrinkage between "
                f"0 and 1, not {n} rows, z {settings.z:g}, sd {settings.sd:g} and shrinkage "
                f"{settings.shrinkage:g}: calibrate again"
            )
        self._centre = np.array(settings.centre)
        try:
            linalg.cholesky(self._centre)
        except linalg.LinAlgError as error:
            raise ConfigError(
                f"the centre of a potato must be a covariance, but is not ({error}): "
                "calibrate again"
            ) from error

    def z(self, eeg: Float32) -> float:
        """Return by how many deviations an epoch is further from the centre than usual.

        Parameters
        ----------
        eeg : array of shape (n_channels, n_times), float32
            The EEG channels of the epoch, in µV.

        Returns
        -------
        float
            Infinite for an epoch without any variance.
        """
        covariance = shrunk_covariance(eeg, self.settings.shrinkage)
        if not covariance.any():
            return math.inf
        ratios = linalg.eigvalsh(covariance, self._centre)
        log_distance = math.log(max(float(np.linalg.norm(np.log(ratios))), 1e-300))
        return (log_distance - self.settings.mean) / self.settings.sd


def shrunk_covariance(eeg: Float32, shrinkage: float) -> Float64:
    """Return the covariance of an epoch, drawn towards that of independent, equal channels.

    Of 64 channels and the 100 or so independent samples of a filtered second, the covariance alone
    has eigenvalues near zero, and the distance between two of them says nothing but that.

    Parameters
    ----------
    eeg : array of shape (n_channels, n_times), float32
        The epoch, in µV.
    shrinkage : float
        Between 0 (the covariance) and 1 (its mean variance on the diagonal).

    Returns
    -------
    array of shape (n_channels, n_channels), float64
        In µV².
    """
    centred = eeg - eeg.mean(axis=1, dtype=np.float64, keepdims=True)
    covariance = centred @ centred.T / eeg.shape[1]
    n = len(covariance)
    target = np.trace(covariance) / n * np.eye(n)
    return np.asarray((1 - shrinkage) * covariance + shrinkage * target)
