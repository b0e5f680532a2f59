"""Epochs and rankings made by hand, as short as they can be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from saccade.realtime.types import Candidate, Epoch, Flag, Ranking

REACH_S = 0.5
NAMES = ("dog", "house", "tree")


def _epoch(
    onset_s: float,
    marker: str | None = "1",
    label: str | None = None,
    *,
    rejected: Sequence[str] = (),
    flags: Flag = Flag.NONE,
    start: int = -1,
    n_times: int = 50,
) -> Epoch:
    """Return an epoch of 0.5 s; a window by its first sample, at 100 Hz."""
    return Epoch(
        number=0,
        data=np.zeros((1, n_times), np.float32),
        sfreq=100.0,
        tmin_s=0.0,
        onset_s=onset_s,
        onset_index=start,
        marker=marker,
        label=label,
        flags=flags,
        rejected=tuple(rejected),
        last_stamp_s=onset_s + REACH_S,
        last_index=start + n_times - 1,
    )


def _ranking(*probabilities: float) -> Ranking:
    """Return a ranking with these probabilities."""
    p = np.array(probabilities, np.float32)
    return Ranking((Candidate(int(p.argmax()), "", 0.0, float(p.max())),), p, p.copy())


@pytest.fixture
def epoch() -> Callable[..., Epoch]:
    """Return what makes an epoch."""
    return _epoch


@pytest.fixture
def ranking() -> Callable[..., Ranking]:
    """Return what makes a ranking."""
    return _ranking
