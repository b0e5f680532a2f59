"""The simulated subject in front of a gallery, as ``simulate`` and ``demo`` show it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from saccade.models.galleries.gallery import Gallery
from saccade.realtime.errors import ConfigError
from saccade.realtime.simulation.artifacts import usual
from saccade.realtime.simulation.observer import IdealObserver
from saccade.realtime.simulation.subject import SimulatedSubject, SubjectSettings
from saccade.realtime.sources.simulated import Phase, SimulatedSource, SimulatedSourceSettings

LEAD_IN_S = 4.5  # a 0.5 Hz filter has settled by then, so no picture is wasted
# What a window's filters remember: from here on, more past adds nothing to the information.
MEMORY_S = 0.5


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What a simulated session shows.

    Parameters
    ----------
    sfreq : float
        Rate in Hz.
    seed : int
        Draws the subject, the held-out concepts and the order of pictures.
    effect : float or None
        How strongly a picture shows in the signal; None takes the subject's default.
    soa_s : float
        From picture to picture, in seconds.
    calibration_trials, trials : int
        Pictures of the calibration concepts, then of the held-out ones; 0 leaves a part out.
    held_out : int
        How many concepts only the second part shows.
    artifacts : float
        Blinks and all that, relative to a usual recording.
    """

    sfreq: float = 250.0
    seed: int = 0
    effect: float | None = None
    soa_s: float = 0.3
    calibration_trials: int = 300
    trials: int = 300
    held_out: int = 40
    artifacts: float = 0.0


def subject(gallery: Gallery, plan: Plan) -> SimulatedSubject:
    """Return who looks at the pictures.

    Raises
    ------
    ConfigError
        If a number is out of range.
    """
    settings = SubjectSettings(sfreq=plan.sfreq, seed=plan.seed, artifacts=usual(plan.artifacts))
    if plan.effect is not None:
        settings = dataclasses.replace(settings, effect=plan.effect)
    return SimulatedSubject(settings, gallery.vectors, gallery.names)


def source(looking: SimulatedSubject, plan: Plan) -> SimulatedSource:
    """Return the simulated subject looking at pictures of the gallery's concepts.

    Raises
    ------
    ConfigError
        If the gallery is too small to hold out as many concepts, or a number is out of range.
    """
    n_concepts = len(looking.names)
    if n_concepts < plan.held_out + 2:
        raise ConfigError(
            f"{plan.held_out} held-out concepts and at least 2 others need a gallery of "
            f"{plan.held_out + 2}, but it has {n_concepts}: lower --held-out"
        )
    # The subject's own generators start from the seed itself.
    rows = np.random.default_rng([plan.seed, 1]).permutation(n_concepts)
    held_out, others = sorted(rows[: plan.held_out]), sorted(rows[plan.held_out :])
    parts = ((others, plan.calibration_trials), (held_out, plan.trials))
    return SimulatedSource(
        looking,
        SimulatedSourceSettings(
            phases=tuple(Phase(tuple(int(r) for r in part), n) for part, n in parts if n),
            soa_s=plan.soa_s,
            lead_in_s=LEAD_IN_S,
            seed=plan.seed,
        ),
    )


def ideal(looking: SimulatedSubject, tmin_s: float, tmax_s: float) -> dict[str, Any]:
    """Return the accuracy nobody can beat with epochs of a window, among the whole gallery.

    The observer looks at what came before the window, too, because a pipeline's filters do.
    """
    observer = IdealObserver(looking, tmin_s - MEMORY_S, tmax_s)
    return observer.accuracy(range(len(looking.names))).to_dict()
