"""What a picture evokes: dipoles along the ventral stream, earlier in V1 than in IT.

Each component of meaning drives a few dipoles. Which areas, when and how they oscillate is drawn
once for all people; a person has them a little elsewhere, turned, and earlier or later. Places
are approximate centres of the areas in a head of 90 mm, latencies those of single-trial
recordings in people (70 ms in V1 to 450 ms at the end of the stream).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from saccade.realtime.simulation.generators import generator
from saccade.realtime.simulation.leadfield import BRAIN_RADIUS_MM, leadfield
from saccade.realtime.simulation.montage import N_CHANNELS
from saccade.realtime.types import Float64

RESPONSE_S = 0.8
ONSET_S = (0.03, 0.06)  # silent before, in full after
OFFSET_S = (0.7, 0.8)
DIPOLES = 4  # of each component
SPREAD_MM = 5.0  # of dipoles within an area
FREQ_HZ = (3.0, 10.0)


@dataclass(frozen=True, slots=True)
class Area:
    """A stage of the stream: centre in the right hemisphere, range of its latencies."""

    at_mm: tuple[float, float, float]
    latency_s: tuple[float, float]


AREAS = {
    "V1": Area((9, -70, 2), (0.07, 0.12)),
    "V2/V3": Area((20, -66, -4), (0.085, 0.16)),
    "V4": Area((30, -56, -16), (0.11, 0.21)),
    "LO": Area((42, -52, -8), (0.13, 0.27)),
    "fusiform/PHC": Area((34, -32, -28), (0.16, 0.36)),
    "IT": Area((50, -10, -30), (0.2, 0.45)),
}

# Of the response to any picture: area, latency and width in s, current outwards (relative).
COMMON = (
    ("V2/V3", 0.100, 0.014, 0.8),  # P1
    ("LO", 0.165, 0.020, -1.0),  # N1
    ("V1", 0.235, 0.032, 0.7),  # P2
)
STEADY_HZ, STEADY = 5.0, 0.15  # in V1: what a stream of five pictures a second leaves


@dataclass(frozen=True, slots=True)
class Person:
    """How a person differs from the average one.

    Parameters
    ----------
    seed : int
        Draws who it is.
    individuality : float
        0 for the average person, 1 for a usual one.
    """

    seed: int
    individuality: float

    def differs(self, what: str, sd: float, *number: int, size: int = 1) -> Float64:
        """Return normal differences of a standard deviation, (size,)."""
        rng = generator(self.seed, what, *number)
        return np.asarray(sd * self.individuality * rng.standard_normal(size))

    def gain(self, what: str, sd: float) -> float:
        """Return a factor around 1, log-normal."""
        return float(np.exp(self.differs(what, sd)[0]))


def carriers(time_s: Float64, n_components: int, population: int, person: Person) -> Float64:
    """Return what each component adds to the signal, of unit RMS over times and channels.

    Parameters
    ----------
    time_s : array of shape (n_times,), float64
        From the onset of the picture.
    n_components : int
        How many; the first ones do not depend on it.
    population : int
        Draws what people have in common.
    person : Person
        Draws how this one differs.

    Returns
    -------
    array of shape (n_components, n_times, 64), float64
        Silent until 30 ms and from 0.8 s on.
    """
    made = np.empty((n_components, len(time_s), N_CHANNELS))
    areas = list(AREAS.values())
    window = _window(time_s)
    late_s = _late_s(person)
    for k in range(n_components):
        rng = generator(population, "component", k)
        stages = rng.integers(len(areas), size=DIPOLES)
        centres = np.array([areas[stage].at_mm for stage in stages], dtype=np.float64)
        centres[:, 0] *= rng.choice([-1.0, 1.0], DIPOLES)
        places = centres + SPREAD_MM * rng.standard_normal((DIPOLES, 3))
        moments = rng.standard_normal((DIPOLES, 3))
        moments /= np.linalg.norm(moments, axis=1, keepdims=True)
        fields = _fields(places, moments, person, f"component {k}")
        ranges = np.array([areas[stage].latency_s for stage in stages])
        latency_s = rng.uniform(ranges[:, 0], ranges[:, 1])
        width_s = (0.02 + 0.12 * latency_s)[:, None]
        freq_hz = rng.uniform(*FREQ_HZ, (DIPOLES, 1))
        phase = rng.uniform(0, 2 * np.pi, (DIPOLES, 1))
        own_s = late_s + person.differs("dipole latency", 0.005, k, size=DIPOLES)
        since = time_s - (latency_s + own_s)[:, None]
        course = np.exp(-0.5 * (since / width_s) ** 2) * np.cos(2 * np.pi * freq_hz * since + phase)
        made[k] = np.einsum("dt,dc->tc", course * window, fields)
        made[k] /= np.sqrt(np.square(made[k]).mean())
    return made


def common(time_s: Float64, person: Person) -> Float64:
    """Return the response to any picture, (n_times, 64), with a largest amplitude of 1."""
    total = np.zeros((len(time_s), N_CHANNELS))
    late_s = _late_s(person)
    for name, latency_s, width_s, strength in COMMON:
        course = strength * np.exp(-0.5 * ((time_s - latency_s - late_s) / width_s) ** 2)
        total += np.outer(course, _bilateral(name, person))
    course = STEADY * np.sin(2 * np.pi * STEADY_HZ * (time_s - late_s))
    total += np.outer(course, _bilateral("V1", person))
    total *= _window(time_s)[:, None]
    return np.asarray(total / np.abs(total).max())


def _bilateral(name: str, person: Person) -> Float64:
    """Return the map of an area in both hemispheres with current outwards, largest 1, (64,)."""
    places = np.array([AREAS[name].at_mm] * 2, dtype=np.float64) * [(-1, 1, 1), (1, 1, 1)]
    outwards = places / np.linalg.norm(places, axis=1, keepdims=True)
    field = _fields(places, outwards, person, f"common {name}").sum(axis=0)
    return np.asarray(field / np.abs(field).max())


def _fields(places: Float64, moments: Float64, person: Person, what: str) -> Float64:
    """Return the potentials (n, 64) of dipoles (n, 3), moved and turned as in this person."""
    n = len(places)
    places = places + person.differs(f"{what} place", 6.0, size=3 * n).reshape(n, 3)
    radius = np.linalg.norm(places, axis=1, keepdims=True)
    places = places * np.minimum(1.0, 0.93 * BRAIN_RADIUS_MM / radius)
    turns = person.differs(f"{what} turn", np.radians(15.0), size=3 * n).reshape(n, 3)
    moments = Rotation.from_rotvec(turns).apply(moments)
    return np.asarray(np.einsum("nxc,nx->nc", leadfield(places), moments))


def _late_s(person: Person) -> float:
    return float(person.differs("latency", 0.010)[0])


def _window(time_s: Float64) -> Float64:
    """Return 0 before the response and after it, 1 between, smooth, (n_times,)."""
    return _step(time_s, *ONSET_S) * (1 - _step(time_s, *OFFSET_S))


def _step(time_s: Float64, start_s: float, stop_s: float) -> Float64:
    """Return a smooth rise from 0 to 1 between two times."""
    part = np.clip((time_s - start_s) / (stop_s - start_s), 0.0, 1.0)
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * part))
