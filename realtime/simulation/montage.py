"""The simulated cap: 64 electrodes of the 10-10 system on a sphere.

The 63 of the THINGS-EEG2 recordings in their order (Gifford et al. 2022), then Fz, which that cap
lacked. The system places electrodes at fixed fractions of the arcs between nasion, inion and the
ears, so on a sphere every position follows from two angles. Only the left half and the midline
are written down; the right half is their mirror image.
"""

from __future__ import annotations

import numpy as np

from saccade.realtime.types import Float64, frozen

_NAMES = (
    "Fp1 Fp2 AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 F2 F4 F6 F8 FT9 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 "
    "FT10 T7 C5 C3 C1 Cz C2 C4 C6 T8 TP9 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 TP10 P7 P5 P3 P1 Pz "
    "P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Fz"
)
CH_NAMES: tuple[str, ...] = tuple(_NAMES.split())
"""Names of the channels, in order."""

N_CHANNELS = len(CH_NAMES)

# Degrees down from the vertex; degrees from the ear towards the nose (negative: to the back).
_LEFT = {
    "Fp1": (92, 72),
    "AF7": (92, 54),
    "AF3": (74, 65),
    "F7": (92, 36),
    "F5": (75, 41),
    "F3": (60, 51),
    "F1": (50, 68),
    "FT9": (115, 18),
    "FT7": (92, 18),
    "FC5": (72, 21),
    "FC3": (53, 33),
    "FC1": (32, 45),
    "T7": (92, 0),
    "C5": (69, 0),
    "C3": (46, 0),
    "C1": (23, 0),
    "TP9": (115, -18),
    "TP7": (92, -18),
    "CP5": (72, -21),
    "CP3": (52, -33),
    "CP1": (32, -45),
    "P7": (92, -36),
    "P5": (75, -41),
    "P3": (60, -51),
    "P1": (50, -68),
    "PO7": (92, -54),
    "PO3": (74, -65),
    "O1": (92, -72),
}
_MIDLINE = {
    "AFz": (69, 90),
    "Fz": (46, 90),
    "FCz": (23, 90),
    "Cz": (0, 90),
    "CPz": (23, -90),
    "Pz": (46, -90),
    "POz": (69, -90),
    "Oz": (92, -90),
}


def positions() -> Float64:
    """Return where the electrodes are.

    Returns
    -------
    array of shape (64, 3), float64
        Unit vectors in the order of :data:`CH_NAMES`; x points to the right ear, y to the nose,
        z to the vertex.
    """
    return frozen(np.array([_position(name) for name in CH_NAMES]))


def _position(name: str) -> tuple[float, float, float]:
    if name in _MIDLINE:
        side, angles = 0.0, _MIDLINE[name]
    elif name in _LEFT:
        side, angles = -1.0, _LEFT[name]
    else:  # even numbers are on the right, each one above that of its mirror image
        letters = name.rstrip("0123456789")
        side, angles = 1.0, _LEFT[f"{letters}{int(name[len(letters) :]) - 1}"]
    down, forward = np.radians(angles)
    return side * np.sin(down) * np.cos(forward), np.sin(down) * np.sin(forward), np.cos(down)
