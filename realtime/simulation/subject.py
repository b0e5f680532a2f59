"""A simulated subject: what a head with known, linear concept responses would send.

The model is simple and says so. The leading principal components of the gallery are coordinates
of meaning; each has one map on the scalp and one time course, and a concept's response is their
sum, weighted by the concept's scores. All pictures share a further response (P1, N1, P2). There
are no dipoles, no habituation, no differences between trials of one concept other than the
background. The default effect is chosen so that a decoder works after a minute's calibration;
a real person's is many times smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.simulation.montage import CH_NAMES, N_CHANNELS, positions, smoothness
from saccade.realtime.simulation.noise import Background, Levels, generator
from saccade.realtime.types import Float32, Float64, frozen

RESPONSE_S = 0.6
LATENCY_S = (0.08, 0.45)
ONSET_S = (0.03, 0.07)  # silent before, in full after
OFFSET_S = (0.53, 0.6)
MAP_WIDTH_RAD = 0.45
SFREQ_HZ = (250.0, 1000.0)

# Of the response to any picture: latency and width in s, sign and strength, electrodes above it.
COMMON = (
    (0.100, 0.014, 0.7, ("O1", "Oz", "O2")),  # P1
    (0.165, 0.018, -1.0, ("P7", "P8", "O1", "O2")),  # N1
    (0.235, 0.030, 0.6, ("PO3", "PO4", "Pz")),  # P2
)


@dataclass(frozen=True, slots=True)
class SubjectSettings:
    """What kind of head it is.

    Parameters
    ----------
    sfreq : float
        Rate in Hz, 250 to 1000.
    seed : int
        At least 0; another seed is another person, with another background.
    effect : float
        RMS of the part of the response that tells concepts apart, over channels, concepts and
        0 to 0.6 s, relative to ``noise_uv``.
    n_components : int
        How many principal components of the gallery the response carries.
    noise_uv : float
        RMS of each channel's 1/f background, above 0 µV.
    common_uv : float
        Largest amplitude of the response common to all pictures.
    alpha_uv : float
        RMS of the alpha rhythm where it is strongest.
    line_uv, line_hz : float
        RMS of the interference from the mains, and its frequency.
    sensor_uv : float
        RMS of each electrode's white noise.
    """

    sfreq: float = 250.0
    seed: int = 0
    effect: float = 0.2
    n_components: int = 20
    noise_uv: float = 10.0
    common_uv: float = 5.0
    alpha_uv: float = 6.0
    line_uv: float = 2.0
    line_hz: float = 50.0
    sensor_uv: float = 1.0


class SimulatedSubject:
    """A head, looked at from outside: evoked responses and background, both exactly repeatable.

    Parameters
    ----------
    settings : SubjectSettings
        What kind of head it is.
    embeddings : array of shape (G, D), float32
        The gallery; only differences between rows matter.
    names : sequence of str, length G
        Names of the concepts.

    Attributes
    ----------
    settings : SubjectSettings
        As given.
    names, ch_names : tuple of str
        Names of concepts and of the 32 channels.
    n_times : int
        Length of a response in samples.

    Raises
    ------
    ConfigError
        If a setting is out of range, names and rows differ in number, or the gallery has fewer
        dimensions than the response needs.
    """

    def __init__(
        self, settings: SubjectSettings, embeddings: Float32, names: Sequence[str]
    ) -> None:
        _check(settings)
        self.settings = settings
        self.names = tuple(names)
        self.ch_names = CH_NAMES
        self.n_times = samples(RESPONSE_S, settings.sfreq)
        self._scores = _scores(embeddings, len(self.names), settings.n_components)
        time_s = np.arange(self.n_times) / settings.sfreq
        rng = generator(settings.seed, "responses")
        carriers = np.stack(
            [np.outer(_time_course(time_s, rng), _map(rng)) for _ in range(settings.n_components)]
        )
        # The scores are white, so the mean square over concepts is that of the carriers.
        rms = math.sqrt(float(np.square(carriers).sum(axis=0).mean()))
        self._carriers = carriers * (settings.effect * settings.noise_uv / rms)
        self._common = settings.common_uv * _common(time_s)

    def response(self, row: int) -> Float32:
        """Return what the sight of a concept adds to the signal.

        Parameters
        ----------
        row : int
            Row of the concept in the gallery.

        Returns
        -------
        array of shape (n_times, 32), float32
            From onset to 0.6 s, in µV; read-only.

        Raises
        ------
        ConfigError
            If there is no such row.
        """
        self.check_row(row)
        own = np.einsum("k,ktc->tc", self._scores[row], self._carriers)
        return frozen((self._common + own).astype(np.float32))

    def check_row(self, row: int) -> None:
        """Raise ConfigError unless the gallery has this row."""
        if not 0 <= row < len(self.names):
            raise ConfigError(
                f"rows of concepts go from 0 to {len(self.names) - 1}, not {row}: take rows of "
                "the gallery that the subject was made with"
            )

    def background(self) -> Background:
        """Return the signal without stimuli, from its first sample on."""
        s = self.settings
        levels = Levels(s.noise_uv, s.alpha_uv, s.line_uv, s.line_hz, s.sensor_uv)
        return Background(s.sfreq, levels, s.seed)


def _check(s: SubjectSettings) -> None:
    if not SFREQ_HZ[0] <= s.sfreq <= SFREQ_HZ[1]:
        raise ConfigError(
            f"the simulated subject has rates from {SFREQ_HZ[0]:g} to {SFREQ_HZ[1]:g} Hz, not "
            f"{s.sfreq:g}: choose one of them"
        )
    if s.seed < 0:
        raise ConfigError(f"seed must be at least 0, not {s.seed}")
    if s.n_components < 1:
        raise ConfigError(f"n_components must be at least 1, not {s.n_components}")
    if not (math.isfinite(s.noise_uv) and s.noise_uv > 0):
        raise ConfigError(
            f"noise_uv must be above 0 µV, not {s.noise_uv:g}: the effect is relative to it"
        )
    for name in ("effect", "common_uv", "alpha_uv", "line_uv", "sensor_uv"):
        value = getattr(s, name)
        if not (math.isfinite(value) and value >= 0):
            raise ConfigError(
                f"{name} must be at least 0 and finite, not {value:g}: 0 leaves it out"
            )
    if not 0 < s.line_hz < s.sfreq / 2:
        raise ConfigError(
            f"line_hz must lie between 0 and half the rate ({s.sfreq / 2:g} Hz), not "
            f"{s.line_hz:g}: set line_uv to 0 for a signal without it"
        )


def _scores(embeddings: Float32, n_names: int, n_components: int) -> Float64:
    """Return the white scores of every row on the leading principal components."""
    if embeddings.ndim != 2 or len(embeddings) != n_names:
        raise ConfigError(
            f"embeddings must have one row a name, but their shape is {embeddings.shape} for "
            f"{n_names} names: pass names and vectors of one gallery"
        )
    if not np.isfinite(embeddings).all():
        raise ConfigError("embeddings must be finite, but NaN or infinity came: remove those rows")
    centred = embeddings - embeddings.mean(axis=0, dtype=np.float64)
    left, strength, right = np.linalg.svd(centred, full_matrices=False)
    rank = int((strength > 1e-6 * max(strength[0], 1e-30)).sum())
    if rank < n_components:
        raise ConfigError(
            f"{n_components} components need a gallery that varies in as many directions, but "
            f"it has {rank}: lower n_components or use more concepts"
        )
    # The sign of a component is arbitrary, and libraries differ in it.
    largest = np.abs(right[:n_components]).argmax(axis=1)
    sign = np.sign(right[np.arange(n_components), largest])
    return np.asarray(left[:, :n_components] * sign * math.sqrt(n_names))


def _map(rng: np.random.Generator) -> Float64:
    """Return a smooth random map of unit RMS that fades towards the forehead, shape (32,)."""
    field = np.einsum("c,cd->d", rng.standard_normal(N_CHANNELS), smoothness(MAP_WIDTH_RAD))
    posterior = 1 / (1 + np.exp(4 * positions()[:, 1]))
    weighted = field * posterior
    return np.asarray(weighted / np.sqrt(np.square(weighted).mean()))


def _time_course(time_s: Float64, rng: np.random.Generator) -> Float64:
    """Return a short smooth oscillation of unit RMS, wider the later it comes, (n_times,)."""
    latency_s = rng.uniform(*LATENCY_S)
    width_s = 0.02 + 0.1 * latency_s
    freq_hz, phase = rng.uniform(4.0, 9.0), rng.uniform(0, 2 * np.pi)
    since = time_s - latency_s
    course = np.exp(-0.5 * (since / width_s) ** 2) * np.cos(2 * np.pi * freq_hz * since + phase)
    course *= _step(time_s, *ONSET_S) * (1 - _step(time_s, *OFFSET_S))
    return np.asarray(course / np.sqrt(np.square(course).mean()))


def _common(time_s: Float64) -> Float64:
    """Return the response to any picture with a largest amplitude of 1, (n_times, 32)."""
    near = smoothness(MAP_WIDTH_RAD)
    total = np.zeros((len(time_s), N_CHANNELS))
    for latency_s, width_s, strength, names in COMMON:
        topography = near[[CH_NAMES.index(name) for name in names]].sum(axis=0)
        course = strength * np.exp(-0.5 * ((time_s - latency_s) / width_s) ** 2)
        total += np.outer(course, topography / topography.max())
    total *= _step(time_s, *ONSET_S)[:, None] * (1 - _step(time_s, *OFFSET_S))[:, None]
    return np.asarray(total / np.abs(total).max())


def _step(time_s: Float64, start_s: float, stop_s: float) -> Float64:
    """Return a smooth rise from 0 to 1 between two times."""
    part = np.clip((time_s - start_s) / (stop_s - start_s), 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * part))
