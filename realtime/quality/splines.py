"""Spherical splines: what an electrode should show, given the others.

The weights are those of Perrin et al. (1989, Electroencephalogr Clin Neurophysiol 72:184-187)
with the order, terms and smoothing that MNE and PREP use, so what is called unpredictable here is
what an offline pipeline would interpolate to something else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Float64, frozen

ORDER, N_TERMS = 4, 50
SMOOTHING = 1e-5
# Names before the 10-10 system, and mastoids by their own.
_ALIASES = {"t3": "t7", "t4": "t8", "t5": "p7", "t6": "p8", "m1": "tp9", "m2": "tp10"}


def directions(ch_names: Sequence[str]) -> Float64:
    """Return where electrodes are on a spherical head, by name.

    Parameters
    ----------
    ch_names : sequence of str
        Names of the 10-05 system; case, blanks and what follows a hyphen ("Cz-Ref") do not matter.

    Returns
    -------
    array of shape (n_channels, 3), float64
        Unit vectors; x points to the right ear, y to the nose, z to the vertex. NaN for a name
        that the system does not know.
    """
    known = _montage()
    unknown = np.full(3, np.nan)
    return np.array([known.get(_key(name), unknown) for name in ch_names]).reshape(-1, 3)


def weights(sources: Float64, targets: Float64) -> Float64:
    """Return the spline through some electrodes, evaluated at other places.

    Parameters
    ----------
    sources : array of shape (..., n_sources, 3), float64
        Unit vectors of the electrodes that are known; leading axes are separate splines.
    targets : array of shape (n_targets, 3), float64
        Unit vectors of the places asked for.

    Returns
    -------
    array of shape (..., n_targets, n_sources), float64
        Each row sums to 1, so a common reference passes as it is.
    """
    n = sources.shape[-2]
    inverse = np.linalg.inv(_system(sources))[..., :n]
    ones = np.ones((*sources.shape[:-2], len(targets), 1))
    along = _green(np.einsum("tx,...sx->...ts", targets, sources))
    return np.asarray(np.concatenate([along, ones], axis=-1) @ inverse)


def green(places: Float64) -> Float64:
    """Return Green's function between all pairs of places, (n, n), for :func:`weights_among`."""
    return _green(np.einsum("ix,jx->ij", places, places))


def weights_among(between: Float64, sources: NDArray[np.intp]) -> Float64:
    """Return the spline through some electrodes, evaluated at all of them, as :func:`weights`.

    Parameters
    ----------
    between : array of shape (n, n), float64
        As from :func:`green`, which is most of the work.
    sources : array of shape (n_sources,), int
        The electrodes that are known.

    Returns
    -------
    array of shape (n, n_sources), float64
    """
    along = between[:, sources]
    inverse = np.linalg.inv(_with_constant(along[sources]))[:, : len(sources)]
    return np.asarray(along @ inverse[:-1] + inverse[-1])


def leave_one_out(places: Float64) -> Float64:
    """Return how each electrode follows from all the others.

    One inverse holds every spline that leaves one out: with B the inverse of the whole system,
    the weight of electrode j on i is -B[i, j] / B[i, i] (Rippa 1999, Adv Comput Math 11:193-210).

    Parameters
    ----------
    places : array of shape (n, 3), float64
        Unit vectors, no two the same.

    Returns
    -------
    array of shape (n, n), float64
        Zero on the diagonal; each row sums to 1.
    """
    n = len(places)
    inverse = np.linalg.inv(_system(places))[:n, :n]
    row = -inverse / np.diag(inverse)[:, None]
    np.fill_diagonal(row, 0.0)
    return np.asarray(row)


def predictors(places: Float64, good: NDArray[np.bool_]) -> Float64:
    """Return how each electrode follows from the good ones among the others.

    Parameters
    ----------
    places : array of shape (n, 3), float64
        Unit vectors.
    good : array of shape (n,), bool
        Which electrodes may say anything; at least two.

    Returns
    -------
    array of shape (n, n), float64
        Weight of the column on the row; the columns of those that are not good are zero.
    """
    matrix = np.zeros((len(places), len(places)))
    matrix[np.ix_(good, good)] = leave_one_out(places[good])
    if not good.all():
        matrix[np.ix_(~good, good)] = weights(places[good], places[~good])
    return matrix


def _system(places: Float64) -> Float64:
    """Return the spline's equations: Green's function, smoothing, and a constant."""
    return _with_constant(_green(np.einsum("...ix,...jx->...ij", places, places)))


def _with_constant(between: Float64) -> Float64:
    n = between.shape[-1]
    system = np.ones((*between.shape[:-2], n + 1, n + 1))
    system[..., :n, :n] = between
    system[..., :n, :n] += SMOOTHING * np.eye(n)
    system[..., n, n] = 0.0
    return system


def _green(cosine: Float64) -> Float64:
    degree = np.arange(1, N_TERMS + 1)
    series = (2 * degree + 1) / (degree**ORDER * (degree + 1.0) ** ORDER * 4 * np.pi)
    return np.asarray(
        np.polynomial.legendre.legval(np.clip(cosine, -1, 1), np.concatenate([[0.0], series]))
    )


@cache
def _montage() -> Mapping[str, Float64]:
    """Return the unit vector of every electrode of the 10-05 system, by key."""
    from mne.channels import make_standard_montage

    found = make_standard_montage("spherical_1005").get_positions()["ch_pos"]
    places = {_key(name): frozen(xyz / np.linalg.norm(xyz)) for name, xyz in found.items()}
    return places | {old: places[new] for old, new in _ALIASES.items()}


def _key(name: str) -> str:
    return re.sub(r"\s|-.*$|\.+$", "", name.casefold().removeprefix("eeg "))
