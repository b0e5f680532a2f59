"""The people of the adaptation benchmark: their sessions, drifts, misfortunes, and decoders."""

from __future__ import annotations

from dataclasses import dataclass

import common
import numpy as np

from saccade.calibration.crossvalidate import fit
from saccade.models.alignment.adapt import with_running
from saccade.models.decoders.decoder_file import DecoderFile, EncoderSignature, InputSignature
from saccade.models.encoders import export
from saccade.models.encoders.ridge import Ridge
from saccade.models.evaluation.probability import fit_temperature
from saccade.models.galleries.gallery import Gallery
from saccade.realtime.quality import splines
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.types import Float32, Float64

N_TEST = 200  # concepts of the session, none of them calibrated on
SFREQ = 250.0
CHANGES = ("channel gains", "noisy electrodes", "moved cap", "common response")
DRIFTS = ("nothing", *CHANGES, "all of them")
WORST = (
    "artifact bursts",
    "huge offsets",
    "one concept",
    "meanwhile",
    "constant",
    "all rejected",
    "labels permuted",
)


@dataclass(frozen=True, slots=True)
class Size:
    """How large a case is."""

    people: int
    n_calibration: int
    n_session: int
    effect: float
    memory_trials: float


MIDDLE = Size(people=5, n_calibration=800, n_session=1000, effect=0.2, memory_trials=200.0)
QUICK = Size(people=1, n_calibration=300, n_session=80, effect=0.3, memory_trials=30.0)


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """Epochs (n, 64, 250) in µV, the row that each showed, and which of them count."""

    epochs: Float32
    shown: np.ndarray
    counts: np.ndarray
    rejected: np.ndarray


