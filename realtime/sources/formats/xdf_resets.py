"""Where the clock of an XDF stream's sender was set, and which clock offsets are of which clock.

The clock offsets jump there, and so do the stamps, by as much the other way. An offset that jumps
alone is a measurement that went wrong, at whichever end of the file: it is left out. Only a pause
hides how far the stamps jumped; then at least two measurements on either side must tell of it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from saccade.realtime.types import Float64

JUMP_S = 0.1  # between two offsets, without drift; more is a clock that was set, as live
MOST_DRIFT = 500e-6  # of one clock against another; quartz has a tenth
NEAR_S = 10.0  # an offset may be measured so long before the recorder writes it

Offsets = NDArray[np.intp]
"""Places of the clock offsets of one clock."""


def parted(
    stamps: Float64, times: Float64, offsets: Float64, sfreq: float
) -> tuple[list[Offsets], list[int], int]:
    """Return the clocks a sender had, and the first row of each.

    Parameters
    ----------
    stamps : array of shape (n_samples,), float64, n_samples > 0
        As the sender stamped them, in seconds.
    times, offsets : array of shape (n_offsets,), float64, n_offsets > 0
        When each offset was measured, on the sender's clock, and what is to be added to that.
    sfreq : float
        Rate of the stream in Hz; 0 for an irregular one.

    Returns
    -------
    clocks : list of array of int
        Which offsets are of each.
    starts : list of int
        First row of each clock, the first 0.
    n_contradicting : int
        How many offsets contradict those around them without a trace in the stamps.
    """
    jumps = _differ(times, offsets, np.arange(len(times) - 1), np.arange(1, len(times)))
    clocks = np.split(np.arange(len(times)), np.flatnonzero(jumps) + 1)
    clocks = [clock for clock in clocks if _has_samples(stamps, times[clock])] or clocks
    starts, place, n_contradicting = [0], 0, 0
    while place + 1 < len(clocks):
        one, other = clocks[place], clocks[place + 1]
        if not _differ(times, offsets, one[-1:], other[:1])[0]:
            clocks[place : place + 2] = [np.concatenate([one, other])]
            continue
        row = _reset_row(stamps, times, offsets, one, other, sfreq)
        if row is not None:
            starts.append(max(row, starts[-1]))
            place += 1
            continue
        wrong = place if len(one) <= len(other) else place + 1
        n_contradicting += len(clocks.pop(wrong))
        if wrong == place and place > 0:  # the one before meets another now
            place -= 1
            starts.pop()
    return clocks, starts, n_contradicting


def _differ(times: Float64, offsets: Float64, one: Offsets, other: Offsets) -> NDArray[np.bool_]:
    """Return where two offsets are further apart than a drift explains."""
    moved = offsets[other] - offsets[one]
    passed = times[other] - times[one] + moved  # on the recorder's clock
    differ: NDArray[np.bool_] = np.abs(moved) > JUMP_S + MOST_DRIFT * np.abs(passed)
    return differ


def _has_samples(stamps: Float64, times: Float64) -> bool:
    """Return whether there are samples near the time in which offsets were measured."""
    near = (stamps >= times.min() - NEAR_S) & (stamps <= times.max() + NEAR_S)
    return bool(near.any())


def _reset_row(
    stamps: Float64,
    times: Float64,
    offsets: Float64,
    one: Offsets,
    other: Offsets,
    sfreq: float,
) -> int | None:
    """Return the first row of the second of two clocks; None if the stamps know of no second."""
    last, first = one[-1], other[0]
    moved_s = float(offsets[first] - offsets[last])
    ends_s, begins_s = times[last] + offsets[last], times[first] + offsets[first]
    tears = np.diff(stamps) - (1 / sfreq if sfreq else 0.0)
    pauses = tears + moved_s
    possible = pauses > -JUMP_S / 2
    possible &= stamps[:-1] + offsets[last] <= begins_s + NEAR_S
    possible &= stamps[1:] + offsets[first] >= ends_s - NEAR_S
    # A step back is no gap, and neither is a jump of about the size of the offset's.
    size_s = JUMP_S / 2 if abs(moved_s) < NEAR_S else abs(moved_s) / 2
    torn = (np.abs(tears) > JUMP_S / 2) & possible
    sure = torn & ((tears < -JUMP_S / 2) | (np.abs(pauses) <= size_s))
    if sure.any():
        return int(np.argmin(np.where(sure, np.abs(pauses), np.inf))) + 1
    if min(len(one), len(other)) < 2:
        return None
    if not sfreq:
        nearer = _outside(stamps, times[other]) < _outside(stamps, times[one])
        return int(nearer.argmax()) if nearer.any() else len(stamps)
    usual_s = float(np.median(np.diff(times[one])))
    if moved_s > 0 and begins_s - ends_s > max(2 * usual_s, moved_s):
        torn |= possible  # a computer that slept: its clock stood still, and nothing was measured
    return int(np.argmax(np.where(torn, np.abs(tears), -1.0))) + 1 if torn.any() else None


def _outside(stamps: Float64, times: Float64) -> Float64:
    """Return how far each stamp lies outside the time in which offsets were measured."""
    distance: Float64 = np.maximum(np.maximum(times.min() - stamps, stamps - times.max()), 0.0)
    return distance
