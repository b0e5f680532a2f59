"""The simulated cap: 32 electrodes of the extended 10-20 system on a unit sphere.

The system places electrodes at fixed fractions of the arcs between nasion, inion and the ears,
so on a sphere every position follows from two angles. Only the left half and the midline are
written down; the right half is their mirror image.
"""

from __future__ import annotations

import numpy as np

from saccade.realtime.types import Float64, frozen

# Name on the left, name on the right, degrees down from the vertex, degrees from the left ear
# towards the nose (negative: towards the back of the head).
_PAIRS = (
    ("Fp1", "Fp2", 92, 72),
    ("AF3", "AF4", 74, 65),
    ("F7", "F8", 92, 36),
    ("F3", "F4", 60, 51),
    ("FC1", "FC2", 32, 45),
    ("FC5", "FC6", 72, 21),
    ("T7", "T8", 92, 0),
    ("C3", "C4", 46, 0),
    ("CP5", "CP6", 72, -21),
    ("CP1", "CP2", 32, -45),
    ("P7", "P8", 92, -36),
    ("P3", "P4", 60, -51),
    ("PO3", "PO4", 74, -65),
    ("O1", "O2", 92, -72),
)
_MIDLINE = (("Fz", 46, 90), ("Cz", 0, 90), ("Pz", 46, -90), ("Oz", 92, -90))

CH_NAMES: tuple[str, ...] = (
    *(left for left, _, _, _ in _PAIRS),
    *(name for name, _, _ in _MIDLINE),
    *(right for _, right, _, _ in _PAIRS),
)
"""Names of the channels, in order: left, midline, right, each from front to back."""

N_CHANNELS = len(CH_NAMES)


def positions() -> Float64:
    """Return where the electrodes are.

    Returns
    -------
    array of shape (32, 3), float64
        Unit vectors in the order of :data:`CH_NAMES`; x points to the right ear, y to the nose,
        z to the vertex.
    """
    down_deg = [p[2] for p in _PAIRS] + [m[1] for m in _MIDLINE] + [p[2] for p in _PAIRS]
    forward_deg = [p[3] for p in _PAIRS] + [m[2] for m in _MIDLINE] + [p[3] for p in _PAIRS]
    down, forward = np.radians(down_deg), np.radians(forward_deg)
    side = np.repeat([-1.0, -1.0, 1.0], [len(_PAIRS), len(_MIDLINE), len(_PAIRS)])
    across = side * np.sin(down) * np.cos(forward)
    return frozen(np.stack([across, np.sin(down) * np.sin(forward), np.cos(down)], axis=1))


def smoothness(width_rad: float) -> Float64:
    """Return how strongly each electrode sees what lies under each other one.

    Parameters
    ----------
    width_rad : float
        Angle at which the influence has fallen to 0.61, in radians.

    Returns
    -------
    array of shape (32, 32), float64
        Symmetric, 1 on the diagonal, falling with the angle between the two electrodes.
    """
    where = positions()
    angle = np.arccos(np.clip(np.einsum("ax,bx->ab", where, where), -1.0, 1.0))
    return frozen(np.exp(-0.5 * (angle / width_rad) ** 2))
