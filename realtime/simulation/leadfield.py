"""What a dipole in the head puts on the electrodes: the four-shell sphere model.

Brain, fluid, skull and scalp are concentric spheres (relative radii 0.90, 0.92, 0.97, 1.00;
conductivities 0.33, 1.0, 0.004, 0.33 S/m; scalp of 90 mm). The potential on the scalp is, to
0.004 % of its power, that of three dipoles in a homogeneous sphere (Berg and Scherg 1994), whose
potential has a closed form (Mosher, Leahy and Lewis 1999, equations 30 to 34). So any dipole at
any place costs a few lines of arithmetic, and nothing is interpolated. The places and strengths of
the three are those that MNE-Python finds for the same spheres; a test holds both together.
"""

from __future__ import annotations

import numpy as np

from saccade.realtime.simulation.montage import positions
from saccade.realtime.types import Float64

HEAD_RADIUS_MM = 90.0
BRAIN_RADIUS_MM = 81.0

# Where each of the three lies, relative to the dipole, and how strong it is, in 1/(S/m).
_PLACES = (0.94506813, 0.66799741, -0.29157942)
_STRENGTHS = (0.41332073, 2.07291725, -0.03057252)
_UV_PER_NAM = 1e-9 * 1e6 / (1e-3) ** 2  # nA·m to A·m, V to µV, 1/mm² to 1/m²


def leadfield(places_mm: Float64) -> Float64:
    """Return the potentials of dipoles along the three axes.

    Parameters
    ----------
    places_mm : array of shape (n, 3), float64
        Positions from the centre of the head, in mm, within the brain and not at the centre; axes
        as in :func:`~saccade.realtime.simulation.montage.positions`.

    Returns
    -------
    array of shape (n, 3, 64), float64
        µV for a dipole of 1 nA·m along x, y and z, against the mean over the whole sphere; no
        other reference is applied.
    """
    electrodes = HEAD_RADIUS_MM * positions()
    total = np.zeros((len(places_mm), 3, len(electrodes)))
    for place, strength in zip(_PLACES, _STRENGTHS, strict=True):
        total += strength * _homogeneous(place * places_mm, electrodes)
    return total * (_UV_PER_NAM / (4 * np.pi))


def _homogeneous(places: Float64, electrodes: Float64) -> Float64:
    """Return the potentials in a homogeneous sphere, times 4π times its conductivity."""
    q, r = places[:, None, :], electrodes[None, :, :]  # (n, 1, 3), (1, 64, 3)
    d = r - q
    radius, distance = np.linalg.norm(r, axis=-1), np.linalg.norm(d, axis=-1)
    depth2, along = np.square(q).sum(axis=-1), (q * r).sum(axis=-1)
    f = distance * (radius * distance + radius**2 - along)
    c1 = (2 * (d * q).sum(axis=-1) / distance**3 + 1 / distance - 1 / radius) / depth2
    c2 = 2 / distance**3 + (distance + radius) / (radius * f)
    c2 = c2 / depth2
    field = (c1 - c2 * along)[..., None] * q + (c2 * depth2)[..., None] * r
    return np.asarray(np.swapaxes(field, 1, 2))