class Person:
    """A simulated person, calibrated.

    Parameters
    ----------
    seed : int
        Who it is.
    size : Size
        How many trials there are.
    found : common.ConceptSet
        All concepts.
    """

    def __init__(self, seed: int, size: Size, found: common.ConceptSet) -> None:
        self.size, self.seed = size, seed
        order = np.random.default_rng(0).permutation(len(found.names))
        self.test, training = order[:N_TEST], order[N_TEST:]
        settings = SubjectSettings(seed=seed, effect=size.effect)
        self.subject = SimulatedSubject(settings, found.vectors, found.names)
        rng = np.random.default_rng([seed, 1])
        rows = training[rng.permutation(np.arange(size.n_calibration) % len(training))]
        self.calibration = self.subject.epochs(rows.tolist(), seed=1)
        whole = gallery_of(found, np.arange(len(found.names)))
        self.concepts = gallery_of(found, self.test)
        self.files = self._decoders(rows, whole)

    def _decoders(self, rows: np.ndarray, gallery: Gallery) -> dict[str, DecoderFile]:
        """Return decoders by name."""
        later = 4 * len(rows) // 5
        temperature = fit_temperature(
            fit(Ridge(), self.calibration[:later], rows[:later], gallery).scores(
                self.calibration[later:], gallery
            ),
            rows[later:].tolist(),
        )
        frozen = decoder_of(self.calibration, rows, gallery, self.subject.ch_names, temperature)
        return followers(frozen, self.size.memory_trials, self.calibration)

    def session(self, what: str) -> Session:
        """Return a session in which something drifts, or somebody does their worst."""
        n = self.size.n_session
        rng = np.random.default_rng([self.seed, 2])
        shown = rng.permutation(np.arange(n) % N_TEST)
        early = (np.arange(n) >= n // 4) & (np.arange(n) < n // 2)
        if what in ("one concept", "meanwhile"):
            shown[early] = 0
        epochs = self.subject.epochs(self.test[shown].tolist(), seed=3)
        rejected = np.zeros(n, dtype=bool)
        counts = np.arange(n) >= n // 2 if what in WORST else np.ones(n, dtype=bool)
        counts = early if what == "meanwhile" else counts
        if what in DRIFTS:
            self._drift(epochs, what, np.linspace(0, 1, n, dtype=np.float32), rng)
        elif what == "artifact bursts":
            for k in np.flatnonzero(early)[::3]:
                hit = rng.choice(64, 21, replace=False)
                epochs[k, hit, rng.integers(50, 200) :] += rng.uniform(100, 500)
        elif what == "huge offsets":
            epochs[early] += np.linspace(0, 1000, epochs.shape[2], dtype=np.float32)
        elif what == "constant":
            epochs[early] = 1.0
        elif what == "all rejected":
            epochs[early] = np.nan
            rejected = early
        elif what == "labels permuted":
            shown = rng.permutation(shown)
        return Session(epochs, shown, counts, rejected)

    def _drift(
        self, epochs: Float32, what: str, progress: Float32, rng: np.random.Generator
    ) -> None:
        """Change epochs by a share that grows from trial to trial."""
        strength = 0.5 if what == "all of them" else 1.0
        parts = CHANGES if what == "all of them" else (what,)
        share = (strength * progress)[:, None, None]
        if "common response" in parts:
            carriers = self.subject.carriers
            weights = rng.standard_normal(len(carriers))
            shift = np.einsum("k,ktc->ct", weights, carriers).astype(np.float32)
            epochs[:, :, : shift.shape[1]] += share * shift
        if "moved cap" in parts:
            places = splines.directions(self.subject.ch_names)
            back = splines.weights(places, places @ _turned(15.0)).astype(np.float32)
            for k in range(len(epochs)):
                epochs[k] += share[k] * (back @ epochs[k] - epochs[k])
        if "noisy electrodes" in parts:
            dry = rng.choice(64, 8, replace=False)
            noise = _pink(rng, (len(epochs), 8, epochs.shape[2]))
            epochs[:, dry] += 30 * share * noise
        if "channel gains" in parts:
            factors = np.exp(0.5 * rng.standard_normal(64)).astype(np.float32)
            epochs *= factors[:, None] ** share


def gallery_of(found: common.ConceptSet, rows: np.ndarray) -> Gallery:
    """Return some concepts as a gallery."""
    names = tuple(found.names[row] for row in rows)
    return Gallery(names, found.vectors[rows], "ViT-B-32", "openai", "text")


def decoder_of(
    epochs: Float32,
    rows: np.ndarray,
    gallery: Gallery,
    ch_names: tuple[str, ...],
    temperature: float,
    sfreq: float = SFREQ,
) -> DecoderFile:
    """Return the decoder of some trials, by ridge."""
    fitted = fit(Ridge(), epochs, rows.tolist(), gallery)
    compared, centre = fitted.encoder.compared(gallery)
    _, n_channels, n_times = epochs.shape
    n = len(ch_names)
    return DecoderFile(
        input=InputSignature(tuple(ch_names), ("eeg",) * n, ("µV",) * n, "", sfreq),
        working_sfreq=sfreq,
        pipeline={},
        epochs={},
        encoder=EncoderSignature("ridge", {}, n_channels, n_times, compared.dim),
        script=export(fitted.encoder.module, n_channels, n_times),
        gallery=compared,
        gallery_centre=centre,
        signal_mean=fitted.mean,
        signal_whitening=fitted.whitening,
        temperature=temperature,
        simulated=True,
    )


def _turned(degrees: float) -> Float64:
    """Return a rotation about the axis through both ears."""
    angle = np.radians(degrees)
    return np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )


def _pink(rng: np.random.Generator, shape: tuple[int, ...]) -> Float32:
    """Return 1/f noise of unit RMS along the last axis."""
    freqs = np.fft.rfftfreq(shape[-1])
    freqs[0] = np.inf
    made = np.fft.irfft(np.fft.rfft(rng.standard_normal(shape)) / np.sqrt(freqs), shape[-1])
    return np.asarray(made / made.std(), dtype=np.float32)


def followers(frozen: DecoderFile, memory_trials: float, epochs: Float32) -> dict[str, DecoderFile]:
    """Return a decoder and those that it becomes by following its user, by name."""
    made = {"frozen": frozen}
    for parts in (("signal",), ("mean",), ("signal", "mean")):
        made[f"running {' and '.join(parts)}"] = with_running(frozen, parts, memory_trials, epochs)
    return made
