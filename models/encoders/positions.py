"""Where sensors are, so that a network can take any montage.

Electrodes are looked up by name in the 10-05 system on a sphere, MEG sensors in the layouts of CTF
and Neuromag helmets. An electrode has one place, whichever others are recorded with it, so that
what a network learned on one cap holds on another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from saccade.realtime.errors import ConfigError
from saccade.realtime.types import Float32, Float64, frozen

# Names before the 10-10 system, and mastoids by their own.
_ALIASES = {"T3": "T7", "T4": "T8", "T5": "P7", "T6": "P8", "M1": "TP9", "M2": "TP10"}
_HELMETS = ("CTF-275", "Vectorview-all")


def unit_square(
    ch_names: Sequence[str], given: Mapping[str, Sequence[float]] | None = None
) -> Float32:
    """Return where sensors are, seen from above, with the nose at the top.

    Distances from the vertex are kept (azimuthal equidistant projection): Cz is at (0.5, 0.5), the
    ring through T7 and Oz at 0.4 from it, the one through TP9 and Iz at 0.5. Helmets fill the
    square.

    Parameters
    ----------
    ch_names : sequence of str
        Electrodes in the 10-05 system (``Cz``, ``PO7``; also ``T3``, ``M1``), CTF sensors
        (``MLC11``, ``MLC11-1609``) or Neuromag sensors (``MEG 0113``); case does not matter.
    given : mapping of str to (x, y), optional
        Sensors whose place is known otherwise, in the unit square; it precedes what names say.

    Returns
    -------
    array of shape (n_channels, 2), float32
        In the order of the names, each from 0 to 1.

    Raises
    ------
    ConfigError
        If there are no names, names are unknown, or a given place is not in the unit square.
    """
    if not ch_names:
        raise ConfigError("sensor positions need at least 1 channel name, but none came")
    places = dict(_known_places())
    for name, xy in (given or {}).items():
        place = np.asarray(xy, np.float64)
        if place.shape != (2,) or not ((place >= 0) & (place <= 1)).all():
            raise ConfigError(f"the position of {name} must be (x, y), both 0 to 1, not {xy}")
        places[_key(name)] = place
    unknown = [name for name in ch_names if _key(name) not in places]
    if unknown:
        raise ConfigError(
            f"sensors need a place, but {len(unknown)} of {len(ch_names)} names are not in the "
            f"10-05 system nor in a CTF or Neuromag helmet: {', '.join(unknown)}; rename them, "
            "leave them out or give their positions"
        )
    return frozen(np.stack([places[_key(name)] for name in ch_names]).astype(np.float32))


def head_positions(ch_names: Sequence[str]) -> Float64:
    """Return where electrodes are on a spherical head.

    Parameters
    ----------
    ch_names : sequence of str
        Electrodes in the 10-05 system, as for :func:`unit_square`.

    Returns
    -------
    array of shape (n_channels, 3), float64
        In metres, on a sphere of 95 mm; x points to the right ear, y to the nose, z to the vertex.

    Raises
    ------
    ConfigError
        If names are unknown.
    """
    electrodes = _electrodes()
    unknown = [name for name in ch_names if _key(name) not in electrodes]
    if unknown:
        raise ConfigError(
            f"electrodes must have names of the 10-05 system, but {', '.join(unknown)} came: "
            "rename them or leave them out"
        )
    return frozen(np.stack([electrodes[_key(name)] for name in ch_names]))


@cache
def _known_places() -> Mapping[str, Float64]:
    """Return the place in the unit square of every sensor known by name."""
    from mne.channels import read_layout

    places: dict[str, Float64] = {}
    for helmet in _HELMETS:
        layout = read_layout(helmet)
        centres = layout.pos[:, :2] + layout.pos[:, 2:] / 2
        low, high = centres.min(axis=0), centres.max(axis=0)
        squared = 0.5 + (centres - (low + high) / 2) / (high - low).max()
        places.update(zip(map(_key, layout.names), squared, strict=True))
    for name, (x, y, z) in _electrodes().items():
        outwards = np.arctan2(np.hypot(x, y), z) / np.pi  # the sphere's equator is at 0.5
        towards = np.array([x, y]) / max(np.hypot(x, y), np.finfo(float).tiny)
        places[name] = 0.5 + outwards * towards
    return places


@cache
def _electrodes() -> Mapping[str, Float64]:
    """Return the place on a sphere of every electrode, in metres."""
    from mne.channels import make_standard_montage

    found = make_standard_montage("spherical_1005").get_positions()["ch_pos"]
    electrodes = {_key(name): xyz for name, xyz in found.items()}
    return electrodes | {_key(old): electrodes[_key(new)] for old, new in _ALIASES.items()}


def _key(name: str) -> str:
    """Return what two spellings of a sensor's name share; CTF appends the number of the system."""
    return re.sub(r"-\d+$", "", name.casefold().replace(" ", ""))
