"""A simulated subject: what a head with known, linear concept responses would send.

The leading principal components of the gallery are coordinates of meaning; each drives dipoles of
its own along the ventral stream, and a concept's response is their sum, weighted by the concept's
scores. All pictures share a further response (P1, N1, P2). What is not modelled: habituation,
attention, trials of one concept that differ in more than the background, and noise that is not
Gaussian, but for the artifacts. The default effect is chosen so that a decoder works after a
minute's calibration; a real person's is many times smaller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.sampling import samples
from saccade.realtime.simulation.artifacts import Artifacts
from saccade.realtime.simulation.background import Background
from saccade.realtime.simulation.components import component_scores
from saccade.realtime.simulation.covariance import WindowCovariance
from saccade.realtime.simulation.generators import generator
from saccade.realtime.simulation.montage import CH_NAMES, N_CHANNELS
from saccade.realtime.simulation.noise import Levels, Noise, cortex, noise_of
from saccade.realtime.simulation.ventral import RESPONSE_S, Person, carriers, common
from saccade.realtime.types import Float32, Float64, frozen

SFREQ_HZ = (250.0, 1000.0)
BLOCK_TRIALS = 64  # epochs are made so many at a time


@dataclass(frozen=True, slots=True)
class SubjectSettings:
    """What kind of head it is.

    Parameters
    ----------
    sfreq : float
        Rate in Hz, 250 to 1000.
    seed : int
        At least 0; another seed is another person, with another background.
    population : int
        At least 0; draws what all people have in common: where and when a component shows.
    individuality : float
        How far people differ from each other; 0 makes them alike but for their background.
    effect : float
        RMS of the part of the response that tells concepts apart, over channels, concepts and
        0 to 0.8 s, relative to ``noise_uv``, in an average person.
    n_components : int
        How many principal components of the gallery the response carries.
    score_power : float
        0 lets each component count alike; 1 as in the gallery, the first most.
    noise_uv : float
        RMS of the 1/f background over all channels, above 0 µV.
    common_uv : float
        Largest amplitude of the response common to all pictures.
    alpha_uv : float
        RMS of the alpha rhythm where it is strongest.
    line_uv, line_hz : float
        RMS of the interference from the mains, and its frequency.
    sensor_uv : float
        RMS of each electrode's white noise.
    artifacts : Artifacts
        How often the person blinks, and the like; none by default.
    """

    sfreq: float = 250.0
    seed: int = 0
    population: int = 0
    individuality: float = 1.0
    effect: float = 0.2
    n_components: int = 20
    score_power: float = 0.0
    noise_uv: float = 10.0
    common_uv: float = 5.0
    alpha_uv: float = 6.0
    line_uv: float = 2.0
    line_hz: float = 50.0
    sensor_uv: float = 1.0
    artifacts: Artifacts = field(default_factory=Artifacts)


class SimulatedSubject:
    """A head, looked at from outside: evoked responses and background, both exactly repeatable.

    Parameters
    ----------
    settings : SubjectSettings
        What kind of head it is.
    embeddings : array of shape (G, D), float32
        The gallery; only differences between the directions of its rows matter.
    names : sequence of str, length G
        Names of the concepts.

    Attributes
    ----------
    settings : SubjectSettings
        As given.
    names, ch_names : tuple of str
        Names of concepts and of the 64 channels.
    n_times : int
        Length of a response in samples.
    scores : array of shape (G, n_components), float64
        Where each concept lies on the components; of unit mean square over all.
    carriers : array of shape (n_components, n_times, 64), float64
        What a score of 1 adds to the signal, in µV.
    common : array of shape (n_times, 64), float64
        What any picture adds, in µV.
    noise : Noise
        The stationary part of the background.

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
        s = self.settings = settings
        self.names = tuple(names)
        self.ch_names = CH_NAMES
        self.n_times = samples(RESPONSE_S, s.sfreq)
        self.scores = frozen(
            component_scores(embeddings, len(self.names), s.n_components, s.score_power)
        )
        person = Person(s.seed, s.individuality)
        time_s = np.arange(self.n_times) / s.sfreq
        own = carriers(time_s, s.n_components, s.population, person)
        # Scores are uncorrelated, so the mean square over concepts is that of the carriers.
        power = np.square(self.scores).mean(axis=0) @ np.square(own).mean(axis=(1, 2))
        rms_uv = s.effect * s.noise_uv * person.gain("gain", 0.2)
        self.carriers = frozen(own * (rms_uv / math.sqrt(power)))
        self.common = frozen(s.common_uv * common(time_s, person))
        self._levels = Levels(
            noise_uv=s.noise_uv * person.gain("noise level", 0.15),
            alpha_uv=s.alpha_uv * person.gain("alpha level", 0.4),
            sensor_uv=s.sensor_uv,
            line_uv=s.line_uv,
            line_hz=s.line_hz,
        )
        strengths = np.exp(person.differs("noise places", 0.4, size=len(cortex())))
        self.noise: Noise = noise_of(self._levels, s.sfreq, strengths)

    def response(self, row: int, gain: float = 1.0) -> Float32:
        """Return what the sight of a concept adds to the signal.

        Parameters
        ----------
        row : int
            Row of the concept in the gallery.
        gain : float
            Strength of the part that tells concepts apart; the part common to all stays.

        Returns
        -------
        array of shape (n_times, 64), float32
            From onset to 0.8 s, in µV; read-only.

        Raises
        ------
        ConfigError
            If there is no such row.
        """
        self.check_row(row)
        own = np.einsum("k,ktc->tc", gain * self.scores[row], self.carriers)
        return frozen((self.common + own).astype(np.float32))

    def epochs(
        self,
        rows: Sequence[int],
        seed: int = 0,
        tmin_s: float = 0.0,
        tmax_s: float = 1.0,
        *,
        positions: Iterable[int] | None = None,
    ) -> Float32:
        """Return independent trials: responses on fresh stretches of the stationary background.

        There is no line noise and no artifact in them, and no response to another picture.

        Parameters
        ----------
        rows : sequence of int, length n
            Row of each trial's concept.
        seed : int
            At least 0; draws the background.
        tmin_s, tmax_s : float
            Window around the onset, in s; ``tmax_s`` itself is left out.
        positions : iterable of int, length n, or None
            Number of each trial among all of that seed; None counts from 0. The background of
            a trial depends on the person, seed, window and its position alone.

        Returns
        -------
        array of shape (n, 64, n_times), float32
            In µV.

        Raises
        ------
        ConfigError
            If a row is unknown, the window is empty, or rows and positions differ in number.
        """
        rows = list(rows)
        for row in rows:
            self.check_row(row)
        if seed < 0:
            raise ConfigError(f"seed must be at least 0, not {seed}")
        places = list(range(len(rows)) if positions is None else positions)
        if len(places) != len(rows):
            raise ConfigError(
                f"each trial has one position, but {len(places)} positions came for "
                f"{len(rows)} rows: give as many, or none"
            )
        if min(places, default=0) < 0:
            raise ConfigError(f"positions must be at least 0, not {min(places)}")
        first, n_times = self.window(tmin_s, tmax_s)
        common = self.in_window(self.common, first, n_times).astype(np.float32)
        own = self.in_window(self.carriers, first, n_times).astype(np.float32)
        own = own.reshape(len(own), -1)
        covariance = WindowCovariance(self.noise, n_times)
        out = np.empty((len(rows), N_CHANNELS, n_times), np.float32)
        for start in range(0, len(rows), BLOCK_TRIALS):
            block = slice(start, start + BLOCK_TRIALS)
            rngs = [generator(self.settings.seed, "trial", seed, n) for n in places[block]]
            # One product for each trial, so that no trial depends on its company.
            response = self.scores[rows[block], None, :].astype(np.float32) @ own
            out[block] = covariance.draw(rngs)
            out[block] += response.reshape(-1, N_CHANNELS, n_times) + common
        return out

    def window(self, tmin_s: float, tmax_s: float) -> tuple[int, int]:
        """Return first sample of a window, counted from the onset, and its length.

        Raises
        ------
        ConfigError
            If it holds no sample.
        """
        first = samples(tmin_s, self.settings.sfreq, "tmin_s")
        n_times = samples(tmax_s, self.settings.sfreq, "tmax_s") - first
        if n_times < 1:
            raise ConfigError(
                f"a window must hold at least one sample, but {tmin_s:g} to {tmax_s:g} s holds "
                f"{n_times}: raise tmax_s"
            )
        return first, n_times

    def in_window(self, response: Float64, first: int, n_times: int) -> Float64:
        """Return a response (…, n_times, 64) as a window of it sees it, (…, 64, n_times)."""
        seen = np.zeros((*response.shape[:-2], N_CHANNELS, n_times))
        begin, end = max(first, 0), min(first + n_times, self.n_times)
        if begin < end:
            part = np.swapaxes(response[..., begin:end, :], -1, -2)
            seen[..., begin - first : end - first] = part
        return seen

    def check_row(self, row: int) -> None:
        """Raise ConfigError unless the gallery has this row."""
        if not 0 <= row < len(self.names):
            raise ConfigError(
                f"rows of concepts go from 0 to {len(self.names) - 1}, not {row}: take rows of "
                "the gallery that the subject was made with"
            )

    def background(self, visit: int = 0) -> Background:
        """Return the signal without stimuli, from its first sample on.

        Parameters
        ----------
        visit : int
            At least 0; at another visit of the same person, noise and artifacts are others, and
            so is how each electrode picks up the mains.

        Raises
        ------
        ConfigError
            If the visit is below 0.
        """
        if visit < 0:
            raise ConfigError(f"visit must be at least 0, not {visit}")
        seed = self.settings.seed
        if visit:
            seed = int(generator(seed, "visit", visit).integers(2**62))
        return Background(self.noise, self._levels, self.settings.artifacts, seed)


def _check(s: SubjectSettings) -> None:
    if not SFREQ_HZ[0] <= s.sfreq <= SFREQ_HZ[1]:
        raise ConfigError(
            f"the simulated subject has rates from {SFREQ_HZ[0]:g} to {SFREQ_HZ[1]:g} Hz, not "
            f"{s.sfreq:g}: choose one of them"
        )
    for name in ("seed", "population"):
        if getattr(s, name) < 0:
            raise ConfigError(f"{name} must be at least 0, not {getattr(s, name)}")
    if s.n_components < 1:
        raise ConfigError(f"n_components must be at least 1, not {s.n_components}")
    if not (math.isfinite(s.noise_uv) and s.noise_uv > 0):
        raise ConfigError(
            f"noise_uv must be above 0 µV, not {s.noise_uv:g}: the effect is relative to it"
        )
    for name in (
        "individuality",
        "effect",
        "common_uv",
        "alpha_uv",
        "line_uv",
        "sensor_uv",
        "score_power",
    ):
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
