"""Random generators of the simulation: one for each seed and purpose."""

from __future__ import annotations

import numpy as np


def generator(seed: int, purpose: str, *numbers: int) -> np.random.Generator:
    """Return a random generator of its own for each purpose of a seed.

    Parameters
    ----------
    seed : int
        At least 0.
    purpose : str
        What it draws; generators of different purposes have nothing in common.
    *numbers : int
        Which of several of that purpose, each at least 0.
    """
    return np.random.default_rng([seed, *purpose.encode(), *numbers])
